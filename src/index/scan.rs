//! Scans: dot products of a query with the codes of all rows, or of the allowed ones.

use std::ops::Range;

use antiphon_kernels::dot::prefetch;
use rayon::prelude::*;

use super::candidates::CandidateCollector;
use super::scalar_quantization::{QuantizedQuery, QuantizedVectors};

/// Rows per call of the kernels, and size of the buffer for their dot products.
pub(super) const BLOCK_ROWS: usize = 512;

/// Rows that are prefetched while the same number before them is computed: the hardware prefetcher
/// does not keep up with four rows at a time.
const STRIP_ROWS: usize = 16;

/// Rows per task: enough work to be worth another thread.
const TASK_ROWS: usize = 16_384;

/// Rows that several queries scan in turn while they are in the processor's cache: 400 kB with 384
/// dimensions.
const CACHE_BLOCK_ROWS: usize = 1024;

/// A scan over contiguous codes.
pub(super) struct CodeScan<'a, N, A> {
    pub(super) codes: &'a QuantizedVectors,
    /// Maps an index into the codes to the row id that collectors receive.
    pub(super) row_id: N,
    /// Whether the row with this id may be returned.
    pub(super) matches: A,
}

impl<N: Fn(usize) -> u32 + Sync, A: Fn(u32) -> bool + Sync> CodeScan<'_, N, A> {
    /// Pushes all rows into a collector for the `k` best, on the threads of the current pool.
    pub(super) fn scan_all(
        &self,
        query: &QuantizedQuery,
        collector: CandidateCollector,
        k: usize,
    ) -> CandidateCollector {
        let rows = self.codes.len();
        let scan_task = |start: usize, collector: &mut CandidateCollector| {
            self.scan_range(query, start..rows.min(start + TASK_ROWS), collector);
        };
        let starts: Vec<usize> = (0..rows).step_by(TASK_ROWS).collect();
        if starts.len() <= 1 || rayon::current_num_threads() == 1 {
            let mut collector = collector;
            for start in starts {
                scan_task(start, &mut collector);
            }
            return collector;
        }
        starts
            .into_par_iter()
            .map(|start| {
                let mut partial = CandidateCollector::new(k);
                scan_task(start, &mut partial);
                partial
            })
            .reduce(|| CandidateCollector::new(k), CandidateCollector::merge)
            .merge(collector)
    }

    /// Pushes all rows into the collectors of several queries, block by block, so that each row is
    /// fetched from memory once for all queries.
    pub(super) fn scan_batch(
        &self,
        queries: &[&QuantizedQuery],
        collectors: &mut [&mut CandidateCollector],
    ) {
        let rows = self.codes.len();
        for start in (0..rows).step_by(CACHE_BLOCK_ROWS) {
            let range = start..rows.min(start + CACHE_BLOCK_ROWS);
            let (fours, rest) = queries.as_chunks::<4>();
            let (in_fours, others) = collectors.split_at_mut(fours.len() * 4);
            for (queries, collectors) in fours.iter().zip(in_fours.as_chunks_mut::<4>().0) {
                self.scan_range_x4(queries, range.clone(), collectors);
            }
            for (query, collector) in rest.iter().zip(others) {
                self.scan_range(query, range.clone(), collector);
            }
        }
    }

    /// Pushes the rows of a range into the collectors of four queries.
    fn scan_range_x4(
        &self,
        queries: &[&QuantizedQuery; 4],
        range: Range<usize>,
        collectors: &mut [&mut CandidateCollector; 4],
    ) {
        let mut products = [[0; BLOCK_ROWS]; 4];
        for start in range.clone().step_by(BLOCK_ROWS) {
            let count = BLOCK_ROWS.min(range.end - start);
            let out = products.each_mut().map(|products| &mut products[..count]);
            QuantizedQuery::dot_products_x4(*queries, self.codes.code_lines(), start, out);
            for ((query, products), collector) in
                queries.iter().zip(&products).zip(collectors.iter_mut())
            {
                self.push_block(query, start, &products[..count], collector);
            }
        }
    }

    /// Pushes the rows of a range.
    fn scan_range(
        &self,
        query: &QuantizedQuery,
        range: Range<usize>,
        collector: &mut CandidateCollector,
    ) {
        let mut products = [0; BLOCK_ROWS];
        for start in range.clone().step_by(BLOCK_ROWS) {
            let count = BLOCK_ROWS.min(range.end - start);
            dot_products_prefetched(self.codes, query, start, &mut products[..count]);
            self.push_block(query, start, &products[..count], collector);
        }
    }

    /// Pushes the rows from `start` on by their dot products. Most are far below the threshold and are
    /// skipped by comparing integers, without computing scores.
    fn push_block(
        &self,
        query: &QuantizedQuery,
        start: usize,
        products: &[i32],
        collector: &mut CandidateCollector,
    ) {
        let errors = &self.codes.quantization_errors()[start..][..products.len()];
        let max_error_bound = query.error_bound(max_of(errors));
        let mut min_product = query.min_product_for_score(collector.threshold() - max_error_bound);
        for (strip, products) in products.chunks(STRIP_ROWS).enumerate() {
            // Counts without an early exit and in 32 bits, so that it is vectorized.
            let above_threshold = products
                .iter()
                .map(|product| i32::from(*product >= min_product));
            if above_threshold.sum::<i32>() == 0 {
                continue;
            }
            for (i, product) in (strip * STRIP_ROWS..).zip(products) {
                let (score, bound) = (query.score(*product), query.error_bound(errors[i]));
                if score + bound >= collector.threshold() {
                    let row = (self.row_id)(start + i);
                    if (self.matches)(row) {
                        collector.push(row, score, bound);
                    }
                }
            }
            min_product = query.min_product_for_score(collector.threshold() - max_error_bound);
        }
        if !collector.has_threshold() {
            collector.prune();
        }
    }
}

/// Computes the dot products with `out.len()` rows from `start` on, a strip at a time while the next one
/// is prefetched.
pub(super) fn dot_products_prefetched(
    codes: &QuantizedVectors,
    query: &QuantizedQuery,
    start: usize,
    out: &mut [i32],
) {
    let (lines, stride) = (codes.code_lines(), codes.stride());
    for (strip, products) in out.chunks_mut(STRIP_ROWS).enumerate() {
        let first = start + strip * STRIP_ROWS;
        let next = (first + STRIP_ROWS) * stride..(first + 2 * STRIP_ROWS) * stride;
        prefetch(lines.get(next).unwrap_or_default());
        query.dot_products_from(lines, first, products);
    }
}

/// Returns the maximum of non-negative values, computed in lanes, so that it is vectorized.
fn max_of(values: &[f32]) -> f32 {
    let (lanes, rest) = values.as_chunks::<STRIP_ROWS>();
    let mut lane_max = [0.0_f32; STRIP_ROWS];
    for lane in lanes {
        for (max, value) in lane_max.iter_mut().zip(lane) {
            *max = if value > max { *value } else { *max };
        }
    }
    lane_max.iter().chain(rest).fold(0.0, |a, b| a.max(*b))
}

/// Pushes the given rows and returns their count. Row ids are those of the whole index; that of the
/// first row of the codes is `first`.
pub(super) fn scan_rows(
    codes: &QuantizedVectors,
    query: &QuantizedQuery,
    first: u32,
    mut rows: impl Iterator<Item = u32>,
    collector: &mut CandidateCollector,
) -> usize {
    let mut block = Vec::with_capacity(BLOCK_ROWS);
    let mut products = [0; BLOCK_ROWS];
    let mut count = 0;
    loop {
        block.clear();
        block.extend(rows.by_ref().take(BLOCK_ROWS).map(|row| row - first));
        if block.is_empty() {
            return count;
        }
        count += block.len();
        let products = &mut products[..block.len()];
        query.dot_products(codes.code_lines(), &block, products);
        for (row, product) in block.iter().zip(products) {
            let bound = query.error_bound(codes.quantization_errors()[*row as usize]);
            collector.push(first + *row, query.score(*product), bound);
        }
        if !collector.has_threshold() {
            collector.prune();
        }
    }
}
