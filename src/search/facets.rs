//! Facets: counts of documents and passages by the values of a field.

use std::collections::{BTreeMap, HashSet};

use crate::engine::DocumentTable;

use super::SearchError;
use super::fields::{field_values, is_field, known_fields};
use super::filter::Filter;

/// Maximum number of values per facet; the field `other_values` counts the others.
pub(super) const MAX_FACET_VALUES: usize = 1000;

/// The counts of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// The field.
    pub field: String,
    /// Its values, by descending number of passages, then by text.
    pub values: Vec<FacetValue>,
    /// Number of values beyond [`MAX_FACET_VALUES`].
    pub other_values: usize,
}

/// A value with its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetValue {
    /// The value.
    pub value: String,
    /// Documents with this value.
    pub documents: usize,
    /// Passages of these documents.
    pub passages: usize,
}

/// Counts the documents that match a filter, by the same fields that filters know. A field requested
/// several times is counted once.
///
/// # Errors
///
/// Names an unknown field, and the known ones.
pub fn count_facets(
    table: &DocumentTable,
    filter: &Filter,
    fields: &[String],
) -> Result<Vec<Facet>, SearchError> {
    filter.check_fields(table)?;
    let mut seen = HashSet::new();
    let fields: Vec<&String> = fields.iter().filter(|f| seen.insert(f.as_str())).collect();
    for field in &fields {
        if !is_field(field, table) {
            return Err(SearchError::UnknownFacet {
                received: (*field).clone(),
                known: known_fields(table),
            });
        }
    }
    let mut counts: Vec<BTreeMap<String, (usize, usize)>> = vec![BTreeMap::new(); fields.len()];
    for document in table.documents().filter(|d| filter.matches(d)) {
        for (field, counts) in fields.iter().zip(&mut counts) {
            for value in field_values(document, field) {
                let count = counts.entry(value).or_default();
                count.0 += 1;
                count.1 += document.passages;
            }
        }
    }
    let facet = |(field, counts): (&&String, BTreeMap<String, (usize, usize)>)| {
        let mut values: Vec<FacetValue> = counts
            .into_iter()
            .map(|(value, (documents, passages))| FacetValue {
                value,
                documents,
                passages,
            })
            .collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.passages));
        let other_values = values.len().saturating_sub(MAX_FACET_VALUES);
        values.truncate(MAX_FACET_VALUES);
        Facet {
            field: (*field).clone(),
            values,
            other_values,
        }
    };
    Ok(fields.iter().zip(counts).map(facet).collect())
}
