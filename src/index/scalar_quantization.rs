//! Vectors in bytes: a quarter of the memory, and an error that is known for every row.
//!
//! A coordinate `x` becomes the byte `128 + round(x / step)`. One step serves all rows, so that
//! scores in bytes compare without any number beside them, and a row of 384 coordinates is six
//! cache lines. Coordinates of unit vectors in `d` dimensions have a standard deviation of
//! `1 / sqrt(d)`; the step gives 127 to [`REACH`] of these, and what lies beyond is clipped. Each
//! row keeps the length of what quantising took away, and with it a score in bytes has a bound
//! (Cauchy and Schwarz): the exact scan relies on it.

use super::kernels::{CodeLine, LINE_BYTES, QueryLine, SimdLevel};
use super::shared_slice::SharedSlice;

/// Standard deviations that the largest byte stands for. On `MiniLM` 5 loses 0.0113 of a vector's
/// length on average, 6 loses 0.0136; 4 loses 0.0093 but clips a hundred times as much at worst.
const CLIP_STD_DEVS: f32 = 5.0;

/// What arithmetic in `f32` may add to a bound.
const F32_ROUNDING_ERROR: f32 = 1e-5;

/// No row is longer than this; see `Vectors::push`.
const MAX_ROW_NORM: f32 = 1.01;

/// The byte of the coordinate 0.
const ZERO_POINT: u8 = 128;

/// The nearest whole number, ties to even, for magnitudes below 2^22: adding 3 * 2^22 leaves no bits
/// for a fraction. (`round_ties_even` is a call into the C library on processors' least common
/// instruction set.)
fn round(x: f32) -> f32 {
    const SHIFT: f32 = 12_582_912.0;
    (x.clamp(-1e6, 1e6) + SHIFT) - SHIFT
}

/// How coordinates become bytes; the same for all vectors of a dimension.
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

    /// Cache lines of a row.
    pub(super) fn lines_per_row(self) -> usize {
        self.dimension.div_ceil(LINE_BYTES)
    }

    /// Appends a row and gives the length of what is lost.
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

    /// A score in [-1, 1] from the product of two rows' codes.
    pub(super) fn score(self, product: i32) -> f32 {
        #[allow(clippy::cast_precision_loss)] // 2^24 products of 127 by 127 are far away
        let product = product as f32;
        product * self.step * self.step
    }
}

/// Rows in bytes, `[len, lines]`.
#[derive(Debug, Clone)]
pub(super) struct QuantizedVectors {
    quantizer: ScalarQuantizer,
    code_lines: SharedSlice<CodeLine>,
    /// What quantising took from each row.
    quantization_errors: SharedSlice<f32>,
}

impl QuantizedVectors {
    /// No rows yet.
    pub(super) fn new(quantiser: ScalarQuantizer) -> Self {
        Self::from_parts(quantiser, Vec::new().into(), Vec::new().into())
    }

    /// Rows that were quantised before.
    pub(super) fn from_parts(
        quantiser: ScalarQuantizer,
        lines: SharedSlice<CodeLine>,
        lost: SharedSlice<f32>,
    ) -> Self {
        Self {
            quantizer: quantiser,
            code_lines: lines,
            quantization_errors: lost,
        }
    }

    /// The codes of these rows, each of the quantiser's dimension, after those that are here.
    pub(super) fn with_appended<'a>(&self, rows: impl Iterator<Item = &'a [f32]>) -> Self {
        let (mut lines, mut lost) = (self.code_lines.to_vec(), self.quantization_errors.to_vec());
        for row in rows {
            lost.push(self.quantizer.quantize_into(row, &mut lines));
        }
        Self::from_parts(self.quantizer, lines.into(), lost.into())
    }

    pub(super) fn len(&self) -> usize {
        self.quantization_errors.len()
    }

    pub(super) fn quantizer(&self) -> ScalarQuantizer {
        self.quantizer
    }

    /// Lines of a row.
    pub(super) fn stride(&self) -> usize {
        self.quantizer.lines_per_row()
    }

    /// All lines, row after row.
    pub(super) fn code_lines(&self) -> &[CodeLine] {
        &self.code_lines
    }

    /// What quantising took from each row, an upper bound.
    pub(super) fn quantization_errors(&self) -> &[f32] {
        &self.quantization_errors
    }

    /// The product of two rows, in steps of the quantiser.
    pub(super) fn dot_product(&self, a: u32, b: u32) -> i32 {
        let bytes = |row: u32| bytemuck::cast_slice(self.row(row as usize));
        SimdLevel::best().dot_codes(bytes(a), bytes(b))
    }

    /// The lines of a row.
    pub(super) fn row(&self, row: usize) -> &[CodeLine] {
        let stride = self.quantizer.lines_per_row();
        &self.code_lines[row * stride..][..stride]
    }
}

/// A query in bytes, with a step of its own.
#[derive(Debug, Clone)]
pub(super) struct QuantizedQuery {
    lines: Vec<QueryLine>,
    /// From a product of codes to a score.
    score_scale: f32,
    /// What the codes' middle adds to every product.
    zero_point_offset: i32,
    /// What quantising took from the query.
    quantization_error: f32,
    /// Length of the query as quantised.
    quantized_norm: f32,
}

impl QuantizedQuery {
    pub(super) fn new(query: &[f32], quantiser: ScalarQuantizer) -> Self {
        let largest = query.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        let step = if largest > 0.0 { largest / 127.0 } else { 1.0 };
        let mut lines = vec![[0; LINE_BYTES]; quantiser.lines_per_row()];
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
            score_scale: step * quantiser.step,
            zero_point_offset: i32::from(ZERO_POINT) * sum,
            quantization_error: squared_error.sqrt() + F32_ROUNDING_ERROR,
            quantized_norm: squares.sqrt() + F32_ROUNDING_ERROR,
        }
    }

    /// A row as a query.
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

    /// A product in steps of query and codes, without what the codes' middle adds.
    pub(super) fn without_offset(&self, product: i32) -> i32 {
        product - self.zero_point_offset
    }

    /// Products with some rows; greater is nearer, and [`CodedQuery::score`] makes a score of it.
    #[inline]
    pub(super) fn dot_products(&self, codes: &[CodeLine], rows: &[u32], out: &mut [i32]) {
        SimdLevel::best().dot_selected(&self.lines, codes, rows, out);
    }

    /// Products with `out.len()` rows from `first` on.
    pub(super) fn dot_products_from(&self, codes: &[CodeLine], first: usize, out: &mut [i32]) {
        SimdLevel::best().dot_range(&self.lines, codes, first, out);
    }

    /// Products of four queries with as many rows each from `first` on.
    pub(super) fn dot_products_x4(
        queries: [&Self; 4],
        codes: &[CodeLine],
        first: usize,
        out: [&mut [i32]; 4],
    ) {
        let lines = queries.map(|query| query.lines.as_slice());
        SimdLevel::best().dot_x4(lines, codes, first, out);
    }

    /// No product below this has a score of at least `score`.
    pub(super) fn min_product_for_score(&self, score: f32) -> i32 {
        // Rounding of `score` and of this is far below two steps.
        #[allow(clippy::cast_possible_truncation)] // saturates
        let product = (score / self.score_scale).floor() as i32;
        product
            .saturating_add(self.zero_point_offset)
            .saturating_sub(2)
    }

    /// The score that a product stands for.
    #[inline]
    pub(super) fn score(&self, product: i32) -> f32 {
        #[allow(clippy::cast_precision_loss)] // within 2^24 up to a dimension of 1,000; rounding
        let product = (product - self.zero_point_offset) as f32; // beyond is far below the bound's margin
        product * self.score_scale
    }

    /// How far a score can lie from the exact one for a row that lost so much: with `q̂` and `v̂`
    /// for what was quantised, `q·v - q̂·v̂ = q̂·(v - v̂) + (q - q̂)·v`.
    #[inline]
    pub(super) fn error_bound(&self, row_error: f32) -> f32 {
        self.quantized_norm * row_error + self.quantization_error * MAX_ROW_NORM
    }
}
