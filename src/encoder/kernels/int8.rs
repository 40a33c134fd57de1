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
    buffer::Memory,
    cover::{Blocks, cover},
    simd::{LANES, Simd},
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
pub const QUADS: usize = DEPTH_UNIT / 4;

/// The right-hand side of one dot product: four levels for each of sixteen columns.
pub type Quads<T> = [[T; 4]; LANES];
/// A unit of depth of one panel.
pub type Block<T> = [Quads<T>; QUADS];
/// A unit of depth of one band of rows.
pub type Slab<T> = [[T; DEPTH_UNIT]; TILE_ROWS];

/// Memory seen as slabs.
#[inline(always)]
pub fn slabs<S: Simd>(memory: &Memory) -> &[Slab<S::Left>] {
    memory.view::<S::Left>().as_chunks().0.as_chunks().0
}

/// Memory seen as slabs, to be written.
#[inline(always)]
pub fn slabs_mut<S: Simd>(memory: &mut Memory) -> &mut [Slab<S::Left>] {
    memory
        .view_mut::<S::Left>()
        .as_chunks_mut()
        .0
        .as_chunks_mut()
        .0
}

/// Memory seen as blocks.
#[inline(always)]
pub fn blocks<S: Simd>(memory: &Memory) -> &[Block<S::Right>] {
    let quads: &[[S::Right; 4]] = memory.view().as_chunks().0;
    quads.as_chunks().0.as_chunks().0
}

/// Memory seen as blocks, to be written.
#[inline(always)]
pub fn blocks_mut<S: Simd>(memory: &mut Memory) -> &mut [Block<S::Right>] {
    let quads: &mut [[S::Right; 4]] = memory.view_mut().as_chunks_mut().0;
    quads.as_chunks_mut().0.as_chunks_mut().0
}

/// The sums of one tile, `[row][column]`; a tile of fewer panels fills the first columns.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct TileOutput(pub [[i32; TILE_COLUMNS]; TILE_ROWS]);

impl TileOutput {
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
pub struct TileInput<'a, S: Simd, const P: usize> {
    /// The left-hand side: one band of rows.
    pub left: &'a [Slab<S::Left>],
    /// Rows wanted, 1..=32; what the others hold afterwards is undefined.
    pub rows: usize,
    /// The panels of the right-hand side, each as long as `left`.
    pub panels: [&'a [Block<S::Right>]; P],
    /// Panels that will be needed next, to be brought nearer meanwhile; as long as `panels`.
    pub ahead: [&'a [Block<S::Right>]; P],
}

/// A tile by [`Simd::dot`]. `Q` quads of each unit of depth are taken; the others must be zero on
/// the right-hand side.
#[inline(always)]
pub fn tile_by_dots<S: Simd, const P: usize, const Q: usize>(
    simd: S,
    input: &TileInput<'_, S, P>,
    output: &mut TileOutput,
) {
    assert!(input.rows <= TILE_ROWS);
    let mut tile = Tile::<'_, S, P, Q> {
        simd,
        input,
        output,
    };
    cover::<P>(S::DOT_SHAPE, input.rows, true, &mut tile);
}

/// A tile under way.
struct Tile<'a, S: Simd, const P: usize, const Q: usize> {
    simd: S,
    input: &'a TileInput<'a, S, P>,
    output: &'a mut TileOutput,
}

impl<S: Simd, const P: usize, const Q: usize> Blocks for Tile<'_, S, P, Q> {
    #[inline(always)]
    fn block<const R: usize, const W: usize>(&mut self, row: usize, panel: usize) {
        let (simd, depth) = (self.simd, self.input.left.len());
        let panels: [&[Block<S::Right>]; W] =
            std::array::from_fn(|p| &self.input.panels[panel + p][..depth]);
        let ahead: [&[Block<S::Right>]; W] =
            std::array::from_fn(|p| &self.input.ahead[panel + p][..depth]);
        let mut sums = [[simd.zero_sum(); W]; R];
        for unit in 0..depth {
            let Some(left) = self.input.left[unit][row..].first_chunk::<R>() else {
                unreachable!("blocks cover the rows of a tile and no more");
            };
            for quad in 0..Q {
                let b: [&Quads<S::Right>; W] = std::array::from_fn(|p| &panels[p][unit][quad]);
                for p in 0..W {
                    simd.prefetch(&ahead[p][unit][quad]);
                }
                for r in 0..R {
                    let a = simd.quad(&left[r].as_chunks().0[quad]);
                    for p in 0..W {
                        sums[r][p] = simd.dot(sums[r][p], a, b[p]);
                    }
                }
            }
        }
        for r in 0..R {
            let to = self.output.0[row + r].as_chunks_mut::<LANES>().0;
            for p in 0..W {
                simd.store_int(&mut to[panel + p], simd.finish(sums[r][p]));
            }
        }
    }
}

/// A right-hand side of signed bytes, packed into panels for one instruction set.
#[derive(Debug)]
pub struct Packed {
    memory: Memory,
    /// Bytes of a level.
    level: usize,
    depth: usize,
    columns: usize,
}

impl Packed {
    /// Packs columns of `depth` bytes each, one after another.
    ///
    /// The number of columns must be a multiple of 64 and `depth` one of [`DEPTH_UNIT`].
    pub fn new<S: Simd>(depth: usize, bytes: &[i8]) -> Self {
        let columns = bytes.len() / depth;
        assert!(depth.is_multiple_of(DEPTH_UNIT) && columns.is_multiple_of(TILE_COLUMNS));
        let mut memory = Memory::new::<S::Right>(depth * columns);
        let units = depth / DEPTH_UNIT;
        let blocks = blocks_mut::<S>(&mut memory);
        let panels = blocks.chunks_exact_mut(units);
        for (panel, columns) in panels.zip(bytes.chunks_exact(depth * LANES)) {
            for (within, column) in columns.chunks_exact(depth).enumerate() {
                for (block, unit) in panel.iter_mut().zip(column.as_chunks::<DEPTH_UNIT>().0) {
                    for (quad, levels) in unit.as_chunks::<4>().0.iter().enumerate() {
                        block[S::slot(quad)][within] = levels.map(S::Right::from);
                    }
                }
            }
        }
        Self {
            memory,
            level: size_of::<S::Right>(),
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
    pub fn group<S: Simd>(&self, index: usize) -> [&[Block<S::Right>]; TILE_PANELS] {
        assert_eq!(self.level, size_of::<S::Right>());
        let units = self.depth / DEPTH_UNIT;
        let blocks = blocks::<S>(&self.memory);
        std::array::from_fn(|p| &blocks[(index * TILE_PANELS + p) * units..][..units])
    }
}
