//! Words as FTS5 folds them, without asking it.

use crate::passages::words;

use super::Term;

/// Words that stand one after the other, in the form in which FTS5 keeps them. None of them could stand
/// in the place of another, so where the sequence stands twice the two do not overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    words: Vec<String>,
    /// Whether the last one is but the beginning of a word.
    open: bool,
}

impl Sequence {
    /// What a term stands for, if that can be told without FTS5.
    #[must_use]
    pub fn of(term: &Term) -> Option<Self> {
        let (text, open) = match term {
            Term::Word(text) | Term::Phrase(text) => (text, false),
            Term::Prefix(text) => (text, true),
        };
        let words = folded(text)?;
        let (last, others) = words.split_last()?;
        let twice = |at: usize| others[..at].contains(&others[at]);
        let apart = if open {
            !others.iter().any(|word| word.starts_with(last))
        } else {
            !others.contains(last)
        };
        let apart = apart && !(1..others.len()).any(twice);
        apart.then_some(Self { words, open })
    }

    /// The words; of the last one it may be the beginning only.
    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    /// Whether the last one is but the beginning of a word.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// The word that it is, if it is one.
    #[must_use]
    pub fn word(&self) -> Option<&str> {
        match self.words.as_slice() {
            [word] if !self.open => Some(word),
            _ => None,
        }
    }

    /// What no other sequence is called.
    #[must_use]
    pub fn name(&self) -> String {
        let mut name = self.words.join(" ");
        if self.open {
            name.push('*');
        }
        name
    }
}

/// The words of a text in the form in which FTS5 keeps them; `None` where a character might be folded
/// in another way there, which has its tables from Unicode 6.1.
fn folded(text: &str) -> Option<Vec<String>> {
    let known = text.chars().all(is_known);
    known.then(|| words(text).into_iter().map(|word| word.text).collect())
}

/// Latin and Cyrillic letters and their punctuation, but for rare ones. A test compares them all.
fn is_known(character: char) -> bool {
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
    fn words_are_folded_as_fts5_folds_them() {
        let fts = Connection::open_in_memory().unwrap();
        fts.execute_batch(
            "CREATE VIRTUAL TABLE passages_fts USING fts5 (
                text, tokenize = 'unicode61 remove_diacritics 2'
             );
             CREATE VIRTUAL TABLE fts_vocab_instance USING fts5vocab (passages_fts, instance);",
        )
        .unwrap();
        let mut known = Vec::new();
        for character in ('\0'..=char::MAX).filter(|c| is_known(*c)) {
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
                folded(text)
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
    fn terms_that_could_overlap_are_left_to_fts5() {
        let (word, prefix, phrase) = (
            |t: &str| Term::Word(t.to_owned()),
            |t: &str| Term::Prefix(t.to_owned()),
            |t: &str| Term::Phrase(t.to_owned()),
        );
        let name = |term: &Term| Sequence::of(term).map(|sequence| sequence.name());
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
        assert_eq!(Sequence::of(&word("Water,")).unwrap().word(), Some("water"));
        assert_eq!(Sequence::of(&prefix("water")).unwrap().word(), None);
    }

    #[test]
    fn what_fts5_might_fold_otherwise_is_not_guessed() {
        assert_eq!(folded("Sécurité, A-1").unwrap(), ["securite", "a", "1"]);
        for text in ["नमस्ते", "한국", "a\u{301}", "网络", "ειρήνης", "\0"] {
            assert_eq!(folded(text), None, "{text}");
        }
    }
}
