//! Which rows are near to those of a block, however many they are.

use roaring::RoaringBitmap;

use super::candidates::CandidateCollector;
use super::graph::MAX_EF;
use super::scalar_quantization::{QuantizedQuery, ScalarQuantizer};
use super::segment::{RowSet, SegmentParams};
use super::{Neighbour, SegmentedIndex};

/// Neighbours that a walk looks for first. Most rows have fewer that are near.
const INITIAL_K: usize = 32;

/// A walk that did not come to the end of what is near looks for so many times more.
const K_GROWTH_FACTOR: usize = 4;

/// So few rows are compared as fast as a graph is walked.
const MAX_SCAN_ROWS: usize = 4_000;

/// Candidates of a walk beyond those that it looks for.
const EF_MARGIN: usize = 64;

/// Candidates kept at least: rows are looked for from among themselves, which takes fewer than queries.
const MIN_EF: usize = 96;

/// What is near.
#[derive(Debug, Clone, Copy)]
pub struct RangeQuery<'a> {
    /// All rows with at least this score are wanted.
    pub min_score: f32,
    /// So many are wanted in any case, if there are so many.
    pub min_neighbours: usize,
    /// Compare with every row: none is missed.
    pub exact: bool,
    /// The only rows that may be found; all if not given.
    pub allowed_rows: Option<&'a RoaringBitmap>,
    /// Rows that may not be found, such as those of the block itself.
    pub excluded_rows: &'a RoaringBitmap,
}

impl SegmentedIndex {
    /// For each of these rows those that are near to it, best first. Rows that do not exist have no
    /// neighbours.
    ///
    /// With [`Near::exact`], or where there are so few rows that it is no slower, every row is
    /// compared, and the result is complete. Otherwise the graph is walked, again and with more
    /// candidates as long as all that was found is near; then some may be missed.
    #[must_use]
    pub fn range_search(&self, rows: &[u32], range: &RangeQuery<'_>) -> Vec<Vec<Neighbour>> {
        let admitted =
            RowSet::new(range.allowed_rows, self.tombstones()).excluding(range.excluded_rows);
        #[allow(clippy::cast_possible_truncation)] // at most 2^30
        let end = self.row_count() as u32;
        let admitted_count = admitted.count_in(0..end);
        if range.exact || !self.has_graph() || admitted_count <= MAX_SCAN_ROWS {
            return self.range_search_exact(rows, range, &admitted);
        }
        let search_row = |row: &u32| {
            let is_live = self.is_live(*row);
            is_live.then(|| self.range_search_graph(*row, range, &admitted, admitted_count))
        };
        rows.iter()
            .map(|row| search_row(row).unwrap_or_default())
            .collect()
    }

    /// Every row of every segment, which is fetched once for the whole block.
    fn range_search_exact(
        &self,
        rows: &[u32],
        range: &RangeQuery<'_>,
        admitted: &RowSet<'_>,
    ) -> Vec<Vec<Neighbour>> {
        let mut queries = RowQueries::new(self, rows, range);
        for (first, segment) in self.segments_with_offsets() {
            let (coded, mut fields) = queries.all_mut();
            segment
                .code_scan(first, admitted)
                .scan_batch(&coded, &mut fields);
        }
        queries.into_neighbours(self, rows, range)
    }

    fn range_search_graph(
        &self,
        row: u32,
        range: &RangeQuery<'_>,
        admitted: &RowSet<'_>,
        max_k: usize,
    ) -> Vec<Neighbour> {
        let query = self.vector(row);
        let mut k = range.min_neighbours.max(INITIAL_K).min(max_k);
        loop {
            let params = SegmentParams {
                k,
                ef: (k + EF_MARGIN).clamp(MIN_EF, MAX_EF),
                exact: k + EF_MARGIN > MAX_EF,
                rows: admitted,
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

    /// All rows, deleted ones included.
    #[must_use]
    pub fn row_count(&self) -> usize {
        super::VectorIndex::len(self)
    }
}

/// Drops what is neither near nor among the first.
fn truncate_to_range(neighbours: &mut Vec<Neighbour>, range: &RangeQuery<'_>) {
    let in_range = neighbours.partition_point(|neighbour| neighbour.score >= range.min_score);
    neighbours.truncate(in_range.max(range.min_neighbours));
}

/// Rows that look for what is near to them, those that are not found any more left out.
pub(super) struct RowQueries(Vec<(u32, QuantizedQuery, CandidateCollector)>);

impl RowQueries {
    pub(super) fn new(index: &SegmentedIndex, rows: &[u32], range: &RangeQuery<'_>) -> Self {
        let quantiser = ScalarQuantizer::new(index.dimension());
        let live = rows.iter().copied().filter(|row| index.is_live(*row));
        let query = |row| {
            let coded = QuantizedQuery::new(index.vector(row), quantiser);
            (
                row,
                coded,
                CandidateCollector::with_range(range.min_neighbours, range.min_score),
            )
        };
        Self(live.map(query).collect())
    }

    /// All of them, each with its field.
    pub(super) fn all_mut(&mut self) -> (Vec<&QuantizedQuery>, Vec<&mut CandidateCollector>) {
        self.0
            .iter_mut()
            .map(|(_, coded, field)| (&*coded, field))
            .unzip()
    }

    /// Those at these places, which ascend, each with its field.
    pub(super) fn select_mut(
        &mut self,
        places: &[usize],
    ) -> (Vec<&QuantizedQuery>, Vec<&mut CandidateCollector>) {
        let mut places = places.iter().peekable();
        let all = self.0.iter_mut().enumerate();
        let some = all.filter(|(place, _)| places.next_if_eq(&place).is_some());
        some.map(|(_, (_, coded, field))| (&*coded, field)).unzip()
    }

    /// What their fields hold in the end, best first; nothing for a row that is not among them.
    pub(super) fn into_neighbours(
        self,
        index: &SegmentedIndex,
        rows: &[u32],
        range: &RangeQuery<'_>,
    ) -> Vec<Vec<Neighbour>> {
        let mut queries = self.0.into_iter().peekable();
        let of_row = |row: &u32| {
            let (row, _, field) = queries.next_if(|(query, ..)| query == row)?;
            let mut neighbours = field.rescore(index.vector(row), |other| index.vector(other));
            index.sort_best_first(&mut neighbours);
            truncate_to_range(&mut neighbours, range);
            Some(neighbours)
        };
        let found = rows.iter().map(of_row);
        found.map(Option::unwrap_or_default).collect()
    }
}
