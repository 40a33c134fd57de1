//! Rows that do not change: vectors, codes and perhaps a graph over them.

use std::borrow::Cow;
use std::ops::Range;

use roaring::RoaringBitmap;

use super::candidates::CandidateCollector;
use super::graph::{self, FlatGraph, NoFilter, SearchScratch};
use super::scalar_quantization::{QuantizedQuery, QuantizedVectors, ScalarQuantizer};
use super::scan::{self, CodeScan};
use super::shared_slice::SharedSlice;
use super::vectors::check_vector;
use super::{IndexError, SearchStats};

/// Rows numbered from 0. The codes stand beside the exact vectors, which are read only for the few
/// candidates that are rescored.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) dimension: usize,
    /// `[len, dimension]`.
    pub(super) vectors: SharedSlice<f32>,
    pub(super) codes: QuantizedVectors,
    pub(super) graph: Option<FlatGraph>,
}

/// What is wanted of an index. Rows are those of the whole index here.
pub(super) struct SegmentParams<'a> {
    pub(super) k: usize,
    pub(super) ef: usize,
    pub(super) exact: bool,
    pub(super) rows: &'a RowSet<'a>,
}

/// Rows that may be found.
pub(super) enum RowSet<'a> {
    Only(Cow<'a, RoaringBitmap>),
    AllExcept(Cow<'a, RoaringBitmap>),
}

impl<'a> RowSet<'a> {
    /// Those that are allowed, all if it is not said which, and not deleted.
    pub(super) fn new(allowed: Option<&'a RoaringBitmap>, deleted: &'a RoaringBitmap) -> Self {
        match allowed {
            None => Self::AllExcept(Cow::Borrowed(deleted)),
            Some(allowed) if deleted.is_empty() => Self::Only(Cow::Borrowed(allowed)),
            Some(allowed) => Self::Only(Cow::Owned(allowed - deleted)),
        }
    }

    /// The same without some.
    pub(super) fn excluding(self, excluded: &'a RoaringBitmap) -> Self {
        match self {
            admitted if excluded.is_empty() => admitted,
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

    /// How many of a range may be found.
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
    static WALK: std::cell::RefCell<SearchScratch> = std::cell::RefCell::default();
}

/// Products that a walk computes for each candidate that it keeps, on real passages with `m` = 16:
/// 13 at `ef` = 256, 20 at `ef` = 64.
const DISTANCES_PER_CANDIDATE: usize = 18;

/// What a product costs on a walk, in a scan of scattered rows and in a scan of all, relatively.
const RELATIVE_DISTANCE_COSTS: (usize, usize, usize) = (6, 3, 2);

/// Candidates of a walk that are rescored: enough that one which codes rank too low is among them.
fn rescore_depth(k: usize) -> usize {
    k + k.clamp(20, 200)
}

impl Segment {
    /// No rows yet.
    pub(super) fn empty(dimension: usize) -> Self {
        Self {
            dimension,
            vectors: Vec::new().into(),
            codes: QuantizedVectors::new(ScalarQuantizer::new(dimension)),
            graph: None,
        }
    }

    /// These rows, `[rows, dimension]`, after those that are here; without a graph.
    pub(super) fn with_appended(&self, rows: &[f32]) -> Self {
        let vectors: Vec<f32> = self.vectors.iter().chain(rows).copied().collect();
        Self {
            dimension: self.dimension,
            codes: self.codes.with_appended(rows.chunks_exact(self.dimension)),
            vectors: vectors.into(),
            graph: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether a vector could be a query here.
    pub(super) fn check_query(&self, query: &[f32]) -> Result<(), IndexError> {
        check_vector(query, self.dimension)
    }

    pub(super) fn vector(&self, row: u32) -> &[f32] {
        &self.vectors[row as usize * self.dimension..][..self.dimension]
    }

    /// Offers the rows that may be among the `k` best to a field, which knows them by their numbers in
    /// the whole index; those of this segment begin at `first`.
    pub(super) fn search(
        &self,
        first: u32,
        query: &QuantizedQuery,
        params: &SegmentParams<'_>,
        field: CandidateCollector,
        work: &mut SearchStats,
    ) -> CandidateCollector {
        let count = params.rows.count_in(self.row_range(first));
        let scan_cost =
            (count * RELATIVE_DISTANCE_COSTS.1).min(self.len() * RELATIVE_DISTANCE_COSTS.2);
        if let (Some(graph), false) = (&self.graph, params.exact) {
            let ef = params.ef.max(params.k).min(count);
            let products = (ef * DISTANCES_PER_CANDIDATE).saturating_mul(self.len()) / count.max(1);
            if products.saturating_mul(RELATIVE_DISTANCE_COSTS.0) < scan_cost {
                let limits = (ef, scan_cost / RELATIVE_DISTANCE_COSTS.0);
                return match self.search_graph(graph, first, query, params, limits, work) {
                    Some(found) => field.merge(found),
                    None => self.scan(first, query, params, count, field, work),
                };
            }
        }
        self.scan(first, query, params, count, field, work)
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
        mut field: CandidateCollector,
        work: &mut SearchStats,
    ) -> CandidateCollector {
        match &params.rows {
            RowSet::Only(rows)
                if count * RELATIVE_DISTANCE_COSTS.1 < self.len() * RELATIVE_DISTANCE_COSTS.2 =>
            {
                let rows = rows.range(self.row_range(first));
                work.distance_computations +=
                    scan::scan_rows(&self.codes, query, first, rows, &mut field);
                field
            }
            admitted => {
                work.distance_computations += self.len();
                self.code_scan(first, admitted)
                    .scan_all(query, field, params.k)
            }
        }
    }

    /// All rows as they are scanned, their numbers from `first` on.
    #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
    pub(super) fn code_scan(
        &self,
        first: u32,
        admitted: &RowSet<'_>,
    ) -> CodeScan<'_, impl Fn(usize) -> u32 + Sync, impl Fn(u32) -> bool + Sync> {
        CodeScan {
            codes: &self.codes,
            row_id: move |row| first + row as u32,
            matches: |row| admitted.contains(row),
        }
    }

    /// What a walk finds; `None` if that is too little, or the walk too long.
    fn search_graph(
        &self,
        graph: &FlatGraph,
        first: u32,
        query: &QuantizedQuery,
        params: &SegmentParams<'_>,
        (ef, budget): (usize, usize),
        work: &mut SearchStats,
    ) -> Option<CandidateCollector> {
        WALK.with_borrow_mut(|scratch| {
            let codes = &self.codes;
            let complete = if params.rows.is_unrestricted() {
                graph::search_graph(graph, codes, query, (ef, usize::MAX), &NoFilter, scratch)
            } else {
                let admit = |row: u32| params.rows.contains(first + row);
                graph::search_graph(graph, codes, query, (ef, budget), &admit, scratch)
            };
            work.distance_computations += scratch.distance_computations;
            work.nodes_visited += scratch.nodes_visited;
            let matching = scratch
                .candidates
                .iter()
                .filter(|step| step.passes_filter());
            let mut found = CandidateCollector::new(params.k);
            let mut count = 0;
            for step in matching.take(rescore_depth(params.k)) {
                let bound = query.error_bound(codes.quantization_errors()[step.row() as usize]);
                found.push(first + step.row(), query.score(step.product), bound);
                count += 1;
            }
            (complete && count >= params.k.min(ef)).then_some(found)
        })
    }
}
