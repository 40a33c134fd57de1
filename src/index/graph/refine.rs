//! Better links out of those that were found.
//!
//! `hnsw_rs` gives every row links to near rows, but when a row has too many it drops the farthest
//! rather than the least useful one, and it links early rows while most others are not there yet.
//! So, once all rows are there, each row looks for its neighbours again by a walk, and of what it
//! finds keeps the links that lead into different directions (Malkov & Yashunin, algorithm 4). A
//! link is then offered to the other side too, which chooses in the same way. At last rows that
//! no walk could reach are linked from their neighbours.
//!
//! Rows are worked on in parallel, but each step reads only what the step before it wrote: the
//! result does not depend on the threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::{FlatGraph, LinkLists, NoFilter, SearchScratch, search_graph};
use crate::index::scalar_quantization::{QuantizedQuery, QuantizedVectors};
use crate::index::{BuildProgress, IndexError};

/// Rows between two signs of progress.
const PROGRESS_INTERVAL_ROWS: usize = 1024;

/// A row and the product of its codes with those of the row whose link it may become.
#[derive(Clone, Copy)]
struct LinkCandidate {
    row: u32,
    product: i32,
}

/// Replaces the bottom layer's links by better ones, at most `width` a row, chosen among `ef`
/// candidates. `graph` is the frozen form of `links` with the rows in their order. This is the
/// second half of the work of building.
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
    let chosen: Vec<Vec<LinkCandidate>> = rows
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
            let found = scratch.candidates.iter().map(|step| LinkCandidate {
                row: step.row(),
                product: query.without_offset(step.product),
            });
            select_neighbours_heuristic(codes, found.filter(|c| c.row != row), max_degree)
        })
        .collect();
    if progress.is_cancelled() {
        return Err(IndexError::Cancelled);
    }
    let offered = reverse_edges(&chosen);
    let bottom: Vec<Vec<u32>> = chosen
        .into_par_iter()
        .zip(offered)
        .map(|(mut own, others)| {
            let known = own.len();
            for other in others {
                if own[..known].iter().all(|c| c.row != other.row) {
                    own.push(other);
                }
            }
            if own.len() > max_degree {
                own.sort_unstable_by_key(|c| (std::cmp::Reverse(c.product), c.row));
                own = select_neighbours_heuristic(codes, own.into_iter(), max_degree);
            }
            own.iter().map(|c| c.row).collect()
        })
        .collect();
    for (links, bottom) in links.rows.iter_mut().zip(bottom) {
        match links.first_mut() {
            Some(first) => *first = bottom,
            None => links.push(bottom),
        }
    }
    repair_connectivity(links, max_degree);
    progress.update(2 * codes.len(), 2 * codes.len());
    Ok(())
}

/// Of candidates, best first, those that are nearer to the row than to any chosen before them: at
/// most `width`, filled up with the best of the others.
fn select_neighbours_heuristic(
    codes: &QuantizedVectors,
    candidates: impl Iterator<Item = LinkCandidate>,
    max_degree: usize,
) -> Vec<LinkCandidate> {
    let mut chosen: Vec<LinkCandidate> = Vec::with_capacity(max_degree);
    let mut others = Vec::new();
    for candidate in candidates {
        if chosen.len() == max_degree {
            break;
        }
        let is_redundant = chosen
            .iter()
            .any(|c| codes.dot_product(candidate.row, c.row) >= candidate.product);
        if is_redundant {
            others.push(candidate);
        } else {
            chosen.push(candidate);
        }
    }
    let room = max_degree - chosen.len();
    chosen.extend(others.into_iter().take(room));
    chosen
}

/// For every row, the rows that chose it.
fn reverse_edges(chosen: &[Vec<LinkCandidate>]) -> Vec<Vec<LinkCandidate>> {
    let mut reversed = vec![Vec::new(); chosen.len()];
    for (row, links) in (0..).zip(chosen) {
        for link in links {
            reversed[link.row as usize].push(LinkCandidate {
                row,
                product: link.product,
            });
        }
    }
    reversed
}

/// Makes every row reachable from the entry: one that is not becomes the last link of a row that
/// it links to. That may cut off another, so it is done until all are reached; a few rounds do.
fn repair_connectivity(links: &mut LinkLists, max_degree: usize) {
    for _ in 0..MAX_REPAIR_ROUNDS {
        let reached = reachable_from_entry(links);
        let unreachable: Vec<u32> = (0..)
            .zip(&reached)
            .filter(|(_, r)| !**r)
            .map(|(row, _)| row)
            .collect();
        if unreachable.is_empty() {
            return;
        }
        for row in unreachable {
            let own = &links.rows[row as usize][0];
            let near = own.iter().copied().find(|link| reached[*link as usize]);
            let from = near.unwrap_or(links.entry_point) as usize;
            let to = &mut links.rows[from][0];
            to.truncate(max_degree - 1);
            to.push(row);
        }
    }
}

/// Rounds of [`connect`].
const MAX_REPAIR_ROUNDS: usize = 8;

/// Which rows a walk at the bottom can reach from the entry.
fn reachable_from_entry(links: &LinkLists) -> Vec<bool> {
    let mut reached = vec![false; links.rows.len()];
    let mut queue = vec![links.entry_point];
    while let Some(row) = queue.pop() {
        if std::mem::replace(&mut reached[row as usize], true) {
            continue;
        }
        queue.extend(links.rows[row as usize].first().into_iter().flatten());
    }
    reached
}
