//! From links to flat arrays.

use super::build::{self, BuildOptions};
use super::{FlatGraph, HnswParameters, LinkLists, NO_LINK, UpperLayer, UpperNode, refine};
use crate::index::scalar_quantization::QuantizedVectors;
use crate::index::{BuildProgress, IndexError};

/// A graph and the order of its rows.
#[derive(Debug)]
pub(in crate::index) struct BuiltGraph {
    pub(in crate::index) graph: FlatGraph,
    /// For each row of the graph, which of the given rows it is.
    pub(in crate::index) row_order: Vec<u32>,
}

/// Builds a graph over these rows and freezes it; `None` if there are no rows.
pub(in crate::index) fn build_graph(
    codes: &QuantizedVectors,
    parameters: HnswParameters,
    options: BuildOptions,
    progress: &dyn BuildProgress,
) -> Result<Option<BuiltGraph>, IndexError> {
    let Some(mut links) = build::build_links(codes, parameters, options, progress)? else {
        return Ok(None);
    };
    #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
    let input_order: Vec<u32> = (0..codes.len() as u32).collect();
    let graph = flatten(&links, &input_order, parameters.m);
    let width = 2 * parameters.m;
    let choice = (width, parameters.ef_construction);
    refine::refine(codes, &mut links, &graph, choice, progress)?;
    drop(graph);
    let order = breadth_first_order(&links);
    Ok(Some(BuiltGraph {
        graph: flatten(&links, &order, parameters.m),
        row_order: order,
    }))
}

/// The rows in the order in which the bottom layer's links reach them from the entry: what a
/// search visits together lies together. Every row is reached once [`refine`] has been here.
fn breadth_first_order(links: &LinkLists) -> Vec<u32> {
    let mut seen = vec![false; links.rows.len()];
    let mut order = Vec::with_capacity(links.rows.len());
    let mut visit = |row: u32, order: &mut Vec<u32>| {
        if !std::mem::replace(&mut seen[row as usize], true) {
            order.push(row);
        }
    };
    visit(links.entry_point, &mut order);
    let mut next = 0;
    while let Some(&row) = order.get(next) {
        next += 1;
        let bottom = links.rows[row as usize].first();
        for &link in bottom.into_iter().flatten() {
            visit(link, &mut order);
        }
    }
    for row in 0..links.rows.len() {
        #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
        visit(row as u32, &mut order);
    }
    order
}

/// The arrays, with rows renamed to their places in `order`.
fn flatten(links: &LinkLists, order: &[u32], m: usize) -> FlatGraph {
    let mut new_ids = vec![0; order.len()];
    for (new, old) in (0..).zip(order) {
        new_ids[*old as usize] = new;
    }
    let width = 2 * m;
    let mut bottom = vec![NO_LINK; order.len() * width];
    for (old, to) in order.iter().zip(bottom.chunks_exact_mut(width)) {
        let own = links.rows[*old as usize].first();
        for (to, link) in to.iter_mut().zip(own.into_iter().flatten()) {
            *to = new_ids[*link as usize];
        }
    }
    let top = links.rows.iter().map(Vec::len).max().unwrap_or(1);
    let mut upper = Vec::with_capacity(top - 1);
    // The place of each row in the layer below; at the bottom, the row.
    let mut ids_below: Vec<u32> = new_ids.clone();
    for level in 1..top {
        let members: Vec<u32> = order
            .iter()
            .copied()
            .filter(|old| links.rows[*old as usize].len() > level)
            .collect();
        let mut layer_ids = vec![NO_LINK; order.len()];
        for (place, old) in (0..).zip(&members) {
            layer_ids[*old as usize] = place;
        }
        let mut flat = vec![NO_LINK; members.len() * m];
        for (old, to) in members.iter().zip(flat.chunks_exact_mut(m)) {
            let own = links.rows[*old as usize][level].iter();
            let inside = own
                .map(|link| layer_ids[*link as usize])
                .filter(|p| *p != NO_LINK);
            for (to, place) in to.iter_mut().zip(inside) {
                *to = place;
            }
        }
        let member = |old: &u32| UpperNode {
            row: new_ids[*old as usize],
            node_below: ids_below[*old as usize],
        };
        upper.push(UpperLayer {
            nodes: members.iter().map(member).collect::<Vec<_>>().into(),
            links: flat.into(),
        });
        ids_below = layer_ids;
    }
    let entry = ids_below[links.entry_point as usize];
    FlatGraph {
        m,
        entry_point: entry,
        base_layer: bottom.into(),
        upper_layers: upper,
    }
}
