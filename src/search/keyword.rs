//! Search by words.

use crate::passages::{TextRange, words as words_of};
use crate::store::Term;

/// The terms of a query: words, `begin*` for words that begin so, and `"several words"` that stand
/// one after the other. A quotation mark without its other half counts as none; what holds neither
/// letter nor digit is left out.
#[must_use]
pub fn terms(query: &str) -> Vec<Term> {
    // FTS5 reads no further than a NUL.
    let query = query.replace('\0', " ").replace(['“', '”', '„'], "\"");
    let mut terms = Vec::new();
    let mut rest = query.as_str();
    while let Some((before, after)) = rest.split_once('"') {
        let Some((phrase, later)) = after.split_once('"') else {
            break;
        };
        terms.extend(words(before));
        terms.extend(holds_word(phrase).then(|| Term::Phrase(phrase.trim().to_owned())));
        rest = later;
    }
    terms.extend(words(rest));
    terms
}

fn words(text: &str) -> impl Iterator<Item = Term> {
    let words = text.split(|c: char| c.is_whitespace() || c == '"');
    words.filter(|word| holds_word(word)).map(|word| {
        let begin = word.trim_end_matches('*');
        let beginning = begin.len() < word.len() && begin.ends_with(char::is_alphanumeric);
        if beginning {
            Term::Prefix(begin.to_owned())
        } else {
            Term::Word(word.to_owned())
        }
    })
}

fn holds_word(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

/// Where a text holds the terms, in its characters; a phrase is one range. Words are compared as
/// FTS5's tokenizer `unicode61` does it: without case and diacritics.
pub(super) fn highlights(terms: &[Term], text: &str) -> Vec<TextRange> {
    let wanted: Vec<(Vec<String>, bool)> = terms
        .iter()
        .map(|term| match term {
            Term::Word(text) | Term::Phrase(text) => (folded_words(text), false),
            Term::Prefix(text) => (folded_words(text), true),
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
        let longest = wanted
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

fn folded_words(text: &str) -> Vec<String> {
    words_of(text).into_iter().map(|word| word.text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_words_beginnings_and_phrases() {
        let (word, prefix, phrase) = (
            |t: &str| Term::Word(t.to_owned()),
            |t: &str| Term::Prefix(t.to_owned()),
            |t: &str| Term::Phrase(t.to_owned()),
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
            assert_eq!(terms(query), expected, "{query}");
        }
    }

    #[test]
    fn words_phrases_and_beginnings_are_shown_where_they_stand() {
        let shown = |query: &str, text: &str| -> Vec<String> {
            let ranges = highlights(&terms(query), text);
            ranges
                .iter()
                .map(|range| range.within(text, 0).to_owned())
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
