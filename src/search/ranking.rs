//! Ranks candidates: order, diversity, grouping.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::engine::Snapshot;
use crate::index::{TwoLevelNeighbour, similarity};

use super::ListScore;

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

/// A row with its score and what it consists of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HitCandidate {
    pub(super) row: u32,
    pub(super) score: f32,
    /// The scores of passage and best sentence, in semantic and hybrid mode.
    pub(super) nearest: Option<TwoLevelNeighbour>,
    /// In hybrid mode, the semantic score.
    pub(super) semantic: Option<ListScore>,
    /// In hybrid mode, the keyword score if it matches.
    pub(super) keyword: Option<ListScore>,
    /// The value it is grouped by.
    pub(super) group: Option<String>,
}

impl HitCandidate {
    pub(super) fn from_scored((row, score): ScoredRow) -> Self {
        Self {
            row,
            score,
            nearest: None,
            semantic: None,
            keyword: None,
            group: None,
        }
    }

    pub(super) fn from_neighbour(nearest: TwoLevelNeighbour) -> Self {
        Self {
            nearest: Some(nearest),
            ..Self::from_scored((nearest.row, nearest.score))
        }
    }
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
