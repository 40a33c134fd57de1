//! Disk usage of a data directory.

use std::path::Path;

use crate::store::DATABASE_FILE;

use super::INDEX_FILE;

/// Sizes of files in bytes; 0 for a missing file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskUsage {
    /// The store's database.
    pub database_bytes: u64,
    /// The store's WAL.
    pub wal_bytes: u64,
    /// The index file.
    pub index_bytes: u64,
}

impl DiskUsage {
    pub(super) fn measure(directory: &Path) -> Self {
        let size = |name: &str| directory.join(name).metadata().map_or(0, |file| file.len());
        Self {
            database_bytes: size(DATABASE_FILE),
            wal_bytes: size(&format!("{DATABASE_FILE}-wal")),
            index_bytes: size(INDEX_FILE),
        }
    }
}
