//! From JSON or the parameters of a URL to a filter.
//!
//! What could find nothing in any corpus is a mistake, and is said to be one: a range that ends
//! before it begins, a year that is none, a list without values. What is merely in no document of
//! this corpus, such as a later year, is a filter like others.

use serde_json::{Map, Value};

use crate::corpus::{DocumentId, PartialDate, json};

use super::super::SearchError;
use super::super::fields::BUILT_IN_FIELDS;
use super::{Filter, FilterValue};

/// Values of one field, so that a request cannot cost more than a search.
const MAX_VALUES_PER_FIELD: usize = 10_000;

/// How many `not`s may stand in one another.
const MAX_NOT_DEPTH: usize = 16;

/// A filter from its object, which stands at `at` in `depth` others.
pub(super) fn parse_filter(value: &Value, at: &str, depth: usize) -> Result<Filter, SearchError> {
    let Value::Object(fields) = value else {
        return Err(type_error(
            at,
            "an object of fields and their values",
            value,
        ));
    };
    if depth > MAX_NOT_DEPTH {
        let reason = format!("not stands in not more than {MAX_NOT_DEPTH} times");
        return Err(invalid(at, reason));
    }
    let one = |(name, value): (&String, &Value)| -> Result<Filter, SearchError> {
        let at = format!("{at}.{name}");
        if name == "not" {
            return Ok(Filter::Not(Box::new(parse_filter(value, &at, depth + 1)?)));
        }
        Ok(Filter::Field {
            any_of: sorted_unique(parse_values(name, value, &at)?),
            name: name.clone(),
        })
    };
    let filters = fields.iter().map(one).collect::<Result<_, _>>()?;
    Ok(Filter::All(filters))
}

/// A field from the parameters of its name.
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

/// Values in the order in which they are looked up.
fn sorted_unique(mut values: Vec<FilterValue>) -> Vec<FilterValue> {
    values.sort_unstable();
    values.dedup();
    values
}

fn parse_values(name: &str, value: &Value, at: &str) -> Result<Vec<FilterValue>, SearchError> {
    let Value::Array(values) = value else {
        return Ok(vec![parse_value(name, value, at)?]);
    };
    if !(1..=MAX_VALUES_PER_FIELD).contains(&values.len()) {
        let reason = format!(
            "{} values; expected 1 to {MAX_VALUES_PER_FIELD}",
            values.len()
        );
        return Err(invalid(at, reason));
    }
    let value = |(place, value)| parse_value(name, value, &format!("{at}[{place}]"));
    values.iter().enumerate().map(value).collect()
}

fn parse_value(name: &str, value: &Value, at: &str) -> Result<FilterValue, SearchError> {
    match (name, value) {
        ("date", Value::String(text)) => {
            let date = parse_date(text, at)?;
            Ok(FilterValue::DateRange(Some(date), Some(date)))
        }
        ("date", Value::Number(year)) => {
            let date = parse_date(&year.to_string(), at)?;
            Ok(FilterValue::DateRange(Some(date), Some(date)))
        }
        ("date", Value::Object(bounds)) => parse_date_range(bounds, at),
        ("date", _) => Err(type_error(
            at,
            "a date or {\"from\": date, \"to\": date}",
            value,
        )),
        ("year", Value::String(text)) => parse_year(text, at),
        ("year", Value::Number(number)) => parse_year(&number.to_string(), at),
        ("year", _) => Err(type_error(at, "a year or an array of years", value)),
        ("document", Value::String(text)) => parse_document_id(text, at),
        (_, Value::String(text)) if BUILT_IN_FIELDS.contains(&name) => parse_text(text, at),
        (_, Value::String(text)) => Ok(FilterValue::Text(text.clone())),
        (_, Value::Number(_) | Value::Bool(_)) if !BUILT_IN_FIELDS.contains(&name) => {
            Ok(FilterValue::Text(value.to_string()))
        }
        _ => Err(type_error(at, "a string or an array of strings", value)),
    }
}

fn parse_date_range(bounds: &Map<String, Value>, at: &str) -> Result<FilterValue, SearchError> {
    let (mut from, mut to) = (None, None);
    for (name, value) in bounds {
        let at = format!("{at}.{name}");
        let bound = match name.as_str() {
            "from" => &mut from,
            "to" => &mut to,
            _ => return Err(invalid(&at, "a range of dates has from and to".to_owned())),
        };
        *bound = match value {
            Value::Null => None,
            Value::String(text) => Some(parse_date(text, &at)?),
            Value::Number(year) => Some(parse_date(&year.to_string(), &at)?),
            _ => return Err(type_error(&at, "a date", value)),
        };
    }
    date_range(from, to, at)
}

/// What lies between two dates, of which the first must not lie after all of the second.
fn date_range(
    from: Option<PartialDate>,
    to: Option<PartialDate>,
    at: &str,
) -> Result<FilterValue, SearchError> {
    if let (Some(from), Some(to)) = (from, to)
        && from.first_day() > to.last_day()
    {
        let reason =
            format!("expected a range that begins before it ends, received {from} to {to}");
        return Err(invalid(at, reason));
    }
    Ok(FilterValue::DateRange(from, to))
}

fn parse_date(text: &str, at: &str) -> Result<PartialDate, SearchError> {
    text.parse()
        .map_err(|error| invalid(at, format!("{error}")))
}

/// A year, as documents are asked for theirs: in four digits.
fn parse_year(text: &str, at: &str) -> Result<FilterValue, SearchError> {
    match text.parse::<PartialDate>() {
        Ok(date) if date.month().is_none() => Ok(FilterValue::Text(text.to_owned())),
        _ => {
            let received: String = text.chars().take(60).collect();
            let reason = format!(
                "expected a year of four digits such as 2015, received {received:?}; date takes months, days and ranges"
            );
            Err(invalid(at, reason))
        }
    }
}

/// A document's id, in the form in which ids are kept.
fn parse_document_id(text: &str, at: &str) -> Result<FilterValue, SearchError> {
    match text.parse::<DocumentId>() {
        Ok(id) => Ok(FilterValue::Text(id.as_str().to_owned())),
        Err(error) => Err(invalid(at, format!("{error}"))),
    }
}

/// A text in which white space is single blanks between words, as fields are kept.
fn parse_text(text: &str, at: &str) -> Result<FilterValue, SearchError> {
    let kept = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if kept.is_empty() {
        let reason = format!("expected at least one visible character, received {text:?}");
        return Err(invalid(at, reason));
    }
    if kept != text {
        return Err(invalid(at, format!("expected {kept:?}, received {text:?}")));
    }
    Ok(FilterValue::Text(kept))
}

fn invalid(at: &str, reason: String) -> SearchError {
    SearchError::InvalidFilter {
        path: at.to_owned(),
        reason,
    }
}

fn type_error(at: &str, expected: &str, received: &Value) -> SearchError {
    invalid(
        at,
        format!("expected {expected}, received {}", json::received(received)),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rejected(read: Result<Filter, SearchError>) -> (String, String) {
        match read {
            Err(SearchError::InvalidFilter { path: at, reason }) => (at, reason),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn errors_name_the_faulty_part() {
        for (value, at) in [
            (json!([]), "filter"),
            (json!({"country": null}), "filter.country"),
            (json!({"country": ["FRA", 7]}), "filter.country[1]"),
            (json!({"date": "2015-13"}), "filter.date"),
            (json!({"date": {"since": "2015"}}), "filter.date.since"),
            (json!({"date": {"from": []}}), "filter.date.from"),
            (json!({"not": {"not": 1}}), "filter.not.not"),
        ] {
            assert_eq!(rejected(Filter::parse(&value)).0, at, "{value}");
        }
        let mut deep = json!({});
        for _ in 0..100 {
            deep = json!({ "not": deep });
        }
        assert!(Filter::parse(&deep).is_err());
    }

    #[test]
    fn filters_that_can_match_nothing_are_rejected() {
        for (value, at, received) in [
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
            let (named, reason) = rejected(Filter::parse(&value));
            assert_eq!(named, format!("filter.{at}"), "{value}");
            assert!(reason.contains(received), "{reason}");
            let inside = json!({ "not": value });
            assert_eq!(
                rejected(Filter::parse(&inside)).0,
                format!("filter.not.{at}")
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
            let read = Filter::from_url_values(name, &["2015".to_owned(), value.to_owned()]);
            assert_eq!(rejected(read).0, name, "{value}");
        }
    }

    #[test]
    fn values_that_no_document_has_are_accepted() {
        for value in [
            json!({"year": 9999, "date": {"from": "2015-10", "to": "2015"}}),
            json!({"year": "0001", "date": {"from": "2015-12-31", "to": "2015-12"}}),
            json!({"date": {}, "session": "", "document": "nobody"}),
        ] {
            assert!(Filter::parse(&value).is_ok(), "{value}");
        }
        assert!(Filter::from_url_values("date", &["..".to_owned()]).is_ok());
    }
}
