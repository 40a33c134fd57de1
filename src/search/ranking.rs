//! Ranks candidates: fusion, diversity, grouping.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::engine::Snapshot;
use crate::index::similarity;

use super::ListRank;

/// The rank constant of reciprocal rank fusion (Cormack, Clarke & Büttcher 2009).
const RRF_K: f32 = 60.0;

/// A row and its score.
pub(super) type ScoredRow = (u32, f32);

/// Returns the order by descending score, then by passage id.
pub(super) fn rank_order(
    snapshot: &Snapshot,
) -> impl Fn(&ScoredRow, &ScoredRow) -> Ordering + Copy + '_ {
    let table = snapshot.document_table();
    |a, b| {
        b.1.total_cmp(&a.1)
            .then_with(|| table.compare_rows(a.0, b.0))
    }
}

/// A row with its score and its ranks in the fused lists.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HitCandidate {
    pub(super) row: u32,
    pub(super) score: f32,
    pub(super) semantic: Option<ListRank>,
    pub(super) keyword: Option<ListRank>,
    /// The value it is grouped by.
    pub(super) group: Option<String>,
}

impl HitCandidate {
    pub(super) fn from_scored((row, score): ScoredRow) -> Self {
        Self {
            row,
            score,
            semantic: None,
            keyword: None,
            group: None,
        }
    }
}

/// Fuses two lists by reciprocal rank: a row scores the sum of `weight / (60 + rank)` over the lists.
/// Rows with equal sums are ordered by passage id.
pub(super) fn reciprocal_rank_fusion(
    semantic: &[ScoredRow],
    keyword: &[ScoredRow],
    weight: f32,
    snapshot: &Snapshot,
) -> Vec<HitCandidate> {
    let mut fused: HashMap<u32, HitCandidate> = HashMap::new();
    let lists = [(semantic, weight, true), (keyword, 1.0 - weight, false)];
    for (list, weight, is_semantic) in lists {
        for (rank, (row, score)) in (1..).zip(list) {
            let candidate = fused
                .entry(*row)
                .or_insert_with(|| HitCandidate::from_scored((*row, 0.0)));
            candidate.score += rrf_contribution(weight, rank);
            let list_rank = Some(ListRank {
                rank,
                score: *score,
            });
            if is_semantic {
                candidate.semantic = list_rank;
            } else {
                candidate.keyword = list_rank;
            }
        }
    }
    let mut fused: Vec<HitCandidate> = fused.into_values().filter(|c| c.score > 0.0).collect();
    let by_rank = rank_order(snapshot);
    fused.sort_unstable_by(|a, b| by_rank(&(a.row, a.score), &(b.row, b.score)));
    fused
}

/// Returns the part of a fused score that a list contributes for a rank, from 1.
fn rrf_contribution(weight: f32, rank: usize) -> f32 {
    #[allow(clippy::cast_precision_loss)] // a rank of a few thousand
    let rank = rank as f32;
    weight / (RRF_K + rank)
}

/// Returns the maximum fused score, that of a row that ranks first in both lists.
pub(super) fn max_rrf_score(weight: f32) -> f32 {
    rrf_contribution(weight, 1) + rrf_contribution(1.0 - weight, 1)
}

/// Selects `count` candidates by maximal marginal relevance (Carbonell & Goldstein 1998): repeatedly the
/// one with the greatest `(1 - diversity) * score - diversity * max_similarity`, the similarity to the
/// nearest candidate already selected. Scores are normalized by the best one.
pub(super) fn mmr(
    candidates: Vec<HitCandidate>,
    diversity: f32,
    count: usize,
    snapshot: &Snapshot,
) -> Vec<HitCandidate> {
    let best = candidates
        .first()
        .map_or(1.0, |c| c.score.abs().max(f32::MIN_POSITIVE));
    // Each with its similarity to the nearest selected candidate.
    let mut remaining: Vec<(HitCandidate, f32)> =
        candidates.into_iter().map(|c| (c, 0.0)).collect();
    let mut selected: Vec<HitCandidate> = Vec::new();
    while selected.len() < count && !remaining.is_empty() {
        let mmr_score = |(candidate, max_similarity): &(HitCandidate, f32)| {
            (1.0 - diversity) * candidate.score / best - diversity * max_similarity
        };
        let mut next = 0;
        for i in 1..remaining.len() {
            // Ties go to the earlier candidate.
            if mmr_score(&remaining[i]) > mmr_score(&remaining[next]) {
                next = i;
            }
        }
        let (candidate, _) = remaining.remove(next);
        let selected_vector = snapshot.vector_of(candidate.row).unwrap_or_default();
        for (other, max_similarity) in &mut remaining {
            let vector = snapshot.vector_of(other.row).unwrap_or_default();
            *max_similarity = max_similarity.max(similarity(selected_vector, vector));
        }
        selected.push(candidate);
    }
    selected
}

/// Groups candidates, at most `size` per group, and orders groups by their best one. Skips `skip` groups
/// and returns the next `count`. A candidate without a group value forms a group of its own.
pub(super) fn group_hits(
    candidates: Vec<HitCandidate>,
    size: usize,
    (skip, count): (usize, usize),
) -> Vec<HitCandidate> {
    let mut positions: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<Vec<HitCandidate>> = Vec::new();
    for candidate in candidates {
        let position = match &candidate.group {
            Some(name) => *positions.entry(name.clone()).or_insert(groups.len()),
            None => groups.len(),
        };
        match groups.get_mut(position) {
            Some(group) if group.len() < size => group.push(candidate),
            Some(_) => {}
            None => groups.push(vec![candidate]),
        }
    }
    groups
        .into_iter()
        .skip(skip)
        .take(count)
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_ordered_by_their_best_candidate() {
        let candidate = |row: u32, group: Option<&str>| HitCandidate {
            group: group.map(str::to_owned),
            ..HitCandidate::from_scored((row, 1.0))
        };
        let all = vec![
            candidate(1, Some("a")),
            candidate(2, Some("b")),
            candidate(3, Some("a")),
            candidate(4, None),
            candidate(5, Some("a")),
            candidate(6, None),
        ];
        let rows = |size, window| -> Vec<u32> {
            group_hits(all.clone(), size, window)
                .iter()
                .map(|c| c.row)
                .collect()
        };
        assert_eq!(rows(1, (0, 10)), [1, 2, 4, 6]);
        assert_eq!(rows(2, (0, 2)), [1, 3, 2]);
        assert_eq!(rows(2, (1, 2)), [2, 4]);
    }
}
