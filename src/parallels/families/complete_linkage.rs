//! Complete linkage: a group is what all its members say.

use std::collections::HashMap;

use crate::engine::DocumentTable;
use crate::parallels::{Pair, TextUnit};

/// Units that say nearly the same, each two with how sure that is.
#[derive(Default)]
pub(super) struct SimilarityGraph(HashMap<(TextUnit, TextUnit), f32>);

impl SimilarityGraph {
    /// The links of these pairs.
    pub(super) fn from_pairs<'a>(pairs: impl Iterator<Item = &'a Pair>) -> Self {
        let link = |pair: &Pair| {
            let (a, b) = pair.text_units();
            (edge_key(a, b), pair.confidence)
        };
        Self(pairs.map(link).collect())
    }

    /// How sure it is that two units say the same; `None` where they are not linked.
    pub(super) fn confidence(&self, a: TextUnit, b: TextUnit) -> Option<f32> {
        self.0.get(&edge_key(a, b)).copied()
    }

    /// Groups of more than one unit: of all links of at least this confidence the surest first, two
    /// groups become one if every unit of one is linked with every unit of the other.
    pub(super) fn complete_linkage(
        &self,
        confidence: f32,
        catalogue: &DocumentTable,
    ) -> Vec<Vec<TextUnit>> {
        let seeds = self.0.iter().filter(|(_, sure)| **sure >= confidence);
        let in_order = |(a, b): (TextUnit, TextUnit)| match a.compare(b, catalogue) {
            std::cmp::Ordering::Greater => (b, a),
            _ => (a, b),
        };
        let mut seeds: Vec<_> = seeds
            .map(|(units, sure)| (in_order(*units), *sure))
            .collect();
        seeds.sort_by(|((a, b), x), ((c, d), y)| {
            y.total_cmp(x)
                .then_with(|| a.compare(*c, catalogue))
                .then_with(|| b.compare(*d, catalogue))
        });
        let mut groups = Clusters::default();
        for ((a, b), _) in seeds {
            groups.merge(a, b, self);
        }
        let mut groups = groups.members;
        groups.retain(|units| units.len() > 1);
        groups
    }
}

fn edge_key(a: TextUnit, b: TextUnit) -> (TextUnit, TextUnit) {
    (a.min(b), a.max(b))
}

/// Units, each in one group.
#[derive(Default)]
struct Clusters {
    members: Vec<Vec<TextUnit>>,
    cluster_of: HashMap<TextUnit, usize>,
}

impl Clusters {
    /// Makes the groups of two units one, if all their members are linked.
    fn merge(&mut self, a: TextUnit, b: TextUnit, links: &SimilarityGraph) {
        let (a, b) = (self.cluster_index(a), self.cluster_index(b));
        let (target, absorbed) = (a.min(b), a.max(b));
        if target == absorbed {
            return;
        }
        let mut pairs = self.members[target]
            .iter()
            .flat_map(|x| self.members[absorbed].iter().map(move |y| (*x, *y)));
        if pairs.all(|(x, y)| links.confidence(x, y).is_some()) {
            let moved = std::mem::take(&mut self.members[absorbed]);
            for unit in &moved {
                self.cluster_of.insert(*unit, target);
            }
            self.members[target].extend(moved);
        }
    }

    fn cluster_index(&mut self, unit: TextUnit) -> usize {
        let next = self.members.len();
        let group = *self.cluster_of.entry(unit).or_insert(next);
        if group == next {
            self.members.push(vec![unit]);
        }
        group
    }
}
