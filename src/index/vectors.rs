//! Vectors in contiguous memory, and their validation.

use super::IndexError;

/// Unit vectors in contiguous memory, `[len, dimension]`. Every component is finite.
#[derive(Debug, Clone)]
pub struct Vectors {
    flat: Vec<f32>,
    dimension: usize,
}

impl Vectors {
    /// Creates an empty list of vectors.
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
    /// If it has another dimension, a component that is not finite, or not the norm 1.
    pub fn push(&mut self, row: &[f32]) -> Result<(), IndexError> {
        self.check(row)?;
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        if (norm - 1.0).abs() > NORM_TOLERANCE {
            return Err(IndexError::NotUnitLength {
                received: norm.to_string(),
            });
        }
        self.flat.extend_from_slice(row);
        Ok(())
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flat.len() / self.dimension
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flat.is_empty()
    }

    /// Returns the number of components of a row.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Returns the rows in order, each `[dimension]`.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.flat.chunks_exact(self.dimension)
    }

    /// Returns a row if it exists.
    #[must_use]
    pub fn row(&self, row: usize) -> Option<&[f32]> {
        self.flat
            .get(row.checked_mul(self.dimension)?..)?
            .get(..self.dimension)
    }

    /// Returns all rows, `[len, dimension]`.
    #[must_use]
    pub fn flat(&self) -> &[f32] {
        &self.flat
    }

    /// Checks that a vector has the dimension of the rows and only finite components.
    pub(super) fn check(&self, vector: &[f32]) -> Result<(), IndexError> {
        check_vector(vector, self.dimension)
    }
}

/// How far the norm of a row may differ from 1: by rounding in `f32`, and for vectors that were stored
/// with fewer bits.
const NORM_TOLERANCE: f32 = 0.01;

/// Checks that a vector has this dimension and only finite components.
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
