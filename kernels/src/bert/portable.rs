//! The token for any processor: portable Rust, and the reference for tests of the others.
//!
//! Nothing here is `unsafe`, so Miri can run every kernel with this token.

use super::{
    gemm_int8::{dot_product_tile, lane_sums},
    layout::{Int8TileInput, Int8TileOutput, K4Groups, PanelBlock},
    simd::{DotProduct, Kernel, LANES, Simd},
    tiling::RegisterTile,
};

/// Sixteen lanes in an array, which the compiler vectorizes (NEON on `aarch64`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

/// Applies `f` to each pair of lanes.
#[inline(always)]
fn zip<T: Copy, U: Copy>(a: [T; LANES], b: [T; LANES], f: impl Fn(T, T) -> U) -> [U; LANES] {
    std::array::from_fn(|i| f(a[i], b[i]))
}

impl Portable {
    /// Runs `kernel`.
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Out {
        kernel.run(self)
    }
}

impl Simd for Portable {
    type F = [f32; LANES];
    type I = [i32; LANES];
    type Lhs = u8;
    type Rhs = i8;

    const F32_REGISTER_TILE: RegisterTile = RegisterTile::Small;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::F {
        [value; LANES]
    }
    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::F {
        *from
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES], value: Self::F) {
        *to = value;
    }
    #[inline(always)]
    fn add(self, a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        std::array::from_fn(|i| a[i].mul_add(b[i], c[i]))
    }
    #[inline(always)]
    fn min(self, a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn splat_int(self, value: i32) -> Self::I {
        [value; LANES]
    }
    #[inline(always)]
    fn load_int(self, from: &[i32; LANES]) -> Self::I {
        *from
    }
    #[inline(always)]
    fn store_int(self, to: &mut [i32; LANES], value: Self::I) {
        *to = value;
    }
    #[inline(always)]
    fn add_int(self, a: Self::I, b: Self::I) -> Self::I {
        zip(a, b, i32::wrapping_add)
    }
    #[inline(always)]
    fn and_int(self, a: Self::I, b: Self::I) -> Self::I {
        zip(a, b, |a, b| a & b)
    }
    #[inline(always)]
    fn or_int(self, a: Self::I, b: Self::I) -> Self::I {
        zip(a, b, |a, b| a | b)
    }
    #[inline(always)]
    fn shl_int<const BITS: i32>(self, a: Self::I) -> Self::I {
        a.map(|a| a << BITS)
    }
    #[inline(always)]
    fn shr_int<const BITS: i32>(self, a: Self::I) -> Self::I {
        a.map(|a| (a.cast_unsigned() >> BITS).cast_signed())
    }
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // the contract keeps the value within i32
    fn round(self, a: Self::F) -> Self::I {
        a.map(|a| a.round_ties_even() as i32)
    }
    #[inline(always)]
    #[allow(clippy::cast_precision_loss)] // the contract rounds
    fn float(self, a: Self::I) -> Self::F {
        a.map(|a| a as f32)
    }
    #[inline(always)]
    fn float_as_bits(self, a: Self::F) -> Self::I {
        a.map(|a| a.to_bits().cast_signed())
    }
    #[inline(always)]
    fn bits_as_float(self, a: Self::I) -> Self::F {
        a.map(|a| f32::from_bits(a.cast_unsigned()))
    }
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // only the lowest byte is stored
    fn store_bytes(self, to: &mut [u8; LANES], value: Self::I) {
        *to = value.map(|v| v.cast_unsigned() as u8);
    }

    #[inline(always)]
    fn store_levels(self, to: &mut [u8; LANES], value: Self::I) {
        self.store_bytes(to, value);
    }

    #[inline(always)]
    fn tile<const P: usize, const Q: usize>(
        self,
        input: &Int8TileInput<'_, u8, i8, P>,
        output: &mut Int8TileOutput,
    ) {
        dot_product_tile::<Self, P, Q>(self, input, output);
    }
    #[inline(always)]
    fn lane_sums<const Q: usize>(self, block: &PanelBlock<i8>) -> Self::I {
        lane_sums::<_, Q>(self, block)
    }
}

impl DotProduct for Portable {
    type Accumulator = [i32; LANES];
    type K4Broadcast = [u8; 4];

    const INT8_REGISTER_TILE: RegisterTile = RegisterTile::Small;

    #[inline(always)]
    fn broadcast_k4(self, levels: &[u8; 4]) -> Self::K4Broadcast {
        *levels
    }
    #[inline(always)]
    fn zero_accumulator(self) -> Self::Accumulator {
        [0; LANES]
    }
    #[inline(always)]
    fn dot(
        self,
        sum: Self::Accumulator,
        a: Self::K4Broadcast,
        b: &K4Groups<i8>,
    ) -> Self::Accumulator {
        std::array::from_fn(|i| {
            let products = (0..4).map(|j| i32::from(a[j]) * i32::from(b[i][j]));
            sum[i].wrapping_add(products.sum::<i32>())
        })
    }
    #[inline(always)]
    fn accumulator_lanes(self, sum: Self::Accumulator) -> Self::I {
        sum
    }
}
