//! The tokens for AVX-512 with VNNI, with and without AMX tiles: a vector is one 512-bit register.
#![allow(unsafe_code)]
#![allow(clippy::wildcard_imports)] // the intrinsics of one architecture

use std::arch::x86_64::*;

use super::{
    amx,
    int8::{TileInput, TileOutput, tile_by_dots},
    simd::{DOT_BYTES, Kernel, LANES, Simd},
};

/// Proof that the processor has AVX-512 F, BW, DQ, VL and VNNI and, where `AMX`, that this
/// process may use eight-bit AMX tiles.
#[derive(Clone, Copy, Debug)]
pub struct Avx512<const AMX: bool>(());

impl Avx512<true> {
    /// The token, if the processor and the operating system allow it.
    pub fn detect() -> Option<Self> {
        (Avx512::<false>::detect().is_some() && amx::permitted()).then_some(Self(()))
    }
}

impl Avx512<false> {
    /// The token, if the processor and the operating system allow it.
    pub fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma"))
        .then_some(Self(()))
    }
}

/// Calls an intrinsic on behalf of a token.
macro_rules! intrinsic {
    ($call:expr) => {
        // SAFETY: the token `self` is only made by `detect`, so the processor has the
        // instruction; pointers come from references to arrays of exactly the size read or
        // written, and the unaligned forms are used.
        unsafe { $call }
    };
}

impl<const AMX: bool> Simd for Avx512<AMX> {
    type F = __m512;
    type I = __m512i;
    type Sum = __m512i;
    type Quad = __m512i;

    const WIDE: bool = true;
    const TILES: bool = AMX;
    const DOT_TILE: (usize, usize) = (6, 4);

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Out {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
        fn enabled<S: Simd, K: Kernel>(simd: S, kernel: K) -> K::Out {
            kernel.run(simd)
        }
        if AMX {
            // SAFETY: the token says that tiles may be used.
            let tiles = unsafe { amx::Tiles::configure() };
            let out = intrinsic!(enabled(self, kernel));
            drop(tiles);
            out
        } else {
            intrinsic!(enabled(self, kernel))
        }
    }

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
    fn quad(self, bytes: &[u8; 4]) -> Self::Quad {
        intrinsic!(_mm512_set1_epi32(i32::from_le_bytes(*bytes)))
    }
    #[inline(always)]
    fn zero_sum(self) -> Self::Sum {
        intrinsic!(_mm512_setzero_si512())
    }
    #[inline(always)]
    fn dot(self, sum: Self::Sum, a: Self::Quad, b: &[i8; DOT_BYTES]) -> Self::Sum {
        intrinsic!(_mm512_dpbusd_epi32(
            sum,
            a,
            _mm512_loadu_si512(b.as_ptr().cast())
        ))
    }
    #[inline(always)]
    fn finish(self, sum: Self::Sum) -> Self::I {
        sum
    }

    #[inline(always)]
    fn tile<const P: usize>(self, input: &TileInput<'_, P>, output: &mut TileOutput) {
        if AMX {
            // SAFETY: the token says that tiles may be used, and `run`, which alone gives kernels
            // a token, has configured them on this thread.
            unsafe { amx::tile(input, output) };
        } else {
            tile_by_dots(self, input, output);
        }
    }
}
