//! Texts of documents as markup: marked ranges, language, direction.

use maud::{Markup, html};

use crate::export::language_tag;
use crate::passages::TextRange;
use crate::store::{DocumentSummary, PassageRecord};

/// Maximum number of characters of a passage in a list; the document shows all of it. A passage is bounded
/// in tokens, of which one can be a word of any length.
const MAX_LISTED_CHARS: usize = 3_000;

/// Languages that are written from right to left, by the first part of their tags.
const RIGHT_TO_LEFT: [&str; 9] = ["ar", "ckb", "dv", "fa", "he", "ps", "sd", "ur", "yi"];

/// A marked part of a passage, in characters of its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) range: TextRange,
    pub(super) kind: SpanKind,
}

/// Why a part is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpanKind {
    /// The sentence nearest to the query.
    Best,
    /// A sentence with its number in a pair, and whether it is the one that matches.
    Numbered(usize, bool),
    /// Words of the query, or shared words.
    Words,
    /// A word that the other side of a pair does not share.
    Differs,
}

impl SpanKind {
    fn is_sentence(self) -> bool {
        matches!(self, Self::Best | Self::Numbered(..))
    }
}

/// Returns the value of `lang`, if the document's language is a language tag.
pub(super) fn lang(document: &DocumentSummary) -> Option<&str> {
    language_tag(document.metadata.language.as_deref())
}

/// Returns the value of `dir`: that of the language, or that of the text itself.
pub(super) fn dir(document: &DocumentSummary) -> &'static str {
    let tag = lang(document).unwrap_or_default();
    let primary = tag.split('-').next().unwrap_or_default();
    let is_rtl = RIGHT_TO_LEFT
        .iter()
        .any(|language| primary.eq_ignore_ascii_case(language));
    if is_rtl { "rtl" } else { "auto" }
}

/// Returns the text of a passage in a list, with its marked parts, shortened if it is extremely long.
pub(super) fn listed_passage(passage: &PassageRecord, spans: &[Span]) -> Markup {
    let is_short = passage.text.len() <= MAX_LISTED_CHARS
        || passage.text.chars().nth(MAX_LISTED_CHARS).is_none();
    if is_short {
        return marked_passage(passage, spans);
    }
    let range = TextRange {
        start: passage.range.start,
        end: passage.range.start + MAX_LISTED_CHARS,
    };
    html! { (marked(passage.slice(range), range.start, spans)) " …" }
}

/// Returns the text of a passage with its marked parts.
pub(super) fn marked_passage(passage: &PassageRecord, spans: &[Span]) -> Markup {
    marked(&passage.text, passage.range.start, spans)
}

/// Returns a part of a passage with its marked parts.
pub(super) fn part(passage: &PassageRecord, range: TextRange, spans: &[Span]) -> Markup {
    marked(passage.slice(range), range.start, spans)
}

/// Returns a text with its marked parts. Sentences are marked first to last, words inside and outside of
/// them, so the text is cut wherever a range starts or ends.
fn marked(text: &str, text_start: usize, spans: &[Span]) -> Markup {
    let bytes: Vec<usize> = text.char_indices().map(|(byte, _)| byte).collect();
    let text_end = text_start + bytes.len();
    let slice = |start: usize, end: usize| {
        let byte_at = |at: usize| bytes.get(at - text_start).copied().unwrap_or(text.len());
        text.get(byte_at(start)..byte_at(end)).unwrap_or_default()
    };
    let clamped = |at: usize| at.clamp(text_start, text_end);
    let mut cuts: Vec<usize> = spans
        .iter()
        .flat_map(|span| [clamped(span.range.start), clamped(span.range.end)])
        .chain([text_start, text_end])
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    let contains = |span: &Span, at: usize| span.range.start <= at && at < span.range.end;
    let find = |at: usize, is_sentence: bool| {
        let mut alike = spans
            .iter()
            .filter(|span| span.kind.is_sentence() == is_sentence);
        alike.find(|span| contains(span, at))
    };
    // Pieces of one sentence are one element, so that screen readers and selections see it whole.
    let mut groups: Vec<(Option<&Span>, Vec<Piece<'_>>)> = Vec::new();
    for cut in cuts.windows(2) {
        let &[start, end] = cut else { continue };
        let sentence = find(start, true);
        let piece = (slice(start, end), find(start, false).map(|span| span.kind));
        match groups.last_mut() {
            Some((last, pieces)) if *last == sentence => pieces.push(piece),
            _ => groups.push((sentence, vec![piece])),
        }
    }
    html! {
        @for (sentence, pieces) in &groups {
            @match sentence.map(|span| span.kind) {
                Some(SpanKind::Best) => mark.best { (pieces_of(pieces)) },
                Some(SpanKind::Numbered(number, matched)) => span.sentence.matched[matched] data-n=(number) {
                    span.n aria-label=(format!("sentence {number}")) { (number) }
                    (pieces_of(pieces))
                },
                _ => (pieces_of(pieces)),
            }
        }
    }
}

/// A piece of text, and why its words are marked.
type Piece<'a> = (&'a str, Option<SpanKind>);

fn pieces_of(pieces: &[Piece<'_>]) -> Markup {
    html! {
        @for (text, kind) in pieces {
            @match kind {
                None => (text),
                Some(SpanKind::Differs) => span.differs { (text) },
                Some(_) => mark.words { (text) },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: usize, end: usize, kind: SpanKind) -> Span {
        Span {
            range: TextRange { start, end },
            kind,
        }
    }

    #[test]
    fn overlapping_ranges_are_nested_and_everything_is_escaped() {
        let spans = [
            span(12, 15, SpanKind::Best),
            span(11, 13, SpanKind::Words),
            span(14, 99, SpanKind::Words),
        ];
        let markup = marked("a<é>&\"b", 10, &spans).into_string();
        assert_eq!(
            markup,
            "a<mark class=\"words\">&lt;</mark><mark class=\"best\"><mark class=\"words\">é</mark>&gt;\
             <mark class=\"words\">&amp;</mark></mark><mark class=\"words\">&quot;b</mark>"
        );
    }

    #[test]
    fn numbered_sentences_carry_their_number() {
        let markup = marked("One. Two.", 0, &[span(5, 9, SpanKind::Numbered(1, true))]);
        assert_eq!(
            markup.into_string(),
            "One. <span class=\"sentence matched\" data-n=\"1\">\
             <span class=\"n\" aria-label=\"sentence 1\">1</span>Two.</span>"
        );
    }
}
