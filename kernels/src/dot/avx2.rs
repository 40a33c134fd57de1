//! AVX2 with FMA. Bytes are widened to 16 bits, since `vpmaddubsw` would saturate.
#![allow(unsafe_code)]
#![allow(clippy::wildcard_imports)] // the intrinsics of one architecture

use std::arch::x86_64::*;

use super::{CodeLine, LANES, LINE_BYTES, QueryLine};

/// Bytes widened in one step.
const STEP_BYTES: usize = 16;

/// Widens sixteen unsigned bytes to 16 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn widen_codes(bytes: &[u8; STEP_BYTES]) -> __m256i {
    // SAFETY: the reference covers the 16 bytes read; the unaligned form is used.
    _mm256_cvtepu8_epi16(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
}

/// Widens sixteen signed bytes to 16 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn widen_query(bytes: &[i8; STEP_BYTES]) -> __m256i {
    // SAFETY: the reference covers the 16 bytes read; the unaligned form is used.
    _mm256_cvtepi8_epi16(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
}

/// Returns the sum of eight lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn horizontal_sum(sum: __m256i) -> i32 {
    let four = _mm_add_epi32(
        _mm256_castsi256_si128(sum),
        _mm256_extracti128_si256::<1>(sum),
    );
    let two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
    _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<1>(two)))
}

/// See [`super::SimdLevel::dot_selected`]; `row` maps `i` to the `i`-th row.
#[target_feature(enable = "avx2,fma")]
pub(super) fn dot_rows(
    query: &[QueryLine],
    codes: &[CodeLine],
    out: &mut [i32],
    row: impl Fn(usize) -> usize,
) {
    let stride = query.len();
    for (i, out) in out.iter_mut().enumerate() {
        let mut sums = [_mm256_setzero_si256(); LINE_BYTES / STEP_BYTES];
        for (line, query) in codes[row(i) * stride..][..stride].iter().zip(query) {
            let steps = line.0.as_chunks::<STEP_BYTES>().0.iter();
            let pairs = steps.zip(query.as_chunks::<STEP_BYTES>().0);
            for (sum, (codes, query)) in sums.iter_mut().zip(pairs) {
                let products = _mm256_madd_epi16(widen_codes(codes), widen_query(query));
                *sum = _mm256_add_epi32(*sum, products);
            }
        }
        let [a, b, c, d] = sums;
        *out = horizontal_sum(_mm256_add_epi32(
            _mm256_add_epi32(a, b),
            _mm256_add_epi32(c, d),
        ));
    }
}

/// See [`super::SimdLevel::dot_x4`].
#[target_feature(enable = "avx2,fma")]
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
#[target_feature(enable = "avx2,fma")]
pub(super) fn dot_codes(a: &[[u8; LINE_BYTES]], b: &[[u8; LINE_BYTES]]) -> i32 {
    let zero_point = _mm256_set1_epi16(128);
    let mut sum = _mm256_setzero_si256();
    let (a, b) = (a.as_flattened(), b.as_flattened());
    for (a, b) in a
        .as_chunks::<STEP_BYTES>()
        .0
        .iter()
        .zip(b.as_chunks::<STEP_BYTES>().0)
    {
        let a = _mm256_sub_epi16(widen_codes(a), zero_point);
        let b = _mm256_sub_epi16(widen_codes(b), zero_point);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
    }
    horizontal_sum(sum)
}

/// Returns the sums of a dot product, lane by lane.
#[target_feature(enable = "avx2,fma")]
pub(super) fn dot_blocks(a: &[[f32; LANES]], b: &[[f32; LANES]]) -> [f32; LANES] {
    let mut sums = [_mm256_setzero_ps(); LANES / 8];
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            // SAFETY: both references cover the 8 numbers read; the unaligned form is used.
            let (a, b) = unsafe { (_mm256_loadu_ps(a.as_ptr()), _mm256_loadu_ps(b.as_ptr())) };
            *sum = _mm256_fmadd_ps(a, b, *sum);
        }
    }
    let mut out = [0.0; LANES];
    for (to, sum) in out.as_chunks_mut::<8>().0.iter_mut().zip(sums) {
        // SAFETY: the reference covers the 8 numbers written; the unaligned form is used.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), sum) };
    }
    out
}
