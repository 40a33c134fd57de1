//! What has changed in the store since a snapshot was taken.

use std::collections::HashMap;

use crate::store::{DocumentEntry, PassageEntry, StoreError, View};

use super::snapshot::Snapshot;

/// How a later moment of a store differs from a snapshot. To find it, all documents are compared and
/// only the passages of those that differ.
pub(super) struct Changes {
    /// All documents of the later moment, in the order of their ids.
    pub(super) documents: Vec<DocumentEntry>,
    /// Of each of them its place in the snapshot, if its passages are the same there.
    pub(super) kept: Vec<Option<usize>>,
    /// Rows of passages that are gone.
    pub(super) gone: Vec<u32>,
    /// Passages that the snapshot does not have, in the order of their keys.
    pub(super) new: Vec<PassageEntry>,
}

impl Changes {
    /// What differs in a view from a snapshot of an earlier moment.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(super) fn since(before: &Snapshot, view: &View) -> Result<Self, StoreError> {
        let catalogue = before.catalogue();
        let keys = (0..catalogue.len()).filter_map(|place| Some((catalogue.entry(place)?, place)));
        let mut known: HashMap<i64, (DocumentEntry, usize)> = keys
            .map(|(entry, place)| (entry.key, (entry, place)))
            .collect();
        let documents = view.document_entries()?;
        let mut kept = Vec::with_capacity(documents.len());
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        for (place, entry) in (0..).zip(&documents) {
            let earlier = known.remove(&entry.key);
            // A document that is written anew has another key.
            if let Some((_, earlier)) = earlier.filter(|(earlier, _)| earlier == entry) {
                kept.push(Some(earlier));
                continue;
            }
            let passages = view.passages_of(entry.key, place)?;
            let rows = earlier.map(|(_, earlier)| catalogue.rows_in(earlier));
            // Metadata change by themselves.
            if rows.is_some_and(|rows| before.indexed.holds(rows, &passages)) {
                kept.push(earlier.map(|(_, earlier)| earlier));
                continue;
            }
            gone.extend(rows.unwrap_or_default());
            new.extend(passages);
            kept.push(None);
        }
        let left = known.into_values();
        gone.extend(left.flat_map(|(_, place)| catalogue.rows_in(place)));
        new.sort_unstable_by_key(|passage| passage.key.number());
        Ok(Self {
            documents,
            kept,
            gone,
            new,
        })
    }
}
