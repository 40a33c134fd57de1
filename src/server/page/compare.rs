//! `/compare`: what two documents have in common, as a dot plot and a list.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

use crate::archive::ArchiveError;
use crate::parallels::{DocumentComparison, FoundPairs, PairThresholds, Parallel, Thresholds};
use crate::server::problem::Problem;
use crate::server::routes;
use crate::server::service::Service;
use crate::store::DocumentSummary;

use super::frame::{self, Frame, View, counted};
use super::params::Params;
use super::url::{self, SearchState};
use super::{describe, error, hits, pairs};

/// Maximum number of pairs.
const MAX_PAIRS: usize = 200;

/// Length of the longer side of the plot, in units of its view box, and its margin.
const PLOT: f32 = 400.0;
const MARGIN: f32 = 14.0;

/// `GET /compare`.
pub(super) async fn show(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    error::or_page(page(&service, &request).await, &request)
}

async fn page(service: &Service, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let params = Params::parse(request, &["a", "b"])?;
    let id = |name: &str| routes::parse_document_id(params.require(name)?, name);
    let comparison = DocumentComparison {
        source: id("a")?,
        target: id("b")?,
        thresholds: PairThresholds::default(),
        formula_share: Thresholds::default().formula_share,
        many_to_many: false,
        exact: false,
    };
    let archive = service.archive();
    let known = |_| true;
    // Both must exist, and the error say which does not.
    for (name, id) in [("a", &comparison.source), ("b", &comparison.target)] {
        let found = archive.document(id.clone(), known, |_| ()).await;
        found.map_err(|error| Problem::from(error).at(name))?;
    }
    let render = move |found: FoundPairs| {
        let parallels = found.load(0..MAX_PAIRS).map_err(ArchiveError::from)?;
        let closest = found.load_closest().map_err(ArchiveError::from)?;
        let total = found.pairs().len();
        // Any pair knows both documents.
        let documents = parallels.first().or(closest.as_ref());
        let documents = documents.map(|pair| (&*pair.source.document, &*pair.target.document));
        let title = documents.map_or_else(
            || "Two documents".to_owned(),
            |(a, b)| {
                format!(
                    "{} and {}",
                    describe::short_name(a),
                    describe::short_name(b)
                )
            },
        );
        let content = html! {
            section.compare {
                h1 { "Two documents" }
                @if let Some((a, b)) = documents {
                    div.sides.documents { (head(a)) (head(b)) }
                    p.toolbar { (summary(total, parallels.len())) }
                    @if parallels.is_empty() {
                        (nothing(closest.as_ref()))
                    } @else {
                        div.plot-and-list { (plot(&parallels, a, b)) (list(&parallels)) }
                    }
                } @else {
                    div.notice { p.lead { "One of them has no passages." } }
                }
            }
        };
        Ok(Frame::new(View::Other, &title, &SearchState::default()).page(&content))
    };
    let html = archive.compare_documents(comparison, render).await?;
    Ok(frame::respond(StatusCode::OK).body(html))
}

fn head(document: &DocumentSummary) -> Markup {
    hits::heading(document, &url::document_path(document.id.as_str()))
}

fn summary(total: usize, shown: usize) -> Markup {
    html! {
        span {
            (counted(total, "pair"))
            @if total > shown { ", the best " (shown) " shown" }
        }
    }
}

fn nothing(closest: Option<&Parallel>) -> Markup {
    html! {
        div.notice {
            p.lead { "They have nothing in common that we can show." }
            @if let Some(closest) = closest {
                p { a href=(pairs::pair_href(closest)) { "Their closest pair" } ": " (describe::confidence_words(closest.pair.confidence)) }
            }
        }
    }
}

/// Passages of one document against passages of the other, a dot a pair. What both say in the same order is
/// on a diagonal.
fn plot(parallels: &[Parallel], a: &DocumentSummary, b: &DocumentSummary) -> Markup {
    let (columns, rows) = (size(a.passages), size(b.passages));
    let unit = PLOT / columns.max(rows);
    // Neither side becomes a sliver.
    let (width, height) = (
        (columns * unit).max(PLOT / 2.0),
        (rows * unit).max(PLOT / 2.0),
    );
    let view_box = format!(
        "0 0 {:.0} {:.0}",
        width + 2.0 * MARGIN,
        height + 2.0 * MARGIN
    );
    let at = |ordinal: u32, count: f32, length: f32| {
        #[allow(clippy::cast_precision_loss)] // ordinals are small
        let share = (ordinal as f32 - 0.5) / count;
        format!("{:.1}", MARGIN + share * length)
    };
    html! {
        figure.plot {
            svg viewBox=(view_box) role="group" aria-label="Dot plot of the pairs" {
                rect.area x=(MARGIN) y=(MARGIN) width=(format!("{width:.0}")) height=(format!("{height:.0}")) {}
                line.diagonal x1=(MARGIN) y1=(MARGIN) x2=(format!("{:.0}", MARGIN + width)) y2=(format!("{:.0}", MARGIN + height)) {}
                @for (number, pair) in (1..).zip(parallels) {
                    @let (x, y) = (pair.source.passage.ordinal, pair.target.passage.ordinal);
                    @let label = format!("pair {number}: passage {x} and passage {y}, confidence {:.2}", pair.pair.confidence);
                    a id=(format!("dot-{number}")) href=(format!("#pair-{number}")) aria-label=(label) {
                        title { (label) }
                        circle cx=(at(x, columns, width)) cy=(at(y, rows, height)) r=(format!("{:.1}", 3.0 + 7.0 * pair.pair.confidence)) {}
                    }
                }
            }
            figcaption.hint {
                "Left to right: the passages of " bdi { (describe::short_name(a)) } ". Top to bottom: those of "
                bdi { (describe::short_name(b)) } ". The larger a dot, the surer the pair; on the diagonal, both say it at the same point."
            }
        }
    }
}

#[allow(clippy::cast_precision_loss)] // numbers of passages are small
fn size(passages: usize) -> f32 {
    passages.max(1) as f32
}

fn list(parallels: &[Parallel]) -> Markup {
    html! {
        ol.hits.pairs {
            @for (number, parallel) in (1..).zip(parallels) {
                li.hit id=(format!("pair-{number}")) data-pair=(pairs::pair_data(parallel)) {
                    div.sides {
                        @for is_source in [true, false] {
                            @let side = pairs::side(parallel, is_source);
                            section {
                                a.quiet href=(pairs::read_href(side)) { "passage " (side.passage.ordinal) }
                                (pairs::matched_text(parallel, is_source))
                            }
                        }
                    }
                    div.about {
                        (pairs::confidence(parallel))
                        div.actions role="group" aria-label=(format!("Pair {number}")) {
                            (pairs::wording(parallel))
                            a href=(format!("#dot-{number}")) { "In the plot" }
                            a data-action="open" href=(pairs::pair_href(parallel)) { "Side by side" }
                            button.with-script type="button" data-action="keep" hidden { "Keep" }
                        }
                    }
                }
            }
        }
    }
}
