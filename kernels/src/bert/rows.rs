//! Kernels on rows: layer norm, GELU, quantization, pooling.

use super::{
    buffer::{AlignedBuffer, AlignedMemory},
    gemm_int8::band_blocks_mut,
    layout::{BandBlock, DEPTH_UNIT, TILE_ROWS},
    math,
    simd::{Kernel, LANES, Simd},
};

/// Rows quantized to levels, `offset + scale * level`, with offset and scale per row: the left-hand side
/// of an integer matrix product.
#[derive(Debug, Default)]
pub struct QuantizedRows {
    /// The levels, in bands.
    pub(super) levels: AlignedMemory,
    /// One per row.
    pub(super) scales: AlignedBuffer<f32>,
    /// One per row.
    pub(super) offsets: AlignedBuffer<f32>,
}

impl QuantizedRows {
    /// Grows to this number of rows of `width` levels.
    #[inline(always)]
    pub(super) fn reserve<S: Simd>(&mut self, rows: usize, width: usize) {
        let rows = rows.next_multiple_of(TILE_ROWS);
        self.levels.reserve::<S::Lhs>(rows * width);
        self.scales.reserve(rows);
        self.offsets.reserve(rows);
    }
}

/// Minimum and maximum of each row, lane by lane.
#[derive(Debug, Default)]
pub struct RowMinMax {
    pub(super) min: AlignedBuffer<f32>,
    pub(super) max: AlignedBuffer<f32>,
}

impl RowMinMax {
    /// Grows to this number of rows.
    pub fn reserve(&mut self, rows: usize) {
        self.min.reserve(rows * LANES);
        self.max.reserve(rows * LANES);
    }
}

/// The 256 levels between minimum and maximum of a row.
struct QuantizationGrid<S: Simd> {
    offset: f32,
    scale: f32,
    min: S::F,
    inverse_scale: S::F,
}

impl<S: Simd> QuantizationGrid<S> {
    #[inline(always)]
    fn new(simd: S, lowest: S::F, highest: S::F) -> Self {
        let offset = simd.reduce_min(lowest);
        let range = simd.reduce_max(highest) - offset;
        Self {
            offset,
            scale: range / 255.0,
            min: simd.splat(offset),
            inverse_scale: simd.splat(if range > 0.0 { 255.0 / range } else { 0.0 }),
        }
    }

    /// Quantizes a unit of depth.
    #[inline(always)]
    fn quantize_unit(&self, simd: S, to: &mut [S::Lhs; DEPTH_UNIT], values: [S::F; 4]) {
        let mut levels = [simd.splat_int(0); 4];
        for (level, x) in levels.iter_mut().zip(values) {
            *level = simd.round(simd.mul(simd.sub(x, self.min), self.inverse_scale));
        }
        simd.store_depth_unit(to, levels);
    }
}

/// Returns the unit's values times their factors.
#[inline(always)]
fn scale_unit<S: Simd>(
    simd: S,
    values: &[f32; DEPTH_UNIT],
    factors: &[f32; DEPTH_UNIT],
) -> [S::F; 4] {
    let mut out = [simd.splat(0.0); 4];
    let factors = factors.as_chunks().0;
    for ((out, x), factor) in out.iter_mut().zip(values.as_chunks().0).zip(factors) {
        *out = simd.mul(simd.load(x), simd.load(factor));
    }
    out
}

/// Quantizes a row of a band, every column times its `smoothing`; returns scale and offset.
#[inline(always)]
fn quantize_row<S: Simd>(
    simd: S,
    values: &[f32],
    smoothing: &[f32],
    band: &mut [BandBlock<S::Lhs>],
    row: usize,
) -> (f32, f32) {
    let (values, smoothing) = (values.as_chunks().0, smoothing.as_chunks().0);
    let mut lowest = [simd.splat(f32::MAX); 4];
    let mut highest = [simd.splat(f32::MIN); 4];
    for (x, s) in values.iter().zip(smoothing) {
        let x = scale_unit(simd, x, s);
        for i in 0..4 {
            lowest[i] = simd.min(lowest[i], x[i]);
            highest[i] = simd.max(highest[i], x[i]);
        }
    }
    let lowest = simd.min(
        simd.min(lowest[0], lowest[1]),
        simd.min(lowest[2], lowest[3]),
    );
    let highest = simd.max(
        simd.max(highest[0], highest[1]),
        simd.max(highest[2], highest[3]),
    );
    let grid = QuantizationGrid::new(simd, lowest, highest);
    for ((x, s), block) in values.iter().zip(smoothing).zip(band) {
        grid.quantize_unit(simd, &mut block[row], scale_unit(simd, x, s));
    }
    (grid.scale, grid.offset)
}

/// The learnt weights of a layer norm.
#[derive(Clone, Copy, Debug)]
pub struct LayerNormWeights<'a> {
    /// Factor of each column.
    pub gain: &'a [f32],
    /// Offset of each column.
    pub offset: &'a [f32],
    /// Added to the variance.
    pub epsilon: f32,
}

/// Returns the sum of the lanes of four vectors.
#[inline(always)]
fn sum_lanes<S: Simd>(simd: S, sums: [S::F; 4]) -> f32 {
    simd.reduce_add(simd.add(simd.add(sums[0], sums[1]), simd.add(sums[2], sums[3])))
}

/// Normalizes a row in place (layer norm: Ba, Kiros and Hinton, arXiv:1607.06450; biased variance, two
/// passes). With four independent sums, additions do not wait for each other.
#[inline(always)]
fn layer_norm_row<S: Simd>(simd: S, row: &mut [f32], weights: &LayerNormWeights<'_>) {
    #[allow(clippy::cast_precision_loss)] // widths are far below 2^24
    let inverse_width = 1.0 / weights.gain.len() as f32;
    let row = row.as_chunks_mut::<LANES>().0;
    let mut sums = [simd.splat(0.0); 4];
    for unit in row.as_chunks::<4>().0 {
        for (sum, x) in sums.iter_mut().zip(unit) {
            *sum = simd.add(*sum, simd.load(x));
        }
    }
    let mean = simd.splat(sum_lanes(simd, sums) * inverse_width);
    let mut squares = [simd.splat(0.0); 4];
    for unit in row.as_chunks::<4>().0 {
        for (square, x) in squares.iter_mut().zip(unit) {
            let d = simd.sub(simd.load(x), mean);
            *square = simd.fma(d, d, *square);
        }
    }
    let variance = sum_lanes(simd, squares) * inverse_width;
    let factor = simd.splat(1.0 / (variance + weights.epsilon).sqrt());
    let gain = weights.gain.as_chunks::<LANES>().0;
    let offset = weights.offset.as_chunks::<LANES>().0;
    for ((x, g), o) in row.iter_mut().zip(gain).zip(offset) {
        let d = simd.mul(simd.sub(simd.load(x), mean), factor);
        simd.store(x, simd.fma(d, simd.load(g), simd.load(o)));
    }
}

/// Normalizes every row in place.
pub struct LayerNormRows<'a> {
    /// Rows as wide as the weights.
    pub rows: &'a mut [f32],
    /// The weights.
    pub weights: LayerNormWeights<'a>,
}

impl Kernel for LayerNormRows<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for row in self.rows.chunks_exact_mut(self.weights.gain.len()) {
            layer_norm_row(simd, row, &self.weights);
        }
    }
}

/// [`LayerNormRows`], and then quantizes the rows while they are in the cache.
pub struct LayerNormQuantize<'a> {
    /// The layer norm.
    pub norm: LayerNormRows<'a>,
    /// Factor of each column before quantization.
    pub smoothing: &'a [f32],
    /// The quantized rows.
    pub to: &'a mut QuantizedRows,
}

impl Kernel for LayerNormQuantize<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (weights, width) = (self.norm.weights, self.smoothing.len());
        self.to.reserve::<S>(self.norm.rows.len() / width, width);
        let mut pairs = self.to.scales.iter_mut().zip(self.to.offsets.iter_mut());
        let bands = band_blocks_mut::<S>(&mut self.to.levels).chunks_exact_mut(width / DEPTH_UNIT);
        for (rows, band) in self.norm.rows.chunks_mut(TILE_ROWS * width).zip(bands) {
            let rows = rows.chunks_exact_mut(width).enumerate();
            for ((row, values), (scale, offset)) in rows.zip(&mut pairs) {
                layer_norm_row(simd, values, &weights);
                (*scale, *offset) = quantize_row(simd, values, self.smoothing, band, row);
            }
        }
    }
}

/// Quantizes rows, each with its own scale and offset, every column times its `smoothing`.
pub struct QuantizeRows<'a> {
    /// Rows as wide as `smoothing`.
    pub rows: &'a [f32],
    /// Factor of each column.
    pub smoothing: &'a [f32],
    /// The quantized rows.
    pub to: &'a mut QuantizedRows,
}

impl Kernel for QuantizeRows<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.smoothing.len();
        self.to.reserve::<S>(self.rows.len() / width, width);
        let mut pairs = self.to.scales.iter_mut().zip(self.to.offsets.iter_mut());
        let bands = band_blocks_mut::<S>(&mut self.to.levels).chunks_exact_mut(width / DEPTH_UNIT);
        for (rows, band) in self.rows.chunks(TILE_ROWS * width).zip(bands) {
            let rows = rows.chunks_exact(width).enumerate();
            for ((row, values), (scale, offset)) in rows.zip(&mut pairs) {
                (*scale, *offset) = quantize_row(simd, values, self.smoothing, band, row);
            }
        }
    }
}

/// [`QuantizeRows`] for rows that are already smoothed and whose ranges are known.
pub struct QuantizeWithKnownRange<'a> {
    /// Rows of `width`.
    pub rows: &'a [f32],
    /// Number of columns; a multiple of 64.
    pub width: usize,
    /// The range of each row.
    pub row_min_max: &'a RowMinMax,
    /// The quantized rows.
    pub to: &'a mut QuantizedRows,
}

impl Kernel for QuantizeWithKnownRange<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.width;
        self.to.reserve::<S>(self.rows.len() / width, width);
        let lowest = self.row_min_max.min.as_chunks::<LANES>().0;
        let highest = self.row_min_max.max.as_chunks::<LANES>().0;
        let pairs = self.to.scales.iter_mut().zip(self.to.offsets.iter_mut());
        let mut pairs = pairs.zip(lowest.iter().zip(highest));
        let bands = band_blocks_mut::<S>(&mut self.to.levels).chunks_exact_mut(width / DEPTH_UNIT);
        for (rows, band) in self.rows.chunks(TILE_ROWS * width).zip(bands) {
            let rows = rows.chunks_exact(width).enumerate();
            for ((row, values), ((scale, offset), (lowest, highest))) in rows.zip(&mut pairs) {
                let grid = QuantizationGrid::new(simd, simd.load(lowest), simd.load(highest));
                for (unit, block) in values
                    .as_chunks::<DEPTH_UNIT>()
                    .0
                    .iter()
                    .zip(band.iter_mut())
                {
                    let mut values = [simd.splat(0.0); 4];
                    for (x, from) in values.iter_mut().zip(unit.as_chunks().0) {
                        *x = simd.load(from);
                    }
                    grid.quantize_unit(simd, &mut block[row], values);
                }
                (*scale, *offset) = (grid.scale, grid.offset);
            }
        }
    }
}

/// Applies GELU to every number in place.
pub struct Gelu<'a>(pub &'a mut [f32]);

impl Kernel for Gelu<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for x in self.0.as_chunks_mut::<LANES>().0 {
            let value = math::gelu(simd, simd.load(x));
            simd.store(x, value);
        }
    }
}

/// Computes the mean of all rows, scaled to unit length.
pub struct MeanPoolRows<'a> {
    /// Rows of `out.len()`; at least one.
    pub rows: &'a [f32],
    /// The unit vector.
    pub out: &'a mut [f32],
}

impl Kernel for MeanPoolRows<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.out.len();
        let out = self.out.as_chunks_mut::<LANES>().0;
        for (i, row) in self.rows.chunks_exact(width).enumerate() {
            for (sum, x) in out.iter_mut().zip(row.as_chunks::<LANES>().0) {
                let x = simd.load(x);
                let value = if i == 0 {
                    x
                } else {
                    simd.add(simd.load(sum), x)
                };
                simd.store(sum, value);
            }
        }
        // The number of rows cancels out.
        let mut squares = simd.splat(0.0);
        for x in out.iter() {
            let x = simd.load(x);
            squares = simd.fma(x, x, squares);
        }
        let factor = simd.splat(1.0 / simd.reduce_add(squares).sqrt());
        for x in out.iter_mut() {
            let value = simd.mul(simd.load(x), factor);
            simd.store(x, value);
        }
    }
}
