//! The search: greedy descent through the upper layers, then a best-first walk at the bottom.
//!
//! The walk keeps one list of the rows that it has seen, best first, and always goes on from the
//! best whose links it has not followed. It ends when that row is worse than the `ef`-th admitted
//! one. Rows that a filter does not admit are walked through all the same: they lead to others.

use super::{FlatGraph, NO_LINK, UpperNode};
use crate::index::kernels::{CodeLine, prefetch};
use crate::index::scalar_quantization::{QuantizedQuery, QuantizedVectors};

/// Which rows may be found.
pub(in crate::index) trait RowFilter {
    /// Whether this row may be found.
    fn matches(&self, row: u32) -> bool;
}

/// All of them.
pub(in crate::index) struct NoFilter;

impl RowFilter for NoFilter {
    #[inline]
    fn matches(&self, _: u32) -> bool {
        true
    }
}

impl<F: Fn(u32) -> bool> RowFilter for F {
    #[inline]
    fn matches(&self, row: u32) -> bool {
        self(row)
    }
}

/// A row on the walk.
#[derive(Debug, Clone, Copy)]
pub(in crate::index) struct GraphCandidate {
    /// Product of its codes with the query.
    pub(in crate::index) product: i32,
    /// The row, and two flags above it.
    row_and_flags: u32,
}

/// Its links have been followed.
const EXPANDED: u32 = 1 << 31;
/// The filter does not admit it.
const FILTERED_OUT: u32 = 1 << 30;
/// Rows are below this.
pub(in crate::index) const MAX_ROWS: usize = 1 << 30;

impl GraphCandidate {
    pub(in crate::index) fn row(self) -> u32 {
        self.row_and_flags & !(EXPANDED | FILTERED_OUT)
    }

    pub(in crate::index) fn passes_filter(self) -> bool {
        self.row_and_flags & FILTERED_OUT == 0
    }
}

/// A walk's memory, kept between walks.
#[derive(Debug, Default)]
pub(in crate::index) struct SearchScratch {
    /// What was seen and is not too far, best first.
    pub(in crate::index) candidates: Vec<GraphCandidate>,
    /// Products computed.
    pub(in crate::index) distance_computations: usize,
    /// Rows whose links were followed.
    pub(in crate::index) nodes_visited: usize,
    /// One bit a row.
    visited_bits: Vec<u64>,
    /// Rows that are evaluated together, and their products.
    batch: Vec<u32>,
    products: Vec<i32>,
}

impl SearchScratch {
    /// Products of the batch.
    #[inline]
    fn score_batch(&mut self, query: &QuantizedQuery, lines: &[CodeLine]) {
        self.products.resize(self.batch.len(), 0);
        query.dot_products(lines, &self.batch, &mut self.products);
        self.distance_computations += self.batch.len();
    }
}

/// Walks until the `ef` best admitted rows are known; they stand in [`Walk::steps`] among rows
/// that are not admitted. `false` if it would cost more than `budget` products and was given up.
pub(in crate::index) fn search_graph<A: RowFilter>(
    graph: &FlatGraph,
    codes: &QuantizedVectors,
    query: &QuantizedQuery,
    (ef, budget): (usize, usize),
    filter: &A,
    scratch: &mut SearchScratch,
) -> bool {
    let (lines, stride) = (codes.code_lines(), codes.stride());
    let (bottom, width): (&[u32], usize) = (&graph.base_layer, 2 * graph.m);
    scratch.distance_computations = 0;
    scratch.nodes_visited = 0;
    scratch.candidates.clear();
    scratch.visited_bits.clear();
    scratch.visited_bits.resize(codes.len().div_ceil(64), 0);
    let start = greedy_descent(graph, lines, stride, query, scratch);
    scratch.batch.clear();
    scratch.batch.push(start);
    scratch.visited_bits[start as usize / 64] |= 1 << (start % 64);
    let mut matched = 0;
    let mut next = 0;
    loop {
        scratch.score_batch(query, lines);
        let candidates = &mut scratch.candidates;
        let mut worst = match candidates.last() {
            Some(last) if matched >= ef => last.product,
            _ => i32::MIN,
        };
        for (&row, &product) in scratch.batch.iter().zip(&scratch.products) {
            if product <= worst {
                continue;
            }
            let filter_flag = if filter.matches(row) { 0 } else { FILTERED_OUT };
            let place = candidates.partition_point(|s| s.product >= product);
            if place <= next {
                // Probably followed soon.
                next = place;
                prefetch(&bottom[row as usize * width..][..width]);
            }
            let tagged = row | filter_flag;
            candidates.insert(
                place,
                GraphCandidate {
                    product,
                    row_and_flags: tagged,
                },
            );
            if filter_flag != 0 {
                continue;
            }
            matched += 1;
            if matched > ef {
                // The list ends with the worst admitted row: it goes, and with it what now hangs
                // behind the new worst one.
                candidates.pop();
                while candidates.last().is_some_and(|s| !s.passes_filter()) {
                    candidates.pop();
                }
                matched = ef;
            }
            if matched == ef {
                worst = candidates.last().map_or(i32::MIN, |last| last.product);
            }
        }
        while candidates
            .get(next)
            .is_some_and(|s| s.row_and_flags & EXPANDED != 0)
        {
            next += 1;
        }
        let Some(candidate) = candidates.get_mut(next) else {
            return true;
        };
        let row = candidate.row();
        candidate.row_and_flags |= EXPANDED;
        scratch.nodes_visited += 1;
        if over_budget(scratch.distance_computations, matched, ef, budget) {
            return false;
        }
        scratch.batch.clear();
        for &link in &bottom[row as usize * width..][..width] {
            if link == NO_LINK {
                break;
            }
            let word = &mut scratch.visited_bits[link as usize / 64];
            let bit = 1 << (link % 64);
            if *word & bit == 0 {
                *word |= bit;
                prefetch(&lines[link as usize * stride..][..stride]);
                scratch.batch.push(link);
            }
        }
    }
}

/// Whether a walk under a filter had better be given up: it has used up its budget, or an eighth
/// of it without finding an eighth of what it wants.
fn over_budget(distance_computations: usize, matched: usize, ef: usize, budget: usize) -> bool {
    distance_computations > budget || (distance_computations > budget / 8 && matched < ef / 8)
}

/// The row at the bottom that is found by always going to the nearest neighbour, layer by layer.
fn greedy_descent(
    graph: &FlatGraph,
    lines: &[CodeLine],
    stride: usize,
    query: &QuantizedQuery,
    scratch: &mut SearchScratch,
) -> u32 {
    let mut node = graph.entry_point;
    for layer in graph.upper_layers.iter().rev() {
        let (members, all): (&[UpperNode], &[u32]) = (&layer.nodes, &layer.links);
        scratch.batch.clear();
        scratch.batch.push(members[node as usize].row);
        scratch.score_batch(query, lines);
        let mut best = scratch.products[0];
        loop {
            let own = &all[node as usize * graph.m..][..graph.m];
            scratch.batch.clear();
            for &link in own.iter().take_while(|link| **link != NO_LINK) {
                let row = members[link as usize].row;
                prefetch(&lines[row as usize * stride..][..stride]);
                scratch.batch.push(row);
            }
            scratch.score_batch(query, lines);
            scratch.nodes_visited += 1;
            let nearest = own.iter().zip(&scratch.products).max_by_key(|(_, p)| **p);
            match nearest {
                Some((link, product)) if *product > best => {
                    node = *link;
                    best = *product;
                }
                _ => break,
            }
        }
        node = members[node as usize].node_below;
    }
    node
}
