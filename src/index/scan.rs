//! Compare the codes of every row, or of every row that is allowed.

use std::ops::Range;

use rayon::prelude::*;

use super::codes::{CodedQuery, Codes};
use super::field::Field;
use super::kernels::prefetch;

/// Rows whose products are computed together.
const BLOCK: usize = 512;

/// Rows that are asked for while as many before them are computed: the processor's own guess of what
/// comes next does not keep up with four rows at a time.
const STRIP: usize = 16;

/// Rows that one task compares: enough work to be worth handing to another thread.
const TASK: usize = 16_384;

/// Rows that several queries meet one after the other, while they are in the processor's cache: 400 kB
/// of 384 coordinates.
const SHARED: usize = 1024;

/// Rows that are compared one after the other.
pub(super) struct Scan<'a, N, A> {
    pub(super) codes: &'a Codes,
    /// The number by which fields know a row of the codes.
    pub(super) number_of: N,
    /// Whether the row of a number may be found.
    pub(super) admits: A,
}

impl<N: Fn(usize) -> u32 + Sync, A: Fn(u32) -> bool + Sync> Scan<'_, N, A> {
    /// Offers all rows to a field for the `k` best, on the threads of the current pool.
    pub(super) fn all(&self, query: &CodedQuery, field: Field, k: usize) -> Field {
        let rows = self.codes.len();
        let one = |start: usize, field: &mut Field| {
            self.part(query, start..rows.min(start + TASK), field);
        };
        let starts: Vec<usize> = (0..rows).step_by(TASK).collect();
        if starts.len() <= 1 || rayon::current_num_threads() == 1 {
            let mut field = field;
            for start in starts {
                one(start, &mut field);
            }
            return field;
        }
        starts
            .into_par_iter()
            .map(|start| {
                let mut part = Field::new(k);
                one(start, &mut part);
                part
            })
            .reduce(|| Field::new(k), Field::join)
            .join(field)
    }

    /// Offers all rows to the field of each of several queries, a few rows at a time: they are fetched
    /// from memory once for all of them.
    pub(super) fn several(&self, queries: &[&CodedQuery], fields: &mut [&mut Field]) {
        let rows = self.codes.len();
        for start in (0..rows).step_by(SHARED) {
            let range = start..rows.min(start + SHARED);
            let (fours, rest) = queries.as_chunks::<4>();
            let (of_fours, of_rest) = fields.split_at_mut(fours.len() * 4);
            for (queries, fields) in fours.iter().zip(of_fours.as_chunks_mut::<4>().0) {
                self.part_of_four(queries, range.clone(), fields);
            }
            for (query, field) in rest.iter().zip(of_rest) {
                self.part(query, range.clone(), field);
            }
        }
    }

    /// Offers the rows of one range to four fields.
    fn part_of_four(
        &self,
        queries: &[&CodedQuery; 4],
        range: Range<usize>,
        fields: &mut [&mut Field; 4],
    ) {
        let mut products = [[0; BLOCK]; 4];
        for start in range.clone().step_by(BLOCK) {
            let count = BLOCK.min(range.end - start);
            let out = products.each_mut().map(|products| &mut products[..count]);
            CodedQuery::products_of_four(*queries, self.codes.lines(), start, out);
            for ((query, products), field) in queries.iter().zip(&products).zip(fields.iter_mut()) {
                self.offer(query, start, &products[..count], field);
            }
        }
    }

    /// Offers the rows of one range.
    fn part(&self, query: &CodedQuery, range: Range<usize>, field: &mut Field) {
        let (lines, stride) = (self.codes.lines(), self.codes.stride());
        let mut products = [0; BLOCK];
        for start in range.clone().step_by(BLOCK) {
            let count = BLOCK.min(range.end - start);
            for (strip, products) in products[..count].chunks_mut(STRIP).enumerate() {
                let first = start + strip * STRIP;
                let next = (first + STRIP) * stride..(first + 2 * STRIP) * stride;
                prefetch(lines.get(next).unwrap_or_default());
                query.products_from(lines, first, products);
            }
            self.offer(query, start, &products[..count], field);
        }
    }

    /// Offers the rows from `start` on by their products. Most are far below what a field wants: a look
    /// at the whole numbers passes over them.
    fn offer(&self, query: &CodedQuery, start: usize, products: &[i32], field: &mut Field) {
        let lost = &self.codes.lost()[start..][..products.len()];
        let most = query.bound(most_of(lost));
        let mut least = query.product_for(field.threshold() - most);
        for (strip, products) in products.chunks(STRIP).enumerate() {
            // Counted to the end and in the same bits: so that it becomes vectors.
            let reach = products.iter().map(|product| i32::from(*product >= least));
            if reach.sum::<i32>() == 0 {
                continue;
            }
            for (i, product) in (strip * STRIP..).zip(products) {
                let (score, bound) = (query.score(*product), query.bound(lost[i]));
                if score + bound >= field.threshold() {
                    let number = (self.number_of)(start + i);
                    if (self.admits)(number) {
                        field.offer(number, score, bound);
                    }
                }
            }
            least = query.product_for(field.threshold() - most);
        }
        if !field.has_threshold() {
            field.weed();
        }
    }
}

/// The greatest of some numbers that are not negative, in lanes, so that it becomes vectors.
fn most_of(numbers: &[f32]) -> f32 {
    let (lanes, rest) = numbers.as_chunks::<STRIP>();
    let mut most = [0.0_f32; STRIP];
    for lane in lanes {
        for (most, number) in most.iter_mut().zip(lane) {
            *most = if number > most { *number } else { *most };
        }
    }
    most.iter().chain(rest).fold(0.0, |a, b| a.max(*b))
}

/// Offers these rows, in a field's numbers: the first row of the codes is `first`. Gives how many
/// they were.
pub(super) fn some(
    codes: &Codes,
    query: &CodedQuery,
    first: u32,
    mut rows: impl Iterator<Item = u32>,
    field: &mut Field,
) -> usize {
    let mut block = Vec::with_capacity(BLOCK);
    let mut products = [0; BLOCK];
    let mut count = 0;
    loop {
        block.clear();
        block.extend(rows.by_ref().take(BLOCK).map(|row| row - first));
        if block.is_empty() {
            return count;
        }
        count += block.len();
        let products = &mut products[..block.len()];
        query.products(codes.lines(), &block, products);
        for (row, product) in block.iter().zip(products) {
            let bound = query.bound(codes.lost()[*row as usize]);
            field.offer(first + *row, query.score(*product), bound);
        }
        if !field.has_threshold() {
            field.weed();
        }
    }
}
