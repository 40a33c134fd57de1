//! `/`: the search.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

use crate::archive::SearchCall;
use crate::engine::Provenance;
use crate::search::{CacheMode, Facet, Filter, Hit, Mode, SearchPage};
use crate::server::extract;
use crate::server::problem::Problem;
use crate::server::routes;
use crate::server::service::Service;
use crate::server::timing::attach_timing;
use crate::wire::TimingMs;

pub(super) use crate::server::links::origin;

use super::describe;
use super::error;
use super::examples;
use super::frame::{self, Frame, View, counted};
use super::hits::HitList;
use super::sentence;
use super::sidebar;
use super::url::{Order, SearchState};

/// Number of hits per page by relevance.
const PAGE_HITS: &str = "10";

/// Number of hits that are sorted by date.
const DATED_HITS: &str = "50";

/// `GET /`.
pub(super) async fn show(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    error::or_page(page(&service, &request).await, &request)
}

async fn page(service: &Service, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let state = SearchState::parse(extract::query_pairs(request)?)?;
    if !state.has_query() {
        return home(service, &state).await;
    }
    let archive = service.archive();
    let attributes = archive.attribute_names()?;
    let call = search_call(&state, &attributes)?;
    let (filter, fields) = (call.params.filter.clone(), sidebar::fields(&attributes));
    let (facets, _) = archive.facets(filter, fields).await?;
    let origin = origin(request);
    let render = move |mut page: SearchPage, queue| {
        let (render_start, stages) = (Instant::now(), page.results.times);
        sort_by_date(&mut page.results.hits, state.order());
        let html = render(&state, &page, &facets, &origin);
        let timing = TimingMs::new(queue, stages, render_start.elapsed(), start);
        Ok((html, timing))
    };
    let (html, timing) = archive.search(call, None, render).await?;
    let mut response = frame::respond(StatusCode::OK);
    attach_timing(timing, &mut response);
    Ok(response.body(html))
}

/// Returns the call that the API would make for this state, with what the page shows besides.
pub(super) fn search_call(
    state: &SearchState,
    attributes: &std::collections::BTreeSet<String>,
) -> Result<SearchCall, Problem> {
    let mut pairs = state.api_pairs();
    if state.value("limit").is_none() {
        let limit = if state.order() == Order::Relevance {
            PAGE_HITS
        } else {
            DATED_HITS
        };
        pairs.push(("limit".to_owned(), limit.to_owned()));
    }
    let request = routes::request_from_url(attributes, pairs)?;
    let mut call = request.into_call(CacheMode::ReadWrite)?;
    call.params.include.context = true;
    Ok(call)
}

/// Sorts hits by date, undated ones last; equal ones stay by relevance.
fn sort_by_date(hits: &mut [Hit], order: Order) {
    let date = |hit: &Hit| crate::search::document_date(&hit.document);
    match order {
        Order::Relevance => {}
        Order::Earliest => hits.sort_by_key(|hit| (date(hit).is_none(), date(hit))),
        Order::Latest => hits.sort_by_key(|hit| std::cmp::Reverse(date(hit))),
    }
}

fn render(state: &SearchState, page: &SearchPage, facets: &[Facet], origin: &str) -> String {
    let hits = &page.results.hits;
    let (params, provenance) = (page.query.params(), &page.provenance);
    let scores = hits.iter().map(|hit| hit.score);
    let list = HitList {
        state,
        mode: params.mode,
        best: scores.fold(0.0, f32::max),
        origin,
    };
    let content = html! {
        div.with-aside {
            (sidebar::facets(state, facets, provenance.documents, "/"))
            section.results {
                h1.state { (sentence::sentence(state)) }
                (sentence::chips(state, "/"))
                @if !hits.is_empty() { (toolbar(state, page)) }
                (verdict(hits, params.mode, state))
                (list.list(hits))
                (pager(state, page))
                p.quiet { a href=(state.href("/service")) { "This search from a program, and where its time went" } }
            }
        }
    };
    Frame::new(View::Search, &sentence::title(state), state).page(&content)
}

/// Which hits these are, and in which other order they could be.
fn toolbar(state: &SearchState, page: &SearchPage) -> Markup {
    let first = page.query.params().offset + 1;
    let last = page.query.params().offset + page.results.hits.len();
    let which = match (first, state.order(), page.next_cursor.is_some()) {
        (1, Order::Relevance, true) => format!("The {last} nearest passages"),
        (1, Order::Relevance, false) => counted(last, "passage"),
        (1, _, true) => format!("The {last} nearest passages, by date"),
        (1, _, false) => format!("{}, by date", counted(last, "passage")),
        _ => format!("Passages {first} to {last} by relevance"),
    };
    html! {
        div.toolbar {
            p { (which) }
            nav.orders aria-label="Order" {
                @for (order, _, words) in Order::ALL {
                    a href=(state.with_order(order).href("/")) aria-current=[(order == state.order()).then_some("true")] { (words) }
                }
            }
        }
    }
}

/// Says so where nothing was found, or nothing that is near.
fn verdict(hits: &[Hit], mode: Mode, state: &SearchState) -> Markup {
    let best = hits
        .iter()
        .filter_map(describe::semantic_score)
        .fold(f32::MIN, f32::max);
    let is_far = mode == Mode::Semantic && best < describe::MIN_RELEVANT && !state.is_later_page();
    let has_filters = state.filters().next().is_some();
    html! {
        @if hits.is_empty() {
            div.notice {
                p.lead {
                    @match mode {
                        Mode::Keyword => "No passage has these words.",
                        _ => "No passage was found.",
                    }
                }
                ul {
                    @if has_filters { li { a href=(without_filters(state).href("/")) { "Search without the filters" } } }
                    @if mode == Mode::Keyword { li { a href=(state.without_any("mode").href("/")) { "Search by meaning instead" } } }
                }
            }
        } @else if is_far {
            div.notice {
                p.lead { "Nothing here is close to this. These passages are the nearest." }
            }
        }
    }
}

fn without_filters(state: &SearchState) -> SearchState {
    let names: Vec<String> = state.filters().map(|(name, _)| name.to_owned()).collect();
    names
        .iter()
        .fold(state.clone(), |state, name| state.without_any(name))
}

fn pager(state: &SearchState, page: &SearchPage) -> Markup {
    html! {
        nav.pager aria-label="Pages" {
            @if state.is_later_page() { a rel="first" href=(state.without_any("cursor").href("/")) { "First page" } }
            @if let Some(cursor) = &page.next_cursor {
                a.button rel="next" href=(state.with_only("cursor", cursor).href("/")) { "Further passages" }
            }
        }
    }
}

/// The page before anything is searched for.
async fn home(service: &Service, state: &SearchState) -> Result<HttpResponse, Problem> {
    let archive = service.archive();
    let provenance = archive.provenance()?;
    let years = vec!["year".to_owned()];
    let (facets, _) = archive.facets(Filter::All(Vec::new()), years).await?;
    let examples = examples::examples(archive).await?;
    let content = welcome(state, &provenance, facets.first(), &examples);
    let html = Frame::new(View::Search, "Search", state).page(&content);
    Ok(frame::respond(StatusCode::OK).body(html))
}

fn welcome(
    state: &SearchState,
    corpus: &Provenance,
    years: Option<&Facet>,
    examples: &[String],
) -> Markup {
    let years = years.map(|years| years.values.iter().map(|value| value.value.as_str()));
    let years: Vec<&str> = years.into_iter().flatten().collect();
    let span = years.iter().min().zip(years.iter().max());
    html! {
        section.home {
            @if corpus.documents == 0 {
                h1 { "There are no documents yet." }
                p { a.button href="/corpus#add" { "Add documents" } }
            } @else {
                h1 { "Who said what, and who said it too" }
                p.lead {
                    (counted(corpus.passages, "passage")) " of " (counted(corpus.documents, "document"))
                    @match span {
                        Some((from, to)) if from == to => { ", " (from) },
                        Some((from, to)) => { ", " (from) " to " (to) },
                        None => {},
                    }
                    "."
                }
                @if !examples.is_empty() {
                    h2 { "From these documents" }
                    ul.examples {
                        @for example in examples {
                            li { a href=(state.only_filters().with("q", example).href("/")) { bdi { (example) } } }
                        }
                    }
                    p.hint { "Follow one to find the passages that mean the same, whatever their words." }
                }
            }
        }
    }
}
