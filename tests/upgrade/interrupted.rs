//! Migrations that end half-way, and are resumed.

use std::fs;

use antiphon::engine::{Engine, EngineError};
use antiphon::store::{Store, StoreError, View};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{CURRENT_VERSION, bytes, check_database, connect, copy, f32_encoder, version};
use crate::support;

/// Bytes of the header of a WAL, and of a frame: its header and a page.
const WAL_HEADER: usize = 32;
const WAL_FRAME: usize = 24 + 4096;

/// Returns the database and the whole WAL of all migrations of a store.
fn migrated(fixture: &str) -> (Vec<u8>, Vec<u8>) {
    let data = copy(fixture);
    let before = fs::read(data.path().join("antiphon.db")).unwrap();
    // As long as this reads what was before the migrations, no checkpoint moves them.
    let reader = connect(data.path());
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM documents;")
        .unwrap();
    let store = Store::open(data.path(), f32_encoder().fingerprint()).unwrap();
    let files = bytes(data.path());
    drop(store);
    assert!(files["antiphon.db"] == before, "a checkpoint was made");
    (before, files["antiphon.db-wal"].clone())
}

#[test]
fn a_migration_resumes_wherever_its_process_was_killed() {
    let (database, wal) = migrated("v1-first");
    let frames = (wal.len() - WAL_HEADER) / WAL_FRAME;
    assert_eq!(wal.len(), WAL_HEADER + frames * WAL_FRAME);
    let fingerprint = f32_encoder();
    let mut versions = Vec::new();
    for frame in 0..=frames {
        let data = TempDir::new().unwrap();
        fs::write(data.path().join("antiphon.db"), &database).unwrap();
        // The next frame is torn.
        let end = wal.len().min(WAL_HEADER + frame * WAL_FRAME + 2000);
        fs::write(data.path().join("antiphon.db-wal"), &wal[..end]).unwrap();
        versions.push(version_of_copy(&data));
        let store = Store::open(data.path(), fingerprint.fingerprint()).unwrap();
        assert_eq!(store.document_ids().unwrap().len(), 4);
        drop(store);
        check_database(data.path());
        let view = View::open(data.path()).unwrap();
        assert_eq!(view.document_frequencies(&["herring"]).unwrap(), [1]);
    }
    assert!(versions.is_sorted());
    versions.dedup();
    assert_eq!(versions, (1..=CURRENT_VERSION).collect::<Vec<_>>());
}

/// The version of a store, which stays as it is.
fn version_of_copy(data: &TempDir) -> usize {
    let copy = TempDir::new().unwrap();
    for (name, bytes) in bytes(data.path()) {
        fs::write(copy.path().join(name), bytes).unwrap();
    }
    version(&connect(copy.path()))
}

#[test]
fn a_migration_that_fails_changes_nothing_and_can_be_tried_again() {
    // A table of that name is in the way of one statement of migration 3, or of 4.
    for (obstacle, stops_at) in [("vocabulary", 2), ("fts_vocab", 3)] {
        let data = copy("v1-first");
        let run = |sql: &str| connect(data.path()).execute_batch(sql).unwrap();
        run(&format!("CREATE TABLE {obstacle} (x)"));
        let opened = Engine::open(data.path(), f32_encoder(), support::OPTIONS);
        assert!(matches!(
            opened.err().unwrap(),
            EngineError::Store(StoreError::Sqlite(_))
        ));
        let connection = connect(data.path());
        assert_eq!(version(&connection), stops_at);
        let words = "SELECT count(*) FROM sqlite_schema WHERE name IN ('words', 'passage_comes')";
        assert_eq!(count(&connection, words), 2 * (stops_at - 2));
        drop(connection);
        run(&format!("DROP TABLE {obstacle}"));
        let store = Store::open(data.path(), f32_encoder().fingerprint()).unwrap();
        drop(store);
        check_database(data.path());
    }
}

fn count(connection: &Connection, sql: &str) -> usize {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}
