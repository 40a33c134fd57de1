//! Reads for the index: embeddings to build it from, and keys and hashes to detect what changed.

use std::collections::HashMap;

use super::rows::{self, SUMMARY_COLUMNS};
use super::{
    ContentHash, DocumentEntry, DocumentSummary, PassageEntry, PassageKey, StoreError,
    StoreManifest, StoredVector, View,
};

impl View {
    /// Visits every passage's embedding, by document id and ordinal, until the visitor fails.
    ///
    /// # Errors
    ///
    /// If the database cannot be read, an embedding is damaged, or the visitor fails.
    pub fn for_each_vector<E: From<StoreError>>(
        &self,
        mut visit: impl FnMut(StoredVector<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT p.key, e.vector
                 FROM documents d
                 JOIN passages p ON p.document = d.key
                 JOIN embeddings e ON e.passage = p.key
                 ORDER BY d.id, p.ordinal",
            )?;
            let mut rows = statement.query([])?;
            let mut vector = Vec::new();
            while let Some(row) = rows.next()? {
                let key: i64 = row.get(0)?;
                let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
                let record = || format!("passage {key}");
                rows::decode_f32s(bytes, self.fingerprint().dimension, record, &mut vector)?;
                let stored = StoredVector {
                    key: PassageKey(key),
                    vector: &vector,
                };
                if let Err(error) = visit(stored) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        })?
    }

    /// Returns the keys and hashes of all documents and passages.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn manifest(&self) -> Result<StoreManifest, StoreError> {
        let documents = self.document_entries()?;
        let keys = documents.iter().map(|entry| entry.key);
        let document_indexes: HashMap<i64, u32> = keys.zip(0..).collect();
        let passages = self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT key, document, ordinal, hash FROM passages INDEXED BY passages_by_key
                 ORDER BY key",
            )?;
            let passages = statement.query_map([], |row| {
                let document: i64 = row.get(1)?;
                passage_entry(
                    row,
                    document_indexes.get(&document).copied().unwrap_or(u32::MAX),
                )
            })?;
            Ok(passages.collect::<rusqlite::Result<_>>()?)
        })?;
        Ok(StoreManifest {
            documents,
            passages,
        })
    }

    /// Returns the keys and hashes of all documents, in id order.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn document_entries(&self) -> Result<Vec<DocumentEntry>, StoreError> {
        self.with_connection(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT key, content_hash FROM documents ORDER BY id")?;
            let entries = statement.query_map([], |row| {
                Ok(DocumentEntry {
                    key: row.get(0)?,
                    hash: row.get(1)?,
                })
            })?;
            Ok(entries.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the passages of one document, by ordinal; `document_index` is the document's position among
    /// all documents in id order.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn passage_entries_of(
        &self,
        document: i64,
        document_index: u32,
    ) -> Result<Vec<PassageEntry>, StoreError> {
        self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT key, document, ordinal, hash FROM passages WHERE document = ?1
                 ORDER BY ordinal",
            )?;
            let passages =
                statement.query_map([document], |row| passage_entry(row, document_index))?;
            Ok(passages.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the summaries of these documents, in the given order.
    ///
    /// # Errors
    ///
    /// If the database cannot be read, or a document is missing or damaged.
    pub fn summaries_of(
        &self,
        entries: &[DocumentEntry],
    ) -> Result<Vec<DocumentSummary>, StoreError> {
        self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {SUMMARY_COLUMNS} FROM documents d WHERE d.key = ?1"
            ))?;
            let summary = |entry: &DocumentEntry| {
                let found = statement
                    .query_and_then([entry.key], rows::summary)?
                    .next()
                    .transpose()?;
                found.ok_or(StoreError::Sqlite(rusqlite::Error::QueryReturnedNoRows))
            };
            entries.iter().map(summary).collect()
        })
    }

    /// Visits the sentence embeddings of these passages, each `[sentences, dimension]` flattened, in the
    /// given order, until the visitor fails.
    ///
    /// # Errors
    ///
    /// If the database cannot be read, an embedding is missing or damaged, or the visitor fails.
    pub fn for_each_sentence_vectors_of<E: From<StoreError>>(
        &self,
        keys: impl Iterator<Item = PassageKey>,
        mut visit: impl FnMut(PassageKey, &[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.with_connection(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT vectors FROM sentences WHERE passage = ?1")?;
            let dimension = self.fingerprint().dimension;
            let mut vectors = Vec::new();
            for key in keys {
                statement.query_row([key.0], |row| {
                    let bytes = row.get_ref(0)?.as_blob()?;
                    let record = || format!("the sentences of passage {}", key.0);
                    let expected = (bytes.len() / (4 * dimension)).max(1) * dimension;
                    Ok(rows::decode_f32s(bytes, expected, record, &mut vectors))
                })??;
                if let Err(error) = visit(key, &vectors) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        })?
    }

    /// Calls `work` with a function that reads the sentence embeddings of a passage, `[sentences,
    /// dimension]`, into a buffer. Meanwhile it holds a connection.
    ///
    /// # Errors
    ///
    /// If the database cannot be read, or `work` fails.
    pub fn with_sentence_reader<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(
            &mut dyn FnMut(PassageKey, &mut Vec<f32>) -> Result<(), StoreError>,
        ) -> Result<T, E>,
    ) -> Result<T, E> {
        let dimension = self.fingerprint().dimension;
        self.with_connection(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT vectors FROM sentences WHERE passage = ?1")?;
            let mut read = |key: PassageKey, vectors: &mut Vec<f32>| {
                statement.query_row([key.0], |row| {
                    let bytes = row.get_ref(0)?.as_blob()?;
                    let record = || format!("the sentences of passage {}", key.0);
                    let expected = bytes.len() / (4 * dimension) * dimension;
                    Ok(rows::decode_f32s(bytes, expected, record, vectors))
                })?
            };
            Ok(work(&mut read))
        })?
    }

    /// Visits the embeddings of these passages, in the given order, until the visitor fails.
    ///
    /// # Errors
    ///
    /// If the database cannot be read, an embedding is missing or damaged, or the visitor fails.
    pub fn for_each_vector_of<E: From<StoreError>>(
        &self,
        keys: impl Iterator<Item = PassageKey>,
        mut visit: impl FnMut(StoredVector<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.with_connection(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT vector FROM embeddings WHERE passage = ?1")?;
            let mut vector = Vec::new();
            for key in keys {
                statement.query_row([key.0], |row| {
                    let bytes = row.get_ref(0)?.as_blob()?;
                    let record = || format!("passage {}", key.0);
                    Ok(rows::decode_f32s(
                        bytes,
                        self.fingerprint().dimension,
                        record,
                        &mut vector,
                    ))
                })??;
                let stored = StoredVector {
                    key,
                    vector: &vector,
                };
                if let Err(error) = visit(stored) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        })?
    }

    /// Visits the texts of these passages, in the given order.
    ///
    /// # Errors
    ///
    /// If the database cannot be read, or a passage is missing.
    pub fn for_each_text_of(
        &self,
        keys: impl Iterator<Item = PassageKey>,
        mut visit: impl FnMut(&str),
    ) -> Result<(), StoreError> {
        self.with_connection(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT text FROM passages WHERE key = ?1")?;
            for key in keys {
                statement.query_row([key.0], |row| {
                    visit(row.get_ref(0)?.as_str()?);
                    Ok(())
                })?;
            }
            Ok(())
        })
    }
}

/// Reads a passage from the columns key, document, ordinal and hash.
fn passage_entry(row: &rusqlite::Row<'_>, document_index: u32) -> rusqlite::Result<PassageEntry> {
    let hash: ContentHash = row.get(3)?;
    Ok(PassageEntry {
        key: PassageKey(row.get(0)?),
        document_index,
        ordinal: row.get(2)?,
        hash_prefix: hash.prefix(),
    })
}
