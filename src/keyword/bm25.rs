//! BM25 over cached posting lists.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::store::{StoreError, View};

use super::QueryTerm;
use super::normalization::term_sequence;
use super::postings::PostingCache;
use super::snapshot::KeywordSnapshot;
use super::stop_terms::StopTermCache;

/// BM25's saturation of the term frequency.
const K1: f64 = 1.2;

/// BM25's length normalization.
const B: f64 = 0.75;

/// Time budget of a query, which can contain thousands of prefixes and phrases.
const QUERY_TIME_BUDGET: Duration = Duration::from_secs(5);

/// The IDF of a term that half of all passages or more contain.
const MIN_IDF: f64 = 1e-6;

/// The keyword index of one snapshot.
#[derive(Default)]
pub(crate) struct Bm25Index {
    shared: Arc<SharedPostings>,
    generation: u64,
    length_norms: OnceLock<Vec<f64>>,
}

/// State shared by all snapshots of a store.
#[derive(Default)]
struct SharedPostings {
    postings: PostingCache,
    stop_terms: StopTermCache,
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

impl Bm25Index {
    /// Returns the index of the next snapshot of the same store.
    pub(crate) fn next_generation(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            generation: self.generation + 1,
            length_norms: OnceLock::new(),
        }
    }

    /// Returns the memory of the cached posting lists.
    pub(crate) fn posting_bytes(&self) -> u64 {
        self.shared.postings.size_bytes()
    }

    /// Visits the rows of the passages that match the terms, each with its BM25 score: those with all
    /// phrases or, if there are no phrases, with at least one word or prefix. Returns the terms searched
    /// for: stop terms are left out, unless all are.
    pub(crate) fn search(
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
        let searched_terms =
            self.shared
                .stop_terms
                .drop_stop_terms(&self.shared.postings, &snapshot, terms)?;
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
        let Some(sequence) = term_sequence(term) else {
            let position_of = |key: i64| {
                snapshot
                    .passages
                    .binary_search_by_key(&key, |(key, _)| *key)
            };
            return snapshot.view.for_each_bm25_score(
                term.text(),
                term.is_prefix(),
                |key, score| {
                    if let Ok(position) = position_of(key.rowid()) {
                        visit(position, score);
                    }
                },
            );
        };
        let list = self.shared.postings.get_or_read(&sequence, snapshot)?;
        let mut found = Vec::with_capacity(list.len());
        list.for_each_live(snapshot, |position, frequency| {
            found.push((position, f64::from(frequency)));
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
            lengths[position] = f64::from(length);
        });
        #[allow(clippy::cast_precision_loss)] // fewer passages than 2^53
        let average = lengths.iter().sum::<f64>() / lengths.len() as f64;
        for length in &mut lengths {
            *length = K1 * (1.0 - B + B * *length / average);
        }
        Ok(self.length_norms.get_or_init(|| lengths))
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
