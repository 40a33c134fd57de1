//! Range search: all neighbours above a minimum score, for each row of a batch.

use roaring::RoaringBitmap;

use super::candidates::CandidateCollector;
use super::graph::MAX_EF;
use super::scalar_quantization::{QuantizedQuery, ScalarQuantizer};
use super::segment::{RowSet, SegmentParams};
use super::{Neighbour, SegmentedIndex};

/// `k` of the first graph search. Most rows have fewer neighbours in range.
const INITIAL_K: usize = 32;

/// Factor by which `k` grows as long as all neighbours found are in range.
const K_GROWTH_FACTOR: usize = 4;

/// Up to this number of allowed rows a scan is as fast as a graph search.
const MAX_SCAN_ROWS: usize = 4_000;

/// By how much `ef` exceeds `k`.
const EF_MARGIN: usize = 64;

/// Minimum `ef`. Rows of the index need a smaller one than queries, since they are nodes of the graph.
const MIN_EF: usize = 96;

/// Parameters of a range search.
#[derive(Debug, Clone, Copy)]
pub struct RangeQuery<'a> {
    /// All rows with at least this score are returned.
    pub min_score: f32,
    /// The best rows are returned up to this number, even if they are below the minimum score.
    pub min_neighbours: usize,
    /// Compare with every row, so that none is missed.
    pub exact: bool,
    /// The only rows that may be returned; `None` for all.
    pub allowed_rows: Option<&'a RoaringBitmap>,
    /// Rows that are not returned, such as those of the batch itself.
    pub excluded_rows: &'a RoaringBitmap,
}

impl SegmentedIndex {
    /// Returns for each of these rows its neighbours in range, best first. Rows that do not exist have
    /// no neighbours.
    ///
    /// With [`RangeQuery::exact`], or if few rows are allowed, every row is compared and the result is
    /// complete. Otherwise the graph is searched, with a growing `k` as long as all neighbours found
    /// are in range; then some may be missed.
    #[must_use]
    pub fn range_search(&self, rows: &[u32], range: &RangeQuery<'_>) -> Vec<Vec<Neighbour>> {
        let allowed =
            RowSet::new(range.allowed_rows, self.tombstones()).excluding(range.excluded_rows);
        #[allow(clippy::cast_possible_truncation)] // at most 2^30
        let end = self.row_count() as u32;
        let allowed_count = allowed.count_in(0..end);
        if range.exact || !self.has_graph() || allowed_count <= MAX_SCAN_ROWS {
            return self.range_search_exact(rows, range, &allowed);
        }
        let search_row = |row: &u32| {
            let is_live = self.is_live(*row);
            is_live.then(|| self.range_search_graph(*row, range, &allowed, allowed_count))
        };
        rows.iter()
            .map(|row| search_row(row).unwrap_or_default())
            .collect()
    }

    /// Scans every segment once for the whole batch.
    fn range_search_exact(
        &self,
        rows: &[u32],
        range: &RangeQuery<'_>,
        allowed: &RowSet<'_>,
    ) -> Vec<Vec<Neighbour>> {
        let mut queries = RowQueries::new(self, rows, range);
        for (first, segment) in self.segments_with_offsets() {
            let (quantized, mut collectors) = queries.all_mut();
            segment
                .code_scan(first, allowed)
                .scan_batch(&quantized, &mut collectors);
        }
        queries.into_neighbours(self, rows, range)
    }

    fn range_search_graph(
        &self,
        row: u32,
        range: &RangeQuery<'_>,
        allowed: &RowSet<'_>,
        max_k: usize,
    ) -> Vec<Neighbour> {
        let query = self.vector(row);
        let mut k = range.min_neighbours.max(INITIAL_K).min(max_k);
        loop {
            let params = SegmentParams {
                k,
                ef: (k + EF_MARGIN).clamp(MIN_EF, MAX_EF),
                exact: k + EF_MARGIN > MAX_EF,
                rows: allowed,
            };
            let mut neighbours = self.search_segments(query, &params).neighbours;
            let may_have_more = neighbours
                .last()
                .is_some_and(|last| last.score >= range.min_score);
            if !may_have_more || k >= max_k {
                truncate_to_range(&mut neighbours, range);
                return neighbours;
            }
            k = (k * K_GROWTH_FACTOR).min(max_k);
        }
    }

    /// Returns the number of rows, including deleted ones.
    #[must_use]
    pub fn row_count(&self) -> usize {
        super::VectorIndex::len(self)
    }
}

/// Drops the neighbours that are neither in range nor among the first `min_neighbours`.
fn truncate_to_range(neighbours: &mut Vec<Neighbour>, range: &RangeQuery<'_>) {
    let in_range = neighbours.partition_point(|neighbour| neighbour.score >= range.min_score);
    neighbours.truncate(in_range.max(range.min_neighbours));
}

/// The live ones of the query rows, each quantized and with its candidates.
pub(super) struct RowQueries(Vec<(u32, QuantizedQuery, CandidateCollector)>);

impl RowQueries {
    pub(super) fn new(index: &SegmentedIndex, rows: &[u32], range: &RangeQuery<'_>) -> Self {
        let quantizer = ScalarQuantizer::new(index.dimension());
        let live = rows.iter().copied().filter(|row| index.is_live(*row));
        let query = |row| {
            let query_vector = QuantizedQuery::new(index.vector(row), quantizer);
            (
                row,
                query_vector,
                CandidateCollector::with_range(range.min_neighbours, range.min_score),
            )
        };
        Self(live.map(query).collect())
    }

    /// Returns all queries and their collectors.
    pub(super) fn all_mut(&mut self) -> (Vec<&QuantizedQuery>, Vec<&mut CandidateCollector>) {
        self.0
            .iter_mut()
            .map(|(_, quantized, collector)| (&*quantized, collector))
            .unzip()
    }

    /// Returns the queries at these indexes, which ascend, and their collectors.
    pub(super) fn select_mut(
        &mut self,
        indexes: &[usize],
    ) -> (Vec<&QuantizedQuery>, Vec<&mut CandidateCollector>) {
        let mut indexes = indexes.iter().peekable();
        let all = self.0.iter_mut().enumerate();
        let selected = all.filter(|(i, _)| indexes.next_if_eq(&i).is_some());
        selected
            .map(|(_, (_, quantized, collector))| (&*quantized, collector))
            .unzip()
    }

    /// Rescores the candidates and returns the neighbours of each row, best first; none for a row that
    /// is not a query.
    pub(super) fn into_neighbours(
        self,
        index: &SegmentedIndex,
        rows: &[u32],
        range: &RangeQuery<'_>,
    ) -> Vec<Vec<Neighbour>> {
        let mut queries = self.0.into_iter().peekable();
        let of_row = |row: &u32| {
            let (row, _, collector) = queries.next_if(|(query, ..)| query == row)?;
            let mut neighbours = collector.rescore(index.vector(row), |other| index.vector(other));
            index.sort_best_first(&mut neighbours);
            truncate_to_range(&mut neighbours, range);
            Some(neighbours)
        };
        let neighbours = rows.iter().map(of_row);
        neighbours.map(Option::unwrap_or_default).collect()
    }
}
