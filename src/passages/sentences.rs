//! Sentence boundaries: those of Unicode (UAX #29), except after abbreviations.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::TextRange;

/// Titles and other abbreviations that never end a sentence. In lower case.
const ABBREVIATIONS: [&str; 31] = [
    "adm", "amb", "approx", "brig", "capt", "cf", "dr", "e.g", "fr", "gov", "h.e", "h.h", "h.m",
    "h.r.h", "hon", "i.e", "lt", "maj", "messrs", "mm", "mme", "mr", "mrs", "ms", "mt", "mx",
    "prof", "sgt", "viz", "vs", "bzw",
];

/// Abbreviations that are words as well, and so only before a name: "Gen. St. Clair", but "We met the
/// gen. Then …". In lower case.
const ABBREVIATIONS_BEFORE_NAME: [&str; 6] = ["col", "gen", "rep", "rev", "sen", "st"];

/// Abbreviations before a number only: "No. 5", but "We said no." In lower case.
const ABBREVIATIONS_BEFORE_NUMBER: [&str; 24] = [
    "apr", "art", "arts", "aug", "chap", "dec", "exc", "feb", "fig", "jan", "jul", "jun", "mar",
    "no", "nos", "nov", "oct", "p", "para", "paras", "pp", "sec", "sept", "vol",
];

/// Words before "no" as an answer: "They voted no. 27 States abstained."
const ANSWERS: [&str; 20] = [
    "answer",
    "answered",
    "answers",
    "be",
    "clear",
    "firm",
    "is",
    "replied",
    "reply",
    "resounding",
    "said",
    "say",
    "saying",
    "says",
    "simple",
    "vote",
    "voted",
    "votes",
    "voting",
    "was",
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
            Some(last)
                if open
                    || last.end == start && is_inside_token(last_bytes(&text[..start]), body)
                    || finishes_sentence(&text[last.clone()], body) =>
            {
                last.end = end;
            }
            _ => found.push(start..end),
        }
        let so_far = found
            .last()
            .map_or(body, |last| last_bytes(&text[last.start..last.end]));
        open = is_incomplete(so_far, text[end..].trim_start());
    }
    found
}

/// Returns about the last hundred bytes, which are enough to judge a boundary. More would take quadratic
/// time in a text without blanks.
fn last_bytes(sentence: &str) -> &str {
    let mut from = sentence.len().saturating_sub(100);
    while !sentence.is_char_boundary(from) {
        from += 1;
    }
    &sentence[from..]
}

/// Returns whether a boundary without a blank is inside a number or an address, such as "1.E.8" and
/// "watch?v=abc", and not after a sentence that lacks its blank.
fn is_inside_token(before: &str, next: &str) -> bool {
    let token = before.rsplit(char::is_whitespace).next().unwrap_or(before);
    let rest = next.split(char::is_whitespace).next().unwrap_or(next);
    let ascii = before.ends_with(|c: char| c.is_ascii())
        && rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    ascii
        && (token.contains(['/', '@'])
            || token.contains("www.")
            || rest.contains('=')
            || !(starts_with_word(rest) || ends_with_word(body_of(token)) && is_capitals(rest)))
}

/// Returns a token without the marks that end a sentence.
fn body_of(token: &str) -> &str {
    token.trim_end_matches(['.', '!', '?', '…'])
}

fn ends_with_word(body: &str) -> bool {
    body.chars().rev().take_while(|c| c.is_alphabetic()).count() >= 3
}

fn is_capitals(rest: &str) -> bool {
    rest.chars().take(2).filter(|c| c.is_uppercase()).count() == 2
}

/// Returns whether a capitalized word starts here, as in "in 2025.That is", rather than a part of a
/// number or symbol, as in "1.E.8".
fn starts_with_word(rest: &str) -> bool {
    let first = rest
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or(rest);
    let whole = first.len() == rest.trim_end_matches([',', ';', ':']).len();
    first.starts_with(char::is_uppercase)
        && (first.chars().any(char::is_lowercase) || whole && matches!(first, "I" | "A"))
}

/// Returns whether `next` belongs to the sentence before: closing quotes, or words in lower case after
/// "?" and "!".
fn finishes_sentence(last: &str, next: &str) -> bool {
    let quoted = last.ends_with(['"', '”', '’', '\'', ')', '»', '?', '!']);
    // One question after another is a sentence, even in lower case.
    let another_question = last.ends_with('?') && next.ends_with('?');
    next.chars()
        .take(100)
        .all(|c| !c.is_alphanumeric() && !is_opening_punctuation(c))
        || quoted && next.starts_with(char::is_lowercase) && !another_question
}

fn is_opening_punctuation(c: char) -> bool {
    matches!(c, '“' | '‘' | '«' | '(' | '[' | '¿' | '¡')
}

/// Returns whether a text starts with a word that mostly starts a sentence.
pub(super) fn starts_like_sentence(text: &str) -> bool {
    SENTENCE_STARTERS.contains(&text.split([' ', ',']).next().unwrap_or(text))
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
        let before = body[..body.len() - word.len()].trim_end();
        let before = before.rsplit(' ').next().unwrap_or(before).to_lowercase();
        return word != "no" || !ANSWERS.contains(&before.as_str());
    }
    // "1." numbers the words that follow.
    if whole && !word.is_empty() && word.len() <= 3 && word.bytes().all(|b| b.is_ascii_digit()) {
        return true;
    }
    let next_word = next.split([' ', ',']).next().unwrap_or("");
    if ABBREVIATIONS_BEFORE_NAME.contains(&lower.as_str()) {
        // "Gen. Clair", "GEN. CLAIR" and, as in many transcripts, "sen. Clair".
        return !SENTENCE_STARTERS.contains(&next_word);
    }
    if is_ordinal(word, next_word) {
        return true;
    }
    if is_initial(word) {
        let initials =
            body.len() > word.len() && body[..body.len() - word.len()].trim_end().ends_with('.');
        if next_word.starts_with(|c: char| c.is_ascii_digit()) {
            // "A. D. 1872", but "Vitamin A. 27 States abstained."
            return initials;
        }
        // "J. F. Kennedy", but "he and I. Then" and "Vitamin A. The".
        return (word != "I" || is_initial(next_word.trim_end_matches('.')))
            && !SENTENCE_STARTERS.contains(&next_word)
            && next_word.starts_with(char::is_uppercase);
    }
    // "11 a.m. Members rose." ends, "the U.N. Charter" does not.
    let is_time = matches!(lower.as_str(), "a.m" | "p.m");
    is_dotted_abbreviation(word)
        && !SENTENCE_STARTERS.contains(&next_word)
        && !(is_time && next_word.starts_with(char::is_uppercase) && !is_day_or_zone(next_word))
}

/// Days and time zones follow "a.m.".
fn is_day_or_zone(word: &str) -> bool {
    let word = word.trim_end_matches(|c: char| !c.is_alphabetic());
    word.ends_with("day") || word.len() >= 2 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Months of German and of languages with similar names, in lower case, by their first letters.
const MONTHS: [&str; 16] = [
    "jan", "jän", "feb", "mär", "mar", "apr", "mai", "maj", "jun", "jul", "aug", "sep", "okt",
    "nov", "dez", "dec",
];

/// German nouns that follow an ordinal, in lower case, by their first letters.
const COUNTED_NOUNS: [&str; 34] = [
    "jahrhundert",
    "jahrtausend",
    "jahrestag",
    "geburtstag",
    "todestag",
    "sitzung",
    "tagung",
    "session",
    "legislatur",
    "wahlperiode",
    "generalversammlung",
    "vollversammlung",
    "bundes",
    "deutsche",
    "kongress",
    "kongreß",
    "parteitag",
    "weltkrieg",
    "mal",
    "platz",
    "rang",
    "stock",
    "klasse",
    "lebensjahr",
    "kapitel",
    "artikel",
    "auflage",
    "band",
    "teil",
    "abschnitt",
    "stunde",
    "tag",
    "woche",
    "monat",
];

/// Recognizes ordinals: "am 3. Oktober", "im 21. Jahrhundert", and with a small letter after them
/// "den 3. oktober".
fn is_ordinal(word: &str, next_word: &str) -> bool {
    let is_number = (1..=3).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit());
    let next = next_word
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase();
    is_number
        && (next_word.starts_with(char::is_lowercase)
            || MONTHS.iter().any(|month| next.starts_with(month)) && next.chars().count() <= 9
            || COUNTED_NOUNS.iter().any(|noun| next.starts_with(noun)))
}

fn is_initial(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(char::is_uppercase) && chars.next().is_none()
}

/// Recognizes `U.N`, `U.S.A`: single letters separated by full stops.
fn is_dotted_abbreviation(word: &str) -> bool {
    word.contains('.') && word.split('.').all(|letter| letter.chars().count() == 1)
}
