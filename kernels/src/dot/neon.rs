//! NEON, by widening multiplications. Codes are multiplied as differences from 128, since no instruction
//! here multiplies unsigned bytes by signed ones.
#![allow(unsafe_code)]
#![allow(clippy::wildcard_imports)] // the intrinsics of one architecture

use std::arch::aarch64::*;

use super::{CodeLine, LANES, LINE_BYTES, QueryLine};

/// Registers of a line of bytes.
pub(super) const REGISTERS: usize = LINE_BYTES / 16;

/// A line of signed bytes.
pub(super) type Line = [int8x16_t; REGISTERS];

/// Loads a line of signed bytes.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load_query(line: &QueryLine) -> Line {
    let from = line.as_ptr();
    // SAFETY: the reference covers the 64 bytes read.
    unsafe {
        [
            vld1q_s8(from),
            vld1q_s8(from.add(16)),
            vld1q_s8(from.add(32)),
            vld1q_s8(from.add(48)),
        ]
    }
}

/// Loads a line of codes, less 128.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load_codes(line: &[u8; LINE_BYTES]) -> Line {
    let from = line.as_ptr();
    // SAFETY: the reference covers the 64 bytes read.
    let codes = unsafe {
        [
            vld1q_u8(from),
            vld1q_u8(from.add(16)),
            vld1q_u8(from.add(32)),
            vld1q_u8(from.add(48)),
        ]
    };
    let zero_point = vdupq_n_u8(128);
    [
        vreinterpretq_s8_u8(veorq_u8(codes[0], zero_point)),
        vreinterpretq_s8_u8(veorq_u8(codes[1], zero_point)),
        vreinterpretq_s8_u8(veorq_u8(codes[2], zero_point)),
        vreinterpretq_s8_u8(veorq_u8(codes[3], zero_point)),
    ]
}

/// Returns 128 times the sum of a query, which products with codes less 128 lack.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn zero_point_product(query: &[QueryLine]) -> i32 {
    let mut sum = vdupq_n_s32(0);
    for line in query {
        for bytes in load_query(line) {
            sum = vpadalq_s16(sum, vpaddlq_s8(bytes));
        }
    }
    vaddvq_s32(sum) << 7
}

/// Adds the products of two lines.
#[inline]
#[target_feature(enable = "neon")]
fn add_products(sums: &mut [int32x4_t; 2], a: Line, b: Line) {
    for i in 0..REGISTERS {
        // A product of two bytes fits into 16 bits; pairs of them are added to 32.
        let low = vmull_s8(vget_low_s8(a[i]), vget_low_s8(b[i]));
        sums[0] = vpadalq_s16(sums[0], low);
        sums[1] = vpadalq_s16(sums[1], vmull_high_s8(a[i], b[i]));
    }
}

/// See [`super::SimdLevel::dot_selected`]; `row` maps `i` to the `i`-th row.
#[target_feature(enable = "neon")]
pub(super) fn dot_rows(
    query: &[QueryLine],
    codes: &[CodeLine],
    out: &mut [i32],
    row: impl Fn(usize) -> usize,
) {
    let (stride, zero_point) = (query.len(), zero_point_product(query));
    for (i, out) in out.iter_mut().enumerate() {
        let mut sums = [vdupq_n_s32(0); 2];
        for (line, query) in codes[row(i) * stride..][..stride].iter().zip(query) {
            add_products(&mut sums, load_codes(&line.0), load_query(query));
        }
        *out = vaddvq_s32(vaddq_s32(sums[0], sums[1])) + zero_point;
    }
}

/// See [`super::SimdLevel::dot_x4`].
#[target_feature(enable = "neon")]
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
#[target_feature(enable = "neon")]
pub(super) fn dot_codes(a: &[[u8; LINE_BYTES]], b: &[[u8; LINE_BYTES]]) -> i32 {
    let mut sums = [vdupq_n_s32(0); 2];
    for (a, b) in a.iter().zip(b) {
        add_products(&mut sums, load_codes(a), load_codes(b));
    }
    vaddvq_s32(vaddq_s32(sums[0], sums[1]))
}

/// Returns the sums of a dot product, lane by lane.
#[target_feature(enable = "neon")]
pub(super) fn dot_blocks(a: &[[f32; LANES]], b: &[[f32; LANES]]) -> [f32; LANES] {
    let mut sums = [vdupq_n_f32(0.0); LANES / 4];
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a.as_chunks::<4>().0, b.as_chunks::<4>().0);
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            // SAFETY: both references cover the 4 numbers read.
            let (a, b) = unsafe { (vld1q_f32(a.as_ptr()), vld1q_f32(b.as_ptr())) };
            *sum = vfmaq_f32(*sum, a, b);
        }
    }
    let mut out = [0.0; LANES];
    for (to, sum) in out.as_chunks_mut::<4>().0.iter_mut().zip(sums) {
        // SAFETY: the reference covers the 4 numbers written.
        unsafe { vst1q_f32(to.as_mut_ptr(), sum) };
    }
    out
}
