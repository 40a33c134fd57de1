//! Compare the codes of every row, or of every row that is allowed.

use std::ops::Range;

use rayon::prelude::*;

use super::candidates::CandidateCollector;
use super::kernels::prefetch;
use super::scalar_quantization::{QuantizedQuery, QuantizedVectors};

/// Rows whose products are computed together.
const BLOCK_ROWS: usize = 512;

/// Rows that are asked for while as many before them are computed: the processor's own guess of what
/// comes next does not keep up with four rows at a time.
const STRIP_ROWS: usize = 16;

/// Rows that one task compares: enough work to be worth handing to another thread.
const TASK_ROWS: usize = 16_384;

/// Rows that several queries meet one after the other, while they are in the processor's cache: 400 kB
/// of 384 coordinates.
const CACHE_BLOCK_ROWS: usize = 1024;

/// Rows that are compared one after the other.
pub(super) struct CodeScan<'a, N, A> {
    pub(super) codes: &'a QuantizedVectors,
    /// The number by which fields know a row of the codes.
    pub(super) row_id: N,
    /// Whether the row of a number may be found.
    pub(super) matches: A,
}

impl<N: Fn(usize) -> u32 + Sync, A: Fn(u32) -> bool + Sync> CodeScan<'_, N, A> {
    /// Offers all rows to a field for the `k` best, on the threads of the current pool.
    pub(super) fn scan_all(
        &self,
        query: &QuantizedQuery,
        field: CandidateCollector,
        k: usize,
    ) -> CandidateCollector {
        let rows = self.codes.len();
        let scan_task = |start: usize, field: &mut CandidateCollector| {
            self.scan_range(query, start..rows.min(start + TASK_ROWS), field);
        };
        let starts: Vec<usize> = (0..rows).step_by(TASK_ROWS).collect();
        if starts.len() <= 1 || rayon::current_num_threads() == 1 {
            let mut field = field;
            for start in starts {
                scan_task(start, &mut field);
            }
            return field;
        }
        starts
            .into_par_iter()
            .map(|start| {
                let mut part = CandidateCollector::new(k);
                scan_task(start, &mut part);
                part
            })
            .reduce(|| CandidateCollector::new(k), CandidateCollector::merge)
            .merge(field)
    }

    /// Offers all rows to the field of each of several queries, a few rows at a time: they are fetched
    /// from memory once for all of them.
    pub(super) fn scan_batch(
        &self,
        queries: &[&QuantizedQuery],
        fields: &mut [&mut CandidateCollector],
    ) {
        let rows = self.codes.len();
        for start in (0..rows).step_by(CACHE_BLOCK_ROWS) {
            let range = start..rows.min(start + CACHE_BLOCK_ROWS);
            let (fours, rest) = queries.as_chunks::<4>();
            let (of_fours, of_rest) = fields.split_at_mut(fours.len() * 4);
            for (queries, fields) in fours.iter().zip(of_fours.as_chunks_mut::<4>().0) {
                self.scan_range_x4(queries, range.clone(), fields);
            }
            for (query, field) in rest.iter().zip(of_rest) {
                self.scan_range(query, range.clone(), field);
            }
        }
    }

    /// Offers the rows of one range to four fields.
    fn scan_range_x4(
        &self,
        queries: &[&QuantizedQuery; 4],
        range: Range<usize>,
        fields: &mut [&mut CandidateCollector; 4],
    ) {
        let mut products = [[0; BLOCK_ROWS]; 4];
        for start in range.clone().step_by(BLOCK_ROWS) {
            let count = BLOCK_ROWS.min(range.end - start);
            let out = products.each_mut().map(|products| &mut products[..count]);
            QuantizedQuery::dot_products_x4(*queries, self.codes.code_lines(), start, out);
            for ((query, products), field) in queries.iter().zip(&products).zip(fields.iter_mut()) {
                self.push_block(query, start, &products[..count], field);
            }
        }
    }

    /// Offers the rows of one range.
    fn scan_range(
        &self,
        query: &QuantizedQuery,
        range: Range<usize>,
        field: &mut CandidateCollector,
    ) {
        let (lines, stride) = (self.codes.code_lines(), self.codes.stride());
        let mut products = [0; BLOCK_ROWS];
        for start in range.clone().step_by(BLOCK_ROWS) {
            let count = BLOCK_ROWS.min(range.end - start);
            for (strip, products) in products[..count].chunks_mut(STRIP_ROWS).enumerate() {
                let first = start + strip * STRIP_ROWS;
                let next = (first + STRIP_ROWS) * stride..(first + 2 * STRIP_ROWS) * stride;
                prefetch(lines.get(next).unwrap_or_default());
                query.dot_products_from(lines, first, products);
            }
            self.push_block(query, start, &products[..count], field);
        }
    }

    /// Offers the rows from `start` on by their products. Most are far below what a field wants: a look
    /// at the whole numbers passes over them.
    fn push_block(
        &self,
        query: &QuantizedQuery,
        start: usize,
        products: &[i32],
        field: &mut CandidateCollector,
    ) {
        let lost = &self.codes.quantization_errors()[start..][..products.len()];
        let max_error_bound = query.error_bound(max_of(lost));
        let mut min_product = query.min_product_for_score(field.threshold() - max_error_bound);
        for (strip, products) in products.chunks(STRIP_ROWS).enumerate() {
            // Counted to the end and in the same bits: so that it becomes vectors.
            let above_threshold = products
                .iter()
                .map(|product| i32::from(*product >= min_product));
            if above_threshold.sum::<i32>() == 0 {
                continue;
            }
            for (i, product) in (strip * STRIP_ROWS..).zip(products) {
                let (score, bound) = (query.score(*product), query.error_bound(lost[i]));
                if score + bound >= field.threshold() {
                    let number = (self.row_id)(start + i);
                    if (self.matches)(number) {
                        field.push(number, score, bound);
                    }
                }
            }
            min_product = query.min_product_for_score(field.threshold() - max_error_bound);
        }
        if !field.has_threshold() {
            field.prune();
        }
    }
}

/// The greatest of some numbers that are not negative, in lanes, so that it becomes vectors.
fn max_of(numbers: &[f32]) -> f32 {
    let (lanes, rest) = numbers.as_chunks::<STRIP_ROWS>();
    let mut lane_max = [0.0_f32; STRIP_ROWS];
    for lane in lanes {
        for (most, number) in lane_max.iter_mut().zip(lane) {
            *most = if number > most { *number } else { *most };
        }
    }
    lane_max.iter().chain(rest).fold(0.0, |a, b| a.max(*b))
}

/// Offers these rows, in a field's numbers: the first row of the codes is `first`. Gives how many
/// they were.
pub(super) fn scan_rows(
    codes: &QuantizedVectors,
    query: &QuantizedQuery,
    first: u32,
    mut rows: impl Iterator<Item = u32>,
    field: &mut CandidateCollector,
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
            field.push(first + *row, query.score(*product), bound);
        }
        if !field.has_threshold() {
            field.prune();
        }
    }
}
