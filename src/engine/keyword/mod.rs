//! Keyword search: BM25 over the passages of a snapshot.
//!
//! Posting lists are read from the store's FTS5 index once and cached for all snapshots ([`postings`]).
//! Document frequencies and the average length change with every write and are computed per snapshot.
//! So scores equal FTS5's, with its constants, and do not depend on earlier queries.

mod postings;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::store::{QueryTerm, StoreError, TermSequence, View};

use postings::PostingCache;

/// BM25's saturation of the term frequency.
const K1: f64 = 1.2;

/// BM25's length normalization.
const B: f64 = 0.75;

/// Time budget of a query, which can contain thousands of prefixes and phrases.
const QUERY_TIME_BUDGET: Duration = Duration::from_secs(5);

/// Stop terms whose document frequency is cached.
const MAX_STOP_TERMS: usize = 10_000;

/// The IDF of a term that half of all passages or more contain.
const MIN_IDF: f64 = 1e-6;

/// The keyword index of one snapshot.
#[derive(Default)]
pub(super) struct Bm25Index {
    shared: Arc<SharedPostings>,
    generation: u64,
    length_norms: OnceLock<Vec<f64>>,
}

/// State shared by all snapshots of a store.
#[derive(Default)]
struct SharedPostings {
    postings: PostingCache,
    /// Terms that more than half of the passages contained when they were last counted.
    stop_terms: Mutex<HashMap<String, StopTerm>>,
}

/// The document frequency of a frequent term, and the state of the store in which it was counted.
#[derive(Clone, Copy)]
struct StopTerm {
    document_frequency: usize,
    passage_count: usize,
    latest_key: i64,
    /// The generation of the count; it does not apply to earlier ones.
    valid_from: u64,
}

/// The passages of one snapshot.
pub(super) struct KeywordSnapshot<'a> {
    pub(super) view: &'a View,
    /// Key and row of each passage, in key order.
    pub(super) passages: &'a [(i64, u32)],
    generation: u64,
}

/// A failure of a keyword search.
#[derive(Debug, thiserror::Error)]
pub enum KeywordError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The query exceeds its time budget: many uncached terms with long posting lists.
    #[error(
        "query exceeds the time budget of {} s; use fewer phrases and prefixes",
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
    /// Returns the index of the next snapshot of the same store.
    pub(super) fn next_generation(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            generation: self.generation + 1,
            length_norms: OnceLock::new(),
        }
    }

    /// Returns the memory of the cached posting lists.
    pub(super) fn posting_bytes(&self) -> u64 {
        self.shared.postings.size_bytes()
    }

    /// Visits the rows of the passages that match the terms, each with its BM25 score: those with all
    /// phrases or, if there are no phrases, with at least one word or prefix. Returns the terms searched
    /// for: stop terms are left out, unless all are.
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
        let counted_terms = count_terms(&searched_terms);
        let is_phrase = |term: &QueryTerm| matches!(term, QueryTerm::Phrase(_));
        let phrases = counted_terms
            .iter()
            .filter(|(term, _)| is_phrase(term))
            .count();
        let mut scores = vec![0.0; passages.len()];
        let mut phrases_matched = vec![0; if phrases > 0 { passages.len() } else { 0 }];
        for (term, count) in counted_terms {
            if start.elapsed() > QUERY_TIME_BUDGET {
                return Err(KeywordError::QueryTooExpensive);
            }
            self.score_term(&snapshot, term, |position, score| {
                scores[position] += count * score;
                if is_phrase(term) {
                    phrases_matched[position] += 1;
                }
            })?;
        }
        for (position, ((_, row), score)) in passages.iter().zip(&scores).enumerate() {
            if *score > 0.0 && (phrases == 0 || phrases_matched[position] == phrases) {
                #[allow(clippy::cast_possible_truncation)] // a score of a few digits
                visit(*row, *score as f32);
            }
        }
        Ok(searched_terms)
    }

    /// Visits the passages that contain a term, by position, with the term's part of their scores.
    fn score_term(
        &self,
        snapshot: &KeywordSnapshot<'_>,
        term: &QueryTerm,
        mut visit: impl FnMut(usize, f64),
    ) -> Result<(), StoreError> {
        let Some(sequence) = TermSequence::from_term(term) else {
            let position_of = |key: i64| {
                snapshot
                    .passages
                    .binary_search_by_key(&key, |(key, _)| *key)
            };
            return snapshot.view.for_each_bm25_score(term, |key, score| {
                if let Ok(position) = position_of(key.rowid()) {
                    visit(position, score);
                }
            });
        };
        let list = self.shared.postings.get_or_read(&sequence, snapshot)?;
        let mut found = Vec::with_capacity(list.len());
        list.for_each_live(snapshot, |position, frequency| {
            found.push((position, f64::from(frequency)))
        });
        if found.len() < list.len() / 2 {
            self.shared.postings.invalidate(&sequence);
        }
        let weight = idf(snapshot.passages.len(), found.len());
        let norms = self.length_norms(snapshot)?;
        for (position, frequency) in found {
            visit(
                position,
                weight * ((frequency * (K1 + 1.0)) / (frequency + norms[position])),
            );
        }
        Ok(())
    }

    /// Returns BM25's length norm of each passage: k1 (1 − b + b · length / average length).
    fn length_norms(&self, snapshot: &KeywordSnapshot<'_>) -> Result<&[f64], StoreError> {
        if let Some(norms) = self.length_norms.get() {
            return Ok(norms);
        }
        let list = self.shared.postings.passage_lengths(snapshot)?;
        let mut lengths = vec![0.0; snapshot.passages.len()];
        list.for_each_live(snapshot, |position, length| {
            lengths[position] = f64::from(length)
        });
        #[allow(clippy::cast_precision_loss)] // fewer passages than 2^53
        let average = lengths.iter().sum::<f64>() / lengths.len() as f64;
        for length in &mut lengths {
            *length = K1 * (1.0 - B + B * *length / average);
        }
        Ok(self.length_norms.get_or_init(|| lengths))
    }

    /// Returns the terms without stop terms, the words that more than half of all passages contain: their
    /// IDF is negligible, and scoring them takes longer than all other terms. Returns all terms if none
    /// would be left.
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
        let normalized = match &sequence {
            Some(sequence) => sequence.as_single_term().map(str::to_owned),
            None => Some(text.to_lowercase()),
        };
        let Some(word) = normalized else {
            return Ok(false);
        };
        let half = snapshot.passages.len() / 2;
        let cached = self.lock_stop_terms().get(&word).copied();
        if cached.is_some_and(|cached| cached.min_document_frequency(snapshot) > half) {
            return Ok(true);
        }
        let frequency = self.document_frequency(snapshot, sequence.as_ref(), &word)?;
        let mut stop_terms = self.lock_stop_terms();
        if cached.is_none_or(|cached| cached.valid_from <= snapshot.generation) {
            // Replaced below if the term is still a stop term.
            stop_terms.remove(&word);
        }
        if frequency > half && stop_terms.len() < MAX_STOP_TERMS {
            let counted = StopTerm {
                document_frequency: frequency,
                passage_count: snapshot.passages.len(),
                latest_key: snapshot.latest_key(),
                valid_from: snapshot.generation,
            };
            stop_terms.entry(word).or_insert(counted);
        }
        Ok(frequency > half)
    }

    /// Returns the document frequency of a word; if it is at most half of the passages, possibly an upper
    /// bound. Does not read a posting list for it: those of stop terms are rarely needed.
    fn document_frequency(
        &self,
        snapshot: &KeywordSnapshot<'_>,
        sequence: Option<&TermSequence>,
        word: &str,
    ) -> Result<usize, StoreError> {
        let cached = sequence.map(|sequence| self.shared.postings.cached(sequence, snapshot));
        if let Some(list) = cached.transpose()?.flatten() {
            // Most lists are too short for a stop term even with their deleted passages.
            let is_short = list.len() <= snapshot.passages.len() / 2;
            return Ok(if is_short {
                list.len()
            } else {
                list.live_len(snapshot)
            });
        }
        let frequencies = snapshot.view.document_frequencies(&[word])?;
        Ok(frequencies.first().copied().unwrap_or(0))
    }

    fn lock_stop_terms(&self) -> MutexGuard<'_, HashMap<String, StopTerm>> {
        // No code panics while it is locked.
        self.shared
            .stop_terms
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl StopTerm {
    /// Returns a lower bound of the document frequency in a snapshot.
    fn min_document_frequency(&self, snapshot: &KeywordSnapshot<'_>) -> usize {
        if snapshot.generation < self.valid_from {
            return 0;
        }
        let remaining = snapshot
            .passages
            .partition_point(|(key, _)| *key <= self.latest_key);
        // Every deleted passage may have contained the term.
        self.document_frequency
            .saturating_sub(self.passage_count.saturating_sub(remaining))
    }
}

/// Returns each distinct term in order of first occurrence, with its count.
fn count_terms(terms: &[QueryTerm]) -> Vec<(&QueryTerm, f64)> {
    let mut positions = HashMap::new();
    let mut counted: Vec<(&QueryTerm, f64)> = Vec::new();
    for term in terms {
        let position = *positions.entry(term).or_insert(counted.len());
        match counted.get_mut(position) {
            Some((_, count)) => *count += 1.0,
            None => counted.push((term, 1.0)),
        }
    }
    counted
}

/// Returns the inverse document frequency of a term.
#[allow(clippy::cast_precision_loss)] // fewer passages than 2^53
fn idf(passages: usize, document_frequency: usize) -> f64 {
    let (n, df) = (passages as f64, document_frequency as f64);
    let weight = ((n - df + 0.5) / (df + 0.5)).ln();
    if weight > 0.0 { weight } else { MIN_IDF }
}
