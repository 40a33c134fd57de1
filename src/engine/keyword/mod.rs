//! Search by words: BM25 over the passages of a moment.
//!
//! The store's FTS5 says which passages hold a word, and how often; that is read once and kept
//! (`lists`). In how many passages a word stands and how long they are on average changes with every
//! write and is counted when it is asked for. So scores are FTS5's, with its constants, and do not
//! depend on what was asked before.

mod postings;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::store::{QueryTerm, StoreError, TermSequence, View};

use postings::PostingCache;

/// How much a second and third mention of a word add.
const K1: f64 = 1.2;

/// How much a word counts for less in a long passage.
const B: f64 = 0.75;

/// How long words may be looked for: a query can hold thousands of beginnings and phrases.
const QUERY_TIME_BUDGET: Duration = Duration::from_secs(5);

/// Common words that are remembered.
const MAX_STOP_TERMS: usize = 10_000;

/// What a word weighs that half of all passages hold, or more.
const MIN_IDF: f64 = 1e-6;

/// What is known of the words of one moment.
#[derive(Default)]
pub(super) struct Bm25Index {
    shared: Arc<SharedPostings>,
    generation: u64,
    length_norms: OnceLock<Vec<f64>>,
}

/// What is known of a store's words at all its moments.
#[derive(Default)]
struct SharedPostings {
    postings: PostingCache,
    /// Words that more than half of the passages held when they were last counted.
    stop_terms: Mutex<HashMap<String, StopTerm>>,
}

/// A word was in so many passages when this was the newest and there were so many of them.
#[derive(Clone, Copy)]
struct StopTerm {
    document_frequency: usize,
    passage_count: usize,
    latest_key: i64,
    /// It says nothing of moments before this one.
    valid_from: u64,
}

/// A moment of the store.
pub(super) struct KeywordSnapshot<'a> {
    pub(super) view: &'a View,
    /// Key and row of each passage, in the order of keys.
    pub(super) passages: &'a [(i64, u32)],
    generation: u64,
}

/// Why words are not looked for.
#[derive(Debug, thiserror::Error)]
pub enum KeywordError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Their lists are too long, and too many of them are not known.
    #[error(
        "to look for these words takes longer than {} s; expected fewer phrases and beginnings of words",
        QUERY_TIME_BUDGET.as_secs()
    )]
    QueryTooExpensive,
}

impl KeywordSnapshot<'_> {
    fn latest_key(&self) -> i64 {
        self.passages.last().map_or(i64::MIN, |(key, _)| *key)
    }
}

impl Bm25Index {
    /// Those of the next moment of the same store.
    pub(super) fn next_generation(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            generation: self.generation + 1,
            length_norms: OnceLock::new(),
        }
    }

    /// What is kept takes so many bytes.
    pub(super) fn posting_bytes(&self) -> u64 {
        self.shared.postings.size_bytes()
    }

    /// Visits the rows of the passages that hold the terms, each with its BM25 score: those with all
    /// phrases and, if there are none, at least one of the words. Gives the terms that were looked
    /// for: of several, words that most passages hold are none.
    pub(super) fn search(
        &self,
        view: &View,
        passages: &[(i64, u32)],
        terms: &[QueryTerm],
        mut visit: impl FnMut(u32, f32),
    ) -> Result<Vec<QueryTerm>, KeywordError> {
        let start = Instant::now();
        let snapshot = KeywordSnapshot {
            view,
            passages,
            generation: self.generation,
        };
        let searched_terms = self.drop_stop_terms(&snapshot, terms)?;
        let times = count_terms(&searched_terms);
        let is_phrase = |term: &QueryTerm| matches!(term, QueryTerm::Phrase(_));
        let phrases = times.iter().filter(|(term, _)| is_phrase(term)).count();
        let mut scores = vec![0.0; passages.len()];
        let mut phrases_matched = vec![0; if phrases > 0 { passages.len() } else { 0 }];
        for (term, times) in times {
            if start.elapsed() > QUERY_TIME_BUDGET {
                return Err(KeywordError::QueryTooExpensive);
            }
            self.score_term(&snapshot, term, |place, score| {
                scores[place] += times * score;
                if is_phrase(term) {
                    phrases_matched[place] += 1;
                }
            })?;
        }
        for (place, ((_, row), score)) in passages.iter().zip(&scores).enumerate() {
            if *score > 0.0 && (phrases == 0 || phrases_matched[place] == phrases) {
                #[allow(clippy::cast_possible_truncation)] // a score of a few digits
                visit(*row, *score as f32);
            }
        }
        Ok(searched_terms)
    }

    /// Visits the places of the passages that hold a term, with what it adds to their scores.
    fn score_term(
        &self,
        snapshot: &KeywordSnapshot<'_>,
        term: &QueryTerm,
        mut visit: impl FnMut(usize, f64),
    ) -> Result<(), StoreError> {
        let Some(sequence) = TermSequence::from_term(term) else {
            let place = |key: i64| {
                snapshot
                    .passages
                    .binary_search_by_key(&key, |(key, _)| *key)
            };
            return snapshot.view.for_each_bm25_score(term, |key, score| {
                if let Ok(place) = place(key.rowid()) {
                    visit(place, score);
                }
            });
        };
        let list = self.shared.postings.get_or_read(&sequence, snapshot)?;
        let mut found = Vec::with_capacity(list.len());
        list.for_each_live(snapshot, |place, times| {
            found.push((place, f64::from(times)))
        });
        if found.len() < list.len() / 2 {
            self.shared.postings.invalidate(&sequence);
        }
        let weight = idf(snapshot.passages.len(), found.len());
        let lengths = self.length_norms(snapshot)?;
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
    fn length_norms(&self, snapshot: &KeywordSnapshot<'_>) -> Result<&[f64], StoreError> {
        if let Some(known) = self.length_norms.get() {
            return Ok(known);
        }
        let list = self.shared.postings.passage_lengths(snapshot)?;
        let mut lengths = vec![0.0; snapshot.passages.len()];
        list.for_each_live(snapshot, |place, length| lengths[place] = f64::from(length));
        #[allow(clippy::cast_precision_loss)] // fewer passages than 2^53
        let average = lengths.iter().sum::<f64>() / lengths.len() as f64;
        for length in &mut lengths {
            *length = K1 * (1.0 - B + B * *length / average);
        }
        Ok(self.length_norms.get_or_init(|| lengths))
    }

    /// The terms without the words that more than half of all passages hold: BM25 gives them no weight
    /// that counts, and comparing them takes longer than all the rest. All of them if nothing were
    /// left.
    fn drop_stop_terms(
        &self,
        snapshot: &KeywordSnapshot<'_>,
        terms: &[QueryTerm],
    ) -> Result<Vec<QueryTerm>, StoreError> {
        if terms.len() < 2 {
            return Ok(terms.to_vec());
        }
        let mut kept_terms = Vec::new();
        for term in terms {
            if !self.is_stop_term(snapshot, term)? {
                kept_terms.push(term.clone());
            }
        }
        Ok(if kept_terms.is_empty() {
            terms.to_vec()
        } else {
            kept_terms
        })
    }

    fn is_stop_term(
        &self,
        snapshot: &KeywordSnapshot<'_>,
        term: &QueryTerm,
    ) -> Result<bool, StoreError> {
        let QueryTerm::Word(text) = term else {
            return Ok(false);
        };
        let sequence = TermSequence::from_term(term);
        let word = match &sequence {
            Some(sequence) => sequence.as_single_term().map(str::to_owned),
            None => Some(text.to_lowercase()),
        };
        let Some(word) = word else {
            return Ok(false);
        };
        let half = snapshot.passages.len() / 2;
        let known = self.lock_stop_terms().get(&word).copied();
        if known.is_some_and(|known| known.min_document_frequency(snapshot) > half) {
            return Ok(true);
        }
        let holding = self.document_frequency(snapshot, sequence.as_ref(), &word)?;
        let mut common = self.lock_stop_terms();
        if known.is_none_or(|known| known.valid_from <= snapshot.generation) {
            // It is counted anew where it still is common.
            common.remove(&word);
        }
        if holding > half && common.len() < MAX_STOP_TERMS {
            let known = StopTerm {
                document_frequency: holding,
                passage_count: snapshot.passages.len(),
                latest_key: snapshot.latest_key(),
                valid_from: snapshot.generation,
            };
            common.entry(word).or_insert(known);
        }
        Ok(holding > half)
    }

    /// In how many passages a word stands; where that is at most half of them, perhaps too many. No list is read for that: a word that most passages hold
    /// has none, as it is not looked for.
    fn document_frequency(
        &self,
        snapshot: &KeywordSnapshot<'_>,
        sequence: Option<&TermSequence>,
        word: &str,
    ) -> Result<usize, StoreError> {
        let known = sequence.map(|sequence| self.shared.postings.cached(sequence, snapshot));
        if let Some(list) = known.transpose()?.flatten() {
            // Most are too short for the word to be common, whatever has gone.
            let few = list.len() <= snapshot.passages.len() / 2;
            return Ok(if few {
                list.len()
            } else {
                list.live_len(snapshot)
            });
        }
        let counted = snapshot.view.document_frequencies(&[word])?;
        Ok(counted.first().copied().unwrap_or(0))
    }

    fn lock_stop_terms(&self) -> MutexGuard<'_, HashMap<String, StopTerm>> {
        // Nothing panics while it is locked.
        self.shared
            .stop_terms
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl StopTerm {
    /// In how many passages of a moment the word stands at least.
    fn min_document_frequency(&self, snapshot: &KeywordSnapshot<'_>) -> usize {
        if snapshot.generation < self.valid_from {
            return 0;
        }
        let remaining = snapshot
            .passages
            .partition_point(|(key, _)| *key <= self.latest_key);
        // Every passage that is gone may have held it.
        self.document_frequency
            .saturating_sub(self.passage_count.saturating_sub(remaining))
    }
}

/// Each term once, in their order, and how often it is there.
fn count_terms(terms: &[QueryTerm]) -> Vec<(&QueryTerm, f64)> {
    let mut places = HashMap::new();
    let mut counted: Vec<(&QueryTerm, f64)> = Vec::new();
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
fn idf(passages: usize, holding: usize) -> f64 {
    let (passages, holding) = (passages as f64, holding as f64);
    let weight = ((passages - holding + 0.5) / (holding + 0.5)).ln();
    if weight > 0.0 { weight } else { MIN_IDF }
}
