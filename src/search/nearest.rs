//! The passages nearest to a query, in an order that does not depend on the page.

use std::collections::HashSet;

use roaring::RoaringBitmap;

use crate::encoder::Embedding;
use crate::engine::Snapshot;
use crate::index::{IndexError, MAX_EF, Request, Work};

use super::Query;
use super::ranking::{Scored, by_rank};

/// Rows with their scores, and what finding them took.
pub(super) struct Nearest {
    pub(super) rows: Vec<Scored>,
    pub(super) work: Work,
}

/// The `k` rows nearest to a query, best first.
///
/// What a walk finds depends on how many candidates it keeps. Were that to grow with every page, a hit
/// could come on two pages or on none. So the walks that go deeper are always the same, each twice as
/// wide as the one before, and what a wider one finds comes after what the others had. Only inside its
/// page a hit stands by its score.
pub(super) fn nearest(
    snapshot: &Snapshot,
    vector: &Embedding,
    query: &Query,
    k: usize,
    allowed: Option<&RoaringBitmap>,
) -> Result<Nearest, IndexError> {
    let parts = query.parts();
    let search = |k, ef| {
        let request = Request {
            k,
            ef,
            exact: parts.exact,
            allowed,
        };
        snapshot.nearest(vector, &request)
    };
    let mut width = parts.ef.unwrap_or_else(|| snapshot.ef());
    if parts.exact || query.is_chosen() || k <= width {
        let found = search(k, parts.ef)?;
        return Ok(Nearest {
            rows: found.neighbours.iter().map(|n| (n.row, n.score)).collect(),
            work: found.work,
        });
    }
    let (mut rows, mut seen): (Vec<Scored>, HashSet<u32>) = Default::default();
    let mut work = Work::default();
    loop {
        let found = search(width, Some(width.min(MAX_EF)))?;
        work.evaluations += found.work.evaluations;
        work.visited += found.work.visited;
        work.rescored += found.work.rescored;
        let all = found.neighbours.len();
        let new = found.neighbours.into_iter().filter(|n| seen.insert(n.row));
        rows.extend(new.map(|n| (n.row, n.score)));
        if rows.len() >= k || all < width {
            break;
        }
        width *= 2;
    }
    rows.truncate(k);
    let end = rows.len().min(parts.offset + parts.limit);
    let page = rows.get_mut(parts.offset..end).unwrap_or_default();
    page.sort_unstable_by(by_rank(snapshot));
    Ok(Nearest { rows, work })
}
