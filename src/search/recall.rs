//! Measures the recall of a graph search.

use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::encoder::Embedding;
use crate::index::{IndexError, KnnParams, ScoreBounds, SegmentedIndex};

/// The inputs and the result of a graph search, for comparison with an exact scan.
#[derive(Debug, Clone)]
pub struct ApproximateResult {
    pub(super) vector: Arc<Embedding>,
    pub(super) allowed_rows: Option<Arc<RoaringBitmap>>,
    /// Rows, best first.
    pub(super) found: Vec<u32>,
}

/// The recall of one search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recall {
    /// Number of exact nearest neighbours.
    pub expected: usize,
    /// Of these, found by the graph search.
    pub hits: usize,
}

impl ApproximateResult {
    /// Compares with an exhaustive search of the index that was searched. Scores are those of the codes, as
    /// the sentences are in the store. A row as near as the last of the nearest rows counts as one of them.
    ///
    /// # Errors
    ///
    /// If the index has another dimension.
    pub fn recall(&self, index: &SegmentedIndex) -> Result<Recall, IndexError> {
        let query = self.vector.as_slice();
        let params = KnnParams {
            k: self.found.len(),
            exact: true,
            allowed_rows: self.allowed_rows.as_deref(),
            ..KnnParams::default()
        };
        let mut nearest = index.search_two_level(query, &params)?.rows;
        nearest.sort_unstable_by(|a, b| b.middle().total_cmp(&a.middle()));
        nearest.truncate(self.found.len());
        let min_score = nearest.last().map_or(f32::INFINITY, ScoreBounds::middle);
        let found = index.two_level_bounds(query, &self.found)?;
        let hits = found.iter().filter(|bounds| bounds.middle() >= min_score);
        Ok(Recall {
            expected: nearest.len(),
            hits: hits.count(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{HnswParameters, Vectors};

    #[test]
    fn misses_are_counted_and_ties_are_not() {
        let mut vectors = Vectors::new(2).unwrap();
        for vector in [[1.0, 0.0], [0.8, 0.6], [0.8, -0.6], [0.0, 1.0], [-1.0, 0.0]] {
            vectors.push(&vector).unwrap();
        }
        let empty = SegmentedIndex::new(2, HnswParameters::default()).unwrap();
        let index = empty.with_rows(&vectors).unwrap();
        let recall = |found: &[u32], allowed: Option<&[u32]>| {
            let approximate = ApproximateResult {
                vector: Arc::new(Embedding::from_unnormalized(vec![1.0, 0.0]).unwrap()),
                allowed_rows: allowed.map(|rows| Arc::new(rows.iter().copied().collect())),
                found: found.to_vec(),
            };
            let recall = approximate.recall(&index).unwrap();
            (recall.hits, recall.expected)
        };
        assert_eq!(recall(&[0, 1], None), (2, 2));
        assert_eq!(recall(&[0, 2], None), (2, 2), "ties count");
        assert_eq!(recall(&[0, 3], None), (1, 2));
        assert_eq!(recall(&[3], Some(&[3, 4])), (1, 1));
        assert_eq!(recall(&[], None), (0, 0));
    }
}
