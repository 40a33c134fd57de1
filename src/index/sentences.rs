//! The sentences of rows: their vectors as they are appended, and their codes in a segment.

use std::ops::Range;

use antiphon_kernels::dot::{CodeLine, SimdLevel};

use super::scalar_quantization::{QuantizedVectors, ScalarQuantizer};
use super::shared_slice::SharedSlice;
use super::vectors::check_vector;
use super::{IndexError, Vectors};

/// Rows to be appended to an index, each with the vectors of its sentences.
#[derive(Debug, Clone)]
pub struct RowsWithSentences {
    rows: Vectors,
    /// `[sentences, dimension]`, in the order of the rows.
    sentences: Vec<f32>,
    /// The end of each row's sentences.
    ends: Vec<usize>,
}

impl RowsWithSentences {
    /// Creates an empty list.
    ///
    /// # Errors
    ///
    /// If `dimension` is 0.
    pub fn new(dimension: usize) -> Result<Self, IndexError> {
        Ok(Self {
            rows: Vectors::new(dimension)?,
            sentences: Vec::new(),
            ends: Vec::new(),
        })
    }

    /// Appends a row.
    ///
    /// # Errors
    ///
    /// As [`Vectors::push`].
    pub fn push(&mut self, row: &[f32]) -> Result<(), IndexError> {
        self.rows.push(row)?;
        self.ends.push(self.sentences.len() / self.rows.dimension());
        Ok(())
    }

    /// Appends sentences, `[sentences, dimension]`, to the last row.
    ///
    /// # Errors
    ///
    /// If a sentence has another dimension or a component that is not finite.
    pub fn push_sentences(&mut self, sentences: &[f32]) -> Result<(), IndexError> {
        let dimension = self.rows.dimension();
        for sentence in sentences.chunks(dimension) {
            check_vector(sentence, dimension)?;
        }
        self.sentences.extend_from_slice(sentences);
        if let Some(end) = self.ends.last_mut() {
            *end = self.sentences.len() / dimension;
        }
        Ok(())
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the rows without their sentences.
    #[must_use]
    pub fn rows(&self) -> &Vectors {
        &self.rows
    }

    /// Returns the sentences of each row of a range.
    pub(super) fn sentences_of(&self, rows: Range<usize>) -> impl Iterator<Item = &[f32]> {
        let dimension = self.rows.dimension();
        rows.map(move |row| {
            let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.sentences[start * dimension..self.ends[row] * dimension]
        })
    }
}

impl From<Vectors> for RowsWithSentences {
    /// Rows without sentences.
    fn from(rows: Vectors) -> Self {
        Self {
            ends: vec![0; rows.len()],
            rows,
            sentences: Vec::new(),
        }
    }
}

/// Returns the Euclidean distance of two unit vectors.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    (2.0 - 2.0 * SimdLevel::best().dot_f32(a, b))
        .max(0.0)
        .sqrt()
}

/// The codes of the sentences of a segment's rows.
#[derive(Debug, Clone)]
pub(super) struct SentenceCodes {
    /// `[rows + 1]`: the sentences of row `i` are those from `starts[i]` to `starts[i + 1]`.
    pub(super) starts: SharedSlice<u32>,
    /// `[rows]`: the greatest distance of a row from one of its sentences; 0 without sentences.
    pub(super) spreads: SharedSlice<f32>,
    pub(super) codes: QuantizedVectors,
}

impl SentenceCodes {
    /// Creates the codes of a segment without rows.
    pub(super) fn empty(dimension: usize) -> Self {
        Self {
            starts: vec![0].into(),
            spreads: Vec::new().into(),
            codes: QuantizedVectors::new(ScalarQuantizer::new(dimension)),
        }
    }

    /// Returns a copy with the sentences of further rows appended: for each row its vector and its
    /// sentences, `[sentences, dimension]`.
    pub(super) fn with_appended<'a>(
        &self,
        dimension: usize,
        rows: impl Iterator<Item = (&'a [f32], &'a [f32])>,
    ) -> Self {
        let (mut starts, mut spreads) = (self.starts.to_vec(), self.spreads.to_vec());
        let mut end = starts.last().copied().unwrap_or_default();
        let mut appended: Vec<&[f32]> = Vec::new();
        for (row, sentences) in rows {
            let sentences = sentences.chunks_exact(dimension);
            let distances = sentences.clone().map(|sentence| distance(row, sentence));
            spreads.push(distances.fold(0.0, f32::max));
            #[allow(clippy::cast_possible_truncation)] // of one row
            let count = sentences.len() as u32;
            end += count;
            starts.push(end);
            appended.extend(sentences);
        }
        Self {
            starts: starts.into(),
            spreads: spreads.into(),
            codes: self.codes.with_appended(appended.into_iter()),
        }
    }

    /// Returns the sentences of a row, as a range of the codes.
    pub(super) fn of_row(&self, row: usize) -> Range<usize> {
        match self.starts.get(row..row + 2) {
            Some(&[start, end]) => start as usize..end as usize,
            _ => 0..0,
        }
    }

    /// Returns the sentences of consecutive rows, as a range of the codes.
    pub(super) fn of_rows(&self, rows: Range<usize>) -> Range<usize> {
        let start = |row: usize| self.starts.get(row).map_or(0, |start| *start as usize);
        start(rows.start)..start(rows.end)
    }

    /// Whether every row has a range of sentences, and all are in a row's range.
    pub(super) fn is_valid(&self, rows: usize) -> bool {
        let ends = (self.starts.first(), self.starts.last());
        self.starts.len() == rows + 1
            && self.spreads.len() == rows
            && self.starts.is_sorted()
            && matches!(ends, (Some(0), Some(end)) if *end as usize == self.codes.len())
    }

    /// Returns the codes and quantization errors of the sentences of a row.
    pub(super) fn parts_of_row(&self, row: usize) -> (&[CodeLine], &[f32]) {
        let sentences = self.of_row(row);
        let stride = self.codes.stride();
        (
            &self.codes.code_lines()[sentences.start * stride..sentences.end * stride],
            &self.codes.quantization_errors()[sentences],
        )
    }
}
