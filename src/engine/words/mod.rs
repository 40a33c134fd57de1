//! Search by words: BM25 over the passages of a moment.
//!
//! The store's FTS5 says which passages hold a word, and how often; that is read once and kept
//! (`lists`). In how many passages a word stands and how long they are on average changes with every
//! write and is counted when it is asked for. So scores are FTS5's, with its constants, and do not
//! depend on what was asked before.

mod lists;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::store::{Sequence, StoreError, Term, View};

use lists::Lists;

/// How much a second and third mention of a word add.
const K1: f64 = 1.2;

/// How much a word counts for less in a long passage.
const B: f64 = 0.75;

/// How long words may be looked for: a query can hold thousands of beginnings and phrases.
const PATIENCE: Duration = Duration::from_secs(5);

/// Common words that are remembered.
const MOST_COMMON: usize = 10_000;

/// What a word weighs that half of all passages hold, or more.
const LEAST_WEIGHT: f64 = 1e-6;

/// What is known of the words of one moment.
#[derive(Default)]
pub(super) struct Words {
    store: Arc<OfStore>,
    moment: u64,
    lengths: OnceLock<Vec<f64>>,
}

/// What is known of a store's words at all its moments.
#[derive(Default)]
struct OfStore {
    lists: Lists,
    /// Words that more than half of the passages held when they were last counted.
    common: Mutex<HashMap<String, Common>>,
}

/// A word was in so many passages when this was the newest and there were so many of them.
#[derive(Clone, Copy)]
struct Common {
    holding: usize,
    passages: usize,
    newest: i64,
    /// It says nothing of moments before this one.
    since: u64,
}

/// A moment of the store.
pub(super) struct Moment<'a> {
    pub(super) view: &'a View,
    /// Key and row of each passage, in the order of keys.
    pub(super) passages: &'a [(i64, u32)],
    number: u64,
}

/// Why words are not looked for.
#[derive(Debug, thiserror::Error)]
pub enum WordsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Their lists are too long, and too many of them are not known.
    #[error(
        "to look for these words takes longer than {} s; expected fewer phrases and beginnings of words",
        PATIENCE.as_secs()
    )]
    TakesLong,
}

impl Moment<'_> {
    fn newest(&self) -> i64 {
        self.passages.last().map_or(i64::MIN, |(key, _)| *key)
    }
}

impl Words {
    /// Those of the next moment of the same store.
    pub(super) fn next(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            moment: self.moment + 1,
            lengths: OnceLock::new(),
        }
    }

    /// What is kept takes so many bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.store.lists.bytes()
    }

    /// Visits the rows of the passages that hold the terms, each with its BM25 score: those with all
    /// phrases and, if there are none, at least one of the words. Gives the terms that were looked
    /// for: of several, words that most passages hold are none.
    pub(super) fn matching(
        &self,
        view: &View,
        passages: &[(i64, u32)],
        terms: &[Term],
        mut visit: impl FnMut(u32, f32),
    ) -> Result<Vec<Term>, WordsError> {
        let start = Instant::now();
        let moment = Moment {
            view,
            passages,
            number: self.moment,
        };
        let telling = self.telling(&moment, terms)?;
        let times = counted(&telling);
        let is_phrase = |term: &Term| matches!(term, Term::Phrase(_));
        let phrases = times.iter().filter(|(term, _)| is_phrase(term)).count();
        let mut scores = vec![0.0; passages.len()];
        let mut held = vec![0; if phrases > 0 { passages.len() } else { 0 }];
        for (term, times) in times {
            if start.elapsed() > PATIENCE {
                return Err(WordsError::TakesLong);
            }
            self.weigh(&moment, term, |place, score| {
                scores[place] += times * score;
                if is_phrase(term) {
                    held[place] += 1;
                }
            })?;
        }
        for (place, ((_, row), score)) in passages.iter().zip(&scores).enumerate() {
            if *score > 0.0 && (phrases == 0 || held[place] == phrases) {
                #[allow(clippy::cast_possible_truncation)] // a score of a few digits
                visit(*row, *score as f32);
            }
        }
        Ok(telling)
    }

    /// Visits the places of the passages that hold a term, with what it adds to their scores.
    fn weigh(
        &self,
        moment: &Moment<'_>,
        term: &Term,
        mut visit: impl FnMut(usize, f64),
    ) -> Result<(), StoreError> {
        let Some(sequence) = Sequence::of(term) else {
            let place = |key: i64| moment.passages.binary_search_by_key(&key, |(key, _)| *key);
            return moment.view.weighed(term, |key, score| {
                if let Ok(place) = place(key.number()) {
                    visit(place, score);
                }
            });
        };
        let list = self.store.lists.of(&sequence, moment)?;
        let mut found = Vec::with_capacity(list.len());
        list.at(moment, |place, times| found.push((place, f64::from(times))));
        if found.len() < list.len() / 2 {
            self.store.lists.forget(&sequence);
        }
        let weight = weight(moment.passages.len(), found.len());
        let lengths = self.lengths(moment)?;
        for (place, times) in found {
            visit(
                place,
                weight * ((times * (K1 + 1.0)) / (times + lengths[place])),
            );
        }
        Ok(())
    }

    /// What BM25 adds to the count of a word in each passage, by its length: k1 (1 − b + b · length /
    /// average length).
    fn lengths(&self, moment: &Moment<'_>) -> Result<&[f64], StoreError> {
        if let Some(known) = self.lengths.get() {
            return Ok(known);
        }
        let list = self.store.lists.lengths(moment)?;
        let mut lengths = vec![0.0; moment.passages.len()];
        list.at(moment, |place, length| lengths[place] = f64::from(length));
        #[allow(clippy::cast_precision_loss)] // fewer passages than 2^53
        let average = lengths.iter().sum::<f64>() / lengths.len() as f64;
        for length in &mut lengths {
            *length = K1 * (1.0 - B + B * *length / average);
        }
        Ok(self.lengths.get_or_init(|| lengths))
    }

    /// The terms without the words that more than half of all passages hold: BM25 gives them no weight
    /// that counts, and comparing them takes longer than all the rest. All of them if nothing were
    /// left.
    fn telling(&self, moment: &Moment<'_>, terms: &[Term]) -> Result<Vec<Term>, StoreError> {
        if terms.len() < 2 {
            return Ok(terms.to_vec());
        }
        let mut telling = Vec::new();
        for term in terms {
            if !self.is_common(moment, term)? {
                telling.push(term.clone());
            }
        }
        Ok(if telling.is_empty() {
            terms.to_vec()
        } else {
            telling
        })
    }

    fn is_common(&self, moment: &Moment<'_>, term: &Term) -> Result<bool, StoreError> {
        let Term::Word(text) = term else {
            return Ok(false);
        };
        let sequence = Sequence::of(term);
        let word = match &sequence {
            Some(sequence) => sequence.word().map(str::to_owned),
            None => Some(text.to_lowercase()),
        };
        let Some(word) = word else {
            return Ok(false);
        };
        let half = moment.passages.len() / 2;
        let known = self.common().get(&word).copied();
        if known.is_some_and(|known| known.at_least(moment) > half) {
            return Ok(true);
        }
        let holding = self.holding(moment, sequence.as_ref(), &word)?;
        let mut common = self.common();
        if known.is_none_or(|known| known.since <= moment.number) {
            // It is counted anew where it still is common.
            common.remove(&word);
        }
        if holding > half && common.len() < MOST_COMMON {
            let known = Common {
                holding,
                passages: moment.passages.len(),
                newest: moment.newest(),
                since: moment.number,
            };
            common.entry(word).or_insert(known);
        }
        Ok(holding > half)
    }

    /// In how many passages a word stands; where that is at most half of them, perhaps too many. No list is read for that: a word that most passages hold
    /// has none, as it is not looked for.
    fn holding(
        &self,
        moment: &Moment<'_>,
        sequence: Option<&Sequence>,
        word: &str,
    ) -> Result<usize, StoreError> {
        let known = sequence.map(|sequence| self.store.lists.known(sequence, moment));
        if let Some(list) = known.transpose()?.flatten() {
            // Most are too short for the word to be common, whatever has gone.
            let few = list.len() <= moment.passages.len() / 2;
            return Ok(if few { list.len() } else { list.count(moment) });
        }
        let counted = moment.view.frequencies(&[word])?;
        Ok(counted.first().copied().unwrap_or(0))
    }

    fn common(&self) -> MutexGuard<'_, HashMap<String, Common>> {
        // Nothing panics while it is locked.
        self.store
            .common
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Common {
    /// In how many passages of a moment the word stands at least.
    fn at_least(&self, moment: &Moment<'_>) -> usize {
        if moment.number < self.since {
            return 0;
        }
        let still = moment
            .passages
            .partition_point(|(key, _)| *key <= self.newest);
        // Every passage that is gone may have held it.
        self.holding
            .saturating_sub(self.passages.saturating_sub(still))
    }
}

/// Each term once, in their order, and how often it is there.
fn counted(terms: &[Term]) -> Vec<(&Term, f64)> {
    let mut places = HashMap::new();
    let mut counted: Vec<(&Term, f64)> = Vec::new();
    for term in terms {
        let place = *places.entry(term).or_insert(counted.len());
        match counted.get_mut(place) {
            Some((_, times)) => *times += 1.0,
            None => counted.push((term, 1.0)),
        }
    }
    counted
}

/// What a word weighs that so many of all passages hold.
#[allow(clippy::cast_precision_loss)] // fewer passages than 2^53
fn weight(passages: usize, holding: usize) -> f64 {
    let (passages, holding) = (passages as f64, holding as f64);
    let weight = ((passages - holding + 0.5) / (holding + 0.5)).ln();
    if weight > 0.0 { weight } else { LEAST_WEIGHT }
}
