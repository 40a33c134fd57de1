//! Matrix products in `f32`. Each sum is accumulated in order of depth by fused multiply-add, so that
//! all instruction sets return the same bits.
//!
//! The right-hand side is packed into panels of sixteen columns, laid out `[depth][16 columns]`.

use super::{
    buffer::AlignedBuffer,
    simd::{LANES, Simd},
    tiling::{TileKernel, tile_output},
};

/// Maximum number of panels of a tile.
pub(super) const TILE_PANELS: usize = 4;

/// The depth is a multiple of this.
pub(super) const DEPTH_UNIT: usize = 4;

/// Input of a tile of any number of rows.
pub(super) struct F32TileInput<'a, const P: usize> {
    /// The left-hand side from the first row on.
    pub lhs: &'a [f32],
    /// Distance between rows of the left-hand side, in numbers.
    pub lhs_stride: usize,
    /// Number of rows.
    pub rows: usize,
    /// Length of the sums; a multiple of [`DEPTH_UNIT`].
    pub depth: usize,
    /// The panels of the right-hand side, `depth * 16` numbers each.
    pub panels: [&'a [f32]; P],
    /// Added to the sums of each panel's columns.
    pub column_bias: &'a [[f32; LANES]],
}

/// Computes a tile of `16 * P` columns into `out`, whose rows are `out_stride` apart, or adds to it.
#[inline(always)]
pub(super) fn tile<S: Simd, const P: usize, const ADD: bool>(
    simd: S,
    input: &F32TileInput<'_, P>,
    out: &mut [f32],
    out_stride: usize,
) {
    let mut tile = F32Tile::<'_, S, P, ADD> {
        simd,
        input,
        out,
        out_stride,
    };
    tile_output::<P>(S::F32_REGISTER_TILE, input.rows, false, &mut tile);
}

/// Computes a tile by register tiles.
struct F32Tile<'a, S: Simd, const P: usize, const ADD: bool> {
    simd: S,
    input: &'a F32TileInput<'a, P>,
    out: &'a mut [f32],
    out_stride: usize,
}

impl<S: Simd, const P: usize, const ADD: bool> TileKernel for F32Tile<'_, S, P, ADD> {
    #[inline(always)]
    fn register_tile<const R: usize, const W: usize>(&mut self, row: usize, panel: usize) {
        let (simd, input) = (self.simd, self.input);
        // In steps of constant size, so that bounds are checked once per step.
        let steps = input.depth / DEPTH_UNIT;
        let left: [&[[f32; DEPTH_UNIT]]; R] = std::array::from_fn(|r| {
            &input.lhs[(row + r) * input.lhs_stride..].as_chunks().0[..steps]
        });
        let right: [&[[[f32; LANES]; DEPTH_UNIT]]; W] = std::array::from_fn(|p| {
            let vectors: &[[f32; LANES]] = input.panels[panel + p].as_chunks().0;
            &vectors.as_chunks().0[..steps]
        });
        let mut sums = [[simd.splat(0.0); W]; R];
        for step in 0..steps {
            let left: [&[f32; DEPTH_UNIT]; R] = std::array::from_fn(|r| &left[r][step]);
            let right: [&[[f32; LANES]; DEPTH_UNIT]; W] = std::array::from_fn(|p| &right[p][step]);
            for k in 0..DEPTH_UNIT {
                let b: [S::F; W] = std::array::from_fn(|p| simd.load(&right[p][k]));
                for r in 0..R {
                    let a = simd.splat(left[r][k]);
                    for p in 0..W {
                        sums[r][p] = simd.fma(a, b[p], sums[r][p]);
                    }
                }
            }
        }
        for r in 0..R {
            let to = &mut self.out[(row + r) * self.out_stride + panel * LANES..][..W * LANES];
            let to = to.as_chunks_mut::<LANES>().0;
            for p in 0..W {
                let mut value = simd.add(sums[r][p], simd.load(&input.column_bias[panel + p]));
                if ADD {
                    value = simd.add(simd.load(&to[p]), value);
                }
                simd.store(&mut to[p], value);
            }
        }
    }
}

/// A right-hand side, packed into panels.
#[derive(Debug)]
pub(super) struct PackedF32 {
    numbers: AlignedBuffer<f32>,
    depth: usize,
    columns: usize,
}

impl PackedF32 {
    /// Packs consecutive columns of `depth` numbers each; the number of columns must be a multiple of
    /// 64.
    pub(super) fn new(depth: usize, matrix: &[f32]) -> Self {
        let columns = matrix.len() / depth;
        assert!(columns.is_multiple_of(TILE_PANELS * LANES));
        let mut numbers = AlignedBuffer::new(depth * columns);
        let panels = numbers.chunks_exact_mut(depth * LANES);
        for (panel, columns) in panels.zip(matrix.chunks_exact(depth * LANES)) {
            for (lane, column) in columns.chunks_exact(depth).enumerate() {
                for (vector, x) in panel.as_chunks_mut::<LANES>().0.iter_mut().zip(column) {
                    vector[lane] = *x;
                }
            }
        }
        Self {
            numbers,
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
    pub(super) fn panel_group(&self, index: usize) -> [&[f32]; TILE_PANELS] {
        let size = self.depth * LANES;
        std::array::from_fn(|p| &self.numbers[(index * TILE_PANELS + p) * size..][..size])
    }
}
