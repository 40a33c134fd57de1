//! A graph for the rows of an index that changes.
//!
//! While a graph is built only codes are copied. The exact vectors, four times as large, stay where
//! they are until they are written to a file in the graph's order, so that memory grows by codes
//! and links alone.

use super::graph::{self, BuildOptions, BuiltGraph, FlatGraph};
use super::segment::Segment;
use super::segmented::new_build_id;
use super::{BuildProgress, IndexError, SegmentedIndex, VectorIndex};

/// A graph over all rows of an index that are not deleted, and the order that it gives them.
pub struct Compaction {
    source: SegmentedIndex,
    graph: FlatGraph,
    /// For each row of the graph, its row in the source.
    source_rows: Vec<u32>,
}

impl Compaction {
    /// Builds a graph over all rows that are not deleted; `None` if there are none. The index goes on
    /// serving meanwhile.
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

    /// The same over these rows of the index.
    pub(super) fn build_from_rows(
        source: &SegmentedIndex,
        rows: &[u32],
        options: BuildOptions,
        progress: &dyn BuildProgress,
    ) -> Result<Option<Self>, IndexError> {
        let codes = source.gather_rows(rows);
        let frozen = graph::build_graph(&codes, source.parameters(), options, progress)?;
        Ok(frozen.map(
            |BuiltGraph {
                 graph,
                 row_order: order,
             }| Self {
                source: source.clone(),
                graph,
                source_rows: order.into_iter().map(|row| rows[row as usize]).collect(),
            },
        ))
    }

    /// For each row of the new index, its row in the one that it was built from.
    #[must_use]
    pub fn source_rows(&self) -> &[u32] {
        &self.source_rows
    }

    /// Coordinates of a row.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.source.dimension()
    }

    /// The new index, with arrays of its own in memory, and its rows' places in the old one.
    #[must_use]
    pub fn into_index(self) -> (SegmentedIndex, Vec<u32>) {
        let parameters = self.source.parameters();
        let (base, from) = self.into_segment();
        let index = SegmentedIndex::from_segment(base, parameters).with_build_id(new_build_id());
        (index, from)
    }

    /// The rows with their graph, and where they were.
    pub(super) fn into_segment(self) -> (Segment, Vec<u32>) {
        let mut vectors = Vec::with_capacity(self.source_rows.len() * self.source.dimension());
        for row in &self.source_rows {
            vectors.extend_from_slice(self.source.vector(*row));
        }
        let segment = Segment {
            dimension: self.source.dimension(),
            vectors: vectors.into(),
            codes: self.source.gather_rows(&self.source_rows),
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

    /// For tests that damage it.
    #[cfg(test)]
    pub(super) fn graph_mut(&mut self) -> &mut FlatGraph {
        &mut self.graph
    }
}
