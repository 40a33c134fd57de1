//! Integer matrix products: unsigned bytes times signed bytes, summed exactly in `i32`.
//!
//! Both sides are cut into pieces of 64 along the depth, so that every place is a constant offset
//! from the piece's beginning. The right-hand side is packed once into *panels* of sixteen columns,
//! each a list of [`Block`]s `[64 / 4][16 columns][4]`: a dot product of four levels for sixteen
//! columns is one contiguous vector, and a block is one AMX tile. The left-hand side comes in
//! bands of 32 rows, each a list of [`Slab`]s `[32 rows][64]`: half a slab is one AMX tile.
//!
//! A *level* is one such number. It is kept as a byte, or as a word where the instruction set
//! multiplies only words ([`Simd::Left`], [`Simd::Right`]).

use super::{
    buffer::AlignedMemory,
    simd::{LANES, Simd},
    tiling::{TileKernel, tile_output},
};

/// Rows of a band, and most rows of a tile.
pub const TILE_ROWS: usize = 32;
/// Panels of the widest tile.
pub const TILE_PANELS: usize = 4;
/// Columns of the widest tile.
pub const TILE_COLUMNS: usize = TILE_PANELS * LANES;
/// Depth comes in multiples of this.
pub const DEPTH_UNIT: usize = 64;
/// Groups of four in a unit of depth.
pub const K4_GROUPS_PER_UNIT: usize = DEPTH_UNIT / 4;

/// The right-hand side of one dot product: four levels for each of sixteen columns.
pub type K4Groups<T> = [[T; 4]; LANES];
/// A unit of depth of one panel.
pub type PanelBlock<T> = [K4Groups<T>; K4_GROUPS_PER_UNIT];
/// A unit of depth of one band of rows.
pub type BandBlock<T> = [[T; DEPTH_UNIT]; TILE_ROWS];

/// Memory seen as slabs.
#[inline(always)]
pub fn band_blocks<S: Simd>(memory: &AlignedMemory) -> &[BandBlock<S::Lhs>] {
    memory.view::<S::Lhs>().as_chunks().0.as_chunks().0
}

/// Memory seen as slabs, to be written.
#[inline(always)]
pub fn band_blocks_mut<S: Simd>(memory: &mut AlignedMemory) -> &mut [BandBlock<S::Lhs>] {
    memory
        .view_mut::<S::Lhs>()
        .as_chunks_mut()
        .0
        .as_chunks_mut()
        .0
}

/// Memory seen as blocks.
#[inline(always)]
pub fn panel_blocks<S: Simd>(memory: &AlignedMemory) -> &[PanelBlock<S::Rhs>] {
    let quads: &[[S::Rhs; 4]] = memory.view().as_chunks().0;
    quads.as_chunks().0.as_chunks().0
}

/// Memory seen as blocks, to be written.
#[inline(always)]
pub fn panel_blocks_mut<S: Simd>(memory: &mut AlignedMemory) -> &mut [PanelBlock<S::Rhs>] {
    let quads: &mut [[S::Rhs; 4]] = memory.view_mut().as_chunks_mut().0;
    quads.as_chunks_mut().0.as_chunks_mut().0
}

/// The sums of one tile, `[row][column]`; a tile of fewer panels fills the first columns.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Int8TileOutput(pub [[i32; TILE_COLUMNS]; TILE_ROWS]);

impl Int8TileOutput {
    /// Zeros.
    pub const ZERO: Self = Self([[0; TILE_COLUMNS]; TILE_ROWS]);

    /// One row, vector by vector.
    #[inline(always)]
    pub fn row(&self, row: usize) -> &[[i32; LANES]; TILE_PANELS] {
        let (vectors, _) = self.0[row].as_chunks();
        vectors.as_array().unwrap_or(&[[0; LANES]; TILE_PANELS])
    }
}

/// What a tile is computed from.
pub struct Int8TileInput<'a, S: Simd, const P: usize> {
    /// The left-hand side: one band of rows.
    pub lhs: &'a [BandBlock<S::Lhs>],
    /// Rows wanted, 1..=32; what the others hold afterwards is undefined.
    pub rows: usize,
    /// The panels of the right-hand side, each as long as `left`.
    pub panels: [&'a [PanelBlock<S::Rhs>]; P],
    /// Panels that will be needed next, to be brought nearer meanwhile; as long as `panels`.
    pub next_panels: [&'a [PanelBlock<S::Rhs>]; P],
}

/// A tile by [`Simd::dot`]. `Q` quads of each unit of depth are taken; the others must be zero on
/// the right-hand side.
#[inline(always)]
pub fn dot_product_tile<S: Simd, const P: usize, const Q: usize>(
    simd: S,
    input: &Int8TileInput<'_, S, P>,
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

/// A tile under way.
struct Int8Tile<'a, S: Simd, const P: usize, const Q: usize> {
    simd: S,
    input: &'a Int8TileInput<'a, S, P>,
    output: &'a mut Int8TileOutput,
}

impl<S: Simd, const P: usize, const Q: usize> TileKernel for Int8Tile<'_, S, P, Q> {
    #[inline(always)]
    fn register_tile<const R: usize, const W: usize>(&mut self, row: usize, panel: usize) {
        let (simd, depth) = (self.simd, self.input.lhs.len());
        let panels: [&[PanelBlock<S::Rhs>]; W] =
            std::array::from_fn(|p| &self.input.panels[panel + p][..depth]);
        let ahead: [&[PanelBlock<S::Rhs>]; W] =
            std::array::from_fn(|p| &self.input.next_panels[panel + p][..depth]);
        let mut sums = [[simd.zero_accumulator(); W]; R];
        for unit in 0..depth {
            let Some(left) = self.input.lhs[unit][row..].first_chunk::<R>() else {
                unreachable!("blocks cover the rows of a tile and no more");
            };
            for quad in 0..Q {
                let b: [&K4Groups<S::Rhs>; W] = std::array::from_fn(|p| &panels[p][unit][quad]);
                for p in 0..W {
                    simd.prefetch(&ahead[p][unit][quad]);
                }
                for r in 0..R {
                    let a = simd.broadcast_k4(&left[r].as_chunks().0[quad]);
                    for p in 0..W {
                        sums[r][p] = simd.dot(sums[r][p], a, b[p]);
                    }
                }
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
pub struct PackedInt8 {
    memory: AlignedMemory,
    /// Bytes of a level.
    level_bytes: usize,
    depth: usize,
    columns: usize,
}

impl PackedInt8 {
    /// Packs columns of `depth` bytes each, one after another.
    ///
    /// The number of columns must be a multiple of 64 and `depth` one of [`DEPTH_UNIT`].
    pub fn new<S: Simd>(depth: usize, bytes: &[i8]) -> Self {
        let columns = bytes.len() / depth;
        assert!(depth.is_multiple_of(DEPTH_UNIT) && columns.is_multiple_of(TILE_COLUMNS));
        let mut memory = AlignedMemory::new::<S::Rhs>(depth * columns);
        let units = depth / DEPTH_UNIT;
        let blocks = panel_blocks_mut::<S>(&mut memory);
        let panels = blocks.chunks_exact_mut(units);
        for (panel, columns) in panels.zip(bytes.chunks_exact(depth * LANES)) {
            for (within, column) in columns.chunks_exact(depth).enumerate() {
                for (block, unit) in panel.iter_mut().zip(column.as_chunks::<DEPTH_UNIT>().0) {
                    for (quad, levels) in unit.as_chunks::<4>().0.iter().enumerate() {
                        block[S::k4_slot(quad)][within] = levels.map(S::Rhs::from);
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

    /// Length of each column.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Four panels, from column `64 * index` on.
    ///
    /// # Panics
    ///
    /// If it was packed for an instruction set with other levels.
    #[inline(always)]
    pub fn panel_group<S: Simd>(&self, index: usize) -> [&[PanelBlock<S::Rhs>]; TILE_PANELS] {
        assert_eq!(self.level_bytes, size_of::<S::Rhs>());
        let units = self.depth / DEPTH_UNIT;
        let blocks = panel_blocks::<S>(&self.memory);
        std::array::from_fn(|p| &blocks[(index * TILE_PANELS + p) * units..][..units])
    }
}
