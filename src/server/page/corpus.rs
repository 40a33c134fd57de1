//! `/corpus`: the documents, and adding to them.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

use crate::archive::DocumentPage;
use crate::engine::Provenance;
use crate::search::{CacheMode, Facet, document_date};
use crate::server::extract;
use crate::server::problem::Problem;
use crate::server::routes;
use crate::server::service::Service;
use crate::store::DocumentSummary;

use super::frame::{self, Frame, View, counted, grouped};
use super::url::{self, Order, SearchState};
use super::{describe, error, search, sentence, sidebar, text};

/// Number of documents on a page.
const PAGE_DOCUMENTS: usize = 100;

/// Orders of the list, with their words.
const ORDERS: [(Order, &str); 3] = [
    (Order::Relevance, "by id"),
    (Order::Earliest, "earliest first"),
    (Order::Latest, "latest first"),
];

/// `GET /corpus`.
pub(super) async fn show(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    error::or_page(page(&service, &request).await, &request)
}

async fn page(service: &Service, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let state = SearchState::parse(extract::query_pairs(request)?)?;
    let (offset, origin) = (parse_offset(&state)?, search::origin(request));
    let archive = service.archive();
    let attributes = archive.attribute_names()?;
    let filters = state
        .filters()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let filters = routes::request_from_url(&attributes, filters.collect())?;
    let filter = filters.into_call(CacheMode::ReadWrite)?.params.filter;
    let fields = sidebar::fields(&attributes);
    let (facets, provenance) = archive.facets(filter.clone(), fields).await?;
    let render = move |page: DocumentPage| {
        let matching = select(page.documents, &state);
        let content = content(&state, &facets, &provenance, &matching, offset, &origin);
        Frame::new(View::Corpus, "Corpus", &SearchState::default()).page(&content)
    };
    let html = archive.documents(filter, None, usize::MAX, render).await?;
    Ok(frame::respond(StatusCode::OK).body(html))
}

fn parse_offset(state: &SearchState) -> Result<usize, Problem> {
    state.value("offset").map_or(Ok(0), |text| {
        text.parse().map_err(|_| {
            let detail = format!("offset is {text:?}; expected a number from 0");
            Problem::offset_out_of_range(detail).at("offset")
        })
    })
}

/// Returns the documents that contain what is looked for, in the order of the list.
fn select(documents: Vec<Arc<DocumentSummary>>, state: &SearchState) -> Vec<Arc<DocumentSummary>> {
    let wanted = state.value("find").map(str::to_lowercase);
    let contains = |document: &Arc<DocumentSummary>| {
        wanted.as_ref().is_none_or(|wanted| {
            let metadata = &document.metadata;
            let texts = [
                Some(document.id.as_str()),
                metadata.title.as_deref(),
                metadata.speaker.as_deref(),
            ];
            let mut texts = texts.into_iter().flatten();
            texts.any(|text| text.to_lowercase().contains(wanted))
        })
    };
    let mut found: Vec<_> = documents.into_iter().filter(contains).collect();
    let date = |document: &Arc<DocumentSummary>| document_date(document);
    match state.order() {
        Order::Relevance => {}
        Order::Earliest => found.sort_by_key(|document| (date(document).is_none(), date(document))),
        Order::Latest => found.sort_by_key(|document| std::cmp::Reverse(date(document))),
    }
    found
}

fn content(
    state: &SearchState,
    facets: &[Facet],
    provenance: &Provenance,
    documents: &[Arc<DocumentSummary>],
    offset: usize,
    origin: &str,
) -> Markup {
    let last = documents.len().min(offset.saturating_add(PAGE_DOCUMENTS));
    let shown = documents.get(offset..last).unwrap_or_default();
    let next = (last < documents.len()).then(|| last.to_string());
    html! {
        div.with-aside.corpus {
            (sidebar::facets(state, facets, provenance.documents, "/corpus"))
            section.wide {
                h1 { "Corpus" }
                p.quiet { (counted(provenance.documents, "document")) ", " (counted(provenance.passages, "passage")) }
                (find_form(state))
                (sentence::chips(state, "/corpus"))
                @if let Some(with) = state.value("with") {
                    p.notice { "Choose a document to compare with " bdi { (with) } "." }
                }
                div.toolbar {
                    p {
                        (counted(documents.len(), "document"))
                        @if documents.len() > shown.len() { ", " (grouped(offset + 1)) " to " (grouped(last)) }
                    }
                    nav.orders aria-label="Order" {
                        @for (order, words) in ORDERS {
                            a href=(state.with_order(order).href("/corpus")) aria-current=[(order == state.order()).then_some("true")] { (words) }
                        }
                    }
                }
                (list(shown, state.value("with")))
                nav.pager aria-label="Pages" {
                    @if offset > 0 { a rel="first" href=(state.without_any("offset").href("/corpus")) { "First page" } }
                    @if let Some(next) = next {
                        a.button rel="next" href=(state.with_only("offset", &next).href("/corpus")) { "Further documents" }
                    }
                }
                (add_documents(origin))
            }
        }
    }
}

fn find_form(state: &SearchState) -> Markup {
    html! {
        form.find action="/corpus" method="get" role="search" aria-label="Find a document" {
            @for (name, value) in state.hidden_fields(&["find"]) {
                input type="hidden" name=(name) value=(value);
            }
            label for="find" { "Title, speaker or id" }
            input id="find" name="find" type="search" value=(state.value("find").unwrap_or_default()) maxlength="200";
            button.plain type="submit" { "Find" }
        }
    }
}

fn list(documents: &[Arc<DocumentSummary>], with: Option<&str>) -> Markup {
    html! {
        ul.documents-list {
            @for document in documents {
                li {
                    time.when { (describe::date(document).unwrap_or_default()) }
                    div {
                        a.title href=(url::document_path(document.id.as_str())) lang=[text::lang(document)] { bdi { (describe::title(document)) } }
                        (byline(document))
                    }
                    @match with {
                        Some(with) if with != document.id.as_str() => {
                            a href=(url::href("/compare", [("a", with), ("b", document.id.as_str())])) { "Compare" }
                        },
                        _ => span.count { (counted(document.passages, "passage")) },
                    }
                }
            }
        }
    }
}

/// Returns what the list says besides title and date.
fn byline(document: &DocumentSummary) -> Markup {
    let metadata = &document.metadata;
    let parts = [
        metadata.speaker.as_deref(),
        metadata.country.as_deref(),
        metadata.venue.as_deref(),
    ];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    html! {
        @if !parts.is_empty() { span.byline { bdi { (parts.join(" · ")) } } }
    }
}

/// With the script, files are dropped here; without it, curl does the same.
fn add_documents(origin: &str) -> Markup {
    html! {
        section.add id="add" {
            h2 { "Add documents" }
            form.drop.with-script data-action="upload" hidden {
                p { "Drop files here: " code { ".txt" } ", " code { ".md" } ", or " code { ".jsonl" } " with a document on each line." }
                label.button for="files" { "Choose files" }
                input.visually-hidden id="files" type="file" multiple accept=".txt,.md,.jsonl,.ndjson";
                p.hint { "A document with the id of an earlier one replaces it. With API keys, a key with the scope write is needed." }
                progress value="0" max="1" aria-label="Upload" hidden {}
                div role="status" { ol.report {} }
            }
            div.without-script {
                p { "From a terminal:" }
                pre { "curl -N " (origin) "/v1/documents -H 'content-type: application/x-ndjson' -T speeches.jsonl -X POST" }
            }
        }
    }
}
