//! Hybrid search: a convex combination of normalized scores (Bruch, Gai & Ingber 2023).
//!
//! Both scores are divided by the best of their list, so that the best passage of a list has 1 in it and
//! an unrelated one about 0. The score of a passage is their weighted mean. It is computed for every
//! passage of either list: one that the other list does not contain has its score there all the same.

use std::collections::HashSet;

use roaring::RoaringBitmap;

use crate::encoder::Embedding;
use crate::engine::Snapshot;
use crate::index::{KnnParams, ScoreBounds, SearchStats, TwoLevelCandidates, TwoLevelNeighbour};

use super::keyword_search::KeywordMatches;
use super::ranking::HitCandidate;
use super::{CANDIDATE_POOL_SIZE, ListScore, Query, SearchError};

/// Fused candidates, and the work of finding them.
pub(super) struct FusedRows {
    pub(super) candidates: Vec<HitCandidate>,
    pub(super) candidate_count: usize,
    pub(super) stats: SearchStats,
}

/// A list's weight, and the score that it is normalized by.
#[derive(Clone, Copy)]
struct ListWeight {
    weight: f32,
    best: f32,
}

impl ListWeight {
    /// Returns the part of the fused score for a score in the list. Never decreases with the score.
    fn contribution(self, score: f32) -> f32 {
        if self.best > 0.0 {
            self.weight * (score / self.best).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }
}

/// Returns the `count` best rows of both lists.
pub(super) fn fused_rows(
    snapshot: &Snapshot,
    vector: &Embedding,
    query: &Query,
    keyword: &KeywordMatches,
    count: usize,
    allowed_rows: Option<&RoaringBitmap>,
) -> Result<FusedRows, SearchError> {
    let params = query.params();
    let semantic = snapshot.nearest_passages(
        vector,
        &KnnParams {
            k: CANDIDATE_POOL_SIZE,
            ef: params.ef,
            exact: params.exact,
            allowed_rows,
        },
    )?;
    let TwoLevelCandidates {
        rows: nearest,
        mut stats,
        ..
    } = semantic;
    let in_semantic: HashSet<u32> = nearest.iter().map(|bounds| bounds.row).collect();
    let by_keyword = keyword.best(snapshot, CANDIDATE_POOL_SIZE);
    let only_keyword: Vec<u32> = by_keyword
        .iter()
        .map(|(row, _)| *row)
        .filter(|row| !in_semantic.contains(row))
        .collect();
    let keyword_scores = keyword.scores_of(|row| in_semantic.contains(&row), &by_keyword);
    let keyword_weight = ListWeight {
        weight: 1.0 - params.semantic_weight,
        best: by_keyword.first().map_or(0.0, |(_, score)| *score),
    };
    let keyword_part = |row: u32| {
        let score = keyword_scores.get(&row);
        score.map_or(0.0, |score| keyword_weight.contribution(*score))
    };
    let mut bounds = nearest.clone();
    bounds.extend(snapshot.score_bounds(vector, &only_keyword)?);
    let candidate_count = bounds.len();
    let candidates = snapshot.with_scorer(vector, |scorer| {
        let best = scorer.best(nearest, 1, |neighbour| neighbour.score)?;
        let semantic_weight = ListWeight {
            weight: params.semantic_weight,
            best: best.first().map_or(0.0, |(neighbour, _)| neighbour.score),
        };
        let fuse = |row: u32, score: f32| semantic_weight.contribution(score) + keyword_part(row);
        for row in &mut bounds {
            *row = ScoreBounds {
                lower: fuse(row.row, row.lower),
                upper: fuse(row.row, row.upper),
                ..*row
            };
        }
        let fused = scorer.best(bounds, count, |neighbour| {
            fuse(neighbour.row, neighbour.score)
        })?;
        stats.rows_rescored = scorer.count();
        let candidate = |(neighbour, score)| hit_candidate(neighbour, score, semantic_weight);
        Ok(fused.into_iter().map(candidate).collect::<Vec<_>>())
    })?;
    let with_keyword = |mut candidate: HitCandidate| {
        candidate.keyword = keyword_scores.get(&candidate.row).map(|score| ListScore {
            score: *score,
            contribution: keyword_weight.contribution(*score),
        });
        candidate
    };
    let candidates = candidates.into_iter().filter(|c| c.score > 0.0);
    Ok(FusedRows {
        candidates: candidates.map(with_keyword).collect(),
        candidate_count,
        stats,
    })
}

fn hit_candidate(neighbour: TwoLevelNeighbour, score: f32, semantic: ListWeight) -> HitCandidate {
    HitCandidate {
        score,
        semantic: Some(ListScore {
            score: neighbour.score,
            contribution: semantic.contribution(neighbour.score),
        }),
        ..HitCandidate::from_neighbour(neighbour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_counts_by_its_share_of_the_best() {
        let list = ListWeight {
            weight: 0.5,
            best: 8.0,
        };
        for (score, expected) in [
            (8.0, 0.5),
            (2.0, 0.125),
            (0.0, 0.0),
            (-1.0, 0.0),
            (9.0, 0.5),
        ] {
            assert!(
                (list.contribution(score) - expected).abs() < 1e-7,
                "{score}"
            );
        }
        let nothing = ListWeight { best: -0.1, ..list };
        assert!(nothing.contribution(-0.1).abs() < 1e-7);
    }
}
