//! Which passages are compared with which.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use roaring::RoaringBitmap;

use crate::corpus::PartialDate;
use crate::engine::Catalogue;
use crate::search::{Filter, date_of, is_field, known_fields, values_of};

use super::ParallelsError;

/// Years between the first date and the last that there can be.
const MOST_YEARS: u32 = 10_000;

/// Sets of rows that are kept for the next document of the same kind.
const KEPT: usize = 256;

/// Which passages are compared with which: those of source documents with those of target documents,
/// never within a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    /// The documents whose passages are sources.
    pub source: Filter,
    /// The documents whose passages are targets.
    pub target: Filter,
    /// Two documents that are known to have the same value in one of these fields are not compared.
    pub apart: Vec<String>,
    /// Two documents are compared only if their years differ by so many at most.
    pub years: Option<u32>,
    /// The target must be later than the source.
    pub forward: bool,
}

impl Default for Scope {
    fn default() -> Self {
        let everything = || Filter::All(Vec::new());
        Self {
            source: everything(),
            target: everything(),
            apart: Vec::new(),
            years: None,
            forward: false,
        }
    }
}

impl Scope {
    /// Refuses what is out of range.
    ///
    /// # Errors
    ///
    /// Names the value at fault and its range.
    pub fn check(&self) -> Result<(), ParallelsError> {
        match self.years.filter(|years| *years > MOST_YEARS) {
            None => Ok(()),
            Some(years) => Err(ParallelsError::Parameter {
                name: "years",
                expected: format!("0 to {MOST_YEARS}"),
                received: years.to_string(),
            }),
        }
    }
}

/// A scope over the documents of one snapshot.
pub(super) struct Plan {
    documents: Vec<Facts>,
    years: Option<u32>,
    forward: bool,
    /// Whether every document is compared with every other.
    whole: bool,
    allowed: Mutex<HashMap<Kind, Arc<RoaringBitmap>>>,
}

/// What a scope asks of a document.
struct Facts {
    source: bool,
    target: bool,
    kind: Kind,
}

/// Documents of one kind are compared with the same others.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Kind {
    /// For each field its values, by numbers.
    apart: Vec<Vec<u32>>,
    date: Option<PartialDate>,
}

impl Plan {
    /// Looks at all documents.
    pub(super) fn new(scope: &Scope, catalogue: &Catalogue) -> Result<Self, ParallelsError> {
        for (name, filter) in [("source", &scope.source), ("target", &scope.target)] {
            let known = filter.check_as(name, catalogue);
            known.map_err(ParallelsError::Filter)?;
        }
        for field in &scope.apart {
            if !is_field(field, catalogue) {
                return Err(ParallelsError::UnknownField {
                    at: "apart",
                    received: field.clone(),
                    known: known_fields(catalogue),
                });
            }
        }
        let dated = scope.forward || scope.years.is_some();
        let mut numbers: Vec<BTreeMap<String, u32>> = vec![BTreeMap::new(); scope.apart.len()];
        let documents: Vec<Facts> = catalogue
            .documents()
            .map(|document| {
                let apart = scope
                    .apart
                    .iter()
                    .zip(&mut numbers)
                    .map(|(field, numbers)| {
                        let values = values_of(document, field).into_iter();
                        let number = |value| {
                            #[allow(clippy::cast_possible_truncation)] // fewer than rows
                            let next = numbers.len() as u32;
                            *numbers.entry(value).or_insert(next)
                        };
                        values.map(number).collect()
                    });
                Facts {
                    source: scope.source.admits(document),
                    target: scope.target.admits(document),
                    kind: Kind {
                        apart: apart.collect(),
                        date: date_of(document).filter(|_| dated),
                    },
                }
            })
            .collect();
        Ok(Self {
            whole: !dated
                && scope.apart.is_empty()
                && documents.iter().all(|facts| facts.source && facts.target),
            years: scope.years,
            forward: scope.forward,
            allowed: Mutex::default(),
            documents,
        })
    }

    /// Places of the documents that are sources.
    pub(super) fn sources(&self) -> impl Iterator<Item = usize> {
        let places = (0..).zip(&self.documents);
        places
            .filter(|(_, facts)| facts.source)
            .map(|(place, _)| place)
    }

    /// Places of the documents that are targets.
    pub(super) fn targets(&self) -> impl Iterator<Item = usize> {
        let places = (0..).zip(&self.documents);
        places
            .filter(|(_, facts)| facts.target)
            .map(|(place, _)| place)
    }

    /// Sources and targets that cannot be compared because it is not known when they were made.
    pub(super) fn undated(&self) -> usize {
        let asked = self.forward || self.years.is_some();
        let undated = |facts: &&Facts| (facts.source || facts.target) && facts.kind.date.is_none();
        if asked {
            self.documents.iter().filter(undated).count()
        } else {
            0
        }
    }

    /// The rows with which a document's are compared, its own perhaps among them; all where nothing
    /// is given.
    pub(super) fn allowed(
        &self,
        place: usize,
        catalogue: &Catalogue,
    ) -> Option<Arc<RoaringBitmap>> {
        if self.whole {
            return None;
        }
        let kind = &self.documents.get(place)?.kind;
        let mut kept = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rows) = kept.get(kind) {
            return Some(Arc::clone(rows));
        }
        let targets = self.targets().filter(|target| {
            let facts = self.documents.get(*target);
            facts.is_some_and(|facts| self.fit(kind, &facts.kind))
        });
        let rows = Arc::new(catalogue.rows_of(targets));
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(kind.clone(), Arc::clone(&rows));
        Some(rows)
    }

    /// Whether a pair of documents that was found from one of them is found from the other as well, and
    /// is reported there.
    pub(super) fn is_repeated(&self, source: usize, target: usize) -> bool {
        target < source && self.compares(target, source)
    }

    /// Whether a document's passages are sources for the other's.
    pub(super) fn compares(&self, source: usize, target: usize) -> bool {
        let both = self.documents.get(source).zip(self.documents.get(target));
        both.is_some_and(|(a, b)| a.source && b.target && self.fit(&a.kind, &b.kind))
    }

    /// Whether a target of one kind may answer a source of another.
    fn fit(&self, source: &Kind, target: &Kind) -> bool {
        let mut fields = source.apart.iter().zip(&target.apart);
        if fields.any(|(a, b)| a.iter().any(|value| b.contains(value))) {
            return false;
        }
        if !self.forward && self.years.is_none() {
            return true;
        }
        let Some((from, to)) = source.date.zip(target.date) else {
            return false;
        };
        let apart = u32::from(from.year().abs_diff(to.year()));
        self.years.is_none_or(|years| apart <= years)
            && (!self.forward || from.last_day() < to.first_day())
    }
}
