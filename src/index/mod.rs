//! Embeddings to neighbours.
//!
//! A [`VectorIndex`] returns the rows that are nearest to a query. Rows are numbers; `engine` maps
//! them to passages. The service uses [`SegmentedIndex`]: it searches a graph where that is faster
//! than a scan, and is updated without blocking searches. [`ExactScan`] compares the query with every
//! row in `f32` and is the reference for tests and benchmarks. Every index is immutable, so any number
//! of threads may search it, and a cache: it can be rebuilt from the store at any time.
//!
//! The layers of a search, lowest first: [`antiphon_kernels::dot`] computes dot products, [`scalar_quantization`]
//! turns products of codes into scores with error bounds, [`scan`] and [`graph`] find candidates,
//! [`candidates`] prunes them and scores the rest exactly. For range searches of many rows, [`ivf`]
//! limits the scan to a few clusters. [`two_level`] ranks rows by their own score and that of their best
//! sentence ([`sentences`]).

mod candidates;
mod compaction;
mod exact;
pub mod file;
mod graph;
mod ivf;
mod kind;
mod range_search;
mod scalar_quantization;
mod scan;
mod segment;
mod segmented;
mod sentences;
mod shared_slice;
mod two_level;
mod vectors;

#[cfg(test)]
pub(in crate::index) mod tests;

use std::cmp::Ordering;

use antiphon_kernels::dot::SimdLevel;
use roaring::RoaringBitmap;

pub use compaction::Compaction;
pub use exact::ExactScan;
pub use graph::{BuildOptions, HnswParameters, MAX_EF};
pub use ivf::IvfIndex;
pub use kind::IndexKind;
pub use range_search::RangeQuery;
pub use segmented::{IndexBytes, SegmentedIndex};
pub use sentences::RowsWithSentences;
pub use two_level::{
    ExactScorer, ScoreBounds, SentenceScore, TwoLevelCandidates, TwoLevelNeighbour,
};
pub use vectors::Vectors;

/// Finds the rows nearest to a query.
///
/// Every implementation keeps this contract; one test suite checks them all:
///
/// - At most `k` neighbours are returned, and exactly `k` if at least `k` rows are allowed.
/// - They are in order of descending score; equal scores in order of ascending row, unless the
///   index has another [`TieBreaker`].
/// - A score is the dot product of query and row in `f32`, summed in one fixed order and clamped
///   to [-1, 1]: all indexes return the same bits.
/// - No row is returned twice, and none that is deleted or not in [`KnnParams::allowed_rows`].
/// - With [`KnnParams::exact`] they are the nearest rows; otherwise some may be missed.
pub trait VectorIndex: Send + Sync {
    /// Returns the number of rows, including deleted ones.
    fn len(&self) -> usize;

    /// Whether there are no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the name and parameters of this index, as responses report them.
    fn description(&self) -> String;

    /// Returns the rows nearest to `query`, a unit vector of the index's dimension.
    ///
    /// # Errors
    ///
    /// If the query has another dimension or a component that is not finite, or `ef` is out of
    /// range.
    fn search(&self, query: &[f32], params: &KnnParams<'_>) -> Result<TopK, IndexError>;
}

/// Parameters of a search for the `k` nearest rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct KnnParams<'a> {
    /// Maximum number of neighbours.
    pub k: usize,
    /// Width of the graph search, 1 to [`MAX_EF`]; raised to `k`. A greater width has a better recall
    /// and takes longer. Defaults to [`HnswParameters::ef_search`] of the index.
    pub ef: Option<usize>,
    /// Compare with every row, at any cost.
    pub exact: bool,
    /// The only rows that may be returned; `None` for all.
    pub allowed_rows: Option<&'a RoaringBitmap>,
}

impl KnnParams<'_> {
    /// Searches all rows for the `k` nearest.
    #[must_use]
    pub fn top_k(k: usize) -> Self {
        Self {
            k,
            ..Self::default()
        }
    }
}

/// The result of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct TopK {
    /// The neighbours, best first.
    pub neighbours: Vec<Neighbour>,
    /// The work done.
    pub stats: SearchStats,
}

/// Counters of the work of a search.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SearchStats {
    /// Dot products of query and row, of codes or exact.
    pub distance_computations: usize,
    /// Nodes of the graph whose links were followed.
    pub nodes_visited: usize,
    /// Candidates that were scored exactly.
    pub rows_rescored: usize,
}

/// A row and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// The row's id.
    pub row: u32,
    /// Dot product with the query, in [-1, 1].
    pub score: f32,
}

impl Neighbour {
    /// Compares by descending score, equal scores by `order`, so that the order is deterministic.
    fn cmp_best_first(self, other: Self, order: impl Fn(u32, u32) -> Ordering) -> Ordering {
        let scores = other.score.total_cmp(&self.score);
        scores.then_with(|| order(self.row, other.row))
    }
}

/// Returns the dot product of two unit vectors, in [-1, 1], with the same bits as the score of a search.
#[must_use]
pub fn similarity(a: &[f32], b: &[f32]) -> f32 {
    SimdLevel::best().dot_f32(a, b)
}

/// The order of rows with equal scores.
pub trait TieBreaker: Send + Sync {
    /// Compares two rows; a total order.
    fn compare(&self, a: u32, b: u32) -> Ordering;
}

/// Observes, and may cancel, the build of a graph.
pub trait BuildProgress: Sync {
    /// Reports how many of `total` steps are done; each row takes two.
    fn update(&self, done: usize, total: usize);

    /// Whether to cancel the build.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Ignores progress and never cancels.
#[derive(Debug, Clone, Copy)]
pub struct NoBuildProgress;

impl BuildProgress for NoBuildProgress {
    fn update(&self, _: usize, _: usize) {}
}

/// Why an index could not be built or searched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// A vector has the wrong dimension.
    #[error("vector has {received} dimensions; expected {expected}")]
    Dimension {
        /// The dimension of the index.
        expected: usize,
        /// The dimension of the vector.
        received: usize,
    },
    /// A component is infinite or NaN.
    #[error("vector component {position} is not a finite number")]
    NotFinite {
        /// Index of the component, from 0.
        position: usize,
    },
    /// A vector does not have unit length.
    #[error("vector has norm {received}; expected a unit vector")]
    NotUnitLength {
        /// Its norm.
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
    /// There would be more than 2^30 rows.
    #[error("too many rows: {received}; expected at most 2^30")]
    TooManyRows {
        /// How many there would be.
        received: usize,
    },
    /// The build was cancelled through [`BuildProgress::is_cancelled`].
    #[error("graph build was cancelled")]
    Cancelled,
}
