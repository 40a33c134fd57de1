//! Vectors in bytes: a quarter of the memory, and an error that is known for every row.
//!
//! A coordinate `x` becomes the byte `128 + round(x / step)`. One step serves all rows, so that
//! scores in bytes compare without any number beside them, and a row of 384 coordinates is six
//! cache lines. Coordinates of unit vectors in `d` dimensions have a standard deviation of
//! `1 / sqrt(d)`; the step gives 127 to [`REACH`] of these, and what lies beyond is clipped. Each
//! row keeps the length of what quantising took away, and with it a score in bytes has a bound
//! (Cauchy and Schwarz): the exact scan relies on it.

use super::kernels::{LINE, Line, Path, QueryLine};
use super::section::Section;

/// Standard deviations that the largest byte stands for. On `MiniLM` 5 loses 0.0113 of a vector's
/// length on average, 6 loses 0.0136; 4 loses 0.0093 but clips a hundred times as much at worst.
const REACH: f32 = 5.0;

/// What arithmetic in `f32` may add to a bound.
const ROUNDING: f32 = 1e-5;

/// No row is longer than this; see `Vectors::push`.
const LONGEST: f32 = 1.01;

/// The byte of the coordinate 0.
const MIDDLE: u8 = 128;

/// The nearest whole number, ties to even, for magnitudes below 2^22: adding 3 * 2^22 leaves no bits
/// for a fraction. (`round_ties_even` is a call into the C library on processors' least common
/// instruction set.)
fn round(x: f32) -> f32 {
    const SHIFT: f32 = 12_582_912.0;
    (x.clamp(-1e6, 1e6) + SHIFT) - SHIFT
}

/// How coordinates become bytes; the same for all vectors of a dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quantiser {
    dimension: usize,
    step: f32,
}

impl Quantiser {
    pub(super) fn new(dimension: usize) -> Self {
        #[allow(clippy::cast_precision_loss)] // a dimension is far below 2^24
        let step = REACH / (dimension as f32).sqrt() / 127.0;
        Self { dimension, step }
    }

    /// Cache lines of a row.
    pub(super) fn lines(self) -> usize {
        self.dimension.div_ceil(LINE)
    }

    /// Appends a row and gives the length of what is lost.
    fn push(self, row: &[f32], codes: &mut Vec<Line>) -> f32 {
        let mut lost = 0.0;
        for part in row.chunks(LINE) {
            let mut line = Line([MIDDLE; LINE]);
            for (code, x) in line.0.iter_mut().zip(part) {
                let steps = round(x / self.step).clamp(-127.0, 127.0);
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 1 to 255
                let byte = (steps + 128.0) as u8;
                *code = byte;
                lost += (x - steps * self.step).powi(2);
            }
            codes.push(line);
        }
        lost.sqrt() + ROUNDING
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
pub(super) struct Codes {
    quantiser: Quantiser,
    lines: Section<Line>,
    /// What quantising took from each row.
    lost: Section<f32>,
}

impl Codes {
    /// No rows yet.
    pub(super) fn new(quantiser: Quantiser) -> Self {
        Self::from_parts(quantiser, Vec::new().into(), Vec::new().into())
    }

    /// Rows that were quantised before.
    pub(super) fn from_parts(
        quantiser: Quantiser,
        lines: Section<Line>,
        lost: Section<f32>,
    ) -> Self {
        Self {
            quantiser,
            lines,
            lost,
        }
    }

    /// The codes of these rows, each of the quantiser's dimension, after those that are here.
    pub(super) fn extended<'a>(&self, rows: impl Iterator<Item = &'a [f32]>) -> Self {
        let (mut lines, mut lost) = (self.lines.to_vec(), self.lost.to_vec());
        for row in rows {
            lost.push(self.quantiser.push(row, &mut lines));
        }
        Self::from_parts(self.quantiser, lines.into(), lost.into())
    }

    pub(super) fn len(&self) -> usize {
        self.lost.len()
    }

    pub(super) fn quantiser(&self) -> Quantiser {
        self.quantiser
    }

    /// Lines of a row.
    pub(super) fn stride(&self) -> usize {
        self.quantiser.lines()
    }

    /// All lines, row after row.
    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What quantising took from each row, an upper bound.
    pub(super) fn lost(&self) -> &[f32] {
        &self.lost
    }

    /// The product of two rows, in steps of the quantiser.
    pub(super) fn product(&self, a: u32, b: u32) -> i32 {
        let bytes = |row: u32| bytemuck::cast_slice(self.row(row as usize));
        Path::best().dot_codes(bytes(a), bytes(b))
    }

    /// The lines of a row.
    pub(super) fn row(&self, row: usize) -> &[Line] {
        let stride = self.quantiser.lines();
        &self.lines[row * stride..][..stride]
    }
}

/// A query in bytes, with a step of its own.
#[derive(Debug, Clone)]
pub(super) struct CodedQuery {
    lines: Vec<QueryLine>,
    /// From a product of codes to a score.
    factor: f32,
    /// What the codes' middle adds to every product.
    excess: i32,
    /// What quantising took from the query.
    lost: f32,
    /// Length of the query as quantised.
    length: f32,
}

impl CodedQuery {
    pub(super) fn new(query: &[f32], quantiser: Quantiser) -> Self {
        let largest = query.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        let step = if largest > 0.0 { largest / 127.0 } else { 1.0 };
        let mut lines = vec![[0; LINE]; quantiser.lines()];
        let (mut sum, mut lost, mut squares) = (0, 0.0, 0.0);
        let parts = lines.iter_mut().zip(query.chunks(LINE));
        for (line, part) in parts {
            for (code, x) in line.iter_mut().zip(part) {
                let steps = round(x / step);
                #[allow(clippy::cast_possible_truncation)] // within ±127 by the step
                let byte = steps as i8;
                *code = byte;
                sum += i32::from(byte);
                lost += (x - steps * step).powi(2);
                squares += (steps * step).powi(2);
            }
        }
        Self {
            lines,
            factor: step * quantiser.step,
            excess: i32::from(MIDDLE) * sum,
            lost: lost.sqrt() + ROUNDING,
            length: squares.sqrt() + ROUNDING,
        }
    }

    /// A row as a query.
    pub(super) fn of_row(codes: &Codes, row: u32) -> Self {
        let lines = codes.row(row as usize).iter();
        let lines: Vec<QueryLine> = lines
            .map(|line| line.0.map(|code| code.wrapping_sub(MIDDLE).cast_signed()))
            .collect();
        let sum: i32 = lines.as_flattened().iter().map(|x| i32::from(*x)).sum();
        Self {
            lines,
            factor: codes.quantiser.step * codes.quantiser.step,
            excess: i32::from(MIDDLE) * sum,
            lost: codes.lost[row as usize],
            length: 1.0,
        }
    }

    /// A product in steps of query and codes, without what the codes' middle adds.
    pub(super) fn centred(&self, product: i32) -> i32 {
        product - self.excess
    }

    /// Products with some rows; greater is nearer, and [`CodedQuery::score`] makes a score of it.
    #[inline]
    pub(super) fn products(&self, codes: &[Line], rows: &[u32], out: &mut [i32]) {
        Path::best().dot_some(&self.lines, codes, rows, out);
    }

    /// Products with `out.len()` rows from `first` on.
    pub(super) fn products_from(&self, codes: &[Line], first: usize, out: &mut [i32]) {
        Path::best().dot_all(&self.lines, codes, first, out);
    }

    /// Products of four queries with as many rows each from `first` on.
    pub(super) fn products_of_four(
        queries: [&Self; 4],
        codes: &[Line],
        first: usize,
        out: [&mut [i32]; 4],
    ) {
        let lines = queries.map(|query| query.lines.as_slice());
        Path::best().dot_four(lines, codes, first, out);
    }

    /// No product below this has a score of at least `score`.
    pub(super) fn product_for(&self, score: f32) -> i32 {
        // Rounding of `score` and of this is far below two steps.
        #[allow(clippy::cast_possible_truncation)] // saturates
        let product = (score / self.factor).floor() as i32;
        product.saturating_add(self.excess).saturating_sub(2)
    }

    /// The score that a product stands for.
    #[inline]
    pub(super) fn score(&self, product: i32) -> f32 {
        #[allow(clippy::cast_precision_loss)] // within 2^24 up to a dimension of 1,000; rounding
        let product = (product - self.excess) as f32; // beyond is far below the bound's margin
        product * self.factor
    }

    /// How far a score can lie from the exact one for a row that lost so much: with `q̂` and `v̂`
    /// for what was quantised, `q·v - q̂·v̂ = q̂·(v - v̂) + (q - q̂)·v`.
    #[inline]
    pub(super) fn bound(&self, row_lost: f32) -> f32 {
        self.length * row_lost + self.lost * LONGEST
    }
}
