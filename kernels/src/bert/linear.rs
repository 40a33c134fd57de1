//! Linear layers on many rows: `input * weights + bias`, in int8 or `f32`, and their epilogues: what is
//! done with outputs while they are in registers.

use std::ops::Range;

use super::{
    buffer::AlignedBuffer,
    gemm_f32,
    gemm_int8::{self, PackedInt8},
    layout::{
        DEPTH_UNIT, Int8TileInput, Int8TileOutput, K4_GROUPS_PER_UNIT, TILE_COLUMNS, TILE_PANELS,
        TILE_ROWS,
    },
    math,
    rows::{QuantizedRows, RowMinMax},
    simd::{Kernel, LANES, Simd},
};

/// A linear layer whose weights are signed bytes, with a scale per output column.
#[derive(Debug)]
pub struct Int8Layer {
    weights: PackedInt8,
    /// Scale of each column.
    scales: AlignedBuffer<f32>,
    /// Scale times the sum of the column's bytes: the output for an input of ones.
    column_sums: AlignedBuffer<f32>,
    bias: AlignedBuffer<f32>,
    /// Factors by which input columns must have been multiplied.
    smoothing: AlignedBuffer<f32>,
}

impl Int8Layer {
    /// Returns the number of inputs.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.weights.depth()
    }

    /// Returns the number of outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.weights.columns()
    }

    /// Returns the factors by which input columns must have been multiplied.
    #[must_use]
    pub fn smoothing(&self) -> &[f32] {
        &self.smoothing
    }
}

/// Quantizes `weights`, `bias.len()` rows of one output each, after multiplying each input column by
/// its smoothing divisor; the layer's inputs must be multiplied by the inverse.
///
/// The numbers of inputs and outputs must be multiples of 64.
pub struct PackInt8<'a> {
    /// One row per output.
    pub weights: &'a [f32],
    /// One number per output.
    pub bias: &'a [f32],
    /// One number per input column.
    pub divisors: &'a [f32],
}

impl Kernel for PackInt8<'_> {
    type Out = Int8Layer;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Int8Layer {
        let (depth, columns) = (self.divisors.len(), self.bias.len());
        let divisors = self.divisors.as_chunks::<LANES>().0;
        let mut bytes = vec![0_i8; self.weights.len()];
        let (mut scales, mut sums) = (AlignedBuffer::new(columns), AlignedBuffer::new(columns));
        let rows = self.weights.chunks_exact(depth);
        for (column, (row, bytes)) in rows.zip(bytes.chunks_exact_mut(depth)).enumerate() {
            let row = row.as_chunks::<LANES>().0;
            let smoothed = |(w, d)| simd.mul(simd.load(w), simd.load(d));
            let mut largest = simd.splat(0.0);
            for w in row.iter().zip(divisors).map(smoothed) {
                largest = simd.max(largest, simd.max(w, simd.sub(simd.splat(0.0), w)));
            }
            let largest = simd.reduce_max(largest);
            let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
            let mut sum = simd.splat_int(0);
            for (byte, w) in bytes
                .as_chunks_mut::<LANES>()
                .0
                .iter_mut()
                .zip(row.iter().zip(divisors).map(smoothed))
            {
                // Within ±127 by the scale.
                let rounded = simd.round(simd.div(w, simd.splat(scale)));
                sum = simd.add_int(sum, rounded);
                let mut lanes = [0; LANES];
                simd.store_bytes(&mut lanes, simd.and_int(rounded, simd.splat_int(255)));
                *byte = lanes.map(u8::cast_signed);
            }
            scales[column] = scale;
            // Exact, since 127 * depth is far below 2^24.
            sums[column] = scale * simd.reduce_add(simd.float(sum));
        }
        let mut smoothing = AlignedBuffer::new(depth);
        for (s, d) in smoothing.iter_mut().zip(self.divisors) {
            *s = 1.0 / d;
        }
        Int8Layer {
            weights: PackedInt8::new::<S>(depth, &bytes),
            scales,
            column_sums: sums,
            bias: AlignedBuffer::from_slice(self.bias),
            smoothing,
        }
    }
}

/// What is done with a layer's outputs.
pub(super) trait Epilogue {
    /// Consumes 64 outputs of `row` (counted from the first of the product) from column `first` on; the
    /// columns of a row are passed in order.
    fn apply<S: Simd>(&mut self, simd: S, row: usize, first: usize, values: [S::F; TILE_PANELS]);
}

/// Writes outputs.
pub struct StoreEpilogue<'a> {
    /// Rows of `width`.
    pub to: &'a mut [f32],
    /// Outputs of a row.
    pub width: usize,
}

impl Epilogue for StoreEpilogue<'_> {
    #[inline(always)]
    fn apply<S: Simd>(&mut self, simd: S, row: usize, first: usize, values: [S::F; TILE_PANELS]) {
        let to = &mut self.to[row * self.width + first..][..TILE_COLUMNS];
        for (to, value) in to.as_chunks_mut().0.iter_mut().zip(values) {
            simd.store(to, value);
        }
    }
}

/// Adds outputs to the existing values.
pub struct AddEpilogue<'a> {
    /// Rows of `width`.
    pub to: &'a mut [f32],
    /// Outputs of a row.
    pub width: usize,
}

impl Epilogue for AddEpilogue<'_> {
    #[inline(always)]
    fn apply<S: Simd>(&mut self, simd: S, row: usize, first: usize, values: [S::F; TILE_PANELS]) {
        let to = &mut self.to[row * self.width + first..][..TILE_COLUMNS];
        for (to, value) in to.as_chunks_mut().0.iter_mut().zip(values) {
            let sum = simd.add(simd.load(to), value);
            simd.store(to, sum);
        }
    }
}

/// Applies GELU, multiplies each column by the `smoothing` of the next layer, and computes minimum and
/// maximum of each row, so that only rounding remains to be done to quantize them.
pub struct GeluEpilogue<'a> {
    /// Rows as wide as `smoothing`.
    pub to: &'a mut [f32],
    /// Factor of each column.
    pub smoothing: &'a [f32],
    /// Receives the range of each row.
    pub row_min_max: &'a mut RowMinMax,
}

impl Epilogue for GeluEpilogue<'_> {
    #[inline(always)]
    fn apply<S: Simd>(&mut self, simd: S, row: usize, first: usize, values: [S::F; TILE_PANELS]) {
        let row_min = &mut self.row_min_max.min.as_chunks_mut::<LANES>().0[row];
        let row_max = &mut self.row_min_max.max.as_chunks_mut::<LANES>().0[row];
        let (mut low, mut high) = if first == 0 {
            (simd.splat(f32::MAX), simd.splat(f32::MIN))
        } else {
            (simd.load(row_min), simd.load(row_max))
        };
        let smoothing = lanes(&self.smoothing[first..][..TILE_COLUMNS]);
        let to = &mut self.to[row * self.smoothing.len() + first..][..TILE_COLUMNS];
        let to = to.as_chunks_mut().0;
        for p in 0..TILE_PANELS {
            let value = simd.mul(math::gelu_int8(simd, values[p]), simd.load(&smoothing[p]));
            low = simd.min(low, value);
            high = simd.max(high, value);
            simd.store(&mut to[p], value);
        }
        simd.store(row_min, low);
        simd.store(row_max, high);
    }
}

/// Computes `dequantized(rows) * weights + bias`.
pub struct Int8Linear<'a, O> {
    /// The layer.
    pub layer: &'a Int8Layer,
    /// Rows of the layer's inputs.
    pub rows: &'a QuantizedRows,
    /// The rows to process; the first is a multiple of [`TILE_ROWS`].
    pub range: Range<usize>,
    /// What is done with the outputs.
    pub epilogue: O,
}

impl<O: Epilogue> Kernel for Int8Linear<'_, O> {
    type Out = ();

    /// Column by column, so that weights are read from memory once for any number of rows.
    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let (layer, units) = (self.layer, self.layer.inputs() / DEPTH_UNIT);
        let bands = gemm_int8::band_blocks::<S>(&self.rows.levels);
        let mut tile = Int8TileOutput::ZERO;
        let groups = layer.outputs() / TILE_COLUMNS;
        for group in 0..groups {
            let panels = layer.weights.panel_group::<S>(group);
            let next = layer.weights.panel_group::<S>((group + 1).min(groups - 1));
            let first = group * TILE_COLUMNS;
            let scales = lanes(&layer.scales[first..][..TILE_COLUMNS]);
            let sums = lanes(&layer.column_sums[first..][..TILE_COLUMNS]);
            let bias = lanes(&layer.bias[first..][..TILE_COLUMNS]);
            for start in self.range.clone().step_by(TILE_ROWS) {
                let height = TILE_ROWS.min(self.range.end - start);
                let last = start + height == self.range.end;
                let input = Int8TileInput {
                    lhs: &bands[start / TILE_ROWS * units..][..units],
                    rows: height,
                    panels,
                    next_panels: if last { next } else { panels },
                };
                simd.tile::<TILE_PANELS, K4_GROUPS_PER_UNIT>(&input, &mut tile);
                for r in 0..height {
                    let tile = tile.row(r);
                    let scale = simd.splat(self.rows.scales[start + r]);
                    let low = simd.splat(self.rows.offsets[start + r]);
                    let mut values = [low; TILE_PANELS];
                    for p in 0..TILE_PANELS {
                        let product = simd.mul(simd.float(simd.load_int(&tile[p])), scale);
                        let base = simd.fma(low, simd.load(&sums[p]), simd.load(&bias[p]));
                        values[p] = simd.fma(product, simd.load(&scales[p]), base);
                    }
                    let row = start + r - self.range.start;
                    self.epilogue.apply(simd, row, first, values);
                }
            }
        }
    }
}

/// Returns the columns of a tile as vectors.
#[inline(always)]
fn lanes(columns: &[f32]) -> &[[f32; LANES]] {
    columns.as_chunks::<LANES>().0
}

/// A linear layer in `f32`.
#[derive(Debug)]
pub struct F32Layer {
    weights: gemm_f32::PackedF32,
    bias: AlignedBuffer<f32>,
}

impl F32Layer {
    /// Packs `weights`, `bias.len()` rows of one output each; outputs must be a multiple of 64.
    #[must_use]
    pub fn new(weights: &[f32], bias: &[f32]) -> Self {
        Self {
            weights: gemm_f32::PackedF32::new(weights.len() / bias.len(), weights),
            bias: AlignedBuffer::from_slice(bias),
        }
    }
}

/// Computes `rows * weights + bias` into `out` or, if `ADD`, adds it to `out`.
pub struct F32Linear<'a, const ADD: bool> {
    /// The layer.
    pub layer: &'a F32Layer,
    /// Rows of the layer's inputs.
    pub rows: &'a [f32],
    /// Rows of the layer's outputs.
    pub out: &'a mut [f32],
}

impl<const ADD: bool> Kernel for F32Linear<'_, ADD> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let weights = &self.layer.weights;
        let columns = weights.columns();
        for group in 0..columns / TILE_COLUMNS {
            let first = group * TILE_COLUMNS;
            let input = gemm_f32::F32TileInput {
                lhs: self.rows,
                lhs_stride: weights.depth(),
                rows: self.rows.len() / weights.depth(),
                depth: weights.depth(),
                panels: weights.panel_group(group),
                column_bias: lanes(&self.layer.bias[first..][..TILE_COLUMNS]),
            };
            gemm_f32::tile::<S, TILE_PANELS, ADD>(simd, &input, &mut self.out[first..], columns);
        }
    }
}
