//! Scalar quantization (SQ8): a quarter of the memory, and a known error for every row.
//!
//! A component `x` becomes the byte `128 + round(x / step)`. The step is the same for all rows, so
//! that dot products of codes can be compared without a factor per row, and a row of 384 components is
//! six cache lines. Components of unit vectors in `d` dimensions have a standard deviation of
//! `1 / sqrt(d)`; code 127 stands for [`CLIP_STD_DEVS`] of these, and larger components are clipped.
//! The norm of each row's quantization error is stored, and by the Cauchy-Schwarz inequality it bounds
//! the error of a score: the exact scan relies on it.

use antiphon_kernels::dot::{CodeLine, LINE_BYTES, QueryLine, SimdLevel};

use super::shared_slice::SharedSlice;

/// Standard deviations at which components are clipped. On `MiniLM` the mean quantization error is
/// 0.0113 at 5 and 0.0136 at 6; at 4 it is 0.0093, but the greatest one from clipping grows
/// a hundredfold.
const CLIP_STD_DEVS: f32 = 5.0;

/// Upper bound of the rounding errors of computing an error bound in `f32`.
const F32_ROUNDING_ERROR: f32 = 1e-5;

/// Maximum norm of a row; `Vectors::push` checks it.
const MAX_ROW_NORM: f32 = 1.01;

/// The code of the component 0.
const ZERO_POINT: u8 = 128;

/// Rounds to the nearest integer, ties to even, for magnitudes below 2^22: adding 3 * 2^22 leaves no
/// bits for a fraction. (`round_ties_even` compiles to a call into the C library for the baseline
/// instruction set.)
fn round(x: f32) -> f32 {
    const SHIFT: f32 = 12_582_912.0;
    (x.clamp(-1e6, 1e6) + SHIFT) - SHIFT
}

/// Quantizes components to bytes; the same for all vectors of a dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ScalarQuantizer {
    dimension: usize,
    step: f32,
}

impl ScalarQuantizer {
    pub(super) fn new(dimension: usize) -> Self {
        #[allow(clippy::cast_precision_loss)] // a dimension is far below 2^24
        let step = CLIP_STD_DEVS / (dimension as f32).sqrt() / 127.0;
        Self { dimension, step }
    }

    /// Returns the number of cache lines per row.
    pub(super) fn lines_per_row(self) -> usize {
        self.dimension.div_ceil(LINE_BYTES)
    }

    /// Appends the codes of a row and returns an upper bound of the norm of its quantization error.
    fn quantize_into(self, row: &[f32], codes: &mut Vec<CodeLine>) -> f32 {
        let mut squared_error = 0.0;
        for part in row.chunks(LINE_BYTES) {
            let mut line = CodeLine([ZERO_POINT; LINE_BYTES]);
            for (code, x) in line.0.iter_mut().zip(part) {
                let steps = round(x / self.step).clamp(-127.0, 127.0);
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 1 to 255
                let byte = (steps + 128.0) as u8;
                *code = byte;
                squared_error += (x - steps * self.step).powi(2);
            }
            codes.push(line);
        }
        squared_error.sqrt() + F32_ROUNDING_ERROR
    }

    /// Returns the score, in about [-1, 1], for the dot product of two rows' codes.
    pub(super) fn score(self, product: i32) -> f32 {
        #[allow(clippy::cast_precision_loss)] // below 2^24 up to a dimension of 1,000
        let product = product as f32;
        product * self.step * self.step
    }
}

/// Quantized rows, `[len, lines]`.
#[derive(Debug, Clone)]
pub(super) struct QuantizedVectors {
    quantizer: ScalarQuantizer,
    code_lines: SharedSlice<CodeLine>,
    /// Norm of each row's quantization error.
    quantization_errors: SharedSlice<f32>,
}

impl QuantizedVectors {
    /// Creates an empty list.
    pub(super) fn new(quantizer: ScalarQuantizer) -> Self {
        Self::from_parts(quantizer, Vec::new().into(), Vec::new().into())
    }

    /// Wraps rows that are already quantized.
    pub(super) fn from_parts(
        quantizer: ScalarQuantizer,
        code_lines: SharedSlice<CodeLine>,
        quantization_errors: SharedSlice<f32>,
    ) -> Self {
        Self {
            quantizer,
            code_lines,
            quantization_errors,
        }
    }

    /// Returns a copy with these rows appended, each of the quantizer's dimension.
    pub(super) fn with_appended<'a>(&self, rows: impl Iterator<Item = &'a [f32]>) -> Self {
        let (mut lines, mut errors) = (self.code_lines.to_vec(), self.quantization_errors.to_vec());
        for row in rows {
            errors.push(self.quantizer.quantize_into(row, &mut lines));
        }
        Self::from_parts(self.quantizer, lines.into(), errors.into())
    }

    pub(super) fn len(&self) -> usize {
        self.quantization_errors.len()
    }

    pub(super) fn quantizer(&self) -> ScalarQuantizer {
        self.quantizer
    }

    /// Returns the number of lines per row.
    pub(super) fn stride(&self) -> usize {
        self.quantizer.lines_per_row()
    }

    /// Returns the lines of all rows in order.
    pub(super) fn code_lines(&self) -> &[CodeLine] {
        &self.code_lines
    }

    /// Returns an upper bound of the norm of each row's quantization error.
    pub(super) fn quantization_errors(&self) -> &[f32] {
        &self.quantization_errors
    }

    /// Returns the dot product of two rows, in squared steps of the quantizer.
    pub(super) fn dot_product(&self, a: u32, b: u32) -> i32 {
        let bytes = |row: u32| bytemuck::cast_slice(self.row(row as usize));
        SimdLevel::best().dot_codes(bytes(a), bytes(b))
    }

    /// Returns the lines of a row.
    pub(super) fn row(&self, row: usize) -> &[CodeLine] {
        let stride = self.quantizer.lines_per_row();
        &self.code_lines[row * stride..][..stride]
    }
}

/// A query quantized to signed bytes, with its own step.
#[derive(Debug, Clone)]
pub(super) struct QuantizedQuery {
    lines: Vec<QueryLine>,
    /// Factor from a dot product of codes to a score.
    score_scale: f32,
    /// What the zero point of the rows' codes adds to every dot product.
    zero_point_offset: i32,
    /// Norm of the query's quantization error.
    quantization_error: f32,
    /// Norm of the quantized query.
    quantized_norm: f32,
}

impl QuantizedQuery {
    pub(super) fn new(query: &[f32], quantizer: ScalarQuantizer) -> Self {
        let largest = query.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        let step = if largest > 0.0 { largest / 127.0 } else { 1.0 };
        let mut lines = vec![[0; LINE_BYTES]; quantizer.lines_per_row()];
        let (mut sum, mut squared_error, mut squares) = (0, 0.0, 0.0);
        let parts = lines.iter_mut().zip(query.chunks(LINE_BYTES));
        for (line, part) in parts {
            for (code, x) in line.iter_mut().zip(part) {
                let steps = round(x / step);
                #[allow(clippy::cast_possible_truncation)] // within ±127 by the step
                let byte = steps as i8;
                *code = byte;
                sum += i32::from(byte);
                squared_error += (x - steps * step).powi(2);
                squares += (steps * step).powi(2);
            }
        }
        Self {
            lines,
            score_scale: step * quantizer.step,
            zero_point_offset: i32::from(ZERO_POINT) * sum,
            quantization_error: squared_error.sqrt() + F32_ROUNDING_ERROR,
            quantized_norm: squares.sqrt() + F32_ROUNDING_ERROR,
        }
    }

    /// Uses a row as the query.
    pub(super) fn from_row(codes: &QuantizedVectors, row: u32) -> Self {
        let lines = codes.row(row as usize).iter();
        let lines: Vec<QueryLine> = lines
            .map(|line| {
                line.0
                    .map(|code| code.wrapping_sub(ZERO_POINT).cast_signed())
            })
            .collect();
        let sum: i32 = lines.as_flattened().iter().map(|x| i32::from(*x)).sum();
        Self {
            lines,
            score_scale: codes.quantizer.step * codes.quantizer.step,
            zero_point_offset: i32::from(ZERO_POINT) * sum,
            quantization_error: codes.quantization_errors[row as usize],
            quantized_norm: 1.0,
        }
    }

    /// Subtracts the zero-point offset from a dot product.
    pub(super) fn without_offset(&self, product: i32) -> i32 {
        product - self.zero_point_offset
    }

    /// Computes the dot products with some rows; [`Self::score`] converts them to scores, in the same
    /// order.
    #[inline]
    pub(super) fn dot_products(&self, codes: &[CodeLine], rows: &[u32], out: &mut [i32]) {
        SimdLevel::best().dot_selected(&self.lines, codes, rows, out);
    }

    /// Computes the dot products with `out.len()` rows from `first` on.
    pub(super) fn dot_products_from(&self, codes: &[CodeLine], first: usize, out: &mut [i32]) {
        SimdLevel::best().dot_range(&self.lines, codes, first, out);
    }

    /// Computes the dot products of four queries with the same rows from `first` on.
    pub(super) fn dot_products_x4(
        queries: [&Self; 4],
        codes: &[CodeLine],
        first: usize,
        out: [&mut [i32]; 4],
    ) {
        let lines = queries.map(|query| query.lines.as_slice());
        SimdLevel::best().dot_x4(lines, codes, first, out);
    }

    /// Returns a dot product below which every score is less than `score`.
    pub(super) fn min_product_for_score(&self, score: f32) -> i32 {
        // Rounding of `score` and of the division is far below two.
        #[allow(clippy::cast_possible_truncation)] // saturates
        let product = (score / self.score_scale).floor() as i32;
        product
            .saturating_add(self.zero_point_offset)
            .saturating_sub(2)
    }

    /// Returns the score for a dot product.
    #[inline]
    pub(super) fn score(&self, product: i32) -> f32 {
        #[allow(clippy::cast_precision_loss)] // within 2^24 up to a dimension of 1,000; rounding
        let product = (product - self.zero_point_offset) as f32; // beyond is far below the bound's margin
        product * self.score_scale
    }

    /// Returns an upper bound of the error of a score, given the row's quantization error: with `q̂`
    /// and `v̂` for the quantized vectors, `q·v - q̂·v̂ = q̂·(v - v̂) + (q - q̂)·v`.
    #[inline]
    pub(super) fn error_bound(&self, row_error: f32) -> f32 {
        self.quantized_norm * row_error + self.quantization_error * MAX_ROW_NORM
    }
}
