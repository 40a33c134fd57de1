//! The passages that match a keyword query.

use std::collections::HashMap;

use roaring::RoaringBitmap;

use crate::engine::Snapshot;
use crate::keyword::QueryTerm;

use super::SearchError;
use super::ranking::{ScoredRow, rank_order};

/// All rows that match, in no order, and the terms searched for.
pub(super) struct KeywordMatches {
    rows: Vec<ScoredRow>,
    pub(super) terms: Vec<QueryTerm>,
}

impl KeywordMatches {
    /// Searches for the terms among the allowed rows.
    pub(super) fn find(
        snapshot: &Snapshot,
        terms: &[QueryTerm],
        allowed_rows: Option<&RoaringBitmap>,
    ) -> Result<Self, SearchError> {
        let mut rows = Vec::new();
        let terms = snapshot.keyword_search(terms, |row, score| {
            if allowed_rows.is_none_or(|allowed| allowed.contains(row)) {
                rows.push((row, score));
            }
        })?;
        Ok(Self { rows, terms })
    }

    /// Returns the best rows, best first.
    pub(super) fn best(&self, snapshot: &Snapshot, count: usize) -> Vec<ScoredRow> {
        let by_rank = rank_order(snapshot);
        let mut rows = self.rows.clone();
        if rows.len() > count {
            rows.select_nth_unstable_by(count, by_rank);
            rows.truncate(count);
        }
        rows.sort_unstable_by(by_rank);
        rows
    }

    /// Returns the scores of the rows that satisfy a predicate, and of these.
    pub(super) fn scores_of(
        &self,
        is_wanted: impl Fn(u32) -> bool,
        others: &[ScoredRow],
    ) -> HashMap<u32, f32> {
        let wanted = self.rows.iter().filter(|(row, _)| is_wanted(*row));
        wanted.chain(others).copied().collect()
    }
}
