//! The hits of a search.

use maud::{Markup, html};

use crate::search::{AdjacentPassages, Hit, Mode};
use crate::store::{DocumentSummary, PassageRecord};

use super::cite;
use super::describe;
use super::frame::bar;
use super::text::{self, Span, SpanKind};
use super::url::{self, SearchState};

/// The list of hits.
pub(super) struct HitList<'a> {
    pub(super) state: &'a SearchState,
    pub(super) mode: Mode,
    /// The best score of the page, for keyword hits, whose scores have no maximum.
    pub(super) best: f32,
    /// Scheme and host of this service, for citations.
    pub(super) origin: &'a str,
}

impl HitList<'_> {
    pub(super) fn list(&self, hits: &[Hit]) -> Markup {
        html! {
            ol.hits {
                @for hit in hits { (self.hit(hit)) }
            }
        }
    }

    fn hit(&self, hit: &Hit) -> Markup {
        let (document, passage) = (&*hit.document, &hit.passage);
        let (words, share) = describe::relevance(hit, self.mode, self.best);
        let score = format!("{words}: score {:.3}", hit.score);
        html! {
            li.hit value=(hit.rank) data-item=(passage_data(document, passage)) {
                (heading(document, &self.read_href(hit)))
                blockquote.passage lang=[text::lang(document)] dir=(text::dir(document)) {
                    (text::listed_passage(passage, &spans(hit)))
                }
                div.about {
                    span.relevance tabindex="0" title=(score) aria-label=(score) {
                        (bar(share)) span.words { (words) } span.number { (format!("{:.2}", hit.score)) }
                    }
                    @if passage.place.is_page_or_time() { span.place { (passage.place.to_string()) } }
                    (self.actions(hit))
                }
                div.folds {
                    @if let Some(context) = &hit.context { (neighbours(context, document)) }
                    (cite::fold(document, passage, self.origin))
                }
            }
        }
    }

    fn read_href(&self, hit: &Hit) -> String {
        let (id, ordinal) = (hit.document.id.as_str(), hit.passage.ordinal);
        let path = self
            .state
            .without_any("document")
            .href(&url::document_path(id));
        format!("{path}#p{ordinal}")
    }

    fn actions(&self, hit: &Hit) -> Markup {
        let id = hit.passage.id();
        html! {
            div.actions role="group" aria-label="This passage" {
                a data-action="open" href=(self.read_href(hit)) { "Read on" }
                a data-action="parallels" href=(url::href("/parallels", [("passage", id.as_str())])) { "Who else said this" }
                a href=(self.state.like(&id).href("/")) { "More like this" }
                a href=(self.state.unlike(&id).href("/")) { "Less like this" }
                button.with-script type="button" data-action="keep" hidden { "Keep" }
            }
        }
    }
}

/// Returns title, speaker, date and place.
pub(super) fn heading(document: &DocumentSummary, href: &str) -> Markup {
    html! {
        header.heading {
            h2 lang=[text::lang(document)] { a href=(href) { bdi { (describe::title(document)) } } }
            (describe::byline(document))
        }
    }
}

/// Returns what the basket keeps of a passage besides its text, for the script.
pub(super) fn passage_data(document: &DocumentSummary, passage: &PassageRecord) -> String {
    let value = serde_json::json!({
        "passage": passage.id(),
        "hash": passage.hash.to_string(),
        "title": document.metadata.title,
        "speaker": document.metadata.speaker,
        "date": describe::date(document),
    });
    value.to_string()
}

fn spans(hit: &Hit) -> Vec<Span> {
    let sentence = hit.sentence.iter().map(|sentence| Span {
        range: sentence.range,
        kind: SpanKind::Best,
    });
    let words = hit.highlights.iter().map(|range| Span {
        range: *range,
        kind: SpanKind::Words,
    });
    sentence.chain(words).collect()
}

fn neighbours(context: &AdjacentPassages, document: &DocumentSummary) -> Markup {
    let sides = [("Before", &context.previous), ("After", &context.next)];
    html! {
        @if context.previous.is_some() || context.next.is_some() {
            details.context {
                summary { "Before and after" }
                @for (name, passage) in sides {
                    @if let Some(passage) = passage {
                        p.label { (name) }
                        blockquote.passage lang=[text::lang(document)] dir=(text::dir(document)) {
                            (text::listed_passage(passage, &[]))
                        }
                    }
                }
            }
        }
    }
}
