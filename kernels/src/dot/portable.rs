//! Portable Rust for any processor, and the reference for the others.

use super::{CodeLine, LANES, LINE_BYTES, QueryLine};

/// See [`super::SimdLevel::dot_selected`]; `row` maps `i` to the `i`-th row.
pub(super) fn dot_rows(
    query: &[QueryLine],
    codes: &[CodeLine],
    out: &mut [i32],
    row: impl Fn(usize) -> usize,
) {
    let stride = query.len();
    for (i, out) in out.iter_mut().enumerate() {
        let lines = &codes[row(i) * stride..][..stride];
        *out = lines.iter().zip(query).map(|(l, q)| dot_line(l, q)).sum();
    }
}

fn dot_line(line: &CodeLine, query: &QueryLine) -> i32 {
    let products = line.0.iter().zip(query);
    products.map(|(c, q)| i32::from(*c) * i32::from(*q)).sum()
}

/// See [`super::SimdLevel::dot_x4`].
pub(super) fn dot_rows_x4(
    queries: [&[QueryLine]; 4],
    codes: &[CodeLine],
    first: usize,
    out: [&mut [i32]; 4],
) {
    for (query, out) in queries.into_iter().zip(out) {
        dot_rows(query, codes, out, |i| first + i);
    }
}

/// See [`super::SimdLevel::dot_codes`].
pub(super) fn dot_codes(a: &[[u8; LINE_BYTES]], b: &[[u8; LINE_BYTES]]) -> i32 {
    let bytes = a.as_flattened().iter().zip(b.as_flattened());
    bytes
        .map(|(a, b)| (i32::from(*a) - 128) * (i32::from(*b) - 128))
        .sum()
}

/// Returns the sums of a dot product, lane by lane.
pub(super) fn dot_blocks(a: &[[f32; LANES]], b: &[[f32; LANES]]) -> [f32; LANES] {
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] = a[lane].mul_add(b[lane], sums[lane]);
        }
    }
    sums
}
