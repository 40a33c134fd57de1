//! The layout of the operands of matrix products: what tokens, kernels and matrix products share.
//!
//! Both sides are divided into units of 64 along the depth, so that every position is a constant offset
//! from the beginning of its unit. The right-hand side is packed once into *panels* of sixteen columns,
//! each a list of [`PanelBlock`]s `[64 / 4][16 columns][4]`: the operand of a dot product of four levels
//! for sixteen columns is contiguous, and a block is one AMX tile. The left-hand side is divided into
//! *bands* of 32 rows, each a list of [`BandBlock`]s `[32 rows][64]`: half a block is one AMX tile.
//!
//! A *level* is a quantized number. It is stored as a byte, or as a 16-bit word if the instruction set
//! multiplies words only ([`Simd::Lhs`](super::simd::Simd::Lhs),
//! [`Simd::Rhs`](super::simd::Simd::Rhs)).

/// Lanes of every vector, for any width of registers.
pub(super) const LANES: usize = 16;
/// Rows of a band, and maximum number of rows of a tile.
pub(super) const TILE_ROWS: usize = 32;
/// Maximum number of panels of a tile.
pub(super) const TILE_PANELS: usize = 4;
/// Maximum number of columns of a tile.
pub(super) const TILE_COLUMNS: usize = TILE_PANELS * LANES;
/// The depth is a multiple of this.
pub(super) const DEPTH_UNIT: usize = 64;
/// Groups of four in a unit of depth.
pub(super) const K4_GROUPS_PER_UNIT: usize = DEPTH_UNIT / 4;

/// The right-hand side of one dot product: four levels for each of sixteen columns.
pub(super) type K4Groups<T> = [[T; 4]; LANES];
/// A unit of depth of one panel.
pub(super) type PanelBlock<T> = [K4Groups<T>; K4_GROUPS_PER_UNIT];
/// A unit of depth of one band of rows.
pub(super) type BandBlock<T> = [[T; DEPTH_UNIT]; TILE_ROWS];

/// The sums of a tile, `[row][column]`; a tile of fewer panels fills the first columns.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Int8TileOutput(pub [[i32; TILE_COLUMNS]; TILE_ROWS]);

impl Int8TileOutput {
    /// All zeros.
    pub(super) const ZERO: Self = Self([[0; TILE_COLUMNS]; TILE_ROWS]);

    /// Returns a row as vectors.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> &[[i32; LANES]; TILE_PANELS] {
        let (vectors, _) = self.0[row].as_chunks();
        vectors.as_array().unwrap_or(&[[0; LANES]; TILE_PANELS])
    }
}

/// Input of a tile.
pub(super) struct Int8TileInput<'a, L, R, const P: usize> {
    /// The left-hand side: one band of rows.
    pub lhs: &'a [BandBlock<L>],
    /// Number of rows, 1..=32; the content of the other rows of the output is unspecified.
    pub rows: usize,
    /// The panels of the right-hand side, each as long as `lhs`.
    pub panels: [&'a [PanelBlock<R>]; P],
    /// The next panels, to be prefetched; as long as `panels`.
    pub next_panels: [&'a [PanelBlock<R>]; P],
}
