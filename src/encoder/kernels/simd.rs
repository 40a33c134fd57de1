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

use super::int8::{TileInput, TileOutput, tile_by_dots};

/// Lanes of every vector, whatever the width of the machine's registers.
pub const LANES: usize = 16;

/// Bytes of the right-hand side that one [`Simd::dot`] consumes: four for each lane.
pub const DOT_BYTES: usize = 4 * LANES;

/// A computation that wants to be compiled once for each instruction set.
pub trait Kernel {
    /// What it returns.
    type Out;

    /// Does the work; implementations are `#[inline(always)]` so that they take on the
    /// instruction set of [`Simd::run`].
    fn run<S: Simd>(self, simd: S) -> Self::Out;
}

/// Sixteen-lane arithmetic on one instruction set.
///
/// Contract: all methods are pure; `min` and `max` may return either operand where one is NaN or
/// where both are zeros; everything else gives the same bits on every implementation.
pub trait Simd: Copy + Send + Sync + 'static {
    /// Sixteen `f32`.
    type F: Copy;
    /// Sixteen `i32`.
    type I: Copy;
    /// Sixteen running integer sums, in whatever shape the machine's dot product likes.
    type Sum: Copy;
    /// A broadcast group of four unsigned bytes, in the shape that [`Simd::dot`] likes.
    type Quad: Copy;

    /// Whether 32 registers of full width are there to hold a large tile.
    const WIDE: bool;
    /// Whether [`Simd::tile`] reads whole tiles, so that depth must come in units of 64.
    const TILES: bool = false;
    /// Rows and panels of the integer tile that fit the registers.
    const DOT_TILE: (usize, usize);

    /// Compiles and runs `kernel` with this token's instructions enabled.
    fn run<K: Kernel>(self, kernel: K) -> K::Out;

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
    /// The bits of an `f32` from the bits of an `i32`.
    fn bits_as_float(self, a: Self::I) -> Self::F;
    /// The lowest byte of each lane; lanes must be within 0..=255.
    fn store_bytes(self, to: &mut [u8; LANES], value: Self::I);

    /// Four unsigned bytes for every lane.
    #[allow(clippy::trivially_copy_pass_by_ref)] // a place in a row of bytes
    fn quad(self, bytes: &[u8; 4]) -> Self::Quad;
    /// Sums of zero.
    fn zero_sum(self) -> Self::Sum;
    /// Adds to lane `i` the exact dot product of `a` with the signed bytes `4 i .. 4 i + 4` of
    /// `b`.
    fn dot(self, sum: Self::Sum, a: Self::Quad, b: &[i8; DOT_BYTES]) -> Self::Sum;
    /// The sums, lane by lane.
    fn finish(self, sum: Self::Sum) -> Self::I;

    /// One tile of an integer matrix product, see [`TileInput`].
    #[inline(always)]
    fn tile<const P: usize>(self, input: &TileInput<'_, P>, output: &mut TileOutput) {
        tile_by_dots(self, input, output);
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
