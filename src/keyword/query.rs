//! Keyword queries: text to terms.

/// A term of a keyword query.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum QueryTerm {
    /// A word; optional if the query has several.
    Word(String),
    /// The prefix of a word; likewise optional.
    Prefix(String),
    /// Consecutive words, required in every hit.
    Phrase(String),
}

impl QueryTerm {
    /// Returns the text of the term, as in the query.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Prefix(text) | Self::Phrase(text) => text,
        }
    }

    /// Returns whether the last word of the text is a prefix.
    #[must_use]
    pub fn is_prefix(&self) -> bool {
        matches!(self, Self::Prefix(_))
    }
}

/// Parses the terms of a query: words, `prefix*`, and `"phrases"`. An unpaired quotation mark is
/// ignored, and so are terms without a letter or digit.
///
/// ```
/// use antiphon::keyword::{QueryTerm, parse_terms};
///
/// let terms = parse_terms("\"two states\" sover*");
/// assert_eq!(terms[0], QueryTerm::Phrase("two states".to_owned()));
/// assert_eq!(terms[1], QueryTerm::Prefix("sover".to_owned()));
/// ```
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
}
