//! Parses keyword queries and highlights their matches.

use crate::passages::{TextRange, tokenize_words};
use crate::store::QueryTerm;

/// Parses the terms of a query: words, `prefix*`, and `"phrases"`. An unpaired quotation mark is
/// ignored, and so are terms without a letter or digit.
#[must_use]
pub fn parse_terms(query: &str) -> Vec<QueryTerm> {
    // FTS5 stops reading at a NUL.
    let query = query.replace('\0', " ").replace(['“', '”', '„'], "\"");
    let mut terms = Vec::new();
    let mut rest = query.as_str();
    while let Some((before, after)) = rest.split_once('"') {
        let Some((phrase, later)) = after.split_once('"') else {
            break;
        };
        terms.extend(parse_words(before));
        terms.extend(has_alphanumeric(phrase).then(|| QueryTerm::Phrase(phrase.trim().to_owned())));
        rest = later;
    }
    terms.extend(parse_words(rest));
    terms
}

fn parse_words(text: &str) -> impl Iterator<Item = QueryTerm> {
    let words = text.split(|c: char| c.is_whitespace() || c == '"');
    words.filter(|word| has_alphanumeric(word)).map(|word| {
        let stem = word.trim_end_matches('*');
        let is_prefix = stem.len() < word.len() && stem.ends_with(char::is_alphanumeric);
        if is_prefix {
            QueryTerm::Prefix(stem.to_owned())
        } else {
            QueryTerm::Word(word.to_owned())
        }
    })
}

fn has_alphanumeric(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

/// Returns the ranges of a text that match the terms, in characters; a phrase is one range. Words are
/// compared as by FTS5's tokenizer `unicode61`, without case and diacritics.
pub(super) fn highlights(terms: &[QueryTerm], text: &str) -> Vec<TextRange> {
    let patterns: Vec<(Vec<String>, bool)> = terms
        .iter()
        .map(|term| match term {
            QueryTerm::Word(text) | QueryTerm::Phrase(text) => (normalized_words(text), false),
            QueryTerm::Prefix(text) => (normalized_words(text), true),
        })
        .collect();
    let tokens = tokenize_words(text);
    let mut ranges = Vec::new();
    for start in 0..tokens.len() {
        let match_starts_here = |(words, is_prefix): &&(Vec<String>, bool)| {
            let Some(window) = tokens.get(start..start + words.len()) else {
                return false;
            };
            let last = words.len().saturating_sub(1);
            let mut pairs = words.iter().zip(window).enumerate();
            !words.is_empty()
                && pairs.all(|(i, (word, token))| {
                    let matches_prefix = *is_prefix && i == last;
                    token.text == *word || (matches_prefix && token.text.starts_with(word.as_str()))
                })
        };
        let longest = patterns
            .iter()
            .filter(match_starts_here)
            .map(|(words, _)| words.len())
            .max();
        if let Some(count) = longest {
            ranges.push(TextRange {
                start: tokens[start].range.start,
                end: tokens[start + count - 1].range.end,
            });
        }
    }
    // A word inside a matched phrase is not highlighted again.
    ranges.dedup_by(|later, earlier| later.start < earlier.end);
    ranges
}

fn normalized_words(text: &str) -> Vec<String> {
    tokenize_words(text)
        .into_iter()
        .map(|word| word.text)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_words_prefixes_and_phrases() {
        let (word, prefix, phrase) = (
            |t: &str| QueryTerm::Word(t.to_owned()),
            |t: &str| QueryTerm::Prefix(t.to_owned()),
            |t: &str| QueryTerm::Phrase(t.to_owned()),
        );
        for (query, expected) in [
            ("two states", vec![word("two"), word("states")]),
            (
                "\"two states\" sover*",
                vec![phrase("two states"), prefix("sover")],
            ),
            ("“zero-sum” games", vec![phrase("zero-sum"), word("games")]),
            ("a \"b c", vec![word("a"), word("b"), word("c")]),
            ("— * \"…\" ?", vec![]),
            ("\"\" NEAR(a b)", vec![word("NEAR(a"), word("b)")]),
            ("a\0b", vec![word("a"), word("b")]),
        ] {
            assert_eq!(parse_terms(query), expected, "{query}");
        }
    }

    #[test]
    fn words_phrases_and_prefixes_are_highlighted() {
        let highlighted = |query: &str, text: &str| -> Vec<String> {
            let ranges = highlights(&parse_terms(query), text);
            ranges
                .iter()
                .map(|range| range.slice(text, 0).to_owned())
                .collect()
        };
        let text = "Der größte Naïveté-Test: zero-sum GAMES, zero games, e\u{301}lan.";
        assert_eq!(
            highlighted("naivete groesste größte", text),
            ["größte", "Naïveté"]
        );
        assert_eq!(
            highlighted("\"zero sum\" games", text),
            ["zero-sum", "GAMES", "games"]
        );
        assert_eq!(highlighted("zero-sum zero", text), ["zero-sum", "zero"]);
        assert_eq!(
            highlighted("gam* élan", text),
            ["GAMES", "games", "e\u{301}lan"]
        );
        assert_eq!(highlighted("gam zer", text), [""; 0]);
    }
}
