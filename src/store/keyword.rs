//! Words of passages, by `SQLite`'s FTS5.
//!
//! Words are compared without case and diacritics. A passage's score is BM25 with FTS5's constants
//! (k1 = 1.2, b = 0.75), turned around so that more is better.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rusqlite::Connection;

use super::{PassageKey, StoreError, View};

/// Something to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// A word; a passage need not hold it if it holds another.
    Word(String),
    /// The beginning of a word; likewise.
    Prefix(String),
    /// Words one after the other, which every passage found holds.
    Phrase(String),
}

/// A word is counted anew whenever it is asked for, unless more than one passage of so many holds it.
const FREQUENT: usize = 100;

/// What has been found out about the words of a moment, in which they do not change. Counting a word
/// takes as long as to go through all passages that hold it.
#[derive(Debug, Default)]
pub(super) struct Counted {
    passages: OnceLock<usize>,
    /// In how many passages frequent words stand: at most [`FREQUENT`] times as many words as a
    /// passage has.
    frequent: Mutex<HashMap<String, usize>>,
}

impl Counted {
    /// Number of passages.
    fn passages(&self, connection: &Connection) -> rusqlite::Result<usize> {
        if let Some(passages) = self.passages.get() {
            return Ok(*passages);
        }
        let passages = connection
            .prepare_cached("SELECT count(*) FROM passages INDEXED BY passages_by_key")?
            .query_row([], |row| row.get(0))?;
        Ok(*self.passages.get_or_init(|| passages))
    }

    /// In how many passages a word stands.
    fn holding(&self, connection: &Connection, word: String) -> rusqlite::Result<usize> {
        let known = self.frequent().get(&word).copied();
        if let Some(holding) = known {
            return Ok(holding);
        }
        let holding = frequency(connection)?.query_row([&word], |row| row.get(0))?;
        if holding > self.passages(connection)? / FREQUENT {
            self.frequent().insert(word, holding);
        }
        Ok(holding)
    }

    fn frequent(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        // Nothing panics while it is locked.
        self.frequent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View {
    /// Visits the passages that hold the terms, in no order, each with its BM25 score: those with
    /// all phrases and, if there are none, at least one of the words. Gives the terms that were
    /// looked for: of several, words that most passages hold are none.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn matching(
        &self,
        terms: &[Term],
        mut visit: impl FnMut(PassageKey, f32),
    ) -> Result<Vec<Term>, StoreError> {
        self.with(|connection| {
            let telling = telling(&self.counted, connection, terms)?;
            let Some(expression) = expression(&telling) else {
                return Ok(telling);
            };
            let mut statement = connection
                .prepare_cached("SELECT rowid, bm25(words) FROM words WHERE words MATCH ?1")?;
            let mut rows = statement.query([expression])?;
            while let Some(row) = rows.next()? {
                let score: f64 = row.get(1)?;
                #[allow(clippy::cast_possible_truncation)] // a score of a few digits
                visit(PassageKey(row.get(0)?), -score as f32);
            }
            Ok(telling)
        })
    }
}

impl View {
    /// In how many passages each of these words stands, folded as FTS5 folds them.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn frequencies(&self, words: &[&str]) -> Result<Vec<usize>, StoreError> {
        self.with(|connection| {
            let mut frequency = frequency(connection)?;
            let of = |word: &&str| Ok(frequency.query_row([word], |row| row.get(0))?);
            words.iter().map(of).collect()
        })
    }

    /// Visits all words with the numbers of passages in which they stand.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn for_each_word(&self, mut visit: impl FnMut(&str, usize)) -> Result<(), StoreError> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached("SELECT term, doc FROM vocabulary")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let word = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
                visit(word, row.get(1)?);
            }
            Ok(())
        })
    }
}

/// In how many passages a word stands.
fn frequency(connection: &Connection) -> rusqlite::Result<rusqlite::CachedStatement<'_>> {
    connection.prepare_cached("SELECT coalesce(max(doc), 0) FROM vocabulary WHERE term = ?1")
}

/// The terms without the words that more than half of all passages hold: BM25 gives them no weight
/// that counts, and comparing them takes longer than all the rest. All of them if nothing were left.
fn telling(
    counted: &Counted,
    connection: &Connection,
    terms: &[Term],
) -> Result<Vec<Term>, StoreError> {
    if terms.len() < 2 {
        return Ok(terms.to_vec());
    }
    let half = counted.passages(connection)? / 2;
    let mut telling = Vec::new();
    for term in terms {
        let common = match term {
            Term::Word(word) => counted.holding(connection, word.to_lowercase())? > half,
            Term::Prefix(_) | Term::Phrase(_) => false,
        };
        if !common {
            telling.push(term.clone());
        }
    }
    Ok(if telling.is_empty() {
        terms.to_vec()
    } else {
        telling
    })
}

/// The terms in FTS5's language: each is a string there, whatever stands in it.
fn expression(terms: &[Term]) -> Option<String> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let (mut phrases, mut words) = (Vec::new(), Vec::new());
    for term in terms {
        match term {
            Term::Word(text) => words.push(quoted(text)),
            Term::Prefix(text) => words.push(format!("{} *", quoted(text))),
            Term::Phrase(text) => phrases.push(quoted(text)),
        }
    }
    let (phrases, words) = (phrases.join(" AND "), words.join(" OR "));
    match (phrases.is_empty(), words.is_empty()) {
        (true, true) => None,
        (true, false) => Some(words),
        (false, true) => Some(phrases),
        // Words add to the score of what holds the phrases.
        (false, false) => Some(format!("({phrases}) OR (({phrases}) AND ({words}))")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_looked_for_is_a_string_to_fts5() {
        let terms = [
            Term::Word("a\"b OR c".to_owned()),
            Term::Prefix("secur".to_owned()),
        ];
        assert_eq!(
            expression(&terms).unwrap(),
            "\"a\"\"b OR c\" OR \"secur\" *"
        );
        let terms = [
            Term::Phrase("two states".to_owned()),
            Term::Word("peace".to_owned()),
        ];
        assert_eq!(
            expression(&terms).unwrap(),
            "(\"two states\") OR ((\"two states\") AND (\"peace\"))"
        );
        assert_eq!(expression(&[]), None);
    }
}
