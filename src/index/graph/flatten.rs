//! Builds a graph: links, their refinement, and flat arrays in a cache-friendly order.

use super::build::{self, BuildOptions};
use super::{FlatGraph, HnswParameters, LinkLists, NO_LINK, UpperLayer, UpperNode, refine};
use crate::index::scalar_quantization::QuantizedVectors;
use crate::index::{BuildProgress, IndexError};

/// A graph and the order of its rows.
#[derive(Debug)]
pub(in crate::index) struct BuiltGraph {
    pub(in crate::index) graph: FlatGraph,
    /// For each row of the graph, its row in the input.
    pub(in crate::index) row_order: Vec<u32>,
}

/// Builds a graph over these rows; `None` if there are no rows.
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
    let limits = (width, parameters.ef_construction);
    refine::refine(codes, &mut links, &graph, limits, progress)?;
    drop(graph);
    let row_order = breadth_first_order(&links);
    Ok(Some(BuiltGraph {
        graph: flatten(&links, &row_order, parameters.m),
        row_order,
    }))
}

/// Returns the rows in breadth-first order of the base layer, so that rows which a search visits
/// together are close in memory. After [`refine`] every row is reachable.
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
        let base_layer = links.rows[row as usize].first();
        for &link in base_layer.into_iter().flatten() {
            visit(link, &mut order);
        }
    }
    for row in 0..links.rows.len() {
        #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
        visit(row as u32, &mut order);
    }
    order
}

/// Copies the links into flat arrays; row ids become positions in `order`.
fn flatten(links: &LinkLists, order: &[u32], m: usize) -> FlatGraph {
    let mut new_ids = vec![0; order.len()];
    for (new, old) in (0..).zip(order) {
        new_ids[*old as usize] = new;
    }
    let width = 2 * m;
    let mut base_layer = vec![NO_LINK; order.len() * width];
    for (old, to) in order.iter().zip(base_layer.chunks_exact_mut(width)) {
        let links_of_row = links.rows[*old as usize].first();
        for (to, link) in to.iter_mut().zip(links_of_row.into_iter().flatten()) {
            *to = new_ids[*link as usize];
        }
    }
    let top = links.rows.iter().map(Vec::len).max().unwrap_or(1);
    let mut upper_layers = Vec::with_capacity(top - 1);
    // The index of each row in the layer below; for the base layer, the row id.
    let mut ids_below: Vec<u32> = new_ids.clone();
    for level in 1..top {
        let nodes: Vec<u32> = order
            .iter()
            .copied()
            .filter(|old| links.rows[*old as usize].len() > level)
            .collect();
        let mut layer_ids = vec![NO_LINK; order.len()];
        for (index, old) in (0..).zip(&nodes) {
            layer_ids[*old as usize] = index;
        }
        let mut flat = vec![NO_LINK; nodes.len() * m];
        for (old, to) in nodes.iter().zip(flat.chunks_exact_mut(m)) {
            let links_of_row = links.rows[*old as usize][level].iter();
            let in_layer = links_of_row
                .map(|link| layer_ids[*link as usize])
                .filter(|p| *p != NO_LINK);
            for (to, index) in to.iter_mut().zip(in_layer) {
                *to = index;
            }
        }
        let upper_node = |old: &u32| UpperNode {
            row: new_ids[*old as usize],
            node_below: ids_below[*old as usize],
        };
        upper_layers.push(UpperLayer {
            nodes: nodes.iter().map(upper_node).collect::<Vec<_>>().into(),
            links: flat.into(),
        });
        ids_below = layer_ids;
    }
    let entry_point = ids_below[links.entry_point as usize];
    FlatGraph {
        m,
        entry_point,
        base_layer: base_layer.into(),
        upper_layers,
    }
}
