//! Which passages hold a word, read once for all snapshots.
//!
//! How often a passage holds a word never changes, and its key is never used twice. So a list that was
//! read at one moment serves later ones with what came after it; passages that are gone stay in it,
//! and whoever reads it looks them up in the passages of the moment.

use std::sync::{Arc, Mutex, PoisonError};

use crate::store::{PassageKey, Posting, StoreError, TermSequence};

use super::KeywordSnapshot;

/// Bytes that the lists may take in all. All words of the General Debate's 47,830 passages would take 48
/// million: 2.8 million entries in 31,610 lists.
const MAX_CACHE_BYTES: u64 = 128 << 20;

/// What an entry of a list takes.
const POSTING_BYTES: usize = 12;

/// What a list takes beside its entries, with its place among the others; measured on many short ones.
const LIST_OVERHEAD_BYTES: usize = 450;

/// A list is read anew rather than lengthened where that many times as many passages hold its words as
/// there are new ones: to read one passage takes as long as so many entries.
const REFRESH_COST_RATIO: usize = 32;

/// Passages with a count each, in the order of keys.
pub(super) struct PostingList {
    /// The first moment that it serves: passages that were there before may be missing.
    valid_from: u64,
    /// All passages up to this key are looked at.
    complete_through: i64,
    keys: Vec<i64>,
    counts: Vec<u32>,
}

impl PostingList {
    fn new(counts: Vec<Posting>, snapshot: &KeywordSnapshot<'_>) -> Self {
        let (keys, counts) = unzip_postings(counts);
        Self {
            valid_from: snapshot.generation,
            complete_through: snapshot.latest_key(),
            keys,
            counts,
        }
    }

    /// The same with what came after it.
    fn extended(&self, new: Vec<Posting>, snapshot: &KeywordSnapshot<'_>) -> Self {
        let (keys, counts) = unzip_postings(new);
        Self {
            valid_from: snapshot.generation,
            complete_through: snapshot.latest_key(),
            keys: [self.keys.as_slice(), &keys].concat(),
            counts: [self.counts.as_slice(), &counts].concat(),
        }
    }

    /// Whether it serves a moment once what is new is added.
    fn is_usable_at(&self, snapshot: &KeywordSnapshot<'_>) -> bool {
        self.valid_from <= snapshot.generation
    }

    /// Entries, also those of passages that are gone.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// How many of its passages are there at a moment.
    pub(super) fn live_len(&self, snapshot: &KeywordSnapshot<'_>) -> usize {
        let mut count = 0;
        self.for_each_live(snapshot, |_, _| count += 1);
        count
    }

    fn size_bytes(&self) -> usize {
        self.keys.len() * POSTING_BYTES
    }

    /// Visits the passages that are there at a moment, each by its place among them.
    pub(super) fn for_each_live(
        &self,
        snapshot: &KeywordSnapshot<'_>,
        mut visit: impl FnMut(usize, u32),
    ) {
        let mut next = 0;
        for (key, count) in self.keys.iter().zip(&self.counts) {
            let Some(place) = seek_forward(snapshot.passages, next, *key) else {
                break;
            };
            next = place;
            if snapshot.passages[place].0 == *key {
                visit(place, *count);
                next += 1;
            }
        }
    }
}

fn unzip_postings(counts: Vec<Posting>) -> (Vec<i64>, Vec<u32>) {
    counts.into_iter().map(|(key, n)| (key.rowid(), n)).unzip()
}

/// The first place from `from` on whose key is not smaller. Most are near, so it looks there first.
fn seek_forward(passages: &[(i64, u32)], from: usize, key: i64) -> Option<usize> {
    let first = passages.get(from)?.0;
    if first >= key {
        return Some(from);
    }
    // Where no key in between is gone it is exactly there, and never later.
    let farthest =
        usize::try_from(key - first).map_or(usize::MAX, |distance| from.saturating_add(distance));
    if passages.get(farthest).is_some_and(|(at, _)| *at == key) {
        return Some(farthest);
    }
    let end = farthest.min(passages.len());
    let place = from + passages[from..end].partition_point(|(at, _)| *at < key);
    (place < passages.len()).then_some(place)
}

/// The lists of a store, for all of its snapshots.
pub(super) struct PostingCache {
    lists: moka::sync::Cache<String, Arc<PostingList>>,
    lengths: Mutex<Option<Arc<PostingList>>>,
}

impl Default for PostingCache {
    fn default() -> Self {
        let weight = |name: &String, list: &Arc<PostingList>| {
            u32::try_from(LIST_OVERHEAD_BYTES + name.len() + list.size_bytes()).unwrap_or(u32::MAX)
        };
        Self {
            lists: moka::sync::Cache::builder()
                .weigher(weight)
                .max_capacity(MAX_CACHE_BYTES)
                // The usual policy would not let a long list in where there are many short ones.
                .eviction_policy(moka::policy::EvictionPolicy::lru())
                .build(),
            lengths: Mutex::default(),
        }
    }
}

impl PostingCache {
    /// The passages in which a sequence stands, if that is known already.
    pub(super) fn cached(
        &self,
        sequence: &TermSequence,
        snapshot: &KeywordSnapshot<'_>,
    ) -> Result<Option<Arc<PostingList>>, StoreError> {
        let name = sequence.cache_key();
        let Some(list) = self
            .lists
            .get(&name)
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
        self.lists.insert(name, Arc::clone(&list));
        Ok(Some(list))
    }

    /// The same, read where it is not known.
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
        let name = sequence.cache_key();
        // An older moment does not take the place of a newer one, and words that stand nowhere are
        // soon looked up: there is no end of them.
        let known = self.lists.get(&name);
        if list.len() > 0 && known.is_none_or(|known| known.is_usable_at(snapshot)) {
            self.lists.insert(name, Arc::clone(&list));
        }
        Ok(list)
    }

    /// Forgets a list that holds too much of what is gone.
    pub(super) fn invalidate(&self, sequence: &TermSequence) {
        self.lists.invalidate(&sequence.cache_key());
    }

    /// What the lists of words take.
    pub(super) fn size_bytes(&self) -> u64 {
        // What has come and gone is settled now and then; now.
        self.lists.run_pending_tasks();
        self.lists.weighted_size()
    }

    /// How many words the passages have.
    pub(super) fn passage_lengths(
        &self,
        snapshot: &KeywordSnapshot<'_>,
    ) -> Result<Arc<PostingList>, StoreError> {
        // Nothing panics while it is locked.
        let mut known = self.lengths.lock().unwrap_or_else(PoisonError::into_inner);
        let usable = known.as_ref().filter(|list| list.is_usable_at(snapshot));
        let list = match usable {
            Some(list) if list.complete_through >= snapshot.latest_key() => {
                return Ok(Arc::clone(list));
            }
            // Half of it may be gone by now.
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
        if known
            .as_ref()
            .is_none_or(|known| known.is_usable_at(snapshot))
        {
            *known = Some(Arc::clone(&list));
        }
        Ok(list)
    }
}
