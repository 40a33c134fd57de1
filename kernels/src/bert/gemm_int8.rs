//! Integer matrix products: unsigned bytes times signed bytes, summed exactly in `i32`. See [`layout`]
//! for the layout of the operands.
//!
//! [`layout`]: super::layout

use super::{
    buffer::AlignedMemory,
    layout::{
        BandBlock, DEPTH_UNIT, Int8TileInput, Int8TileOutput, K4Groups, LANES, PanelBlock,
        TILE_COLUMNS, TILE_PANELS, TILE_ROWS,
    },
    simd::{DotProduct, Simd},
    tiling::{TileKernel, tile_output},
};

/// Returns memory as blocks of bands.
#[inline(always)]
pub(super) fn band_blocks<S: Simd>(memory: &AlignedMemory) -> &[BandBlock<S::Lhs>] {
    memory.view::<S::Lhs>().as_chunks().0.as_chunks().0
}

/// Returns memory as mutable blocks of bands.
#[inline(always)]
pub(super) fn band_blocks_mut<S: Simd>(memory: &mut AlignedMemory) -> &mut [BandBlock<S::Lhs>] {
    memory
        .view_mut::<S::Lhs>()
        .as_chunks_mut()
        .0
        .as_chunks_mut()
        .0
}

/// Returns memory as blocks of panels.
#[inline(always)]
pub(super) fn panel_blocks<S: Simd>(memory: &AlignedMemory) -> &[PanelBlock<S::Rhs>] {
    let groups: &[[S::Rhs; 4]] = memory.view().as_chunks().0;
    groups.as_chunks().0.as_chunks().0
}

/// Returns memory as mutable blocks of panels.
#[inline(always)]
pub(super) fn panel_blocks_mut<S: Simd>(memory: &mut AlignedMemory) -> &mut [PanelBlock<S::Rhs>] {
    let groups: &mut [[S::Rhs; 4]] = memory.view_mut().as_chunks_mut().0;
    groups.as_chunks_mut().0.as_chunks_mut().0
}

/// Returns [`Simd::lane_sums`]: the dot products with ones.
#[inline(always)]
pub(super) fn lane_sums<S: DotProduct, const Q: usize>(
    simd: S,
    block: &PanelBlock<S::Rhs>,
) -> S::I {
    let ones = simd.broadcast_k4(&[S::Lhs::from(1); 4]);
    let mut sum = simd.zero_accumulator();
    for groups in &block[..Q] {
        sum = simd.dot(sum, ones, groups);
    }
    simd.accumulator_lanes(sum)
}

/// Computes a tile by [`DotProduct::dot`], with the first `Q` groups of four of each unit of depth; the others
/// must be zero on the right-hand side.
#[inline(always)]
pub(super) fn dot_product_tile<S: DotProduct, const P: usize, const Q: usize>(
    simd: S,
    input: &Int8TileInput<'_, S::Lhs, S::Rhs, P>,
    output: &mut Int8TileOutput,
) {
    assert!(input.rows <= TILE_ROWS);
    let mut tile = Int8Tile::<'_, S, P, Q> {
        simd,
        input,
        output,
    };
    tile_output::<P>(S::INT8_REGISTER_TILE, input.rows, true, &mut tile);
}

/// Computes a tile by register tiles.
struct Int8Tile<'a, S: DotProduct, const P: usize, const Q: usize> {
    simd: S,
    input: &'a Int8TileInput<'a, S::Lhs, S::Rhs, P>,
    output: &'a mut Int8TileOutput,
}

impl<S: DotProduct, const P: usize, const Q: usize> TileKernel for Int8Tile<'_, S, P, Q> {
    #[inline(always)]
    fn register_tile<const R: usize, const W: usize>(&mut self, row: usize, panel: usize) {
        let (simd, depth) = (self.simd, self.input.lhs.len());
        let panels: [&[PanelBlock<S::Rhs>]; W] =
            std::array::from_fn(|p| &self.input.panels[panel + p][..depth]);
        let next_panels: [&[PanelBlock<S::Rhs>]; W] =
            std::array::from_fn(|p| &self.input.next_panels[panel + p][..depth]);
        let mut sums = [[simd.zero_accumulator(); W]; R];
        for unit in 0..depth {
            let Some(left) = self.input.lhs[unit][row..].first_chunk::<R>() else {
                unreachable!("register tiles never exceed the rows of a band");
            };
            for group in 0..Q {
                let b: [&K4Groups<S::Rhs>; W] = std::array::from_fn(|p| &panels[p][unit][group]);
                for p in 0..W {
                    simd.prefetch(&next_panels[p][unit][group]);
                }
                let a: [&[S::Lhs; 4]; R] = std::array::from_fn(|r| &left[r].as_chunks().0[group]);
                simd.dot_tile(&mut sums, a, b);
            }
        }
        for r in 0..R {
            let to = self.output.0[row + r].as_chunks_mut::<LANES>().0;
            for p in 0..W {
                simd.store_int(&mut to[panel + p], simd.accumulator_lanes(sums[r][p]));
            }
        }
    }
}

/// A right-hand side of signed bytes, packed into panels for one instruction set.
#[derive(Debug)]
pub(super) struct PackedInt8 {
    memory: AlignedMemory,
    level_bytes: usize,
    depth: usize,
    columns: usize,
}

impl PackedInt8 {
    /// Packs consecutive columns of `depth` bytes each.
    ///
    /// The number of columns must be a multiple of 64, and `depth` a multiple of [`DEPTH_UNIT`].
    pub(super) fn new<S: Simd>(depth: usize, bytes: &[i8]) -> Self {
        let columns = bytes.len() / depth;
        assert!(depth.is_multiple_of(DEPTH_UNIT) && columns.is_multiple_of(TILE_COLUMNS));
        let mut memory = AlignedMemory::new::<S::Rhs>(depth * columns);
        let units = depth / DEPTH_UNIT;
        let blocks = panel_blocks_mut::<S>(&mut memory);
        let panels = blocks.chunks_exact_mut(units);
        for (panel, columns) in panels.zip(bytes.chunks_exact(depth * LANES)) {
            for (lane, column) in columns.chunks_exact(depth).enumerate() {
                for (block, unit) in panel.iter_mut().zip(column.as_chunks::<DEPTH_UNIT>().0) {
                    for (group, levels) in unit.as_chunks::<4>().0.iter().enumerate() {
                        S::store_k4_lane(block, S::k4_slot(group), lane, *levels);
                    }
                }
            }
        }
        Self {
            memory,
            level_bytes: size_of::<S::Rhs>(),
            depth,
            columns,
        }
    }

    /// Returns the length of each column.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Returns the number of columns.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Returns four panels, from column `64 * index` on.
    ///
    /// # Panics
    ///
    /// If it was packed for an instruction set with another size of levels.
    #[inline(always)]
    pub(super) fn panel_group<S: Simd>(
        &self,
        index: usize,
    ) -> [&[PanelBlock<S::Rhs>]; TILE_PANELS] {
        assert_eq!(self.level_bytes, size_of::<S::Rhs>());
        let units = self.depth / DEPTH_UNIT;
        let blocks = panel_blocks::<S>(&self.memory);
        std::array::from_fn(|p| &blocks[(index * TILE_PANELS + p) * units..][..units])
    }
}
