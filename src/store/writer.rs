//! The single writer of a data directory.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use crate::corpus::{DocumentId, Metadata};
use crate::encoder::Fingerprint;

use super::meta::{init_or_verify_identity, touch_modified_at};
use super::records::{encode_f32s, to_json};
use super::{
    ContentHash, DATABASE_FILE, DocumentState, NewDocument, StoreError, View, compatibility, lock,
    rows, schema, wal,
};

/// The single writer; holds the data directory's lock until it is dropped.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    directory: PathBuf,
    fingerprint: Fingerprint,
    /// The lock is released when the file is closed, even by `kill -9`.
    _lock: File,
}

impl Store {
    /// Opens the store of a data directory, creating both if they are missing. A WAL left behind by a
    /// killed process is checkpointed, as far as no reader uses it.
    ///
    /// # Errors
    ///
    /// If the directory cannot be written, another process holds it, the file is damaged or from
    /// a later version, or its embeddings come from an encoder other than `fingerprint`.
    pub fn open(directory: &Path, fingerprint: &Fingerprint) -> Result<Self, StoreError> {
        let lock = lock::acquire(directory)?;
        let path = directory.join(DATABASE_FILE);
        compatibility::check(&path, fingerprint)?;
        let mut connection =
            Connection::open(&path).map_err(|e| StoreError::from_open(&path, e))?;
        configure(&connection).map_err(|e| StoreError::from_open(&path, e))?;
        schema::migrate(&mut connection)?;
        init_or_verify_identity(&connection, fingerprint)?;
        match wal::checkpoint_truncate(&connection).map_err(StoreError::from) {
            // All of the WAL can be read where it is.
            Err(error) if error.write_obstacle().is_some() => {
                tracing::warn!("cannot checkpoint the WAL: {error}");
            }
            checkpointed => checkpointed?,
        }
        Ok(Self {
            connection,
            directory: directory.to_owned(),
            fingerprint: fingerprint.clone(),
            _lock: lock,
        })
    }

    /// Returns the connection, whose limits a test may change.
    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns what change detection compares of a document; `None` if it is not stored.
    ///
    /// # Errors
    ///
    /// If the database cannot be read or its metadata are damaged.
    pub fn document_state(&self, id: &DocumentId) -> Result<Option<DocumentState>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT title, speaker, date, venue, country, language, source, attributes, source_hash,
                content_hash, (SELECT count(*) FROM passages WHERE document = d.key) AS passages
             FROM documents d WHERE id = ?1",
        )?;
        statement
            .query_and_then([id.as_str()], |row| rows::state(row, id))?
            .next()
            .transpose()
    }

    /// Writes a document in one transaction, replacing one with the same id. When this returns, the
    /// document is on disk. Returns its content hash.
    ///
    /// # Errors
    ///
    /// If the database cannot be written; then the store is unchanged.
    pub fn put(&mut self, new: &NewDocument<'_>) -> Result<ContentHash, StoreError> {
        check_vector_counts(new)?;
        let hash = content_hash(new.id, new.metadata, &new.segmented.text);
        let transaction = self.connection.transaction()?;
        transaction
            .prepare_cached("DELETE FROM documents WHERE id = ?1")?
            .execute([new.id.as_str()])?;
        insert_document(&transaction, new, hash)?;
        insert_passages(&transaction, transaction.last_insert_rowid(), new)?;
        touch_modified_at(&transaction)?;
        transaction.commit()?;
        Ok(hash)
    }

    /// Replaces a document's metadata and keeps its passages. Returns the new content hash; `None` if the
    /// document does not exist.
    ///
    /// # Errors
    ///
    /// If the database cannot be written.
    pub fn put_metadata(
        &mut self,
        id: &DocumentId,
        metadata: &Metadata,
    ) -> Result<Option<ContentHash>, StoreError> {
        let transaction = self.connection.transaction()?;
        let text: Option<String> = transaction
            .prepare_cached("SELECT text FROM documents WHERE id = ?1")?
            .query_row([id.as_str()], |row| row.get(0))
            .optional()?;
        let Some(text) = text else { return Ok(None) };
        let hash = content_hash(id, metadata, &text);
        transaction
            .prepare_cached(
                "UPDATE documents SET title = ?2, speaker = ?3, date = ?4, venue = ?5, country = ?6,
                    language = ?7, source = ?8, attributes = ?9, content_hash = ?10
                 WHERE id = ?1",
            )?
            .execute(params![
                id.as_str(),
                metadata.title,
                metadata.speaker,
                metadata.date.map(|d| d.to_string()),
                metadata.venue,
                metadata.country,
                metadata.language,
                metadata.source,
                to_json(&metadata.attributes),
                hash,
            ])?;
        touch_modified_at(&transaction)?;
        transaction.commit()?;
        Ok(Some(hash))
    }

    /// Removes a document with its passages and embeddings. Returns whether it existed.
    ///
    /// # Errors
    ///
    /// If the database cannot be written.
    pub fn delete(&mut self, id: &DocumentId) -> Result<bool, StoreError> {
        let transaction = self.connection.transaction()?;
        let removed = transaction
            .prepare_cached("DELETE FROM documents WHERE id = ?1")?
            .execute([id.as_str()])?;
        if removed > 0 {
            touch_modified_at(&transaction)?;
        }
        transaction.commit()?;
        Ok(removed > 0)
    }

    /// Returns a value written with [`Store::set_meta`].
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn get_meta(&self, name: &str) -> Result<Option<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
        Ok(statement.query_row([name], |row| row.get(0)).optional()?)
    }

    /// Sets a named value about the store itself, replacing an earlier one.
    ///
    /// # Errors
    ///
    /// If the database cannot be written.
    pub fn set_meta(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?
            .execute([name, value])?;
        Ok(())
    }

    /// Returns all document ids in order.
    ///
    /// # Errors
    ///
    /// If the database cannot be read or an id is damaged.
    pub fn document_ids(&self) -> Result<Vec<DocumentId>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id FROM documents ORDER BY id")?;
        statement
            .query_and_then([], |row| rows::document_id(row.get(0)?))?
            .collect()
    }

    /// Returns the data directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns a view of the current state, for up to `readers` at once. The `&mut` receiver excludes
    /// writes until all of its connections are pinned to the same state.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn view(&mut self, readers: usize) -> Result<View, StoreError> {
        View::with_readers(&self.directory, readers, self.fingerprint.clone())
    }

    /// Returns whether the WAL exceeds its size limit.
    #[must_use]
    pub fn wal_needs_checkpoint(&self) -> bool {
        wal::exceeds_size_limit(&self.directory.join(DATABASE_FILE))
    }

    /// Checkpoints the WAL, except for what earlier views still read. Returns whether all of it was
    /// checkpointed: then views opened from now on do not keep the WAL from restarting.
    ///
    /// # Errors
    ///
    /// If the database cannot be written.
    pub fn checkpoint_wal(&mut self) -> Result<bool, StoreError> {
        Ok(wal::checkpoint_passive(&self.connection)?)
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(wal::BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    wal::set_size_limit(connection)
}

fn check_vector_counts(new: &NewDocument<'_>) -> Result<(), StoreError> {
    let passages = &new.segmented.passages;
    let counts_match = passages.len() == new.vectors.len()
        && passages
            .iter()
            .zip(new.vectors)
            .all(|(p, v)| p.sentences.len() == v.sentences.len());
    if counts_match {
        return Ok(());
    }
    Err(StoreError::CorruptRecord {
        what: "the set of embeddings",
        record: new.id.to_string(),
        expected: format!(
            "one embedding per passage and sentence of {} passages",
            passages.len()
        ),
        received: format!("{} passages", new.vectors.len()),
    })
}

fn insert_document(
    connection: &Connection,
    new: &NewDocument<'_>,
    content_hash: ContentHash,
) -> Result<(), StoreError> {
    let metadata = new.metadata;
    connection
        .prepare_cached(
            "INSERT INTO documents (id, title, speaker, date, venue, country, language, source,
                attributes, origin, text, characters, dropped, source_hash, content_hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(params![
            new.id.as_str(),
            metadata.title,
            metadata.speaker,
            metadata.date.map(|d| d.to_string()),
            metadata.venue,
            metadata.country,
            metadata.language,
            metadata.source,
            to_json(&metadata.attributes),
            new.origin,
            new.segmented.text,
            new.segmented.text.chars().count(),
            to_json(&new.segmented.dropped),
            new.source_hash,
            content_hash,
        ])?;
    Ok(())
}

fn insert_passages(
    connection: &Connection,
    document: i64,
    new: &NewDocument<'_>,
) -> Result<(), StoreError> {
    let mut passage_row = connection.prepare_cached(
        "INSERT INTO passages (document, ordinal, range_start, range_end, tokens, text, hash,
                               page, line, start_ms, end_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    let mut embedding_row =
        connection.prepare_cached("INSERT INTO embeddings (passage, vector) VALUES (?1, ?2)")?;
    let mut sentence_row = connection
        .prepare_cached("INSERT INTO sentences (passage, ranges, vectors) VALUES (?1, ?2, ?3)")?;
    let mut places = new.places.iter().copied();
    for (passage, vectors) in new.segmented.passages.iter().zip(new.vectors) {
        let place = places.next().unwrap_or_default();
        let key = passage_row.insert(params![
            document,
            passage.ordinal,
            passage.range.start,
            passage.range.end,
            passage.tokens,
            passage.text,
            ContentHash::from_parts([passage.text.as_bytes()]),
            place.page,
            place.line,
            place.time.map(|time| time.start_ms),
            place.time.map(|time| time.end_ms),
        ])?;
        embedding_row.execute(params![key, encode_f32s([&vectors.passage])])?;
        let ranges: Vec<_> = passage.sentences.iter().map(|s| (s.start, s.end)).collect();
        sentence_row.execute(params![
            key,
            to_json(&ranges),
            encode_f32s(&vectors.sentences)
        ])?;
    }
    Ok(())
}

/// Returns the hash that `If-Match` and provenance compare: it changes with id, metadata and clean text.
fn content_hash(id: &DocumentId, metadata: &Metadata, text: &str) -> ContentHash {
    let metadata = to_json(metadata);
    ContentHash::from_parts([id.as_str().as_bytes(), metadata.as_bytes(), text.as_bytes()])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The hash of the first document in `docs/documents.md`.
    #[test]
    fn the_content_hash_of_a_document_stays() {
        let metadata = Metadata {
            speaker: Some("A. Delegate".to_owned()),
            date: Some("2015-10".parse().unwrap()),
            attributes: BTreeMap::from([("session".to_owned(), 70.into())]),
            ..Metadata::default()
        };
        let id = "peace".parse().unwrap();
        assert_eq!(
            content_hash(&id, &metadata, "Peace is the work of justice.").to_string(),
            "f5561c4f2ca4f6d29a89649be62f827fc1d51a278797d7de76bd5be39fd4a65e"
        );
    }
}
