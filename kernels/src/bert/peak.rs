//! Integer products by themselves, without memory traffic or epilogues: what `bench embed --kernels`
//! compares the linear layers with.

use std::hint::black_box;

use super::{
    buffer::AlignedMemory,
    gemm_int8::{band_blocks, panel_blocks},
    layout::{
        DEPTH_UNIT, Int8TileInput, Int8TileOutput, K4_GROUPS_PER_UNIT, TILE_COLUMNS, TILE_PANELS,
        TILE_ROWS,
    },
    simd::{Kernel, Simd},
};

/// Rows of the product: a multiple of the height of every register tile.
const ROWS: usize = 24;
/// Depth in units: operands and output fit into a first-level cache of 32 KB.
const UNITS: usize = 2;

/// Computes the same tile many times; returns the number of multiply-adds.
pub struct PeakProducts {
    /// How many times.
    pub passes: u32,
}

impl Kernel for PeakProducts {
    type Out = u64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> u64 {
        let left = AlignedMemory::new::<S::Lhs>(TILE_ROWS * UNITS * DEPTH_UNIT);
        let right = AlignedMemory::new::<S::Rhs>(UNITS * DEPTH_UNIT * TILE_COLUMNS);
        let blocks = panel_blocks::<S>(&right);
        let panels = std::array::from_fn(|p| &blocks[p * UNITS..][..UNITS]);
        let input = Int8TileInput {
            lhs: &band_blocks::<S>(&left)[..UNITS],
            rows: ROWS,
            panels,
            next_panels: panels,
        };
        let mut output = Int8TileOutput::ZERO;
        for _ in 0..self.passes {
            simd.tile::<TILE_PANELS, K4_GROUPS_PER_UNIT>(black_box(&input), &mut output);
            black_box(&mut output);
        }
        u64::from(self.passes) * (ROWS * UNITS * DEPTH_UNIT * TILE_COLUMNS) as u64
    }
}
