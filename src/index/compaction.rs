//! Compaction: a graph over the live rows of an index.
//!
//! Only codes are copied while a graph is built. The exact vectors, four times as large, are read
//! from the source when the result is written to a file in the graph's order, so that memory grows
//! by codes and links only.

use super::graph::{self, BuildOptions, BuiltGraph, FlatGraph};
use super::segment::Segment;
use super::segmented::new_build_id;
use super::{BuildProgress, IndexError, SegmentedIndex, VectorIndex};

/// A graph over live rows of an index, and the order of its rows.
pub struct Compaction {
    source: SegmentedIndex,
    graph: FlatGraph,
    /// For each row of the graph, its row in the source.
    source_rows: Vec<u32>,
}

impl Compaction {
    /// Builds a graph over all live rows; `None` if there are none. The source can be searched
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// If the build is cancelled.
    pub fn build(
        source: &SegmentedIndex,
        options: BuildOptions,
        progress: &dyn BuildProgress,
    ) -> Result<Option<Self>, IndexError> {
        #[allow(clippy::cast_possible_truncation)] // at most 2^30
        let rows = 0..source.len() as u32;
        let live: Vec<u32> = rows.filter(|row| source.is_live(*row)).collect();
        Self::build_from_rows(source, &live, options, progress)
    }

    /// Builds a graph over these rows of the index.
    pub(super) fn build_from_rows(
        source: &SegmentedIndex,
        rows: &[u32],
        options: BuildOptions,
        progress: &dyn BuildProgress,
    ) -> Result<Option<Self>, IndexError> {
        let codes = source.gather_rows(rows);
        let built = graph::build_graph(&codes, source.parameters(), options, progress)?;
        Ok(built.map(|BuiltGraph { graph, row_order }| Self {
            source: source.clone(),
            graph,
            source_rows: row_order
                .into_iter()
                .map(|row| rows[row as usize])
                .collect(),
        }))
    }

    /// Returns for each row of the new index its row in the source.
    #[must_use]
    pub fn source_rows(&self) -> &[u32] {
        &self.source_rows
    }

    /// Returns the number of components of a vector.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.source.dimension()
    }

    /// Copies the rows into a new index in memory; returns it with the source row of each of its rows.
    #[must_use]
    pub fn into_index(self) -> (SegmentedIndex, Vec<u32>) {
        let parameters = self.source.parameters();
        let (segment, source_rows) = self.into_segment();
        let index = SegmentedIndex::from_segment(segment, parameters).with_build_id(new_build_id());
        (index, source_rows)
    }

    /// Copies the rows into a segment; returns it with the source row of each of its rows.
    pub(super) fn into_segment(self) -> (Segment, Vec<u32>) {
        let mut vectors = Vec::with_capacity(self.source_rows.len() * self.source.dimension());
        for row in &self.source_rows {
            vectors.extend_from_slice(self.source.vector(*row));
        }
        let segment = Segment {
            dimension: self.source.dimension(),
            vectors: vectors.into(),
            codes: self.source.gather_rows(&self.source_rows),
            sentences: self.source.gather_sentences(&self.source_rows),
            graph: Some(self.graph),
        };
        (segment, self.source_rows)
    }

    pub(super) fn source(&self) -> &SegmentedIndex {
        &self.source
    }

    pub(super) fn graph(&self) -> &FlatGraph {
        &self.graph
    }

    /// Lets tests corrupt the graph.
    #[cfg(test)]
    pub(super) fn graph_mut(&mut self) -> &mut FlatGraph {
        &mut self.graph
    }
}

impl SegmentedIndex {
    /// Builds a new index in memory with all live rows in one segment with a graph. Returns it with
    /// the row in this index for each of its rows. A [`Compaction`] can be written to a file without
    /// the copy in memory.
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
            None => Ok((Self::new(self.dimension(), self.parameters())?, Vec::new())),
        }
    }

    /// Returns an index with a second graph, over the live rows outside the main segment, and the row in
    /// this index for each of its rows. Rows of the main segment keep their ids; deleted rows outside it
    /// are dropped. This takes seconds where a full compaction takes minutes.
    ///
    /// # Errors
    ///
    /// If the build is cancelled.
    pub fn delta_compacted(
        &self,
        options: BuildOptions,
        progress: &dyn BuildProgress,
    ) -> Result<(Self, Vec<u32>), IndexError> {
        let outside = self.rows_outside_main();
        let first = outside.start;
        let rows: Vec<u32> = outside.filter(|row| self.is_live(*row)).collect();
        let (delta, rows) = match Compaction::build_from_rows(self, &rows, options, progress)? {
            Some(compaction) => compaction.into_segment(),
            None => (Segment::empty(self.dimension()), Vec::new()),
        };
        Ok((self.with_delta(delta), (0..first).chain(rows).collect()))
    }
}
