//! The exact scan in `f32`: the reference for tests and benchmarks.

use std::sync::Arc;

use antiphon_kernels::dot::SimdLevel;

use super::{IndexError, KnnParams, Neighbour, SearchStats, TopK, VectorIndex, Vectors};

/// Compares the query with every row in `f32`: recall 1 by construction, no build time, no memory
/// beyond the vectors.
#[derive(Debug, Clone)]
pub struct ExactScan {
    vectors: Arc<Vectors>,
}

impl ExactScan {
    /// Creates an index that scans these vectors.
    #[must_use]
    pub fn new(vectors: Arc<Vectors>) -> Self {
        Self { vectors }
    }
}

impl VectorIndex for ExactScan {
    fn len(&self) -> usize {
        self.vectors.len()
    }

    fn description(&self) -> String {
        "exact".to_owned()
    }

    fn search(&self, query: &[f32], params: &KnnParams<'_>) -> Result<TopK, IndexError> {
        self.vectors.check(query)?;
        let mut neighbours: Vec<Neighbour> = (0..)
            .zip(self.vectors.rows())
            .filter(|(row, _)| params.allowed_rows.is_none_or(|rows| rows.contains(*row)))
            .map(|(row, vector)| Neighbour {
                row,
                score: SimdLevel::best().dot_f32(query, vector),
            })
            .collect();
        let distance_computations = neighbours.len();
        neighbours.sort_unstable_by(|a, b| a.cmp_best_first(*b, |x, y| x.cmp(&y)));
        neighbours.truncate(params.k);
        Ok(TopK {
            neighbours,
            stats: SearchStats {
                distance_computations,
                ..SearchStats::default()
            },
        })
    }
}
