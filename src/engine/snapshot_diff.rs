//! Changes of the store since a snapshot.

use std::collections::HashMap;

use crate::store::{DocumentEntry, PassageEntry, StoreError, View};

use super::snapshot::Snapshot;

/// The difference between a view and an earlier snapshot. Computing it compares all documents, but
/// passages only of those that differ.
pub(super) struct SnapshotDiff {
    /// All documents of the view, in id order.
    pub(super) documents: Vec<DocumentEntry>,
    /// For each document, its index in the snapshot if its passages are unchanged.
    pub(super) reused_from: Vec<Option<usize>>,
    /// Rows of passages that no longer exist.
    pub(super) deleted_rows: Vec<u32>,
    /// Passages that are not in the snapshot, in key order.
    pub(super) added_passages: Vec<PassageEntry>,
}

impl SnapshotDiff {
    /// Computes the difference between a view and an earlier snapshot.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(super) fn compute(previous: &Snapshot, view: &View) -> Result<Self, StoreError> {
        let table = previous.document_table();
        let entries = (0..table.len()).filter_map(|index| Some((table.entry(index)?, index)));
        let mut unvisited: HashMap<i64, (DocumentEntry, usize)> = entries
            .map(|(entry, index)| (entry.key, (entry, index)))
            .collect();
        let documents = view.document_entries()?;
        let mut reused_from = Vec::with_capacity(documents.len());
        let (mut deleted_rows, mut added_passages) = (Vec::new(), Vec::new());
        for (index, entry) in (0..).zip(&documents) {
            let earlier = unvisited.remove(&entry.key);
            // A document that is rewritten gets a new key.
            if let Some((_, earlier)) = earlier.filter(|(earlier, _)| earlier == entry) {
                reused_from.push(Some(earlier));
                continue;
            }
            let passages = view.passage_entries_of(entry.key, index)?;
            let rows = earlier.map(|(_, earlier)| table.rows_of_document(earlier));
            // Only the metadata changed.
            if rows.is_some_and(|rows| previous.passage_index.rows_match(rows, &passages)) {
                reused_from.push(earlier.map(|(_, earlier)| earlier));
                continue;
            }
            deleted_rows.extend(rows.unwrap_or_default());
            added_passages.extend(passages);
            reused_from.push(None);
        }
        let deleted = unvisited.into_values();
        deleted_rows.extend(deleted.flat_map(|(_, index)| table.rows_of_document(index)));
        added_passages.sort_unstable_by_key(|passage| passage.key.rowid());
        Ok(Self {
            documents,
            reused_from,
            deleted_rows,
            added_passages,
        })
    }
}
