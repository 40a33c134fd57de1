//! From links to flat arrays.

use super::build::{self, BuildOptions};
use super::{Graph, HnswParameters, Layer, Links, Member, NONE, refine};
use crate::index::codes::Codes;
use crate::index::{BuildProgress, IndexError};

/// A graph and the order of its rows.
#[derive(Debug)]
pub(in crate::index) struct Frozen {
    pub(in crate::index) graph: Graph,
    /// For each row of the graph, which of the given rows it is.
    pub(in crate::index) order: Vec<u32>,
}

/// Builds a graph over these rows and freezes it; `None` if there are no rows.
pub(in crate::index) fn freeze(
    codes: &Codes,
    parameters: HnswParameters,
    options: BuildOptions,
    progress: &dyn BuildProgress,
) -> Result<Option<Frozen>, IndexError> {
    let Some(mut links) = build::links(codes, parameters, options, progress)? else {
        return Ok(None);
    };
    #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
    let as_given: Vec<u32> = (0..codes.len() as u32).collect();
    let graph = flatten(&links, &as_given, parameters.m);
    let width = 2 * parameters.m;
    let choice = (width, parameters.ef_construction);
    refine::refine(codes, &mut links, &graph, choice, progress)?;
    drop(graph);
    let order = breadth_first(&links);
    Ok(Some(Frozen {
        graph: flatten(&links, &order, parameters.m),
        order,
    }))
}

/// The rows in the order in which the bottom layer's links reach them from the entry: what a
/// search visits together lies together. Every row is reached once [`refine`] has been here.
fn breadth_first(links: &Links) -> Vec<u32> {
    let mut seen = vec![false; links.links.len()];
    let mut order = Vec::with_capacity(links.links.len());
    let mut reach = |row: u32, order: &mut Vec<u32>| {
        if !std::mem::replace(&mut seen[row as usize], true) {
            order.push(row);
        }
    };
    reach(links.entry, &mut order);
    let mut next = 0;
    while let Some(&row) = order.get(next) {
        next += 1;
        let bottom = links.links[row as usize].first();
        for &link in bottom.into_iter().flatten() {
            reach(link, &mut order);
        }
    }
    for row in 0..links.links.len() {
        #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
        reach(row as u32, &mut order);
    }
    order
}

/// The arrays, with rows renamed to their places in `order`.
fn flatten(links: &Links, order: &[u32], m: usize) -> Graph {
    let mut renamed = vec![0; order.len()];
    for (new, old) in (0..).zip(order) {
        renamed[*old as usize] = new;
    }
    let width = 2 * m;
    let mut bottom = vec![NONE; order.len() * width];
    for (old, to) in order.iter().zip(bottom.chunks_exact_mut(width)) {
        let own = links.links[*old as usize].first();
        for (to, link) in to.iter_mut().zip(own.into_iter().flatten()) {
            *to = renamed[*link as usize];
        }
    }
    let top = links.links.iter().map(Vec::len).max().unwrap_or(1);
    let mut upper = Vec::with_capacity(top - 1);
    // The place of each row in the layer below; at the bottom, the row.
    let mut below: Vec<u32> = renamed.clone();
    for level in 1..top {
        let members: Vec<u32> = order
            .iter()
            .copied()
            .filter(|old| links.links[*old as usize].len() > level)
            .collect();
        let mut places = vec![NONE; order.len()];
        for (place, old) in (0..).zip(&members) {
            places[*old as usize] = place;
        }
        let mut flat = vec![NONE; members.len() * m];
        for (old, to) in members.iter().zip(flat.chunks_exact_mut(m)) {
            let own = links.links[*old as usize][level].iter();
            let inside = own
                .map(|link| places[*link as usize])
                .filter(|p| *p != NONE);
            for (to, place) in to.iter_mut().zip(inside) {
                *to = place;
            }
        }
        let member = |old: &u32| Member {
            row: renamed[*old as usize],
            below: below[*old as usize],
        };
        upper.push(Layer {
            members: members.iter().map(member).collect::<Vec<_>>().into(),
            links: flat.into(),
        });
        below = places;
    }
    let entry = below[links.entry as usize];
    Graph {
        m,
        entry,
        bottom: bottom.into(),
        upper,
    }
}
