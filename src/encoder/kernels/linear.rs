//! Linear layers on many rows: `input * weights + bias`, in bytes or in `f32`, and what becomes
//! of the outputs while they are in registers.

use std::ops::Range;

use super::{
    buffer::Buffer,
    int8::{self, DEPTH_UNIT, Packed, TILE_COLUMNS, TILE_PANELS, TILE_ROWS, TileInput, TileOutput},
    math,
    rows::{ByteRows, Extremes},
    simd::{Kernel, LANES, Simd},
    single,
};

/// A linear layer whose weights are signed bytes, one scale for each output column.
#[derive(Debug)]
pub struct ByteLayer {
    weights: Packed,
    /// Scale of each column.
    scales: Buffer<f32>,
    /// Scale times the sum of the column's bytes: what an input of ones gives.
    sums: Buffer<f32>,
    bias: Buffer<f32>,
    /// Factor of each input column that the rows must have been multiplied by.
    smoothing: Buffer<f32>,
}

impl ByteLayer {
    /// Number of inputs.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.weights.depth()
    }

    /// Number of outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.weights.columns()
    }

    /// Factor of each input column that the rows must have been multiplied by.
    #[must_use]
    pub fn smoothing(&self) -> &[f32] {
        &self.smoothing
    }
}

/// Quantises `weights`, `bias.len()` rows of one output each, after multiplying each input
/// column by its smoothing divisor; the rows that come later must be multiplied by the inverse.
///
/// Inputs must be a multiple of 64, outputs too.
pub struct PackBytes<'a> {
    /// One row for each output.
    pub weights: &'a [f32],
    /// One number for each output.
    pub bias: &'a [f32],
    /// One for each input column.
    pub divisors: &'a [f32],
}

impl Kernel for PackBytes<'_> {
    type Out = ByteLayer;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> ByteLayer {
        let (depth, columns) = (self.divisors.len(), self.bias.len());
        let divisors = self.divisors.as_chunks::<LANES>().0;
        let mut bytes = vec![0_i8; self.weights.len()];
        let (mut scales, mut sums) = (Buffer::new(columns), Buffer::new(columns));
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
            // 127 * depth is far below 2^24: exact.
            sums[column] = scale * simd.reduce_add(simd.float(sum));
        }
        let mut smoothing = Buffer::new(depth);
        for (s, d) in smoothing.iter_mut().zip(self.divisors) {
            *s = 1.0 / d;
        }
        ByteLayer {
            weights: Packed::new::<S>(depth, &bytes),
            scales,
            sums,
            bias: Buffer::copy(self.bias),
            smoothing,
        }
    }
}

/// What becomes of a layer's outputs.
pub trait Outputs {
    /// Takes 64 outputs of `row` (counted from the first of the product) from column `first` on; a row's columns come in order.
    fn take<S: Simd>(&mut self, simd: S, row: usize, first: usize, values: [S::F; TILE_PANELS]);
}

/// Outputs that are written as they are.
pub struct Write<'a> {
    /// Rows of `width`.
    pub to: &'a mut [f32],
    /// Outputs of a row.
    pub width: usize,
}

impl Outputs for Write<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, row: usize, first: usize, values: [S::F; TILE_PANELS]) {
        let to = &mut self.to[row * self.width + first..][..TILE_COLUMNS];
        for (to, value) in to.as_chunks_mut().0.iter_mut().zip(values) {
            simd.store(to, value);
        }
    }
}

/// Outputs that are added to what is there.
pub struct Add<'a> {
    /// Rows of `width`.
    pub to: &'a mut [f32],
    /// Outputs of a row.
    pub width: usize,
}

impl Outputs for Add<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, row: usize, first: usize, values: [S::F; TILE_PANELS]) {
        let to = &mut self.to[row * self.width + first..][..TILE_COLUMNS];
        for (to, value) in to.as_chunks_mut().0.iter_mut().zip(values) {
            let sum = simd.add(simd.load(to), value);
            simd.store(to, sum);
        }
    }
}

/// GELU of the outputs, each column times the `smoothing` of the layer that comes next, and the
/// rows' extremes, so that nothing but rounding is left of their quantisation.
pub struct WriteGelu<'a> {
    /// Rows as wide as `smoothing`.
    pub to: &'a mut [f32],
    /// Factor of each column.
    pub smoothing: &'a [f32],
    /// Of each row.
    pub extremes: &'a mut Extremes,
}

impl Outputs for WriteGelu<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, row: usize, first: usize, values: [S::F; TILE_PANELS]) {
        let lowest = &mut self.extremes.lowest.as_chunks_mut::<LANES>().0[row];
        let highest = &mut self.extremes.highest.as_chunks_mut::<LANES>().0[row];
        let (mut low, mut high) = if first == 0 {
            (simd.splat(f32::MAX), simd.splat(f32::MIN))
        } else {
            (simd.load(lowest), simd.load(highest))
        };
        let smoothing = lanes(&self.smoothing[first..][..TILE_COLUMNS]);
        let to = &mut self.to[row * self.smoothing.len() + first..][..TILE_COLUMNS];
        let to = to.as_chunks_mut().0;
        for p in 0..TILE_PANELS {
            let value = simd.mul(math::gelu_bytes(simd, values[p]), simd.load(&smoothing[p]));
            low = simd.min(low, value);
            high = simd.max(high, value);
            simd.store(&mut to[p], value);
        }
        simd.store(lowest, low);
        simd.store(highest, high);
    }
}

/// `dequantised(rows) * weights + bias`.
pub struct ByteLinear<'a, O> {
    /// The layer.
    pub layer: &'a ByteLayer,
    /// Rows of the layer's inputs.
    pub rows: &'a ByteRows,
    /// Which of them; the first is a multiple of [`TILE_ROWS`].
    pub range: Range<usize>,
    /// What becomes of the outputs.
    pub outputs: O,
}

impl<O: Outputs> Kernel for ByteLinear<'_, O> {
    type Out = ();

    /// Columns first, so that weights come from far away once, however many rows there are.
    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let (layer, units) = (self.layer, self.layer.inputs() / DEPTH_UNIT);
        let slabs = int8::slabs::<S>(&self.rows.levels);
        let mut tile = TileOutput::ZERO;
        let groups = layer.outputs() / TILE_COLUMNS;
        for group in 0..groups {
            let panels = layer.weights.group::<S>(group);
            let next = layer.weights.group::<S>((group + 1).min(groups - 1));
            let first = group * TILE_COLUMNS;
            let scales = lanes(&layer.scales[first..][..TILE_COLUMNS]);
            let sums = lanes(&layer.sums[first..][..TILE_COLUMNS]);
            let bias = lanes(&layer.bias[first..][..TILE_COLUMNS]);
            for start in self.range.clone().step_by(TILE_ROWS) {
                let height = TILE_ROWS.min(self.range.end - start);
                let last = start + height == self.range.end;
                let input = TileInput {
                    left: &slabs[start / TILE_ROWS * units..][..units],
                    rows: height,
                    panels,
                    ahead: if last { next } else { panels },
                };
                simd.tile::<TILE_PANELS, { int8::QUADS }>(&input, &mut tile);
                for r in 0..height {
                    let tile = tile.row(r);
                    let scale = simd.splat(self.rows.scales[start + r]);
                    let low = simd.splat(self.rows.lows[start + r]);
                    let mut values = [low; TILE_PANELS];
                    for p in 0..TILE_PANELS {
                        let product = simd.mul(simd.float(simd.load_int(&tile[p])), scale);
                        let base = simd.fma(low, simd.load(&sums[p]), simd.load(&bias[p]));
                        values[p] = simd.fma(product, simd.load(&scales[p]), base);
                    }
                    let row = start + r - self.range.start;
                    self.outputs.take(simd, row, first, values);
                }
            }
        }
    }
}

/// One tile's columns as vectors.
#[inline(always)]
fn lanes(columns: &[f32]) -> &[[f32; LANES]] {
    columns.as_chunks::<LANES>().0
}

/// A linear layer in `f32`.
#[derive(Debug)]
pub struct SingleLayer {
    weights: single::Packed,
    bias: Buffer<f32>,
}

impl SingleLayer {
    /// Packs `weights`, `bias.len()` rows of one output each; outputs must be a multiple of 64.
    #[must_use]
    pub fn new(weights: &[f32], bias: &[f32]) -> Self {
        Self {
            weights: single::Packed::new(weights.len() / bias.len(), weights),
            bias: Buffer::copy(bias),
        }
    }
}

/// `rows * weights + bias`, written to `out` or, where `ADD`, added to it.
pub struct SingleLinear<'a, const ADD: bool> {
    /// The layer.
    pub layer: &'a SingleLayer,
    /// Rows of the layer's inputs.
    pub rows: &'a [f32],
    /// Rows of the layer's outputs.
    pub out: &'a mut [f32],
}

impl<const ADD: bool> Kernel for SingleLinear<'_, ADD> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let weights = &self.layer.weights;
        let columns = weights.columns();
        for group in 0..columns / TILE_COLUMNS {
            let first = group * TILE_COLUMNS;
            let input = single::TileInput {
                left: self.rows,
                left_stride: weights.depth(),
                rows: self.rows.len() / weights.depth(),
                depth: weights.depth(),
                panels: weights.group(group),
                start: lanes(&self.layer.bias[first..][..TILE_COLUMNS]),
            };
            single::tile::<S, TILE_PANELS, ADD>(simd, &input, &mut self.out[first..], columns);
        }
    }
}
