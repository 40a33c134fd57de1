//! The store as a keyword search sees it.

use crate::store::View;

/// The passages of one snapshot.
pub(super) struct KeywordSnapshot<'a> {
    pub(super) view: &'a View,
    /// Key and row of each passage, in key order.
    pub(super) passages: &'a [(i64, u32)],
    /// Counts the snapshots of a store.
    pub(super) generation: u64,
}

impl KeywordSnapshot<'_> {
    /// Returns the key of the latest passage.
    pub(super) fn latest_key(&self) -> i64 {
        self.passages.last().map_or(i64::MIN, |(key, _)| *key)
    }
}
