//! The tokens for `AArch64`: a vector is four 128-bit registers. They differ in their integer
//! [`products`]: widening multiplications, `dotprod` or `i8mm`.
#![allow(unsafe_code)]
#![allow(clippy::wildcard_imports)] // the intrinsics of one architecture

mod products;
mod tile;

use std::arch::aarch64::*;

use super::{
    layout::{Int8TileInput, Int8TileOutput, PanelBlock},
    simd::{Kernel, LANES, Simd},
    tiling::RegisterTile,
};
use crate::cpu_features::CpuFeatures;

use products::{Dotprod, I8mm, NeonProducts, REGISTERS, Widening};

/// Calls an intrinsic on behalf of a token.
macro_rules! intrinsic {
    ($call:expr) => {
        // SAFETY: the token `self` is only created by `detect`, so the processor has the
        // instruction; pointers come from references to arrays of exactly the size read or
        // written (register `i` begins at lane 4 i).
        unsafe { $call }
    };
}

/// Proof that the processor has NEON, and what `P` says of its integer products.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neon<P> {
    products: P,
}

/// NEON, which every processor of the architecture has.
pub(crate) type NeonWidening = Neon<Widening>;
/// NEON with the `dotprod` extension.
pub(crate) type NeonDotprod = Neon<Dotprod>;
/// NEON with the `i8mm` extension.
pub(crate) type NeonI8mm = Neon<I8mm>;

/// Implements `detect` and `run` for a token.
macro_rules! token {
    ($token:ty, $products:expr, $feature:ident, $features:literal) => {
        impl $token {
            /// Returns the token if processor and operating system support it.
            pub(crate) fn detect() -> Option<Self> {
                let products = $products;
                CpuFeatures::detected()
                    .$feature
                    .then_some(Self { products })
            }

            /// Compiles and runs `kernel` with these instructions enabled.
            pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Out {
                #[target_feature(enable = $features)]
                fn enabled<K: Kernel>(simd: $token, kernel: K) -> K::Out {
                    kernel.run(simd)
                }
                intrinsic!(enabled(self, kernel))
            }
        }
    };
}

token!(NeonWidening, Widening(()), neon, "neon");
token!(NeonDotprod, Dotprod(()), dotprod, "neon,dotprod");
token!(NeonI8mm, I8mm(()), i8mm, "neon,dotprod,i8mm");

/// Applies an intrinsic to each register of vectors.
macro_rules! each {
    ($function:ident, $a:expr) => {
        intrinsic!([
            $function($a[0]),
            $function($a[1]),
            $function($a[2]),
            $function($a[3])
        ])
    };
    ($function:ident, $a:expr, $b:expr) => {
        intrinsic!([
            $function($a[0], $b[0]),
            $function($a[1], $b[1]),
            $function($a[2], $b[2]),
            $function($a[3], $b[3])
        ])
    };
    ($function:ident, $a:expr, $b:expr, $c:expr) => {
        intrinsic!([
            $function($a[0], $b[0], $c[0]),
            $function($a[1], $b[1], $c[1]),
            $function($a[2], $b[2], $c[2]),
            $function($a[3], $b[3], $c[3])
        ])
    };
}

/// Reduces the sixteen lanes of a vector by halves, in the order of [`Simd::reduce`].
macro_rules! fold {
    ($a:expr, $join:ident, $join_lane:ident) => {
        intrinsic!({
            let four = $join($join($a[0], $a[2]), $join($a[1], $a[3]));
            let two = $join_lane(vget_low_f32(four), vget_high_f32(four));
            vget_lane_f32::<0>($join_lane(two, vdup_lane_f32::<1>(two)))
        })
    };
}

impl<P: NeonProducts> Simd for Neon<P> {
    type F = [float32x4_t; REGISTERS];
    type I = [int32x4_t; REGISTERS];
    type Lhs = P::Lhs;
    type Rhs = i8;

    const F32_REGISTER_TILE: RegisterTile = RegisterTile::Narrow;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::F {
        intrinsic!([vdupq_n_f32(value); REGISTERS])
    }
    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::F {
        let from = from.as_ptr();
        intrinsic!([
            vld1q_f32(from),
            vld1q_f32(from.add(4)),
            vld1q_f32(from.add(8)),
            vld1q_f32(from.add(12))
        ])
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES], value: Self::F) {
        for (to, value) in to.as_chunks_mut::<4>().0.iter_mut().zip(value) {
            intrinsic!(vst1q_f32(to.as_mut_ptr(), value));
        }
    }
    #[inline(always)]
    fn add(self, a: Self::F, b: Self::F) -> Self::F {
        each!(vaddq_f32, a, b)
    }
    #[inline(always)]
    fn sub(self, a: Self::F, b: Self::F) -> Self::F {
        each!(vsubq_f32, a, b)
    }
    #[inline(always)]
    fn mul(self, a: Self::F, b: Self::F) -> Self::F {
        each!(vmulq_f32, a, b)
    }
    #[inline(always)]
    fn div(self, a: Self::F, b: Self::F) -> Self::F {
        each!(vdivq_f32, a, b)
    }
    #[inline(always)]
    fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        each!(vfmaq_f32, c, a, b)
    }
    #[inline(always)]
    fn min(self, a: Self::F, b: Self::F) -> Self::F {
        each!(vminq_f32, a, b)
    }
    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        each!(vmaxq_f32, a, b)
    }

    #[inline(always)]
    fn splat_int(self, value: i32) -> Self::I {
        intrinsic!([vdupq_n_s32(value); REGISTERS])
    }
    #[inline(always)]
    fn load_int(self, from: &[i32; LANES]) -> Self::I {
        let from = from.as_ptr();
        intrinsic!([
            vld1q_s32(from),
            vld1q_s32(from.add(4)),
            vld1q_s32(from.add(8)),
            vld1q_s32(from.add(12))
        ])
    }
    #[inline(always)]
    fn store_int(self, to: &mut [i32; LANES], value: Self::I) {
        for (to, value) in to.as_chunks_mut::<4>().0.iter_mut().zip(value) {
            intrinsic!(vst1q_s32(to.as_mut_ptr(), value));
        }
    }
    #[inline(always)]
    fn add_int(self, a: Self::I, b: Self::I) -> Self::I {
        each!(vaddq_s32, a, b)
    }
    #[inline(always)]
    fn and_int(self, a: Self::I, b: Self::I) -> Self::I {
        each!(vandq_s32, a, b)
    }
    #[inline(always)]
    fn or_int(self, a: Self::I, b: Self::I) -> Self::I {
        each!(vorrq_s32, a, b)
    }
    #[inline(always)]
    fn shl_int<const BITS: i32>(self, a: Self::I) -> Self::I {
        let bits = self.splat_int(BITS);
        each!(vshlq_s32, a, bits)
    }
    /// A shift to the left by a negative number of bits.
    #[inline(always)]
    fn shr_int<const BITS: i32>(self, a: Self::I) -> Self::I {
        let bits = self.splat_int(-BITS);
        let a = each!(vreinterpretq_u32_s32, a);
        let a = each!(vshlq_u32, a, bits);
        each!(vreinterpretq_s32_u32, a)
    }
    #[inline(always)]
    fn round(self, a: Self::F) -> Self::I {
        each!(vcvtnq_s32_f32, a)
    }
    #[inline(always)]
    fn float(self, a: Self::I) -> Self::F {
        each!(vcvtq_f32_s32, a)
    }
    #[inline(always)]
    fn float_as_bits(self, a: Self::F) -> Self::I {
        each!(vreinterpretq_s32_f32, a)
    }
    #[inline(always)]
    fn bits_as_float(self, a: Self::I) -> Self::F {
        each!(vreinterpretq_f32_s32, a)
    }
    #[inline(always)]
    fn store_bytes(self, to: &mut [u8; LANES], value: Self::I) {
        intrinsic!({
            let low = vcombine_s16(vmovn_s32(value[0]), vmovn_s32(value[1]));
            let high = vcombine_s16(vmovn_s32(value[2]), vmovn_s32(value[3]));
            let bytes = vcombine_s8(vmovn_s16(low), vmovn_s16(high));
            vst1q_u8(to.as_mut_ptr(), vreinterpretq_u8_s8(bytes));
        });
    }
    #[inline(always)]
    fn store_levels(self, to: &mut [P::Lhs; LANES], value: Self::I) {
        let mut bytes = [0; LANES];
        self.store_bytes(&mut bytes, value);
        for (to, byte) in to.iter_mut().zip(bytes) {
            *to = P::Lhs::from(byte);
        }
    }

    #[inline(always)]
    fn store_k4_lane(to: &mut PanelBlock<i8>, slot: usize, lane: usize, levels: [i8; 4]) {
        P::store_k4_lane(to, slot, lane, levels);
    }
    #[inline(always)]
    fn lane_sums<const Q: usize>(self, block: &PanelBlock<i8>) -> Self::I {
        self.products.lane_sums(&block[..Q])
    }
    #[inline(always)]
    fn tile<const W: usize, const Q: usize>(
        self,
        input: &Int8TileInput<'_, P::Lhs, i8, W>,
        output: &mut Int8TileOutput,
    ) {
        tile::compute::<Self, P, W, Q>(self, self.products, input, output);
    }

    #[inline(always)]
    fn reduce_add(self, a: Self::F) -> f32 {
        fold!(a, vaddq_f32, vadd_f32)
    }
    #[inline(always)]
    fn reduce_max(self, a: Self::F) -> f32 {
        fold!(a, vmaxq_f32, vmax_f32)
    }
    #[inline(always)]
    fn reduce_min(self, a: Self::F) -> f32 {
        fold!(a, vminq_f32, vmin_f32)
    }
}
