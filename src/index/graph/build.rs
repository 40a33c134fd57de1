//! Builds a graph with `hnsw_rs` and exports its links.
//!
//! `hnsw_rs` asserts, exits the process or misbehaves on some inputs, cannot search while it
//! inserts, and searches slowly; so it is used for building only. Its inputs are validated first:
//! parameters are within the ranges that it supports, points are codes (which cannot be NaN),
//! distances are clamped. Only this file imports it.

use antiphon_kernels::dot::SimdLevel;
use hnsw_rs::prelude::{Distance, Hnsw};

use super::{HnswParameters, LinkLists};
use crate::index::scalar_quantization::{QuantizedVectors, ScalarQuantizer};
use crate::index::{BuildProgress, IndexError};

/// Maximum number of layers; the limit of `hnsw_rs`.
const MAX_LAYERS: usize = 16;

/// Points per call of the parallel builder, and per progress report.
const CHUNK_POINTS: usize = 4096;

/// The first points are inserted one by one: threads that all start from an empty graph do not see
/// each other's points, and leave disconnected components.
const SEQUENTIAL_PREFIX_POINTS: usize = 1000;

/// `hnsw_rs` uses `ef_construction` divided by this; [`super::refine`] then uses all of it. With
/// 100,000 sentences this takes a third of the time, and the recall is better.
const SEED_EF_DIVISOR: usize = 4;

/// Options of building a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BuildOptions {
    /// Insert points one by one, so that the same rows result in the same graph on every run.
    /// Otherwise all threads of the current pool insert, and races between them decide some links.
    pub deterministic: bool,
}

/// Builds the links between these rows with `hnsw_rs`; `None` if there are no rows. This is the first
/// half of the reported progress.
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

/// Copies the links of every point, layer by layer.
fn export_links(graph: &Hnsw<'_, u8, CodeDistance>, rows: usize) -> LinkLists {
    let points = graph.get_point_indexation();
    let mut links = vec![Vec::new(); rows];
    let mut entry_point = 0;
    let top = graph.get_max_level_observed() as usize;
    for level in 0..=top {
        for point in points.get_layer_iterator(level) {
            let layers: Vec<Vec<u32>> = point
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
            let origin = point.get_origin_id();
            if let (Some(to), Some(row)) = (links.get_mut(origin), row_id(origin)) {
                *to = layers;
                if level == top {
                    entry_point = row;
                }
            }
        }
    }
    LinkLists {
        rows: links,
        entry_point,
    }
}

/// Converts a point's id to a row id; more rows than 2^30 are rejected before a graph is built.
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
