//! Semantic search: rows by passage and best sentence, in an order that is independent of the page.

use std::collections::HashSet;

use roaring::RoaringBitmap;

use crate::encoder::Embedding;
use crate::engine::Snapshot;
use crate::index::{KnnParams, SearchStats, TwoLevelCandidates, TwoLevelNeighbour};

use super::ranking::rank_order;
use super::{Query, SearchError};

/// Rows with their exact scores, and the work of finding them.
pub(super) struct NearestRows {
    pub(super) rows: Vec<TwoLevelNeighbour>,
    pub(super) stats: SearchStats,
    /// Number of rows that may be among the best by their codes.
    pub(super) candidate_count: usize,
    /// Whether all rows were compared.
    pub(super) exhaustive: bool,
}

/// Returns the `k` nearest rows to a query, best first.
///
/// The candidates from a graph search depend on its width. If that grew with every page, a hit could
/// appear on two pages or on none. So all pages begin with the candidates of one width. Pages beyond
/// these compare all rows, and those that the graph search had missed follow its candidates. Rows are
/// sorted by score only within such a page.
pub(super) fn nearest_rows(
    snapshot: &Snapshot,
    vector: &Embedding,
    query: &Query,
    k: usize,
    allowed_rows: Option<&RoaringBitmap>,
) -> Result<NearestRows, SearchError> {
    let params = query.params();
    let search = |k, exact| {
        let knn_params = KnnParams {
            k,
            ef: params.ef,
            exact,
            allowed_rows,
        };
        snapshot.nearest_passages(vector, &knn_params)
    };
    let ef = params.ef.unwrap_or_else(|| snapshot.default_ef());
    if params.exact || query.uses_candidate_pool() || k <= ef {
        return score_exactly(snapshot, vector, search(k, params.exact)?, k);
    }
    let narrow = search(ef, false)?;
    let mut all = score_exactly(snapshot, vector, search(k, true)?, k)?;
    if narrow.exhaustive {
        return Ok(all);
    }
    let count = narrow.rows.len();
    let mut nearest = score_exactly(snapshot, vector, narrow, count)?;
    let seen: HashSet<u32> = nearest.rows.iter().map(|neighbour| neighbour.row).collect();
    all.rows.retain(|neighbour| !seen.contains(&neighbour.row));
    nearest.rows.append(&mut all.rows);
    nearest.rows.truncate(k);
    nearest.candidate_count += all.candidate_count;
    add(&mut nearest.stats, all.stats);
    let end = nearest.rows.len().min(params.offset + params.limit);
    let page = nearest.rows.get_mut(params.offset..end).unwrap_or_default();
    let order = rank_order(snapshot);
    page.sort_unstable_by(|a, b| order(&(a.row, a.score), &(b.row, b.score)));
    Ok(nearest)
}

fn score_exactly(
    snapshot: &Snapshot,
    vector: &Embedding,
    candidates: TwoLevelCandidates,
    k: usize,
) -> Result<NearestRows, SearchError> {
    let TwoLevelCandidates {
        rows,
        exhaustive,
        mut stats,
    } = candidates;
    let candidate_count = rows.len();
    let rows = snapshot.with_scorer(vector, |scorer| {
        let best = scorer.best(rows, k, |neighbour| neighbour.score)?;
        stats.rows_rescored = scorer.count();
        Ok(best.into_iter().map(|(neighbour, _)| neighbour).collect())
    })?;
    Ok(NearestRows {
        rows,
        stats,
        candidate_count,
        exhaustive,
    })
}

fn add(stats: &mut SearchStats, other: SearchStats) {
    stats.distance_computations += other.distance_computations;
    stats.nodes_visited += other.nodes_visited;
    stats.rows_rescored += other.rows_rescored;
}
