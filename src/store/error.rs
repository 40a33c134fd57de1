//! What can go wrong between us and the disk.

use std::path::PathBuf;

use crate::encoder::Fingerprint;

/// Why the store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data directory cannot be created or its lock file cannot be opened.
    #[error("cannot use the data directory {}: {source}; check that the path can be written, or choose another with --data-dir", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process holds the data directory.
    #[error("another Antiphon process is using {}; stop it first, or choose another --data-dir", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// There is nothing to read yet.
    #[error("{} holds no corpus yet; run `antiphon index PATH` first, or name the right --data-dir", path.display())]
    NoCorpus {
        /// The directory.
        path: PathBuf,
    },
    /// The database was written by an earlier version.
    #[error("{} was written by an earlier version of Antiphon; `antiphon serve` or `antiphon index` brings it up to date", path.display())]
    Outdated {
        /// The directory.
        path: PathBuf,
    },
    /// The file is not ours, or is damaged.
    #[error("{} is not a usable Antiphon database ({reason}); move it away and index the corpus again", path.display())]
    InvalidDatabase {
        /// The database file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The database was written by a later version.
    #[error(
        "the database has schema version {received}, this program knows versions up to {expected}; use a newer Antiphon, or another --data-dir"
    )]
    NewerSchema {
        /// Latest version known here.
        expected: usize,
        /// Version found.
        received: i64,
    },
    /// The embeddings were made by another encoder.
    #[error("the data directory was filled by another encoder ({}); embeddings of two encoders cannot be compared: go back to that model, or index again into another --data-dir", .differences.join("; "))]
    EncoderMismatch {
        /// One line for each field that differs.
        differences: Vec<String>,
    },
    /// A stored value does not have the form that it was written in.
    #[error(
        "the database is damaged: {what} of {record} is {received}, expected {expected}; move it away and index the corpus again"
    )]
    CorruptRecord {
        /// The value.
        what: &'static str,
        /// The record it belongs to.
        record: String,
        /// The form expected.
        expected: String,
        /// The form found.
        received: String,
    },
    /// `SQLite` refused.
    #[error(
        "the database could not be read or written: {0}; if it is damaged, move it away and index the corpus again"
    )]
    Sqlite(#[from] rusqlite::Error),
}

impl StoreError {
    /// Whether embeddings of two encoders may be compared.
    pub(super) fn require_same_encoder(
        stored: &Fingerprint,
        running: &Fingerprint,
    ) -> Result<(), Self> {
        let differences: Vec<String> = stored
            .differences(running)
            .into_iter()
            .map(|(field, stored, running)| format!("{field}: stored {stored}, running {running}"))
            .collect();
        if differences.is_empty() {
            return Ok(());
        }
        Err(Self::EncoderMismatch { differences })
    }
}
