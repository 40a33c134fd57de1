//! Complete-linkage clustering: every two members of a cluster are linked.

use std::collections::HashMap;

use crate::engine::DocumentTable;
use crate::parallels::pair::{Pair, TextUnit};

/// A graph of units, weighted by confidence.
#[derive(Default)]
pub(super) struct SimilarityGraph(HashMap<(TextUnit, TextUnit), f32>);

impl SimilarityGraph {
    /// Creates the graph of these pairs.
    pub(super) fn from_pairs<'a>(pairs: impl Iterator<Item = &'a Pair>) -> Self {
        let edge = |pair: &Pair| {
            let (a, b) = pair.text_units();
            (edge_key(a, b), pair.confidence)
        };
        Self(pairs.map(edge).collect())
    }

    /// Returns the confidence of two units; `None` if they are not linked.
    pub(super) fn confidence(&self, a: TextUnit, b: TextUnit) -> Option<f32> {
        self.0.get(&edge_key(a, b)).copied()
    }

    /// Returns the clusters of more than one unit: links of at least this confidence are taken in
    /// descending order, and each merges the clusters of its ends if every unit of one is linked with
    /// every unit of the other.
    pub(super) fn complete_linkage(
        &self,
        min_confidence: f32,
        table: &DocumentTable,
    ) -> Vec<Vec<TextUnit>> {
        let seeds = self
            .0
            .iter()
            .filter(|(_, confidence)| **confidence >= min_confidence);
        let in_order = |(a, b): (TextUnit, TextUnit)| match a.compare(b, table) {
            std::cmp::Ordering::Greater => (b, a),
            _ => (a, b),
        };
        let mut seeds: Vec<_> = seeds
            .map(|(units, confidence)| (in_order(*units), *confidence))
            .collect();
        seeds.sort_by(|((a, b), x), ((c, d), y)| {
            y.total_cmp(x)
                .then_with(|| a.compare(*c, table))
                .then_with(|| b.compare(*d, table))
        });
        let mut clusters = Clusters::default();
        for ((a, b), _) in seeds {
            clusters.merge(a, b, self);
        }
        let mut clusters = clusters.members;
        clusters.retain(|units| units.len() > 1);
        clusters
    }
}

fn edge_key(a: TextUnit, b: TextUnit) -> (TextUnit, TextUnit) {
    (a.min(b), a.max(b))
}

/// Clusters of units, each unit in one of them.
#[derive(Default)]
struct Clusters {
    members: Vec<Vec<TextUnit>>,
    cluster_of: HashMap<TextUnit, usize>,
}

impl Clusters {
    /// Merges the clusters of two units if all their members are linked.
    fn merge(&mut self, a: TextUnit, b: TextUnit, graph: &SimilarityGraph) {
        let (a, b) = (self.cluster_index(a), self.cluster_index(b));
        let (target, absorbed) = (a.min(b), a.max(b));
        if target == absorbed {
            return;
        }
        let mut pairs = self.members[target]
            .iter()
            .flat_map(|x| self.members[absorbed].iter().map(move |y| (*x, *y)));
        if pairs.all(|(x, y)| graph.confidence(x, y).is_some()) {
            let moved = std::mem::take(&mut self.members[absorbed]);
            for unit in &moved {
                self.cluster_of.insert(*unit, target);
            }
            self.members[target].extend(moved);
        }
    }

    fn cluster_index(&mut self, unit: TextUnit) -> usize {
        let next = self.members.len();
        let cluster = *self.cluster_of.entry(unit).or_insert(next);
        if cluster == next {
            self.members.push(vec![unit]);
        }
        cluster
    }
}
