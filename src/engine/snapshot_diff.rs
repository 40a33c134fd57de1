//! Changes of the store since a snapshot.

use std::collections::HashMap;

use crate::store::{DocumentEntry, PassageEntry, StoreError, View};

use super::passage_index::PassageIndex;

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

/// A document of the earlier snapshot.
struct EarlierDocument<'a> {
    entry: DocumentEntry,
    index: usize,
    rows: &'a [u32],
}

impl SnapshotDiff {
    /// Computes the difference between a view and an earlier snapshot, of which the documents with the rows
    /// of their passages are given in id order.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(super) fn compute<'a>(
        previous: impl Iterator<Item = (DocumentEntry, &'a [u32])>,
        passage_index: &PassageIndex,
        view: &View,
    ) -> Result<Self, StoreError> {
        let mut unvisited: HashMap<i64, EarlierDocument<'_>> = previous
            .enumerate()
            .map(|(index, (entry, rows))| (entry.key, EarlierDocument { entry, index, rows }))
            .collect();
        let documents = view.document_entries()?;
        let mut reused_from = Vec::with_capacity(documents.len());
        let (mut deleted_rows, mut added_passages) = (Vec::new(), Vec::new());
        for (index, entry) in (0..).zip(&documents) {
            let earlier = unvisited.remove(&entry.key);
            // A document that is rewritten gets a new key.
            if let Some(earlier) = earlier.as_ref().filter(|earlier| earlier.entry == *entry) {
                reused_from.push(Some(earlier.index));
                continue;
            }
            let passages = view.passage_entries_of(entry.key, index)?;
            if let Some(earlier) = &earlier {
                // Only the metadata changed.
                if passage_index.rows_match(earlier.rows, &passages) {
                    reused_from.push(Some(earlier.index));
                    continue;
                }
                deleted_rows.extend(earlier.rows);
            }
            added_passages.extend(passages);
            reused_from.push(None);
        }
        deleted_rows.extend(unvisited.into_values().flat_map(|earlier| earlier.rows));
        added_passages.sort_unstable_by_key(|passage| passage.key.rowid());
        Ok(Self {
            documents,
            reused_from,
            deleted_rows,
            added_passages,
        })
    }
}
