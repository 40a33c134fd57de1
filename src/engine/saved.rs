//! The index beside the store: a cache that is used if it proves itself, and replaced if not.

use std::path::Path;

use crate::index::file::{self, FileError, Label, Opened};
use crate::index::{Compaction, SegmentedIndex};
use crate::store::{ContentHash, StoreError, View};

use super::identity::IndexStamp;
use super::rows::Indexed;
use super::{EngineError, INDEX_FILE, IndexChoice};

/// The index that was written for this store and encoder, from whatever moment; an empty one where
/// there is none, or none is wanted, or what is there cannot be used.
pub(super) fn open(
    directory: &Path,
    view: &View,
    choice: IndexChoice,
) -> Result<Indexed, EngineError> {
    let opened = match choice {
        IndexChoice::Exact => None,
        IndexChoice::Hnsw(_) | IndexChoice::Auto { .. } => {
            opened(directory, view, choice, stamp(view)?).unwrap_or_else(|error| {
                tracing::warn!("{error}; it will be built again from the store");
                None
            })
        }
    };
    if let Some(indexed) = opened {
        return Ok(indexed);
    }
    let dimension = view.fingerprint().dimension;
    Ok(Indexed {
        index: SegmentedIndex::new(dimension, choice.parameters())?,
        labels: Vec::new(),
    })
}

/// Writes a new index and gives it back as the file has it, so that its arrays need no memory of our
/// own; in memory if that fails.
pub(super) fn write(
    directory: &Path,
    view: &View,
    compaction: Compaction,
    labels: Vec<Label>,
    choice: IndexChoice,
) -> Result<Indexed, EngineError> {
    let stamp = stamp(view)?;
    let written = || -> Result<Option<Indexed>, FileError> {
        let path = directory.join(INDEX_FILE);
        file::write(&path, &compaction, stamp, &labels)?;
        opened(directory, view, choice, stamp)
    };
    match written() {
        Ok(Some(saved)) => return Ok(saved),
        // Somebody has removed it again.
        Ok(None) => {}
        Err(error) => tracing::warn!("the index cannot be kept on disk: {error}"),
    }
    let (index, _) = compaction.into_index();
    Ok(Indexed { index, labels })
}

fn opened(
    directory: &Path,
    view: &View,
    choice: IndexChoice,
    stamp: [u8; 32],
) -> Result<Option<Indexed>, FileError> {
    let (path, dimension) = (directory.join(INDEX_FILE), view.fingerprint().dimension);
    let opened = file::open(&path, stamp, dimension, choice.parameters())?;
    Ok(opened.map(|opened: Opened| Indexed {
        labels: opened.labels().to_vec(),
        index: opened.index,
    }))
}

/// The stamp of the index of this store and its encoder.
fn stamp(view: &View) -> Result<[u8; 32], StoreError> {
    let stamp = IndexStamp {
        store: &view.store_id()?.unwrap_or_default(),
        encoder: view.fingerprint(),
    };
    Ok(*ContentHash::of_identity(&stamp).as_bytes())
}
