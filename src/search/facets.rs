//! How many documents and passages have which value.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use crate::engine::Catalogue;
use crate::store::DocumentSummary;

use super::SearchError;
use super::filter::{FIELDS, Filter, known as known_fields, year};

/// Most values of one facet that are given; `others` counts the rest.
pub const MOST_VALUES: usize = 1000;

/// Documents by the values of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// The field.
    pub field: String,
    /// Its values, the one with the most passages first; equals in the order of their texts.
    pub values: Vec<FacetValue>,
    /// Values beyond [`MOST_VALUES`].
    pub others: usize,
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
pub fn facets(
    catalogue: &Catalogue,
    filter: &Filter,
    fields: &[String],
) -> Result<Vec<Facet>, SearchError> {
    filter.check(catalogue)?;
    let mut named = HashSet::new();
    let fields: Vec<&String> = fields.iter().filter(|f| named.insert(f.as_str())).collect();
    for field in &fields {
        let known = FIELDS.contains(&field.as_str());
        if !known && !catalogue.attributes().contains(*field) {
            return Err(SearchError::UnknownFacet {
                received: (*field).clone(),
                known: known_fields(catalogue),
            });
        }
    }
    let mut counts: Vec<BTreeMap<String, (usize, usize)>> = vec![BTreeMap::new(); fields.len()];
    for document in catalogue.documents().filter(|d| filter.admits(d)) {
        for (field, counts) in fields.iter().zip(&mut counts) {
            for value in values(field, document) {
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
        let others = values.len().saturating_sub(MOST_VALUES);
        values.truncate(MOST_VALUES);
        Facet {
            field: (*field).clone(),
            values,
            others,
        }
    };
    Ok(fields.iter().zip(counts).map(facet).collect())
}

/// The values that a document has; none where nothing is known.
fn values(field: &str, document: &DocumentSummary) -> Vec<String> {
    let metadata = &document.metadata;
    let one = |text: &Option<String>| text.iter().cloned().collect();
    match field {
        "document" => vec![document.id.to_string()],
        "title" => one(&metadata.title),
        "speaker" => one(&metadata.speaker),
        "country" => one(&metadata.country),
        "venue" => one(&metadata.venue),
        "language" => one(&metadata.language),
        "source" => one(&metadata.source),
        "date" => metadata.date.iter().map(ToString::to_string).collect(),
        "year" => year(document).into_iter().collect(),
        name => match metadata.attributes.get(name) {
            Some(Value::Array(values)) => {
                let mut values: Vec<String> = values.iter().filter_map(text).collect();
                values.sort_unstable();
                values.dedup();
                values
            }
            value => value.and_then(text).into_iter().collect(),
        },
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
