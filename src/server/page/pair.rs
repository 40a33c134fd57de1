//! `/pair`: two passages side by side.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

use crate::archive::{ArchiveError, PassageInContext};
use crate::parallels::{FoundPairs, Parallel};
use crate::server::problem::Problem;
use crate::server::routes;
use crate::server::service::Service;
use crate::store::PassageRecord;

use super::cite;
use super::frame::{self, Frame, View};
use super::params::Params;
use super::url::{self, SearchState};
use super::{describe, error, hits, pairs, search, text};

/// `GET /pair`.
pub(super) async fn show(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    error::or_page(page(&service, &request).await, &request)
}

async fn page(service: &Service, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let params = Params::parse(request, &["source", "target"])?;
    let passage = |name: &str| {
        let id = params.require(name)?;
        routes::parse_passage_id(id).map_err(|problem| problem.at(name))
    };
    let (source, target) = (passage("source")?, passage("target")?);
    let (archive, origin) = (service.archive(), search::origin(request));
    let around = [
        archive.passage(source.0.clone(), source.1).await?,
        archive.passage(target.0.clone(), target.1).await?,
    ];
    let render = move |found: FoundPairs| {
        let parallel = found.load(0..1).map_err(ArchiveError::from)?.pop();
        let parallel = parallel.ok_or(ArchiveError::Aborted)?;
        let content = content(&parallel, &around, &origin);
        let title = format!(
            "{} and {}",
            describe::short_name(&parallel.source.document),
            describe::short_name(&parallel.target.document)
        );
        Ok(Frame::new(View::Other, &title, &SearchState::default()).page(&content))
    };
    let html = archive.compare_passages(source, target, render).await?;
    Ok(frame::respond(StatusCode::OK).body(html))
}

fn content(parallel: &Parallel, around: &[PassageInContext; 2], origin: &str) -> Markup {
    let (source, target) = (&parallel.source.document, &parallel.target.document);
    let compare = [("a", source.id.as_str()), ("b", target.id.as_str())];
    html! {
        section.pair data-pair=(pairs::pair_data(parallel)) {
            h1 { "Side by side" }
            div.toolbar {
                (pairs::confidence(parallel))
                div.actions role="group" aria-label="This pair" {
                    (pairs::wording(parallel))
                    a href=(url::href("/compare", compare)) { "Compare both documents" }
                    button.with-script type="button" data-action="keep" hidden { "Keep" }
                }
            }
            div.sides {
                (side(parallel, true, &around[0], origin))
                (side(parallel, false, &around[1], origin))
            }
            (details(parallel))
        }
    }
}

fn side(parallel: &Parallel, is_source: bool, around: &PassageInContext, origin: &str) -> Markup {
    let side = pairs::side(parallel, is_source);
    let document = &*side.document;
    let (lang, dir) = (text::lang(document), text::dir(document));
    let neighbour = |passage: &Option<PassageRecord>| {
        html! {
            @if let Some(passage) = passage {
                blockquote.passage.neighbour lang=[lang] dir=(dir) { (text::listed_passage(passage, &[])) }
            }
        }
    };
    html! {
        section.side aria-label=(if is_source { "left" } else { "right" }) {
            (hits::heading(document, &pairs::read_href(side)))
            details.around { summary { "Before" } (neighbour(&around.previous)) }
            blockquote.passage lang=[lang] dir=(dir) { (pairs::evidence(parallel, is_source)) }
            details.around { summary { "After" } (neighbour(&around.next)) }
            div.folds { (cite::fold(document, &side.passage, origin)) }
        }
    }
}

/// The numbers behind the words.
fn details(parallel: &Parallel) -> Markup {
    html! {
        details.measures {
            summary { "The numbers" }
            div.tables {
                table {
                    caption { "The pair" }
                    tbody {
                        @for (name, value) in pairs::measures(parallel) {
                            tr { th scope="row" { (name) } td { (value) } }
                        }
                    }
                }
                @if !parallel.sentences.is_empty() {
                    table {
                        caption { "Its sentences" }
                        thead { tr { th scope="col" { "number" } th scope="col" { "confidence" } th scope="col" { "cosine" } th scope="col" { "text reuse" } } }
                        tbody {
                            @for (number, pair) in (1..).zip(&parallel.sentences) {
                                tr {
                                    th scope="row" { (number) }
                                    td { (format!("{:.2}", pair.confidence)) }
                                    td { (format!("{:.3}", pair.score)) }
                                    td { (pair.text_reuse.name()) }
                                }
                            }
                        }
                    }
                }
            }
        }
        p.key-to-marks.hint {
            "Sentences with the same number and colour correspond. Underlined words are on both sides"
            span.quiet { "; where the wording is nearly the same, dotted words are on one side only." }
        }
    }
}
