//! Search by words.

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
}
