//! Words of the page for documents, relevance and confidence.

use maud::{Markup, html};

use crate::search::{Hit, Mode, document_date};
use crate::store::DocumentSummary;

use super::frame::DOT;

/// Scores from which a passage is called so, highest first. A score is the mean cosine of the query with
/// the passage and with its best sentence.
const RELEVANCE: [(f32, &str); 5] = [
    (0.70, "says this"),
    (0.55, "very close"),
    (0.42, "close"),
    (0.30, "related"),
    (-1.0, "hardly related"),
];

/// Best score below which a search has found nothing relevant.
pub(super) const MIN_RELEVANT: f32 = 0.30;

/// Returns the semantic score of a hit, which does not depend on the other hits.
pub(super) fn semantic_score(hit: &Hit) -> Option<f32> {
    let of_parts = || {
        let sentence = hit.sentence.as_ref().map(|sentence| sentence.score);
        let passage = hit.passage_score?;
        Some(sentence.map_or(passage, |sentence| f32::midpoint(passage, sentence)))
    };
    hit.semantic.map(|list| list.score).or_else(of_parts)
}

/// Returns the relevance of a hit in words, and as a share of a bar.
pub(super) fn relevance(hit: &Hit, mode: Mode, best: f32) -> (&'static str, f32) {
    match (mode, semantic_score(hit)) {
        (Mode::Semantic | Mode::Hybrid, Some(score)) => (relevance_words(score), score),
        _ if best > 0.0 => ("has the words", hit.score / best),
        _ => ("has the words", 0.0),
    }
}

/// Returns what a score means.
pub(super) fn relevance_words(score: f32) -> &'static str {
    let found = RELEVANCE.iter().find(|(from, _)| score >= *from);
    found.map_or("hardly related", |(_, words)| words)
}

/// Returns what a confidence means: of ten such pairs, how many say the same.
pub(super) fn confidence_words(confidence: f32) -> String {
    const NUMBERS: [&str; 11] = [
        "none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    ];
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let tenths = (confidence.clamp(0.0, 1.0) * 10.0).round() as usize;
    let number = NUMBERS.get(tenths).copied().unwrap_or("ten");
    let verb = if tenths == 1 { "says" } else { "say" };
    match tenths {
        10 => "nearly all such pairs say the same".to_owned(),
        0 => "hardly any such pair says the same".to_owned(),
        _ => format!("of ten such pairs, {number} {verb} the same"),
    }
}

/// Returns the name of a document: its title, or else its id.
pub(super) fn title(document: &DocumentSummary) -> &str {
    document
        .metadata
        .title
        .as_deref()
        .unwrap_or(document.id.as_str())
}

/// Returns its date as text.
pub(super) fn date(document: &DocumentSummary) -> Option<String> {
    document_date(document).map(|date| date.to_string())
}

/// Returns the name of a document for a list of words: speaker and year, or the title.
pub(super) fn short_name(document: &DocumentSummary) -> String {
    let name = document
        .metadata
        .speaker
        .as_deref()
        .unwrap_or_else(|| title(document));
    match document_date(document) {
        Some(date) => format!("{name}, {:04}", date.year()),
        None => name.to_owned(),
    }
}

/// Returns speaker, date, country and venue on one line.
pub(super) fn byline(document: &DocumentSummary) -> Markup {
    let metadata = &document.metadata;
    let date = date(document);
    let others = [metadata.country.as_deref(), metadata.venue.as_deref()];
    html! {
        span.byline {
            @if let Some(speaker) = &metadata.speaker { bdi.speaker { (speaker) } }
            @if let Some(date) = &date {
                @if metadata.speaker.is_some() { (DOT) }
                time datetime=(date) { (date) }
            }
            @for (index, text) in others.into_iter().flatten().enumerate() {
                @if index > 0 || date.is_some() || metadata.speaker.is_some() { (DOT) }
                bdi { (text) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_words() {
        assert_eq!(relevance_words(0.71), "says this");
        assert_eq!(relevance_words(0.31), "related");
        assert_eq!(relevance_words(-0.2), "hardly related");
        assert_eq!(relevance_words(f32::NAN), "hardly related");
        assert_eq!(
            confidence_words(0.83),
            "of ten such pairs, eight say the same"
        );
        assert_eq!(
            confidence_words(0.1),
            "of ten such pairs, one says the same"
        );
        assert_eq!(confidence_words(0.99), "nearly all such pairs say the same");
        assert_eq!(confidence_words(0.0), "hardly any such pair says the same");
    }
}
