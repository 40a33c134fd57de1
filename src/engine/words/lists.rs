//! Which passages hold a word, read once for all snapshots.
//!
//! How often a passage holds a word never changes, and its key is never used twice. So a list that was
//! read at one moment serves later ones with what came after it; passages that are gone stay in it,
//! and whoever reads it looks them up in the passages of the moment.

use std::sync::{Arc, Mutex, PoisonError};

use crate::store::{Count, PassageKey, Sequence, StoreError};

use super::Moment;

/// Bytes that the lists may take in all. All words of the General Debate's 47,830 passages would take 48
/// million: 2.8 million entries in 31,610 lists.
const MOST_BYTES: u64 = 128 << 20;

/// What an entry of a list takes.
const ENTRY_BYTES: usize = 12;

/// What a list takes beside its entries, with its place among the others; measured on many short ones.
const LIST_BYTES: usize = 450;

/// A list is read anew rather than lengthened where that many times as many passages hold its words as
/// there are new ones: to read one passage takes as long as so many entries.
const DEARER: usize = 32;

/// Passages with a count each, in the order of keys.
pub(super) struct List {
    /// The first moment that it serves: passages that were there before may be missing.
    since: u64,
    /// All passages up to this key are looked at.
    through: i64,
    keys: Vec<i64>,
    counts: Vec<u32>,
}

impl List {
    fn read(counts: Vec<Count>, moment: &Moment<'_>) -> Self {
        let (keys, counts) = split(counts);
        Self {
            since: moment.number,
            through: moment.newest(),
            keys,
            counts,
        }
    }

    /// The same with what came after it.
    fn with(&self, new: Vec<Count>, moment: &Moment<'_>) -> Self {
        let (keys, counts) = split(new);
        Self {
            since: moment.number,
            through: moment.newest(),
            keys: [self.keys.as_slice(), &keys].concat(),
            counts: [self.counts.as_slice(), &counts].concat(),
        }
    }

    /// Whether it serves a moment once what is new is added.
    fn serves(&self, moment: &Moment<'_>) -> bool {
        self.since <= moment.number
    }

    /// Entries, also those of passages that are gone.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// How many of its passages are there at a moment.
    pub(super) fn count(&self, moment: &Moment<'_>) -> usize {
        let mut count = 0;
        self.at(moment, |_, _| count += 1);
        count
    }

    fn bytes(&self) -> usize {
        self.keys.len() * ENTRY_BYTES
    }

    /// Visits the passages that are there at a moment, each by its place among them.
    pub(super) fn at(&self, moment: &Moment<'_>, mut visit: impl FnMut(usize, u32)) {
        let mut next = 0;
        for (key, count) in self.keys.iter().zip(&self.counts) {
            let Some(place) = seek(moment.passages, next, *key) else {
                break;
            };
            next = place;
            if moment.passages[place].0 == *key {
                visit(place, *count);
                next += 1;
            }
        }
    }
}

fn split(counts: Vec<Count>) -> (Vec<i64>, Vec<u32>) {
    counts.into_iter().map(|(key, n)| (key.number(), n)).unzip()
}

/// The first place from `from` on whose key is not smaller. Most are near, so it looks there first.
fn seek(passages: &[(i64, u32)], from: usize, key: i64) -> Option<usize> {
    let first = passages.get(from)?.0;
    if first >= key {
        return Some(from);
    }
    // Where no key in between is gone it is exactly there, and never later.
    let far =
        usize::try_from(key - first).map_or(usize::MAX, |distance| from.saturating_add(distance));
    if passages.get(far).is_some_and(|(at, _)| *at == key) {
        return Some(far);
    }
    let end = far.min(passages.len());
    let place = from + passages[from..end].partition_point(|(at, _)| *at < key);
    (place < passages.len()).then_some(place)
}

/// The lists of a store, for all of its snapshots.
pub(super) struct Lists {
    words: moka::sync::Cache<String, Arc<List>>,
    lengths: Mutex<Option<Arc<List>>>,
}

impl Default for Lists {
    fn default() -> Self {
        let weight = |name: &String, list: &Arc<List>| {
            u32::try_from(LIST_BYTES + name.len() + list.bytes()).unwrap_or(u32::MAX)
        };
        Self {
            words: moka::sync::Cache::builder()
                .weigher(weight)
                .max_capacity(MOST_BYTES)
                // The usual policy would not let a long list in where there are many short ones.
                .eviction_policy(moka::policy::EvictionPolicy::lru())
                .build(),
            lengths: Mutex::default(),
        }
    }
}

impl Lists {
    /// The passages in which a sequence stands, if that is known already.
    pub(super) fn known(
        &self,
        sequence: &Sequence,
        moment: &Moment<'_>,
    ) -> Result<Option<Arc<List>>, StoreError> {
        let name = sequence.name();
        let Some(list) = self.words.get(&name).filter(|list| list.serves(moment)) else {
            return Ok(None);
        };
        if list.through >= moment.newest() {
            return Ok(Some(list));
        }
        let (most, after) = (list.len() / DEARER, PassageKey::from_number(list.through));
        let Some(new) = moment.view.holding_after(sequence, after, most)? else {
            return Ok(None);
        };
        let list = Arc::new(list.with(new, moment));
        self.words.insert(name, Arc::clone(&list));
        Ok(Some(list))
    }

    /// The same, read where it is not known.
    pub(super) fn of(
        &self,
        sequence: &Sequence,
        moment: &Moment<'_>,
    ) -> Result<Arc<List>, StoreError> {
        if let Some(list) = self.known(sequence, moment)? {
            return Ok(list);
        }
        let list = Arc::new(List::read(moment.view.holding(sequence)?, moment));
        let name = sequence.name();
        // An older moment does not take the place of a newer one, and words that stand nowhere are
        // soon looked up: there is no end of them.
        let known = self.words.get(&name);
        if list.len() > 0 && known.is_none_or(|known| known.serves(moment)) {
            self.words.insert(name, Arc::clone(&list));
        }
        Ok(list)
    }

    /// Forgets a list that holds too much of what is gone.
    pub(super) fn forget(&self, sequence: &Sequence) {
        self.words.invalidate(&sequence.name());
    }

    /// What the lists of words take.
    pub(super) fn bytes(&self) -> u64 {
        // What has come and gone is settled now and then; now.
        self.words.run_pending_tasks();
        self.words.weighted_size()
    }

    /// How many words the passages have.
    pub(super) fn lengths(&self, moment: &Moment<'_>) -> Result<Arc<List>, StoreError> {
        // Nothing panics while it is locked.
        let mut known = self.lengths.lock().unwrap_or_else(PoisonError::into_inner);
        let usable = known.as_ref().filter(|list| list.serves(moment));
        let list = match usable {
            Some(list) if list.through >= moment.newest() => return Ok(Arc::clone(list)),
            // Half of it may be gone by now.
            Some(list) if list.keys.len() <= 2 * moment.passages.len() => {
                let after = PassageKey::from_number(list.through);
                list.with(moment.view.lengths_after(after)?, moment)
            }
            _ => List::read(
                moment
                    .view
                    .lengths_after(PassageKey::from_number(i64::MIN))?,
                moment,
            ),
        };
        let list = Arc::new(list);
        if known.as_ref().is_none_or(|known| known.serves(moment)) {
            *known = Some(Arc::clone(&list));
        }
        Ok(list)
    }
}
