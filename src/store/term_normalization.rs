//! Words as FTS5 folds them, without asking it.

use crate::passages::tokenize_words;

use super::QueryTerm;

/// Words that stand one after the other, in the form in which FTS5 keeps them. None of them could stand
/// in the place of another, so where the sequence stands twice the two do not overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermSequence {
    terms: Vec<String>,
    /// Whether the last one is but the beginning of a word.
    is_prefix: bool,
}

impl TermSequence {
    /// What a term stands for, if that can be told without FTS5.
    #[must_use]
    pub fn from_term(term: &QueryTerm) -> Option<Self> {
        let (text, is_prefix) = match term {
            QueryTerm::Word(text) | QueryTerm::Phrase(text) => (text, false),
            QueryTerm::Prefix(text) => (text, true),
        };
        let words = normalize_terms(text)?;
        let (last, others) = words.split_last()?;
        let repeats_earlier = |at: usize| others[..at].contains(&others[at]);
        let apart = if is_prefix {
            !others.iter().any(|word| word.starts_with(last))
        } else {
            !others.contains(last)
        };
        let apart = apart && !(1..others.len()).any(repeats_earlier);
        apart.then_some(Self {
            terms: words,
            is_prefix,
        })
    }

    /// The words; of the last one it may be the beginning only.
    pub(super) fn terms(&self) -> &[String] {
        &self.terms
    }

    /// Whether the last one is but the beginning of a word.
    pub(super) fn is_prefix(&self) -> bool {
        self.is_prefix
    }

    /// The word that it is, if it is one.
    #[must_use]
    pub fn as_single_term(&self) -> Option<&str> {
        match self.terms.as_slice() {
            [word] if !self.is_prefix => Some(word),
            _ => None,
        }
    }

    /// What no other sequence is called.
    #[must_use]
    pub fn cache_key(&self) -> String {
        let mut name = self.terms.join(" ");
        if self.is_prefix {
            name.push('*');
        }
        name
    }
}

/// The words of a text in the form in which FTS5 keeps them; `None` where a character might be folded
/// in another way there, which has its tables from Unicode 6.1.
fn normalize_terms(text: &str) -> Option<Vec<String>> {
    let known = text.chars().all(folds_like_fts5);
    known.then(|| {
        tokenize_words(text)
            .into_iter()
            .map(|word| word.text)
            .collect()
    })
}

/// Latin and Cyrillic letters and their punctuation, but for rare ones. A test compares them all.
fn folds_like_fts5(character: char) -> bool {
    matches!(
        character,
        '\u{1}'..='\u{7f}'
            | '\u{a0}'..='\u{b4}'
            | '\u{b6}'..='\u{17e}'
            | '\u{218}'..='\u{21b}'
            | '\u{400}'..='\u{527}'
            | '\u{1ea0}'..='\u{1ef9}'
            | '\u{2010}'..='\u{2027}'
            | '\u{2030}'..='\u{205e}'
    )
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn terms_are_normalized_as_fts5_does() {
        let fts = Connection::open_in_memory().unwrap();
        fts.execute_batch(
            "CREATE VIRTUAL TABLE passages_fts USING fts5 (
                text, tokenize = 'unicode61 remove_diacritics 2'
             );
             CREATE VIRTUAL TABLE fts_vocab_instance USING fts5vocab (passages_fts, instance);",
        )
        .unwrap();
        let mut known = Vec::new();
        for character in ('\0'..=char::MAX).filter(|c| folds_like_fts5(*c)) {
            // Alone, inside of a word, and before another letter.
            let text = format!("{character} Ab{character}c {character}D");
            let number = u32::from(character);
            fts.execute(
                "INSERT INTO passages_fts (rowid, text) VALUES (?1, ?2)",
                (number, &text),
            )
            .unwrap();
            known.push((number, text));
        }
        let mut theirs = fts
            .prepare("SELECT doc, offset, term FROM fts_vocab_instance ORDER BY doc, offset")
            .unwrap();
        let theirs = theirs
            .query_map([], |row| Ok((row.get(0)?, row.get(2)?)))
            .unwrap()
            .collect::<rusqlite::Result<Vec<(u32, String)>>>()
            .unwrap();
        let ours: Vec<(u32, String)> = known
            .iter()
            .flat_map(|(number, text)| {
                normalize_terms(text)
                    .unwrap()
                    .into_iter()
                    .map(|word| (*number, word))
            })
            .collect();
        let differ: Vec<char> = known
            .iter()
            .map(|(number, _)| *number)
            .filter(|number| {
                let of = |all: &[(u32, String)]| -> Vec<String> {
                    let here = all.iter().filter(|(n, _)| n == number);
                    here.map(|(_, word)| word.clone()).collect()
                };
                of(&ours) != of(&theirs)
            })
            .map(|n| char::from_u32(n).unwrap())
            .collect();
        assert_eq!(differ, [' '; 0]);
    }

    #[test]
    fn self_overlapping_sequences_are_left_to_fts5() {
        let (word, prefix, phrase) = (
            |t: &str| QueryTerm::Word(t.to_owned()),
            |t: &str| QueryTerm::Prefix(t.to_owned()),
            |t: &str| QueryTerm::Phrase(t.to_owned()),
        );
        let name =
            |term: &QueryTerm| TermSequence::from_term(term).map(|sequence| sequence.cache_key());
        for (term, expected) in [
            (word("Water,"), Some("water")),
            (prefix("Zéro-Su"), Some("zero su*")),
            (phrase("the law of the sea"), None),
            (phrase("law of the sea"), Some("law of the sea")),
            (prefix("zero-zer"), None),
            (prefix("zer-zero"), Some("zer zero*")),
            (word("…"), None),
        ] {
            assert_eq!(name(&term).as_deref(), expected, "{term:?}");
        }
        assert_eq!(
            TermSequence::from_term(&word("Water,"))
                .unwrap()
                .as_single_term(),
            Some("water")
        );
        assert_eq!(
            TermSequence::from_term(&prefix("water"))
                .unwrap()
                .as_single_term(),
            None
        );
    }

    #[test]
    fn characters_fts5_may_fold_differently_are_rejected() {
        assert_eq!(
            normalize_terms("Sécurité, A-1").unwrap(),
            ["securite", "a", "1"]
        );
        for text in ["नमस्ते", "한국", "a\u{301}", "网络", "ειρήνης", "\0"] {
            assert_eq!(normalize_terms(text), None, "{text}");
        }
    }
}
