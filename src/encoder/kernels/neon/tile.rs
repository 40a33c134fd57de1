//! Tiles of integer matrix products, panel by panel.

use super::{Neon, NeonProducts};
use crate::encoder::kernels::{
    layout::{Int8TileInput, Int8TileOutput, LANES, PanelBlock, TILE_ROWS},
    simd::Simd,
    tiling::{RegisterTile, TileKernel, tile_output},
};

/// Computes a tile with the first `Q` groups of each unit of depth.
#[inline(always)]
pub fn compute<P: NeonProducts, const W: usize, const Q: usize>(
    simd: Neon<P>,
    input: &Int8TileInput<'_, P::Lhs, i8, W>,
    output: &mut Int8TileOutput,
) {
    assert!(input.rows <= TILE_ROWS);
    for panel in 0..W {
        let blocks = &input.panels[panel][..input.lhs.len()];
        let mut zero_point = simd.splat_int(0);
        if P::IS_CENTERED {
            for block in blocks {
                zero_point = simd.add_int(zero_point, simd.lane_sums::<Q>(block));
            }
            zero_point = simd.shl_int::<7>(zero_point);
        }
        let mut tile = PanelTile::<'_, P, W, Q> {
            simd,
            input,
            blocks,
            panel,
            zero_point,
            output,
        };
        tile_output::<1>(RegisterTile::Narrow, input.rows, true, &mut tile);
    }
}

/// Computes the columns of one panel by register tiles.
struct PanelTile<'a, P: NeonProducts, const W: usize, const Q: usize> {
    simd: Neon<P>,
    input: &'a Int8TileInput<'a, P::Lhs, i8, W>,
    blocks: &'a [PanelBlock<i8>],
    panel: usize,
    /// What must be added to the sums of levels that are stored as differences from 128.
    zero_point: <Neon<P> as Simd>::I,
    output: &'a mut Int8TileOutput,
}

impl<P: NeonProducts, const W: usize, const Q: usize> TileKernel for PanelTile<'_, P, W, Q> {
    #[inline(always)]
    fn register_tile<const R: usize, const PANELS: usize>(&mut self, row: usize, _: usize) {
        const { assert!(Q.is_multiple_of(4)) };
        let simd = self.simd;
        let mut sums = P::zero_sums::<R>(simd);
        for (unit, block) in self.blocks.iter().enumerate() {
            let Some(rows) = self.input.lhs[unit][row..].first_chunk::<R>() else {
                unreachable!("register tiles never exceed the rows of a band");
            };
            for (step, groups) in block[..Q].as_chunks::<4>().0.iter().enumerate() {
                let mut levels = [&rows[0].as_chunks().0[step]; R];
                for r in 1..R {
                    levels[r] = &rows[r].as_chunks().0[step];
                }
                P::add_products(simd, &mut sums, levels, groups);
            }
        }
        let sums = P::sums_by_row(simd, &sums);
        for r in 0..R {
            let to = &mut self.output.0[row + r].as_chunks_mut::<LANES>().0[self.panel];
            simd.store_int(to, simd.add_int(sums[r], self.zero_point));
        }
    }
}
