//! What the rows of an index stand for, and how an index follows the store.

use crate::index::file::RowLabel;
use crate::index::{SegmentedIndex, Vectors};
use crate::store::{PassageEntry, PassageKey, StoreManifest, View};

use super::EngineError;

/// An index and the passage of each of its rows.
#[derive(Clone)]
pub(super) struct PassageIndex {
    pub(super) index: SegmentedIndex,
    pub(super) labels: Vec<RowLabel>,
}

impl PassageIndex {
    /// The same index brought to the moment of a view: rows whose passage is gone, or whose text is
    /// another one, are not found any more, and passages that it does not have are added. How it
    /// came to differ does not matter, so an index from any earlier moment will do.
    pub(super) fn caught_up_to(
        &self,
        view: &View,
        entries: &StoreManifest,
    ) -> Result<Self, EngineError> {
        let known = self.rows_by_key();
        let mut known = known.iter().peekable();
        let (mut deleted_rows, mut added_passages) = (Vec::new(), Vec::new());
        for entry in &entries.passages {
            // Both are in the order of keys.
            while let Some((_, row)) = known.next_if(|(key, _)| *key < entry.key.rowid()) {
                deleted_rows.push(*row);
            }
            match known.next_if(|(key, _)| *key == entry.key.rowid()) {
                Some((_, row)) if self.labels[*row as usize].hash == entry.hash_prefix => {}
                Some((_, row)) => {
                    deleted_rows.push(*row);
                    added_passages.push(*entry);
                }
                None => added_passages.push(*entry),
            }
        }
        deleted_rows.extend(known.map(|(_, row)| *row));
        self.with_changes(view, deleted_rows, &added_passages)
    }

    /// The same index without these rows, and with passages that it does not have after all others.
    pub(super) fn with_changes(
        &self,
        view: &View,
        deleted_rows: Vec<u32>,
        added_passages: &[PassageEntry],
    ) -> Result<Self, EngineError> {
        let mut vectors = Vectors::new(view.fingerprint().dimension)?;
        view.for_each_vector_of(added_passages.iter().map(|entry| entry.key), |stored| {
            vectors.push(stored.vector)?;
            Ok::<_, EngineError>(())
        })?;
        let mut labels = self.labels.clone();
        labels.extend(added_passages.iter().map(label));
        let index = self.index.without_rows(deleted_rows).with_rows(&vectors)?;
        Ok(Self { index, labels })
    }

    /// Whether these rows stand for these passages.
    pub(super) fn rows_match(&self, rows: &[u32], passages: &[PassageEntry]) -> bool {
        let stands = |(row, passage): (&u32, &PassageEntry)| {
            self.labels.get(*row as usize) == Some(&label(passage))
        };
        rows.len() == passages.len() && rows.iter().zip(passages).all(stands)
    }

    /// The rows that can be found, in the order of their keys.
    pub(super) fn rows_by_key(&self) -> Vec<(i64, u32)> {
        let labelled = (0..).zip(&self.labels);
        let live = labelled.filter(|(row, _)| self.index.is_live(*row));
        let mut places: Vec<(i64, u32)> = live.map(|(row, label)| (label.key, row)).collect();
        places.sort_unstable();
        places
    }

    /// The passage of a row.
    pub(super) fn passage_key(&self, row: u32) -> Option<PassageKey> {
        let label = self.labels.get(row as usize)?;
        Some(PassageKey::from_rowid(label.key))
    }

    /// The labels of these rows, in their order.
    pub(super) fn labels_of(&self, rows: &[u32]) -> Vec<RowLabel> {
        let labels = rows.iter().map(|row| self.labels.get(*row as usize));
        labels.flatten().copied().collect()
    }
}

fn label(entry: &PassageEntry) -> RowLabel {
    RowLabel {
        key: entry.key.rowid(),
        hash: entry.hash_prefix,
    }
}
