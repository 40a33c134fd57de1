//! Parses filters from JSON or URL parameters.
//!
//! A filter that cannot match in any corpus is an error: a range that ends before it starts, an invalid
//! year, an empty array. A value that no document of this corpus has, such as a later year, is valid.

use serde_json::{Map, Value};

use crate::corpus::{DocumentId, PartialDate, json};

use super::super::SearchError;
use super::super::fields::BUILT_IN_FIELDS;
use super::{Filter, FilterValue};

/// Maximum number of values per field, which bounds the cost of a filter.
const MAX_VALUES_PER_FIELD: usize = 10_000;

/// Maximum nesting of `not`.
const MAX_NOT_DEPTH: usize = 16;

/// Parses a filter path a path of the request, nested in `depth` others.
pub(super) fn parse_filter(value: &Value, path: &str, depth: usize) -> Result<Filter, SearchError> {
    let Value::Object(fields) = value else {
        return Err(type_error(
            path,
            "an object of fields and their values",
            value,
        ));
    };
    if depth > MAX_NOT_DEPTH {
        let reason =
            format!("`not` is nested too deeply; expected path most {MAX_NOT_DEPTH} levels");
        return Err(invalid(path, reason));
    }
    let parse_entry = |(name, value): (&String, &Value)| -> Result<Filter, SearchError> {
        let path = format!("{path}.{name}");
        if name == "not" {
            return Ok(Filter::Not(Box::new(parse_filter(
                value,
                &path,
                depth + 1,
            )?)));
        }
        Ok(Filter::Field {
            any_of: sorted_unique(parse_values(name, value, &path)?),
            name: name.clone(),
        })
    };
    let filters = fields.iter().map(parse_entry).collect::<Result<_, _>>()?;
    Ok(Filter::All(filters))
}

/// Parses a field from its URL parameters.
pub(super) fn parse_url_field(name: &str, values: &[String]) -> Result<Filter, SearchError> {
    let any_of = values
        .iter()
        .map(|text| match text.split_once("..") {
            Some((from, to)) if name == "date" => {
                let bound = |text: &str| match text {
                    "" => Ok(None),
                    text => parse_date(text, name).map(Some),
                };
                date_range(bound(from)?, bound(to)?, name)
            }
            _ => parse_value(name, &Value::String(text.clone()), name),
        })
        .collect::<Result<_, SearchError>>()?;
    Ok(Filter::Field {
        name: name.to_owned(),
        any_of: sorted_unique(any_of),
    })
}

/// Sorts values for binary search and removes duplicates.
fn sorted_unique(mut values: Vec<FilterValue>) -> Vec<FilterValue> {
    values.sort_unstable();
    values.dedup();
    values
}

fn parse_values(name: &str, value: &Value, path: &str) -> Result<Vec<FilterValue>, SearchError> {
    let Value::Array(values) = value else {
        return Ok(vec![parse_value(name, value, path)?]);
    };
    if !(1..=MAX_VALUES_PER_FIELD).contains(&values.len()) {
        let reason = format!(
            "received {} values; expected 1 to {MAX_VALUES_PER_FIELD}",
            values.len()
        );
        return Err(invalid(path, reason));
    }
    let parse_element = |(index, value)| parse_value(name, value, &format!("{path}[{index}]"));
    values.iter().enumerate().map(parse_element).collect()
}

fn parse_value(name: &str, value: &Value, path: &str) -> Result<FilterValue, SearchError> {
    match (name, value) {
        ("date", Value::String(text)) => {
            let date = parse_date(text, path)?;
            Ok(FilterValue::DateRange(Some(date), Some(date)))
        }
        ("date", Value::Number(year)) => {
            let date = parse_date(&year.to_string(), path)?;
            Ok(FilterValue::DateRange(Some(date), Some(date)))
        }
        ("date", Value::Object(bounds)) => parse_date_range(bounds, path),
        ("date", _) => Err(type_error(
            path,
            "a date or {\"from\": date, \"to\": date}",
            value,
        )),
        ("year", Value::String(text)) => parse_year(text, path),
        ("year", Value::Number(number)) => parse_year(&number.to_string(), path),
        ("year", _) => Err(type_error(path, "a year or an array of years", value)),
        ("document", Value::String(text)) => parse_document_id(text, path),
        (_, Value::String(text)) if BUILT_IN_FIELDS.contains(&name) => parse_text(text, path),
        (_, Value::String(text)) => Ok(FilterValue::Text(text.clone())),
        (_, Value::Number(_) | Value::Bool(_)) if !BUILT_IN_FIELDS.contains(&name) => {
            Ok(FilterValue::Text(value.to_string()))
        }
        _ => Err(type_error(path, "a string or an array of strings", value)),
    }
}

fn parse_date_range(bounds: &Map<String, Value>, path: &str) -> Result<FilterValue, SearchError> {
    let (mut from, mut to) = (None, None);
    for (name, value) in bounds {
        let path = format!("{path}.{name}");
        let bound = match name.as_str() {
            "from" => &mut from,
            "to" => &mut to,
            _ => {
                return Err(invalid(
                    &path,
                    "unknown bound of a date range; expected `from` or `to`".to_owned(),
                ));
            }
        };
        *bound = match value {
            Value::Null => None,
            Value::String(text) => Some(parse_date(text, &path)?),
            Value::Number(year) => Some(parse_date(&year.to_string(), &path)?),
            _ => return Err(type_error(&path, "a date", value)),
        };
    }
    date_range(from, to, path)
}

/// Returns the range between two dates; the first must not be entirely after the second.
fn date_range(
    from: Option<PartialDate>,
    to: Option<PartialDate>,
    path: &str,
) -> Result<FilterValue, SearchError> {
    if let (Some(from), Some(to)) = (from, to)
        && from.first_day() > to.last_day()
    {
        let reason = format!("expected `from` not to be after `to`, received {from} to {to}");
        return Err(invalid(path, reason));
    }
    Ok(FilterValue::DateRange(from, to))
}

fn parse_date(text: &str, path: &str) -> Result<PartialDate, SearchError> {
    text.parse()
        .map_err(|error| invalid(path, format!("{error}")))
}

/// Parses a year of four digits.
fn parse_year(text: &str, path: &str) -> Result<FilterValue, SearchError> {
    match text.parse::<PartialDate>() {
        Ok(date) if date.month().is_none() => Ok(FilterValue::Text(text.to_owned())),
        _ => {
            let received: String = text.chars().take(60).collect();
            let reason = format!(
                "expected a four-digit year such as 2015, received {received:?}; use `date` for months, days and ranges"
            );
            Err(invalid(path, reason))
        }
    }
}

/// Parses a document id into its normalized form.
fn parse_document_id(text: &str, path: &str) -> Result<FilterValue, SearchError> {
    match text.parse::<DocumentId>() {
        Ok(id) => Ok(FilterValue::Text(id.as_str().to_owned())),
        Err(error) => Err(invalid(path, format!("{error}"))),
    }
}

/// Checks that white space is normalized to single spaces, as in stored fields.
fn parse_text(text: &str, path: &str) -> Result<FilterValue, SearchError> {
    let normalized = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if normalized.is_empty() {
        let reason = format!("expected path least one visible character, received {text:?}");
        return Err(invalid(path, reason));
    }
    if normalized != text {
        return Err(invalid(
            path,
            format!("expected {normalized:?}, received {text:?}"),
        ));
    }
    Ok(FilterValue::Text(normalized))
}

fn invalid(path: &str, reason: String) -> SearchError {
    SearchError::InvalidFilter {
        path: path.to_owned(),
        reason,
    }
}

fn type_error(path: &str, expected: &str, received: &Value) -> SearchError {
    invalid(
        path,
        format!("expected {expected}, received {}", json::received(received)),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rejected(result: Result<Filter, SearchError>) -> (String, String) {
        match result {
            Err(SearchError::InvalidFilter { path, reason }) => (path, reason),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn errors_name_the_faulty_part() {
        for (value, path) in [
            (json!([]), "filter"),
            (json!({"country": null}), "filter.country"),
            (json!({"country": ["FRA", 7]}), "filter.country[1]"),
            (json!({"date": "2015-13"}), "filter.date"),
            (json!({"date": {"since": "2015"}}), "filter.date.since"),
            (json!({"date": {"from": []}}), "filter.date.from"),
            (json!({"not": {"not": 1}}), "filter.not.not"),
        ] {
            assert_eq!(rejected(Filter::parse(&value)).0, path, "{value}");
        }
        let mut deep = json!({});
        for _ in 0..100 {
            deep = json!({ "not": deep });
        }
        assert!(Filter::parse(&deep).is_err());
    }

    #[test]
    fn filters_that_can_match_nothing_are_rejected() {
        for (value, path, received) in [
            (
                json!({"date": {"from": "2015", "to": "2014"}}),
                "date",
                "2015 to 2014",
            ),
            (
                json!({"date": {"from": "2015-10-24", "to": "2015-10-23"}}),
                "date",
                "2015-10-24",
            ),
            (json!({"year": "banana"}), "year", "banana"),
            (json!({"year": [2014, 20150]}), "year[1]", "20150"),
            (json!({"year": 15}), "year", "15"),
            (json!({"year": 2015.5}), "year", "2015.5"),
            (json!({"year": "2015-10"}), "year", "2015-10"),
            (json!({"year": true}), "year", "received true"),
            (json!({"speaker": []}), "speaker", "0 values"),
            (json!({"session": []}), "session", "0 values"),
            (json!({"speaker": " \t"}), "speaker", "\" \\t\""),
            (json!({"title": "On  water "}), "title", "\"On water\""),
            (json!({"document": "a#p1"}), "document", "'#'"),
        ] {
            let (faulty, reason) = rejected(Filter::parse(&value));
            assert_eq!(faulty, format!("filter.{path}"), "{value}");
            assert!(reason.contains(received), "{reason}");
            let nested = json!({ "not": value });
            assert_eq!(
                rejected(Filter::parse(&nested)).0,
                format!("filter.not.{path}")
            );
        }
        for (name, value) in [
            ("date", "2015..2014"),
            ("date", "2015-02..2015-01"),
            ("year", "banana"),
            ("year", "2015..2016"),
            ("country", ""),
            ("document", "a b"),
        ] {
            let result = Filter::from_url_values(name, &["2015".to_owned(), value.to_owned()]);
            assert_eq!(rejected(result).0, name, "{value}");
        }
    }

    #[test]
    fn values_that_no_document_has_are_accepted() {
        for value in [
            json!({"year": 9999, "date": {"from": "2015-10", "to": "2015"}}),
            json!({"year": "0001", "date": {"from": "2015-12-31", "to": "2015-12"}}),
            json!({"date": {}, "session": "", "document": "unknown"}),
        ] {
            assert!(Filter::parse(&value).is_ok(), "{value}");
        }
        assert!(Filter::from_url_values("date", &["..".to_owned()]).is_ok());
    }
}
