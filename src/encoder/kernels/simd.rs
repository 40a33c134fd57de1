//! The vocabulary in which every kernel is written: sixteen lanes, and a token that proves that
//! the processor has them.
//!
//! A [`Simd`] value is a *token*. It can only be had from run-time detection (or is the portable
//! one), so holding it proves that its instructions may be executed, and its methods are safe to
//! call. Kernels are generic over the token and contain no `unsafe`; the few files that implement
//! a token contain nothing else. (The pattern is that of the `pulp` and `memchr` crates.)
//!
//! All tokens compute the same bits: sixteen lanes whatever the register width, fused
//! multiply-add everywhere, rounding to nearest even, and reductions in one fixed order.

use super::{
    buffer::Element,
    gemm_int8::{DEPTH_UNIT, Int8TileInput, Int8TileOutput, K4Groups, dot_product_tile},
    tiling::RegisterTile,
};

/// Lanes of every vector, whatever the width of the machine's registers.
pub const LANES: usize = 16;

/// A computation that wants to be compiled once for each instruction set.
pub trait Kernel {
    /// What it returns.
    type Out;

    /// Does the work; implementations are `#[inline(always)]` so that they take on the
    /// instruction set of the [`Path`](super::Path) that runs them.
    fn run<S: Simd>(self, simd: S) -> Self::Out;
}

/// Sixteen-lane arithmetic on one instruction set.
///
/// Contract: all methods are pure; `min` and `max` may return either operand where one is NaN or
/// where both are zeros; everything else gives the same bits on every implementation.
///
/// A token need not be `Send`: that of AMX belongs to the thread whose tiles are configured.
pub trait Simd: Copy {
    /// Sixteen `f32`.
    type F: Copy;
    /// Sixteen `i32`.
    type I: Copy;
    /// Sixteen running integer sums, in whatever shape the machine's dot product likes.
    type Accumulator: Copy;
    /// A broadcast group of four unsigned levels, in the shape that [`Simd::dot`] likes.
    type K4Broadcast: Copy;
    /// How an unsigned byte is kept for [`Simd::quad`].
    type Lhs: Element + From<u8>;
    /// How a signed byte is kept for [`Simd::dot`].
    type Rhs: Element + From<i8>;

    /// Blocks of the integer tile that fit the registers.
    const INT8_REGISTER_TILE: RegisterTile;
    /// Blocks of the `f32` tile that fit the registers.
    const F32_REGISTER_TILE: RegisterTile;

    /// All lanes `value`.
    fn splat(self, value: f32) -> Self::F;
    /// Reads sixteen numbers.
    fn load(self, from: &[f32; LANES]) -> Self::F;
    /// Writes sixteen numbers.
    fn store(self, to: &mut [f32; LANES], value: Self::F);
    /// `a + b`.
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a - b`.
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b`.
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a / b`.
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`, rounded once.
    fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The smaller of each pair.
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    /// The larger of each pair.
    fn max(self, a: Self::F, b: Self::F) -> Self::F;

    /// All lanes `value`.
    fn splat_int(self, value: i32) -> Self::I;
    /// Reads sixteen integers.
    fn load_int(self, from: &[i32; LANES]) -> Self::I;
    /// Writes sixteen integers.
    fn store_int(self, to: &mut [i32; LANES], value: Self::I);
    /// `a + b`, wrapping.
    fn add_int(self, a: Self::I, b: Self::I) -> Self::I;
    /// Bitwise `a & b`.
    fn and_int(self, a: Self::I, b: Self::I) -> Self::I;
    /// Bitwise `a | b`.
    fn or_int(self, a: Self::I, b: Self::I) -> Self::I;
    /// `a << BITS`.
    fn shl_int<const BITS: i32>(self, a: Self::I) -> Self::I;
    /// `a >> BITS`, zeros moving in.
    fn shr_int<const BITS: i32>(self, a: Self::I) -> Self::I;
    /// The nearest integer, ties to even; the input must be within `i32`.
    fn round(self, a: Self::F) -> Self::I;
    /// The nearest number.
    fn float(self, a: Self::I) -> Self::F;
    /// The bits of an `i32` from the bits of an `f32`.
    fn float_as_bits(self, a: Self::F) -> Self::I;
    /// The bits of an `f32` from the bits of an `i32`.
    fn bits_as_float(self, a: Self::I) -> Self::F;
    /// The lowest byte of each lane; lanes must be within 0..=255.
    fn store_bytes(self, to: &mut [u8; LANES], value: Self::I);
    /// The lanes as levels; lanes must be within 0..=255.
    fn store_levels(self, to: &mut [Self::Lhs; LANES], value: Self::I);

    /// Where quad `quad` of a whole unit of depth stands among the unit's quads. An instruction
    /// set may shuffle them as its packing likes, as long as both sides of a product do.
    #[inline(always)]
    fn k4_slot(quad: usize) -> usize {
        quad
    }
    /// A whole unit of depth as levels, quads in their [`Simd::slot`]s; lanes must be within
    /// 0..=255.
    #[inline(always)]
    fn store_depth_unit(self, to: &mut [Self::Lhs; DEPTH_UNIT], values: [Self::I; 4]) {
        for (to, value) in to.as_chunks_mut().0.iter_mut().zip(values) {
            self.store_levels(to, value);
        }
    }
    /// [`Simd::store_unit`] of the high and the low bytes of lanes within 0..=65,535.
    #[inline(always)]
    fn store_split_bytes(
        self,
        high: &mut [Self::Lhs; DEPTH_UNIT],
        low: &mut [Self::Lhs; DEPTH_UNIT],
        values: [Self::I; 4],
    ) {
        let low_byte = self.splat_int(255);
        let (mut tops, mut rest) = (values, values);
        for (top, rest) in tops.iter_mut().zip(&mut rest) {
            *top = self.shr_int::<8>(*top);
            *rest = self.and_int(*rest, low_byte);
        }
        self.store_depth_unit(high, tops);
        self.store_depth_unit(low, rest);
    }

    /// Four unsigned levels for every lane.
    #[allow(clippy::trivially_copy_pass_by_ref)] // a place in a row of levels
    fn broadcast_k4(self, levels: &[Self::Lhs; 4]) -> Self::K4Broadcast;
    /// Sums of zero.
    fn zero_accumulator(self) -> Self::Accumulator;
    /// Adds to lane `i` the exact dot product of `a` with `b[i]`.
    fn dot(
        self,
        sum: Self::Accumulator,
        a: Self::K4Broadcast,
        b: &K4Groups<Self::Rhs>,
    ) -> Self::Accumulator;
    /// The sums, lane by lane.
    fn accumulator_lanes(self, sum: Self::Accumulator) -> Self::I;

    /// Says that `quads` will be read soon, where the machine listens.
    #[inline(always)]
    fn prefetch(self, quads: &K4Groups<Self::Rhs>) {
        let _ = quads;
    }

    /// One tile of an integer matrix product, see [`TileInput`] and [`tile_by_dots`].
    #[inline(always)]
    fn tile<const P: usize, const Q: usize>(
        self,
        input: &Int8TileInput<'_, Self, P>,
        output: &mut Int8TileOutput,
    ) {
        dot_product_tile::<Self, P, Q>(self, input, output);
    }

    /// The sum of all lanes: halves added to each other, 8 + 8, 4 + 4, 2 + 2, 1 + 1.
    #[inline(always)]
    fn reduce_add(self, a: Self::F) -> f32 {
        self.reduce(a, |x, y| x + y)
    }

    /// The largest lane.
    #[inline(always)]
    fn reduce_max(self, a: Self::F) -> f32 {
        self.reduce(a, |x, y| if x > y { x } else { y })
    }

    /// The smallest lane.
    #[inline(always)]
    fn reduce_min(self, a: Self::F) -> f32 {
        self.reduce(a, |x, y| if x < y { x } else { y })
    }

    /// Folds the lanes by halves.
    #[inline(always)]
    fn reduce(self, a: Self::F, join: impl Fn(f32, f32) -> f32) -> f32 {
        let mut lanes = [0.0; LANES];
        self.store(&mut lanes, a);
        let mut width = LANES / 2;
        while width > 0 {
            for i in 0..width {
                lanes[i] = join(lanes[i], lanes[i + width]);
            }
            width /= 2;
        }
        lanes[0]
    }
}
