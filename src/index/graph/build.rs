//! Has `hnsw_rs` build a graph, and takes its links out.
//!
//! `hnsw_rs` asserts, exits the process or misbehaves on some inputs, cannot search while it
//! inserts, and searches slowly; so it builds and nothing else. What reaches it is checked first:
//! parameters against the ranges in which it works, points as codes (which cannot be NaN),
//! distances by our own clamp. Only this file names it.

use hnsw_rs::prelude::{Distance, Hnsw};

use super::{HnswParameters, LinkLists};
use crate::index::kernels::SimdLevel;
use crate::index::scalar_quantization::{QuantizedVectors, ScalarQuantizer};
use crate::index::{BuildProgress, IndexError};

/// Layers of the graph; the most that `hnsw_rs` has room for.
const MAX_LAYERS: usize = 16;

/// Points handed to the parallel builder between two signs of progress.
const CHUNK_POINTS: usize = 4096;

/// The first points go in one by one: threads that all start from an empty graph do not see each
/// other and leave islands.
const SEQUENTIAL_PREFIX_POINTS: usize = 1000;

/// `hnsw_rs` links with this part of `ef_construction`; [`super::refine`] then uses all of it. On
/// 100,000 sentences that takes a third of the time, and finds more.
const SEED_EF_DIVISOR: usize = 4;

/// How the work of building is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BuildOptions {
    /// One point after another, so that the same rows give the same graph on every run. Otherwise
    /// all threads of the current pool insert, and their race decides some links.
    pub deterministic: bool,
}

/// The links that `hnsw_rs` finds between these rows; `None` if there are none. This is the first
/// half of the work of building.
pub(super) fn build_links(
    codes: &QuantizedVectors,
    parameters: HnswParameters,
    options: BuildOptions,
    progress: &dyn BuildProgress,
) -> Result<Option<LinkLists>, IndexError> {
    parameters.validate()?;
    if codes.len() == 0 {
        return Ok(None);
    }
    let graph = Hnsw::<u8, CodeDistance>::new(
        parameters.m,
        codes.len(),
        MAX_LAYERS,
        (parameters.ef_construction / SEED_EF_DIVISOR).max(parameters.m),
        CodeDistance(codes.quantizer()),
    );
    let rows: Vec<(&[u8], usize)> = (0..codes.len())
        .map(|row| (bytemuck::cast_slice(codes.row(row)), row))
        .collect();
    let (first, rest) = rows.split_at(rows.len().min(SEQUENTIAL_PREFIX_POINTS));
    for row in first {
        graph.insert_slice(*row);
    }
    let mut done = first.len();
    progress.update(done, 2 * rows.len());
    for chunk in rest.chunks(CHUNK_POINTS) {
        if progress.is_cancelled() {
            return Err(IndexError::Cancelled);
        }
        if options.deterministic {
            for row in chunk {
                graph.insert_slice(*row);
            }
        } else {
            graph.parallel_insert_slice(&chunk.to_vec());
        }
        done += chunk.len();
        progress.update(done, 2 * rows.len());
    }
    Ok(Some(export_links(&graph, codes.len())))
}

/// Every point's links, layer by layer.
fn export_links(graph: &Hnsw<'_, u8, CodeDistance>, rows: usize) -> LinkLists {
    let points = graph.get_point_indexation();
    let mut links = vec![Vec::new(); rows];
    let mut entry = 0;
    let top = graph.get_max_level_observed() as usize;
    for level in 0..=top {
        for point in points.get_layer_iterator(level) {
            let own: Vec<Vec<u32>> = point
                .get_neighborhood_id()
                .into_iter()
                .take(level + 1)
                .map(|layer| {
                    layer
                        .iter()
                        .filter_map(|n| row_id(n.get_origin_id()))
                        .collect()
                })
                .collect();
            let place = point.get_origin_id();
            if let (Some(to), Some(place)) = (links.get_mut(place), row_id(place)) {
                *to = own;
                if level == top {
                    entry = place;
                }
            }
        }
    }
    LinkLists {
        rows: links,
        entry_point: entry,
    }
}

/// Rows are counted in 32 bits; more are refused before a graph is built.
fn row_id(origin: usize) -> Option<u32> {
    u32::try_from(origin).ok()
}

/// `1 - score`, never negative: `hnsw_rs` asserts that it is not.
#[derive(Clone, Copy)]
struct CodeDistance(ScalarQuantizer);

impl Distance<u8> for CodeDistance {
    fn eval(&self, a: &[u8], b: &[u8]) -> f32 {
        (1.0 - self.0.score(SimdLevel::best().dot_codes(a, b))).max(0.0)
    }
}
