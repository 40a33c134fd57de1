//! Normalizes query terms as FTS5 does, without a round trip to it.

use crate::passages::tokenize_words;
use crate::store::TermSequence;

use super::QueryTerm;

/// Normalizes a query term; `None` if only FTS5 can: rare characters, or a sequence that could overlap
/// with itself.
pub(super) fn term_sequence(term: &QueryTerm) -> Option<TermSequence> {
    TermSequence::new(normalize_terms(term.text())?, term.is_prefix())
}

/// Returns the normalized terms of a text; `None` if FTS5, whose tables are those of Unicode 6.1, might
/// fold one of its characters differently.
fn normalize_terms(text: &str) -> Option<Vec<String>> {
    let is_supported = text.chars().all(folds_like_fts5);
    is_supported.then(|| {
        tokenize_words(text)
            .into_iter()
            .map(|word| word.text)
            .collect()
    })
}

/// Returns whether a character is one of the common Latin and Cyrillic letters and punctuation marks,
/// which a test compares with FTS5 one by one.
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
        let mut inserted = Vec::new();
        for character in ('\0'..=char::MAX).filter(|c| folds_like_fts5(*c)) {
            // On its own, inside a word, and before another letter.
            let text = format!("{character} Ab{character}c {character}D");
            let number = u32::from(character);
            fts.execute(
                "INSERT INTO passages_fts (rowid, text) VALUES (?1, ?2)",
                (number, &text),
            )
            .unwrap();
            inserted.push((number, text));
        }
        let mut from_fts5 = fts
            .prepare("SELECT doc, offset, term FROM fts_vocab_instance ORDER BY doc, offset")
            .unwrap();
        let from_fts5 = from_fts5
            .query_map([], |row| Ok((row.get(0)?, row.get(2)?)))
            .unwrap()
            .collect::<rusqlite::Result<Vec<(u32, String)>>>()
            .unwrap();
        let ours: Vec<(u32, String)> = inserted
            .iter()
            .flat_map(|(number, text)| {
                normalize_terms(text)
                    .unwrap()
                    .into_iter()
                    .map(|word| (*number, word))
            })
            .collect();
        let differ: Vec<char> = inserted
            .iter()
            .map(|(number, _)| *number)
            .filter(|number| {
                let terms = |all: &[(u32, String)]| -> Vec<String> {
                    let here = all.iter().filter(|(n, _)| n == number);
                    here.map(|(_, word)| word.clone()).collect()
                };
                terms(&ours) != terms(&from_fts5)
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
        let cache_key = |term: &QueryTerm| term_sequence(term).map(|sequence| sequence.cache_key());
        for (term, expected) in [
            (word("Water,"), Some("water")),
            (prefix("Zéro-Su"), Some("zero su*")),
            (phrase("the law of the sea"), None),
            (phrase("law of the sea"), Some("law of the sea")),
            (prefix("zero-zer"), None),
            (prefix("zer-zero"), Some("zer zero*")),
            (word("…"), None),
        ] {
            assert_eq!(cache_key(&term).as_deref(), expected, "{term:?}");
        }
        assert_eq!(
            term_sequence(&word("Water,")).unwrap().as_single_term(),
            Some("water")
        );
        assert_eq!(
            term_sequence(&prefix("water")).unwrap().as_single_term(),
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
