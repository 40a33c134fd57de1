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

use super::fetch::{Failure, FetchOptions, FetchProgress};
use super::manifest::{Manifest, ManifestFile};
use super::staging::Staging;

const DEFAULT_ENDPOINT: &str = "https://huggingface.co";
const REMEDY: &str =
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
enum Report {
    /// The file's length as the hub gives it, before any data.
    Length(u64),
    /// So many bytes have arrived.
    Piece(u64),
    /// The file at this place in the manifest is complete.
    File(usize, PathBuf),
    Failed(String),
}

/// Downloads the manifest's files into `staging`.
pub(super) fn download(
    manifest: &Manifest,
    options: &FetchOptions,
    staging: &Staging,
    progress: &dyn FetchProgress,
) -> Result<(), Failure> {
    let endpoint = endpoint(options);
    // hf-hub would panic on an address that is none.
    if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
        return Err(Failure::new(
            format!("expected an address with https:// or http://, received {endpoint:?}"),
            "correct HF_ENDPOINT",
        ));
    }
    let scratch = staging.scratch("hub")?;
    // Links are resolved below, so the folder must be, too.
    let scratch = scratch.canonicalize().unwrap_or(scratch);
    let (sender, reports) = mpsc::channel();
    let given_up = Arc::new(AtomicBool::new(false));
    let meter = Meter {
        reports: sender,
        given_up: Arc::clone(&given_up),
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
        .spawn(move || run(cache, endpoint, repo, &paths, &meter))
        .map_err(|error| Failure::new(format!("cannot start a thread: {error}"), REMEDY))?;

    let result = follow(manifest, options, &reports, &scratch, staging, progress);
    given_up.store(true, Ordering::Release);
    result
}

/// The hub's thread.
fn run(cache: Cache, endpoint: String, repo: Repo, paths: &[String], meter: &Meter) {
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
        Err(error) => return meter.report(Report::Failed(error.to_string())),
    };
    for (index, path) in paths.iter().enumerate() {
        match repo.download_with_progress(path, meter.clone()) {
            Ok(found) => meter.report(Report::File(index, found)),
            Err(error) => return meter.report(Report::Failed(format!("{path}: {error}"))),
        }
    }
}

/// The caller's thread: counts, checks limits, and takes finished files.
fn follow(
    manifest: &Manifest,
    options: &FetchOptions,
    reports: &Receiver<Report>,
    scratch: &Path,
    staging: &Staging,
    progress: &dyn FetchProgress,
) -> Result<(), Failure> {
    let fail = |why: String| Err(Failure::new(why, REMEDY));
    let total = manifest.total_bytes();
    let mut finished_bytes = 0_u64;
    let mut wait = options.limits.hub_answer;
    for (place, file) in manifest.files.iter().enumerate() {
        let mut arrived = 0_u64;
        loop {
            let report = match reports.recv_timeout(wait) {
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
            wait = options.limits.hub_stall;
            match report {
                Report::Length(length) if length != file.bytes => {
                    return fail(wrong_length(file, &length.to_string()));
                }
                Report::Length(_) => {}
                Report::Piece(bytes) => {
                    arrived = arrived.saturating_add(bytes);
                    // Nothing may fill the disk, whatever length it claimed.
                    if arrived > file.bytes {
                        return fail(wrong_length(file, &format!("{arrived} or more")));
                    }
                    progress.bytes(finished_bytes.saturating_add(arrived), Some(total));
                }
                Report::File(index, path) if index == place => {
                    take(file, &path, scratch, staging)?;
                    break;
                }
                Report::File(..) => return fail("files arrived out of order".to_owned()),
                Report::Failed(why) => return fail(why),
            }
        }
        finished_bytes = finished_bytes.saturating_add(file.bytes);
    }
    Ok(())
}

/// Moves a finished download into the staging folder, verifying it.
fn take(
    file: &ManifestFile,
    path: &Path,
    scratch: &Path,
    staging: &Staging,
) -> Result<(), Failure> {
    let unreadable = |error| Failure::new(format!("{}: {error}", file.path), REMEDY);
    // hf-hub names its files by what the hub says and links to them.
    let path = path.canonicalize().map_err(unreadable)?;
    if !path.starts_with(scratch) {
        return Err(Failure::new(
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
    staging.add(file, download)?;
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
struct Meter {
    reports: Sender<Report>,
    given_up: Arc<AtomicBool>,
}

impl Meter {
    fn report(&self, report: Report) {
        // Nobody listens only after this thread was given up.
        let _ = self.reports.send(report);
    }

    /// The only way out of hf-hub from inside its own loop. Unwinding without a
    /// message closes its files and its connection; where panics abort, the
    /// thread stands still instead.
    fn stop_if_given_up(&self) {
        if self.given_up.load(Ordering::Acquire) {
            if cfg!(panic = "unwind") {
                std::panic::resume_unwind(Box::new("the download was given up"));
            }
            loop {
                thread::park();
            }
        }
    }
}

impl Progress for Meter {
    fn init(&mut self, size: usize, _filename: &str) {
        self.stop_if_given_up();
        self.report(Report::Length(size as u64));
    }

    fn update(&mut self, size: usize) {
        self.stop_if_given_up();
        if size > 0 {
            self.report(Report::Piece(size as u64));
        }
    }

    fn finish(&mut self) {}
}
