//! Which documents may be found.
//!
//! A filter names fields and the values that they may have. A document is let through if every
//! field named has one of its values, and if what stands under `not` does not let it through.

mod parse;

use std::cmp::Ordering;

use serde_json::Value;

use crate::corpus::PartialDate;
use crate::engine::DocumentTable;
use crate::store::DocumentSummary;

use super::SearchError;
use super::fields::{any_field_value, document_date, is_field, known_fields};

/// Documents that may be found.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Those that all of these let through; all there are if there are none.
    All(Vec<Filter>),
    /// Those that this one does not let through.
    Not(Box<Filter>),
    /// Those whose field has one of these values.
    Field {
        /// The field, or an attribute.
        name: String,
        /// Its values, in order and each once.
        any_of: Vec<FilterValue>,
    },
}

/// A value that a field may have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FilterValue {
    /// The same text; numbers and truth values as JSON writes them.
    Text(String),
    /// A date that lies wholly between two, both included.
    DateRange(Option<PartialDate>, Option<PartialDate>),
}

impl Filter {
    /// Reads a filter: an object of fields, each with a value or a list of values, and `not` with a
    /// filter. A date is `"2015"`, `"2015-10"`, `"2015-10-23"`, or `{"from": …, "to": …}`, of which
    /// one may be missing. Refuses what could let nothing through in any corpus.
    ///
    /// # Errors
    ///
    /// Names the field at fault, what was received, and what would be right.
    pub fn parse(value: &Value) -> Result<Self, SearchError> {
        Self::parse_named("filter", value)
    }

    /// The same of one that its client calls by another name.
    ///
    /// # Errors
    ///
    /// As [`Filter::read`], the field at fault being one of `name`.
    pub fn parse_named(name: &str, value: &Value) -> Result<Self, SearchError> {
        parse::parse_filter(value, name, 0)
    }

    /// A field that has one of these values, as a URL gives them; a date may be `FROM..TO`.
    ///
    /// # Errors
    ///
    /// As [`Filter::read`].
    pub fn from_url_values(name: &str, values: &[String]) -> Result<Self, SearchError> {
        parse::parse_url_field(name, values)
    }

    /// Refuses attributes that no document has.
    ///
    /// # Errors
    ///
    /// Names the attribute, and those that there are.
    pub fn check_fields(&self, catalogue: &DocumentTable) -> Result<(), SearchError> {
        self.check_fields_named("filter", catalogue)
    }

    /// The same of one that its client calls by another name.
    ///
    /// # Errors
    ///
    /// As [`Filter::check`], the attribute being one of `name`.
    pub fn check_fields_named(
        &self,
        name: &str,
        catalogue: &DocumentTable,
    ) -> Result<(), SearchError> {
        match self {
            Self::All(filters) => filters
                .iter()
                .try_for_each(|f| f.check_fields_named(name, catalogue)),
            Self::Not(filter) => filter.check_fields_named(name, catalogue),
            Self::Field { name: field, .. } => {
                if is_field(field, catalogue) {
                    return Ok(());
                }
                Err(SearchError::UnknownField {
                    path: format!("{name}.{field}"),
                    known: known_fields(catalogue),
                })
            }
        }
    }

    /// Whether it lets a document through.
    #[must_use]
    pub fn matches(&self, document: &DocumentSummary) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.matches(document)),
            Self::Not(filter) => !filter.matches(document),
            Self::Field { name, any_of } if name == "date" => document_date(document)
                .is_some_and(|date| any_of.iter().any(|wanted| wanted.contains_date(date))),
            Self::Field { name, any_of } => {
                let is_wanted =
                    |own: &str| any_of.binary_search_by(|w| w.compare_text(own)).is_ok();
                any_field_value(document, name, is_wanted)
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

    /// Its place beside a text, in the order of this type.
    fn compare_text(&self, text: &str) -> Ordering {
        match self {
            Self::Text(own) => own.as_str().cmp(text),
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
        let own = document("2015-10", "FRA");
        assert!(filter_matches(&json!({}), &own));
        assert!(filter_matches(
            &json!({"country": ["DEU", "FRA"], "document": "a"}),
            &own
        ));
        assert!(!filter_matches(
            &json!({"country": ["DEU", "FRA"], "document": "b"}),
            &own
        ));
        assert!(!filter_matches(&json!({"not": {"country": "FRA"}}), &own));
        assert!(filter_matches(
            &json!({"not": {"country": "FRA", "document": "b"}}),
            &own
        ));
        assert!(filter_matches(&json!({"not": {"not": {}}}), &own));
        assert!(!filter_matches(&json!({"speaker": "nobody"}), &own));
    }

    #[test]
    fn attributes_are_compared_as_json_writes_them() {
        let own = document("", "FRA");
        for filter in [
            json!({"session": 70}),
            json!({"session": "70"}),
            json!({"topics": "water"}),
            json!({"topics": ["fire", "peace"]}),
        ] {
            assert!(filter_matches(&filter, &own));
        }
        assert!(!filter_matches(&json!({"session": 7}), &own));
        let many: Vec<String> = (0..5000).rev().map(|n| n.to_string()).collect();
        assert!(filter_matches(&json!({ "session": many }), &own));
        assert!(!filter_matches(&json!({"date": "2015"}), &own));
        let mut own = own;
        own.metadata
            .attributes
            .insert("year".to_owned(), json!(2015));
        assert!(filter_matches(
            &json!({"date": {"to": "2015"}, "year": "2015"}),
            &own
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
            let own = document(date, "FRA");
            assert_eq!(
                filter_matches(&json!({ "date": filter }), &own),
                expected,
                "{filter} {date}"
            );
        }
        let url = Filter::from_url_values("date", &["2014..2015-10".to_owned()]).unwrap();
        assert!(url.matches(&document("2015-10-31", "")));
        assert!(!url.matches(&document("2015-11", "")));
    }
}
