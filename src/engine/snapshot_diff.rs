//! What has changed in the store since a snapshot was taken.

use std::collections::HashMap;

use crate::store::{DocumentEntry, PassageEntry, StoreError, View};

use super::snapshot::Snapshot;

/// How a later moment of a store differs from a snapshot. To find it, all documents are compared and
/// only the passages of those that differ.
pub(super) struct SnapshotDiff {
    /// All documents of the later moment, in the order of their ids.
    pub(super) documents: Vec<DocumentEntry>,
    /// Of each of them its place in the snapshot, if its passages are the same there.
    pub(super) reused_from: Vec<Option<usize>>,
    /// Rows of passages that are gone.
    pub(super) deleted_rows: Vec<u32>,
    /// Passages that the snapshot does not have, in the order of their keys.
    pub(super) added_passages: Vec<PassageEntry>,
}

impl SnapshotDiff {
    /// What differs in a view from a snapshot of an earlier moment.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(super) fn compute(before: &Snapshot, view: &View) -> Result<Self, StoreError> {
        let catalogue = before.document_table();
        let keys = (0..catalogue.len()).filter_map(|place| Some((catalogue.entry(place)?, place)));
        let mut known: HashMap<i64, (DocumentEntry, usize)> = keys
            .map(|(entry, place)| (entry.key, (entry, place)))
            .collect();
        let documents = view.document_entries()?;
        let mut reused_from = Vec::with_capacity(documents.len());
        let (mut deleted_rows, mut added_passages) = (Vec::new(), Vec::new());
        for (place, entry) in (0..).zip(&documents) {
            let earlier = known.remove(&entry.key);
            // A document that is written anew has another key.
            if let Some((_, earlier)) = earlier.filter(|(earlier, _)| earlier == entry) {
                reused_from.push(Some(earlier));
                continue;
            }
            let passages = view.passage_entries_of(entry.key, place)?;
            let rows = earlier.map(|(_, earlier)| catalogue.rows_of_document(earlier));
            // Metadata change by themselves.
            if rows.is_some_and(|rows| before.passage_index.rows_match(rows, &passages)) {
                reused_from.push(earlier.map(|(_, earlier)| earlier));
                continue;
            }
            deleted_rows.extend(rows.unwrap_or_default());
            added_passages.extend(passages);
            reused_from.push(None);
        }
        let left = known.into_values();
        deleted_rows.extend(left.flat_map(|(_, place)| catalogue.rows_of_document(place)));
        added_passages.sort_unstable_by_key(|passage| passage.key.rowid());
        Ok(Self {
            documents,
            reused_from,
            deleted_rows,
            added_passages,
        })
    }
}
