//! Errors of model files. Each message contains what was expected, what was received, and a remedy.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a model cannot be downloaded, verified or used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// `models/manifest.toml` is invalid, or does not match the files.
    #[error(
        "models/manifest.toml: {what}: expected {expected}, received {received}; fix the manifest"
    )]
    Manifest {
        /// The invalid field.
        what: String,
        /// The valid values.
        expected: String,
        /// The value.
        received: String,
    },

    /// A required file is missing.
    #[error("{} is missing; {remedy}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The remedy.
        remedy: String,
    },

    /// A file does not have the pinned hash.
    #[error(
        "{} is not the pinned file: expected sha256 {expected}, received {received}; {remedy}",
        path.display()
    )]
    WrongHash {
        /// The file.
        path: PathBuf,
        /// The sha256 in the manifest.
        expected: String,
        /// The sha256 of the file, or its size if that differs.
        received: String,
        /// The remedy.
        remedy: String,
    },

    /// A model file requires something that the encoder does not support.
    #[error("{}: {what} is not supported: expected {expected}, received {received}; {remedy}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The unsupported field or feature, as named in the file.
        what: String,
        /// The supported values.
        expected: String,
        /// The value in the file.
        received: String,
        /// The remedy.
        remedy: String,
    },

    /// A model file is malformed.
    #[error("{} is malformed: expected {expected}, received {received}; fetch or export the model again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The expected content.
        expected: String,
        /// The fault.
        received: String,
    },

    /// An operation of the file system failed.
    #[error("cannot {action} {}: {source}; {}", path.display(), advice(source))]
    Io {
        /// The operation, such as "read" or "create".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },

    /// The model is not in the cache, and downloads are disabled.
    #[error(
        "the model in {} is incomplete ({missing}) and offline mode is on; run `antiphon models fetch` \
         with network access, or pass --model-dir with a model directory",
        folder.display()
    )]
    Offline {
        /// The directory of the model in the cache.
        folder: PathBuf,
        /// The first file that is missing or has the wrong size.
        missing: String,
    },

    /// Another process holds the lock of the cache for too long.
    #[error(
        "timed out after {waited_seconds} s waiting for another process that is downloading into {}; \
         wait for it or stop it, then retry",
        folder.display()
    )]
    Locked {
        /// The cache directory.
        folder: PathBuf,
        /// The timeout.
        waited_seconds: u64,
    },

    /// All sources failed.
    #[error("{}", all_sources_failed(model, failures))]
    AllSourcesFailed {
        /// The model's name.
        model: String,
        /// The failure of each source, in the order of the attempts.
        failures: Vec<SourceFailure>,
    },
}

/// Why one source could not provide the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFailure {
    /// The source, with its address where it has one.
    pub source: String,
    /// The cause.
    pub reason: String,
    /// The remedy.
    pub remedy: String,
}

impl fmt::Display for SourceFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.source, self.reason, self.remedy)
    }
}

impl ModelError {
    /// Returns a function for `map_err` that adds operation and path to an I/O error.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// Returns the remedy for an I/O error.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free about 300 MB of disk space, or choose another model cache directory"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "grant this user access to that path, or choose another model cache directory"
        }
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "check the path",
        _ => "check the disk and the path, then retry",
    }
}

fn all_sources_failed(model: &str, failures: &[SourceFailure]) -> String {
    let mut text = format!("cannot download the model {model} from any source:");
    for failure in failures {
        text.push_str("\n  - ");
        text.push_str(&failure.to_string());
    }
    if failures.is_empty() {
        text.push_str(" no source is configured");
    }
    text.push_str(
        "\nfix one of these, or download the model on another machine and pass its directory with --model-dir",
    );
    text
}
