//! Embeddings to neighbours.
//!
//! A [`VectorIndex`] answers "which rows of these vectors are nearest to this one?". The rows are
//! numbers; what they stand for is known further down. There are two answers: [`ExactScan`]
//! compares with every row and is the oracle, [`Hnsw`] walks a graph and is faster where there are
//! many. Both are immutable once built, so any number of threads may search one. An index is a
//! cache: it can be built again from the store at any time.
//!
//! Nothing outside this room names `hnsw_rs`.

mod dot;
mod exact;
mod hnsw;
mod vectors;

#[cfg(test)]
mod tests;

pub use exact::ExactScan;
pub use hnsw::{Hnsw, HnswParameters};
pub use vectors::Vectors;

/// Finds the rows nearest to a query.
///
/// The contract that every implementation keeps, and that one test suite proves:
///
/// - At most `k` neighbours come back, and exactly `min(k, len)` from an exact index.
/// - They are in order of descending score; equal scores in order of ascending row.
/// - A score is the dot product of query and row in `f32`, summed in one fixed order and clamped
///   to [-1, 1]: it is the same to the bit whichever index found the row.
/// - No row comes back twice.
pub trait VectorIndex: Send + Sync {
    /// Number of rows.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name and parameters of this index, as answers report them.
    fn description(&self) -> String;

    /// The `k` rows nearest to `query`, a unit vector of the index's dimension.
    ///
    /// # Errors
    ///
    /// If the query has another dimension or a coordinate that is not finite.
    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>, IndexError>;
}

/// A row and how near it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// The row.
    pub row: usize,
    /// Dot product with the query, in [-1, 1].
    pub score: f32,
}

impl Neighbour {
    /// Best first; ties by row, so that the order is one and the same on every run.
    fn rank(a: &Self, b: &Self) -> std::cmp::Ordering {
        b.score.total_cmp(&a.score).then(a.row.cmp(&b.row))
    }
}

/// Why an index could not be built or searched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// A vector has the wrong length.
    #[error("a vector has {received} coordinates; expected {expected}")]
    Dimension {
        /// The index's dimension.
        expected: usize,
        /// The vector's.
        received: usize,
    },
    /// A coordinate is infinite or not a number.
    #[error("coordinate {position} of a vector is not a finite number")]
    NotFinite {
        /// Which coordinate, from 0.
        position: usize,
    },
    /// A graph parameter is outside the range in which the graph can be built.
    #[error("{name} is {received}; expected {expected}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// The accepted range.
        expected: &'static str,
        /// The value received.
        received: usize,
    },
}
