//! AVX-512 with VNNI: four rows at a time, one line per register.
#![allow(unsafe_code)]
#![allow(clippy::wildcard_imports)] // the intrinsics of one architecture

use std::arch::x86_64::*;

use super::{CodeLine, LANES, LINE_BYTES, QueryLine};

/// Loads a line into a register.
#[inline]
#[target_feature(enable = "avx512f")]
fn load<T>(line: &[T; LINE_BYTES]) -> __m512i {
    const { assert!(size_of::<T>() == 1) };
    // SAFETY: the reference covers the 64 bytes read; the unaligned form is used.
    unsafe { _mm512_loadu_si512(line.as_ptr().cast()) }
}

/// See [`super::SimdLevel::dot_selected`]; `row` maps `i` to the `i`-th row.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn dot_rows(
    query: &[QueryLine],
    codes: &[CodeLine],
    out: &mut [i32],
    row: impl Fn(usize) -> usize,
) {
    let stride = query.len();
    let lines = |i: usize| &codes[row(i) * stride..][..stride];
    let (fours, rest) = out.as_chunks_mut::<4>();
    let done = fours.len() * 4;
    for (group, out) in fours.iter_mut().enumerate() {
        let rows: [&[CodeLine]; 4] = std::array::from_fn(|i| lines(group * 4 + i));
        let mut sums = [_mm512_setzero_si512(); 4];
        for (at, query) in query.iter().enumerate() {
            let query = load(query);
            for (sum, row) in sums.iter_mut().zip(rows) {
                *sum = _mm512_dpbusd_epi32(*sum, load(&row[at].0), query);
            }
        }
        *out = horizontal_sums(sums);
    }
    for (i, out) in rest.iter_mut().enumerate() {
        let mut sum = _mm512_setzero_si512();
        for (line, query) in lines(done + i).iter().zip(query) {
            sum = _mm512_dpbusd_epi32(sum, load(&line.0), load(query));
        }
        *out = _mm512_reduce_add_epi32(sum);
    }
}

/// See [`super::SimdLevel::dot_x4`]: sixteen sums at a time, so that every line is loaded once for four
/// dot products.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn dot_rows_x4(
    queries: [&[QueryLine]; 4],
    codes: &[CodeLine],
    first: usize,
    out: [&mut [i32]; 4],
) {
    let stride = queries[0].len();
    let queries = queries.map(|query| &query[..stride]);
    let count = out[0].len();
    let mut out = out.map(|out| &mut out[..count]);
    let done = count - count % 4;
    for at in (0..done).step_by(4) {
        let rows = &codes[(first + at) * stride..][..4 * stride];
        let mut sums = [[_mm512_setzero_si512(); 4]; 4];
        for line in 0..stride {
            let rows = [
                load(&rows[line].0),
                load(&rows[stride + line].0),
                load(&rows[2 * stride + line].0),
                load(&rows[3 * stride + line].0),
            ];
            for (sums, query) in sums.iter_mut().zip(queries) {
                let query = load(&query[line]);
                for (sum, row) in sums.iter_mut().zip(rows) {
                    *sum = _mm512_dpbusd_epi32(*sum, row, query);
                }
            }
        }
        for (out, sums) in out.iter_mut().zip(sums) {
            out[at..at + 4].copy_from_slice(&horizontal_sums(sums));
        }
    }
    for (out, query) in out.iter_mut().zip(queries) {
        dot_rows(query, codes, &mut out[done..], |i| first + done + i);
    }
}

/// Returns the sum of the lanes of each of four registers.
#[inline]
#[target_feature(enable = "avx512f")]
fn horizontal_sums([a, b, c, d]: [__m512i; 4]) -> [i32; 4] {
    let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    // Every 128-bit lane now contains partial sums of [a, b, c, d].
    let all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    let halves = _mm256_add_epi32(
        _mm512_castsi512_si256(all),
        _mm512_extracti64x4_epi64::<1>(all),
    );
    let sum = _mm_add_epi32(
        _mm256_castsi256_si128(halves),
        _mm256_extracti128_si256::<1>(halves),
    );
    let mut out = [0; 4];
    // SAFETY: the array holds the 16 bytes written; the unaligned form is used.
    unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), sum) };
    out
}

/// See [`super::SimdLevel::dot_codes`]: `a * (b - 128)` minus `128 * (b - 128)`.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn dot_codes(a: &[[u8; LINE_BYTES]], b: &[[u8; LINE_BYTES]]) -> i32 {
    let zero_point = _mm512_set1_epi8(i8::MIN);
    let (mut sum, mut excess) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    for (a, b) in a.iter().zip(b) {
        let b = _mm512_xor_si512(load(b), zero_point);
        sum = _mm512_dpbusd_epi32(sum, load(a), b);
        excess = _mm512_dpbusd_epi32(excess, zero_point, b);
    }
    _mm512_reduce_add_epi32(_mm512_sub_epi32(sum, excess))
}

/// Returns the sums of a dot product, lane by lane.
#[target_feature(enable = "avx512f")]
pub(super) fn dot_blocks(a: &[[f32; LANES]], b: &[[f32; LANES]]) -> [f32; LANES] {
    let mut sums = [_mm512_setzero_ps(); LANES / 16];
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a.as_chunks::<16>().0, b.as_chunks::<16>().0);
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            // SAFETY: both references cover the 16 numbers read; the unaligned form is used.
            let (a, b) = unsafe { (_mm512_loadu_ps(a.as_ptr()), _mm512_loadu_ps(b.as_ptr())) };
            *sum = _mm512_fmadd_ps(a, b, *sum);
        }
    }
    let mut out = [0.0; LANES];
    for (to, sum) in out.as_chunks_mut::<16>().0.iter_mut().zip(sums) {
        // SAFETY: the reference covers the 16 numbers written; the unaligned form is used.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), sum) };
    }
    out
}
