//! Which passages are compared with which.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use roaring::RoaringBitmap;

use crate::corpus::PartialDate;
use crate::engine::DocumentTable;
use crate::search::{Filter, document_date, field_values, is_field, known_fields};

use super::ParallelsError;

/// Years between the first date and the last that there can be.
const MAX_YEAR_GAP: u32 = 10_000;

/// Sets of rows that are kept for the next document of the same kind.
const MAX_CACHED_ROW_SETS: usize = 256;

/// Which passages are compared with which: those of source documents with those of target documents,
/// never within a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    /// The documents whose passages are sources.
    pub source: Filter,
    /// The documents whose passages are targets.
    pub target: Filter,
    /// Two documents that are known to have the same value in one of these fields are not compared.
    pub exclude_same: Vec<String>,
    /// Two documents are compared only if their years differ by so many at most.
    pub max_year_gap: Option<u32>,
    /// The target must be later than the source.
    pub later_only: bool,
}

impl Default for Scope {
    fn default() -> Self {
        let everything = || Filter::All(Vec::new());
        Self {
            source: everything(),
            target: everything(),
            exclude_same: Vec::new(),
            max_year_gap: None,
            later_only: false,
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
        match self.max_year_gap.filter(|years| *years > MAX_YEAR_GAP) {
            None => Ok(()),
            Some(years) => Err(ParallelsError::OutOfRange {
                name: "years",
                expected: format!("0 to {MAX_YEAR_GAP}"),
                received: years.to_string(),
            }),
        }
    }
}

/// A scope over the documents of one snapshot.
pub(super) struct ScopePlan {
    attributes: Vec<DocumentAttributes>,
    max_year_gap: Option<u32>,
    later_only: bool,
    /// Whether every document is compared with every other.
    is_unrestricted: bool,
    partner_rows_cache: Mutex<HashMap<PartnerKey, Arc<RoaringBitmap>>>,
}

/// What a scope asks of a document.
struct DocumentAttributes {
    is_source: bool,
    is_target: bool,
    partner_key: PartnerKey,
}

/// Documents of one kind are compared with the same others.
#[derive(Clone, PartialEq, Eq, Hash)]
struct PartnerKey {
    /// For each field its values, by numbers.
    exclusion_values: Vec<Vec<u32>>,
    date: Option<PartialDate>,
}

impl ScopePlan {
    /// Looks at all documents.
    pub(super) fn new(scope: &Scope, catalogue: &DocumentTable) -> Result<Self, ParallelsError> {
        for (name, filter) in [("source", &scope.source), ("target", &scope.target)] {
            let known = filter.check_fields_named(name, catalogue);
            known.map_err(ParallelsError::Filter)?;
        }
        for field in &scope.exclude_same {
            if !is_field(field, catalogue) {
                return Err(ParallelsError::UnknownField {
                    parameter: "apart",
                    received: field.clone(),
                    known: known_fields(catalogue),
                });
            }
        }
        let needs_dates = scope.later_only || scope.max_year_gap.is_some();
        let mut numbers: Vec<BTreeMap<String, u32>> =
            vec![BTreeMap::new(); scope.exclude_same.len()];
        let documents: Vec<DocumentAttributes> = catalogue
            .documents()
            .map(|document| {
                let apart = scope
                    .exclude_same
                    .iter()
                    .zip(&mut numbers)
                    .map(|(field, numbers)| {
                        let values = field_values(document, field).into_iter();
                        let number = |value| {
                            #[allow(clippy::cast_possible_truncation)] // fewer than rows
                            let next = numbers.len() as u32;
                            *numbers.entry(value).or_insert(next)
                        };
                        values.map(number).collect()
                    });
                DocumentAttributes {
                    is_source: scope.source.matches(document),
                    is_target: scope.target.matches(document),
                    partner_key: PartnerKey {
                        exclusion_values: apart.collect(),
                        date: document_date(document).filter(|_| needs_dates),
                    },
                }
            })
            .collect();
        Ok(Self {
            is_unrestricted: !needs_dates
                && scope.exclude_same.is_empty()
                && documents
                    .iter()
                    .all(|facts| facts.is_source && facts.is_target),
            max_year_gap: scope.max_year_gap,
            later_only: scope.later_only,
            partner_rows_cache: Mutex::default(),
            attributes: documents,
        })
    }

    /// Places of the documents that are sources.
    pub(super) fn sources(&self) -> impl Iterator<Item = usize> {
        let places = (0..).zip(&self.attributes);
        places
            .filter(|(_, facts)| facts.is_source)
            .map(|(place, _)| place)
    }

    /// Places of the documents that are targets.
    pub(super) fn targets(&self) -> impl Iterator<Item = usize> {
        let places = (0..).zip(&self.attributes);
        places
            .filter(|(_, facts)| facts.is_target)
            .map(|(place, _)| place)
    }

    /// Sources and targets that cannot be compared because it is not known when they were made.
    pub(super) fn undated(&self) -> usize {
        let needs_dates = self.later_only || self.max_year_gap.is_some();
        let undated = |facts: &&DocumentAttributes| {
            (facts.is_source || facts.is_target) && facts.partner_key.date.is_none()
        };
        if needs_dates {
            self.attributes.iter().filter(undated).count()
        } else {
            0
        }
    }

    /// The rows with which a document's are compared, its own perhaps among them; all where nothing
    /// is given.
    pub(super) fn partner_rows(
        &self,
        place: usize,
        catalogue: &DocumentTable,
    ) -> Option<Arc<RoaringBitmap>> {
        if self.is_unrestricted {
            return None;
        }
        let kind = &self.attributes.get(place)?.partner_key;
        let mut cache = self
            .partner_rows_cache
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(rows) = cache.get(kind) {
            return Some(Arc::clone(rows));
        }
        let targets = self.targets().filter(|target| {
            let facts = self.attributes.get(*target);
            facts.is_some_and(|facts| self.are_compatible(kind, &facts.partner_key))
        });
        let rows = Arc::new(catalogue.rows_of_documents(targets));
        if cache.len() >= MAX_CACHED_ROW_SETS {
            cache.clear();
        }
        cache.insert(kind.clone(), Arc::clone(&rows));
        Some(rows)
    }

    /// Whether a pair of documents that was found from one of them is found from the other as well, and
    /// is reported there.
    pub(super) fn is_mirrored(&self, source: usize, target: usize) -> bool {
        target < source && self.is_compared(target, source)
    }

    /// Whether a document's passages are sources for the other's.
    pub(super) fn is_compared(&self, source: usize, target: usize) -> bool {
        let both = self.attributes.get(source).zip(self.attributes.get(target));
        both.is_some_and(|(a, b)| {
            a.is_source && b.is_target && self.are_compatible(&a.partner_key, &b.partner_key)
        })
    }

    /// Whether a target of one kind may answer a source of another.
    fn are_compatible(&self, source: &PartnerKey, target: &PartnerKey) -> bool {
        let mut fields = source.exclusion_values.iter().zip(&target.exclusion_values);
        if fields.any(|(a, b)| a.iter().any(|value| b.contains(value))) {
            return false;
        }
        if !self.later_only && self.max_year_gap.is_none() {
            return true;
        }
        let Some((from, to)) = source.date.zip(target.date) else {
            return false;
        };
        let year_gap = u32::from(from.year().abs_diff(to.year()));
        self.max_year_gap.is_none_or(|years| year_gap <= years)
            && (!self.later_only || from.last_day() < to.first_day())
    }
}
