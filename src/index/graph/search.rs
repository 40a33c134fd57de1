//! Graph search: greedy descent through the upper layers, then best-first search in the base layer.
//!
//! The search keeps a list of the rows that it has seen, best first, and always expands the best row
//! that is not yet expanded. It ends when that row is worse than the `ef`-th row that matches the
//! filter. Rows that do not match are expanded as well, since they lead to others.

use antiphon_kernels::dot::{CodeLine, prefetch};

use super::{FlatGraph, NO_LINK, UpperNode};
use crate::index::scalar_quantization::{QuantizedQuery, QuantizedVectors};

/// Decides which rows may be returned.
pub(in crate::index) trait RowFilter {
    /// Whether this row may be returned.
    fn matches(&self, row: u32) -> bool;
}

/// Matches every row.
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

/// A row that a search has seen.
#[derive(Debug, Clone, Copy)]
pub(in crate::index) struct GraphCandidate {
    /// Dot product of its codes with the query.
    pub(in crate::index) product: i32,
    /// The row, and two flags in the high bits.
    row_and_flags: u32,
}

/// Flag: the row's links have been followed.
const EXPANDED: u32 = 1 << 31;
/// Flag: the row does not match the filter.
const FILTERED_OUT: u32 = 1 << 30;
/// Maximum number of rows; leaves two bits for the flags.
pub(in crate::index) const MAX_ROWS: usize = 1 << 30;

impl GraphCandidate {
    pub(in crate::index) fn row(self) -> u32 {
        self.row_and_flags & !(EXPANDED | FILTERED_OUT)
    }

    pub(in crate::index) fn passes_filter(self) -> bool {
        self.row_and_flags & FILTERED_OUT == 0
    }
}

/// Buffers and counters of a search, reused by the next one.
#[derive(Debug, Default)]
pub(in crate::index) struct SearchScratch {
    /// Rows seen, except for those worse than the `ef`-th match, best first.
    pub(in crate::index) candidates: Vec<GraphCandidate>,
    /// Dot products computed.
    pub(in crate::index) distance_computations: usize,
    /// Rows whose links were followed.
    pub(in crate::index) nodes_visited: usize,
    /// One bit per row.
    visited_bits: Vec<u64>,
    /// Rows whose dot products are computed together.
    batch: Vec<u32>,
    /// The dot products of the batch.
    products: Vec<i32>,
}

impl SearchScratch {
    /// Computes the dot products of the batch.
    #[inline]
    fn score_batch(&mut self, query: &QuantizedQuery, lines: &[CodeLine]) {
        self.products.resize(self.batch.len(), 0);
        query.dot_products(lines, &self.batch, &mut self.products);
        self.distance_computations += self.batch.len();
    }
}

/// Searches for the `ef` best rows that match the filter; they are in [`SearchScratch::candidates`],
/// together with rows that do not match. Returns `false` if the search was abandoned because it would
/// have needed more than `budget` dot products.
pub(in crate::index) fn search_graph<A: RowFilter>(
    graph: &FlatGraph,
    codes: &QuantizedVectors,
    query: &QuantizedQuery,
    (ef, budget): (usize, usize),
    filter: &A,
    scratch: &mut SearchScratch,
) -> bool {
    let (lines, stride) = (codes.code_lines(), codes.stride());
    let (base_layer, width): (&[u32], usize) = (&graph.base_layer, 2 * graph.m);
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
            let index = candidates.partition_point(|s| s.product >= product);
            if index <= next {
                // Likely to be expanded soon.
                next = index;
                prefetch(&base_layer[row as usize * width..][..width]);
            }
            candidates.insert(
                index,
                GraphCandidate {
                    product,
                    row_and_flags: row | filter_flag,
                },
            );
            if filter_flag != 0 {
                continue;
            }
            matched += 1;
            if matched > ef {
                // The list ends with the worst match: removes it, and the rows that do not match
                // between it and the new worst match.
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
        for &link in &base_layer[row as usize * width..][..width] {
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

/// Whether to abandon a filtered search: it has used up its budget, or an eighth of it without finding
/// an eighth of `ef` matches.
fn over_budget(distance_computations: usize, matched: usize, ef: usize, budget: usize) -> bool {
    distance_computations > budget || (distance_computations > budget / 8 && matched < ef / 8)
}

/// Returns the row of the base layer that is reached by moving to the nearest neighbour in each upper
/// layer.
fn greedy_descent(
    graph: &FlatGraph,
    code_lines: &[CodeLine],
    stride: usize,
    query: &QuantizedQuery,
    scratch: &mut SearchScratch,
) -> u32 {
    let mut node = graph.entry_point;
    for layer in graph.upper_layers.iter().rev() {
        let (nodes, links): (&[UpperNode], &[u32]) = (&layer.nodes, &layer.links);
        scratch.batch.clear();
        scratch.batch.push(nodes[node as usize].row);
        scratch.score_batch(query, code_lines);
        let mut best = scratch.products[0];
        loop {
            let own = &links[node as usize * graph.m..][..graph.m];
            scratch.batch.clear();
            for &link in own.iter().take_while(|link| **link != NO_LINK) {
                let row = nodes[link as usize].row;
                prefetch(&code_lines[row as usize * stride..][..stride]);
                scratch.batch.push(row);
            }
            scratch.score_batch(query, code_lines);
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
        node = nodes[node as usize].node_below;
    }
    node
}
