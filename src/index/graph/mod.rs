//! A navigable small-world graph (Malkov & Yashunin, arXiv:1603.09320), frozen into flat arrays.
//!
//! [`build`] has `hnsw_rs` find the links, [`refine`] makes better ones of them, [`freeze()`] puts
//! the rows into an order that keeps neighbours close together, and [`walk()`] searches. A frozen
//! graph is immutable; its arrays may lie in a mapped file.

mod build;
mod freeze;
mod parameters;
mod refine;
mod walk;

use bytemuck::{Pod, Zeroable};

use super::section::Section;

pub use build::BuildOptions;
pub(super) use freeze::{Frozen, freeze};
pub use parameters::{HnswParameters, MAX_EF};
pub(super) use walk::{Everything, MAX_ROWS, Walk, walk};

/// Stands where a row has no further link.
pub(super) const NONE: u32 = u32::MAX;

/// The links of every row, layer by layer from the bottom, as they are while a graph is made.
#[derive(Debug)]
struct Links {
    links: Vec<Vec<Vec<u32>>>,
    /// A row of the highest layer.
    entry: u32,
}

/// A frozen graph over rows `0..len`.
#[derive(Debug, Clone)]
pub(super) struct Graph {
    /// Links of a row in the upper layers; twice as many at the bottom.
    pub(super) m: usize,
    /// Where a search begins: a place in the highest layer, or a row if there is only the bottom.
    pub(super) entry: u32,
    /// `[len, 2 m]`, each row's links ending with [`NONE`] if they are fewer.
    pub(super) bottom: Section<u32>,
    /// The layers above the bottom, lowest first.
    pub(super) upper: Vec<Layer>,
}

/// A layer above the bottom, over some of the rows. Links are *places* in the layer.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) members: Section<Member>,
    /// `[members, m]`, each member's links ending with [`NONE`] if they are fewer.
    pub(super) links: Section<u32>,
}

/// A row that stands in a layer above the bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Member {
    pub(super) row: u32,
    /// Its place in the layer below; the row itself where that is the bottom.
    pub(super) below: u32,
}

impl Graph {
    /// Whether every number in it points where there is something, so that walking it is safe.
    pub(super) fn is_sound(&self, rows: usize) -> bool {
        let valid = |links: &[u32], places: usize| {
            let inside = |link: &u32| *link == NONE || (*link as usize) < places;
            links.iter().all(inside)
        };
        let mut below = rows;
        let layers_are_sound = self.upper.iter().all(|layer| {
            let places = layer.members.len();
            let sound = layer.links.len() == places * self.m
                && valid(&layer.links, places)
                && layer
                    .members
                    .iter()
                    .all(|m| (m.row as usize) < rows && (m.below as usize) < below);
            below = places;
            sound
        });
        layers_are_sound
            && self.bottom.len() == rows * 2 * self.m
            && valid(&self.bottom, rows)
            && (self.entry as usize) < below
    }

    /// Its size in bytes.
    pub(super) fn bytes(&self) -> usize {
        let layer = |layer: &Layer| size_of_val(&*layer.members) + size_of_val(&*layer.links);
        size_of_val(&*self.bottom) + self.upper.iter().map(layer).sum::<usize>()
    }
}
