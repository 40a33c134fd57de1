//! Parts of views that show pairs of passages.

use maud::{Markup, html};
use serde_json::json;

use crate::parallels::{MatchUnit, Parallel, SentencePair, Side, TextReuse};
use crate::passages::{TextRange, tokenize_words_from};

use super::describe;
use super::frame::bar;
use super::text::{self, Span, SpanKind};
use super::url;

/// Returns the address of a pair.
pub(super) fn pair_href(parallel: &Parallel) -> String {
    let (source, target) = (parallel.source.passage.id(), parallel.target.passage.id());
    url::href(
        "/pair",
        [("source", source.as_str()), ("target", target.as_str())],
    )
}

/// Returns the address of a passage in its document.
pub(super) fn read_href(side: &Side) -> String {
    url::passage_path(side.document.id.as_str(), side.passage.ordinal)
}

/// Returns how sure it is that a pair says the same.
pub(super) fn confidence(parallel: &Parallel) -> Markup {
    let confidence = parallel.pair.confidence;
    let words = describe::confidence_words(confidence);
    let number = format!("{words}: confidence {confidence:.2}");
    html! {
        span.relevance tabindex="0" title=(number) aria-label=(number) {
            (bar(confidence)) span.words { (words) } span.number { (format!("{confidence:.2}")) }
        }
    }
}

/// Returns in which way the wording agrees, and whether it is a formula.
pub(super) fn wording(parallel: &Parallel) -> Markup {
    let words = match parallel.text_reuse {
        TextReuse::Verbatim => "word for word",
        TextReuse::Close => "close wording",
        TextReuse::Paraphrase => "other words",
    };
    html! {
        span.tag { (words) }
        @if parallel.formula { span.tag.formula title="So many documents say this that it is a formula." { "formula" } }
    }
}

/// Returns the matched text of a side: the sentence, or the beginning of the passage.
pub(super) fn matched_text(parallel: &Parallel, is_source: bool) -> Markup {
    let side = side(parallel, is_source);
    let sentence = parallel
        .matched_sentence_pair()
        .map(|pair| range(pair, is_source));
    let words = side.shared.iter().map(|range| Span {
        range: *range,
        kind: SpanKind::Words,
    });
    let words: Vec<Span> = words.collect();
    html! {
        blockquote.passage lang=[text::lang(&side.document)] dir=(text::dir(&side.document)) {
            @match sentence {
                Some(range) => (text::part(&side.passage, range, &words)),
                None => (text::listed_passage(&side.passage, &words)),
            }
        }
    }
}

/// Returns a passage with its numbered sentences, the words it shares with the other side, and, where the
/// wording is nearly the same, those that differ.
pub(super) fn evidence(parallel: &Parallel, is_source: bool) -> Markup {
    let side = side(parallel, is_source);
    let matched = parallel.matched_sentence_pair();
    let numbered = (1..).zip(&parallel.sentences).map(|(number, pair)| Span {
        range: range(pair, is_source),
        kind: SpanKind::Numbered(number, matched == Some(pair)),
    });
    let words = side.shared.iter().map(|range| Span {
        range: *range,
        kind: SpanKind::Words,
    });
    let close = parallel
        .sentences
        .iter()
        .filter(|pair| pair.text_reuse != TextReuse::Paraphrase);
    let close: Vec<TextRange> = close.map(|pair| range(pair, is_source)).collect();
    let spans: Vec<Span> = numbered
        .chain(words)
        .chain(differences(side, &close))
        .collect();
    text::marked_passage(&side.passage, &spans)
}

/// Returns the words in these ranges that the other side does not share.
fn differences<'a>(side: &'a Side, within: &'a [TextRange]) -> impl Iterator<Item = Span> + 'a {
    let contains =
        |outer: &TextRange, inner: &TextRange| outer.start <= inner.start && inner.end <= outer.end;
    let words = tokenize_words_from(&side.passage.text, side.passage.range.start);
    let ranges = words.into_iter().map(|word| word.range);
    ranges
        .filter(move |word| within.iter().any(|range| contains(range, word)))
        .filter(move |word| !side.shared.iter().any(|range| contains(range, word)))
        .map(|range| Span {
            range,
            kind: SpanKind::Differs,
        })
}

/// Returns the measures of a pair, as names and values.
pub(super) fn measures(parallel: &Parallel) -> Vec<(&'static str, String)> {
    let pair = &parallel.pair;
    let unknown = || "unknown".to_owned();
    let unit = match pair.matched_by {
        MatchUnit::Passage => "the whole passages",
        MatchUnit::Sentence { .. } => "the framed sentences",
    };
    let prevalence = |side: &Side| {
        format!(
            "{} other documents, {} speakers",
            side.prevalence.documents, side.prevalence.speakers
        )
    };
    vec![
        ("confidence", format!("{:.3}", pair.confidence)),
        ("matched by", unit.to_owned()),
        ("cosine", format!("{:.3}", pair.score)),
        (
            "cosine of the passages",
            format!("{:.3}", parallel.passage_score),
        ),
        ("lexical overlap", format!("{:.2}", pair.lexical_overlap)),
        (
            "combined similarity",
            format!("{:.3}", pair.combined_similarity),
        ),
        (
            "margin",
            parallel
                .margin
                .map_or_else(unknown, |margin| format!("{margin:.2}")),
        ),
        (
            "percentile",
            parallel
                .percentile
                .map_or_else(unknown, |percent| format!("{percent:.4}")),
        ),
        (
            "alignment score",
            format!("{:.1}", parallel.alignment_score),
        ),
        ("text reuse", parallel.text_reuse.name().to_owned()),
        ("left is restated in", prevalence(&parallel.source)),
        ("right is restated in", prevalence(&parallel.target)),
    ]
}

/// Returns what the basket keeps of a pair besides its texts, for the script.
pub(super) fn pair_data(parallel: &Parallel) -> String {
    let side = |side: &Side| {
        json!({
            "passage": side.passage.id(),
            "hash": side.passage.hash.to_string(),
            "title": side.document.metadata.title,
            "speaker": side.document.metadata.speaker,
            "date": describe::date(&side.document),
            "text": side.passage.text,
        })
    };
    let value = json!({
        "source": side(&parallel.source),
        "target": side(&parallel.target),
        "confidence": parallel.pair.confidence,
    });
    value.to_string()
}

pub(super) fn side(parallel: &Parallel, is_source: bool) -> &Side {
    if is_source {
        &parallel.source
    } else {
        &parallel.target
    }
}

fn range(pair: &SentencePair, is_source: bool) -> TextRange {
    if is_source { pair.source } else { pair.target }
}
