//! The keyword index in `SQLite`'s FTS5: postings, document frequencies, BM25 scores, passage lengths.
//!
//! Terms are case-folded and stripped of diacritics. The counts of a passage are fixed for as long as its
//! key is in the store; scores and document frequencies change with every write.

use rusqlite::{Connection, Row, params};

use super::{PassageKey, StoreError, View};

/// Consecutive terms, normalized as in FTS5's index. No term matches another one of the sequence, so two
/// occurrences of the sequence in a text never overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermSequence {
    terms: Vec<String>,
    /// Whether the last term is a prefix.
    is_prefix: bool,
}

impl TermSequence {
    /// Creates a sequence of normalized terms; `None` if it is empty or could overlap with itself.
    #[must_use]
    pub fn new(terms: Vec<String>, is_prefix: bool) -> Option<Self> {
        let (last, preceding) = terms.split_last()?;
        let repeats_earlier = |i: usize| preceding[..i].contains(&preceding[i]);
        let is_distinct = if is_prefix {
            !preceding.iter().any(|term| term.starts_with(last))
        } else {
            !preceding.contains(last)
        };
        let is_distinct = is_distinct && !(1..preceding.len()).any(repeats_earlier);
        is_distinct.then_some(Self { terms, is_prefix })
    }

    /// Returns the term if the sequence is a single whole word.
    #[must_use]
    pub fn as_single_term(&self) -> Option<&str> {
        match self.terms.as_slice() {
            [word] if !self.is_prefix => Some(word),
            _ => None,
        }
    }

    /// Returns a string that is unique to the sequence.
    #[must_use]
    pub fn cache_key(&self) -> String {
        let mut key = self.terms.join(" ");
        if self.is_prefix {
            key.push('*');
        }
        key
    }
}

/// A passage with its term frequency, or with its length in words.
pub type Posting = (PassageKey, u32);

/// Up to this many passages a phrase is counted passage by passage, at 5 microseconds each; above, from
/// the positions of its words, at half a microsecond per position.
const MAX_ROW_BY_ROW_PASSAGES: usize = 1000;

impl View {
    /// Returns the postings of a term sequence, in key order.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn postings(&self, sequence: &TermSequence) -> Result<Vec<Posting>, StoreError> {
        let Some((first, following)) = sequence.terms.split_first() else {
            return Ok(Vec::new());
        };
        if !following.is_empty()
            && let Some(counts) =
                self.postings_after(sequence, PassageKey(i64::MIN), MAX_ROW_BY_ROW_PASSAGES)?
        {
            return Ok(counts);
        }
        let is_prefix_at = |distance| sequence.is_prefix && distance == following.len();
        self.with_connection(|connection| {
            let mut starts = term_positions(connection, first, is_prefix_at(0))?;
            for (distance, word) in (1..).zip(following) {
                let positions = term_positions(connection, word, is_prefix_at(distance))?;
                let distance = i64::try_from(distance).unwrap_or(i64::MAX);
                starts.retain(|(key, position)| {
                    positions
                        .binary_search(&(*key, position + distance))
                        .is_ok()
                });
            }
            let mut counts: Vec<Posting> = Vec::new();
            for (key, _) in starts {
                match counts.last_mut() {
                    Some((last, count)) if last.0 == key => *count += 1,
                    _ => counts.push((PassageKey(key), 1)),
                }
            }
            Ok(counts)
        })
    }

    /// Returns the postings of a term sequence after a key, read passage by passage; `None` if there are
    /// more than `max_passages`.
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
            // Highlighting inserts one letter per occurrence, so the growth is the count.
            let mut statement = connection.prepare_cached(
                "SELECT rowid, octet_length(highlight(passages_fts, 0, 'x', '')) - octet_length(text)
                 FROM passages_fts WHERE passages_fts MATCH ?1 AND rowid > ?2 ORDER BY rowid LIMIT ?3",
            )?;
            let expression = match_expression(&sequence.terms.join(" "), sequence.is_prefix);
            let limit = i64::try_from(max_passages).map_or(i64::MAX, |max| max.saturating_add(1));
            let counts = statement
                .query_map(params![expression, after.0, limit], read_posting)?
                .collect::<rusqlite::Result<Vec<Posting>>>()?;
            Ok((counts.len() <= max_passages).then_some(counts))
        })
    }

    /// Returns the lengths in words of the passages after a key, in key order.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn passage_lengths_after(&self, after: PassageKey) -> Result<Vec<Posting>, StoreError> {
        self.with_connection(|connection| {
            // FTS5 documents this shadow table: a blob with one varint per column.
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

    /// Visits the passages that contain a phrase or a prefix, in no order, each with the BM25 score FTS5
    /// gives it. FTS5 tokenizes and normalizes the text.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn for_each_bm25_score(
        &self,
        text: &str,
        is_prefix: bool,
        mut visit: impl FnMut(PassageKey, f64),
    ) -> Result<(), StoreError> {
        let expression = match_expression(text, is_prefix);
        self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT rowid, bm25(passages_fts) FROM passages_fts WHERE passages_fts MATCH ?1",
            )?;
            let mut rows = statement.query([expression])?;
            while let Some(row) = rows.next()? {
                let score: f64 = row.get(1)?;
                // In FTS5 lower scores are better.
                visit(PassageKey(row.get(0)?), -score);
            }
            Ok(())
        })
    }

    /// Returns the document frequency of each term; terms must be normalized as FTS5 does.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn document_frequencies(&self, words: &[&str]) -> Result<Vec<usize>, StoreError> {
        self.with_connection(|connection| {
            let mut frequency = connection
                .prepare_cached("SELECT coalesce(max(doc), 0) FROM fts_vocab WHERE term = ?1")?;
            let read = |word: &&str| Ok(frequency.query_row([word], |row| row.get(0))?);
            words.iter().map(read).collect()
        })
    }

    /// Visits all terms of the corpus, each with its document frequency.
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

/// Returns the occurrences of a word or prefix as passage key and position, in that order.
fn term_positions(
    connection: &Connection,
    word: &str,
    is_prefix: bool,
) -> Result<Vec<(i64, i64)>, StoreError> {
    // The table only exposes the FTS5 index, so it need not be in the file.
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
    let mut positions = statement
        .query_map([word, &last], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    // Those of one word arrive sorted, but SQLite does not guarantee it.
    positions.sort_unstable();
    Ok(positions)
}

fn read_posting(row: &Row<'_>) -> rusqlite::Result<Posting> {
    Ok((PassageKey(row.get(0)?), row.get(1)?))
}

/// Decodes `SQLite`'s variable-length integer: seven bits per byte, most significant first.
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

/// Builds the FTS5 query for a phrase, or for a phrase that ends in a prefix.
fn match_expression(text: &str, is_prefix: bool) -> String {
    let star = if is_prefix { " *" } else { "" };
    quote_fts5(text) + star
}

/// Quotes any text as a string of FTS5's query syntax.
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
