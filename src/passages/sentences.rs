//! Sentence boundaries: those of Unicode (UAX #29), except after abbreviations.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::TextRange;

/// Titles and other abbreviations that never end a sentence. In lower case.
const ABBREVIATIONS: [&str; 38] = [
    "adm", "amb", "approx", "art", "brig", "capt", "cf", "col", "dr", "e.g", "exc", "fr", "gen",
    "gov", "h.e", "h.h", "h.m", "h.r.h", "hon", "i.e", "lt", "maj", "messrs", "mm", "mme", "mr",
    "mrs", "ms", "mt", "mx", "prof", "rep", "rev", "sen", "sgt", "st", "viz", "vs",
];

/// Abbreviations before a number only: "No. 5", but "We said no." In lower case.
const ABBREVIATIONS_BEFORE_NUMBER: [&str; 22] = [
    "apr", "arts", "aug", "chap", "dec", "feb", "fig", "jan", "jul", "jun", "mar", "no", "nos",
    "nov", "oct", "p", "para", "paras", "pp", "sec", "sept", "vol",
];

/// Words that start a sentence more often than they follow "U.N." inside one.
const SENTENCE_STARTERS: [&str; 37] = [
    "A", "After", "All", "An", "And", "As", "At", "But", "By", "Finally", "First", "For", "He",
    "However", "I", "If", "In", "It", "Let", "My", "No", "Our", "She", "So", "That", "The",
    "There", "These", "They", "This", "Those", "To", "Today", "We", "When", "With", "You",
];

/// Splits a clean text into sentences. None extends over a line end.
#[must_use]
pub fn sentences(text: &str) -> Vec<TextRange> {
    let mut found = Vec::new();
    // Character offset of the end of the last line or sentence.
    let mut character = 0;
    for line in text.split('\n') {
        let mut byte = 0;
        for sentence in split_sentences(line) {
            let start = character + line[byte..sentence.start].chars().count();
            let end = start + line[sentence.clone()].chars().count();
            found.push(TextRange { start, end });
            (byte, character) = (sentence.end, end);
        }
        character += line[byte..].chars().count() + 1;
    }
    found
}

/// Splits a line into sentences, as byte ranges: in order, disjoint, trimmed, covering everything but
/// blanks.
pub(super) fn split_sentences(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    // Whether the last sentence is incomplete.
    let mut open = false;
    for (start, segment) in text.split_sentence_bound_indices() {
        let body = segment.trim_end();
        let start = start + (body.len() - body.trim_start().len());
        let body = body.trim_start();
        if body.is_empty() {
            continue;
        }
        let end = start + body.len();
        match found.last_mut() {
            Some(last) if open || finishes_sentence(&text[last.clone()], body) => last.end = end,
            _ => found.push(start..end),
        }
        let so_far = found
            .last()
            .map_or(body, |last| last_bytes(&text[last.start..last.end]));
        open = is_incomplete(so_far, text[end..].trim_start());
    }
    found
}

/// Returns about the last hundred bytes, which are enough to judge the end of a sentence.
fn last_bytes(sentence: &str) -> &str {
    let mut from = sentence.len().saturating_sub(100);
    while !sentence.is_char_boundary(from) {
        from += 1;
    }
    &sentence[from..]
}

/// Returns whether `next` belongs to the sentence before: closing quotes, or words after a quoted "?".
fn finishes_sentence(last: &str, next: &str) -> bool {
    let quoted = last.ends_with(['"', '”', '’', '\'', ')', '»']);
    next.chars()
        .take(100)
        .all(|c| !c.is_alphanumeric() && !is_opening_punctuation(c))
        || quoted && next.starts_with(char::is_lowercase)
}

fn is_opening_punctuation(c: char) -> bool {
    matches!(c, '“' | '‘' | '«' | '(' | '[' | '¿' | '¡')
}

/// Returns whether `sentence` cannot end here, given the text that follows.
fn is_incomplete(sentence: &str, next: &str) -> bool {
    if !sentence.chars().any(char::is_alphanumeric) {
        return true;
    }
    let Some(body) = sentence.strip_suffix('.') else {
        return false;
    };
    let word = body.rsplit(char::is_whitespace).next().unwrap_or(body);
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    let whole = word.len()
        == body
            .trim_start_matches(|c: char| !c.is_alphanumeric())
            .len();
    let lower = word.to_lowercase();
    if ABBREVIATIONS.contains(&lower.as_str()) {
        return true;
    }
    let number_next = next.starts_with(|c: char| c.is_ascii_digit());
    if number_next && ABBREVIATIONS_BEFORE_NUMBER.contains(&lower.as_str()) {
        return true;
    }
    // "1." numbers the words that follow.
    if whole && !word.is_empty() && word.len() <= 3 && word.bytes().all(|b| b.is_ascii_digit()) {
        return true;
    }
    let next_word = next.split([' ', ',']).next().unwrap_or("");
    if is_initial(word) {
        // "J. F. Kennedy", but "he and I. Then" and "Vitamin A. The".
        return (word != "I" || is_initial(next_word.trim_end_matches('.')))
            && !SENTENCE_STARTERS.contains(&next_word)
            && next_word.starts_with(char::is_uppercase);
    }
    is_dotted_abbreviation(word) && !SENTENCE_STARTERS.contains(&next_word)
}

fn is_initial(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(char::is_uppercase) && chars.next().is_none()
}

/// Recognizes `U.N`, `U.S.A`: single letters separated by full stops.
fn is_dotted_abbreviation(word: &str) -> bool {
    word.contains('.') && word.split('.').all(|letter| letter.chars().count() == 1)
}
