//! Opens data directories for reading, as commands do that write nothing.

use std::path::Path;
use std::sync::Arc;

use crate::encoder::Encoder;
use crate::engine::{IndexConfig, Snapshot};
use crate::store::View;

use super::{Archive, ArchiveError, ArchiveLimits, Source};

/// Limits of an archive with one caller.
const SINGLE_CALLER: ArchiveLimits = ArchiveLimits {
    workers: 1,
    queue_capacity: 1,
    recall_sample_every: 0,
};

impl Archive {
    /// Opens a data directory for searches, with its cached index if that is usable; none is built, which
    /// does not pay off for one query. Another process may be writing it; its later writes are not visible.
    ///
    /// # Errors
    ///
    /// If there is no store, it was written by another encoder or a newer program, must be migrated first,
    /// or cannot be read.
    pub fn open_for_search(
        directory: &Path,
        index: IndexConfig,
        encoder: Arc<dyn Encoder>,
    ) -> Result<Self, ArchiveError> {
        let view = View::open(directory)?;
        view.check_encoder(encoder.fingerprint())?;
        let snapshot = Snapshot::open(directory, view, index)?;
        Ok(Self::read_only(snapshot, Some(encoder)))
    }

    /// Opens a data directory for comparisons and exports, with its cached index if that is usable.
    ///
    /// # Errors
    ///
    /// As [`Self::open_for_search`].
    pub fn open_for_reading(directory: &Path, index: IndexConfig) -> Result<Self, ArchiveError> {
        let view = View::open(directory)?;
        Ok(Self::read_only(
            Snapshot::open(directory, view, index)?,
            None,
        ))
    }

    /// Opens a data directory for searches in an archive that is not ready, because it cannot be written.
    ///
    /// # Errors
    ///
    /// As [`Self::open_for_search`].
    pub fn set_read_only(
        &self,
        directory: &Path,
        index: IndexConfig,
        encoder: Arc<dyn Encoder>,
    ) -> Result<(), ArchiveError> {
        let view = View::open(directory)?;
        view.check_encoder(encoder.fingerprint())?;
        let snapshot = Arc::new(Snapshot::open(directory, view, index)?);
        self.source.get_or_init(|| Source::ReadOnly {
            snapshot,
            encoder: Some(encoder),
        });
        Ok(())
    }

    fn read_only(snapshot: Snapshot, encoder: Option<Arc<dyn Encoder>>) -> Self {
        let archive = Self::new(SINGLE_CALLER);
        let snapshot = Arc::new(snapshot);
        archive
            .source
            .get_or_init(|| Source::ReadOnly { snapshot, encoder });
        archive
    }
}
