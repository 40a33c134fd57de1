//! The index file next to the store: a cache that is validated when it is loaded, and rebuilt if it
//! cannot be used.

use std::path::Path;

use crate::index::file::{self, FileError, LoadedIndex, RowLabel};
use crate::index::{Compaction, SegmentedIndex};
use crate::store::{ContentHash, StoreError, View};

use super::identity::IndexOwner;
use super::passage_index::PassageIndex;
use super::{EngineError, INDEX_FILE, IndexConfig};

/// Loads the index file if it belongs to this store and encoder, whatever state of the store it was
/// built from. Returns an empty index if there is no usable file, or none is configured.
pub(super) fn load_or_empty(
    directory: &Path,
    view: &View,
    config: IndexConfig,
) -> Result<PassageIndex, EngineError> {
    let loaded = match config {
        IndexConfig::Exact => None,
        IndexConfig::Hnsw(_) | IndexConfig::Auto { .. } => {
            try_load(directory, view, config, cache_fingerprint(view)?).unwrap_or_else(|error| {
                tracing::warn!(
                    "cannot load the saved index, rebuilding it from the store: {error}"
                );
                None
            })
        }
    };
    if let Some(passage_index) = loaded {
        return Ok(passage_index);
    }
    let dimension = view.fingerprint().dimension;
    Ok(PassageIndex {
        index: SegmentedIndex::new(dimension, config.hnsw_parameters())?,
        labels: Vec::new(),
    })
}

/// Writes a new index and loads it again, so that its arrays are mapped from the file rather than held
/// in memory. Keeps it in memory if that fails.
pub(super) fn write_and_reload(
    directory: &Path,
    view: &View,
    compaction: Compaction,
    labels: Vec<RowLabel>,
    config: IndexConfig,
) -> Result<PassageIndex, EngineError> {
    let owner = cache_fingerprint(view)?;
    let write = || -> Result<Option<PassageIndex>, FileError> {
        let path = directory.join(INDEX_FILE);
        file::write(&path, &compaction, owner, &labels)?;
        try_load(directory, view, config, owner)
    };
    match write() {
        Ok(Some(saved)) => return Ok(saved),
        // Another process has removed the file.
        Ok(None) => {}
        Err(error) => tracing::warn!("cannot save the index, keeping it in memory: {error}"),
    }
    let (index, _) = compaction.into_index();
    Ok(PassageIndex { index, labels })
}

fn try_load(
    directory: &Path,
    view: &View,
    config: IndexConfig,
    owner: [u8; 32],
) -> Result<Option<PassageIndex>, FileError> {
    let (path, dimension) = (directory.join(INDEX_FILE), view.fingerprint().dimension);
    let loaded = file::open(&path, owner, dimension, config.hnsw_parameters())?;
    Ok(loaded.map(|loaded: LoadedIndex| PassageIndex {
        labels: loaded.labels().to_vec(),
        index: loaded.index,
    }))
}

/// Returns the fingerprint that marks an index file as belonging to this store and encoder.
fn cache_fingerprint(view: &View) -> Result<[u8; 32], StoreError> {
    let owner = IndexOwner {
        store: &view.store_id()?.unwrap_or_default(),
        encoder: view.fingerprint(),
    };
    Ok(*ContentHash::of_identity(&owner).as_bytes())
}
