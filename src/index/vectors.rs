//! The vectors themselves, row by row in one block.

use super::IndexError;

/// Rows of equal dimension in contiguous memory, `[len, dimension]`. Every coordinate is finite.
#[derive(Debug, Clone)]
pub struct Vectors {
    flat: Vec<f32>,
    dimension: usize,
}

impl Vectors {
    /// No rows yet; `dimension` must not be 0.
    ///
    /// # Errors
    ///
    /// If `dimension` is 0.
    pub fn new(dimension: usize) -> Result<Self, IndexError> {
        if dimension == 0 {
            return Err(IndexError::ParameterOutOfRange {
                name: "dimension",
                expected: "at least 1",
                received: 0,
            });
        }
        Ok(Self {
            flat: Vec::new(),
            dimension,
        })
    }

    /// Appends a row.
    ///
    /// # Errors
    ///
    /// If it has another dimension, a coordinate that is not finite, or not the length 1.
    pub fn push(&mut self, row: &[f32]) -> Result<(), IndexError> {
        self.check(row)?;
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        if (length - 1.0).abs() > NORM_TOLERANCE {
            return Err(IndexError::NotUnitLength {
                received: length.to_string(),
            });
        }
        self.flat.extend_from_slice(row);
        Ok(())
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flat.len() / self.dimension
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flat.is_empty()
    }

    /// Coordinates of a row.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The rows in order, each `[dimension]`.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.flat.chunks_exact(self.dimension)
    }

    /// One row, if it exists.
    #[must_use]
    pub fn row(&self, row: usize) -> Option<&[f32]> {
        self.flat
            .get(row.checked_mul(self.dimension)?..)?
            .get(..self.dimension)
    }

    /// All rows, one after another.
    #[must_use]
    pub fn flat(&self) -> &[f32] {
        &self.flat
    }

    /// Whether a vector could be a query here.
    pub(super) fn check(&self, vector: &[f32]) -> Result<(), IndexError> {
        check_vector(vector, self.dimension)
    }
}

/// How far the length of a row may be from 1: rounding in `f32`, and vectors that were stored in
/// fewer bits.
const NORM_TOLERANCE: f32 = 0.01;

/// Whether a vector has this dimension and no coordinate that is not finite.
pub(super) fn check_vector(vector: &[f32], dimension: usize) -> Result<(), IndexError> {
    if vector.len() != dimension {
        return Err(IndexError::Dimension {
            expected: dimension,
            received: vector.len(),
        });
    }
    match vector.iter().position(|x| !x.is_finite()) {
        Some(position) => Err(IndexError::NotFinite { position }),
        None => Ok(()),
    }
}
