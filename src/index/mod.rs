//! Embeddings to neighbours.
//!
//! A [`VectorIndex`] answers "which rows of these vectors are nearest to this one?". The rows are
//! numbers; what they stand for is known further down. [`SegmentedIndex`] is the one that serves:
//! it walks a graph where that is faster, scans where it is not, and changes without disturbing
//! anybody. [`ExactScan`] compares with every row, plainly, and is the oracle of tests and
//! benchmarks. Every index is immutable, so any number of threads may search one, and a cache: it
//! can be built again from the store at any time.
//!
//! How a search goes, from the inside out: [`kernels`] multiply, [`codes`] say what a product of
//! bytes is worth and how wrong it can be, [`scan`] and [`graph`] propose rows, [`field`] keeps
//! those that may be among the best and scores them exactly. Where many rows look for what is near to
//! them, [`cells`] say where to scan.

mod candidates;
mod compaction;
mod exact;
pub mod file;
mod graph;
mod ivf;
mod kernels;
mod kind;
mod range_search;
mod scalar_quantization;
mod scan;
mod segment;
mod segmented;
mod shared_slice;
mod vectors;

#[cfg(test)]
pub(in crate::index) mod tests;

use std::cmp::Ordering;

use roaring::RoaringBitmap;

pub use compaction::Compaction;
pub use exact::ExactScan;
pub use graph::{BuildOptions, HnswParameters, MAX_EF};
pub use ivf::IvfIndex;
pub use kind::IndexKind;
pub use range_search::RangeQuery;
pub use segmented::{IndexBytes, SegmentedIndex};
pub use vectors::Vectors;

/// Finds the rows nearest to a query.
///
/// The contract that every implementation keeps, and that one test suite proves:
///
/// - At most `k` neighbours come back, and exactly `k` where so many rows may be found.
/// - They are in order of descending score; equal scores in order of ascending row, unless the
///   index was given another [`RowOrder`].
/// - A score is the dot product of query and row in `f32`, summed in one fixed order and clamped
///   to [-1, 1]: it is the same to the bit whichever index found the row.
/// - No row comes back twice, none that is deleted, none that [`Request::allowed`] leaves out.
/// - With [`Request::exact`] they are the nearest rows; otherwise some may be missed.
pub trait VectorIndex: Send + Sync {
    /// Number of rows, deleted ones included.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name and parameters of this index, as answers report them.
    fn description(&self) -> String;

    /// The rows nearest to `query`, a unit vector of the index's dimension.
    ///
    /// # Errors
    ///
    /// If the query has another dimension or a coordinate that is not finite, or `ef` is out of
    /// range.
    fn search(&self, query: &[f32], request: &KnnParams<'_>) -> Result<TopK, IndexError>;
}

/// What is wanted of a search.
#[derive(Debug, Clone, Copy, Default)]
pub struct KnnParams<'a> {
    /// Most neighbours to give.
    pub k: usize,
    /// Candidates kept while a graph is walked, 1 to [`MAX_EF`]; raised to `k`. More find more and
    /// take longer. Without it the index's own.
    pub ef: Option<usize>,
    /// Compare with every row, whatever it takes.
    pub exact: bool,
    /// The only rows that may be found; all if not given.
    pub allowed_rows: Option<&'a RoaringBitmap>,
}

impl KnnParams<'_> {
    /// The `k` nearest of all rows.
    #[must_use]
    pub fn top_k(k: usize) -> Self {
        Self {
            k,
            ..Self::default()
        }
    }
}

/// What a search found, and what it took.
#[derive(Debug, Clone, PartialEq)]
pub struct TopK {
    /// The neighbours, best first.
    pub neighbours: Vec<Neighbour>,
    /// What it took.
    pub stats: SearchStats,
}

/// What a search took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SearchStats {
    /// Products of query and row, in bytes or exact.
    pub distance_computations: usize,
    /// Rows whose links were followed.
    pub nodes_visited: usize,
    /// Rows that were scored exactly after their codes had been compared.
    pub rows_rescored: usize,
}

/// A row and how near it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// The row.
    pub row: u32,
    /// Dot product with the query, in [-1, 1].
    pub score: f32,
}

impl Neighbour {
    /// Best first; ties as `order` says, so that the order is one and the same on every run.
    fn cmp_best_first(self, other: Self, order: impl Fn(u32, u32) -> Ordering) -> Ordering {
        let scores = other.score.total_cmp(&self.score);
        scores.then_with(|| order(self.row, other.row))
    }
}

/// The dot product of two unit vectors, in [-1, 1], to the bit as a search scores them.
#[must_use]
pub fn similarity(a: &[f32], b: &[f32]) -> f32 {
    kernels::SimdLevel::best().dot_f32(a, b)
}

/// The order in which rows of equal score are found.
pub trait TieBreaker: Send + Sync {
    /// Which of two rows comes first; a total order.
    fn compare(&self, a: u32, b: u32) -> Ordering;
}

/// Someone who watches a graph being built.
pub trait BuildProgress: Sync {
    /// So much of all the work is done, in rows; each row is worked on twice.
    fn update(&self, done: usize, all: usize);

    /// Whether to give up.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct NoBuildProgress;

impl BuildProgress for NoBuildProgress {
    fn update(&self, _: usize, _: usize) {}
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
    /// A row is no unit vector.
    #[error("a vector has the length {received}; expected 1")]
    NotUnitLength {
        /// Its length.
        received: String,
    },
    /// A parameter is outside its range.
    #[error("{name} is {received}; expected {expected}")]
    ParameterOutOfRange {
        /// The parameter's name.
        name: &'static str,
        /// The accepted range.
        expected: &'static str,
        /// The value received.
        received: usize,
    },
    /// There would be more rows than are counted.
    #[error("an index of {received} rows is too large; expected at most 2^30")]
    TooManyRows {
        /// How many there would be.
        received: usize,
    },
    /// Whoever asked for the graph does not want it any more.
    #[error("building the graph was cancelled")]
    Cancelled,
}
