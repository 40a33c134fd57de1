//! The index that serves: a segment with a graph, perhaps a smaller one for what was added since,
//! a tail for what was added lately, and a list of what was deleted.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::SystemTime;

use roaring::RoaringBitmap;

use super::candidates::CandidateCollector;
use super::compaction::Compaction;
use super::graph::{BuildOptions, FlatGraph, HnswParameters, MAX_EF, MAX_ROWS};
use super::kernels::CodeLine;
use super::scalar_quantization::{QuantizedQuery, QuantizedVectors, ScalarQuantizer};
use super::segment::{RowSet, Segment, SegmentParams};
use super::{
    BuildProgress, IndexError, IndexKind, KnnParams, Neighbour, SearchStats, TieBreaker, TopK,
    VectorIndex, Vectors,
};

/// Rows of a full block of the tail. Adding rows copies the last block, so it is small.
const APPEND_BLOCK_ROWS: usize = 1024;

/// Rows in segments that do not change. Adding and deleting make another index that shares all
/// but the last block with this one, so searches of either go on undisturbed.
///
/// Rows are numbered in the order in which they came, and keep their numbers until the index is
/// [compacted](Self::compacted).
#[derive(Clone)]
pub struct SegmentedIndex {
    dimension: usize,
    parameters: HnswParameters,
    /// Rows from 0 on.
    base: Arc<Segment>,
    /// Rows after those of the base that have a graph too; none if nothing has been [folded](Self::folded).
    delta: Arc<Segment>,
    /// The rows after these, in blocks of [`BLOCK_ROWS`].
    append_buffer: Vec<Arc<Segment>>,
    tombstones: RoaringBitmap,
    tie_breaker: Arc<dyn TieBreaker>,
    /// Tells the graphs from others over the same rows.
    build_id: u64,
}

/// Equal scores in order of row.
struct ByRowId;

impl TieBreaker for ByRowId {
    fn compare(&self, a: u32, b: u32) -> Ordering {
        a.cmp(&b)
    }
}

impl SegmentedIndex {
    /// No rows yet; graphs, once there are some, will be built and searched with `parameters`.
    ///
    /// # Errors
    ///
    /// If `dimension` is 0 or a parameter is out of range.
    pub fn new(dimension: usize, parameters: HnswParameters) -> Result<Self, IndexError> {
        parameters.validate()?;
        Vectors::new(dimension)?;
        Ok(Self::from_segment(Segment::empty(dimension), parameters))
    }

    /// An index over the rows of one segment.
    pub(super) fn from_segment(base: Segment, parameters: HnswParameters) -> Self {
        Self {
            dimension: base.dimension,
            parameters,
            delta: Arc::new(Segment::empty(base.dimension)),
            base: Arc::new(base),
            append_buffer: Vec::new(),
            tombstones: RoaringBitmap::new(),
            tie_breaker: Arc::new(ByRowId),
            build_id: 0,
        }
    }

    /// The same index, its graph known by this number.
    pub(super) fn with_build_id(mut self, build: u64) -> Self {
        self.build_id = build;
        self
    }

    /// Tells a graph from others over the same rows, since threads decide some links: equal for
    /// what was read from the same file, 0 without a graph.
    #[must_use]
    pub fn build_id(&self) -> u64 {
        self.build_id
    }

    /// The same index, in which equal scores come in this order of their rows.
    #[must_use]
    pub fn with_tie_breaker(mut self, order: Arc<dyn TieBreaker>) -> Self {
        self.tie_breaker = order;
        self
    }

    /// The same index with these rows after its own.
    ///
    /// # Errors
    ///
    /// If their dimension is another one, or there would be more than 2^30 rows.
    pub fn with_rows(&self, rows: &Vectors) -> Result<Self, IndexError> {
        if rows.dimension() != self.dimension {
            return Err(IndexError::Dimension {
                expected: self.dimension,
                received: rows.dimension(),
            });
        }
        let total = self.len() + rows.len();
        if total > MAX_ROWS {
            return Err(IndexError::TooManyRows { received: total });
        }
        let mut updated = self.clone();
        let mut flat = rows.flat();
        while !flat.is_empty() {
            let last = updated
                .append_buffer
                .pop_if(|block| block.len() < APPEND_BLOCK_ROWS);
            let last = last.unwrap_or_else(|| Arc::new(Segment::empty(self.dimension)));
            let room = (APPEND_BLOCK_ROWS - last.len()) * self.dimension;
            let (now, later) = flat.split_at(room.min(flat.len()));
            updated
                .append_buffer
                .push(Arc::new(last.with_appended(now)));
            flat = later;
        }
        Ok(updated)
    }

    /// The same index in which these rows are not found any more.
    #[must_use]
    pub fn without_rows(&self, rows: impl IntoIterator<Item = u32>) -> Self {
        let mut updated = self.clone();
        updated.tombstones.extend(rows);
        updated
    }

    /// All rows that are not deleted in one segment with a graph, in memory, and where they were: for
    /// each row of the new index, its row in this one. See [`Compaction`], which can be written to a
    /// file without that.
    ///
    /// # Errors
    ///
    /// If the build is cancelled.
    pub fn compacted(
        &self,
        options: BuildOptions,
        progress: &dyn BuildProgress,
    ) -> Result<(Self, Vec<u32>), IndexError> {
        match Compaction::build(self, options, progress)? {
            Some(compaction) => Ok(compaction.into_index()),
            None => Ok((Self::new(self.dimension, self.parameters)?, Vec::new())),
        }
    }

    /// The same index with a second graph over the rows that are not in the first, and where each
    /// row was. Rows of the first keep their numbers; those after them that are deleted are gone.
    /// That takes seconds where a whole graph takes minutes, and lasts until the next one.
    ///
    /// # Errors
    ///
    /// If the build is cancelled.
    pub fn delta_compacted(
        &self,
        options: BuildOptions,
        progress: &dyn BuildProgress,
    ) -> Result<(Self, Vec<u32>), IndexError> {
        #[allow(clippy::cast_possible_truncation)] // at most 2^30
        let (first, end) = (self.base.len() as u32, self.len() as u32);
        let rows: Vec<u32> = (first..end).filter(|row| self.is_live(*row)).collect();
        let (delta, rows) = match Compaction::build_from_rows(self, &rows, options, progress)? {
            Some(compaction) => compaction.into_segment(),
            None => (Segment::empty(self.dimension), Vec::new()),
        };
        let mut updated = self.clone();
        updated.build_id = self.build_id ^ new_build_id();
        updated.delta = Arc::new(delta);
        updated.append_buffer.clear();
        updated.tombstones.remove_range(first..end);
        Ok((updated, (0..first).chain(rows).collect()))
    }

    /// Coordinates of a row.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// How its graph is, or would be, built and searched.
    #[must_use]
    pub fn parameters(&self) -> HnswParameters {
        self.parameters
    }

    /// The segment with the graph.
    #[cfg(test)]
    pub(super) fn main_segment(&self) -> &Segment {
        &self.base
    }

    /// Rows outside of the first graph, and those of them outside of both.
    #[must_use]
    pub fn uncompacted_rows(&self) -> (usize, usize) {
        let outside = self.len() - self.base.len();
        (outside, outside - self.delta.len())
    }

    /// Rows that are not found any more.
    #[must_use]
    pub fn deleted_row_count(&self) -> usize {
        usize::try_from(self.tombstones.len()).unwrap_or(usize::MAX)
    }

    /// Whether there is a graph.
    #[must_use]
    pub fn has_graph(&self) -> bool {
        self.base.graph.is_some()
    }

    /// How the rows are searched.
    #[must_use]
    pub fn kind(&self) -> IndexKind {
        if self.has_graph() {
            IndexKind::Hnsw(self.parameters)
        } else {
            IndexKind::Exact
        }
    }

    /// Rows that are found.
    #[must_use]
    pub fn live_row_count(&self) -> usize {
        self.len().saturating_sub(self.deleted_row_count())
    }

    /// Whether this row can be found.
    #[must_use]
    pub fn is_live(&self, row: u32) -> bool {
        (row as usize) < self.len() && !self.tombstones.contains(row)
    }

    /// The vector of a row.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[must_use]
    pub fn vector(&self, row: u32) -> &[f32] {
        let (segment, row) = self.locate(row);
        segment.vector(row)
    }

    /// The codes of a row, and what quantising took from it.
    pub(super) fn row_codes(&self, row: u32) -> (&[CodeLine], f32) {
        let (segment, row) = self.locate(row);
        let row = row as usize;
        (
            segment.codes.row(row),
            segment.codes.quantization_errors()[row],
        )
    }

    /// The codes of these rows, one after the other.
    pub(super) fn gather_rows(&self, rows: &[u32]) -> QuantizedVectors {
        let quantiser = ScalarQuantizer::new(self.dimension);
        let mut lines: Vec<CodeLine> = Vec::with_capacity(rows.len() * quantiser.lines_per_row());
        let mut lost = Vec::with_capacity(rows.len());
        for row in rows {
            let (own, what) = self.row_codes(*row);
            lines.extend_from_slice(own);
            lost.push(what);
        }
        QuantizedVectors::from_parts(quantiser, lines.into(), lost.into())
    }

    /// The segment that holds a row, and which of its rows it is.
    fn locate(&self, row: u32) -> (&Segment, u32) {
        let (base, graphs) = (self.base.len(), self.base.len() + self.delta.len());
        let at = row as usize;
        #[allow(clippy::cast_possible_truncation)] // parts of a row's number
        if at < base {
            (&self.base, row)
        } else if at < graphs {
            (&self.delta, (at - base) as u32)
        } else {
            let at = at - graphs;
            (
                &self.append_buffer[at / APPEND_BLOCK_ROWS],
                (at % APPEND_BLOCK_ROWS) as u32,
            )
        }
    }

    /// The best of all segments.
    pub(super) fn search_segments(&self, query: &[f32], params: &SegmentParams<'_>) -> TopK {
        let mut work = SearchStats::default();
        let coded = QuantizedQuery::new(query, ScalarQuantizer::new(self.dimension));
        let mut field = CandidateCollector::new(params.k);
        for (first, segment) in self.segments_with_offsets() {
            field = segment.search(first, &coded, params, field, &mut work);
        }
        let mut neighbours = field.rescore(query, |row| self.vector(row));
        work.rows_rescored = neighbours.len();
        self.sort_best_first(&mut neighbours);
        neighbours.truncate(params.k);
        TopK {
            neighbours,
            stats: work,
        }
    }

    /// Best first.
    pub(super) fn sort_best_first(&self, neighbours: &mut [Neighbour]) {
        neighbours
            .sort_unstable_by(|a, b| a.cmp_best_first(*b, |x, y| self.tie_breaker.compare(x, y)));
    }

    /// All segments, each with its first row.
    pub(super) fn segments_with_offsets(&self) -> impl Iterator<Item = (u32, &Segment)> {
        self.segments().scan(0, |next, segment| {
            let first = *next;
            #[allow(clippy::cast_possible_truncation)] // at most 2^30
            let rows = segment.len() as u32;
            *next += rows;
            Some((first, segment))
        })
    }

    /// Rows that are not found any more.
    pub(super) fn tombstones(&self) -> &RoaringBitmap {
        &self.tombstones
    }

    /// All segments in the order of their rows.
    fn segments(&self) -> impl Iterator<Item = &Segment> {
        let graphs = [&self.base, &self.delta];
        graphs
            .into_iter()
            .chain(&self.append_buffer)
            .map(Arc::as_ref)
    }

    /// Memory of the index, mapped or not, in bytes: codes and graph, and exact vectors.
    #[must_use]
    pub fn bytes(&self) -> IndexBytes {
        let mut bytes = IndexBytes::default();
        for segment in self.segments() {
            bytes.codes += size_of_val(segment.codes.code_lines())
                + size_of_val(segment.codes.quantization_errors());
            bytes.graph += segment.graph.as_ref().map_or(0, FlatGraph::bytes);
            bytes.vectors += size_of_val(&*segment.vectors);
        }
        bytes
    }
}

/// A number for a graph that no other has: the time.
pub(super) fn new_build_id() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(1, |since| {
            since.as_secs() << 32 | u64::from(since.subsec_nanos())
        })
}

/// What an index takes, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IndexBytes {
    /// Vectors in bytes, with their bounds.
    pub codes: usize,
    /// Links.
    pub graph: usize,
    /// Exact vectors, of which only those that are rescored are touched.
    pub vectors: usize,
}

impl VectorIndex for SegmentedIndex {
    fn len(&self) -> usize {
        self.segments().map(Segment::len).sum()
    }

    fn description(&self) -> String {
        self.kind().to_string()
    }

    fn search(&self, query: &[f32], request: &KnnParams<'_>) -> Result<TopK, IndexError> {
        self.base.check_query(query)?;
        let ef = request.ef.unwrap_or(self.parameters.ef_search);
        if !(1..=MAX_EF).contains(&ef) {
            return Err(IndexError::ParameterOutOfRange {
                name: "ef",
                expected: "1 to 10000",
                received: ef,
            });
        }
        let rows = RowSet::new(request.allowed_rows, &self.tombstones);
        let params = SegmentParams {
            k: request.k.min(self.live_row_count()),
            ef,
            exact: request.exact,
            rows: &rows,
        };
        Ok(self.search_segments(query, &params))
    }
}
