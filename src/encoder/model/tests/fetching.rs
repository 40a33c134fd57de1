use std::fs::{self, File};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use super::support::{
    HubBehaviour, RecordedProgress, folder, hub, is_tidy, manifest, options, tiny, write,
};
use crate::encoder::model::{ModelError, ModelSource, fetch, open_pinned};

#[test]
fn a_complete_cache_is_neither_fetched_nor_locked() {
    let tree = tiny();
    let cache = tempfile::tempdir().unwrap();
    let manifest = manifest(&tree);
    write(&tree, &manifest.folder(cache.path()));
    let progress = RecordedProgress::default();
    for offline in [false, true] {
        let mut options = options(cache.path(), &[]);
        options.offline = offline;
        let found = fetch(&manifest, &options, &progress).unwrap();
        open_pinned(&manifest, &found).unwrap();
    }
    assert!(!cache.path().join(".lock").exists());
    assert!(progress.sources.lock().unwrap().is_empty());
}

#[test]
fn offline_mode_names_the_missing_file() {
    let tree = tiny();
    let cache = tempfile::tempdir().unwrap();
    let mut options = options(cache.path(), &[ModelSource::Hub]);
    options.offline = true;
    let message = fetch(&manifest(&tree), &options, &RecordedProgress::default())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("1_Pooling/config.json") && message.contains("--model-dir"),
        "{message}"
    );
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
}

#[test]
fn an_empty_list_of_sources_is_an_error_with_a_remedy() {
    let cache = tempfile::tempdir().unwrap();
    let options = options(cache.path(), &[]);
    let message = fetch(&manifest(&tiny()), &options, &RecordedProgress::default())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("no source is configured") && message.contains("--model-dir"),
        "{message}"
    );
}

#[test]
fn a_truncated_file_is_fetched_again_and_a_corrupt_one_with_force() {
    let tree = tiny();
    let cache = tempfile::tempdir().unwrap();
    let manifest = manifest(&tree);
    let target = manifest.folder(cache.path());
    let (address, _asked) = hub(tree.clone(), HubBehaviour::Good);
    let mut options = options(cache.path(), &[ModelSource::Hub]);
    options.hub_endpoint = Some(address);
    let weights = target.join("model.safetensors");

    write(&tree, &target);
    fs::write(&weights, b"torn").unwrap();
    fetch(&manifest, &options, &RecordedProgress::default()).unwrap();
    open_pinned(&manifest, &target).unwrap();

    fs::write(&weights, vec![7; tree["model.safetensors"].len()]).unwrap();
    fetch(&manifest, &options, &RecordedProgress::default()).unwrap();
    open_pinned(&manifest, &target).unwrap_err();
    options.force = true;
    fetch(&manifest, &options, &RecordedProgress::default()).unwrap();
    open_pinned(&manifest, &target).unwrap();
    assert!(is_tidy(cache.path()));
}

#[test]
fn a_failed_fetch_keeps_the_installed_model() {
    let tree = tiny();
    let cache = tempfile::tempdir().unwrap();
    let manifest = manifest(&tree);
    let target = manifest.folder(cache.path());
    write(&tree, &target);
    let mut options = options(cache.path(), &[ModelSource::Hub]);
    options.hub_endpoint = Some("http://127.0.0.1:9".to_owned());
    options.force = true;
    fetch(&manifest, &options, &RecordedProgress::default()).unwrap_err();
    open_pinned(&manifest, &target).unwrap();
    assert!(is_tidy(cache.path()));
}

#[test]
fn two_fetches_at_once_download_once() {
    let tree = tiny();
    let cache = tempfile::tempdir().unwrap();
    let manifest = manifest(&tree);
    let (address, asked) = hub(tree.clone(), HubBehaviour::Good);
    let mut options = options(cache.path(), &[ModelSource::Hub]);
    options.hub_endpoint = Some(address);
    let together = Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                together.wait();
                let found = fetch(&manifest, &options, &RecordedProgress::default()).unwrap();
                open_pinned(&manifest, &found).unwrap();
            });
        }
    });
    let weights = asked
        .try_iter()
        .filter(|path| path.ends_with("model.safetensors"))
        .count();
    assert_eq!(weights, 2, "one probe and one download");
    assert!(is_tidy(cache.path()));
}

#[test]
fn leftovers_of_interrupted_fetches_are_removed_and_other_files_kept() {
    let tree = tiny();
    let cache = tempfile::tempdir().unwrap();
    for left in [".fetch-abc/model", ".old-xyz/model"] {
        fs::create_dir_all(cache.path().join(left)).unwrap();
    }
    fs::create_dir_all(cache.path().join("another-model")).unwrap();
    let (address, _asked) = hub(tree.clone(), HubBehaviour::Good);
    let mut options = options(cache.path(), &[ModelSource::Hub]);
    options.hub_endpoint = Some(address);
    fetch(&manifest(&tree), &options, &RecordedProgress::default()).unwrap();
    let mut names: Vec<_> = fs::read_dir(cache.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, [".lock", "another-model", "tiny"]);
}

#[test]
fn a_lock_that_is_never_released_ends_in_an_error() {
    let cache = tempfile::tempdir().unwrap();
    let held = File::create(cache.path().join(".lock")).unwrap();
    held.lock().unwrap();
    let mut options = options(cache.path(), &[ModelSource::Hub]);
    options.timeouts.lock = Duration::from_millis(200);
    let start = Instant::now();
    let error = fetch(&manifest(&tiny()), &options, &RecordedProgress::default()).unwrap_err();
    assert!(matches!(error, ModelError::Locked { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn an_uncreatable_cache_is_reported() {
    let dir = folder(&tiny());
    let options = options(&dir.path().join("config.json/models"), &[ModelSource::Hub]);
    let message = fetch(&manifest(&tiny()), &options, &RecordedProgress::default())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("cannot create") && message.contains("check the path"),
        "{message}"
    );
}
