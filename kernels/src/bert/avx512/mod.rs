//! The tokens for AVX-512: a vector is one 512-bit register. They differ in their integer products: with
//! [`products`] of words, with VNNI, or with AMX tiles.
#![allow(unsafe_code)]
#![allow(clippy::wildcard_imports)] // the intrinsics of one architecture

use std::arch::x86_64::*;

mod products;

use super::{
    amx::{self, AmxTiles},
    gemm_int8::lane_sums,
    layout::{DEPTH_UNIT, Int8TileInput, Int8TileOutput, K4Groups, PanelBlock},
    simd::{DotProduct, Kernel, LANES, Simd},
    tiling::RegisterTile,
};
use crate::cpu_features::CpuFeatures;

use products::{Int8Products, Vnni, Words};

/// Calls an intrinsic on behalf of a token.
macro_rules! intrinsic {
    ($call:expr) => {
        // SAFETY: the token `self` is only created by `detect`, so the processor has the
        // instruction; pointers come from references to arrays of exactly the size read or
        // written, and the unaligned forms are used.
        unsafe { $call }
    };
}

/// Proof that the processor has AVX-512 F, BW, DQ and VL, and what `P` says of its integer products.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512<P> {
    products: P,
}

/// AVX-512 without VNNI.
pub(super) type Avx512Bw = Avx512<Words>;

/// AVX-512 with VNNI.
pub(super) type Avx512Vnni = Avx512<Vnni>;

/// Proof that the processor has AVX-512 with VNNI, and that this process may use AMX tiles. It is not
/// a [`Simd`] itself: [`Amx::run`] creates one for its thread and for the time of a kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Amx(Avx512Vnni);

impl Avx512Bw {
    /// Returns the token if processor and operating system support it.
    pub(super) fn detect() -> Option<Self> {
        let products = Words(());
        CpuFeatures::detected()
            .avx512_bw
            .then_some(Self { products })
    }

    /// Compiles and runs `kernel` with these instructions enabled.
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Out {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        fn enabled<S: Simd, K: Kernel>(simd: S, kernel: K) -> K::Out {
            kernel.run(simd)
        }
        intrinsic!(enabled(self, kernel))
    }
}

impl Avx512Vnni {
    /// Returns the token if processor and operating system support it.
    pub(super) fn detect() -> Option<Self> {
        let products = Vnni(());
        CpuFeatures::detected()
            .avx512_vnni
            .then_some(Self { products })
    }

    /// Compiles and runs `kernel` with these instructions enabled.
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Out {
        self.run_with(self, kernel)
    }

    /// Runs `kernel` with a token of the same extensions, and more.
    #[allow(clippy::unused_self)] // the proof that the extensions are there
    fn run_with<S: Simd, K: Kernel>(self, simd: S, kernel: K) -> K::Out {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
        fn enabled<S: Simd, K: Kernel>(simd: S, kernel: K) -> K::Out {
            kernel.run(simd)
        }
        intrinsic!(enabled(simd, kernel))
    }
}

impl Amx {
    /// Returns the token if processor and operating system support it.
    pub(super) fn detect() -> Option<Self> {
        Avx512Vnni::detect()
            .filter(|_| amx::is_permitted())
            .map(Self)
    }

    /// Runs `kernel` with the tiles of this thread configured.
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Out {
        // SAFETY: the token proves that tiles are permitted.
        let tiles = unsafe { AmxTiles::configure() };
        self.0.run_with(Avx512 { products: &tiles }, kernel)
    }
}

/// Reduces the sixteen lanes of a vector by halves, in the order of [`Simd::reduce`].
macro_rules! fold {
    ($a:expr, $join:ident, $join_lane:ident) => {
        intrinsic!({
            let low = _mm512_castps512_ps256($a);
            let eight = $join(low, _mm512_extractf32x8_ps::<1>($a));
            let low = _mm256_castps256_ps128(eight);
            let four = $join_lane(low, _mm256_extractf128_ps::<1>(eight));
            let two = $join_lane(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32($join_lane(two, _mm_shuffle_ps::<1>(two, two)))
        })
    };
}

impl<P: Int8Products> Simd for Avx512<P> {
    type F = __m512;
    type I = __m512i;
    type Lhs = P::Lhs;
    type Rhs = i8;

    const F32_REGISTER_TILE: RegisterTile = RegisterTile::Wide;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::F {
        intrinsic!(_mm512_set1_ps(value))
    }
    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::F {
        intrinsic!(_mm512_loadu_ps(from.as_ptr()))
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES], value: Self::F) {
        intrinsic!(_mm512_storeu_ps(to.as_mut_ptr(), value));
    }
    #[inline(always)]
    fn add(self, a: Self::F, b: Self::F) -> Self::F {
        intrinsic!(_mm512_add_ps(a, b))
    }
    #[inline(always)]
    fn sub(self, a: Self::F, b: Self::F) -> Self::F {
        intrinsic!(_mm512_sub_ps(a, b))
    }
    #[inline(always)]
    fn mul(self, a: Self::F, b: Self::F) -> Self::F {
        intrinsic!(_mm512_mul_ps(a, b))
    }
    #[inline(always)]
    fn div(self, a: Self::F, b: Self::F) -> Self::F {
        intrinsic!(_mm512_div_ps(a, b))
    }
    #[inline(always)]
    fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        intrinsic!(_mm512_fmadd_ps(a, b, c))
    }
    #[inline(always)]
    fn min(self, a: Self::F, b: Self::F) -> Self::F {
        intrinsic!(_mm512_min_ps(a, b))
    }
    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        intrinsic!(_mm512_max_ps(a, b))
    }

    #[inline(always)]
    fn splat_int(self, value: i32) -> Self::I {
        intrinsic!(_mm512_set1_epi32(value))
    }
    #[inline(always)]
    fn load_int(self, from: &[i32; LANES]) -> Self::I {
        intrinsic!(_mm512_loadu_si512(from.as_ptr().cast()))
    }
    #[inline(always)]
    fn store_int(self, to: &mut [i32; LANES], value: Self::I) {
        intrinsic!(_mm512_storeu_si512(to.as_mut_ptr().cast(), value));
    }
    #[inline(always)]
    fn add_int(self, a: Self::I, b: Self::I) -> Self::I {
        intrinsic!(_mm512_add_epi32(a, b))
    }
    #[inline(always)]
    fn and_int(self, a: Self::I, b: Self::I) -> Self::I {
        intrinsic!(_mm512_and_si512(a, b))
    }
    #[inline(always)]
    fn or_int(self, a: Self::I, b: Self::I) -> Self::I {
        intrinsic!(_mm512_or_si512(a, b))
    }
    #[inline(always)]
    fn shl_int<const BITS: i32>(self, a: Self::I) -> Self::I {
        intrinsic!(_mm512_sll_epi32(a, _mm_cvtsi32_si128(BITS)))
    }
    #[inline(always)]
    fn shr_int<const BITS: i32>(self, a: Self::I) -> Self::I {
        intrinsic!(_mm512_srl_epi32(a, _mm_cvtsi32_si128(BITS)))
    }
    #[inline(always)]
    fn round(self, a: Self::F) -> Self::I {
        intrinsic!(_mm512_cvtps_epi32(a))
    }
    #[inline(always)]
    fn float(self, a: Self::I) -> Self::F {
        intrinsic!(_mm512_cvtepi32_ps(a))
    }
    #[inline(always)]
    fn float_as_bits(self, a: Self::F) -> Self::I {
        intrinsic!(_mm512_castps_si512(a))
    }
    #[inline(always)]
    fn bits_as_float(self, a: Self::I) -> Self::F {
        intrinsic!(_mm512_castsi512_ps(a))
    }
    #[inline(always)]
    fn store_bytes(self, to: &mut [u8; LANES], value: Self::I) {
        intrinsic!(_mm_storeu_si128(
            to.as_mut_ptr().cast(),
            _mm512_cvtepi32_epi8(value)
        ));
    }

    #[inline(always)]
    fn store_levels(self, to: &mut [P::Lhs; LANES], value: Self::I) {
        self.products.store_levels(to, value);
    }
    #[inline(always)]
    fn k4_slot(group: usize) -> usize {
        P::k4_slot(group)
    }
    #[inline(always)]
    fn store_depth_unit(self, to: &mut [P::Lhs; DEPTH_UNIT], values: [Self::I; 4]) {
        self.products.store_depth_unit(to, values);
    }
    #[inline(always)]
    fn store_split_bytes(
        self,
        high: &mut [P::Lhs; DEPTH_UNIT],
        low: &mut [P::Lhs; DEPTH_UNIT],
        values: [Self::I; 4],
    ) {
        self.products.store_split_bytes(high, low, values);
    }
    #[inline(always)]
    fn store_k4_lane(to: &mut PanelBlock<i8>, slot: usize, lane: usize, levels: [i8; 4]) {
        P::store_k4_lane(&mut to[slot], lane, levels);
    }

    #[inline(always)]
    fn tile<const W: usize, const Q: usize>(
        self,
        input: &Int8TileInput<'_, P::Lhs, i8, W>,
        output: &mut Int8TileOutput,
    ) {
        self.products.tile::<Self, W, Q>(self, input, output);
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
    #[inline(always)]
    fn lane_sums<const Q: usize>(self, block: &PanelBlock<i8>) -> Self::I {
        lane_sums::<_, Q>(self, block)
    }
}

impl<P: Int8Products> DotProduct for Avx512<P> {
    type Accumulator = __m512i;
    type K4Broadcast = P::K4Broadcast;

    const INT8_REGISTER_TILE: RegisterTile = RegisterTile::Tall;

    #[inline(always)]
    fn broadcast_k4(self, levels: &[P::Lhs; 4]) -> Self::K4Broadcast {
        self.products.broadcast_k4(levels)
    }
    #[inline(always)]
    fn zero_accumulator(self) -> Self::Accumulator {
        intrinsic!(_mm512_setzero_si512())
    }
    #[inline(always)]
    fn dot(
        self,
        sum: Self::Accumulator,
        a: Self::K4Broadcast,
        b: &K4Groups<i8>,
    ) -> Self::Accumulator {
        self.products.dot(sum, a, b)
    }
    #[inline(always)]
    fn dot_tile<const R: usize, const W: usize>(
        self,
        sums: &mut [[__m512i; W]; R],
        rows: [&[P::Lhs; 4]; R],
        panels: [&K4Groups<i8>; W],
    ) {
        self.products.dot_tile(sums, rows, panels);
    }
    #[inline(always)]
    fn accumulator_lanes(self, sum: Self::Accumulator) -> Self::I {
        sum
    }
    #[inline(always)]
    fn prefetch(self, groups: &K4Groups<i8>) {
        intrinsic!(_mm_prefetch::<_MM_HINT_T0>(groups.as_ptr().cast()));
    }
}
