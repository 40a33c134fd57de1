//! The index of the service: a main segment with a graph, a delta segment with a smaller graph for
//! rows added since, an append buffer without one, and tombstones for deleted rows.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use antiphon_kernels::dot::CodeLine;
use roaring::RoaringBitmap;

use super::candidates::CandidateCollector;
use super::graph::{FlatGraph, HnswParameters, MAX_EF, MAX_ROWS};
use super::scalar_quantization::{QuantizedQuery, QuantizedVectors, ScalarQuantizer};
use super::segment::{RowSet, Segment, SegmentParams};
use super::sentences::{RowsWithSentences, SentenceCodes};
use super::{
    IndexError, IndexKind, KnnParams, Neighbour, SearchStats, TieBreaker, TopK, VectorIndex,
    Vectors,
};

/// Rows of a full block of the append buffer. Appending copies the last block, so blocks are small.
const APPEND_BLOCK_ROWS: usize = 1024;

/// Rows in immutable segments. An update returns a new index that shares all but the last block with
/// this one, so searches of either are not disturbed.
///
/// Row ids follow the order of insertion, and are kept until the index is
/// [compacted](Self::compacted).
#[derive(Clone)]
pub struct SegmentedIndex {
    dimension: usize,
    parameters: HnswParameters,
    /// Rows from 0 on.
    main: Arc<Segment>,
    /// The rows after those, with a graph of their own; empty before the first
    /// [delta compaction](Self::delta_compacted).
    delta: Arc<Segment>,
    /// The rows after those, in blocks of [`APPEND_BLOCK_ROWS`].
    append_buffer: Vec<Arc<Segment>>,
    tombstones: RoaringBitmap,
    tie_breaker: Arc<dyn TieBreaker>,
    /// Distinguishes the graphs from others over the same rows.
    build_id: u64,
}

/// Orders rows of equal score by row id.
struct ByRowId;

impl TieBreaker for ByRowId {
    fn compare(&self, a: u32, b: u32) -> Ordering {
        a.cmp(&b)
    }
}

impl SegmentedIndex {
    /// Creates an empty index, whose graphs will be built and searched with `parameters`.
    ///
    /// # Errors
    ///
    /// If `dimension` is 0 or a parameter is out of range.
    pub fn new(dimension: usize, parameters: HnswParameters) -> Result<Self, IndexError> {
        parameters.validate()?;
        Vectors::new(dimension)?;
        Ok(Self::from_segment(Segment::empty(dimension), parameters))
    }

    /// Creates an index over the rows of one segment.
    pub(super) fn from_segment(main: Segment, parameters: HnswParameters) -> Self {
        Self {
            dimension: main.dimension,
            parameters,
            delta: Arc::new(Segment::empty(main.dimension)),
            main: Arc::new(main),
            append_buffer: Vec::new(),
            tombstones: RoaringBitmap::new(),
            tie_breaker: Arc::new(ByRowId),
            build_id: 0,
        }
    }

    pub(super) fn with_build_id(mut self, build_id: u64) -> Self {
        self.build_id = build_id;
        self
    }

    /// Returns what distinguishes the graphs from others over the same rows, since races between
    /// threads decide some links: equal for indexes from the same file, 0 without a graph.
    #[must_use]
    pub fn build_id(&self) -> u64 {
        self.build_id
    }

    /// Returns the index with another order of rows with equal scores.
    #[must_use]
    pub fn with_tie_breaker(mut self, tie_breaker: Arc<dyn TieBreaker>) -> Self {
        self.tie_breaker = tie_breaker;
        self
    }

    /// Returns an index with these rows appended, without sentences.
    ///
    /// # Errors
    ///
    /// If their dimension differs, or there would be more than 2^30 rows.
    pub fn with_rows(&self, rows: &Vectors) -> Result<Self, IndexError> {
        self.with_rows_and_sentences(&RowsWithSentences::from(rows.clone()))
    }

    /// Returns an index with these rows and their sentences appended.
    ///
    /// # Errors
    ///
    /// As [`Self::with_rows`].
    pub fn with_rows_and_sentences(&self, rows: &RowsWithSentences) -> Result<Self, IndexError> {
        let dimension = rows.rows().dimension();
        if dimension != self.dimension {
            return Err(IndexError::Dimension {
                expected: self.dimension,
                received: dimension,
            });
        }
        let total = self.len() + rows.len();
        if total > MAX_ROWS {
            return Err(IndexError::TooManyRows { received: total });
        }
        let mut updated = self.clone();
        let mut appended = 0;
        while appended < rows.len() {
            let last = updated
                .append_buffer
                .pop_if(|block| block.len() < APPEND_BLOCK_ROWS);
            let last = last.unwrap_or_else(|| Arc::new(Segment::empty(self.dimension)));
            let end = rows.len().min(appended + APPEND_BLOCK_ROWS - last.len());
            let block = Arc::new(last.with_appended(rows, appended..end));
            updated.append_buffer.push(block);
            appended = end;
        }
        Ok(updated)
    }

    /// Returns an index in which these rows are deleted.
    #[must_use]
    pub fn without_rows(&self, rows: impl IntoIterator<Item = u32>) -> Self {
        let mut updated = self.clone();
        updated.tombstones.extend(rows);
        updated
    }

    /// Returns the ids of the rows outside the main segment.
    #[allow(clippy::cast_possible_truncation)] // at most 2^30
    pub(super) fn rows_outside_main(&self) -> Range<u32> {
        self.main.len() as u32..self.len() as u32
    }

    /// Replaces the rows outside the main segment by those of another segment, none of which is deleted.
    pub(super) fn with_delta(&self, delta: Segment) -> Self {
        let mut updated = self.clone();
        updated.build_id = self.build_id ^ new_build_id();
        updated.delta = Arc::new(delta);
        updated.append_buffer.clear();
        updated.tombstones.remove_range(self.rows_outside_main());
        updated
    }

    /// Returns the number of components of a vector.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Returns the parameters with which graphs are built and searched.
    #[must_use]
    pub fn parameters(&self) -> HnswParameters {
        self.parameters
    }

    #[cfg(test)]
    pub(super) fn main_segment(&self) -> &Segment {
        &self.main
    }

    /// Returns the number of rows outside the main segment, and of those outside both graphs.
    #[must_use]
    pub fn uncompacted_rows(&self) -> (usize, usize) {
        let outside = self.len() - self.main.len();
        (outside, outside - self.delta.len())
    }

    /// Returns the number of tombstones.
    #[must_use]
    pub fn deleted_row_count(&self) -> usize {
        usize::try_from(self.tombstones.len()).unwrap_or(usize::MAX)
    }

    /// Whether the main segment has a graph.
    #[must_use]
    pub fn has_graph(&self) -> bool {
        self.main.graph.is_some()
    }

    /// Returns how the rows are searched.
    #[must_use]
    pub fn kind(&self) -> IndexKind {
        if self.has_graph() {
            IndexKind::Hnsw(self.parameters)
        } else {
            IndexKind::Exact
        }
    }

    /// Returns the number of rows that are not deleted.
    #[must_use]
    pub fn live_row_count(&self) -> usize {
        self.len().saturating_sub(self.deleted_row_count())
    }

    /// Whether this row exists and is not deleted.
    #[must_use]
    pub fn is_live(&self, row: u32) -> bool {
        (row as usize) < self.len() && !self.tombstones.contains(row)
    }

    /// Returns the vector of a row.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[must_use]
    pub fn vector(&self, row: u32) -> &[f32] {
        let (segment, row) = self.locate(row);
        segment.vector(row)
    }

    /// Returns the codes of a row and its quantization error.
    pub(super) fn row_codes(&self, row: u32) -> (&[CodeLine], f32) {
        let (segment, row) = self.locate(row);
        let row = row as usize;
        (
            segment.codes.row(row),
            segment.codes.quantization_errors()[row],
        )
    }

    /// Returns the codes and quantization errors of the sentences of a row.
    pub(super) fn sentence_codes(&self, row: u32) -> (&[CodeLine], &[f32]) {
        let (segment, row) = self.locate(row);
        segment.sentences.parts_of_row(row as usize)
    }

    /// Returns the greatest distance of a row from one of its sentences.
    pub(super) fn sentence_spread(&self, row: u32) -> f32 {
        let (segment, row) = self.locate(row);
        segment.sentences.spreads[row as usize]
    }

    /// Copies the codes of the sentences of these rows.
    pub(super) fn gather_sentences(&self, rows: &[u32]) -> SentenceCodes {
        let (mut starts, mut lines, mut errors) = (vec![0], Vec::new(), Vec::new());
        let spreads: Vec<f32> = rows.iter().map(|row| self.sentence_spread(*row)).collect();
        for row in rows {
            let (codes, row_errors) = self.sentence_codes(*row);
            lines.extend_from_slice(codes);
            errors.extend_from_slice(row_errors);
            #[allow(clippy::cast_possible_truncation)] // would take over a terabyte of codes
            starts.push(errors.len() as u32);
        }
        SentenceCodes {
            starts: starts.into(),
            spreads: spreads.into(),
            codes: QuantizedVectors::from_parts(
                ScalarQuantizer::new(self.dimension),
                lines.into(),
                errors.into(),
            ),
        }
    }

    /// Copies the codes of these rows.
    pub(super) fn gather_rows(&self, rows: &[u32]) -> QuantizedVectors {
        let quantizer = ScalarQuantizer::new(self.dimension);
        let mut lines: Vec<CodeLine> = Vec::with_capacity(rows.len() * quantizer.lines_per_row());
        let mut errors = Vec::with_capacity(rows.len());
        for row in rows {
            let (codes, error) = self.row_codes(*row);
            lines.extend_from_slice(codes);
            errors.push(error);
        }
        QuantizedVectors::from_parts(quantizer, lines.into(), errors.into())
    }

    /// Returns the segment that contains a row, and the row's index in it.
    pub(super) fn locate(&self, row: u32) -> (&Segment, u32) {
        let delta_start = self.main.len();
        let append_start = delta_start + self.delta.len();
        let index = row as usize;
        #[allow(clippy::cast_possible_truncation)] // not greater than `row`
        if index < delta_start {
            (&self.main, row)
        } else if index < append_start {
            (&self.delta, (index - delta_start) as u32)
        } else {
            let index = index - append_start;
            (
                &self.append_buffer[index / APPEND_BLOCK_ROWS],
                (index % APPEND_BLOCK_ROWS) as u32,
            )
        }
    }

    /// Searches all segments and rescores the candidates.
    pub(super) fn search_segments(&self, query: &[f32], params: &SegmentParams<'_>) -> TopK {
        let mut stats = SearchStats::default();
        let quantized = QuantizedQuery::new(query, ScalarQuantizer::new(self.dimension));
        let mut collector = CandidateCollector::new(params.k);
        for (first, segment) in self.segments_with_offsets() {
            collector = segment.search(first, &quantized, params, collector, &mut stats);
        }
        let mut neighbours = collector.rescore(query, |row| self.vector(row));
        stats.rows_rescored = neighbours.len();
        self.sort_best_first(&mut neighbours);
        neighbours.truncate(params.k);
        TopK { neighbours, stats }
    }

    /// Compares two rows with equal scores.
    pub(super) fn compare_ties(&self, a: u32, b: u32) -> Ordering {
        self.tie_breaker.compare(a, b)
    }

    pub(super) fn sort_best_first(&self, neighbours: &mut [Neighbour]) {
        neighbours
            .sort_unstable_by(|a, b| a.cmp_best_first(*b, |x, y| self.tie_breaker.compare(x, y)));
    }

    /// Returns all segments, each with the id of its first row.
    pub(super) fn segments_with_offsets(&self) -> impl Iterator<Item = (u32, &Segment)> {
        self.segments().scan(0, |next, segment| {
            let first = *next;
            #[allow(clippy::cast_possible_truncation)] // at most 2^30
            let rows = segment.len() as u32;
            *next += rows;
            Some((first, segment))
        })
    }

    pub(super) fn tombstones(&self) -> &RoaringBitmap {
        &self.tombstones
    }

    /// Returns all segments in the order of their rows.
    fn segments(&self) -> impl Iterator<Item = &Segment> {
        let with_graphs = [&self.main, &self.delta];
        with_graphs
            .into_iter()
            .chain(&self.append_buffer)
            .map(Arc::as_ref)
    }

    /// Returns the size of the index in memory, whether mapped or not.
    #[must_use]
    pub fn bytes(&self) -> IndexBytes {
        let mut bytes = IndexBytes::default();
        for segment in self.segments() {
            bytes.codes += size_of_val(segment.codes.code_lines())
                + size_of_val(segment.codes.quantization_errors());
            bytes.graph += segment.graph.as_ref().map_or(0, FlatGraph::bytes);
            bytes.vectors += size_of_val(&*segment.vectors);
            bytes.sentences += size_of_val(segment.sentences.codes.code_lines())
                + size_of_val(segment.sentences.codes.quantization_errors())
                + size_of_val(&*segment.sentences.starts)
                + size_of_val(&*segment.sentences.spreads);
        }
        bytes
    }
}

impl SegmentedIndex {
    /// Validates the parameters of a search, and returns the width of the graph search.
    pub(super) fn check_search(
        &self,
        query: &[f32],
        params: &KnnParams<'_>,
    ) -> Result<usize, IndexError> {
        self.main.check_query(query)?;
        let ef = params.ef.unwrap_or(self.parameters.ef_search);
        if (1..=MAX_EF).contains(&ef) {
            return Ok(ef);
        }
        Err(IndexError::ParameterOutOfRange {
            name: "ef",
            expected: "1 to 10000",
            received: ef,
        })
    }
}

/// Returns the current time as a unique id for a graph.
pub(super) fn new_build_id() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(1, |since| {
            since.as_secs() << 32 | u64::from(since.subsec_nanos())
        })
}

/// Size of an index in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IndexBytes {
    /// Quantized vectors with their quantization errors.
    pub codes: usize,
    /// Links of the graphs.
    pub graph: usize,
    /// Exact vectors; only those of rescored candidates are read.
    pub vectors: usize,
    /// Quantized vectors of sentences, with their quantization errors.
    pub sentences: usize,
}

impl VectorIndex for SegmentedIndex {
    fn len(&self) -> usize {
        self.segments().map(Segment::len).sum()
    }

    fn description(&self) -> String {
        self.kind().to_string()
    }

    fn search(&self, query: &[f32], params: &KnnParams<'_>) -> Result<TopK, IndexError> {
        let ef = self.check_search(query, params)?;
        let rows = RowSet::new(params.allowed_rows, &self.tombstones);
        let segment_params = SegmentParams {
            k: params.k.min(self.live_row_count()),
            ef,
            exact: params.exact,
            rows: &rows,
        };
        Ok(self.search_segments(query, &segment_params))
    }
}
