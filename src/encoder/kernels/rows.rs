//! Kernels that treat each row by itself: layer norm, GELU, quantisation, pooling.

use super::{
    buffer::{AlignedBuffer, AlignedMemory},
    gemm_int8::{BandBlock, DEPTH_UNIT, TILE_ROWS, band_blocks_mut},
    math,
    simd::{Kernel, LANES, Simd},
};

/// Rows of levels that stand for numbers, `low + scale * level`, one pair for each row: the
/// left-hand side of an integer matrix product.
#[derive(Debug, Default)]
pub struct QuantizedRows {
    /// The levels, in bands of slabs.
    pub(super) levels: AlignedMemory,
    /// One for each row.
    pub(super) scales: AlignedBuffer<f32>,
    /// One for each row.
    pub(super) offsets: AlignedBuffer<f32>,
}

impl QuantizedRows {
    /// Makes room for so many rows of so many levels.
    #[inline(always)]
    pub(super) fn reserve<S: Simd>(&mut self, rows: usize, width: usize) {
        let rows = rows.next_multiple_of(TILE_ROWS);
        self.levels.reserve::<S::Lhs>(rows * width);
        self.scales.reserve(rows);
        self.offsets.reserve(rows);
    }
}

/// Lowest and highest number of each of several rows, lane by lane.
#[derive(Debug, Default)]
pub struct RowMinMax {
    pub(super) min: AlignedBuffer<f32>,
    pub(super) max: AlignedBuffer<f32>,
}

impl RowMinMax {
    /// Makes room for so many rows.
    pub fn reserve(&mut self, rows: usize) {
        self.min.reserve(rows * LANES);
        self.max.reserve(rows * LANES);
    }
}

/// A row from its `lowest` to its `highest` number in 256 levels.
struct QuantizationGrid<S: Simd> {
    offset: f32,
    scale: f32,
    min: S::F,
    inverse_scale: S::F,
}

impl<S: Simd> QuantizationGrid<S> {
    #[inline(always)]
    fn new(simd: S, lowest: S::F, highest: S::F) -> Self {
        let low = simd.reduce_min(lowest);
        let range = simd.reduce_max(highest) - low;
        Self {
            offset: low,
            scale: range / 255.0,
            min: simd.splat(low),
            inverse_scale: simd.splat(if range > 0.0 { 255.0 / range } else { 0.0 }),
        }
    }

    /// Writes a unit of levels.
    #[inline(always)]
    fn quantize_unit(&self, simd: S, to: &mut [S::Lhs; DEPTH_UNIT], numbers: [S::F; 4]) {
        let mut levels = [simd.splat_int(0); 4];
        for (level, x) in levels.iter_mut().zip(numbers) {
            *level = simd.round(simd.mul(simd.sub(x, self.min), self.inverse_scale));
        }
        simd.store_depth_unit(to, levels);
    }
}

/// The unit's numbers, times its factors.
#[inline(always)]
fn scale_unit<S: Simd>(
    simd: S,
    numbers: &[f32; DEPTH_UNIT],
    factors: &[f32; DEPTH_UNIT],
) -> [S::F; 4] {
    let mut out = [simd.splat(0.0); 4];
    let factors = factors.as_chunks().0;
    for ((out, x), factor) in out.iter_mut().zip(numbers.as_chunks().0).zip(factors) {
        *out = simd.mul(simd.load(x), simd.load(factor));
    }
    out
}

/// Quantises one row of a band, every column times its `smoothing`; the scale and lowest value.
#[inline(always)]
fn quantize_row<S: Simd>(
    simd: S,
    numbers: &[f32],
    smoothing: &[f32],
    band: &mut [BandBlock<S::Lhs>],
    row: usize,
) -> (f32, f32) {
    let (numbers, smoothing) = (numbers.as_chunks().0, smoothing.as_chunks().0);
    let mut lowest = [simd.splat(f32::MAX); 4];
    let mut highest = [simd.splat(f32::MIN); 4];
    for (x, s) in numbers.iter().zip(smoothing) {
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
    let steps = QuantizationGrid::new(simd, lowest, highest);
    for ((x, s), slab) in numbers.iter().zip(smoothing).zip(band) {
        steps.quantize_unit(simd, &mut slab[row], scale_unit(simd, x, s));
    }
    (steps.scale, steps.offset)
}

/// Learnt factors and offsets of a layer norm.
#[derive(Clone, Copy, Debug)]
pub struct LayerNormWeights<'a> {
    /// Factor of each column.
    pub gain: &'a [f32],
    /// Offset of each column.
    pub offset: &'a [f32],
    /// Added to the variance.
    pub epsilon: f32,
}

/// The sum of four vectors' lanes.
#[inline(always)]
fn sum_lanes<S: Simd>(simd: S, sums: [S::F; 4]) -> f32 {
    simd.reduce_add(simd.add(simd.add(sums[0], sums[1]), simd.add(sums[2], sums[3])))
}

/// Layer norm of one row in place (Ba, Kiros and Hinton, arXiv:1607.06450; biased variance, two
/// passes). Four sums run side by side, because one would wait for each addition.
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

/// Layer norm of every row, in place.
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

/// [`NormRows`], and the norms in bytes while they are in the cache.
pub struct LayerNormQuantize<'a> {
    /// The norms to be taken.
    pub norm: LayerNormRows<'a>,
    /// Factor of each column for the bytes.
    pub smoothing: &'a [f32],
    /// Where the bytes go.
    pub to: &'a mut QuantizedRows,
}

impl Kernel for LayerNormQuantize<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (weights, width) = (self.norm.weights, self.smoothing.len());
        self.to.reserve::<S>(self.norm.rows.len() / width, width);
        let pairs = self.to.scales.iter_mut().zip(self.to.offsets.iter_mut());
        let mut pairs = pairs;
        let bands = band_blocks_mut::<S>(&mut self.to.levels).chunks_exact_mut(width / DEPTH_UNIT);
        for (rows, band) in self.norm.rows.chunks_mut(TILE_ROWS * width).zip(bands) {
            let rows = rows.chunks_exact_mut(width).enumerate();
            for ((row, numbers), (scale, low)) in rows.zip(&mut pairs) {
                layer_norm_row(simd, numbers, &weights);
                (*scale, *low) = quantize_row(simd, numbers, self.smoothing, band, row);
            }
        }
    }
}

/// Rows to bytes, each row with its own scale and lowest value, every column times its
/// `smoothing`.
pub struct QuantizeRows<'a> {
    /// Rows as wide as `smoothing`.
    pub rows: &'a [f32],
    /// Factor of each column.
    pub smoothing: &'a [f32],
    /// Where they go.
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
            for ((row, numbers), (scale, low)) in rows.zip(&mut pairs) {
                (*scale, *low) = quantize_row(simd, numbers, self.smoothing, band, row);
            }
        }
    }
}

/// [`QuantiseRows`] where the columns already have their smoothing and the extremes are known.
pub struct QuantizeWithKnownRange<'a> {
    /// Rows of `width`.
    pub rows: &'a [f32],
    /// Numbers in a row; a multiple of 64.
    pub width: usize,
    /// Of each row.
    pub row_min_max: &'a RowMinMax,
    /// Where they go.
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
            for ((row, numbers), ((scale, low), (lowest, highest))) in rows.zip(&mut pairs) {
                let steps = QuantizationGrid::new(simd, simd.load(lowest), simd.load(highest));
                for (unit, slab) in numbers
                    .as_chunks::<DEPTH_UNIT>()
                    .0
                    .iter()
                    .zip(band.iter_mut())
                {
                    let mut numbers = [simd.splat(0.0); 4];
                    for (x, from) in numbers.iter_mut().zip(unit.as_chunks().0) {
                        *x = simd.load(from);
                    }
                    steps.quantize_unit(simd, &mut slab[row], numbers);
                }
                (*scale, *low) = (steps.scale, steps.offset);
            }
        }
    }
}

/// GELU of every number, in place.
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

/// The mean of all rows, scaled to length one.
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
