//! Filters on document metadata.
//!
//! A filter maps fields to accepted values. A document matches if each of the fields has one of its
//! accepted values, and if the filter under `not` does not match.

mod parse;

use std::cmp::Ordering;

use serde_json::Value;

use crate::corpus::PartialDate;
use crate::engine::DocumentTable;
use crate::store::DocumentSummary;

use super::SearchError;
use super::fields::{any_field_value, document_date, is_field, known_fields};

/// A predicate on documents.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Matches if all of these match; an empty list always matches.
    All(Vec<Filter>),
    /// Matches if this one does not.
    Not(Box<Filter>),
    /// Matches if the field has one of these values.
    Field {
        /// The built-in field or attribute.
        name: String,
        /// The accepted values, sorted and distinct.
        any_of: Vec<FilterValue>,
    },
}

/// An accepted value of a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FilterValue {
    /// An exact text; numbers and booleans in JSON notation.
    Text(String),
    /// Dates entirely between two dates, inclusive.
    DateRange(Option<PartialDate>, Option<PartialDate>),
}

impl Filter {
    /// Parses a filter: an object of fields, each with a value or an array of values, and `not` with a
    /// filter. A date is `"2015"`, `"2015-10"`, `"2015-10-23"`, or `{"from": …, "to": …}` with either
    /// bound optional. Rejects filters that cannot match in any corpus.
    ///
    /// # Errors
    ///
    /// Names the field at fault, the value received, and the expected form.
    pub fn parse(value: &Value) -> Result<Self, SearchError> {
        Self::parse_named("filter", value)
    }

    /// Like [`Filter::parse`], for a filter with another name in the request.
    ///
    /// # Errors
    ///
    /// As [`Filter::parse`], with paths that start with `name`.
    pub fn parse_named(name: &str, value: &Value) -> Result<Self, SearchError> {
        parse::parse_filter(value, name, 0)
    }

    /// Parses the values of one field from URL parameters; a date may be `FROM..TO`.
    ///
    /// # Errors
    ///
    /// As [`Filter::parse`].
    pub fn from_url_values(name: &str, values: &[String]) -> Result<Self, SearchError> {
        parse::parse_url_field(name, values)
    }

    /// Checks that all attributes exist in the corpus.
    ///
    /// # Errors
    ///
    /// Names the unknown attribute, and the known fields.
    pub fn check_fields(&self, table: &DocumentTable) -> Result<(), SearchError> {
        self.check_fields_named("filter", table)
    }

    /// Like [`Filter::check_fields`], for a filter with another name in the request.
    ///
    /// # Errors
    ///
    /// As [`Filter::check_fields`], with a path that starts with `name`.
    pub fn check_fields_named(&self, name: &str, table: &DocumentTable) -> Result<(), SearchError> {
        match self {
            Self::All(filters) => filters
                .iter()
                .try_for_each(|f| f.check_fields_named(name, table)),
            Self::Not(filter) => filter.check_fields_named(name, table),
            Self::Field { name: field, .. } => {
                if is_field(field, table) {
                    return Ok(());
                }
                Err(SearchError::UnknownField {
                    path: format!("{name}.{field}"),
                    known: known_fields(table),
                })
            }
        }
    }

    /// Returns whether a document matches.
    #[must_use]
    pub fn matches(&self, document: &DocumentSummary) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.matches(document)),
            Self::Not(filter) => !filter.matches(document),
            Self::Field { name, any_of } if name == "date" => document_date(document)
                .is_some_and(|date| any_of.iter().any(|value| value.contains_date(date))),
            Self::Field { name, any_of } => {
                let is_accepted =
                    |text: &str| any_of.binary_search_by(|v| v.compare_text(text)).is_ok();
                any_field_value(document, name, is_accepted)
            }
        }
    }
}

impl FilterValue {
    fn contains_date(&self, date: PartialDate) -> bool {
        match self {
            Self::DateRange(from, to) => {
                from.is_none_or(|from| from.first_day() <= date.first_day())
                    && to.is_none_or(|to| date.last_day() <= to.last_day())
            }
            Self::Text(_) => false,
        }
    }

    /// Compares with a text, consistently with the order of this type.
    fn compare_text(&self, text: &str) -> Ordering {
        match self {
            Self::Text(value) => value.as_str().cmp(text),
            Self::DateRange(..) => Ordering::Greater,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::corpus::Metadata;
    use crate::store::ContentHash;

    fn document(date: &str, country: &str) -> DocumentSummary {
        let attributes = json!({"session": 70, "topics": ["peace", "water"]});
        DocumentSummary {
            id: "a".parse().unwrap(),
            metadata: Metadata {
                date: (!date.is_empty()).then(|| date.parse().unwrap()),
                country: Some(country.to_owned()),
                attributes: serde_json::from_value(attributes).unwrap(),
                ..Metadata::default()
            },
            content_hash: ContentHash::from_parts([]),
            passages: 1,
            characters: 1,
        }
    }

    fn filter_matches(filter: &Value, document: &DocumentSummary) -> bool {
        Filter::parse(filter).unwrap().matches(document)
    }

    #[test]
    fn values_are_any_of_and_fields_all_of() {
        let speech = document("2015-10", "FRA");
        assert!(filter_matches(&json!({}), &speech));
        assert!(filter_matches(
            &json!({"country": ["DEU", "FRA"], "document": "a"}),
            &speech
        ));
        assert!(!filter_matches(
            &json!({"country": ["DEU", "FRA"], "document": "b"}),
            &speech
        ));
        assert!(!filter_matches(
            &json!({"not": {"country": "FRA"}}),
            &speech
        ));
        assert!(filter_matches(
            &json!({"not": {"country": "FRA", "document": "b"}}),
            &speech
        ));
        assert!(filter_matches(&json!({"not": {"not": {}}}), &speech));
        assert!(!filter_matches(&json!({"speaker": "unknown"}), &speech));
    }

    #[test]
    fn attributes_are_compared_as_json_writes_them() {
        let speech = document("", "FRA");
        for filter in [
            json!({"session": 70}),
            json!({"session": "70"}),
            json!({"topics": "water"}),
            json!({"topics": ["fire", "peace"]}),
        ] {
            assert!(filter_matches(&filter, &speech));
        }
        assert!(!filter_matches(&json!({"session": 7}), &speech));
        let many: Vec<String> = (0..5000).rev().map(|n| n.to_string()).collect();
        assert!(filter_matches(&json!({ "session": many }), &speech));
        assert!(!filter_matches(&json!({"date": "2015"}), &speech));
        let mut speech = speech;
        speech
            .metadata
            .attributes
            .insert("year".to_owned(), json!(2015));
        assert!(filter_matches(
            &json!({"date": {"to": "2015"}, "year": "2015"}),
            &speech
        ));
    }

    #[test]
    fn a_date_contains_the_more_precise_ones() {
        for (filter, date, expected) in [
            (json!("2015"), "2015-10", true),
            (json!(2015), "2015-10-23", true),
            (json!("2015-10"), "2015", false),
            (json!("2015-10"), "2015-10-31", true),
            (json!(["2014", "2016"]), "2015", false),
            (json!({"from": "2015-02"}), "2015", false),
            (json!({"from": "2015-02"}), "2015-02", true),
            (json!({"to": "2016-02"}), "2016-02-29", true),
            (json!({"to": "2016-02"}), "2016-03", false),
            (json!({"from": "2014", "to": null}), "2300-01", true),
        ] {
            let speech = document(date, "FRA");
            assert_eq!(
                filter_matches(&json!({ "date": filter }), &speech),
                expected,
                "{filter} {date}"
            );
        }
        let url = Filter::from_url_values("date", &["2014..2015-10".to_owned()]).unwrap();
        assert!(url.matches(&document("2015-10-31", "")));
        assert!(!url.matches(&document("2015-11", "")));
    }
}
