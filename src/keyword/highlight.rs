//! Highlights the matches of a keyword query in a text.

use crate::passages::{TextRange, tokenize_words};

use super::QueryTerm;

/// Returns the ranges of a text that match the terms, in characters; a phrase is one range. Words are
/// compared as by FTS5's tokenizer `unicode61`, without case and diacritics.
#[must_use]
pub fn highlights(terms: &[QueryTerm], text: &str) -> Vec<TextRange> {
    let patterns: Vec<(Vec<String>, bool)> = terms
        .iter()
        .map(|term| (normalized_words(term.text()), term.is_prefix()))
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
    use crate::keyword::parse_terms;

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
