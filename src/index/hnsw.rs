//! Walk a navigable small-world graph (Malkov & Yashunin 2016), built by `hnsw_rs`.
//!
//! `hnsw_rs` asserts, exits the process or misbehaves on some inputs; everything that reaches it
//! is checked first: parameters against the ranges in which it works, vectors for their dimension
//! and for finite coordinates, distances by our own clamp. It cannot insert while it searches, so
//! a graph is built whole and only searched thereafter.

use std::sync::Arc;

use hnsw_rs::prelude::Distance;

use super::dot::dot;
use super::{IndexError, Neighbour, VectorIndex, Vectors};

/// Layers of the graph; the most that `hnsw_rs` has room for.
const LAYERS: usize = 16;

/// Points handed to the parallel builder at a time.
const BUILD_CHUNK: usize = 8192;

/// How the graph is built and searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HnswParameters {
    /// Links of a point in the upper layers (twice as many at the bottom): 2 to 128.
    pub m: usize,
    /// Candidates kept while a point is linked: `m` to 4,000.
    pub ef_construction: usize,
    /// Candidates kept while searching: 1 to 10,000. Raised to `k` where `k` is larger.
    pub ef_search: usize,
}

impl Default for HnswParameters {
    fn default() -> Self {
        Self {
            m: 16,
            ef_construction: 200,
            ef_search: 128,
        }
    }
}

impl HnswParameters {
    /// Whether a graph can be built and searched with these.
    ///
    /// # Errors
    ///
    /// Names the first parameter outside its range.
    pub fn check(&self) -> Result<(), IndexError> {
        let outside = |name, expected, received| {
            Err(IndexError::Parameter {
                name,
                expected,
                received,
            })
        };
        if !(2..=128).contains(&self.m) {
            return outside("hnsw_m", "2 to 128", self.m);
        }
        if !(self.m..=4000).contains(&self.ef_construction) {
            let expected = "hnsw_m to 4000";
            return outside("hnsw_ef_construction", expected, self.ef_construction);
        }
        if !(1..=10_000).contains(&self.ef_search) {
            return outside("hnsw_ef_search", "1 to 10000", self.ef_search);
        }
        Ok(())
    }
}

/// An HNSW graph over the vectors; scores are computed anew from them, in the exact scan's order
/// of summation.
pub struct Hnsw {
    graph: hnsw_rs::prelude::Hnsw<'static, f32, CosineDistance>,
    vectors: Arc<Vectors>,
    parameters: HnswParameters,
}

impl Hnsw {
    /// Builds the graph on all threads of the current pool.
    ///
    /// # Errors
    ///
    /// If a parameter is outside its range.
    pub fn build(vectors: Arc<Vectors>, parameters: HnswParameters) -> Result<Self, IndexError> {
        parameters.check()?;
        let mut graph = hnsw_rs::prelude::Hnsw::new(
            parameters.m,
            vectors.len().max(1),
            LAYERS,
            parameters.ef_construction,
            CosineDistance,
        );
        let rows: Vec<(&[f32], usize)> = vectors.rows().zip(0..).collect();
        // The first points go in one by one: threads that all start from an empty graph do not
        // see each other and leave islands.
        let (first, rest) = rows.split_at(rows.len().min(1000));
        for row in first {
            graph.insert_slice(*row);
        }
        for chunk in rest.chunks(BUILD_CHUNK) {
            graph.parallel_insert_slice(&chunk.to_vec());
        }
        graph.set_searching_mode(true);
        drop(rows);
        Ok(Self {
            graph,
            vectors,
            parameters,
        })
    }
}

impl Hnsw {
    /// The same graph, searched with so many candidates.
    ///
    /// # Errors
    ///
    /// If `ef_search` is outside its range.
    pub fn searched_with(mut self, ef_search: usize) -> Result<Self, IndexError> {
        self.parameters.ef_search = ef_search;
        self.parameters.check()?;
        Ok(self)
    }
}

impl VectorIndex for Hnsw {
    fn len(&self) -> usize {
        self.vectors.len()
    }

    fn description(&self) -> String {
        let HnswParameters {
            m,
            ef_construction,
            ef_search,
        } = self.parameters;
        format!("hnsw m={m} ef_construction={ef_construction} ef_search={ef_search}")
    }

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>, IndexError> {
        self.vectors.check(query)?;
        if k == 0 || self.vectors.is_empty() {
            return Ok(Vec::new());
        }
        let k = k.min(self.vectors.len());
        let ef = self.parameters.ef_search.max(k);
        let mut found: Vec<Neighbour> = self
            .graph
            .search(query, k, ef)
            .into_iter()
            .filter_map(|neighbour| {
                let row = neighbour.d_id;
                let score = dot(query, self.vectors.row(row)?);
                Some(Neighbour { row, score })
            })
            .collect();
        found.sort_unstable_by(Neighbour::rank);
        found.dedup_by_key(|neighbour| neighbour.row);
        Ok(found)
    }
}

/// `1 - dot`, never negative: `hnsw_rs` asserts that it is not.
#[derive(Debug, Clone, Copy)]
struct CosineDistance;

impl Distance<f32> for CosineDistance {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        (1.0 - dot(a, b)).max(0.0)
    }
}
