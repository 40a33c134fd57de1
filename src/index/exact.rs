//! Compare with every row.

use std::sync::Arc;

use rayon::prelude::*;

use super::dot::dot;
use super::{IndexError, Neighbour, VectorIndex, Vectors};

/// Rows that one task scores at a time: enough work to be worth handing to another thread.
const TASK_ROWS: usize = 8192;

/// The exact scan: recall 1 by construction, no build time, no memory beyond the vectors.
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

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>, IndexError> {
        self.vectors.check(query)?;
        let tasks = self.vectors.len().div_ceil(TASK_ROWS);
        let mut best = if tasks <= 1 {
            scan(&self.vectors, query, k, 0)
        } else {
            (0..tasks)
                .into_par_iter()
                .map(|task| scan(&self.vectors, query, k, task * TASK_ROWS))
                .reduce(Vec::new, |mut all, part| {
                    all.extend(part);
                    keep_best(&mut all, k);
                    all
                })
        };
        best.sort_unstable_by(Neighbour::rank);
        Ok(best)
    }
}

/// The best `k` of the [`TASK_ROWS`] rows from `first`, in no particular order.
fn scan(vectors: &Vectors, query: &[f32], k: usize, first: usize) -> Vec<Neighbour> {
    let mut best: Vec<Neighbour> = vectors
        .rows()
        .enumerate()
        .skip(first)
        .take(TASK_ROWS)
        .map(|(row, vector)| Neighbour {
            row,
            score: dot(query, vector),
        })
        .collect();
    keep_best(&mut best, k);
    best
}

fn keep_best(neighbours: &mut Vec<Neighbour>, k: usize) {
    if k == 0 {
        neighbours.clear();
    } else if neighbours.len() > k {
        neighbours.select_nth_unstable_by(k - 1, Neighbour::rank);
        neighbours.truncate(k);
    }
}
