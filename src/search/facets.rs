//! How many documents and passages have which value.

use std::collections::{BTreeMap, HashSet};

use crate::engine::DocumentTable;

use super::SearchError;
use super::fields::{field_values, is_field, known_fields};
use super::filter::Filter;

/// Most values of one facet that are given; `others` counts the rest.
pub const MAX_FACET_VALUES: usize = 1000;

/// Documents by the values of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// The field.
    pub field: String,
    /// Its values, the one with the most passages first; equals in the order of their texts.
    pub values: Vec<FacetValue>,
    /// Values beyond [`MOST_VALUES`].
    pub other_values: usize,
}

/// A value, and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetValue {
    /// The value.
    pub value: String,
    /// Documents that have it.
    pub documents: usize,
    /// Their passages.
    pub passages: usize,
}

/// Counts the documents that a filter lets through. Fields are those of a filter; one that is named
/// several times is counted once.
///
/// # Errors
///
/// Names a field that is none, and those that there are.
pub fn count_facets(
    catalogue: &DocumentTable,
    filter: &Filter,
    fields: &[String],
) -> Result<Vec<Facet>, SearchError> {
    filter.check_fields(catalogue)?;
    let mut named = HashSet::new();
    let fields: Vec<&String> = fields.iter().filter(|f| named.insert(f.as_str())).collect();
    for field in &fields {
        if !is_field(field, catalogue) {
            return Err(SearchError::UnknownFacet {
                received: (*field).clone(),
                known: known_fields(catalogue),
            });
        }
    }
    let mut counts: Vec<BTreeMap<String, (usize, usize)>> = vec![BTreeMap::new(); fields.len()];
    for document in catalogue.documents().filter(|d| filter.matches(d)) {
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
        let others = values.len().saturating_sub(MAX_FACET_VALUES);
        values.truncate(MAX_FACET_VALUES);
        Facet {
            field: (*field).clone(),
            values,
            other_values: others,
        }
    };
    Ok(fields.iter().zip(counts).map(facet).collect())
}
