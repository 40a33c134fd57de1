//! `/parallels`: who else said what a passage says.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

use crate::archive::ArchiveError;
use crate::parallels::{FormulaPolicy, FoundPairs, Parallel, PassageComparison};
use crate::search::{Filter, document_date};
use crate::server::problem::Problem;
use crate::server::routes;
use crate::server::service::Service;

use super::frame::{self, Frame, View, counted};
use super::params::Params;
use super::url::{self, SearchState};
use super::{describe, error, hits, pairs, text};

/// Maximum number of pairs.
const MAX_PAIRS: usize = 100;

/// Pairs of a lower confidence are not shown.
const MIN_CONFIDENCE: f32 = 0.5;

const NAMES: [&str; 3] = ["passage", "formulas", "order"];

/// The three ways to treat formulas, as they are named in URLs and on the page.
const FORMULAS: [(&str, FormulaPolicy); 3] = [
    ("folded", FormulaPolicy::Exclude),
    ("with", FormulaPolicy::Include),
    ("only", FormulaPolicy::Only),
];

const ORDERS: [(&str, bool); 2] = [("surest", false), ("earliest", true)];

/// `GET /parallels`.
pub(super) async fn show(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    error::or_page(page(&service, &request).await, &request)
}

async fn page(service: &Service, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let params = Params::parse(request, &NAMES)?;
    let id = params.require("passage")?.to_owned();
    let (document, ordinal) =
        routes::parse_passage_id(&id).map_err(|problem| problem.at("passage"))?;
    let choice = Choice {
        formulas: params.choice("formulas", &FORMULAS)?,
        by_date: params.choice("order", &ORDERS)?,
        id,
    };
    let archive = service.archive();
    let passage = archive.passage(document.clone(), ordinal).await?;
    let comparison = PassageComparison {
        document,
        ordinal,
        target: Filter::All(Vec::new()),
        min_confidence: MIN_CONFIDENCE,
    };
    let render = move |found: FoundPairs| {
        let total = found.pairs().len();
        let parallels = found.load(0..MAX_PAIRS).map_err(ArchiveError::from)?;
        let content = html! {
            section.parallels {
                h1 { "Who else said this" }
                div.source {
                    (hits::heading(&passage.document, &url::passage_path(passage.document.id.as_str(), ordinal)))
                    blockquote.passage lang=[text::lang(&passage.document)] dir=(text::dir(&passage.document)) {
                        (text::listed_passage(&passage.passage, &[]))
                    }
                }
                (choice.list(parallels, total))
            }
        };
        let title = format!("Who else said this: {}", describe::title(&passage.document));
        Ok(Frame::new(View::Other, &title, &SearchState::default()).page(&content))
    };
    let html = archive.passage_parallels(comparison, render).await?;
    Ok(frame::respond(StatusCode::OK).body(html))
}

/// What of the parallels is shown, and in which order.
struct Choice {
    id: String,
    formulas: FormulaPolicy,
    by_date: bool,
}

impl Choice {
    fn list(&self, mut parallels: Vec<Parallel>, total: usize) -> Markup {
        if self.by_date {
            let date = |parallel: &Parallel| document_date(&parallel.target.document);
            parallels.sort_by_key(|parallel| (date(parallel).is_none(), date(parallel)));
        }
        let (formulas, others): (Vec<_>, Vec<_>) =
            parallels.into_iter().partition(|parallel| parallel.formula);
        let (found, folded) = (others.len() + formulas.len(), formulas.len());
        let shown: Vec<&Parallel> = match self.formulas {
            FormulaPolicy::Exclude => others.iter().collect(),
            FormulaPolicy::Only => formulas.iter().collect(),
            FormulaPolicy::Include => {
                let mut all: Vec<&Parallel> = others.iter().chain(&formulas).collect();
                self.sort(&mut all);
                all
            }
        };
        html! {
            div.toolbar {
                p {
                    (counted(shown.len(), "passage"))
                    @if total > found { ", the surest of " (total) }
                }
                nav.switch aria-label="Formulas" {
                    @for (name, policy) in FORMULAS {
                        a href=(self.href(name, self.by_date)) aria-current=[(policy == self.formulas).then_some("true")] {
                            @match policy {
                                FormulaPolicy::Exclude => "without formulas",
                                FormulaPolicy::Include => "with formulas",
                                FormulaPolicy::Only => { "only formulas (" (folded) ")" },
                            }
                        }
                    }
                }
                nav.orders aria-label="Order" {
                    @for (name, by_date) in ORDERS {
                        a href=(self.href(self.formula_name(), by_date)) aria-current=[(by_date == self.by_date).then_some("true")] { (name) " first" }
                    }
                }
            }
            @if shown.is_empty() { (self.nothing(folded)) }
            ol.hits {
                @for parallel in shown { (item(parallel)) }
            }
        }
    }

    fn sort(&self, parallels: &mut [&Parallel]) {
        if self.by_date {
            let date = |parallel: &&Parallel| document_date(&parallel.target.document);
            parallels.sort_by_key(|parallel| (date(parallel).is_none(), date(parallel)));
        } else {
            parallels.sort_by(|a, b| b.pair.confidence.total_cmp(&a.pair.confidence));
        }
    }

    fn nothing(&self, folded: usize) -> Markup {
        html! {
            div.notice {
                p.lead { "No other document says this, as far as we can tell." }
                ul {
                    @if folded > 0 && self.formulas == FormulaPolicy::Exclude {
                        li { a href=(self.href("with", self.by_date)) { "Show " (counted(folded, "formula")) } }
                    }
                    li { a href=(url::href("/", [("like", self.id.as_str())])) { "Search for passages like it" } }
                }
            }
        }
    }

    fn formula_name(&self) -> &'static str {
        let found = FORMULAS.iter().find(|(_, policy)| *policy == self.formulas);
        found.map_or("folded", |(name, _)| name)
    }

    fn href(&self, formulas: &str, by_date: bool) -> String {
        let order = if by_date { "earliest" } else { "surest" };
        let pairs = [
            ("passage", self.id.as_str()),
            ("formulas", formulas),
            ("order", order),
        ];
        let defaults = [("formulas", "folded"), ("order", "surest")];
        url::href(
            "/parallels",
            pairs.into_iter().filter(|pair| !defaults.contains(pair)),
        )
    }
}

/// A parallel of the passage: the other side.
fn item(parallel: &Parallel) -> Markup {
    let side = &parallel.target;
    html! {
        li.hit data-pair=(pairs::pair_data(parallel)) {
            (hits::heading(&side.document, &pairs::read_href(side)))
            (pairs::matched_text(parallel, false))
            div.about {
                (pairs::confidence(parallel))
                div.actions role="group" aria-label="This pair" {
                    (pairs::wording(parallel))
                    a data-action="open" href=(pairs::pair_href(parallel)) { "Side by side" }
                    a href=(pairs::read_href(side)) { "Read on" }
                    button.with-script type="button" data-action="keep" hidden { "Keep" }
                }
            }
        }
    }
}
