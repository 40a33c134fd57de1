//! Stop terms: words too frequent to matter next to other terms.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::{StoreError, TermSequence};

use super::QueryTerm;
use super::normalization::term_sequence;
use super::postings::PostingCache;
use super::snapshot::KeywordSnapshot;

/// Stop terms whose document frequency is cached.
const MAX_STOP_TERMS: usize = 10_000;

/// Terms that more than half of the passages contained when they were last counted.
#[derive(Default)]
pub(super) struct StopTermCache(Mutex<HashMap<String, StopTerm>>);

/// The document frequency of a frequent term, and the state of the store in which it was counted.
#[derive(Clone, Copy)]
struct StopTerm {
    document_frequency: usize,
    passage_count: usize,
    latest_key: i64,
    /// The generation of the count; it does not apply to earlier ones.
    valid_from: u64,
}

impl StopTermCache {
    /// Returns the terms without stop terms, the words that more than half of all passages contain: their
    /// IDF is negligible, and scoring them takes longer than all other terms. Returns all terms if none
    /// would be left.
    pub(super) fn drop_stop_terms(
        &self,
        postings: &PostingCache,
        snapshot: &KeywordSnapshot<'_>,
        terms: &[QueryTerm],
    ) -> Result<Vec<QueryTerm>, StoreError> {
        if terms.len() < 2 {
            return Ok(terms.to_vec());
        }
        let mut kept_terms = Vec::new();
        for term in terms {
            if !self.is_stop_term(postings, snapshot, term)? {
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
        postings: &PostingCache,
        snapshot: &KeywordSnapshot<'_>,
        term: &QueryTerm,
    ) -> Result<bool, StoreError> {
        let QueryTerm::Word(text) = term else {
            return Ok(false);
        };
        let sequence = term_sequence(term);
        let normalized = match &sequence {
            Some(sequence) => sequence.as_single_term().map(str::to_owned),
            None => Some(text.to_lowercase()),
        };
        let Some(word) = normalized else {
            return Ok(false);
        };
        let half = snapshot.passages.len() / 2;
        let cached = self.lock().get(&word).copied();
        if cached.is_some_and(|cached| cached.min_document_frequency(snapshot) > half) {
            return Ok(true);
        }
        let frequency = document_frequency(postings, snapshot, sequence.as_ref(), &word)?;
        let mut stop_terms = self.lock();
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

    fn lock(&self) -> MutexGuard<'_, HashMap<String, StopTerm>> {
        // No code panics while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Returns the document frequency of a word; if it is at most half of the passages, possibly an upper
/// bound. Does not read a posting list for it: those of stop terms are rarely needed.
fn document_frequency(
    postings: &PostingCache,
    snapshot: &KeywordSnapshot<'_>,
    sequence: Option<&TermSequence>,
    word: &str,
) -> Result<usize, StoreError> {
    let cached = sequence.map(|sequence| postings.cached(sequence, snapshot));
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
