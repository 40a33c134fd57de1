//! Refinement of the base layer's links.
//!
//! `hnsw_rs` links every row to near rows, but when a row has too many links it drops the farthest
//! rather than the least useful one, and early rows are linked before most others are inserted. So,
//! once all rows are inserted, the neighbours of each row are searched again, and the heuristic of
//! Malkov & Yashunin (algorithm 4) selects links in different directions. Then the reverse edges are
//! added, and the heuristic is applied again to rows with too many. Finally, unreachable rows are
//! linked from their neighbours.
//!
//! Rows are processed in parallel, but each step reads only the results of the previous one, so the
//! result does not depend on the threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::{FlatGraph, LinkLists, NoFilter, SearchScratch, search_graph};
use crate::index::scalar_quantization::{QuantizedQuery, QuantizedVectors};
use crate::index::{BuildProgress, IndexError};

/// Rows between two progress reports.
const PROGRESS_INTERVAL_ROWS: usize = 1024;

/// A row and the dot product of its codes with those of the row that may be linked to it.
#[derive(Clone, Copy)]
struct LinkCandidate {
    row: u32,
    product: i32,
}

/// Replaces the base layer's links by at most `max_degree` per row, selected from `ef` candidates.
/// `graph` is the flat form of `links` in the same order of rows. This is the second half of the
/// reported progress.
pub(super) fn refine(
    codes: &QuantizedVectors,
    links: &mut LinkLists,
    graph: &FlatGraph,
    (max_degree, ef): (usize, usize),
    progress: &dyn BuildProgress,
) -> Result<(), IndexError> {
    #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
    let rows = 0..codes.len() as u32;
    let done = AtomicUsize::new(0);
    let selected: Vec<Vec<LinkCandidate>> = rows
        .clone()
        .into_par_iter()
        .map_init(SearchScratch::default, |scratch, row| {
            let before = done.fetch_add(1, Ordering::Relaxed);
            if before.is_multiple_of(PROGRESS_INTERVAL_ROWS) {
                progress.update(codes.len() + before, 2 * codes.len());
            }
            if progress.is_cancelled() {
                return Vec::new();
            }
            let query = QuantizedQuery::from_row(codes, row);
            search_graph(graph, codes, &query, (ef, usize::MAX), &NoFilter, scratch);
            let candidates = scratch.candidates.iter().map(|c| LinkCandidate {
                row: c.row(),
                product: query.without_offset(c.product),
            });
            select_neighbours_heuristic(codes, candidates.filter(|c| c.row != row), max_degree)
        })
        .collect();
    if progress.is_cancelled() {
        return Err(IndexError::Cancelled);
    }
    let reverse = reverse_edges(&selected);
    let base_layer: Vec<Vec<u32>> = selected
        .into_par_iter()
        .zip(reverse)
        .map(|(mut links, reverse)| {
            let forward_count = links.len();
            for link in reverse {
                if links[..forward_count].iter().all(|c| c.row != link.row) {
                    links.push(link);
                }
            }
            if links.len() > max_degree {
                links.sort_unstable_by_key(|c| (std::cmp::Reverse(c.product), c.row));
                links = select_neighbours_heuristic(codes, links.into_iter(), max_degree);
            }
            links.iter().map(|c| c.row).collect()
        })
        .collect();
    for (links, base_links) in links.rows.iter_mut().zip(base_layer) {
        match links.first_mut() {
            Some(first) => *first = base_links,
            None => links.push(base_links),
        }
    }
    repair_connectivity(links, max_degree);
    progress.update(2 * codes.len(), 2 * codes.len());
    Ok(())
}

/// Selects candidates, given best first, that are nearer to the row than to any selected before: at
/// most `max_degree`, filled up with the best of the others.
fn select_neighbours_heuristic(
    codes: &QuantizedVectors,
    candidates: impl Iterator<Item = LinkCandidate>,
    max_degree: usize,
) -> Vec<LinkCandidate> {
    let mut selected: Vec<LinkCandidate> = Vec::with_capacity(max_degree);
    let mut others = Vec::new();
    for candidate in candidates {
        if selected.len() == max_degree {
            break;
        }
        let is_redundant = selected
            .iter()
            .any(|c| codes.dot_product(candidate.row, c.row) >= candidate.product);
        if is_redundant {
            others.push(candidate);
        } else {
            selected.push(candidate);
        }
    }
    let free = max_degree - selected.len();
    selected.extend(others.into_iter().take(free));
    selected
}

/// Returns for every row the rows that link to it.
fn reverse_edges(selected: &[Vec<LinkCandidate>]) -> Vec<Vec<LinkCandidate>> {
    let mut reversed = vec![Vec::new(); selected.len()];
    for (row, links) in (0..).zip(selected) {
        for link in links {
            reversed[link.row as usize].push(LinkCandidate {
                row,
                product: link.product,
            });
        }
    }
    reversed
}

/// Makes every row reachable from the entry point: an unreachable row replaces the last link of
/// a reachable row that it links to. That may disconnect another row, so it is repeated; a few rounds
/// suffice.
fn repair_connectivity(links: &mut LinkLists, max_degree: usize) {
    for _ in 0..MAX_REPAIR_ROUNDS {
        let reachable = reachable_from_entry(links);
        let unreachable: Vec<u32> = (0..)
            .zip(&reachable)
            .filter(|(_, r)| !**r)
            .map(|(row, _)| row)
            .collect();
        if unreachable.is_empty() {
            return;
        }
        for row in unreachable {
            let own = &links.rows[row as usize][0];
            let neighbour = own.iter().copied().find(|link| reachable[*link as usize]);
            let from = neighbour.unwrap_or(links.entry_point) as usize;
            let to = &mut links.rows[from][0];
            to.truncate(max_degree - 1);
            to.push(row);
        }
    }
}

/// Maximum number of rounds of [`repair_connectivity`].
const MAX_REPAIR_ROUNDS: usize = 8;

/// Returns which rows are reachable from the entry point in the base layer.
fn reachable_from_entry(links: &LinkLists) -> Vec<bool> {
    let mut reachable = vec![false; links.rows.len()];
    let mut queue = vec![links.entry_point];
    while let Some(row) = queue.pop() {
        if std::mem::replace(&mut reachable[row as usize], true) {
            continue;
        }
        queue.extend(links.rows[row as usize].first().into_iter().flatten());
    }
    reachable
}
