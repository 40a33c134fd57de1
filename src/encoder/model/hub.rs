//! The Hugging Face hub, through the hf-hub crate.
//!
//! hf-hub has no time limits and cannot be interrupted, so it runs on a thread
//! of its own that reports each piece of data. Where the reports stop for too
//! long, that thread is given up: its next report ends it, and whatever it
//! holds lies in a staging folder that is deleted. hf-hub also panics on some
//! answers; on its own thread that is one more failure of this source.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;

use hf_hub::api::Progress;
use hf_hub::api::sync::{ApiBuilder, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};

use super::fetch::{FetchOptions, FetchProgress, SourceError};
use super::manifest::{Manifest, ManifestFile};
use super::staging::StagingDir;

const DEFAULT_ENDPOINT: &str = "https://huggingface.co";
const NETWORK_REMEDY: &str =
    "check the network and the proxy (HTTPS_PROXY), or name a mirror with HF_ENDPOINT";

/// The hub's address, without a slash at its end.
pub(super) fn endpoint(options: &FetchOptions) -> String {
    options
        .hub_endpoint
        .as_deref()
        .map(|address| address.trim().trim_end_matches('/'))
        .filter(|address| !address.is_empty())
        .unwrap_or(DEFAULT_ENDPOINT)
        .to_owned()
}

/// What the hub's thread reports.
enum HubEvent {
    /// The file's length as the hub gives it, before any data.
    ContentLength(u64),
    /// So many bytes have arrived.
    Chunk(u64),
    /// The file at this place in the manifest is complete.
    FileComplete(usize, PathBuf),
    Failed(String),
}

/// Downloads the manifest's files into `staging`.
pub(super) fn download(
    manifest: &Manifest,
    options: &FetchOptions,
    staging: &StagingDir,
    progress: &dyn FetchProgress,
) -> Result<(), SourceError> {
    let endpoint = endpoint(options);
    // hf-hub would panic on an address that is none.
    if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
        return Err(SourceError::new(
            format!("expected an address with https:// or http://, received {endpoint:?}"),
            "correct HF_ENDPOINT",
        ));
    }
    let scratch = staging.create_subdir("hub")?;
    // Links are resolved below, so the folder must be, too.
    let scratch = scratch.canonicalize().unwrap_or(scratch);
    let (sender, events) = mpsc::channel();
    let cancelled = Arc::new(AtomicBool::new(false));
    let hub_progress = HubProgress {
        events: sender,
        cancelled: Arc::clone(&cancelled),
    };
    let paths: Vec<String> = manifest
        .files
        .iter()
        .map(|file| file.path.clone())
        .collect();
    let repo = Repo::with_revision(
        manifest.name.clone(),
        RepoType::Model,
        manifest.revision.clone(),
    );
    let cache = Cache::new(scratch.clone());
    thread::Builder::new()
        .name("hub".to_owned())
        .spawn(move || run_download(cache, endpoint, repo, &paths, &hub_progress))
        .map_err(|error| {
            SourceError::new(format!("cannot start a thread: {error}"), NETWORK_REMEDY)
        })?;

    let result = receive_files(manifest, options, &events, &scratch, staging, progress);
    cancelled.store(true, Ordering::Release);
    result
}

/// The hub's thread.
fn run_download(cache: Cache, endpoint: String, repo: Repo, paths: &[String], meter: &HubProgress) {
    // A cache of our own has no token in it: none is needed for this model, and
    // a user's token is not ours to send. No retries: there is another source.
    let api = ApiBuilder::from_cache(cache)
        .with_endpoint(endpoint)
        .with_token(None)
        .with_progress(false)
        .with_retries(0)
        .build();
    let repo: ApiRepo = match api {
        Ok(api) => api.repo(repo),
        Err(error) => return meter.send(HubEvent::Failed(error.to_string())),
    };
    for (index, path) in paths.iter().enumerate() {
        match repo.download_with_progress(path, meter.clone()) {
            Ok(found) => meter.send(HubEvent::FileComplete(index, found)),
            Err(error) => return meter.send(HubEvent::Failed(format!("{path}: {error}"))),
        }
    }
}

/// The caller's thread: counts, checks limits, and takes finished files.
fn receive_files(
    manifest: &Manifest,
    options: &FetchOptions,
    events: &Receiver<HubEvent>,
    scratch: &Path,
    staging: &StagingDir,
    progress: &dyn FetchProgress,
) -> Result<(), SourceError> {
    let fail = |why: String| Err(SourceError::new(why, NETWORK_REMEDY));
    let total = manifest.total_bytes();
    let mut finished_bytes = 0_u64;
    let mut wait = options.timeouts.hub_response;
    for (place, file) in manifest.files.iter().enumerate() {
        let mut arrived = 0_u64;
        loop {
            let report = match events.recv_timeout(wait) {
                Ok(report) => report,
                Err(RecvTimeoutError::Timeout) => {
                    return fail(format!(
                        "{}: no data for {:.1} s",
                        file.path,
                        wait.as_secs_f64()
                    ));
                }
                // The thread ended without a word, which means that it panicked.
                Err(RecvTimeoutError::Disconnected) => {
                    return fail(format!("{}: the hub's answer makes no sense", file.path));
                }
            };
            wait = options.timeouts.hub_idle;
            match report {
                HubEvent::ContentLength(length) if length != file.bytes => {
                    return fail(wrong_length(file, &length.to_string()));
                }
                HubEvent::ContentLength(_) => {}
                HubEvent::Chunk(bytes) => {
                    arrived = arrived.saturating_add(bytes);
                    // Nothing may fill the disk, whatever length it claimed.
                    if arrived > file.bytes {
                        return fail(wrong_length(file, &format!("{arrived} or more")));
                    }
                    progress.bytes_received(finished_bytes.saturating_add(arrived), Some(total));
                }
                HubEvent::FileComplete(index, path) if index == place => {
                    stage_file(file, &path, scratch, staging)?;
                    break;
                }
                HubEvent::FileComplete(..) => return fail("files arrived out of order".to_owned()),
                HubEvent::Failed(why) => return fail(why),
            }
        }
        finished_bytes = finished_bytes.saturating_add(file.bytes);
    }
    Ok(())
}

/// Moves a finished download into the staging folder, verifying it.
fn stage_file(
    file: &ManifestFile,
    path: &Path,
    scratch: &Path,
    staging: &StagingDir,
) -> Result<(), SourceError> {
    let unreadable = |error| SourceError::new(format!("{}: {error}", file.path), NETWORK_REMEDY);
    // hf-hub names its files by what the hub says and links to them.
    let path = path.canonicalize().map_err(unreadable)?;
    if !path.starts_with(scratch) {
        return Err(SourceError::new(
            format!(
                "{}: expected a download inside {}, received {}",
                file.path,
                scratch.display(),
                path.display()
            ),
            "do not use this mirror",
        ));
    }
    let download = File::open(&path).map_err(unreadable)?;
    staging.add_verified(file, download)?;
    Ok(())
}

fn wrong_length(file: &ManifestFile, received: &str) -> String {
    format!(
        "{}: expected {} bytes, received {received}",
        file.path, file.bytes
    )
}

/// hf-hub's window on us: it reports, and it ends a thread that was given up.
#[derive(Clone)]
struct HubProgress {
    events: Sender<HubEvent>,
    cancelled: Arc<AtomicBool>,
}

impl HubProgress {
    fn send(&self, report: HubEvent) {
        // Nobody listens only after this thread was given up.
        let _ = self.events.send(report);
    }

    /// The only way out of hf-hub from inside its own loop. Unwinding without a
    /// message closes its files and its connection; where panics abort, the
    /// thread stands still instead.
    fn check_cancelled(&self) {
        if self.cancelled.load(Ordering::Acquire) {
            if cfg!(panic = "unwind") {
                std::panic::resume_unwind(Box::new("the download was given up"));
            }
            loop {
                thread::park();
            }
        }
    }
}

impl Progress for HubProgress {
    fn init(&mut self, size: usize, _filename: &str) {
        self.check_cancelled();
        self.send(HubEvent::ContentLength(size as u64));
    }

    fn update(&mut self, size: usize) {
        self.check_cancelled();
        if size > 0 {
            self.send(HubEvent::Chunk(size as u64));
        }
    }

    fn finish(&mut self) {}
}
