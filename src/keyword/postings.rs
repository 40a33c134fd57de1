//! Posting lists, cached for all snapshots of a store.
//!
//! The term frequency in a passage never changes, and passage keys are never reused. So a list read for
//! one snapshot is valid for later ones once newer passages are appended; deleted passages stay in it
//! and are skipped when it is joined with the passages of a snapshot.

use std::sync::{Arc, Mutex, PoisonError};

use crate::store::{PassageKey, Posting, StoreError, TermSequence};

use super::snapshot::KeywordSnapshot;

/// Memory limit of the cache. All terms of the General Debate's 47,830 passages would take 48 million
/// bytes: 2.8 million postings in 31,610 lists.
const MAX_CACHE_BYTES: u64 = 128 << 20;

/// Memory of one posting.
const POSTING_BYTES: usize = 12;

/// Memory of a list in addition to its postings, with its cache entry; measured on many short lists.
const LIST_OVERHEAD_BYTES: usize = 450;

/// A list is extended only by up to this fraction of its length, and re-read otherwise: appending one
/// new passage costs as much as reading this many postings in bulk.
const REFRESH_COST_RATIO: usize = 32;

/// Passages with a count each, in key order.
pub(super) struct PostingList {
    /// First generation it is complete for; passages deleted before it may be missing.
    valid_from: u64,
    /// The list is complete up to this key.
    complete_through: i64,
    keys: Vec<i64>,
    counts: Vec<u32>,
}

impl PostingList {
    fn new(postings: Vec<Posting>, snapshot: &KeywordSnapshot<'_>) -> Self {
        let (keys, counts) = unzip_postings(postings);
        Self {
            valid_from: snapshot.generation,
            complete_through: snapshot.latest_key(),
            keys,
            counts,
        }
    }

    /// Returns the list with postings of newer passages appended.
    fn extended(&self, new: Vec<Posting>, snapshot: &KeywordSnapshot<'_>) -> Self {
        let (keys, counts) = unzip_postings(new);
        Self {
            valid_from: snapshot.generation,
            complete_through: snapshot.latest_key(),
            keys: [self.keys.as_slice(), &keys].concat(),
            counts: [self.counts.as_slice(), &counts].concat(),
        }
    }

    /// Returns whether it is valid for a snapshot once newer passages are appended.
    fn is_usable_at(&self, snapshot: &KeywordSnapshot<'_>) -> bool {
        self.valid_from <= snapshot.generation
    }

    /// Returns the number of postings, deleted passages included.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns the number of its passages that exist in a snapshot.
    pub(super) fn live_len(&self, snapshot: &KeywordSnapshot<'_>) -> usize {
        let mut count = 0;
        self.for_each_live(snapshot, |_, _| count += 1);
        count
    }

    fn size_bytes(&self) -> usize {
        self.keys.len() * POSTING_BYTES
    }

    /// Visits its passages that exist in a snapshot, each by its position among all passages.
    pub(super) fn for_each_live(
        &self,
        snapshot: &KeywordSnapshot<'_>,
        mut visit: impl FnMut(usize, u32),
    ) {
        let mut next = 0;
        for (key, count) in self.keys.iter().zip(&self.counts) {
            let Some(position) = seek_forward(snapshot.passages, next, *key) else {
                break;
            };
            next = position;
            if snapshot.passages[position].0 == *key {
                visit(position, *count);
                next += 1;
            }
        }
    }
}

fn unzip_postings(postings: Vec<Posting>) -> (Vec<i64>, Vec<u32>) {
    postings
        .into_iter()
        .map(|(key, count)| (key.rowid(), count))
        .unzip()
}

/// Returns the first position at or after `from` whose key is not smaller.
fn seek_forward(passages: &[(i64, u32)], from: usize, key: i64) -> Option<usize> {
    let first = passages.get(from)?.0;
    if first >= key {
        return Some(from);
    }
    // The key is exactly here if no key in between was deleted, and never later.
    let farthest =
        usize::try_from(key - first).map_or(usize::MAX, |distance| from.saturating_add(distance));
    if passages
        .get(farthest)
        .is_some_and(|(found, _)| *found == key)
    {
        return Some(farthest);
    }
    let end = farthest.min(passages.len());
    let position = from + passages[from..end].partition_point(|(found, _)| *found < key);
    (position < passages.len()).then_some(position)
}

/// The posting lists of a store, for all of its snapshots.
pub(super) struct PostingCache {
    lists: moka::sync::Cache<String, Arc<PostingList>>,
    lengths: Mutex<Option<Arc<PostingList>>>,
}

impl Default for PostingCache {
    fn default() -> Self {
        let weight = |key: &String, list: &Arc<PostingList>| {
            u32::try_from(LIST_OVERHEAD_BYTES + key.len() + list.size_bytes()).unwrap_or(u32::MAX)
        };
        Self {
            lists: moka::sync::Cache::builder()
                .weigher(weight)
                .max_capacity(MAX_CACHE_BYTES)
                // The default policy would not admit a long list next to many short ones.
                .eviction_policy(moka::policy::EvictionPolicy::lru())
                .build(),
            lengths: Mutex::default(),
        }
    }
}

impl PostingCache {
    /// Returns the cached posting list of a sequence, extended to the snapshot.
    pub(super) fn cached(
        &self,
        sequence: &TermSequence,
        snapshot: &KeywordSnapshot<'_>,
    ) -> Result<Option<Arc<PostingList>>, StoreError> {
        let key = sequence.cache_key();
        let Some(list) = self
            .lists
            .get(&key)
            .filter(|list| list.is_usable_at(snapshot))
        else {
            return Ok(None);
        };
        if list.complete_through >= snapshot.latest_key() {
            return Ok(Some(list));
        }
        let (max_new, after) = (
            list.len() / REFRESH_COST_RATIO,
            PassageKey::from_rowid(list.complete_through),
        );
        let Some(new) = snapshot.view.postings_after(sequence, after, max_new)? else {
            return Ok(None);
        };
        let list = Arc::new(list.extended(new, snapshot));
        self.lists.insert(key, Arc::clone(&list));
        Ok(Some(list))
    }

    /// Returns the posting list of a sequence, read from the store if it is not cached.
    pub(super) fn get_or_read(
        &self,
        sequence: &TermSequence,
        snapshot: &KeywordSnapshot<'_>,
    ) -> Result<Arc<PostingList>, StoreError> {
        if let Some(list) = self.cached(sequence, snapshot)? {
            return Ok(list);
        }
        let list = Arc::new(PostingList::new(
            snapshot.view.postings(sequence)?,
            snapshot,
        ));
        let key = sequence.cache_key();
        // A list of an older snapshot does not replace one of a newer. Absent terms are not cached:
        // there are infinitely many, and reading an empty list is fast.
        let cached = self.lists.get(&key);
        if list.len() > 0 && cached.is_none_or(|cached| cached.is_usable_at(snapshot)) {
            self.lists.insert(key, Arc::clone(&list));
        }
        Ok(list)
    }

    /// Drops a list with too many deleted passages.
    pub(super) fn invalidate(&self, sequence: &TermSequence) {
        self.lists.invalidate(&sequence.cache_key());
    }

    /// Returns the memory of the cached posting lists.
    pub(super) fn size_bytes(&self) -> u64 {
        // The cache updates its size lazily; this forces it.
        self.lists.run_pending_tasks();
        self.lists.weighted_size()
    }

    /// Returns the lengths of the passages in words.
    pub(super) fn passage_lengths(
        &self,
        snapshot: &KeywordSnapshot<'_>,
    ) -> Result<Arc<PostingList>, StoreError> {
        // No code panics while it is locked.
        let mut cached = self.lengths.lock().unwrap_or_else(PoisonError::into_inner);
        let usable = cached.as_ref().filter(|list| list.is_usable_at(snapshot));
        let list = match usable {
            Some(list) if list.complete_through >= snapshot.latest_key() => {
                return Ok(Arc::clone(list));
            }
            // Re-read once more than half of it are deleted passages.
            Some(list) if list.keys.len() <= 2 * snapshot.passages.len() => {
                let after = PassageKey::from_rowid(list.complete_through);
                list.extended(snapshot.view.passage_lengths_after(after)?, snapshot)
            }
            _ => PostingList::new(
                snapshot
                    .view
                    .passage_lengths_after(PassageKey::from_rowid(i64::MIN))?,
                snapshot,
            ),
        };
        let list = Arc::new(list);
        if cached
            .as_ref()
            .is_none_or(|cached| cached.is_usable_at(snapshot))
        {
            *cached = Some(Arc::clone(&list));
        }
        Ok(list)
    }
}
