//! Downloads the model from the Hugging Face hub, with the hf-hub crate.
//!
//! hf-hub has no timeouts and cannot be interrupted, so it runs on a separate thread that reports
//! each chunk. If no report arrives in time, the thread is abandoned: its next report terminates it,
//! and its files are in a staging directory that is deleted. hf-hub panics on some responses; on its
//! own thread, a panic is handled as a failure of this source.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;

use hf_hub::api::Progress;
use hf_hub::api::sync::{ApiBuilder, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};

use super::manifest::{Manifest, ManifestFile};
use super::source::{FetchOptions, FetchProgress, SourceError};
use super::staging::StagingDir;

const DEFAULT_ENDPOINT: &str = "https://huggingface.co";
const NETWORK_REMEDY: &str =
    "check the network and the proxy (HTTPS_PROXY), or set HF_ENDPOINT to a mirror";

/// Returns the URL of the hub, without a trailing slash.
pub(super) fn endpoint(options: &FetchOptions) -> String {
    options
        .hub_endpoint
        .as_deref()
        .map(|address| address.trim().trim_end_matches('/'))
        .filter(|address| !address.is_empty())
        .unwrap_or(DEFAULT_ENDPOINT)
        .to_owned()
}

/// A report of the download thread.
enum HubEvent {
    /// Size of the file according to the hub, before any data.
    ContentLength(u64),
    /// Number of bytes received.
    Chunk(u64),
    /// The file with this index in the manifest is complete, at this path.
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
    // hf-hub panics on invalid URLs.
    if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
        return Err(SourceError::new(
            format!("expected an http:// or https:// URL, received {endpoint:?}"),
            "fix HF_ENDPOINT",
        ));
    }
    let scratch = staging.create_subdir("hub")?;
    // Resolved, since the links in it are resolved below.
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

/// Runs on the download thread.
fn run_download(
    cache: Cache,
    endpoint: String,
    repo: Repo,
    paths: &[String],
    progress: &HubProgress,
) {
    // A separate cache contains no token: the model needs none, and the user's token must not be
    // sent. No retries, since there is another source.
    let api = ApiBuilder::from_cache(cache)
        .with_endpoint(endpoint)
        .with_token(None)
        .with_progress(false)
        .with_retries(0)
        .build();
    let repo: ApiRepo = match api {
        Ok(api) => api.repo(repo),
        Err(error) => return progress.send(HubEvent::Failed(error.to_string())),
    };
    for (index, path) in paths.iter().enumerate() {
        match repo.download_with_progress(path, progress.clone()) {
            Ok(found) => progress.send(HubEvent::FileComplete(index, found)),
            Err(error) => return progress.send(HubEvent::Failed(format!("{path}: {error}"))),
        }
    }
}

/// Receives reports on the caller's thread, enforces limits, and stages complete files.
fn receive_files(
    manifest: &Manifest,
    options: &FetchOptions,
    events: &Receiver<HubEvent>,
    scratch: &Path,
    staging: &StagingDir,
    progress: &dyn FetchProgress,
) -> Result<(), SourceError> {
    let fail = |reason: String| Err(SourceError::new(reason, NETWORK_REMEDY));
    let total = manifest.total_bytes();
    let mut finished_bytes = 0_u64;
    let mut wait = options.timeouts.hub_response;
    for (next_index, file) in manifest.files.iter().enumerate() {
        let mut received = 0_u64;
        loop {
            let event = match events.recv_timeout(wait) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => {
                    return fail(format!(
                        "{}: no data for {:.1} s",
                        file.path,
                        wait.as_secs_f64()
                    ));
                }
                // The thread ended without a report: it panicked.
                Err(RecvTimeoutError::Disconnected) => {
                    return fail(format!("{}: invalid response from the hub", file.path));
                }
            };
            wait = options.timeouts.hub_idle;
            match event {
                HubEvent::ContentLength(length) if length != file.bytes => {
                    return fail(wrong_length(file, &length.to_string()));
                }
                HubEvent::ContentLength(_) => {}
                HubEvent::Chunk(bytes) => {
                    received = received.saturating_add(bytes);
                    // The response may be longer than it declared.
                    if received > file.bytes {
                        return fail(wrong_length(file, &format!("{received} or more")));
                    }
                    progress.bytes_received(finished_bytes.saturating_add(received), Some(total));
                }
                HubEvent::FileComplete(index, path) if index == next_index => {
                    stage_file(file, &path, scratch, staging)?;
                    break;
                }
                HubEvent::FileComplete(..) => {
                    return fail("files received out of order".to_owned());
                }
                HubEvent::Failed(reason) => return fail(reason),
            }
        }
        finished_bytes = finished_bytes.saturating_add(file.bytes);
    }
    Ok(())
}

/// Verifies a complete download and copies it into the staging directory.
fn stage_file(
    file: &ManifestFile,
    path: &Path,
    scratch: &Path,
    staging: &StagingDir,
) -> Result<(), SourceError> {
    let unreadable = |error| SourceError::new(format!("{}: {error}", file.path), NETWORK_REMEDY);
    // hf-hub names files by the hub's response and links to them.
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

/// Reports the progress of hf-hub, and terminates an abandoned thread.
#[derive(Clone)]
struct HubProgress {
    events: Sender<HubEvent>,
    cancelled: Arc<AtomicBool>,
}

impl HubProgress {
    fn send(&self, event: HubEvent) {
        // Fails only after this thread was abandoned.
        let _ = self.events.send(event);
    }

    /// Terminates the thread if it was abandoned. Unwinding, without a message, is the only way to leave
    /// hf-hub's loop, and closes its files and its connection. If panics abort, the thread is parked
    /// instead.
    fn check_cancelled(&self) {
        if self.cancelled.load(Ordering::Acquire) {
            if cfg!(panic = "unwind") {
                std::panic::resume_unwind(Box::new("download cancelled"));
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
