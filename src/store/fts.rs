//! Words of passages, by `SQLite`'s FTS5: who holds a word, how often, and how long passages are.
//!
//! Words are compared without case and diacritics. Counts of a passage never change as long as its key is
//! in the store; scores and frequencies do.

use rusqlite::{Connection, Row, params};

use super::{PassageKey, StoreError, TermSequence, View};

/// Something to look for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum QueryTerm {
    /// A word; a passage need not hold it if it holds another.
    Word(String),
    /// The beginning of a word; likewise.
    Prefix(String),
    /// Words one after the other, which every passage found holds.
    Phrase(String),
}

/// A number of a passage: how often it holds a word, or how many words it has.
pub type Posting = (PassageKey, u32);

/// Passages that are read one by one, rather than all places of the words: 5 microseconds each, where a
/// place takes a tenth of one.
const MAX_ROW_BY_ROW_PASSAGES: usize = 1000;

impl View {
    /// The passages in which a sequence of words stands, and how often: in the order of keys.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn postings(&self, sequence: &TermSequence) -> Result<Vec<Posting>, StoreError> {
        let Some((first, others)) = sequence.terms().split_first() else {
            return Ok(Vec::new());
        };
        if !others.is_empty()
            && let Some(counts) =
                self.postings_after(sequence, PassageKey(i64::MIN), MAX_ROW_BY_ROW_PASSAGES)?
        {
            return Ok(counts);
        }
        let is_prefix_at = |distance| sequence.is_prefix() && distance == others.len();
        self.with_connection(|connection| {
            let mut starts = term_positions(connection, first, is_prefix_at(0))?;
            for (distance, word) in (1..).zip(others) {
                let places = term_positions(connection, word, is_prefix_at(distance))?;
                let distance = i64::try_from(distance).unwrap_or(i64::MAX);
                starts
                    .retain(|(key, place)| places.binary_search(&(*key, place + distance)).is_ok());
            }
            let mut counts: Vec<Posting> = Vec::new();
            for (key, _) in starts {
                match counts.last_mut() {
                    Some((last, times)) if last.0 == key => *times += 1,
                    _ => counts.push((PassageKey(key), 1)),
                }
            }
            Ok(counts)
        })
    }

    /// The same of the passages after a key, which are read one by one; `None` if it stands in more than
    /// `most`.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn postings_after(
        &self,
        sequence: &TermSequence,
        after: PassageKey,
        max_passages: usize,
    ) -> Result<Option<Vec<Posting>>, StoreError> {
        self.with_connection(|connection| {
            // Each time they stand there, highlighting adds one letter.
            let mut statement = connection.prepare_cached(
                "SELECT rowid, octet_length(highlight(passages_fts, 0, 'x', '')) - octet_length(text)
                 FROM passages_fts WHERE passages_fts MATCH ?1 AND rowid > ?2 ORDER BY rowid LIMIT ?3",
            )?;
            let star = if sequence.is_prefix() { " *" } else { "" };
            let expression = quote_fts5(&sequence.terms().join(" ")) + star;
            let one_more =
                i64::try_from(max_passages).map_or(i64::MAX, |most| most.saturating_add(1));
            let counts = statement
                .query_map(params![expression, after.0, one_more], read_posting)?
                .collect::<rusqlite::Result<Vec<Posting>>>()?;
            Ok((counts.len() <= max_passages).then_some(counts))
        })
    }

    /// How many words the passages after a key have, in the order of keys.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn passage_lengths_after(&self, after: PassageKey) -> Result<Vec<Posting>, StoreError> {
        self.with_connection(|connection| {
            // FTS5 keeps them in a table of its own, as its documentation has it: a number a column.
            let mut statement = connection.prepare_cached(
                "SELECT id, sz FROM passages_fts_docsize WHERE id > ?1 ORDER BY id",
            )?;
            let length = |row: &Row<'_>| {
                let size = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
                Ok((PassageKey(row.get(0)?), read_varint(size)))
            };
            let lengths = statement.query_map([after.0], length)?;
            Ok(lengths.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Visits the passages that hold a term, in no order, each with its BM25 score: FTS5's own.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn for_each_bm25_score(
        &self,
        term: &QueryTerm,
        mut visit: impl FnMut(PassageKey, f64),
    ) -> Result<(), StoreError> {
        let expression = match term {
            QueryTerm::Word(text) | QueryTerm::Phrase(text) => quote_fts5(text),
            QueryTerm::Prefix(text) => format!("{} *", quote_fts5(text)),
        };
        self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT rowid, bm25(passages_fts) FROM passages_fts WHERE passages_fts MATCH ?1",
            )?;
            let mut rows = statement.query([expression])?;
            while let Some(row) = rows.next()? {
                let score: f64 = row.get(1)?;
                // FTS5 has it that less is better.
                visit(PassageKey(row.get(0)?), -score);
            }
            Ok(())
        })
    }

    /// In how many passages each of these words stands, folded as FTS5 folds them.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn document_frequencies(&self, words: &[&str]) -> Result<Vec<usize>, StoreError> {
        self.with_connection(|connection| {
            let mut frequency = connection
                .prepare_cached("SELECT coalesce(max(doc), 0) FROM fts_vocab WHERE term = ?1")?;
            let of = |word: &&str| Ok(frequency.query_row([word], |row| row.get(0))?);
            words.iter().map(of).collect()
        })
    }

    /// Visits all words with the numbers of passages in which they stand.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn for_each_term(&self, mut visit: impl FnMut(&str, usize)) -> Result<(), StoreError> {
        self.with_connection(|connection| {
            let mut statement = connection.prepare_cached("SELECT term, doc FROM fts_vocab")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let word = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
                visit(word, row.get(1)?);
            }
            Ok(())
        })
    }
}

/// Everywhere a word stands, or one that begins so: passages and places in them, in order.
fn term_positions(
    connection: &Connection,
    word: &str,
    is_prefix: bool,
) -> Result<Vec<(i64, i64)>, StoreError> {
    // It is nothing but a way to read `passages_fts`, so it need not be in the file.
    connection.execute_batch(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.fts_vocab_instance USING fts5vocab (main, passages_fts, instance)",
    )?;
    let mut statement = connection.prepare_cached(
        "SELECT doc, offset FROM temp.fts_vocab_instance WHERE term >= ?1 AND term <= ?2",
    )?;
    let mut last = word.to_owned();
    if is_prefix {
        last.push(char::MAX);
    }
    let mut places = statement
        .query_map([word, &last], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    // Those of one word come so already, but nobody promises it.
    places.sort_unstable();
    Ok(places)
}

fn read_posting(row: &Row<'_>) -> rusqlite::Result<Posting> {
    Ok((PassageKey(row.get(0)?), row.get(1)?))
}

/// A number of variable length, as `SQLite` writes it: seven bits a byte, the highest first.
fn read_varint(bytes: &[u8]) -> u32 {
    let mut number: u32 = 0;
    for byte in bytes {
        number = (number << 7) | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

/// A string in FTS5's language, whatever stands in it.
fn quote_fts5(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_text_is_quoted_for_fts5() {
        assert_eq!(quote_fts5("a\"b OR c"), "\"a\"\"b OR c\"");
    }

    #[test]
    fn varints_are_read_as_sqlite_writes_them() {
        for (bytes, expected) in [
            (&[0x00][..], 0),
            (&[0x6e], 110),
            (&[0x81, 0x00], 128),
            (&[0x82, 0xac, 0x7f], 38_527),
            (&[], 0),
        ] {
            assert_eq!(read_varint(bytes), expected, "{bytes:?}");
        }
    }
}
