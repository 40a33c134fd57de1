//! The plain exact scan: every row in `f32`. The oracle that the others are measured against.

use std::sync::Arc;

use super::kernels::Path;
use super::{Found, IndexError, Neighbour, Request, VectorIndex, Vectors, Work};

/// Compares with every row in `f32`: recall 1 by construction, no build time, no memory beyond the
/// vectors, and no cleverness that could be wrong.
#[derive(Debug, Clone)]
pub struct ExactScan {
    vectors: Arc<Vectors>,
}

impl ExactScan {
    /// Scans these vectors.
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

    fn search(&self, query: &[f32], request: &Request<'_>) -> Result<Found, IndexError> {
        self.vectors.check(query)?;
        let mut neighbours: Vec<Neighbour> = (0..)
            .zip(self.vectors.rows())
            .filter(|(row, _)| request.allowed.is_none_or(|rows| rows.contains(*row)))
            .map(|(row, vector)| Neighbour {
                row,
                score: Path::best().dot_f32(query, vector),
            })
            .collect();
        let evaluations = neighbours.len();
        neighbours.sort_unstable_by(|a, b| a.rank(*b, |x, y| x.cmp(&y)));
        neighbours.truncate(request.k);
        Ok(Found {
            neighbours,
            work: Work {
                evaluations,
                ..Work::default()
            },
        })
    }
}
