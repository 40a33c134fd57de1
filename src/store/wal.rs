//! `SQLite`'s write-ahead log (WAL): committed pages that are not in the database file yet.
//!
//! `SQLite` checkpoints the WAL as it grows, and removes its file when the last connection closes, if
//! that connection may write. Three cases are left to us: a WAL that was once long keeps its size on
//! disk, a killed process leaves its WAL behind, and as long as some reader always uses the WAL, it
//! never restarts. A view opened after a complete checkpoint does not use the WAL.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

/// How long a connection waits for a lock of the database.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Size to which `SQLite` truncates the WAL when it restarts after a complete checkpoint. It usually
/// grows to half of that, the 1,000 pages after which `SQLite` checkpoints it.
const WAL_SIZE_LIMIT_BYTES: u64 = 8 << 20;

/// Limits the size that the WAL keeps on disk after a restart to [`WAL_SIZE_LIMIT_BYTES`].
pub(super) fn set_size_limit(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_size_limit", WAL_SIZE_LIMIT_BYTES)
}

/// Returns whether the WAL of a database exceeds [`WAL_SIZE_LIMIT_BYTES`].
pub(super) fn exceeds_size_limit(database: &Path) -> bool {
    length(database) > WAL_SIZE_LIMIT_BYTES
}

/// Returns whether a database has a WAL that is not empty.
pub(super) fn has_pages(database: &Path) -> bool {
    length(database) > 0
}

fn length(database: &Path) -> u64 {
    let mut file = database.as_os_str().to_owned();
    file.push("-wal");
    Path::new(&file).metadata().map_or(0, |file| file.len())
}

/// Checkpoints as much of the WAL as possible without waiting. Returns whether that was all of it: then
/// the next write restarts the WAL, unless a reader still uses it.
pub(super) fn checkpoint_passive(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (busy, pages, checkpointed): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(!busy && pages == checkpointed)
    })
}

/// Checkpoints the WAL and truncates its file. Does not wait for readers: what they use stays.
pub(super) fn checkpoint_truncate(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::ZERO)?;
    let result = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    connection.busy_timeout(BUSY_TIMEOUT)?;
    result
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use tempfile::TempDir;

    use super::*;
    use crate::corpus::Metadata;
    use crate::encoder::Fingerprint;
    use crate::passages::SegmentedText;
    use crate::store::{ContentHash, DATABASE_FILE, NewDocument, Store, View};

    fn open(directory: &Path) -> Store {
        let fingerprint = Fingerprint::for_tests(384);
        Store::open(directory, &fingerprint).unwrap()
    }

    /// Writes a document with a text of this size.
    fn put(store: &mut Store, id: &str, bytes: usize) {
        let segmented = SegmentedText {
            text: "a".repeat(bytes),
            passages: Vec::new(),
            dropped: Vec::new(),
        };
        let new = NewDocument {
            id: &id.parse().unwrap(),
            metadata: &Metadata::default(),
            origin: "",
            source_hash: ContentHash::from_parts([]),
            segmented: &segmented,
            places: &[],
            vectors: &[],
        };
        store.put(&new).unwrap();
    }

    #[test]
    fn a_full_disk_is_named_and_nothing_changes() {
        use crate::store::WriteObstacle;
        let folder = TempDir::new().unwrap();
        let mut store = open(folder.path());
        put(&mut store, "before", 1000);
        // What SQLite reports when a page cannot be added.
        let pages: i64 = store
            .connection()
            .pragma_query_value(None, "page_count", |row| row.get(0))
            .unwrap();
        let limit = |store: &Store, pages: i64| {
            let sql = format!("PRAGMA max_page_count = {pages}");
            store.connection().query_row(&sql, [], |_| Ok(())).unwrap();
        };
        limit(&store, pages);
        let segmented = SegmentedText {
            text: "a".repeat(1 << 20),
            passages: Vec::new(),
            dropped: Vec::new(),
        };
        let new = NewDocument {
            id: &"after".parse().unwrap(),
            metadata: &Metadata::default(),
            origin: "",
            source_hash: ContentHash::from_parts([]),
            segmented: &segmented,
            places: &[],
            vectors: &[],
        };
        let error = store.put(&new).unwrap_err();
        assert_eq!(error.write_obstacle(), Some(WriteObstacle::DiskFull));
        let message = error.to_string();
        assert!(message.contains("make room") && !message.contains("move it away"));
        let stored = |id: &str| {
            store
                .document_state(&id.parse().unwrap())
                .unwrap()
                .is_some()
        };
        assert!(stored("before") && !stored("after"));
        limit(&store, i64::from(u32::MAX - 1));
        put(&mut store, "after", 1 << 20);
    }

    fn wal_path(directory: &Path) -> PathBuf {
        directory.join(format!("{DATABASE_FILE}-wal"))
    }

    fn wal_bytes(directory: &Path) -> u64 {
        wal_path(directory).metadata().map_or(0, |file| file.len())
    }

    #[test]
    fn opening_the_store_checkpoints_a_leftover_wal() {
        let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let (before, after) = (first.path(), second.path());
        let mut store = open(before);
        put(&mut store, "a", 1 << 20);
        // The files as a process killed at this point leaves them.
        for file in [before.join(DATABASE_FILE), wal_path(before)] {
            fs::copy(&file, after.join(file.file_name().unwrap())).unwrap();
        }
        assert!(wal_bytes(after) > 1 << 20);
        let store = open(after);
        assert_eq!(wal_bytes(after), 0);
        assert_eq!(store.document_ids().unwrap().len(), 1);
    }

    #[test]
    fn a_wal_in_use_is_kept_until_its_reader_closes() {
        let folder = TempDir::new().unwrap();
        let mut store = open(folder.path());
        put(&mut store, "a", 1 << 20);
        let reader = View::open(folder.path()).unwrap();
        drop(store);
        let left = wal_bytes(folder.path());
        assert!(left > 1 << 20);
        let store = open(folder.path());
        assert_eq!(wal_bytes(folder.path()), left);
        assert_eq!(reader.totals().unwrap().0, 1);
        drop(reader);
        drop(store);
        assert_eq!(wal_bytes(folder.path()), 0);
    }

    #[test]
    fn a_long_wal_is_truncated_when_it_restarts() {
        let folder = TempDir::new().unwrap();
        let mut store = open(folder.path());
        let reader = View::open(folder.path()).unwrap();
        put(&mut store, "a", 12 << 20);
        put(&mut store, "b", 1);
        assert!(wal_bytes(folder.path()) > 12 << 20, "a reader uses it");
        drop(reader);
        // One write checkpoints the WAL, the next restarts it.
        put(&mut store, "c", 1);
        put(&mut store, "d", 1);
        assert!(wal_bytes(folder.path()) <= WAL_SIZE_LIMIT_BYTES);
    }

    #[test]
    fn a_long_wal_restarts_despite_constant_readers() {
        let folder = TempDir::new().unwrap();
        let mut store = open(folder.path());
        put(&mut store, "a", 12 << 20);
        let earlier = store.view(2).unwrap();
        assert!(store.wal_needs_checkpoint());
        put(&mut store, "b", 1);
        assert!(!store.checkpoint_wal().unwrap(), "the earlier view is open");
        drop(earlier);
        assert!(store.checkpoint_wal().unwrap());
        let reader = store.view(2).unwrap();
        put(&mut store, "c", 1);
        assert!(!store.wal_needs_checkpoint());
        assert_eq!(reader.totals().unwrap().0, 2);
        assert_eq!(store.view(1).unwrap().totals().unwrap().0, 3);
    }
}
