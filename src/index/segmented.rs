//! The index that serves: a segment with a graph, perhaps a smaller one for what was added since,
//! a tail for what was added lately, and a list of what was deleted.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::SystemTime;

use roaring::RoaringBitmap;

use super::codes::{CodedQuery, Codes, Quantiser};
use super::compaction::Compaction;
use super::field::Field;
use super::graph::{BuildOptions, Graph, HnswParameters, MAX_EF, MAX_ROWS};
use super::kernels::Line;
use super::segment::{Admitted, Segment, Wanted};
use super::{
    BuildProgress, Found, IndexError, IndexKind, Neighbour, Request, RowOrder, VectorIndex,
    Vectors, Work,
};

/// Rows of a full block of the tail. Adding rows copies the last block, so it is small.
const BLOCK_ROWS: usize = 1024;

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
    middle: Arc<Segment>,
    /// The rows after these, in blocks of [`BLOCK_ROWS`].
    tail: Vec<Arc<Segment>>,
    deleted: RoaringBitmap,
    order: Arc<dyn RowOrder>,
    /// Tells the graphs from others over the same rows.
    build: u64,
}

/// Equal scores in order of row.
struct ByRow;

impl RowOrder for ByRow {
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
        parameters.check()?;
        Vectors::new(dimension)?;
        Ok(Self::over(Segment::empty(dimension), parameters))
    }

    /// An index over the rows of one segment.
    pub(super) fn over(base: Segment, parameters: HnswParameters) -> Self {
        Self {
            dimension: base.dimension,
            parameters,
            middle: Arc::new(Segment::empty(base.dimension)),
            base: Arc::new(base),
            tail: Vec::new(),
            deleted: RoaringBitmap::new(),
            order: Arc::new(ByRow),
            build: 0,
        }
    }

    /// The same index, its graph known by this number.
    pub(super) fn built_as(mut self, build: u64) -> Self {
        self.build = build;
        self
    }

    /// Tells a graph from others over the same rows, since threads decide some links: equal for
    /// what was read from the same file, 0 without a graph.
    #[must_use]
    pub fn build(&self) -> u64 {
        self.build
    }

    /// The same index, in which equal scores come in this order of their rows.
    #[must_use]
    pub fn ordered_by(mut self, order: Arc<dyn RowOrder>) -> Self {
        self.order = order;
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
            return Err(IndexError::TooMany { received: total });
        }
        let mut with = self.clone();
        let mut flat = rows.flat();
        while !flat.is_empty() {
            let last = with.tail.pop_if(|block| block.len() < BLOCK_ROWS);
            let last = last.unwrap_or_else(|| Arc::new(Segment::empty(self.dimension)));
            let room = (BLOCK_ROWS - last.len()) * self.dimension;
            let (now, later) = flat.split_at(room.min(flat.len()));
            with.tail.push(Arc::new(last.extended(now)));
            flat = later;
        }
        Ok(with)
    }

    /// The same index in which these rows are not found any more.
    #[must_use]
    pub fn without(&self, rows: impl IntoIterator<Item = u32>) -> Self {
        let mut without = self.clone();
        without.deleted.extend(rows);
        without
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
        match Compaction::of(self, options, progress)? {
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
    pub fn folded(
        &self,
        options: BuildOptions,
        progress: &dyn BuildProgress,
    ) -> Result<(Self, Vec<u32>), IndexError> {
        #[allow(clippy::cast_possible_truncation)] // at most 2^30
        let (first, end) = (self.base.len() as u32, self.len() as u32);
        let rows: Vec<u32> = (first..end).filter(|row| self.is_live(*row)).collect();
        let (middle, rows) = match Compaction::over(self, &rows, options, progress)? {
            Some(compaction) => compaction.into_segment(),
            None => (Segment::empty(self.dimension), Vec::new()),
        };
        let mut folded = self.clone();
        folded.build = self.build ^ now();
        folded.middle = Arc::new(middle);
        folded.tail.clear();
        folded.deleted.remove_range(first..end);
        Ok((folded, (0..first).chain(rows).collect()))
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
    pub(super) fn base(&self) -> &Segment {
        &self.base
    }

    /// Rows outside of the first graph, and those of them outside of both.
    #[must_use]
    pub fn unsettled(&self) -> (usize, usize) {
        let outside = self.len() - self.base.len();
        (outside, outside - self.middle.len())
    }

    /// Rows that are not found any more.
    #[must_use]
    pub fn deleted(&self) -> usize {
        usize::try_from(self.deleted.len()).unwrap_or(usize::MAX)
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
    pub fn live(&self) -> usize {
        self.len().saturating_sub(self.deleted())
    }

    /// Whether this row can be found.
    #[must_use]
    pub fn is_live(&self, row: u32) -> bool {
        (row as usize) < self.len() && !self.deleted.contains(row)
    }

    /// The vector of a row.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[must_use]
    pub fn vector(&self, row: u32) -> &[f32] {
        let (segment, row) = self.place(row);
        segment.vector(row)
    }

    /// The codes of a row, and what quantising took from it.
    pub(super) fn code(&self, row: u32) -> (&[Line], f32) {
        let (segment, row) = self.place(row);
        let row = row as usize;
        (segment.codes.row(row), segment.codes.lost()[row])
    }

    /// The codes of these rows, one after the other.
    pub(super) fn gathered(&self, rows: &[u32]) -> Codes {
        let quantiser = Quantiser::new(self.dimension);
        let mut lines: Vec<Line> = Vec::with_capacity(rows.len() * quantiser.lines());
        let mut lost = Vec::with_capacity(rows.len());
        for row in rows {
            let (own, what) = self.code(*row);
            lines.extend_from_slice(own);
            lost.push(what);
        }
        Codes::from_parts(quantiser, lines.into(), lost.into())
    }

    /// The segment that holds a row, and which of its rows it is.
    fn place(&self, row: u32) -> (&Segment, u32) {
        let (base, graphs) = (self.base.len(), self.base.len() + self.middle.len());
        let at = row as usize;
        #[allow(clippy::cast_possible_truncation)] // parts of a row's number
        if at < base {
            (&self.base, row)
        } else if at < graphs {
            (&self.middle, (at - base) as u32)
        } else {
            let at = at - graphs;
            (&self.tail[at / BLOCK_ROWS], (at % BLOCK_ROWS) as u32)
        }
    }

    /// The best of all segments.
    pub(super) fn find(&self, query: &[f32], wanted: &Wanted<'_>) -> Found {
        let mut work = Work::default();
        let coded = CodedQuery::new(query, Quantiser::new(self.dimension));
        let mut field = Field::new(wanted.k);
        for (first, segment) in self.placed_segments() {
            field = segment.search(first, &coded, wanted, field, &mut work);
        }
        let mut neighbours = field.rescore(query, |row| self.vector(row));
        work.rescored = neighbours.len();
        self.sort(&mut neighbours);
        neighbours.truncate(wanted.k);
        Found { neighbours, work }
    }

    /// Best first.
    pub(super) fn sort(&self, neighbours: &mut [Neighbour]) {
        neighbours.sort_unstable_by(|a, b| a.rank(*b, |x, y| self.order.compare(x, y)));
    }

    /// All segments, each with its first row.
    pub(super) fn placed_segments(&self) -> impl Iterator<Item = (u32, &Segment)> {
        self.segments().scan(0, |next, segment| {
            let first = *next;
            #[allow(clippy::cast_possible_truncation)] // at most 2^30
            let rows = segment.len() as u32;
            *next += rows;
            Some((first, segment))
        })
    }

    /// Rows that are not found any more.
    pub(super) fn deleted_rows(&self) -> &RoaringBitmap {
        &self.deleted
    }

    /// All segments in the order of their rows.
    fn segments(&self) -> impl Iterator<Item = &Segment> {
        let graphs = [&self.base, &self.middle];
        graphs.into_iter().chain(&self.tail).map(Arc::as_ref)
    }

    /// Memory of the index, mapped or not, in bytes: codes and graph, and exact vectors.
    #[must_use]
    pub fn bytes(&self) -> IndexBytes {
        let mut bytes = IndexBytes::default();
        for segment in self.segments() {
            bytes.codes += size_of_val(segment.codes.lines()) + size_of_val(segment.codes.lost());
            bytes.graph += segment.graph.as_ref().map_or(0, Graph::bytes);
            bytes.vectors += size_of_val(&*segment.vectors);
        }
        bytes
    }
}

/// A number for a graph that no other has: the time.
pub(super) fn now() -> u64 {
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

    fn search(&self, query: &[f32], request: &Request<'_>) -> Result<Found, IndexError> {
        self.base.check(query)?;
        let ef = request.ef.unwrap_or(self.parameters.ef_search);
        if !(1..=MAX_EF).contains(&ef) {
            return Err(IndexError::Parameter {
                name: "ef",
                expected: "1 to 10000",
                received: ef,
            });
        }
        let admitted = Admitted::of(request.allowed, &self.deleted);
        let wanted = Wanted {
            k: request.k.min(self.live()),
            ef,
            exact: request.exact,
            admitted: &admitted,
        };
        Ok(self.find(query, &wanted))
    }
}
