//! NEON with the `dotprod` extension: four rows at a time, so that sums do not wait for each other.
#![allow(unsafe_code)]
#![allow(clippy::wildcard_imports)] // the intrinsics of one architecture

use std::arch::{aarch64::*, asm};

use super::{
    CodeLine, LANES, LINE_BYTES, QueryLine,
    neon::{self, Line, REGISTERS, load_codes, load_query, zero_point_product},
};

/// Adds to each lane the dot product of four bytes.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn sdot(sum: &mut int32x4_t, a: int8x16_t, b: int8x16_t) {
    // SAFETY: the processor has the instruction by the target feature; it only changes `sum`.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {a:v}.16b, {b:v}.16b",
            sum = inout(vreg) *sum, a = in(vreg) a, b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
}

/// Adds the products of two lines.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn add_products(sum: &mut int32x4_t, a: Line, b: Line) {
    for i in 0..REGISTERS {
        sdot(sum, a[i], b[i]);
    }
}

/// See [`super::SimdLevel::dot_selected`]; `row` maps `i` to the `i`-th row.
#[target_feature(enable = "neon,dotprod")]
pub(super) fn dot_rows(
    query: &[QueryLine],
    codes: &[CodeLine],
    out: &mut [i32],
    row: impl Fn(usize) -> usize,
) {
    let (stride, zero_point) = (query.len(), zero_point_product(query));
    let lines = |i: usize| &codes[row(i) * stride..][..stride];
    let (fours, rest) = out.as_chunks_mut::<4>();
    let done = fours.len() * 4;
    for (group, out) in fours.iter_mut().enumerate() {
        let rows: [&[CodeLine]; 4] = std::array::from_fn(|i| lines(group * 4 + i));
        let mut sums = [vdupq_n_s32(0); 4];
        for (at, query) in query.iter().enumerate() {
            let query = load_query(query);
            for (sum, row) in sums.iter_mut().zip(rows) {
                add_products(sum, load_codes(&row[at].0), query);
            }
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = vaddvq_s32(sum) + zero_point;
        }
    }
    for (i, out) in rest.iter_mut().enumerate() {
        let mut sum = vdupq_n_s32(0);
        for (line, query) in lines(done + i).iter().zip(query) {
            add_products(&mut sum, load_codes(&line.0), load_query(query));
        }
        *out = vaddvq_s32(sum) + zero_point;
    }
}

/// See [`super::SimdLevel::dot_x4`]: every line is loaded once for four dot products.
#[target_feature(enable = "neon,dotprod")]
pub(super) fn dot_rows_x4(
    queries: [&[QueryLine]; 4],
    codes: &[CodeLine],
    first: usize,
    out: [&mut [i32]; 4],
) {
    let stride = queries[0].len();
    let queries = queries.map(|query| &query[..stride]);
    let mut zero_points = [0; 4];
    for (to, query) in zero_points.iter_mut().zip(queries) {
        *to = zero_point_product(query);
    }
    let count = out[0].len();
    let out = out.map(|out| &mut out[..count]);
    for at in 0..count {
        let row = &codes[(first + at) * stride..][..stride];
        let mut sums = [vdupq_n_s32(0); 4];
        for (line, codes) in row.iter().enumerate() {
            let codes = load_codes(&codes.0);
            for (sum, query) in sums.iter_mut().zip(queries) {
                add_products(sum, codes, load_query(&query[line]));
            }
        }
        for i in 0..4 {
            out[i][at] = vaddvq_s32(sums[i]) + zero_points[i];
        }
    }
}

/// See [`super::SimdLevel::dot_codes`].
#[target_feature(enable = "neon,dotprod")]
pub(super) fn dot_codes(a: &[[u8; LINE_BYTES]], b: &[[u8; LINE_BYTES]]) -> i32 {
    let mut sum = vdupq_n_s32(0);
    for (a, b) in a.iter().zip(b) {
        add_products(&mut sum, load_codes(a), load_codes(b));
    }
    vaddvq_s32(sum)
}

/// Returns the sums of a dot product, lane by lane.
#[target_feature(enable = "neon,dotprod")]
pub(super) fn dot_blocks(a: &[[f32; LANES]], b: &[[f32; LANES]]) -> [f32; LANES] {
    neon::dot_blocks(a, b)
}
