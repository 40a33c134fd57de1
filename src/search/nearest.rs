//! Vector search with an order that is independent of the page.

use std::collections::HashSet;

use roaring::RoaringBitmap;

use crate::encoder::Embedding;
use crate::engine::Snapshot;
use crate::index::{IndexError, KnnParams, MAX_EF, SearchStats};

use super::Query;
use super::ranking::{ScoredRow, rank_order};

/// Rows with their scores, and the work of finding them.
pub(super) struct NearestRows {
    pub(super) rows: Vec<ScoredRow>,
    pub(super) stats: SearchStats,
}

/// Returns the `k` nearest rows to a query, best first.
///
/// The result of a graph search depends on `ef`. If `ef` grew with every page, a hit could appear on two
/// pages or on none. So deep pages repeat a fixed series of searches, each with twice the `ef` of the
/// previous one, and rows first found by a wider search follow those of the narrower ones. Rows are
/// sorted by score only within the page.
pub(super) fn nearest_rows(
    snapshot: &Snapshot,
    vector: &Embedding,
    query: &Query,
    k: usize,
    allowed_rows: Option<&RoaringBitmap>,
) -> Result<NearestRows, IndexError> {
    let params = query.params();
    let search = |k, ef| {
        let knn_params = KnnParams {
            k,
            ef,
            exact: params.exact,
            allowed_rows,
        };
        snapshot.nearest(vector, &knn_params)
    };
    let mut ef = params.ef.unwrap_or_else(|| snapshot.default_ef());
    if params.exact || query.uses_candidate_pool() || k <= ef {
        let top_k = search(k, params.ef)?;
        return Ok(NearestRows {
            rows: top_k.neighbours.iter().map(|n| (n.row, n.score)).collect(),
            stats: top_k.stats,
        });
    }
    let (mut rows, mut seen): (Vec<ScoredRow>, HashSet<u32>) = Default::default();
    let mut stats = SearchStats::default();
    loop {
        let top_k = search(ef, Some(ef.min(MAX_EF)))?;
        stats.distance_computations += top_k.stats.distance_computations;
        stats.nodes_visited += top_k.stats.nodes_visited;
        stats.rows_rescored += top_k.stats.rows_rescored;
        let returned = top_k.neighbours.len();
        let new = top_k.neighbours.into_iter().filter(|n| seen.insert(n.row));
        rows.extend(new.map(|n| (n.row, n.score)));
        if rows.len() >= k || returned < ef {
            break;
        }
        ef *= 2;
    }
    rows.truncate(k);
    let end = rows.len().min(params.offset + params.limit);
    let page = rows.get_mut(params.offset..end).unwrap_or_default();
    page.sort_unstable_by(rank_order(snapshot));
    Ok(NearestRows { rows, stats })
}
