//! A navigable small-world graph (HNSW; Malkov & Yashunin, arXiv:1603.09320) in flat arrays.
//!
//! [`build`] builds the links with `hnsw_rs`, [`refine`] improves them, [`flatten`] reorders the rows
//! so that neighbours are close in memory, and [`search`] searches. A graph is immutable; its arrays
//! may be parts of a mapped file.

mod build;
mod flatten;
mod parameters;
mod refine;
mod search;

use bytemuck::{Pod, Zeroable};

use super::shared_slice::SharedSlice;

pub use build::BuildOptions;
pub(super) use flatten::{BuiltGraph, build_graph};
pub use parameters::{HnswParameters, MAX_EF};
pub(super) use search::{MAX_ROWS, NoFilter, SearchScratch, search_graph};

/// Ends the list of a row's links.
pub(super) const NO_LINK: u32 = u32::MAX;

/// The links of every row, layer by layer from the base layer, while a graph is built.
#[derive(Debug)]
struct LinkLists {
    rows: Vec<Vec<Vec<u32>>>,
    /// A row of the top layer.
    entry_point: u32,
}

/// A graph over rows `0..len`.
#[derive(Debug, Clone)]
pub(super) struct FlatGraph {
    /// Maximum number of links of a row in the upper layers; twice that in the base layer.
    pub(super) m: usize,
    /// Where a search begins: an index into the top layer, or a row if there is only the base layer.
    pub(super) entry_point: u32,
    /// `[len, 2 m]`; lists of fewer links end with [`NO_LINK`].
    pub(super) base_layer: SharedSlice<u32>,
    /// The layers above the base layer, lowest first.
    pub(super) upper_layers: Vec<UpperLayer>,
}

/// A layer above the base layer, over some of the rows. Links are indexes into `nodes`.
#[derive(Debug, Clone)]
pub(super) struct UpperLayer {
    pub(super) nodes: SharedSlice<UpperNode>,
    /// `[nodes, m]`; lists of fewer links end with [`NO_LINK`].
    pub(super) links: SharedSlice<u32>,
}

/// A row in an upper layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct UpperNode {
    pub(super) row: u32,
    /// Its index in the layer below; the row itself if that is the base layer.
    pub(super) node_below: u32,
}

impl FlatGraph {
    /// Whether all sizes agree and all links, nodes and the entry point are in range, so that a search
    /// cannot index out of bounds.
    pub(super) fn is_valid(&self, rows: usize) -> bool {
        let all_in_range = |links: &[u32], count: usize| {
            let in_range = |link: &u32| *link == NO_LINK || (*link as usize) < count;
            links.iter().all(in_range)
        };
        let mut nodes_below = rows;
        let upper_layers_are_valid = self.upper_layers.iter().all(|layer| {
            let count = layer.nodes.len();
            let is_valid = layer.links.len() == count * self.m
                && all_in_range(&layer.links, count)
                && layer
                    .nodes
                    .iter()
                    .all(|n| (n.row as usize) < rows && (n.node_below as usize) < nodes_below);
            nodes_below = count;
            is_valid
        });
        upper_layers_are_valid
            && self.base_layer.len() == rows * 2 * self.m
            && all_in_range(&self.base_layer, rows)
            && (self.entry_point as usize) < nodes_below
    }

    /// Returns the size in bytes.
    pub(super) fn bytes(&self) -> usize {
        let layer = |layer: &UpperLayer| size_of_val(&*layer.nodes) + size_of_val(&*layer.links);
        size_of_val(&*self.base_layer) + self.upper_layers.iter().map(layer).sum::<usize>()
    }
}
