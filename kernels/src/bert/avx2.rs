//! The tokens for AVX2 with FMA, with and without VNNI: a vector is a pair of 256-bit registers.
#![allow(unsafe_code)]
#![allow(clippy::wildcard_imports)] // the intrinsics of one architecture

use std::arch::x86_64::*;

use super::{
    gemm_int8::{dot_product_tile, lane_sums},
    layout::{Int8TileInput, Int8TileOutput, K4Groups, PanelBlock},
    simd::{DotProduct, Kernel, LANES, Simd},
    tiling::RegisterTile,
};
use crate::cpu_features::CpuFeatures;

/// Proof that the processor has AVX2 and FMA.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2(());

/// Proof that the processor has AVX2, FMA and AVX-VNNI.
#[derive(Clone, Copy, Debug)]
pub(super) struct AvxVnni(());

impl Avx2 {
    /// Returns the token if processor and operating system support it.
    pub(super) fn detect() -> Option<Self> {
        CpuFeatures::detected().avx2.then_some(Self(()))
    }
}

impl AvxVnni {
    /// Returns the token if processor and operating system support it.
    pub(super) fn detect() -> Option<Self> {
        CpuFeatures::detected().avx_vnni.then_some(Self(()))
    }
}

/// Calls an intrinsic on behalf of a token.
macro_rules! intrinsic {
    ($call:expr) => {
        // SAFETY: the token `self` is only created by `detect`, so the processor has the
        // instruction; pointers come from references to arrays of exactly the size read or
        // written (halves begin at lane 0 and lane 8), and the unaligned forms are used.
        unsafe { $call }
    };
}

/// Implements `run` for a token.
macro_rules! run {
    ($token:ty, $features:literal) => {
        impl $token {
            /// Compiles and runs `kernel` with these instructions enabled.
            pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Out {
                #[target_feature(enable = $features)]
                fn enabled<K: Kernel>(simd: $token, kernel: K) -> K::Out {
                    kernel.run(simd)
                }
                intrinsic!(enabled(self, kernel))
            }
        }
    };
}

run!(Avx2, "avx2,fma");
run!(AvxVnni, "avx2,fma,avxvnni");

/// Reduces the sixteen lanes of a vector by halves, in the order of [`Simd::reduce`].
macro_rules! fold {
    ($a:expr, $join:ident, $join_lane:ident) => {
        intrinsic!({
            let eight = $join($a[0], $a[1]);
            let low = _mm256_castps256_ps128(eight);
            let four = $join_lane(low, _mm256_extractf128_ps::<1>(eight));
            let two = $join_lane(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32($join_lane(two, _mm_shuffle_ps::<1>(two, two)))
        })
    };
}

/// The methods that both tokens share: all of [`Simd`] that does not depend on the dot product.
macro_rules! common {
    () => {
        #[inline(always)]
        fn splat(self, value: f32) -> Self::F {
            intrinsic!([_mm256_set1_ps(value); 2])
        }
        #[inline(always)]
        fn load(self, from: &[f32; LANES]) -> Self::F {
            let from = from.as_ptr();
            intrinsic!([_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))])
        }
        #[inline(always)]
        fn store(self, to: &mut [f32; LANES], value: Self::F) {
            let to = to.as_mut_ptr();
            intrinsic!({
                _mm256_storeu_ps(to, value[0]);
                _mm256_storeu_ps(to.add(8), value[1]);
            });
        }
        #[inline(always)]
        fn add(self, a: Self::F, b: Self::F) -> Self::F {
            intrinsic!([_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])])
        }
        #[inline(always)]
        fn sub(self, a: Self::F, b: Self::F) -> Self::F {
            intrinsic!([_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])])
        }
        #[inline(always)]
        fn mul(self, a: Self::F, b: Self::F) -> Self::F {
            intrinsic!([_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])])
        }
        #[inline(always)]
        fn div(self, a: Self::F, b: Self::F) -> Self::F {
            intrinsic!([_mm256_div_ps(a[0], b[0]), _mm256_div_ps(a[1], b[1])])
        }
        #[inline(always)]
        fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
            intrinsic!([
                _mm256_fmadd_ps(a[0], b[0], c[0]),
                _mm256_fmadd_ps(a[1], b[1], c[1])
            ])
        }
        #[inline(always)]
        fn min(self, a: Self::F, b: Self::F) -> Self::F {
            intrinsic!([_mm256_min_ps(a[0], b[0]), _mm256_min_ps(a[1], b[1])])
        }
        #[inline(always)]
        fn max(self, a: Self::F, b: Self::F) -> Self::F {
            intrinsic!([_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])])
        }

        #[inline(always)]
        fn splat_int(self, value: i32) -> Self::I {
            intrinsic!([_mm256_set1_epi32(value); 2])
        }
        #[inline(always)]
        fn load_int(self, from: &[i32; LANES]) -> Self::I {
            let from = from.as_ptr();
            intrinsic!([
                _mm256_loadu_si256(from.cast()),
                _mm256_loadu_si256(from.add(8).cast())
            ])
        }
        #[inline(always)]
        fn store_int(self, to: &mut [i32; LANES], value: Self::I) {
            let to = to.as_mut_ptr();
            intrinsic!({
                _mm256_storeu_si256(to.cast(), value[0]);
                _mm256_storeu_si256(to.add(8).cast(), value[1]);
            });
        }
        #[inline(always)]
        fn add_int(self, a: Self::I, b: Self::I) -> Self::I {
            intrinsic!([_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])])
        }
        #[inline(always)]
        fn and_int(self, a: Self::I, b: Self::I) -> Self::I {
            intrinsic!([_mm256_and_si256(a[0], b[0]), _mm256_and_si256(a[1], b[1])])
        }
        #[inline(always)]
        fn or_int(self, a: Self::I, b: Self::I) -> Self::I {
            intrinsic!([_mm256_or_si256(a[0], b[0]), _mm256_or_si256(a[1], b[1])])
        }
        #[inline(always)]
        fn shl_int<const BITS: i32>(self, a: Self::I) -> Self::I {
            intrinsic!([
                _mm256_slli_epi32::<BITS>(a[0]),
                _mm256_slli_epi32::<BITS>(a[1])
            ])
        }
        #[inline(always)]
        fn shr_int<const BITS: i32>(self, a: Self::I) -> Self::I {
            intrinsic!([
                _mm256_srli_epi32::<BITS>(a[0]),
                _mm256_srli_epi32::<BITS>(a[1])
            ])
        }
        #[inline(always)]
        fn round(self, a: Self::F) -> Self::I {
            intrinsic!([_mm256_cvtps_epi32(a[0]), _mm256_cvtps_epi32(a[1])])
        }
        #[inline(always)]
        fn float(self, a: Self::I) -> Self::F {
            intrinsic!([_mm256_cvtepi32_ps(a[0]), _mm256_cvtepi32_ps(a[1])])
        }
        #[inline(always)]
        fn float_as_bits(self, a: Self::F) -> Self::I {
            intrinsic!([_mm256_castps_si256(a[0]), _mm256_castps_si256(a[1])])
        }
        #[inline(always)]
        fn bits_as_float(self, a: Self::I) -> Self::F {
            intrinsic!([_mm256_castsi256_ps(a[0]), _mm256_castsi256_ps(a[1])])
        }
        #[inline(always)]
        fn store_bytes(self, to: &mut [u8; LANES], value: Self::I) {
            // Both packs work within 128-bit halves; the permutation puts the words in order.
            intrinsic!({
                let words = _mm256_packs_epi32(value[0], value[1]);
                let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(words);
                let low = _mm256_castsi256_si128(words);
                let high = _mm256_extracti128_si256::<1>(words);
                _mm_storeu_si128(to.as_mut_ptr().cast(), _mm_packus_epi16(low, high));
            });
        }

        #[inline(always)]
        fn lane_sums<const Q: usize>(self, block: &PanelBlock<i8>) -> Self::I {
            lane_sums::<_, Q>(self, block)
        }
        #[inline(always)]
        fn tile<const P: usize, const Q: usize>(
            self,
            input: &Int8TileInput<'_, Self::Lhs, Self::Rhs, P>,
            output: &mut Int8TileOutput,
        ) {
            dot_product_tile::<Self, P, Q>(self, input, output);
        }

        #[inline(always)]
        fn reduce_add(self, a: Self::F) -> f32 {
            fold!(a, _mm256_add_ps, _mm_add_ps)
        }
        #[inline(always)]
        fn reduce_max(self, a: Self::F) -> f32 {
            fold!(a, _mm256_max_ps, _mm_max_ps)
        }
        #[inline(always)]
        fn reduce_min(self, a: Self::F) -> f32 {
            fold!(a, _mm256_min_ps, _mm_min_ps)
        }
    };
}

impl Simd for Avx2 {
    type F = [__m256; 2];
    type I = [__m256i; 2];
    /// `vpmaddwd` multiplies words; `vpmaddubsw`, which takes bytes, would saturate.
    type Lhs = i16;
    /// Widened on the way to a register.
    type Rhs = i8;

    const F32_REGISTER_TILE: RegisterTile = RegisterTile::Narrow;

    common!();

    #[inline(always)]
    fn store_levels(self, to: &mut [i16; LANES], value: Self::I) {
        intrinsic!({
            let words = _mm256_packs_epi32(value[0], value[1]); // 128-bit halves interleaved
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(words);
            _mm256_storeu_si256(to.as_mut_ptr().cast(), words);
        });
    }

    /// Pairs of eight lanes: the first of lanes 0 to 7, their second, the first of lanes 8 to 15, their
    /// second.
    #[inline(always)]
    fn store_k4_lane(to: &mut PanelBlock<i8>, slot: usize, lane: usize, [a, b, c, d]: [i8; 4]) {
        let pairs = to[slot].as_flattened_mut().as_chunks_mut::<2>().0;
        let first = lane / 8 * 16 + lane % 8;
        (pairs[first], pairs[first + 8]) = ([a, b], [c, d]);
    }
}

impl DotProduct for Avx2 {
    type Accumulator = [__m256i; 2];
    /// The first two words, and the last two, eight times each.
    type K4Broadcast = [__m256i; 2];

    const INT8_REGISTER_TILE: RegisterTile = RegisterTile::Narrow;

    #[inline(always)]
    fn broadcast_k4(self, levels: &[i16; 4]) -> Self::K4Broadcast {
        [
            broadcast_pair(self, levels, 0),
            broadcast_pair(self, levels, 1),
        ]
    }
    #[inline(always)]
    fn zero_accumulator(self) -> Self::Accumulator {
        intrinsic!([_mm256_setzero_si256(); 2])
    }
    #[inline(always)]
    fn dot(
        self,
        sum: Self::Accumulator,
        a: Self::K4Broadcast,
        b: &K4Groups<i8>,
    ) -> Self::Accumulator {
        let mut out = sum;
        for pair in 0..2 {
            let b = widen_pair(self, b, pair);
            for half in 0..2 {
                out[half] = multiply_add(self, out[half], a[pair], b[half]);
            }
        }
        out
    }
    /// Pair by pair, so that few widened levels occupy registers.
    #[inline(always)]
    fn dot_tile<const R: usize, const W: usize>(
        self,
        sums: &mut [[Self::Accumulator; W]; R],
        rows: [&[i16; 4]; R],
        panels: [&K4Groups<i8>; W],
    ) {
        for pair in 0..2 {
            let mut b = [widen_pair(self, panels[0], pair); W];
            for p in 1..W {
                b[p] = widen_pair(self, panels[p], pair);
            }
            for r in 0..R {
                let a = broadcast_pair(self, rows[r], pair);
                for p in 0..W {
                    for half in 0..2 {
                        sums[r][p][half] = multiply_add(self, sums[r][p][half], a, b[p][half]);
                    }
                }
            }
        }
    }
    #[inline(always)]
    fn accumulator_lanes(self, sum: Self::Accumulator) -> Self::I {
        sum
    }
}

/// Broadcasts two of four words.
#[inline(always)]
fn broadcast_pair(_: Avx2, levels: &[i16; 4], pair: usize) -> __m256i {
    let [a, b] = levels.as_chunks().0[pair].map(i16::to_le_bytes);
    intrinsic!(_mm256_set1_epi32(i32::from_le_bytes([
        a[0], a[1], b[0], b[1]
    ])))
}

/// Widens a pair of every lane to words.
#[inline(always)]
fn widen_pair(_: Avx2, groups: &K4Groups<i8>, pair: usize) -> [__m256i; 2] {
    let quarters = groups.as_chunks::<4>().0;
    let (low, high) = (&quarters[pair], &quarters[2 + pair]);
    intrinsic!([
        _mm256_cvtepi8_epi16(_mm_loadu_si128(low.as_ptr().cast())),
        _mm256_cvtepi8_epi16(_mm_loadu_si128(high.as_ptr().cast())),
    ])
}

/// Adds the products of words to the sums.
#[inline(always)]
fn multiply_add(_: Avx2, sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
    intrinsic!(_mm256_add_epi32(sum, _mm256_madd_epi16(a, b)))
}

impl Simd for AvxVnni {
    type F = [__m256; 2];
    type I = [__m256i; 2];
    type Lhs = u8;
    type Rhs = i8;

    const F32_REGISTER_TILE: RegisterTile = RegisterTile::Narrow;

    common!();

    #[inline(always)]
    fn store_levels(self, to: &mut [u8; LANES], value: Self::I) {
        self.store_bytes(to, value);
    }
}

impl DotProduct for AvxVnni {
    type Accumulator = [__m256i; 2];
    type K4Broadcast = __m256i;

    const INT8_REGISTER_TILE: RegisterTile = RegisterTile::Narrow;

    #[inline(always)]
    fn broadcast_k4(self, levels: &[u8; 4]) -> Self::K4Broadcast {
        intrinsic!(_mm256_set1_epi32(i32::from_le_bytes(*levels)))
    }
    #[inline(always)]
    fn zero_accumulator(self) -> Self::Accumulator {
        intrinsic!([_mm256_setzero_si256(); 2])
    }
    #[inline(always)]
    fn dot(
        self,
        sum: Self::Accumulator,
        a: Self::K4Broadcast,
        b: &K4Groups<i8>,
    ) -> Self::Accumulator {
        let [low, high] = [&b[..8], &b[8..]].map(<[[i8; 4]]>::as_ptr);
        intrinsic!([
            _mm256_dpbusd_avx_epi32(sum[0], a, _mm256_loadu_si256(low.cast())),
            _mm256_dpbusd_avx_epi32(sum[1], a, _mm256_loadu_si256(high.cast())),
        ])
    }
    #[inline(always)]
    fn accumulator_lanes(self, sum: Self::Accumulator) -> Self::I {
        sum
    }
}
