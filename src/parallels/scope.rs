//! Which documents are compared with which.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use roaring::RoaringBitmap;

use crate::corpus::PartialDate;
use crate::engine::DocumentTable;
use crate::search::{Filter, document_date, field_values, is_field, known_fields};

use super::error::ParallelsError;

/// Maximum difference between two years, which no two dates exceed.
const MAX_YEAR_GAP: u32 = 10_000;

/// Maximum number of cached row sets, which the next document with the same partner key reuses.
const MAX_CACHED_ROW_SETS: usize = 256;

/// Which passages are compared: those of source documents with those of target documents, never within a
/// document.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    /// The documents whose passages are sources.
    pub source: Filter,
    /// The documents whose passages are targets.
    pub target: Filter,
    /// Documents with the same value in one of these fields are not compared.
    pub exclude_same: Vec<String>,
    /// Maximum difference between the years of two documents.
    pub max_year_gap: Option<u32>,
    /// Whether the target must be later than the source.
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
    /// Rejects values out of range.
    ///
    /// # Errors
    ///
    /// [`ParallelsError::OutOfRange`] with the name of the value and its range.
    pub fn check(&self) -> Result<(), ParallelsError> {
        match self.max_year_gap.filter(|years| *years > MAX_YEAR_GAP) {
            None => Ok(()),
            Some(years) => Err(ParallelsError::OutOfRange {
                name: "max_year_gap",
                expected: format!("0 to {MAX_YEAR_GAP}"),
                received: years.to_string(),
            }),
        }
    }
}

/// A scope, evaluated for the documents of one snapshot.
pub(super) struct ScopePlan {
    attributes: Vec<DocumentAttributes>,
    max_year_gap: Option<u32>,
    later_only: bool,
    /// Whether every document is compared with every other.
    is_unrestricted: bool,
    partner_rows_cache: Mutex<HashMap<PartnerKey, Arc<RoaringBitmap>>>,
}

/// The properties of a document that a scope depends on.
struct DocumentAttributes {
    is_source: bool,
    is_target: bool,
    partner_key: PartnerKey,
}

/// Documents with equal keys are compared with the same others.
#[derive(Clone, PartialEq, Eq, Hash)]
struct PartnerKey {
    /// For each excluded field the document's values, as numbers.
    exclusion_values: Vec<Vec<u32>>,
    date: Option<PartialDate>,
}

impl ScopePlan {
    /// Evaluates the scope for all documents.
    pub(super) fn new(scope: &Scope, table: &DocumentTable) -> Result<Self, ParallelsError> {
        for (name, filter) in [("source", &scope.source), ("target", &scope.target)] {
            let checked = filter.check_fields_named(name, table);
            checked.map_err(ParallelsError::Filter)?;
        }
        for field in &scope.exclude_same {
            if !is_field(field, table) {
                return Err(ParallelsError::UnknownField {
                    parameter: "exclude_same",
                    received: field.clone(),
                    known: known_fields(table),
                });
            }
        }
        let needs_dates = scope.later_only || scope.max_year_gap.is_some();
        let mut value_numbers: Vec<BTreeMap<String, u32>> =
            vec![BTreeMap::new(); scope.exclude_same.len()];
        let documents: Vec<DocumentAttributes> =
            table
                .documents()
                .map(|document| {
                    let exclusion_values = scope.exclude_same.iter().zip(&mut value_numbers).map(
                        |(field, numbers)| {
                            let values = field_values(document, field).into_iter();
                            let number = |value| {
                                #[allow(clippy::cast_possible_truncation)] // fewer than rows
                                let next = numbers.len() as u32;
                                *numbers.entry(value).or_insert(next)
                            };
                            values.map(number).collect()
                        },
                    );
                    DocumentAttributes {
                        is_source: scope.source.matches(document),
                        is_target: scope.target.matches(document),
                        partner_key: PartnerKey {
                            exclusion_values: exclusion_values.collect(),
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
                    .all(|attributes| attributes.is_source && attributes.is_target),
            max_year_gap: scope.max_year_gap,
            later_only: scope.later_only,
            partner_rows_cache: Mutex::default(),
            attributes: documents,
        })
    }

    /// Returns the indices of the source documents.
    pub(super) fn sources(&self) -> impl Iterator<Item = usize> {
        (0..)
            .zip(&self.attributes)
            .filter(|(_, attributes)| attributes.is_source)
            .map(|(index, _)| index)
    }

    /// Returns the indices of the target documents.
    pub(super) fn targets(&self) -> impl Iterator<Item = usize> {
        (0..)
            .zip(&self.attributes)
            .filter(|(_, attributes)| attributes.is_target)
            .map(|(index, _)| index)
    }

    /// Returns the number of sources and targets that are excluded because they have no date.
    pub(super) fn undated(&self) -> usize {
        let needs_dates = self.later_only || self.max_year_gap.is_some();
        let is_undated = |attributes: &&DocumentAttributes| {
            (attributes.is_source || attributes.is_target) && attributes.partner_key.date.is_none()
        };
        if needs_dates {
            self.attributes.iter().filter(is_undated).count()
        } else {
            0
        }
    }

    /// Returns the rows that a document is compared with, possibly including its own; `None` if it is
    /// compared with all.
    pub(super) fn partner_rows(
        &self,
        document: usize,
        table: &DocumentTable,
    ) -> Option<Arc<RoaringBitmap>> {
        if self.is_unrestricted {
            return None;
        }
        let key = &self.attributes.get(document)?.partner_key;
        let mut cache = self
            .partner_rows_cache
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(rows) = cache.get(key) {
            return Some(Arc::clone(rows));
        }
        let targets = self.targets().filter(|target| {
            let attributes = self.attributes.get(*target);
            attributes.is_some_and(|attributes| self.are_compatible(key, &attributes.partner_key))
        });
        let rows = Arc::new(table.rows_of_documents(targets));
        if cache.len() >= MAX_CACHED_ROW_SETS {
            cache.clear();
        }
        cache.insert(key.clone(), Arc::clone(&rows));
        Some(rows)
    }

    /// Returns whether a pair of documents is also found, and reported, from its other side.
    pub(super) fn is_mirrored(&self, source: usize, target: usize) -> bool {
        target < source && self.is_compared(target, source)
    }

    /// Returns whether the passages of `source` are compared with those of `target`.
    pub(super) fn is_compared(&self, source: usize, target: usize) -> bool {
        let both = self.attributes.get(source).zip(self.attributes.get(target));
        both.is_some_and(|(a, b)| {
            a.is_source && b.is_target && self.are_compatible(&a.partner_key, &b.partner_key)
        })
    }

    /// Returns whether documents with these keys are compared.
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
