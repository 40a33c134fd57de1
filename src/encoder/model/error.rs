//! What can go wrong between "serve this model" and its bytes in memory.
//!
//! Each message says what was expected, what was received, and what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A model that could not be fetched, verified or accepted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// `models/manifest.toml` is not a manifest, or contradicts the files.
    #[error(
        "models/manifest.toml: {what}: expected {expected}, received {received}; mend the manifest"
    )]
    Manifest {
        /// The field at fault.
        what: String,
        /// What the field must be.
        expected: String,
        /// What it is.
        received: String,
    },

    /// A file that the model needs is not there.
    #[error("{} is missing; {remedy}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What to do.
        remedy: String,
    },

    /// A file is there but is not the one that the manifest pins.
    #[error(
        "{} is not the pinned file: expected sha256 {expected}, received {received}; {remedy}",
        path.display()
    )]
    WrongHash {
        /// The file.
        path: PathBuf,
        /// The sha256 in the manifest.
        expected: String,
        /// The sha256 of what was read, or the size where that already differs.
        received: String,
        /// What to do.
        remedy: String,
    },

    /// A model file asks for something that the encoder does not do.
    #[error("{}: {what} is not supported: expected {expected}, received {received}; {remedy}", path.display())]
    Unsupported {
        /// The file that asks for it.
        path: PathBuf,
        /// What it asks for, by the name that the file gives it.
        what: String,
        /// What is supported.
        expected: String,
        /// What the file says.
        received: String,
        /// What to do.
        remedy: String,
    },

    /// A model file cannot be understood.
    #[error("{} cannot be read: expected {expected}, received {received}; fetch or export the model again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: String,
        /// What is wrong with it.
        received: String,
    },

    /// The operating system said no.
    #[error("cannot {action} {}: {source}; {}", path.display(), advice(source))]
    Io {
        /// The verb: "read", "create".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },

    /// The model is not in the cache and fetching is switched off.
    #[error(
        "the model is not complete in {} ({missing}) and fetching is switched off; run `antiphon models fetch` \
         where there is a network, or pass --model-dir with a folder that holds the model",
        folder.display()
    )]
    Offline {
        /// Where the model was looked for.
        folder: PathBuf,
        /// The first file that is missing or has the wrong size.
        missing: String,
    },

    /// Another process holds the cache's lock for longer than a fetch can take.
    #[error(
        "another process has been fetching into {} for more than {waited_seconds} s; \
         wait for it or stop it, then try again",
        folder.display()
    )]
    Locked {
        /// The cache folder.
        folder: PathBuf,
        /// How long we waited.
        waited_seconds: u64,
    },

    /// Every source was tried and each failed in its own way.
    #[error("{}", all_sources_failed(model, failures))]
    AllSourcesFailed {
        /// The model's name.
        model: String,
        /// Each source's failure, in the order in which they were tried.
        failures: Vec<SourceFailure>,
    },
}

/// Why one source could not provide the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFailure {
    /// The source, with its address where it has one.
    pub source: String,
    /// What happened.
    pub reason: String,
    /// What to do about this source.
    pub remedy: String,
}

impl fmt::Display for SourceFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.source, self.reason, self.remedy)
    }
}

impl ModelError {
    /// For `map_err`: an I/O error with the verb and the path that met it.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// What to do about an error of the operating system.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free about 300 MB on that disk, or choose another folder for the models"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "give this user the right to that path, or choose another folder for the models"
        }
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "check the path",
        _ => "check the disk and the path, then try again",
    }
}

fn all_sources_failed(model: &str, failures: &[SourceFailure]) -> String {
    let mut text = format!("the model {model} could not be fetched from any source:");
    for failure in failures {
        text.push_str("\n  - ");
        text.push_str(&failure.to_string());
    }
    if failures.is_empty() {
        text.push_str(" no source is configured");
    }
    text.push_str(
        "\nmend one of these, or download the model on another machine and pass its folder with --model-dir",
    );
    text
}
