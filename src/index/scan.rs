//! Compare the codes of every row, or of every row that is allowed.

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

/// Offers all rows that `admits` lets through; their numbers begin at `first`.
pub(super) fn all(
    codes: &Codes,
    query: &CodedQuery,
    first: u32,
    admits: impl Fn(u32) -> bool + Sync,
    field: Field,
    k: usize,
) -> Field {
    let rows = codes.len();
    let one = |start: usize, field: &mut Field| {
        part(
            codes,
            query,
            start..rows.min(start + TASK),
            first,
            &admits,
            field,
        );
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

/// Offers all rows that `admits` lets through to the field of each of several queries, a few rows at a
/// time: they are fetched from memory once for all of them.
pub(super) fn several(
    codes: &Codes,
    queries: &[CodedQuery],
    first: u32,
    admits: &impl Fn(u32) -> bool,
    fields: &mut [Field],
) {
    let rows = codes.len();
    for start in (0..rows).step_by(SHARED) {
        let range = start..rows.min(start + SHARED);
        for (query, field) in queries.iter().zip(fields.iter_mut()) {
            part(codes, query, range.clone(), first, admits, field);
        }
    }
}

/// Offers the rows of one range.
fn part(
    codes: &Codes,
    query: &CodedQuery,
    range: std::ops::Range<usize>,
    first: u32,
    admits: &impl Fn(u32) -> bool,
    field: &mut Field,
) {
    let (lines, stride) = (codes.lines(), codes.stride());
    let mut products = [0; BLOCK];
    let mut scores = [0.0; BLOCK];
    let mut bounds = [0.0; BLOCK];
    for start in range.clone().step_by(BLOCK) {
        let count = BLOCK.min(range.end - start);
        for (strip, products) in products[..count].chunks_mut(STRIP).enumerate() {
            let first = start + strip * STRIP;
            let next = (first + STRIP) * stride..(first + 2 * STRIP) * stride;
            prefetch(lines.get(next).unwrap_or_default());
            query.products_from(lines, first, products);
        }
        // In loops of their own, so that they become vectors.
        let lost = &codes.lost()[start..][..count];
        for i in 0..count {
            scores[i] = query.score(products[i]);
            bounds[i] = query.bound(lost[i]);
        }
        for i in 0..count {
            if scores[i] + bounds[i] >= field.threshold() {
                #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
                let row = first + (start + i) as u32;
                if admits(row) {
                    field.offer(row, scores[i], bounds[i]);
                }
            }
        }
        if !field.has_threshold() {
            field.weed();
        }
    }
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
