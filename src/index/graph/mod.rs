//! A navigable small-world graph (Malkov & Yashunin, arXiv:1603.09320), frozen into flat arrays.
//!
//! [`build`] has `hnsw_rs` find the links, [`refine`] makes better ones of them, [`freeze()`] puts
//! the rows into an order that keeps neighbours close together, and [`walk()`] searches. A frozen
//! graph is immutable; its arrays may lie in a mapped file.

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

/// Stands where a row has no further link.
pub(super) const NO_LINK: u32 = u32::MAX;

/// The links of every row, layer by layer from the bottom, as they are while a graph is made.
#[derive(Debug)]
struct LinkLists {
    rows: Vec<Vec<Vec<u32>>>,
    /// A row of the highest layer.
    entry_point: u32,
}

/// A frozen graph over rows `0..len`.
#[derive(Debug, Clone)]
pub(super) struct FlatGraph {
    /// Links of a row in the upper layers; twice as many at the bottom.
    pub(super) m: usize,
    /// Where a search begins: a place in the highest layer, or a row if there is only the bottom.
    pub(super) entry_point: u32,
    /// `[len, 2 m]`, each row's links ending with [`NONE`] if they are fewer.
    pub(super) base_layer: SharedSlice<u32>,
    /// The layers above the bottom, lowest first.
    pub(super) upper_layers: Vec<UpperLayer>,
}

/// A layer above the bottom, over some of the rows. Links are *places* in the layer.
#[derive(Debug, Clone)]
pub(super) struct UpperLayer {
    pub(super) nodes: SharedSlice<UpperNode>,
    /// `[members, m]`, each member's links ending with [`NONE`] if they are fewer.
    pub(super) links: SharedSlice<u32>,
}

/// A row that stands in a layer above the bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct UpperNode {
    pub(super) row: u32,
    /// Its place in the layer below; the row itself where that is the bottom.
    pub(super) node_below: u32,
}

impl FlatGraph {
    /// Whether every number in it points where there is something, so that walking it is safe.
    pub(super) fn is_valid(&self, rows: usize) -> bool {
        let valid = |links: &[u32], places: usize| {
            let inside = |link: &u32| *link == NO_LINK || (*link as usize) < places;
            links.iter().all(inside)
        };
        let mut nodes_below = rows;
        let layers_are_sound = self.upper_layers.iter().all(|layer| {
            let places = layer.nodes.len();
            let sound = layer.links.len() == places * self.m
                && valid(&layer.links, places)
                && layer
                    .nodes
                    .iter()
                    .all(|m| (m.row as usize) < rows && (m.node_below as usize) < nodes_below);
            nodes_below = places;
            sound
        });
        layers_are_sound
            && self.base_layer.len() == rows * 2 * self.m
            && valid(&self.base_layer, rows)
            && (self.entry_point as usize) < nodes_below
    }

    /// Its size in bytes.
    pub(super) fn bytes(&self) -> usize {
        let layer = |layer: &UpperLayer| size_of_val(&*layer.nodes) + size_of_val(&*layer.links);
        size_of_val(&*self.base_layer) + self.upper_layers.iter().map(layer).sum::<usize>()
    }
}
