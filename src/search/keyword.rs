//! Search by words.

use crate::passages::{TextRange, tokenize_words as words_of};
use crate::store::QueryTerm;

/// The terms of a query: words, `begin*` for words that begin so, and `"several words"` that stand
/// one after the other. A quotation mark without its other half counts as none; what holds neither
/// letter nor digit is left out.
#[must_use]
pub fn parse_terms(query: &str) -> Vec<QueryTerm> {
    // FTS5 reads no further than a NUL.
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

/// Where a text holds the terms, in its characters; a phrase is one range. Words are compared as
/// FTS5's tokenizer `unicode61` does it: without case and diacritics.
pub(super) fn highlights(terms: &[QueryTerm], text: &str) -> Vec<TextRange> {
    let patterns: Vec<(Vec<String>, bool)> = terms
        .iter()
        .map(|term| match term {
            QueryTerm::Word(text) | QueryTerm::Phrase(text) => (normalized_words(text), false),
            QueryTerm::Prefix(text) => (normalized_words(text), true),
        })
        .collect();
    let tokens = words_of(text);
    let mut ranges = Vec::new();
    for start in 0..tokens.len() {
        let fits = |(words, prefix): &&(Vec<String>, bool)| {
            let Some(window) = tokens.get(start..start + words.len()) else {
                return false;
            };
            let last = words.len().saturating_sub(1);
            let mut pairs = words.iter().zip(window).enumerate();
            !words.is_empty()
                && pairs.all(|(place, (word, token))| {
                    let begins = *prefix && place == last;
                    token.text == *word || (begins && token.text.starts_with(word.as_str()))
                })
        };
        let longest = patterns
            .iter()
            .filter(fits)
            .map(|(words, _)| words.len())
            .max();
        if let Some(count) = longest {
            ranges.push(TextRange {
                start: tokens[start].range.start,
                end: tokens[start + count - 1].range.end,
            });
        }
    }
    // A word of a phrase that was found is no match of its own.
    ranges.dedup_by(|later, earlier| later.start < earlier.end);
    ranges
}

fn normalized_words(text: &str) -> Vec<String> {
    words_of(text).into_iter().map(|word| word.text).collect()
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
        let shown = |query: &str, text: &str| -> Vec<String> {
            let ranges = highlights(&parse_terms(query), text);
            ranges
                .iter()
                .map(|range| range.slice(text, 0).to_owned())
                .collect()
        };
        let text = "Der größte Naïveté-Test: zero-sum GAMES, zero games, e\u{301}lan.";
        assert_eq!(
            shown("naivete groesste größte", text),
            ["größte", "Naïveté"]
        );
        assert_eq!(
            shown("\"zero sum\" games", text),
            ["zero-sum", "GAMES", "games"]
        );
        assert_eq!(shown("zero-sum zero", text), ["zero-sum", "zero"]);
        assert_eq!(shown("gam* élan", text), ["GAMES", "games", "e\u{301}lan"]);
        assert_eq!(shown("gam zer", text), [""; 0]);
    }
}
