//! Complete linkage: a group is what all its members say.

use std::collections::HashMap;

use crate::engine::Catalogue;
use crate::parallels::{Pair, Unit};

/// Units that say nearly the same, each two with how sure that is.
#[derive(Default)]
pub(super) struct Links(HashMap<(Unit, Unit), f32>);

impl Links {
    /// The links of these pairs.
    pub(super) fn of<'a>(pairs: impl Iterator<Item = &'a Pair>) -> Self {
        let link = |pair: &Pair| {
            let (a, b) = pair.units();
            (key(a, b), pair.confidence)
        };
        Self(pairs.map(link).collect())
    }

    /// How sure it is that two units say the same; `None` where they are not linked.
    pub(super) fn between(&self, a: Unit, b: Unit) -> Option<f32> {
        self.0.get(&key(a, b)).copied()
    }

    /// Groups of more than one unit: of all links of at least this confidence the surest first, two
    /// groups become one if every unit of one is linked with every unit of the other.
    pub(super) fn groups(&self, confidence: f32, catalogue: &Catalogue) -> Vec<Vec<Unit>> {
        let seeds = self.0.iter().filter(|(_, sure)| **sure >= confidence);
        let in_order = |(a, b): (Unit, Unit)| match a.compare(b, catalogue) {
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
        let mut groups = Groups::default();
        for ((a, b), _) in seeds {
            groups.join(a, b, self);
        }
        let mut groups = groups.units;
        groups.retain(|units| units.len() > 1);
        groups
    }
}

fn key(a: Unit, b: Unit) -> (Unit, Unit) {
    (a.min(b), a.max(b))
}

/// Units, each in one group.
#[derive(Default)]
struct Groups {
    units: Vec<Vec<Unit>>,
    group_of: HashMap<Unit, usize>,
}

impl Groups {
    /// Makes the groups of two units one, if all their members are linked.
    fn join(&mut self, a: Unit, b: Unit, links: &Links) {
        let (a, b) = (self.group(a), self.group(b));
        let (kept, gone) = (a.min(b), a.max(b));
        if kept == gone {
            return;
        }
        let mut pairs = self.units[kept]
            .iter()
            .flat_map(|x| self.units[gone].iter().map(move |y| (*x, *y)));
        if pairs.all(|(x, y)| links.between(x, y).is_some()) {
            let moved = std::mem::take(&mut self.units[gone]);
            for unit in &moved {
                self.group_of.insert(*unit, kept);
            }
            self.units[kept].extend(moved);
        }
    }

    fn group(&mut self, unit: Unit) -> usize {
        let next = self.units.len();
        let group = *self.group_of.entry(unit).or_insert(next);
        if group == next {
            self.units.push(vec![unit]);
        }
        group
    }
}
