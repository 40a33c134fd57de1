//! Tiles of integer matrix products, panel by panel.

use super::products::{Lanes, NeonProducts};
use crate::bert::{
    layout::{Int8TileInput, Int8TileOutput, LANES, PanelBlock, TILE_ROWS},
    simd::Simd,
    tiling::{TileKernel, tile_output},
};

/// Computes a tile with the first `Q` groups of each unit of depth.
#[inline(always)]
pub(crate) fn compute<S, P, const W: usize, const Q: usize>(
    simd: S,
    products: P,
    input: &Int8TileInput<'_, P::Lhs, i8, W>,
    output: &mut Int8TileOutput,
) where
    S: Simd<I = Lanes, Rhs = i8>,
    P: NeonProducts,
{
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
        let mut tile = PanelTile::<'_, S, P, W, Q> {
            simd,
            products,
            input,
            blocks,
            panel,
            zero_point,
            output,
        };
        tile_output::<1>(P::REGISTER_TILE, input.rows, true, &mut tile);
    }
}

/// Computes the columns of one panel by register tiles.
struct PanelTile<'a, S, P: NeonProducts, const W: usize, const Q: usize> {
    simd: S,
    products: P,
    input: &'a Int8TileInput<'a, P::Lhs, i8, W>,
    blocks: &'a [PanelBlock<i8>],
    panel: usize,
    /// What must be added to the sums of levels that are stored as differences from 128.
    zero_point: Lanes,
    output: &'a mut Int8TileOutput,
}

impl<S, P, const W: usize, const Q: usize> TileKernel for PanelTile<'_, S, P, W, Q>
where
    S: Simd<I = Lanes, Rhs = i8>,
    P: NeonProducts,
{
    #[inline(always)]
    fn register_tile<const R: usize, const PANELS: usize>(&mut self, row: usize, _: usize) {
        const { assert!(Q.is_multiple_of(4)) };
        let (simd, products) = (self.simd, self.products);
        let mut sums = products.zero_sums::<R>();
        for (unit, block) in self.blocks.iter().enumerate() {
            let Some(rows) = self.input.lhs[unit][row..].first_chunk::<R>() else {
                unreachable!("register tiles never exceed the rows of a band");
            };
            for (step, groups) in block[..Q].as_chunks::<4>().0.iter().enumerate() {
                let mut levels = [&rows[0].as_chunks().0[step]; R];
                for r in 1..R {
                    levels[r] = &rows[r].as_chunks().0[step];
                }
                products.add_products(&mut sums, levels, groups);
            }
        }
        let sums = products.sums_by_row(&sums);
        for r in 0..R {
            let to = &mut self.output.0[row + r].as_chunks_mut::<LANES>().0[self.panel];
            simd.store_int(to, simd.add_int(sums[r], self.zero_point));
        }
    }
}
