//! The passages nearest to a query, in an order that does not depend on the page.

use std::collections::HashSet;

use roaring::RoaringBitmap;

use crate::encoder::Embedding;
use crate::engine::Snapshot;
use crate::index::{IndexError, KnnParams, MAX_EF, SearchStats};

use super::Query;
use super::ranking::{ScoredRow, rank_order};

/// Rows with their scores, and what finding them took.
pub(super) struct NearestRows {
    pub(super) rows: Vec<ScoredRow>,
    pub(super) stats: SearchStats,
}

/// The `k` rows nearest to a query, best first.
///
/// What a walk finds depends on how many candidates it keeps. Were that to grow with every page, a hit
/// could come on two pages or on none. So the walks that go deeper are always the same, each twice as
/// wide as the one before, and what a wider one finds comes after what the others had. Only inside its
/// page a hit stands by its score.
pub(super) fn nearest_rows(
    snapshot: &Snapshot,
    vector: &Embedding,
    query: &Query,
    k: usize,
    allowed_rows: Option<&RoaringBitmap>,
) -> Result<NearestRows, IndexError> {
    let parts = query.params();
    let search = |k, ef| {
        let request = KnnParams {
            k,
            ef,
            exact: parts.exact,
            allowed_rows,
        };
        snapshot.nearest(vector, &request)
    };
    let mut ef = parts.ef.unwrap_or_else(|| snapshot.default_ef());
    if parts.exact || query.uses_candidate_pool() || k <= ef {
        let found = search(k, parts.ef)?;
        return Ok(NearestRows {
            rows: found.neighbours.iter().map(|n| (n.row, n.score)).collect(),
            stats: found.stats,
        });
    }
    let (mut rows, mut seen): (Vec<ScoredRow>, HashSet<u32>) = Default::default();
    let mut work = SearchStats::default();
    loop {
        let found = search(ef, Some(ef.min(MAX_EF)))?;
        work.distance_computations += found.stats.distance_computations;
        work.nodes_visited += found.stats.nodes_visited;
        work.rows_rescored += found.stats.rows_rescored;
        let all = found.neighbours.len();
        let new = found.neighbours.into_iter().filter(|n| seen.insert(n.row));
        rows.extend(new.map(|n| (n.row, n.score)));
        if rows.len() >= k || all < ef {
            break;
        }
        ef *= 2;
    }
    rows.truncate(k);
    let end = rows.len().min(parts.offset + parts.limit);
    let page = rows.get_mut(parts.offset..end).unwrap_or_default();
    page.sort_unstable_by(rank_order(snapshot));
    Ok(NearestRows { rows, stats: work })
}
