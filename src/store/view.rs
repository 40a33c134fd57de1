//! Consistent, concurrent reads of the store.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use crate::corpus::DocumentId;
use crate::encoder::Fingerprint;

use super::meta::{read_fingerprint, read_modified_at, read_store_id};
use super::rows::{self, PASSAGE_COLUMNS, PASSAGE_TABLES, SUMMARY_COLUMNS};
use super::{
    ContentHash, DATABASE_FILE, DocumentRecord, DocumentSummary, HitRecord, PassageKey,
    PassageRecord, StoreError, schema, wal,
};

/// Upper limit of the database bytes that readers map into memory.
const MMAP_SIZE_BYTES: i64 = 1 << 40;

/// The store as of one point in time; later writes are invisible to it.
///
/// Its connections stay inside their read transactions until it is dropped, and `SQLite` retains the
/// pages they read: drop a view once a newer one has replaced it.
#[derive(Debug)]
pub struct View {
    idle: Mutex<Vec<Connection>>,
    connection_returned: Condvar,
    fingerprint: Fingerprint,
}

impl View {
    /// Opens a data directory for reading only; another process may be writing it.
    ///
    /// # Errors
    ///
    /// If there is no store, or it is damaged or from another version of the program.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let no_corpus = || StoreError::NoCorpus {
            path: directory.to_owned(),
        };
        if !directory.join(DATABASE_FILE).is_file() {
            return Err(no_corpus());
        }
        let connection = open_pinned_connection(directory)?;
        if !schema::is_current(&connection)? {
            return Err(match schema::check_version(&connection)? {
                0 => no_corpus(),
                _ => StoreError::Outdated {
                    path: directory.to_owned(),
                },
            });
        }
        let fingerprint = read_fingerprint(&connection)?.ok_or_else(no_corpus)?;
        Ok(Self::from_connections(vec![connection], fingerprint))
    }

    pub(super) fn with_readers(
        directory: &Path,
        readers: usize,
        fingerprint: Fingerprint,
    ) -> Result<Self, StoreError> {
        let connections = (0..readers.max(1))
            .map(|_| open_pinned_connection(directory))
            .collect::<Result<_, _>>()?;
        Ok(Self::from_connections(connections, fingerprint))
    }

    fn from_connections(connections: Vec<Connection>, fingerprint: Fingerprint) -> Self {
        Self {
            idle: Mutex::new(connections),
            connection_returned: Condvar::new(),
            fingerprint,
        }
    }

    /// Returns the fingerprint of the encoder that produced the embeddings.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Rejects an encoder other than the one that produced the embeddings.
    ///
    /// # Errors
    ///
    /// Names every field in which the two differ.
    pub fn check_encoder(&self, running: &Fingerprint) -> Result<(), StoreError> {
        StoreError::require_same_encoder(&self.fingerprint, running)
    }

    /// Returns the unique id of this store; `None` if an older program created it.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn store_id(&self) -> Result<Option<String>, StoreError> {
        self.with_connection(|connection| Ok(read_store_id(connection)?))
    }

    /// Returns the time of the last write or removal of a document, in ISO 8601 and UTC; `None` if there
    /// was none since stores record it. Not part of any identity: equal content can have been written at
    /// different times.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn modified_at(&self) -> Result<Option<String>, StoreError> {
        self.with_connection(|connection| Ok(read_modified_at(connection)?))
    }

    /// Returns the number of documents, the number of passages, and a hash over the content of all
    /// documents.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn totals(&self) -> Result<(usize, usize, ContentHash), StoreError> {
        self.with_connection(|connection| {
            let passages = connection.query_row(
                "SELECT count(*) FROM passages INDEXED BY passages_by_key",
                [],
                |row| row.get(0),
            )?;
            let mut statement =
                connection.prepare_cached("SELECT content_hash FROM documents ORDER BY id")?;
            let hashes = statement
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<ContentHash>>>()?;
            let parts = hashes.iter().map(|hash| hash.as_bytes().as_slice());
            Ok((hashes.len(), passages, ContentHash::from_parts(parts)))
        })
    }

    /// Returns documents in id order, after the given id.
    ///
    /// # Errors
    ///
    /// If the database cannot be read or metadata are damaged.
    pub fn documents(
        &self,
        after: Option<&DocumentId>,
        limit: usize,
    ) -> Result<Vec<DocumentSummary>, StoreError> {
        self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {SUMMARY_COLUMNS} FROM documents d WHERE d.id > ?1 ORDER BY d.id LIMIT ?2"
            ))?;
            let after = after.map_or("", DocumentId::as_str);
            statement
                .query_and_then(params![after, limit], rows::summary)?
                .collect()
        })
    }

    /// Returns a document with its text and passages.
    ///
    /// # Errors
    ///
    /// If the database cannot be read or the document is damaged.
    pub fn document(&self, id: &DocumentId) -> Result<Option<DocumentRecord>, StoreError> {
        self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {SUMMARY_COLUMNS}, d.origin, d.text, d.dropped FROM documents d WHERE d.id = ?1"
            ))?;
            let Some(mut record) = statement
                .query_and_then([id.as_str()], rows::document)?
                .next()
                .transpose()?
            else {
                return Ok(None);
            };
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {PASSAGE_COLUMNS} {PASSAGE_TABLES} JOIN documents d ON d.key = p.document
                 WHERE d.id = ?1 ORDER BY p.ordinal"
            ))?;
            record.passages = statement
                .query_and_then([id.as_str()], |row| rows::passage(row, id))?
                .collect::<Result<_, _>>()?;
            Ok(Some(record))
        })
    }

    /// Returns a document without its text.
    ///
    /// # Errors
    ///
    /// If the database cannot be read or metadata are damaged.
    pub fn summary(&self, id: &DocumentId) -> Result<Option<DocumentSummary>, StoreError> {
        self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {SUMMARY_COLUMNS} FROM documents d WHERE d.id = ?1"
            ))?;
            statement
                .query_and_then([id.as_str()], rows::summary)?
                .next()
                .transpose()
        })
    }

    /// Returns a passage by document and ordinal.
    ///
    /// # Errors
    ///
    /// If the database cannot be read or the passage is damaged.
    pub fn passage(
        &self,
        document: &DocumentId,
        ordinal: u32,
    ) -> Result<Option<PassageRecord>, StoreError> {
        self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {PASSAGE_COLUMNS} {PASSAGE_TABLES} JOIN documents d ON d.key = p.document
                 WHERE d.id = ?1 AND p.ordinal = ?2"
            ))?;
            statement
                .query_and_then(params![document.as_str(), ordinal], |row| {
                    rows::passage(row, document)
                })?
                .next()
                .transpose()
        })
    }

    /// Returns passages with the embeddings of their sentences (`[sentences, dimension]`), in the order
    /// of the keys.
    ///
    /// # Errors
    ///
    /// If the database cannot be read, or a passage is missing or damaged.
    pub fn hit_records(&self, keys: &[PassageKey]) -> Result<Vec<HitRecord>, StoreError> {
        let documents = self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT d.id FROM passages p JOIN documents d ON d.key = p.document WHERE p.key = ?1",
            )?;
            let mut id = |key: &PassageKey| {
                rows::document_id(statement.query_row([key.0], |row| row.get(0))?)
            };
            keys.iter().map(&mut id).collect::<Result<Vec<_>, _>>()
        })?;
        self.hit_records_in_documents(&keys.iter().copied().zip(&documents).collect::<Vec<_>>())
    }

    /// Like [`View::hit_records`], for callers that know the documents already.
    ///
    /// # Errors
    ///
    /// As [`View::hit_records`].
    pub fn hit_records_in_documents(
        &self,
        passages: &[(PassageKey, &DocumentId)],
    ) -> Result<Vec<HitRecord>, StoreError> {
        self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {PASSAGE_COLUMNS}, s.vectors {PASSAGE_TABLES} WHERE p.key = ?1"
            ))?;
            let dimension = self.fingerprint.dimension;
            let mut hit = |(key, document): &(PassageKey, &DocumentId)| {
                let mut records = statement
                    .query_and_then([key.0], |row| rows::hit_record(row, document, dimension))?;
                let missing = StoreError::Sqlite(rusqlite::Error::QueryReturnedNoRows);
                records.next().unwrap_or(Err(missing))
            };
            passages.iter().map(&mut hit).collect()
        })
    }

    /// Returns passages without the embeddings of their sentences, in the given order.
    ///
    /// # Errors
    ///
    /// As [`View::hit_records`].
    pub fn passage_records(
        &self,
        passages: &[(PassageKey, &DocumentId)],
    ) -> Result<Vec<PassageRecord>, StoreError> {
        self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {PASSAGE_COLUMNS} {PASSAGE_TABLES} WHERE p.key = ?1"
            ))?;
            let mut record = |(key, document): &(PassageKey, &DocumentId)| {
                let mut records =
                    statement.query_and_then([key.0], |row| rows::passage(row, document))?;
                let missing = StoreError::Sqlite(rusqlite::Error::QueryReturnedNoRows);
                records.next().unwrap_or(Err(missing))
            };
            passages.iter().map(&mut record).collect()
        })
    }

    /// Returns the public ids of all passages, in the order of [`View::for_each_vector`].
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn passage_ids(&self) -> Result<Vec<String>, StoreError> {
        self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT d.id || '#p' || p.ordinal
                 FROM documents d JOIN passages p ON p.document = d.key
                 ORDER BY d.id, p.ordinal",
            )?;
            let ids = statement.query_map([], |row| row.get(0))?;
            Ok(ids.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Runs a read on an idle connection; waits while all are in use.
    pub(super) fn with_connection<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // A poisoned lock is harmless: a reader that panicked has changed nothing.
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = loop {
            match idle.pop() {
                Some(connection) => break connection,
                None => {
                    idle = self
                        .connection_returned
                        .wait(idle)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        };
        drop(idle);
        let pooled = PooledConnection {
            view: self,
            connection: Some(connection),
        };
        match &pooled.connection {
            Some(connection) => read(connection),
            None => Err(StoreError::Sqlite(rusqlite::Error::InvalidQuery)),
        }
    }
}

/// Returns the connection to the pool even if the reader panics.
struct PooledConnection<'a> {
    view: &'a View,
    connection: Option<Connection>,
}

impl Drop for PooledConnection<'_> {
    fn drop(&mut self) {
        let mut idle = self
            .view
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
        self.view.connection_returned.notify_one();
    }
}

/// Makes query plans independent of bound values. Otherwise this build of `SQLite` re-plans a statement
/// whenever it is bound again, which takes as long as reading a few passages.
fn enable_stable_query_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Opens a connection and pins it to the current state of the database.
fn open_pinned_connection(directory: &Path) -> Result<Connection, StoreError> {
    let path = directory.join(DATABASE_FILE);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let pin = |path: &Path, flags: OpenFlags| -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(wal::BUSY_TIMEOUT)?;
        // Reads hit the system's page cache; a new connection has an empty cache of its own.
        connection.pragma_update(None, "mmap_size", MMAP_SIZE_BYTES)?;
        enable_stable_query_plans(&connection)?;
        connection.execute_batch("BEGIN")?;
        // BEGIN alone takes no snapshot; the first read does.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    };
    pin(&path, flags)
        .or_else(|error| match error.sqlite_error_code() {
            // The WAL's shared memory cannot be created, in a directory that cannot be written. Without a WAL,
            // no process is writing the file, and it can be read without.
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen)
                if path.exists() && !wal::has_pages(&path) =>
            {
                pin(&immutable_uri(&path), flags | OpenFlags::SQLITE_OPEN_URI)
            }
            _ => Err(error),
        })
        .map_err(|e| StoreError::from_open(&path, e))
}

/// Returns the URI with which `SQLite` reads a file without locks and shared memory.
fn immutable_uri(path: &Path) -> PathBuf {
    let bytes = path.as_os_str().as_encoded_bytes();
    let encoded = percent_encoding::percent_encode(bytes, URI_RESERVED);
    PathBuf::from(format!("file:{encoded}?immutable=1"))
}

/// What has a meaning in the path of a URI.
const URI_RESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::CONTROLS.add(b'?').add(b'#').add(b'%');
