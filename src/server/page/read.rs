//! `/read/{id}`: a document, with the passages that answer a query.

use std::collections::HashMap;
use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde_json::Value;

use crate::archive::SearchCall;
use crate::search::{Filter, Hit, MAX_LIMIT, SearchPage};
use crate::server::extract;
use crate::server::problem::Problem;
use crate::server::routes;
use crate::server::service::Service;
use crate::server::timing::attach_timing;
use crate::store::{DocumentRecord, DocumentSummary, PassageRecord};
use crate::wire::TimingMs;

use super::cite;
use super::frame::{self, Frame, View, counted};
use super::text::{self, Span, SpanKind};
use super::url::{self, SearchState};
use super::{describe, error, hits, search};

/// Maximum number of passages that are marked as hits.
const MAX_MARKED: usize = 12;

/// Maximum number of removed blocks that are listed.
const MAX_DROPPED: usize = 100;

/// `GET /read/{id}`.
pub(super) async fn show(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    error::or_page(page(&service, &request, &path).await, &request)
}

async fn page(service: &Service, request: &HttpRequest, id: &str) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let state = SearchState::parse(extract::query_pairs(request)?)?;
    let archive = service.archive();
    let call = scoring_call(service, &state, id)?;
    let (id, origin) = (
        routes::parse_document_id(id, "id")?,
        search::origin(request),
    );
    let read = archive.document(id, |_| false, |version| version.document);
    // A hash is never accepted as known, so there is a document.
    let document = read
        .await?
        .ok_or_else(|| Problem::internal("no document"))?;
    let Some(call) = call else {
        let view = Reading::new(&document, &state, &origin, &[]);
        return Ok(frame::respond(StatusCode::OK).body(view.page()));
    };
    let render = move |page: SearchPage, queue| {
        let (render_start, stages) = (Instant::now(), page.results.times);
        let html = Reading::new(&document, &state, &origin, &page.results.hits).page();
        let timing = TimingMs::new(queue, stages, render_start.elapsed(), start);
        Ok((html, timing))
    };
    let (html, timing) = archive.search(call, None, render).await?;
    let mut response = frame::respond(StatusCode::OK);
    attach_timing(timing, &mut response);
    Ok(response.body(html))
}

/// Returns the search that scores every passage of a document, if there is a query.
fn scoring_call(
    service: &Service,
    state: &SearchState,
    id: &str,
) -> Result<Option<SearchCall>, Problem> {
    if !state.has_query() {
        return Ok(None);
    }
    let attributes = service.archive().attribute_names()?;
    let mut call = search::search_call(state, &attributes)?;
    call.cursor = None;
    let params = &mut call.params;
    (params.offset, params.limit) = (0, MAX_LIMIT);
    (params.min_score, params.group, params.diversity) = (None, None, None);
    params.include.context = false;
    if params.mode == crate::search::Mode::Hybrid {
        params.limit = crate::search::CANDIDATE_POOL_SIZE;
    }
    params.filter = Filter::from_url_values("document", &[id.to_owned()])?;
    Ok(Some(call))
}

/// A document that is being read.
struct Reading<'a> {
    document: &'a DocumentRecord,
    state: &'a SearchState,
    origin: &'a str,
    /// The hits by their ordinals.
    hits: HashMap<u32, &'a Hit>,
    /// The ordinals of the marked passages, in the order of the text.
    marked: Vec<u32>,
    /// The best score.
    best: f32,
}

impl<'a> Reading<'a> {
    fn new(
        document: &'a DocumentRecord,
        state: &'a SearchState,
        origin: &'a str,
        hits: &'a [Hit],
    ) -> Self {
        // The document may have been replaced since it was read.
        let current = |hit: &&Hit| hit.document.content_hash == document.summary.content_hash;
        let hits: Vec<&Hit> = hits.iter().filter(current).collect();
        let is_near = |hit: &&&Hit| {
            describe::semantic_score(hit).is_none_or(|score| score >= describe::MIN_RELEVANT)
        };
        let mut marked: Vec<u32> = hits
            .iter()
            .filter(is_near)
            .take(MAX_MARKED)
            .map(|hit| hit.passage.ordinal)
            .collect();
        marked.sort_unstable();
        Self {
            document,
            state,
            origin,
            marked,
            best: hits.first().map_or(1.0, |hit| hit.score),
            hits: hits
                .into_iter()
                .map(|hit| (hit.passage.ordinal, hit))
                .collect(),
        }
    }

    fn page(&self) -> String {
        let document = &self.document.summary;
        let (lang, dir) = (text::lang(document), text::dir(document));
        let content = html! {
            div.with-aside.read {
                aside.metadata aria-label="About this document" { (self.about()) }
                article.text {
                    header.heading {
                        h1 lang=[lang] { bdi { (describe::title(document)) } }
                        (describe::byline(document))
                    }
                    (self.summary())
                    div.passages lang=[lang] dir=(dir) {
                        @for passage in &self.document.passages { (self.passage(passage)) }
                    }
                }
                (self.strip())
            }
        };
        Frame::new(View::Other, describe::title(document), self.state).page(&content)
    }

    /// How many passages are marked, and the way to the first.
    fn summary(&self) -> Markup {
        html! {
            @if self.state.has_query() {
                p.toolbar {
                    @match self.marked.first() {
                        None => span { "No passage of this document is close to the search." },
                        Some(first) => {
                            span { (counted(self.marked.len(), "passage")) " marked" }
                            a href=(format!("#p{first}")) { "To the first" }
                        },
                    }
                    a href=(self.state.href("/")) { "Back to the hits" }
                }
            }
        }
    }

    fn passage(&self, passage: &PassageRecord) -> Markup {
        let ordinal = passage.ordinal;
        let hit = self.hits.get(&ordinal);
        let is_marked = self.marked.binary_search(&ordinal).is_ok();
        let spans = if is_marked {
            hit.map(|hit| spans(hit))
        } else {
            None
        };
        let id = passage.id();
        html! {
            section.block.marked[is_marked] id=(format!("p{ordinal}")) data-item=(hits::passage_data(&self.document.summary, passage)) {
                a.anchor href=(format!("#p{ordinal}")) aria-label=(format!("passage {ordinal}, permanent link")) { (ordinal) }
                p.passage { (text::marked_passage(passage, &spans.unwrap_or_default())) }
                div.actions role="group" aria-label=(format!("Passage {ordinal}")) lang="en" dir="ltr" {
                    @if is_marked { (self.neighbouring_hits(ordinal)) }
                    a data-action="parallels" href=(url::href("/parallels", [("passage", id.as_str())])) { "Who else said this" }
                    a href=(url::href("/", [("like", id.as_str())])) { "More like this" }
                    button.with-script type="button" data-action="keep" hidden { "Keep" }
                    @if is_marked { (cite::fold(&self.document.summary, passage, self.origin)) }
                }
            }
        }
    }

    fn neighbouring_hits(&self, ordinal: u32) -> Markup {
        let place = self.marked.binary_search(&ordinal).unwrap_or_default();
        let previous = place
            .checked_sub(1)
            .and_then(|place| self.marked.get(place));
        let next = self.marked.get(place + 1);
        html! {
            span.place {
                "hit " (place + 1) " of " (self.marked.len())
                @if let Some(previous) = previous { " " a href=(format!("#p{previous}")) { "previous" } }
                @if let Some(next) = next { " " a href=(format!("#p{next}")) { "next" } }
            }
        }
    }

    /// One cell a passage, as dark as it is near to the query.
    fn strip(&self) -> Markup {
        let cells = self.document.passages.len();
        html! {
            @if !self.hits.is_empty() {
                nav.strip aria-label="Nearness of each passage" {
                    svg viewBox=(format!("0 0 10 {cells}")) preserveAspectRatio="none" {
                        @for (index, passage) in self.document.passages.iter().enumerate() {
                            @let (score, opacity) = self.heat(passage.ordinal);
                            a href=(format!("#p{}", passage.ordinal)) tabindex="-1" {
                                title { "passage " (passage.ordinal) @if let Some(score) = score { ": " (describe::relevance_words(score)) } }
                                rect x="0" y=(index) width="10" height="1" fill-opacity=(opacity) {}
                            }
                        }
                    }
                }
            }
        }
    }

    /// Returns the semantic score of a passage and how dark its cell is: nothing below zero, black at 0.8.
    fn heat(&self, ordinal: u32) -> (Option<f32>, String) {
        let hit = self.hits.get(&ordinal);
        let score = hit.and_then(|hit| describe::semantic_score(hit));
        let share = match (score, hit) {
            (Some(score), _) => (score / 0.8).clamp(0.0, 1.0).powi(2),
            (None, Some(hit)) if self.best > 0.0 => hit.score / self.best,
            _ => 0.0,
        };
        (score, format!("{share:.2}"))
    }

    fn about(&self) -> Markup {
        let document = &self.document.summary;
        html! {
            (metadata(document, &self.document.origin))
            (dropped(self.document))
            section {
                h2 { "Compare" }
                form action="/compare" method="get" {
                    input type="hidden" name="a" value=(document.id);
                    label for="other" { "with the document" }
                    input id="other" name="b" required maxlength="200" placeholder="its id";
                    button.plain type="submit" { "Compare" }
                }
                p.hint { a href=(url::href("/corpus", [("with", document.id.as_str())])) { "Choose it from the corpus" } }
            }
        }
    }
}

fn spans(hit: &Hit) -> Vec<Span> {
    let sentence = hit
        .sentence
        .iter()
        .map(|sentence| (sentence.range, SpanKind::Best));
    let words = hit.highlights.iter().map(|range| (*range, SpanKind::Words));
    sentence
        .chain(words)
        .map(|(range, kind)| Span { range, kind })
        .collect()
}

/// Returns the metadata of a document as a list.
fn metadata(document: &DocumentSummary, origin: &str) -> Markup {
    let metadata = &document.metadata;
    let date = describe::date(document);
    let hash = document.content_hash.to_string();
    let fields = [
        ("id", Some(document.id.as_str())),
        ("speaker", metadata.speaker.as_deref()),
        ("date", date.as_deref()),
        ("venue", metadata.venue.as_deref()),
        ("country", metadata.country.as_deref()),
        ("language", metadata.language.as_deref()),
        ("source", metadata.source.as_deref()),
        ("read from", Some(origin)),
        ("sha256", hash.get(..16)),
    ];
    html! {
        section {
            h2 { "This document" }
            dl {
                @for (name, value) in fields {
                    @if let Some(value) = value { dt { (name) } dd { bdi { (value) } } }
                }
                @for (name, value) in &metadata.attributes { dt { bdi { (name) } } dd { bdi { (attribute(value)) } } }
                dt { "length" }
                dd { (counted(document.passages, "passage")) ", " (counted(document.characters, "character")) }
            }
        }
    }
}

fn attribute(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns what was left out when the document was read.
fn dropped(document: &DocumentRecord) -> Markup {
    let blocks = &document.dropped;
    html! {
        @if !blocks.is_empty() {
            section {
                details.dropped {
                    summary { (counted(blocks.len(), "block")) " left out on reading" }
                    ul {
                        @for block in blocks.iter().take(MAX_DROPPED) {
                            li { (block.reason.to_string()) ", line " (block.line) ": " bdi { (block.first_words) } }
                        }
                    }
                    @if blocks.len() > MAX_DROPPED { p { "and " (blocks.len() - MAX_DROPPED) " more" } }
                }
            }
        }
    }
}
