//! Integer matrix products: unsigned bytes times signed bytes, summed exactly in `i32`.
//!
//! The right-hand side is packed once into *panels* of sixteen columns, laid out
//! `[depth / 4][16 columns][4]`, so that a dot product of four bytes for sixteen columns is one
//! contiguous vector, and 64 rows of depth are one AMX tile. The left-hand side is plain rows.
//! Depth is a multiple of 64; what is missing is filled with zeros on the right-hand side.

use super::{
    buffer::Buffer,
    simd::{DOT_BYTES, LANES, Simd},
};

/// Most rows of a tile.
pub const TILE_ROWS: usize = 32;
/// Panels of the widest tile.
pub const TILE_PANELS: usize = 4;
/// Columns of the widest tile.
pub const TILE_COLUMNS: usize = TILE_PANELS * LANES;
/// Depth comes in multiples of this.
pub const DEPTH_UNIT: usize = 64;

/// Groups of four bytes that [`tile_by_dots`] takes in one step.
const QUADS: usize = 4;

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
pub struct TileInput<'a, const P: usize> {
    /// The left-hand side from the first row on; whole bands of sixteen rows are readable, whatever
    /// `rows` says.
    pub left: &'a [u8],
    /// Bytes from one row to the next.
    pub left_stride: usize,
    /// Rows wanted, 1..=32; what the others hold afterwards is undefined.
    pub rows: usize,
    /// Length of the sums; a multiple of [`DEPTH_UNIT`].
    pub depth: usize,
    /// The panels of the right-hand side, `depth * 16` bytes each.
    pub panels: [&'a [i8]; P],
}

/// A tile by [`Simd::dot`], in blocks that fit the registers.
#[inline(always)]
pub fn tile_by_dots<S: Simd, const P: usize>(
    simd: S,
    input: &TileInput<'_, P>,
    output: &mut TileOutput,
) {
    let mut row = 0;
    while row < input.rows {
        let left = input.rows - row;
        let height = match (S::DOT_TILE.0, left) {
            (6.., 6 | 10..) => 6,
            (4.., 4..) => 4,
            (_, 2..) => 2,
            _ => 1,
        };
        // Narrow register files take one panel at a time.
        let width = if S::DOT_TILE.1 >= P { P } else { 1 };
        let mut panel = 0;
        while panel < P {
            match (height, width) {
                (6, 4) => block::<S, P, 6, 4>(simd, input, row, panel, output),
                (4, 4) => block::<S, P, 4, 4>(simd, input, row, panel, output),
                (2, 4) => block::<S, P, 2, 4>(simd, input, row, panel, output),
                (1, 4) => block::<S, P, 1, 4>(simd, input, row, panel, output),
                (6, 2) => block::<S, P, 6, 2>(simd, input, row, panel, output),
                (4, 2) => block::<S, P, 4, 2>(simd, input, row, panel, output),
                (2, 2) => block::<S, P, 2, 2>(simd, input, row, panel, output),
                (1, 2) => block::<S, P, 1, 2>(simd, input, row, panel, output),
                (6, _) => block::<S, P, 6, 1>(simd, input, row, panel, output),
                (4, _) => block::<S, P, 4, 1>(simd, input, row, panel, output),
                (2, _) => block::<S, P, 2, 1>(simd, input, row, panel, output),
                _ => block::<S, P, 1, 1>(simd, input, row, panel, output),
            }
            panel += width;
        }
        row += height;
    }
}

/// `R` rows by `W` panels of a tile, held in registers over the whole depth.
#[inline(always)]
fn block<S: Simd, const P: usize, const R: usize, const W: usize>(
    simd: S,
    input: &TileInput<'_, P>,
    row: usize,
    panel: usize,
    output: &mut TileOutput,
) {
    // In fixed steps, so that bounds are checked once a step.
    let steps = input.depth / (4 * QUADS);
    let left: [&[[[u8; 4]; QUADS]]; R] = std::array::from_fn(|r| {
        let quads: &[[u8; 4]] = input.left[(row + r) * input.left_stride..].as_chunks().0;
        &quads.as_chunks().0[..steps]
    });
    let right: [&[[[i8; DOT_BYTES]; QUADS]]; W] = std::array::from_fn(|p| {
        let vectors: &[[i8; DOT_BYTES]] = input.panels[panel + p].as_chunks().0;
        &vectors.as_chunks().0[..steps]
    });
    let mut sums = [[simd.zero_sum(); W]; R];
    for step in 0..steps {
        let left: [&[[u8; 4]; QUADS]; R] = std::array::from_fn(|r| &left[r][step]);
        let right: [&[[i8; DOT_BYTES]; QUADS]; W] = std::array::from_fn(|p| &right[p][step]);
        for quad in 0..QUADS {
            for r in 0..R {
                let a = simd.quad(&left[r][quad]);
                for p in 0..W {
                    sums[r][p] = simd.dot(sums[r][p], a, &right[p][quad]);
                }
            }
        }
    }
    for r in 0..R {
        let to = output.0[row + r].as_chunks_mut::<LANES>().0;
        for p in 0..W {
            simd.store_int(&mut to[panel + p], simd.finish(sums[r][p]));
        }
    }
}

/// A right-hand side of signed bytes, packed into panels.
#[derive(Debug)]
pub struct Packed {
    bytes: Buffer<i8>,
    depth: usize,
    columns: usize,
}

impl Packed {
    /// Packs `columns` columns of `depth` bytes each; `at(row, column)` gives the bytes.
    ///
    /// `columns` must be a multiple of 64 and `depth` a multiple of [`DEPTH_UNIT`].
    pub fn new(depth: usize, columns: usize, at: impl Fn(usize, usize) -> i8) -> Self {
        assert!(depth.is_multiple_of(DEPTH_UNIT) && columns.is_multiple_of(TILE_COLUMNS));
        let mut bytes = Buffer::new(depth * columns);
        for (i, byte) in bytes.iter_mut().enumerate() {
            let (panel, within) = (i / (depth * LANES), i % (depth * LANES));
            let (quad, column, row) = (within / DOT_BYTES, within % DOT_BYTES / 4, within % 4);
            *byte = at(quad * 4 + row, panel * LANES + column);
        }
        Self {
            bytes,
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
    pub fn group(&self, index: usize) -> [&[i8]; TILE_PANELS] {
        let size = self.depth * LANES;
        std::array::from_fn(|p| &self.bytes[(index * TILE_PANELS + p) * size..][..size])
    }
}
