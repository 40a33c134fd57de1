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

use super::{Everything, Graph, Links, Walk, walk};
use crate::index::codes::{CodedQuery, Codes};
use crate::index::{BuildProgress, IndexError};

/// Rows between two signs of progress.
const STEP: usize = 1024;

/// A row and the product of its codes with those of the row whose link it may become.
#[derive(Clone, Copy)]
struct Candidate {
    row: u32,
    product: i32,
}

/// Replaces the bottom layer's links by better ones, at most `width` a row, chosen among `ef`
/// candidates. `graph` is the frozen form of `links` with the rows in their order. This is the
/// second half of the work of building.
pub(super) fn refine(
    codes: &Codes,
    links: &mut Links,
    graph: &Graph,
    (width, ef): (usize, usize),
    progress: &dyn BuildProgress,
) -> Result<(), IndexError> {
    #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
    let rows = 0..codes.len() as u32;
    let done = AtomicUsize::new(0);
    let chosen: Vec<Vec<Candidate>> = rows
        .clone()
        .into_par_iter()
        .map_init(Walk::default, |memory, row| {
            let before = done.fetch_add(1, Ordering::Relaxed);
            if before.is_multiple_of(STEP) {
                progress.update(codes.len() + before, 2 * codes.len());
            }
            if progress.cancelled() {
                return Vec::new();
            }
            let query = CodedQuery::of_row(codes, row);
            walk(graph, codes, &query, (ef, usize::MAX), &Everything, memory);
            let found = memory.steps.iter().map(|step| Candidate {
                row: step.row(),
                product: query.centred(step.product),
            });
            choose(codes, found.filter(|c| c.row != row), width)
        })
        .collect();
    if progress.cancelled() {
        return Err(IndexError::Cancelled);
    }
    let offered = offers(&chosen);
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
            if own.len() > width {
                own.sort_unstable_by_key(|c| (std::cmp::Reverse(c.product), c.row));
                own = choose(codes, own.into_iter(), width);
            }
            own.iter().map(|c| c.row).collect()
        })
        .collect();
    for (links, bottom) in links.links.iter_mut().zip(bottom) {
        match links.first_mut() {
            Some(first) => *first = bottom,
            None => links.push(bottom),
        }
    }
    connect(links, width);
    progress.update(2 * codes.len(), 2 * codes.len());
    Ok(())
}

/// Of candidates, best first, those that are nearer to the row than to any chosen before them: at
/// most `width`, filled up with the best of the others.
fn choose(
    codes: &Codes,
    candidates: impl Iterator<Item = Candidate>,
    width: usize,
) -> Vec<Candidate> {
    let mut chosen: Vec<Candidate> = Vec::with_capacity(width);
    let mut others = Vec::new();
    for candidate in candidates {
        if chosen.len() == width {
            break;
        }
        let hidden = chosen
            .iter()
            .any(|c| codes.product(candidate.row, c.row) >= candidate.product);
        if hidden {
            others.push(candidate);
        } else {
            chosen.push(candidate);
        }
    }
    let room = width - chosen.len();
    chosen.extend(others.into_iter().take(room));
    chosen
}

/// For every row, the rows that chose it.
fn offers(chosen: &[Vec<Candidate>]) -> Vec<Vec<Candidate>> {
    let mut offers = vec![Vec::new(); chosen.len()];
    for (row, links) in (0..).zip(chosen) {
        for link in links {
            offers[link.row as usize].push(Candidate {
                row,
                product: link.product,
            });
        }
    }
    offers
}

/// Makes every row reachable from the entry: one that is not becomes the last link of a row that
/// it links to. That may cut off another, so it is done until all are reached; a few rounds do.
fn connect(links: &mut Links, width: usize) {
    for _ in 0..ROUNDS {
        let reached = reach(links);
        let lost: Vec<u32> = (0..)
            .zip(&reached)
            .filter(|(_, r)| !**r)
            .map(|(row, _)| row)
            .collect();
        if lost.is_empty() {
            return;
        }
        for row in lost {
            let own = &links.links[row as usize][0];
            let near = own.iter().copied().find(|link| reached[*link as usize]);
            let from = near.unwrap_or(links.entry) as usize;
            let to = &mut links.links[from][0];
            to.truncate(width - 1);
            to.push(row);
        }
    }
}

/// Rounds of [`connect`].
const ROUNDS: usize = 8;

/// Which rows a walk at the bottom can reach from the entry.
fn reach(links: &Links) -> Vec<bool> {
    let mut reached = vec![false; links.links.len()];
    let mut queue = vec![links.entry];
    while let Some(row) = queue.pop() {
        if std::mem::replace(&mut reached[row as usize], true) {
            continue;
        }
        queue.extend(links.links[row as usize].first().into_iter().flatten());
    }
    reached
}
