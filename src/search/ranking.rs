//! From candidates to the order of an answer.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::engine::Snapshot;
use crate::index::similarity;

use super::ListRank;

/// What reciprocal rank fusion adds to every rank (Cormack, Clarke & Büttcher 2009).
const RRF_K: f32 = 60.0;

/// A row and its score.
pub(super) type ScoredRow = (u32, f32);

/// The best first; equal scores come in the order of passage ids.
pub(super) fn rank_order(
    snapshot: &Snapshot,
) -> impl Fn(&ScoredRow, &ScoredRow) -> Ordering + Copy + '_ {
    let catalogue = snapshot.document_table();
    |a, b| {
        b.1.total_cmp(&a.1)
            .then_with(|| catalogue.compare_rows(a.0, b.0))
    }
}

/// A row in its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HitCandidate {
    pub(super) row: u32,
    pub(super) score: f32,
    pub(super) semantic: Option<ListRank>,
    pub(super) keyword: Option<ListRank>,
    /// What it is grouped by.
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

/// Reciprocal rank fusion: each list gives a row `weight / (60 + rank)`, and the sums decide. Equal
/// sums come in the order of passage ids.
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
            let placed = Some(ListRank {
                rank,
                score: *score,
            });
            if is_semantic {
                candidate.semantic = placed;
            } else {
                candidate.keyword = placed;
            }
        }
    }
    let mut fused: Vec<HitCandidate> = fused.into_values().filter(|c| c.score > 0.0).collect();
    let by_rank = rank_order(snapshot);
    fused.sort_unstable_by(|a, b| by_rank(&(a.row, a.score), &(b.row, b.score)));
    fused
}

/// What a list of this weight gives the row that it has at a rank, from 1.
fn rrf_contribution(weight: f32, rank: usize) -> f32 {
    #[allow(clippy::cast_precision_loss)] // a rank of a few thousand
    let rank = rank as f32;
    weight / (RRF_K + rank)
}

/// The greatest score of a hybrid ranking: that of a row which is first in both lists.
pub(super) fn max_rrf_score(weight: f32) -> f32 {
    rrf_contribution(weight, 1) + rrf_contribution(1.0 - weight, 1)
}

/// Maximal marginal relevance (Carbonell & Goldstein 1998): one after the other the candidate with
/// the greatest `(1 - diversity) * score - diversity * similarity to those before it`, the first
/// `count` of them. Scores are brought to [0, 1] by the best one.
pub(super) fn mmr(
    candidates: Vec<HitCandidate>,
    diversity: f32,
    count: usize,
    snapshot: &Snapshot,
) -> Vec<HitCandidate> {
    let best = candidates
        .first()
        .map_or(1.0, |c| c.score.abs().max(f32::MIN_POSITIVE));
    // Relevance, and the similarity to the nearest of those that were taken.
    let mut remaining: Vec<(HitCandidate, f32)> =
        candidates.into_iter().map(|c| (c, 0.0)).collect();
    let mut selected: Vec<HitCandidate> = Vec::new();
    while selected.len() < count && !remaining.is_empty() {
        let mmr_score = |(candidate, likeness): &(HitCandidate, f32)| {
            (1.0 - diversity) * candidate.score / best - diversity * likeness
        };
        let mut next = 0;
        for place in 1..remaining.len() {
            // Of equals the first.
            if mmr_score(&remaining[place]) > mmr_score(&remaining[next]) {
                next = place;
            }
        }
        let (candidate, _) = remaining.remove(next);
        let own = snapshot.vector_of(candidate.row).unwrap_or_default();
        for (other, likeness) in &mut remaining {
            let vector = snapshot.vector_of(other.row).unwrap_or_default();
            *likeness = likeness.max(similarity(own, vector));
        }
        selected.push(candidate);
    }
    selected
}

/// At most `size` candidates of each group, the groups in the order of their best, of which `skip`
/// are left out and `count` are given. A candidate without a group is one of its own.
pub(super) fn group_hits(
    candidates: Vec<HitCandidate>,
    size: usize,
    (skip, count): (usize, usize),
) -> Vec<HitCandidate> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<Vec<HitCandidate>> = Vec::new();
    for candidate in candidates {
        let place = match &candidate.group {
            Some(name) => *places.entry(name.clone()).or_insert(groups.len()),
            None => groups.len(),
        };
        match groups.get_mut(place) {
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
    fn groups_come_in_the_order_of_their_best() {
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
