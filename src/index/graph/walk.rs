//! The search: greedy descent through the upper layers, then a best-first walk at the bottom.
//!
//! The walk keeps one list of the rows that it has seen, best first, and always goes on from the
//! best whose links it has not followed. It ends when that row is worse than the `ef`-th admitted
//! one. Rows that a filter does not admit are walked through all the same: they lead to others.

use super::{Graph, Member, NONE};
use crate::index::codes::{CodedQuery, Codes};
use crate::index::kernels::{Line, prefetch};

/// Which rows may be found.
pub(in crate::index) trait Admit {
    /// Whether this row may be found.
    fn admits(&self, row: u32) -> bool;
}

/// All of them.
pub(in crate::index) struct Everything;

impl Admit for Everything {
    #[inline]
    fn admits(&self, _: u32) -> bool {
        true
    }
}

impl<F: Fn(u32) -> bool> Admit for F {
    #[inline]
    fn admits(&self, row: u32) -> bool {
        self(row)
    }
}

/// A row on the walk.
#[derive(Debug, Clone, Copy)]
pub(in crate::index) struct Step {
    /// Product of its codes with the query.
    pub(in crate::index) product: i32,
    /// The row, and two flags above it.
    tagged: u32,
}

/// Its links have been followed.
const FOLLOWED: u32 = 1 << 31;
/// The filter does not admit it.
const DENIED: u32 = 1 << 30;
/// Rows are below this.
pub(in crate::index) const MAX_ROWS: usize = 1 << 30;

impl Step {
    pub(in crate::index) fn row(self) -> u32 {
        self.tagged & !(FOLLOWED | DENIED)
    }

    pub(in crate::index) fn is_admitted(self) -> bool {
        self.tagged & DENIED == 0
    }
}

/// A walk's memory, kept between walks.
#[derive(Debug, Default)]
pub(in crate::index) struct Walk {
    /// What was seen and is not too far, best first.
    pub(in crate::index) steps: Vec<Step>,
    /// Products computed.
    pub(in crate::index) evaluations: usize,
    /// Rows whose links were followed.
    pub(in crate::index) visited: usize,
    /// One bit a row.
    seen: Vec<u64>,
    /// Rows that are evaluated together, and their products.
    batch: Vec<u32>,
    products: Vec<i32>,
}

impl Walk {
    /// Products of the batch.
    #[inline]
    fn evaluate(&mut self, query: &CodedQuery, lines: &[Line]) {
        self.products.resize(self.batch.len(), 0);
        query.products(lines, &self.batch, &mut self.products);
        self.evaluations += self.batch.len();
    }
}

/// Walks until the `ef` best admitted rows are known; they stand in [`Walk::steps`] among rows
/// that are not admitted. `false` if it would cost more than `budget` products and was given up.
pub(in crate::index) fn walk<A: Admit>(
    graph: &Graph,
    codes: &Codes,
    query: &CodedQuery,
    (ef, budget): (usize, usize),
    admit: &A,
    walk: &mut Walk,
) -> bool {
    let (lines, stride) = (codes.lines(), codes.stride());
    let (bottom, width): (&[u32], usize) = (&graph.bottom, 2 * graph.m);
    walk.evaluations = 0;
    walk.visited = 0;
    walk.steps.clear();
    walk.seen.clear();
    walk.seen.resize(codes.len().div_ceil(64), 0);
    let start = descend(graph, lines, stride, query, walk);
    walk.batch.clear();
    walk.batch.push(start);
    walk.seen[start as usize / 64] |= 1 << (start % 64);
    let mut admitted = 0;
    let mut next = 0;
    loop {
        walk.evaluate(query, lines);
        let steps = &mut walk.steps;
        let mut worst = match steps.last() {
            Some(last) if admitted >= ef => last.product,
            _ => i32::MIN,
        };
        for (&row, &product) in walk.batch.iter().zip(&walk.products) {
            if product <= worst {
                continue;
            }
            let denied = if admit.admits(row) { 0 } else { DENIED };
            let place = steps.partition_point(|s| s.product >= product);
            if place <= next {
                // Probably followed soon.
                next = place;
                prefetch(&bottom[row as usize * width..][..width]);
            }
            let tagged = row | denied;
            steps.insert(place, Step { product, tagged });
            if denied != 0 {
                continue;
            }
            admitted += 1;
            if admitted > ef {
                // The list ends with the worst admitted row: it goes, and with it what now hangs
                // behind the new worst one.
                steps.pop();
                while steps.last().is_some_and(|s| !s.is_admitted()) {
                    steps.pop();
                }
                admitted = ef;
            }
            if admitted == ef {
                worst = steps.last().map_or(i32::MIN, |last| last.product);
            }
        }
        while steps.get(next).is_some_and(|s| s.tagged & FOLLOWED != 0) {
            next += 1;
        }
        let Some(step) = steps.get_mut(next) else {
            return true;
        };
        let row = step.row();
        step.tagged |= FOLLOWED;
        walk.visited += 1;
        if too_dear(walk.evaluations, admitted, ef, budget) {
            return false;
        }
        walk.batch.clear();
        for &link in &bottom[row as usize * width..][..width] {
            if link == NONE {
                break;
            }
            let word = &mut walk.seen[link as usize / 64];
            let bit = 1 << (link % 64);
            if *word & bit == 0 {
                *word |= bit;
                prefetch(&lines[link as usize * stride..][..stride]);
                walk.batch.push(link);
            }
        }
    }
}

/// Whether a walk under a filter had better be given up: it has used up its budget, or an eighth
/// of it without finding an eighth of what it wants.
fn too_dear(evaluations: usize, admitted: usize, ef: usize, budget: usize) -> bool {
    evaluations > budget || (evaluations > budget / 8 && admitted < ef / 8)
}

/// The row at the bottom that is found by always going to the nearest neighbour, layer by layer.
fn descend(
    graph: &Graph,
    lines: &[Line],
    stride: usize,
    query: &CodedQuery,
    walk: &mut Walk,
) -> u32 {
    let mut place = graph.entry;
    for layer in graph.upper.iter().rev() {
        let (members, all): (&[Member], &[u32]) = (&layer.members, &layer.links);
        walk.batch.clear();
        walk.batch.push(members[place as usize].row);
        walk.evaluate(query, lines);
        let mut best = walk.products[0];
        loop {
            let own = &all[place as usize * graph.m..][..graph.m];
            walk.batch.clear();
            for &link in own.iter().take_while(|link| **link != NONE) {
                let row = members[link as usize].row;
                prefetch(&lines[row as usize * stride..][..stride]);
                walk.batch.push(row);
            }
            walk.evaluate(query, lines);
            walk.visited += 1;
            let nearest = own.iter().zip(&walk.products).max_by_key(|(_, p)| **p);
            match nearest {
                Some((link, product)) if *product > best => {
                    place = *link;
                    best = *product;
                }
                _ => break,
            }
        }
        place = members[place as usize].below;
    }
    place
}
