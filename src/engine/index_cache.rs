//! The index beside the store: a cache that is used if it proves itself, and replaced if not.

use std::path::Path;

use crate::index::file::{self, FileError, LoadedIndex, RowLabel};
use crate::index::{Compaction, SegmentedIndex};
use crate::store::{ContentHash, StoreError, View};

use super::identity::IndexStamp;
use super::passage_index::PassageIndex;
use super::{EngineError, INDEX_FILE, IndexConfig};

/// The index that was written for this store and encoder, from whatever moment; an empty one where
/// there is none, or none is wanted, or what is there cannot be used.
pub(super) fn load_or_empty(
    directory: &Path,
    view: &View,
    choice: IndexConfig,
) -> Result<PassageIndex, EngineError> {
    let opened = match choice {
        IndexConfig::Exact => None,
        IndexConfig::Hnsw(_) | IndexConfig::Auto { .. } => {
            try_load(directory, view, choice, cache_fingerprint(view)?).unwrap_or_else(|error| {
                tracing::warn!("{error}; it will be built again from the store");
                None
            })
        }
    };
    if let Some(indexed) = opened {
        return Ok(indexed);
    }
    let dimension = view.fingerprint().dimension;
    Ok(PassageIndex {
        index: SegmentedIndex::new(dimension, choice.hnsw_parameters())?,
        labels: Vec::new(),
    })
}

/// Writes a new index and gives it back as the file has it, so that its arrays need no memory of our
/// own; in memory if that fails.
pub(super) fn write_and_reload(
    directory: &Path,
    view: &View,
    compaction: Compaction,
    labels: Vec<RowLabel>,
    choice: IndexConfig,
) -> Result<PassageIndex, EngineError> {
    let stamp = cache_fingerprint(view)?;
    let written = || -> Result<Option<PassageIndex>, FileError> {
        let path = directory.join(INDEX_FILE);
        file::write(&path, &compaction, stamp, &labels)?;
        try_load(directory, view, choice, stamp)
    };
    match written() {
        Ok(Some(saved)) => return Ok(saved),
        // Somebody has removed it again.
        Ok(None) => {}
        Err(error) => tracing::warn!("the index cannot be kept on disk: {error}"),
    }
    let (index, _) = compaction.into_index();
    Ok(PassageIndex { index, labels })
}

fn try_load(
    directory: &Path,
    view: &View,
    choice: IndexConfig,
    stamp: [u8; 32],
) -> Result<Option<PassageIndex>, FileError> {
    let (path, dimension) = (directory.join(INDEX_FILE), view.fingerprint().dimension);
    let opened = file::open(&path, stamp, dimension, choice.hnsw_parameters())?;
    Ok(opened.map(|opened: LoadedIndex| PassageIndex {
        labels: opened.labels().to_vec(),
        index: opened.index,
    }))
}

/// The stamp of the index of this store and its encoder.
fn cache_fingerprint(view: &View) -> Result<[u8; 32], StoreError> {
    let stamp = IndexStamp {
        store: &view.store_id()?.unwrap_or_default(),
        encoder: view.fingerprint(),
    };
    Ok(*ContentHash::of_identity(&stamp).as_bytes())
}
