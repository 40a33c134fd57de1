//! The vector index with the passage of each row, and its updates from the store.

use crate::index::file::RowLabel;
use crate::index::{RowsWithSentences, SegmentedIndex};
use crate::store::{PassageEntry, PassageKey, StoreManifest, View};

use super::EngineError;

/// Passages whose embeddings are in memory at a time while an index is updated: about 7 MB.
const READ_BATCH_PASSAGES: usize = 1024;

/// An index and the passage of each of its rows.
#[derive(Clone)]
pub(super) struct PassageIndex {
    pub(super) index: SegmentedIndex,
    pub(super) labels: Vec<RowLabel>,
}

impl PassageIndex {
    /// Returns the index updated to a view: rows whose passage is gone or has another text are deleted,
    /// missing passages are appended. Works from an index of any state of the store.
    pub(super) fn caught_up_to(
        &self,
        view: &View,
        manifest: &StoreManifest,
    ) -> Result<Self, EngineError> {
        let rows = self.rows_by_key();
        let mut rows = rows.iter().peekable();
        let (mut deleted_rows, mut added_passages) = (Vec::new(), Vec::new());
        for entry in &manifest.passages {
            // Both are in key order.
            while let Some((_, row)) = rows.next_if(|(key, _)| *key < entry.key.rowid()) {
                deleted_rows.push(*row);
            }
            match rows.next_if(|(key, _)| *key == entry.key.rowid()) {
                Some((_, row)) if self.labels[*row as usize].hash == entry.hash_prefix => {}
                Some((_, row)) => {
                    deleted_rows.push(*row);
                    added_passages.push(*entry);
                }
                None => added_passages.push(*entry),
            }
        }
        deleted_rows.extend(rows.map(|(_, row)| *row));
        self.with_changes(view, deleted_rows, &added_passages)
    }

    /// Returns the index with these rows deleted and these passages appended.
    pub(super) fn with_changes(
        &self,
        view: &View,
        deleted_rows: Vec<u32>,
        added_passages: &[PassageEntry],
    ) -> Result<Self, EngineError> {
        let mut labels = self.labels.clone();
        labels.extend(added_passages.iter().map(label));
        let mut index = self.index.without_rows(deleted_rows);
        for passages in added_passages.chunks(READ_BATCH_PASSAGES) {
            index = index.with_rows_and_sentences(&read_vectors(view, passages)?)?;
        }
        Ok(Self { index, labels })
    }

    /// Returns whether these rows are exactly these passages.
    pub(super) fn rows_match(&self, rows: &[u32], passages: &[PassageEntry]) -> bool {
        let matches = |(row, passage): (&u32, &PassageEntry)| {
            self.labels.get(*row as usize) == Some(&label(passage))
        };
        rows.len() == passages.len() && rows.iter().zip(passages).all(matches)
    }

    /// Returns key and row of each live passage, in key order.
    pub(super) fn rows_by_key(&self) -> Vec<(i64, u32)> {
        let labelled = (0..).zip(&self.labels);
        let live = labelled.filter(|(row, _)| self.index.is_live(*row));
        let mut by_key: Vec<(i64, u32)> = live.map(|(row, label)| (label.key, row)).collect();
        by_key.sort_unstable();
        by_key
    }

    /// Returns the passage of a row.
    pub(super) fn passage_key(&self, row: u32) -> Option<PassageKey> {
        let label = self.labels.get(row as usize)?;
        Some(PassageKey::from_rowid(label.key))
    }

    /// Returns the labels of these rows, in the given order.
    pub(super) fn labels_of(&self, rows: &[u32]) -> Vec<RowLabel> {
        let labels = rows.iter().map(|row| self.labels.get(*row as usize));
        labels.flatten().copied().collect()
    }
}

/// Reads the embeddings of these passages and of their sentences.
fn read_vectors(view: &View, passages: &[PassageEntry]) -> Result<RowsWithSentences, EngineError> {
    let mut rows = RowsWithSentences::new(view.fingerprint().dimension)?;
    let mut vectors = Vec::new();
    let keys = || passages.iter().map(|entry| entry.key);
    view.for_each_vector_of(keys(), |stored| {
        vectors.push(stored.vector.to_vec());
        Ok::<_, EngineError>(())
    })?;
    let mut vectors = vectors.iter();
    view.for_each_sentence_vectors_of(keys(), |_, sentences| {
        if let Some(vector) = vectors.next() {
            rows.push(vector)?;
            rows.push_sentences(sentences)?;
        }
        Ok::<_, EngineError>(())
    })?;
    Ok(rows)
}

fn label(entry: &PassageEntry) -> RowLabel {
    RowLabel {
        key: entry.key.rowid(),
        hash: entry.hash_prefix,
    }
}
