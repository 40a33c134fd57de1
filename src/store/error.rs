//! Errors of the store.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, ffi};

use crate::encoder::Fingerprint;

/// A failure to open, read or write the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data directory cannot be created or its lock file cannot be opened.
    #[error("cannot use data directory {}: {source}; check that it is writable, or choose another with --data-dir", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Another process holds the data directory.
    #[error("another Antiphon process is using {}; stop it first, or choose another --data-dir", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The directory contains no store, or a store that no encoder has written to.
    #[error("{} contains no corpus yet; run `antiphon index PATH` first, or pass the right --data-dir", path.display())]
    NoCorpus {
        /// The directory.
        path: PathBuf,
    },
    /// The database was written by an earlier version.
    #[error("{} was written by an earlier version of Antiphon; run `antiphon serve` or `antiphon index` to upgrade it", path.display())]
    Outdated {
        /// The directory.
        path: PathBuf,
    },
    /// The file is not ours, or is damaged.
    #[error("{} is not a valid Antiphon database ({reason}); move it away and re-index the corpus", path.display())]
    InvalidDatabase {
        /// The database file.
        path: PathBuf,
        /// The defect, in `SQLite`'s words.
        reason: String,
    },
    /// The database was written by a later version.
    #[error(
        "unsupported schema version {received}; this version of Antiphon supports up to {expected}; upgrade Antiphon, or choose another --data-dir"
    )]
    NewerSchema {
        /// Latest supported version.
        expected: usize,
        /// Version found.
        received: i64,
    },
    /// A different encoder produced the stored embeddings.
    #[error("the data directory was indexed with a different encoder ({}); embeddings of different encoders are not comparable: use the original model, or re-index into another --data-dir", .differences.join("; "))]
    EncoderMismatch {
        /// One line for each field that differs.
        differences: Vec<String>,
    },
    /// A stored value cannot be decoded.
    #[error(
        "corrupt database: {what} of {record} is {received}, expected {expected}; move it away and re-index the corpus"
    )]
    CorruptRecord {
        /// The value.
        what: &'static str,
        /// The record it belongs to.
        record: String,
        /// Its expected form.
        expected: String,
        /// Its actual form.
        received: String,
    },
    /// `SQLite` returned an error.
    #[error("{}", describe(.0))]
    Sqlite(#[from] rusqlite::Error),
}

/// Why a store can be read but not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteObstacle {
    /// There is no room for a write, or a file would exceed a limit.
    #[error("disk full")]
    DiskFull,
    /// The file system or the directory is read-only.
    #[error("the data directory cannot be written")]
    ReadOnly,
}

/// Describes an error of `SQLite` with what to do about it.
fn describe(error: &rusqlite::Error) -> String {
    match obstacle_of(error) {
        Some(WriteObstacle::DiskFull) => format!(
            "the disk is full, or a file-size limit is reached ({error}); nothing was changed: make room, then write again"
        ),
        Some(WriteObstacle::ReadOnly) => format!(
            "the data directory cannot be written ({error}); check its permissions and its file system"
        ),
        None => format!(
            "database error: {error}; if the file is corrupt, move it away and re-index the corpus"
        ),
    }
}

fn obstacle_of(error: &rusqlite::Error) -> Option<WriteObstacle> {
    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        return None;
    };
    match (failure.code, failure.extended_code) {
        (ErrorCode::DiskFull, _)
        // Of a file-size limit or a quota, and of the WAL's shared memory.
        | (_, ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE) => Some(WriteObstacle::DiskFull),
        (ErrorCode::ReadOnly, _) => Some(WriteObstacle::ReadOnly),
        _ => None,
    }
}

impl StoreError {
    /// Returns why the store could not be written although it can be read, if this is the error.
    #[must_use]
    pub fn write_obstacle(&self) -> Option<WriteObstacle> {
        match self {
            Self::Sqlite(error) => obstacle_of(error),
            Self::Directory { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::FileTooLarge => Some(WriteObstacle::DiskFull),
                io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                    Some(WriteObstacle::ReadOnly)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the error of opening a database: a file that is none, or a corrupt one, with its path and
    /// what to do.
    pub(super) fn from_open(path: &Path, error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::InvalidDatabase {
                path: path.to_owned(),
                reason: error.to_string(),
            },
            // Also where only the directory cannot be written: a reader needs the WAL's shared memory in it.
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => Self::Directory {
                path: path.parent().unwrap_or(path).to_owned(),
                source: std::io::Error::other(error.to_string()),
            },
            _ => Self::Sqlite(error),
        }
    }

    /// Returns an error that names every field in which two encoders differ.
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
