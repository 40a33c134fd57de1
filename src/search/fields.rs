//! What a document has in a field.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::corpus::PartialDate;
use crate::engine::DocumentTable;
use crate::store::DocumentSummary;

/// Fields that every corpus has, as a filter names them; attributes stand beside them.
pub const BUILT_IN_FIELDS: [&str; 9] = [
    "document", "title", "speaker", "country", "venue", "language", "source", "date", "year",
];

/// Whether a filter may name this: a field, or an attribute that some document has.
#[must_use]
pub fn is_field(name: &str, catalogue: &DocumentTable) -> bool {
    BUILT_IN_FIELDS.contains(&name) || catalogue.attribute_names().contains(name)
}

/// The names of all fields and attributes, for a person.
#[must_use]
pub fn known_fields(catalogue: &DocumentTable) -> String {
    let own = |name: &&String| !BUILT_IN_FIELDS.contains(&name.as_str());
    let attributes = catalogue.attribute_names().iter().filter(own);
    let names: Vec<&str> = BUILT_IN_FIELDS
        .into_iter()
        .chain(attributes.map(String::as_str))
        .collect();
    names.join(", ")
}

/// The values that a document has in a field or attribute, each once and in order; none where nothing
/// is known. Numbers and truth values are as JSON writes them.
#[must_use]
pub fn field_values(document: &DocumentSummary, field: &str) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    any_field_value(document, field, |value| {
        values.insert(value.to_owned());
        false
    });
    values
}

/// Whether a document has a value of this field of which that is true.
pub(super) fn any_field_value(
    document: &DocumentSummary,
    field: &str,
    mut predicate: impl FnMut(&str) -> bool,
) -> bool {
    let metadata = &document.metadata;
    let mut one = |text: Option<&str>| text.is_some_and(&mut predicate);
    match field {
        "document" => one(Some(document.id.as_str())),
        "title" => one(metadata.title.as_deref()),
        "speaker" => one(metadata.speaker.as_deref()),
        "country" => one(metadata.country.as_deref()),
        "venue" => one(metadata.venue.as_deref()),
        "language" => one(metadata.language.as_deref()),
        "source" => one(metadata.source.as_deref()),
        "date" => one(metadata.date.map(|date| date.to_string()).as_deref()),
        "year" => one(document_date(document)
            .map(|date| format!("{:04}", date.year()))
            .as_deref()),
        name => {
            let value = metadata.attributes.get(name);
            value.is_some_and(|value| any_attribute_value(value, &mut predicate))
        }
    }
}

/// When a document was spoken: its date; where it has none, its attribute `year` if that is one.
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

/// Whether an attribute is such a value, or a list that holds one.
fn any_attribute_value(value: &Value, predicate: &mut dyn FnMut(&str) -> bool) -> bool {
    match value {
        Value::String(own) => predicate(own),
        Value::Number(own) => predicate(&own.to_string()),
        Value::Bool(own) => predicate(if *own { "true" } else { "false" }),
        Value::Array(values) => values
            .iter()
            .any(|value| any_attribute_value(value, predicate)),
        Value::Null | Value::Object(_) => false,
    }
}
