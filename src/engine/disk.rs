//! What a data directory takes of its disk.

use std::path::Path;

use crate::store::DATABASE_FILE;

use super::INDEX_FILE;

/// Sizes of files in bytes; 0 for one that is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OnDisk {
    /// The store's database.
    pub database: u64,
    /// What has been written and not moved into the database yet.
    pub log: u64,
    /// The saved index.
    pub index: u64,
}

impl OnDisk {
    pub(super) fn of(directory: &Path) -> Self {
        let size = |name: &str| directory.join(name).metadata().map_or(0, |file| file.len());
        Self {
            database: size(DATABASE_FILE),
            log: size(&format!("{DATABASE_FILE}-wal")),
            index: size(INDEX_FILE),
        }
    }
}
