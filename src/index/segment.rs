//! An immutable segment: vectors, their codes, and optionally a graph over them.

use std::borrow::Cow;
use std::ops::Range;

use roaring::RoaringBitmap;

use super::candidates::CandidateCollector;
use super::graph::{self, FlatGraph, NoFilter, SearchScratch};
use super::scalar_quantization::{QuantizedQuery, QuantizedVectors, ScalarQuantizer};
use super::scan::{self, CodeScan};
use super::sentences::{RowsWithSentences, SentenceCodes};
use super::shared_slice::SharedSlice;
use super::vectors::check_vector;
use super::{IndexError, SearchStats};

/// Rows numbered from 0. The exact vectors are stored apart from the codes, since they are read only
/// for the few candidates that are rescored.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) dimension: usize,
    /// `[len, dimension]`.
    pub(super) vectors: SharedSlice<f32>,
    pub(super) codes: QuantizedVectors,
    pub(super) sentences: SentenceCodes,
    pub(super) graph: Option<FlatGraph>,
}

/// Parameters of a search of segments. Row ids are those of the whole index.
pub(super) struct SegmentParams<'a> {
    pub(super) k: usize,
    pub(super) ef: usize,
    pub(super) exact: bool,
    pub(super) rows: &'a RowSet<'a>,
}

/// The rows that may be returned.
pub(super) enum RowSet<'a> {
    Only(Cow<'a, RoaringBitmap>),
    AllExcept(Cow<'a, RoaringBitmap>),
}

impl<'a> RowSet<'a> {
    /// Creates the set of rows that are allowed, by default all, and not deleted.
    pub(super) fn new(allowed: Option<&'a RoaringBitmap>, deleted: &'a RoaringBitmap) -> Self {
        match allowed {
            None => Self::AllExcept(Cow::Borrowed(deleted)),
            Some(allowed) if deleted.is_empty() => Self::Only(Cow::Borrowed(allowed)),
            Some(allowed) => Self::Only(Cow::Owned(allowed - deleted)),
        }
    }

    /// Removes rows from the set.
    pub(super) fn excluding(self, excluded: &'a RoaringBitmap) -> Self {
        match self {
            rows if excluded.is_empty() => rows,
            Self::Only(rows) => Self::Only(Cow::Owned(rows.as_ref() - excluded)),
            Self::AllExcept(rows) if rows.is_empty() => Self::AllExcept(Cow::Borrowed(excluded)),
            Self::AllExcept(rows) => Self::AllExcept(Cow::Owned(rows.as_ref() | excluded)),
        }
    }

    pub(super) fn contains(&self, row: u32) -> bool {
        match self {
            Self::Only(rows) => rows.contains(row),
            Self::AllExcept(rows) => !rows.contains(row),
        }
    }

    /// Returns how many rows of a range are in the set.
    pub(super) fn count_in(&self, range: Range<u32>) -> usize {
        let count = match self {
            Self::Only(rows) => rows.range_cardinality(range),
            Self::AllExcept(rows) => range.len() as u64 - rows.range_cardinality(range),
        };
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    fn is_unrestricted(&self) -> bool {
        matches!(self, Self::AllExcept(rows) if rows.is_empty())
    }
}

thread_local! {
    static SEARCH_SCRATCH: std::cell::RefCell<SearchScratch> = std::cell::RefCell::default();
}

/// Dot products that a graph search computes per candidate, on real passages with `m` = 16: 13 at
/// `ef` = 256, 20 at `ef` = 64.
const DISTANCES_PER_CANDIDATE: usize = 18;

/// Relative cost of a dot product in a graph search.
const GRAPH_DISTANCE_COST: usize = 6;

/// The same in a scan of scattered rows.
const GATHER_DISTANCE_COST: usize = 3;

/// The same in a scan of all rows.
const SCAN_DISTANCE_COST: usize = 2;

/// Returns how many candidates of a graph search are rescored: more than `k`, since the codes may rank
/// a row too low.
fn rescore_depth(k: usize) -> usize {
    k + k.clamp(20, 200)
}

impl Segment {
    /// Creates a segment without rows.
    pub(super) fn empty(dimension: usize) -> Self {
        Self {
            dimension,
            vectors: Vec::new().into(),
            codes: QuantizedVectors::new(ScalarQuantizer::new(dimension)),
            sentences: SentenceCodes::empty(dimension),
            graph: None,
        }
    }

    /// Returns a copy with the rows of a range appended, and without a graph.
    pub(super) fn with_appended(&self, added: &RowsWithSentences, range: Range<usize>) -> Self {
        let flat = added.rows().flat();
        let rows = &flat[range.start * self.dimension..range.end * self.dimension];
        let vectors: Vec<f32> = self.vectors.iter().chain(rows).copied().collect();
        Self {
            dimension: self.dimension,
            codes: self.codes.with_appended(rows.chunks_exact(self.dimension)),
            vectors: vectors.into(),
            sentences: self.sentences.with_appended(
                self.dimension,
                rows.chunks_exact(self.dimension)
                    .zip(added.sentences_of(range)),
            ),
            graph: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.codes.len()
    }

    /// Checks that a vector is a valid query.
    pub(super) fn check_query(&self, query: &[f32]) -> Result<(), IndexError> {
        check_vector(query, self.dimension)
    }

    pub(super) fn vector(&self, row: u32) -> &[f32] {
        &self.vectors[row as usize * self.dimension..][..self.dimension]
    }

    /// Pushes the rows that may be among the `k` best into a collector. Row ids are those of the whole
    /// index; those of this segment begin at `first`.
    pub(super) fn search(
        &self,
        first: u32,
        query: &QuantizedQuery,
        params: &SegmentParams<'_>,
        collector: CandidateCollector,
        stats: &mut SearchStats,
    ) -> CandidateCollector {
        let count = params.rows.count_in(self.row_range(first));
        let scan_cost = (count * GATHER_DISTANCE_COST).min(self.len() * SCAN_DISTANCE_COST);
        if let (Some(graph), false) = (&self.graph, params.exact) {
            let ef = params.ef.max(params.k).min(count);
            let distances =
                (ef * DISTANCES_PER_CANDIDATE).saturating_mul(self.len()) / count.max(1);
            if distances.saturating_mul(GRAPH_DISTANCE_COST) < scan_cost {
                let limits = (ef, scan_cost / GRAPH_DISTANCE_COST);
                return match self.search_graph(graph, first, query, params, limits, stats) {
                    Some(candidates) => collector.merge(candidates),
                    None => self.scan(first, query, params, count, collector, stats),
                };
            }
        }
        self.scan(first, query, params, count, collector, stats)
    }

    #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
    pub(super) fn row_range(&self, first: u32) -> Range<u32> {
        first..first + self.len() as u32
    }

    fn scan(
        &self,
        first: u32,
        query: &QuantizedQuery,
        params: &SegmentParams<'_>,
        count: usize,
        mut collector: CandidateCollector,
        stats: &mut SearchStats,
    ) -> CandidateCollector {
        match &params.rows {
            RowSet::Only(rows)
                if count * GATHER_DISTANCE_COST < self.len() * SCAN_DISTANCE_COST =>
            {
                let rows = rows.range(self.row_range(first));
                stats.distance_computations +=
                    scan::scan_rows(&self.codes, query, first, rows, &mut collector);
                collector
            }
            rows => {
                stats.distance_computations += self.len();
                self.code_scan(first, rows)
                    .scan_all(query, collector, params.k)
            }
        }
    }

    /// Returns a scan over all rows, with row ids from `first` on.
    #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
    pub(super) fn code_scan(
        &self,
        first: u32,
        rows: &RowSet<'_>,
    ) -> CodeScan<'_, impl Fn(usize) -> u32 + Sync, impl Fn(u32) -> bool + Sync> {
        CodeScan {
            codes: &self.codes,
            row_id: move |row| first + row as u32,
            matches: |row| rows.contains(row),
        }
    }

    /// Searches the graph; `None` if fewer than `k` rows were found, or the search exceeded its budget.
    fn search_graph(
        &self,
        graph: &FlatGraph,
        first: u32,
        query: &QuantizedQuery,
        params: &SegmentParams<'_>,
        (ef, budget): (usize, usize),
        stats: &mut SearchStats,
    ) -> Option<CandidateCollector> {
        SEARCH_SCRATCH.with_borrow_mut(|scratch| {
            let codes = &self.codes;
            let complete = if params.rows.is_unrestricted() {
                graph::search_graph(graph, codes, query, (ef, usize::MAX), &NoFilter, scratch)
            } else {
                let filter = |row: u32| params.rows.contains(first + row);
                graph::search_graph(graph, codes, query, (ef, budget), &filter, scratch)
            };
            stats.distance_computations += scratch.distance_computations;
            stats.nodes_visited += scratch.nodes_visited;
            let matching = scratch
                .candidates
                .iter()
                .filter(|candidate| candidate.passes_filter());
            let mut collector = CandidateCollector::new(params.k);
            let mut count = 0;
            for candidate in matching.take(rescore_depth(params.k)) {
                let bound =
                    query.error_bound(codes.quantization_errors()[candidate.row() as usize]);
                collector.push(
                    first + candidate.row(),
                    query.score(candidate.product),
                    bound,
                );
                count += 1;
            }
            (complete && count >= params.k.min(ef)).then_some(collector)
        })
    }
}
