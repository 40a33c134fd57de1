//! The scan of a segment at both levels.

use std::ops::Range;

use antiphon_kernels::dot::prefetch;
use rayon::prelude::*;

use super::{PREFETCH_DISTANCE, Plausibility, best_sentence, combine_bounds};
use crate::index::SearchStats;
use crate::index::candidates::{BoundedCandidate, CandidateCollector};
use crate::index::scalar_quantization::QuantizedQuery;
use crate::index::scan::{BLOCK_ROWS, dot_products_prefetched};
use crate::index::segment::{RowSet, Segment};

/// Rows per task, with about four times as many sentences.
const TASK_ROWS: usize = 4096;

/// A scan of a segment at both levels.
pub(super) struct TwoLevelScan<'a> {
    pub(super) segment: &'a Segment,
    /// Id of the segment's first row.
    pub(super) first: u32,
    pub(super) query: &'a QuantizedQuery,
    pub(super) rows: &'a RowSet<'a>,
    /// Limits the rows whose sentences are compared; `None` for all.
    pub(super) plausibility: Option<Plausibility>,
}

impl TwoLevelScan<'_> {
    /// Pushes the rows into the collector by the bounds of their scores.
    pub(super) fn run(
        &self,
        collector: CandidateCollector,
        stats: &mut SearchStats,
    ) -> CandidateCollector {
        let (k, len) = (collector.k(), self.segment.len());
        let tasks: Vec<Range<usize>> = (0..len)
            .step_by(TASK_ROWS)
            .map(|start| start..len.min(start + TASK_ROWS))
            .collect();
        let scan = |task: Range<usize>| {
            let mut partial = CandidateCollector::new(k);
            let count = self.scan_range(task, &mut partial);
            (partial, count)
        };
        let merge = |(a, m): (CandidateCollector, usize), (b, n)| (a.merge(b), m + n);
        let empty = || (CandidateCollector::new(k), 0);
        let (found, count) = if tasks.len() <= 1 || rayon::current_num_threads() == 1 {
            tasks.into_iter().map(scan).fold(empty(), merge)
        } else {
            tasks.into_par_iter().map(scan).reduce(empty, merge)
        };
        stats.distance_computations += count;
        collector.merge(found)
    }

    /// Returns the number of dot products.
    fn scan_range(&self, range: Range<usize>, collector: &mut CandidateCollector) -> usize {
        let (query, codes) = (self.query, &self.segment.codes);
        let mut products = [0; BLOCK_ROWS];
        let mut selected = [0; BLOCK_ROWS];
        let mut compared = 0;
        for start in range.clone().step_by(BLOCK_ROWS) {
            let block = start..range.end.min(start + BLOCK_ROWS);
            let allowed = self
                .rows
                .count_in(self.row_id(block.start)..self.row_id(block.end));
            if allowed == 0 {
                continue;
            }
            let products = &mut products[..block.len()];
            dot_products_prefetched(codes, query, block.start, products);
            compared += block.len();
            let plausible = self.plausible_rows(block.start, products, &mut selected);
            let rows = plausible.iter().filter_map(|offset| {
                let (row, product) = (block.start + *offset as usize, products[*offset as usize]);
                let bound = query.error_bound(codes.quantization_errors()[row]);
                let id = self.row_id(row);
                let candidate = BoundedCandidate::new(id, query.score(product), bound);
                self.rows.contains(id).then_some((row, candidate))
            });
            let rows: Vec<(usize, BoundedCandidate)> = rows.collect();
            compared += self.push_rows(block, &rows, collector);
            if !collector.has_threshold() {
                collector.prune();
            }
        }
        compared
    }

    /// Returns which rows from `first` on, with these products, are plausible. Without branches: which rows
    /// are is hard to predict, and most are not.
    fn plausible_rows<'b>(
        &self,
        first: usize,
        products: &[i32],
        selected: &'b mut [u16; BLOCK_ROWS],
    ) -> &'b [u16] {
        let spreads = &self.segment.sentences.spreads[first..first + products.len()];
        let mut count = 0;
        for (offset, (product, spread)) in (0..).zip(products.iter().zip(spreads)) {
            let cosine = self.query.score(*product);
            let is_plausible = self
                .plausibility
                .is_none_or(|limit| limit.allows(cosine, *spread));
            selected[count] = offset;
            count += usize::from(is_plausible);
        }
        &selected[..count]
    }

    /// Compares the sentences of these rows of a block: all of the block at once if most are wanted.
    fn push_rows(
        &self,
        block: Range<usize>,
        rows: &[(usize, BoundedCandidate)],
        collector: &mut CandidateCollector,
    ) -> usize {
        let sentences = &self.segment.sentences;
        let in_block = sentences.of_rows(block.clone());
        let compare_all = 2 * rows.len() > block.len();
        let mut products = Vec::new();
        let mut compared = 0;
        if compare_all {
            products.resize(in_block.len(), 0);
            dot_products_prefetched(&sentences.codes, self.query, in_block.start, &mut products);
            compared = products.len();
        }
        for (position, (row, candidate)) in rows.iter().enumerate() {
            let own = sentences.of_row(*row);
            let own_products = if compare_all {
                &products[own.start - in_block.start..own.end - in_block.start]
            } else {
                if let Some((ahead, _)) = rows.get(position + PREFETCH_DISTANCE) {
                    prefetch(sentences.parts_of_row(*ahead).0);
                }
                products.resize(own.len(), 0);
                let lines = sentences.codes.code_lines();
                self.query
                    .dot_products_from(lines, own.start, &mut products);
                compared += own.len();
                &products[..]
            };
            let best = best_sentence(self.query, self.segment, own, own_products);
            let bounds = combine_bounds(candidate, best);
            collector.push_bounds(bounds.row, bounds.lower, bounds.upper);
        }
        compared
    }

    #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
    fn row_id(&self, row: usize) -> u32 {
        self.first + row as u32
    }
}
