//! Fields of a document: built-in metadata and attributes.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::corpus::PartialDate;
use crate::engine::DocumentTable;
use crate::store::DocumentSummary;

/// Fields of every corpus by their names in filters; attributes are fields too.
pub const BUILT_IN_FIELDS: [&str; 9] = [
    "document", "title", "speaker", "country", "venue", "language", "source", "date", "year",
];

/// Returns whether a name is a field: a built-in one, or an attribute of some document.
#[must_use]
pub fn is_field(name: &str, table: &DocumentTable) -> bool {
    BUILT_IN_FIELDS.contains(&name) || table.attribute_names().contains(name)
}

/// Lists the names of all fields for an error message.
#[must_use]
pub fn known_fields(table: &DocumentTable) -> String {
    let is_new = |name: &&String| !BUILT_IN_FIELDS.contains(&name.as_str());
    let attributes = table.attribute_names().iter().filter(is_new);
    let names: Vec<&str> = BUILT_IN_FIELDS
        .into_iter()
        .chain(attributes.map(String::as_str))
        .collect();
    names.join(", ")
}

/// Returns the distinct values of a document's field in order. Numbers and booleans are in JSON
/// notation.
#[must_use]
pub fn field_values(document: &DocumentSummary, field: &str) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    any_field_value(document, field, |value| {
        values.insert(value.to_owned());
        false
    });
    values
}

/// Returns whether any value of a document's field satisfies a predicate.
pub(super) fn any_field_value(
    document: &DocumentSummary,
    field: &str,
    mut predicate: impl FnMut(&str) -> bool,
) -> bool {
    let metadata = &document.metadata;
    let mut check = |text: Option<&str>| text.is_some_and(&mut predicate);
    match field {
        "document" => check(Some(document.id.as_str())),
        "title" => check(metadata.title.as_deref()),
        "speaker" => check(metadata.speaker.as_deref()),
        "country" => check(metadata.country.as_deref()),
        "venue" => check(metadata.venue.as_deref()),
        "language" => check(metadata.language.as_deref()),
        "source" => check(metadata.source.as_deref()),
        "date" => check(metadata.date.map(|date| date.to_string()).as_deref()),
        "year" => check(
            document_date(document)
                .map(|date| format!("{:04}", date.year()))
                .as_deref(),
        ),
        name => {
            let value = metadata.attributes.get(name);
            value.is_some_and(|value| any_attribute_value(value, &mut predicate))
        }
    }
}

/// Returns a document's date; without one, its attribute `year` if that is valid.
#[must_use]
pub fn document_date(document: &DocumentSummary) -> Option<PartialDate> {
    let metadata = &document.metadata;
    let attribute = || match metadata.attributes.get("year")? {
        Value::String(year) => year.parse().ok(),
        Value::Number(year) => year.to_string().parse().ok(),
        _ => None,
    };
    metadata.date.or_else(attribute)
}

/// Returns whether an attribute, or an element of its array, satisfies a predicate.
fn any_attribute_value(value: &Value, predicate: &mut dyn FnMut(&str) -> bool) -> bool {
    match value {
        Value::String(scalar) => predicate(scalar),
        Value::Number(scalar) => predicate(&scalar.to_string()),
        Value::Bool(scalar) => predicate(if *scalar { "true" } else { "false" }),
        Value::Array(values) => values
            .iter()
            .any(|value| any_attribute_value(value, predicate)),
        Value::Null | Value::Object(_) => false,
    }
}
