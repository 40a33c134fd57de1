//! Linear layers on many rows: `input * weights + bias`, in bytes or in `f32`.

use super::{
    buffer::Buffer,
    int8::{self, Packed, TILE_COLUMNS, TILE_ROWS, TileInput, TileOutput},
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
    /// Quantises `weights`, `bias.len()` rows of one output each, after multiplying each input
    /// column by its smoothing divisor; the rows that come later must be multiplied by the
    /// inverse.
    ///
    /// Inputs must be a multiple of 64, outputs too.
    #[must_use]
    pub fn new(weights: &[f32], bias: &[f32], divisors: &[f32]) -> Self {
        let (depth, columns) = (divisors.len(), bias.len());
        let mut bytes = vec![0_i8; weights.len()];
        let mut scales = Buffer::new(columns);
        let mut sums = Buffer::new(columns);
        let rows = weights
            .chunks_exact(depth)
            .zip(bytes.chunks_exact_mut(depth));
        for (column, (row, bytes)) in rows.enumerate() {
            let smoothed = row.iter().zip(divisors).map(|(w, d)| w * d);
            let largest = smoothed.clone().fold(0.0_f32, |m, w| m.max(w.abs()));
            let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
            for (byte, w) in bytes.iter_mut().zip(smoothed) {
                #[allow(clippy::cast_possible_truncation)] // within ±127 by the scale
                let rounded = (w / scale).round_ties_even() as i8;
                *byte = rounded;
            }
            let sum: i32 = bytes.iter().map(|b| i32::from(*b)).sum();
            scales[column] = scale;
            #[allow(clippy::cast_precision_loss)] // 127 * depth is far below 2^24
            let sum = sum as f32;
            sums[column] = scale * sum;
        }
        let mut own_bias = Buffer::new(columns);
        own_bias.copy_from_slice(bias);
        let mut smoothing = Buffer::new(depth);
        for (s, d) in smoothing.iter_mut().zip(divisors) {
            *s = 1.0 / d;
        }
        Self {
            weights: Packed::new(depth, columns, |k, n| bytes[n * depth + k]),
            scales,
            sums,
            bias: own_bias,
            smoothing,
        }
    }

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

    /// Factor of each input column, for [`super::rows::QuantiseRows`].
    #[must_use]
    pub fn smoothing(&self) -> &[f32] {
        &self.smoothing
    }
}

/// `out = dequantised(bytes) * weights + bias`.
pub struct ByteLinear<'a> {
    /// The layer.
    pub layer: &'a ByteLayer,
    /// Rows of the layer's inputs; padded to a multiple of sixteen rows.
    pub bytes: &'a [u8],
    /// Scale of each row; as many as there are rows.
    pub scales: &'a [f32],
    /// Lowest value of each row.
    pub lows: &'a [f32],
    /// Rows of the layer's outputs.
    pub out: &'a mut [f32],
}

impl Kernel for ByteLinear<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let layer = self.layer;
        let (depth, columns) = (layer.inputs(), layer.outputs());
        let rows = self.scales.len();
        let mut tile = TileOutput::ZERO;
        for start in (0..rows).step_by(TILE_ROWS) {
            let height = TILE_ROWS.min(rows - start);
            for group in 0..columns / TILE_COLUMNS {
                let panels = layer.weights.group(group);
                let first = group * TILE_COLUMNS;
                let scales = lanes(&layer.scales[first..][..TILE_COLUMNS]);
                let sums = lanes(&layer.sums[first..][..TILE_COLUMNS]);
                let bias = lanes(&layer.bias[first..][..TILE_COLUMNS]);
                let input = TileInput {
                    left: &self.bytes[start * depth..],
                    left_stride: depth,
                    rows: height,
                    depth,
                    panels,
                };
                simd.tile(&input, &mut tile);
                for r in 0..height {
                    let tile = tile.row(r);
                    let row = start + r;
                    let scale = simd.splat(self.scales[row]);
                    let low = simd.splat(self.lows[row]);
                    let out = &mut self.out[row * columns + first..][..TILE_COLUMNS];
                    let out = out.as_chunks_mut::<LANES>().0;
                    for p in 0..int8::TILE_PANELS {
                        let product = simd.mul(simd.float(simd.load_int(&tile[p])), scale);
                        let base = simd.fma(low, simd.load(&sums[p]), simd.load(&bias[p]));
                        simd.store(&mut out[p], simd.fma(product, simd.load(&scales[p]), base));
                    }
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
        let depth = weights.len() / bias.len();
        let mut own_bias = Buffer::new(bias.len());
        own_bias.copy_from_slice(bias);
        Self {
            weights: single::Packed::new(depth, bias.len(), |k, n| weights[n * depth + k]),
            bias: own_bias,
        }
    }
}

/// `out = rows * weights + bias`.
pub struct SingleLinear<'a> {
    /// The layer.
    pub layer: &'a SingleLayer,
    /// Rows of the layer's inputs.
    pub rows: &'a [f32],
    /// Rows of the layer's outputs.
    pub out: &'a mut [f32],
}

impl Kernel for SingleLinear<'_> {
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
            single::tile(simd, &input, &mut self.out[first..], columns);
        }
    }
}
