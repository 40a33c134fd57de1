//! Kernels that treat each row by itself: layer norm, GELU, quantisation, pooling.

use super::{
    math,
    simd::{Kernel, LANES, Simd},
};

/// Rows of bytes that stand for numbers: `low + scale * byte`, one pair for each row.
#[derive(Debug)]
pub struct ByteRows<'a> {
    /// The rows, `width` bytes each.
    pub bytes: &'a mut [u8],
    /// One for each row.
    pub scales: &'a mut [f32],
    /// One for each row.
    pub lows: &'a mut [f32],
}

/// Layer norm of `rows + added`, in place (Ba, Kiros and Hinton, arXiv:1607.06450; biased
/// variance, two passes).
pub struct NormRows<'a> {
    /// The residual stream, rows of `gain.len()`; replaced by its norm.
    pub rows: &'a mut [f32],
    /// Added first; of the same shape.
    pub added: &'a [f32],
    /// Learnt factor of each column.
    pub gain: &'a [f32],
    /// Learnt offset of each column.
    pub offset: &'a [f32],
    /// Added to the variance.
    pub epsilon: f32,
}

impl Kernel for NormRows<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.gain.len();
        let gain = self.gain.as_chunks::<LANES>().0;
        let offset = self.offset.as_chunks::<LANES>().0;
        #[allow(clippy::cast_precision_loss)] // widths are far below 2^24
        let inverse_width = 1.0 / width as f32;
        let rows = self.rows.chunks_exact_mut(width);
        for (row, added) in rows.zip(self.added.chunks_exact(width)) {
            let row = row.as_chunks_mut::<LANES>().0;
            let mut sum = simd.splat(0.0);
            for (x, y) in row.iter_mut().zip(added.as_chunks::<LANES>().0) {
                let v = simd.add(simd.load(x), simd.load(y));
                simd.store(x, v);
                sum = simd.add(sum, v);
            }
            let mean = simd.splat(simd.reduce_add(sum) * inverse_width);
            let mut squares = simd.splat(0.0);
            for x in row.iter() {
                let d = simd.sub(simd.load(x), mean);
                squares = simd.fma(d, d, squares);
            }
            let variance = simd.reduce_add(squares) * inverse_width;
            let factor = simd.splat(1.0 / (variance + self.epsilon).sqrt());
            for ((x, g), o) in row.iter_mut().zip(gain).zip(offset) {
                let d = simd.mul(simd.sub(simd.load(x), mean), factor);
                simd.store(x, simd.fma(d, simd.load(g), simd.load(o)));
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

/// Rows to bytes, each row with its own scale and lowest value, after dividing every column by
/// its `smoothing` (given as its inverse).
pub struct QuantiseRows<'a> {
    /// Rows of `width`.
    pub rows: &'a [f32],
    /// Numbers in a row; a multiple of sixteen.
    pub width: usize,
    /// Factor of each column.
    pub smoothing: &'a [f32],
    /// Where they go.
    pub to: ByteRows<'a>,
}

impl Kernel for QuantiseRows<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let smoothing = self.smoothing.as_chunks::<LANES>().0;
        let rows = self.rows.chunks_exact(self.width);
        let bytes = self.to.bytes.chunks_exact_mut(self.width);
        let pairs = self.to.scales.iter_mut().zip(self.to.lows.iter_mut());
        for ((row, bytes), (scale, low)) in rows.zip(bytes).zip(pairs) {
            let row = row.as_chunks::<LANES>().0;
            let mut lowest = simd.splat(f32::MAX);
            let mut highest = simd.splat(f32::MIN);
            for (x, s) in row.iter().zip(smoothing) {
                let x = simd.mul(simd.load(x), simd.load(s));
                lowest = simd.min(lowest, x);
                highest = simd.max(highest, x);
            }
            *low = simd.reduce_min(lowest);
            let range = simd.reduce_max(highest) - *low;
            *scale = range / 255.0;
            let inverse = simd.splat(if range > 0.0 { 255.0 / range } else { 0.0 });
            let lowest = simd.splat(*low);
            let bytes = bytes.as_chunks_mut::<LANES>().0;
            for ((x, s), byte) in row.iter().zip(smoothing).zip(bytes) {
                let x = simd.mul(simd.load(x), simd.load(s));
                let steps = simd.mul(simd.sub(x, lowest), inverse);
                simd.store_bytes(byte, simd.round(steps));
            }
        }
    }
}

/// The mean of all rows, scaled to length one.
pub struct PoolRows<'a> {
    /// Rows of `out.len()`; at least one.
    pub rows: &'a [f32],
    /// The unit vector.
    pub out: &'a mut [f32],
}

impl Kernel for PoolRows<'_> {
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
