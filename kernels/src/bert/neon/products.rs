//! Integer products on `AArch64`: of widened bytes, of groups of four bytes, or of matrices of bytes.
//!
//! Only the last multiplies unsigned bytes by signed ones; for the others, levels are stored as
//! differences from 128.
#![allow(unsafe_code)]
#![allow(clippy::wildcard_imports)] // the intrinsics of one architecture

use std::arch::{aarch64::*, asm};

use crate::bert::{
    buffer::{Centered, Element},
    layout::{K4Groups, LANES, PanelBlock},
    tiling::RegisterTile,
};

/// Registers of a vector.
pub(crate) const REGISTERS: usize = 4;

/// Levels of one step along the depth: four groups of four.
const STEP: usize = 16;

/// Sixteen integer sums.
pub(crate) type Lanes = [int32x4_t; REGISTERS];

/// Calls an intrinsic on behalf of a token.
macro_rules! intrinsic {
    ($call:expr) => {
        // SAFETY: every function here takes a proof, or is called by one that does, and a proof is
        // only created by `detect`, so the processor has the instruction; pointers come from
        // references to arrays of exactly the size read; the assembly only changes the register that
        // it names as its output.
        unsafe { $call }
    };
}

/// The integer products of a token, and the proof of their instructions.
pub(crate) trait NeonProducts: Copy {
    /// Representation of an unsigned byte.
    type Lhs: Element + From<u8>;
    /// Sums of `R` rows, in the shape that the instructions need.
    type Sums<const R: usize>;
    /// Whether levels are stored as differences from 128.
    const IS_CENTERED: bool;
    /// Register tile, of one panel.
    const REGISTER_TILE: RegisterTile;

    /// See [`Simd::store_k4_lane`](super::Simd::store_k4_lane).
    fn store_k4_lane(to: &mut PanelBlock<i8>, slot: usize, lane: usize, levels: [i8; 4]);
    /// Returns the sums of the levels of every lane; the number of groups is a multiple of four.
    fn lane_sums(self, groups: &[K4Groups<i8>]) -> Lanes;
    /// Returns sums of zero.
    fn zero_sums<const R: usize>(self) -> Self::Sums<R>;
    /// Adds the products of one step.
    fn add_products<const R: usize>(
        self,
        sums: &mut Self::Sums<R>,
        rows: [&[Self::Lhs; STEP]; R],
        groups: &[K4Groups<i8>; 4],
    );
    /// Returns the sums, row by row and lane by lane.
    fn sums_by_row<const R: usize>(self, sums: &Self::Sums<R>) -> [Lanes; R];
}

/// Proof that the processor has NEON, for widening multiplications of bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Widening(pub(super) ());

/// Proof that the processor has `dotprod`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dotprod(pub(super) ());

/// Proof that the processor has `i8mm`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct I8mm(pub(super) ());

/// Loads a quarter of a group's bytes.
#[inline(always)]
fn load(groups: &K4Groups<i8>, quarter: usize) -> int8x16_t {
    let bytes: &[[i8; 16]] = groups.as_flattened().as_chunks().0;
    intrinsic!(vld1q_s8(bytes[quarter].as_ptr()))
}

/// Loads levels that are stored as differences from 128.
#[inline(always)]
fn load_centered(levels: &[Centered; STEP]) -> int8x16_t {
    intrinsic!(vld1q_s8(levels.as_ptr().cast()))
}

/// Returns sums of zero for `R` rows.
#[inline(always)]
fn zeros<const R: usize>() -> [Lanes; R] {
    intrinsic!([[vdupq_n_s32(0); REGISTERS]; R])
}

impl NeonProducts for Widening {
    type Lhs = Centered;
    type Sums<const R: usize> = [Lanes; R];
    const IS_CENTERED: bool = true;
    const REGISTER_TILE: RegisterTile = RegisterTile::Short;

    /// The first pair of every lane, then the second.
    #[inline(always)]
    fn store_k4_lane(to: &mut PanelBlock<i8>, slot: usize, lane: usize, [a, b, c, d]: [i8; 4]) {
        let pairs = to[slot].as_flattened_mut().as_chunks_mut::<2>().0;
        (pairs[lane], pairs[LANES + lane]) = ([a, b], [c, d]);
    }
    #[inline(always)]
    fn lane_sums(self, groups: &[K4Groups<i8>]) -> Lanes {
        let [mut sums] = zeros::<1>();
        for groups in groups {
            for quarter in 0..4 {
                let half = 2 * (quarter % 2);
                intrinsic!({
                    let pairs = vpaddlq_s8(load(groups, quarter));
                    sums[half] = vaddw_s16(sums[half], vget_low_s16(pairs));
                    sums[half + 1] = vaddw_high_s16(sums[half + 1], pairs);
                });
            }
        }
        sums
    }
    #[inline(always)]
    fn zero_sums<const R: usize>(self) -> Self::Sums<R> {
        zeros()
    }
    /// A product of two bytes fits into 16 bits, and pairs of them are added to 32.
    #[inline(always)]
    fn add_products<const R: usize>(
        self,
        sums: &mut Self::Sums<R>,
        rows: [&[Centered; STEP]; R],
        groups: &[K4Groups<i8>; 4],
    ) {
        for (step, groups) in groups.iter().enumerate() {
            for pair in 0..2 {
                let (low, high) = (load(groups, 2 * pair), load(groups, 2 * pair + 1));
                for r in 0..R {
                    let levels = rows[r].as_chunks::<2>().0[2 * step + pair];
                    let levels = i16::from_le_bytes(levels.map(|level| level.0.cast_unsigned()));
                    intrinsic!({
                        let a = vreinterpretq_s8_s16(vdupq_n_s16(levels));
                        let half = vget_low_s8(a);
                        let sums = &mut sums[r];
                        sums[0] = vpadalq_s16(sums[0], vmull_s8(half, vget_low_s8(low)));
                        sums[1] = vpadalq_s16(sums[1], vmull_high_s8(a, low));
                        sums[2] = vpadalq_s16(sums[2], vmull_s8(half, vget_low_s8(high)));
                        sums[3] = vpadalq_s16(sums[3], vmull_high_s8(a, high));
                    });
                }
            }
        }
    }
    #[inline(always)]
    fn sums_by_row<const R: usize>(self, sums: &Self::Sums<R>) -> [Lanes; R] {
        *sums
    }
}

/// Adds to lane `i` the dot product of bytes `4 i .. 4 i + 4` of `b` with those of group `GROUP` of `a`.
#[inline(always)]
fn sdot_group<const GROUP: usize>(sum: &mut int32x4_t, b: int8x16_t, a: int8x16_t) {
    intrinsic!(asm!(
        "sdot {sum:v}.4s, {b:v}.16b, {a:v}.4b[{group}]",
        sum = inout(vreg) *sum, b = in(vreg) b, a = in(vreg) a, group = const GROUP,
        options(pure, nomem, nostack, preserves_flags)
    ));
}

/// Adds the products of four lanes at a time with group `GROUP` of each row.
#[inline(always)]
fn add_group<const R: usize, const GROUP: usize>(
    sums: &mut [Lanes; R],
    rows: [int8x16_t; R],
    groups: &[K4Groups<i8>; 4],
) {
    for quarter in 0..REGISTERS {
        let b = load(&groups[GROUP], quarter);
        for r in 0..R {
            sdot_group::<GROUP>(&mut sums[r][quarter], b, rows[r]);
        }
    }
}

impl NeonProducts for Dotprod {
    type Lhs = Centered;
    type Sums<const R: usize> = [Lanes; R];
    const IS_CENTERED: bool = true;
    const REGISTER_TILE: RegisterTile = RegisterTile::Narrow;

    #[inline(always)]
    fn store_k4_lane(to: &mut PanelBlock<i8>, slot: usize, lane: usize, levels: [i8; 4]) {
        to[slot][lane] = levels;
    }
    #[inline(always)]
    fn lane_sums(self, groups: &[K4Groups<i8>]) -> Lanes {
        let [mut sums] = zeros::<1>();
        let ones = intrinsic!(vdupq_n_s8(1));
        for groups in groups {
            for quarter in 0..REGISTERS {
                sdot_group::<0>(&mut sums[quarter], load(groups, quarter), ones);
            }
        }
        sums
    }
    #[inline(always)]
    fn zero_sums<const R: usize>(self) -> Self::Sums<R> {
        zeros()
    }
    #[inline(always)]
    fn add_products<const R: usize>(
        self,
        sums: &mut Self::Sums<R>,
        rows: [&[Centered; STEP]; R],
        groups: &[K4Groups<i8>; 4],
    ) {
        let mut levels = [load_centered(rows[0]); R];
        for r in 1..R {
            levels[r] = load_centered(rows[r]);
        }
        add_group::<R, 0>(sums, levels, groups);
        add_group::<R, 1>(sums, levels, groups);
        add_group::<R, 2>(sums, levels, groups);
        add_group::<R, 3>(sums, levels, groups);
    }
    #[inline(always)]
    fn sums_by_row<const R: usize>(self, sums: &Self::Sums<R>) -> [Lanes; R] {
        *sums
    }
}

/// Adds the products of two rows of eight unsigned bytes with two columns of eight signed ones.
#[inline(always)]
fn usmmla(sum: &mut int32x4_t, a: uint8x16_t, b: int8x16_t) {
    intrinsic!(asm!(
        "usmmla {sum:v}.4s, {a:v}.16b, {b:v}.16b",
        sum = inout(vreg) *sum, a = in(vreg) a, b = in(vreg) b,
        options(pure, nomem, nostack, preserves_flags)
    ));
}

impl NeonProducts for I8mm {
    type Lhs = u8;
    /// Eight products of two rows by two lanes each, for rows `r` and `r + 1` at `r / 2`; an odd last row
    /// is computed twice, and half of the places are unused.
    type Sums<const R: usize> = [[int32x4_t; LANES / 2]; R];
    const IS_CENTERED: bool = false;
    const REGISTER_TILE: RegisterTile = RegisterTile::Narrow;

    /// Two groups side by side, lane by lane.
    #[inline(always)]
    fn store_k4_lane(to: &mut PanelBlock<i8>, slot: usize, lane: usize, levels: [i8; 4]) {
        let groups = to.as_chunks_mut::<2>().0[slot / 2].as_flattened_mut();
        groups[2 * lane + slot % 2] = levels;
    }
    #[inline(always)]
    fn lane_sums(self, groups: &[K4Groups<i8>]) -> Lanes {
        let [mut sums] = zeros::<1>();
        for [first, second] in groups.as_chunks::<2>().0 {
            for i in 0..REGISTERS {
                let groups = if i < 2 { first } else { second };
                intrinsic!({
                    let low = vpaddlq_s16(vpaddlq_s8(load(groups, 2 * i % 4)));
                    let high = vpaddlq_s16(vpaddlq_s8(load(groups, 2 * i % 4 + 1)));
                    sums[i] = vaddq_s32(sums[i], vpaddq_s32(low, high));
                });
            }
        }
        sums
    }
    #[inline(always)]
    fn zero_sums<const R: usize>(self) -> Self::Sums<R> {
        intrinsic!([[vdupq_n_s32(0); LANES / 2]; R])
    }
    #[inline(always)]
    fn add_products<const R: usize>(
        self,
        sums: &mut Self::Sums<R>,
        rows: [&[u8; STEP]; R],
        groups: &[K4Groups<i8>; 4],
    ) {
        for (half, [first, second]) in groups.as_chunks::<2>().0.iter().enumerate() {
            let mut pairs = intrinsic!([vdupq_n_u8(0); R]);
            for r in (0..R).step_by(2) {
                let below = rows[(r + 1).min(R - 1)].as_chunks::<8>().0;
                let (top, below) = (
                    rows[r].as_chunks::<8>().0[half].as_ptr(),
                    below[half].as_ptr(),
                );
                pairs[r / 2] = intrinsic!(vcombine_u8(vld1_u8(top), vld1_u8(below)));
            }
            for lanes in 0..LANES / 2 {
                let b = load(if lanes < 4 { first } else { second }, lanes % 4);
                for pair in 0..R.div_ceil(2) {
                    usmmla(&mut sums[pair][lanes], pairs[pair], b);
                }
            }
        }
    }
    #[inline(always)]
    fn sums_by_row<const R: usize>(self, sums: &Self::Sums<R>) -> [Lanes; R] {
        let mut rows = zeros::<R>();
        for r in 0..R {
            let pairs = &sums[r / 2];
            for i in 0..REGISTERS {
                intrinsic!({
                    let left = vreinterpretq_s64_s32(pairs[2 * i]);
                    let right = vreinterpretq_s64_s32(pairs[2 * i + 1]);
                    let both = if r % 2 == 0 {
                        vzip1q_s64(left, right)
                    } else {
                        vzip2q_s64(left, right)
                    };
                    rows[r][i] = vreinterpretq_s32_s64(both);
                });
            }
        }
        rows
    }
}
