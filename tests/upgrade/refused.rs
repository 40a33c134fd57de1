//! Stores that cannot be opened, and are left as they are.

use std::path::Path;
use std::sync::Arc;

use antiphon::encoder::Encoder;
use antiphon::engine::{Engine, EngineError};
use antiphon::store::{StoreError, View};
use tempfile::TempDir;

use super::{CURRENT_VERSION, bytes, connect, copy, f32_encoder};
use crate::support;

/// The error of an opening for writing, which must leave the files alone.
#[track_caller]
fn refusal(directory: &Path, encoder: &Arc<dyn Encoder>) -> StoreError {
    let before = bytes(directory);
    let opened = Engine::open(directory, Arc::clone(encoder), support::OPTIONS);
    let error = match opened {
        Err(EngineError::Store(error)) => error,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it opens"),
    };
    assert!(bytes(directory) == before, "the files have changed");
    error
}

#[track_caller]
fn differences(fixture: &str, encoder: &Arc<dyn Encoder>) -> Vec<String> {
    match refusal(copy(fixture).path(), encoder) {
        StoreError::EncoderMismatch { differences } => differences,
        error => panic!("{error}"),
    }
}

#[test]
fn stores_of_another_encoder_are_neither_opened_nor_migrated() {
    let (int8, f32) = (support::encoder(), f32_encoder());
    let running = int8.fingerprint().arithmetic;
    assert!(running > 1, "the first arithmetic in int8 is no more");
    let arithmetic = format!("arithmetic: stored 1, running {running}");
    assert_eq!(differences("v1-int8", &int8), [arithmetic.as_str()]);
    let precision = "precision: stored int8, running f32";
    assert_eq!(differences("v1-int8", &f32), [precision]);
    // This one names no version of its arithmetic: it is the first.
    let precision = "precision: stored f32, running int8";
    assert_eq!(differences("v1-first", &int8), [precision, &arithmetic]);
    for fixture in ["v2", "v2-killed", "v3"] {
        let found = differences(fixture, &f32);
        assert!(found[0].starts_with("precision: stored int8"), "{found:?}");
    }
}

/// Leaves a directory as a process does that writes a version and is killed.
fn killed_after_version(version: usize) -> TempDir {
    let (running, killed) = (copy("v3"), TempDir::new().unwrap());
    let connection = connect(running.path());
    connection
        .pragma_update(None, "user_version", version)
        .unwrap();
    for name in ["antiphon.db", "antiphon.db-wal"] {
        std::fs::copy(running.path().join(name), killed.path().join(name)).unwrap();
    }
    killed
}

#[test]
fn stores_of_a_later_version_are_refused() {
    let closed = copy("v3");
    connect(closed.path())
        .pragma_update(None, "user_version", 99)
        .unwrap();
    for data in [closed, killed_after_version(99)] {
        let before = bytes(data.path());
        for error in [
            refusal(data.path(), &support::encoder()),
            View::open(data.path()).unwrap_err(),
        ] {
            assert!(
                matches!(
                    error,
                    StoreError::NewerSchema {
                        expected: CURRENT_VERSION,
                        received: 99
                    }
                ),
                "{error}"
            );
        }
        assert!(bytes(data.path()) == before);
    }
}

#[test]
fn readers_leave_migrations_to_writers() {
    for fixture in ["v1-first", "v1-f32", "v1-int8", "v2", "v2-killed", "v3"] {
        let data = copy(fixture);
        let before = bytes(data.path());
        match View::open(data.path()).unwrap_err() {
            StoreError::Outdated { path } => assert_eq!(path, data.path()),
            error => panic!("{fixture}: {error}"),
        }
        assert!(bytes(data.path()) == before, "{fixture}");
    }
}
