//! The operations of which kernels consist: vectors of sixteen lanes, and a token that proves that the
//! processor supports them.
//!
//! A [`Simd`] value is a *token*. It is only created by run-time detection (except for the portable
//! one), so its existence proves that its instructions may be executed, and its methods are safe to
//! call. Kernels are generic over the token and contain no `unsafe`; the files that implement a token
//! contain nothing else. (The pattern is that of the `pulp` and `memchr` crates.)
//!
//! All tokens compute the same bits: sixteen lanes for any register width, fused multiply-add
//! everywhere, rounding to nearest even, and reductions in one fixed order.

use super::{
    buffer::Element,
    layout::{DEPTH_UNIT, Int8TileInput, Int8TileOutput, K4Groups, PanelBlock},
    tiling::RegisterTile,
};

pub(super) use super::layout::LANES;

/// A computation that is compiled for each instruction set.
pub(super) trait Kernel {
    /// The result.
    type Out;

    /// Runs the computation; implementations are `#[inline(always)]`, so that they are compiled for the
    /// instruction set of the [`Isa`](super::Isa) that runs them.
    fn run<S: Simd>(self, simd: S) -> Self::Out;
}

/// Sixteen-lane arithmetic on one instruction set.
///
/// Contract: all methods are pure; `min` and `max` may return either operand if one is NaN or both are
/// zeros; apart from that, all implementations return the same bits.
///
/// A token need not be `Send`: that of AMX belongs to the thread whose tiles are configured.
pub(super) trait Simd: Copy {
    /// Sixteen `f32`.
    type F: Copy;
    /// Sixteen `i32`.
    type I: Copy;
    /// Representation of an unsigned byte on the left-hand side of [`Simd::tile`].
    type Lhs: Element + From<u8>;
    /// Representation of a signed byte on its right-hand side.
    type Rhs: Element + From<i8>;

    /// Register tile of `f32` matrix products.
    const F32_REGISTER_TILE: RegisterTile;

    /// Sets all lanes to `value`.
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
    /// Returns the lesser of each pair.
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    /// Returns the greater of each pair.
    fn max(self, a: Self::F, b: Self::F) -> Self::F;

    /// Sets all lanes to `value`.
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
    /// `a >> BITS`, logical.
    fn shr_int<const BITS: i32>(self, a: Self::I) -> Self::I;
    /// Rounds to the nearest integer, ties to even; the input must be within `i32`.
    fn round(self, a: Self::F) -> Self::I;
    /// Converts to the nearest `f32`.
    fn float(self, a: Self::I) -> Self::F;
    /// Reinterprets the bits of `f32` as `i32`.
    fn float_as_bits(self, a: Self::F) -> Self::I;
    /// Reinterprets the bits of `i32` as `f32`.
    fn bits_as_float(self, a: Self::I) -> Self::F;
    /// Writes the lanes as bytes; lanes must be within 0..=255.
    fn store_bytes(self, to: &mut [u8; LANES], value: Self::I);
    /// Writes the lanes as levels; lanes must be within 0..=255.
    fn store_levels(self, to: &mut [Self::Lhs; LANES], value: Self::I);

    /// Returns the position of a group of four levels among the groups of its unit of depth. An
    /// instruction set may permute the groups for cheaper packing, in the same way on both sides of
    /// a product.
    #[inline(always)]
    fn k4_slot(group: usize) -> usize {
        group
    }
    /// Writes a unit of depth as levels, groups in their [`Simd::k4_slot`]s; lanes must be within
    /// 0..=255.
    #[inline(always)]
    fn store_depth_unit(self, to: &mut [Self::Lhs; DEPTH_UNIT], values: [Self::I; 4]) {
        for (to, value) in to.as_chunks_mut().0.iter_mut().zip(values) {
            self.store_levels(to, value);
        }
    }
    /// [`Simd::store_depth_unit`] of the high and the low bytes of lanes within 0..=65,535.
    #[inline(always)]
    fn store_split_bytes(
        self,
        high: &mut [Self::Lhs; DEPTH_UNIT],
        low: &mut [Self::Lhs; DEPTH_UNIT],
        values: [Self::I; 4],
    ) {
        let low_byte = self.splat_int(255);
        // Loops, since closures passed to `map` would not be compiled for the instruction set.
        let (mut high_bytes, mut low_bytes) = (values, values);
        for i in 0..4 {
            high_bytes[i] = self.shr_int::<8>(values[i]);
            low_bytes[i] = self.and_int(values[i], low_byte);
        }
        self.store_depth_unit(high, high_bytes);
        self.store_depth_unit(low, low_bytes);
    }

    /// Writes lane `lane` of group `slot` of a right-hand side: four signed levels. An instruction set may
    /// interleave the levels of a block.
    #[inline(always)]
    fn store_k4_lane(to: &mut PanelBlock<Self::Rhs>, slot: usize, lane: usize, levels: [i8; 4]) {
        to[slot][lane] = levels.map(Self::Rhs::from);
    }
    /// Returns the sums of the levels of every lane, over the first `Q` groups of a block.
    fn lane_sums<const Q: usize>(self, block: &PanelBlock<Self::Rhs>) -> Self::I;

    /// Computes a tile of an integer matrix product, with the first `Q` groups of four of each unit of
    /// depth; the others must be zero on the right-hand side.
    fn tile<const P: usize, const Q: usize>(
        self,
        input: &Int8TileInput<'_, Self::Lhs, Self::Rhs, P>,
        output: &mut Int8TileOutput,
    );

    /// Returns the sum of all lanes, reduced by halves: 8 + 8, 4 + 4, 2 + 2, 1 + 1.
    #[inline(always)]
    fn reduce_add(self, a: Self::F) -> f32 {
        self.reduce(a, |x, y| x + y)
    }

    /// Returns the maximum of all lanes.
    #[inline(always)]
    fn reduce_max(self, a: Self::F) -> f32 {
        self.reduce(a, |x, y| if x > y { x } else { y })
    }

    /// Returns the minimum of all lanes.
    #[inline(always)]
    fn reduce_min(self, a: Self::F) -> f32 {
        self.reduce(a, |x, y| if x < y { x } else { y })
    }

    /// Reduces the lanes by halves.
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

/// An instruction set that computes tiles by dot products of groups of four, lane by lane.
pub(super) trait DotProduct: Simd {
    /// Sixteen integer sums, in the shape that the dot product needs.
    type Accumulator: Copy;
    /// A broadcast group of four unsigned levels, in the shape that the dot product needs.
    type K4Broadcast: Copy;

    /// Register tile of integer matrix products.
    const INT8_REGISTER_TILE: RegisterTile;

    /// Broadcasts four unsigned levels to every lane.
    #[allow(clippy::trivially_copy_pass_by_ref)] // a reference into a row of levels
    fn broadcast_k4(self, levels: &[Self::Lhs; 4]) -> Self::K4Broadcast;
    /// Returns sums of zero.
    fn zero_accumulator(self) -> Self::Accumulator;
    /// Adds to lane `i` the exact dot product of `a` with `b[i]`.
    fn dot(
        self,
        sum: Self::Accumulator,
        a: Self::K4Broadcast,
        b: &K4Groups<Self::Rhs>,
    ) -> Self::Accumulator;
    /// Adds to the sums of `R` rows and `W` panels their dot products.
    #[inline(always)]
    fn dot_tile<const R: usize, const W: usize>(
        self,
        sums: &mut [[Self::Accumulator; W]; R],
        rows: [&[Self::Lhs; 4]; R],
        panels: [&K4Groups<Self::Rhs>; W],
    ) {
        for r in 0..R {
            let a = self.broadcast_k4(rows[r]);
            for p in 0..W {
                sums[r][p] = self.dot(sums[r][p], a, panels[p]);
            }
        }
    }
    /// Returns the sums, lane by lane.
    fn accumulator_lanes(self, sum: Self::Accumulator) -> Self::I;

    /// Prefetches `groups`, if the instruction set can.
    #[inline(always)]
    fn prefetch(self, groups: &K4Groups<Self::Rhs>) {
        let _ = groups;
    }
}
