//! From JSON or the parameters of a URL to a filter.
//!
//! What could find nothing in any corpus is a mistake, and is said to be one: a range that ends
//! before it begins, a year that is none, a list without values. What is merely in no document of
//! this corpus, such as a later year, is a filter like others.

use serde_json::{Map, Value};

use crate::corpus::{DocumentId, PartialDate, json};

use super::super::SearchError;
use super::super::fields::FIELDS;
use super::{Filter, Wanted};

/// Values of one field, so that a request cannot cost more than a search.
const MOST_VALUES: usize = 10_000;

/// How many `not`s may stand in one another.
const MOST_DEPTH: usize = 16;

/// A filter from its object, which stands at `at` in `depth` others.
pub(super) fn filter(value: &Value, at: &str, depth: usize) -> Result<Filter, SearchError> {
    let Value::Object(fields) = value else {
        return Err(wrong(at, "an object of fields and their values", value));
    };
    if depth > MOST_DEPTH {
        let reason = format!("not stands in not more than {MOST_DEPTH} times");
        return Err(bad(at, reason));
    }
    let one = |(name, value): (&String, &Value)| -> Result<Filter, SearchError> {
        let at = format!("{at}.{name}");
        if name == "not" {
            return Ok(Filter::Not(Box::new(filter(value, &at, depth + 1)?)));
        }
        Ok(Filter::Field {
            any_of: ordered(values(name, value, &at)?),
            name: name.clone(),
        })
    };
    let filters = fields.iter().map(one).collect::<Result<_, _>>()?;
    Ok(Filter::All(filters))
}

/// A field from the parameters of its name.
pub(super) fn field(name: &str, values: &[String]) -> Result<Filter, SearchError> {
    let any_of = values
        .iter()
        .map(|text| match text.split_once("..") {
            Some((from, to)) if name == "date" => {
                let bound = |text: &str| match text {
                    "" => Ok(None),
                    text => date(text, name).map(Some),
                };
                range(bound(from)?, bound(to)?, name)
            }
            _ => wanted(name, &Value::String(text.clone()), name),
        })
        .collect::<Result<_, SearchError>>()?;
    Ok(Filter::Field {
        name: name.to_owned(),
        any_of: ordered(any_of),
    })
}

/// Values in the order in which they are looked up.
fn ordered(mut values: Vec<Wanted>) -> Vec<Wanted> {
    values.sort_unstable();
    values.dedup();
    values
}

fn values(name: &str, value: &Value, at: &str) -> Result<Vec<Wanted>, SearchError> {
    let Value::Array(values) = value else {
        return Ok(vec![wanted(name, value, at)?]);
    };
    if !(1..=MOST_VALUES).contains(&values.len()) {
        let reason = format!("{} values; expected 1 to {MOST_VALUES}", values.len());
        return Err(bad(at, reason));
    }
    let value = |(place, value)| wanted(name, value, &format!("{at}[{place}]"));
    values.iter().enumerate().map(value).collect()
}

fn wanted(name: &str, value: &Value, at: &str) -> Result<Wanted, SearchError> {
    match (name, value) {
        ("date", Value::String(text)) => {
            let date = date(text, at)?;
            Ok(Wanted::Between(Some(date), Some(date)))
        }
        ("date", Value::Number(year)) => {
            let date = date(&year.to_string(), at)?;
            Ok(Wanted::Between(Some(date), Some(date)))
        }
        ("date", Value::Object(bounds)) => between(bounds, at),
        ("date", _) => Err(wrong(at, "a date or {\"from\": date, \"to\": date}", value)),
        ("year", Value::String(text)) => year(text, at),
        ("year", Value::Number(number)) => year(&number.to_string(), at),
        ("year", _) => Err(wrong(at, "a year or an array of years", value)),
        ("document", Value::String(text)) => document(text, at),
        (_, Value::String(text)) if FIELDS.contains(&name) => line(text, at),
        (_, Value::String(text)) => Ok(Wanted::Text(text.clone())),
        (_, Value::Number(_) | Value::Bool(_)) if !FIELDS.contains(&name) => {
            Ok(Wanted::Text(value.to_string()))
        }
        _ => Err(wrong(at, "a string or an array of strings", value)),
    }
}

fn between(bounds: &Map<String, Value>, at: &str) -> Result<Wanted, SearchError> {
    let (mut from, mut to) = (None, None);
    for (name, value) in bounds {
        let at = format!("{at}.{name}");
        let bound = match name.as_str() {
            "from" => &mut from,
            "to" => &mut to,
            _ => return Err(bad(&at, "a range of dates has from and to".to_owned())),
        };
        *bound = match value {
            Value::Null => None,
            Value::String(text) => Some(date(text, &at)?),
            Value::Number(year) => Some(date(&year.to_string(), &at)?),
            _ => return Err(wrong(&at, "a date", value)),
        };
    }
    range(from, to, at)
}

/// What lies between two dates, of which the first must not lie after all of the second.
fn range(
    from: Option<PartialDate>,
    to: Option<PartialDate>,
    at: &str,
) -> Result<Wanted, SearchError> {
    if let (Some(from), Some(to)) = (from, to)
        && from.first_day() > to.last_day()
    {
        let reason =
            format!("expected a range that begins before it ends, received {from} to {to}");
        return Err(bad(at, reason));
    }
    Ok(Wanted::Between(from, to))
}

fn date(text: &str, at: &str) -> Result<PartialDate, SearchError> {
    text.parse().map_err(|error| bad(at, format!("{error}")))
}

/// A year, as documents are asked for theirs: in four digits.
fn year(text: &str, at: &str) -> Result<Wanted, SearchError> {
    match text.parse::<PartialDate>() {
        Ok(date) if date.month().is_none() => Ok(Wanted::Text(text.to_owned())),
        _ => {
            let received: String = text.chars().take(60).collect();
            let reason = format!(
                "expected a year of four digits such as 2015, received {received:?}; date takes months, days and ranges"
            );
            Err(bad(at, reason))
        }
    }
}

/// A document's id, in the form in which ids are kept.
fn document(text: &str, at: &str) -> Result<Wanted, SearchError> {
    match text.parse::<DocumentId>() {
        Ok(id) => Ok(Wanted::Text(id.as_str().to_owned())),
        Err(error) => Err(bad(at, format!("{error}"))),
    }
}

/// A text in which white space is single blanks between words, as fields are kept.
fn line(text: &str, at: &str) -> Result<Wanted, SearchError> {
    let kept = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if kept.is_empty() {
        let reason = format!("expected at least one visible character, received {text:?}");
        return Err(bad(at, reason));
    }
    if kept != text {
        return Err(bad(at, format!("expected {kept:?}, received {text:?}")));
    }
    Ok(Wanted::Text(kept))
}

fn bad(at: &str, reason: String) -> SearchError {
    SearchError::BadFilter {
        at: at.to_owned(),
        reason,
    }
}

fn wrong(at: &str, expected: &str, received: &Value) -> SearchError {
    bad(
        at,
        format!("expected {expected}, received {}", json::received(received)),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(read: Result<Filter, SearchError>) -> (String, String) {
        match read {
            Err(SearchError::BadFilter { at, reason }) => (at, reason),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (value, at) in [
            (json!([]), "filter"),
            (json!({"country": null}), "filter.country"),
            (json!({"country": ["FRA", 7]}), "filter.country[1]"),
            (json!({"date": "2015-13"}), "filter.date"),
            (json!({"date": {"since": "2015"}}), "filter.date.since"),
            (json!({"date": {"from": []}}), "filter.date.from"),
            (json!({"not": {"not": 1}}), "filter.not.not"),
        ] {
            assert_eq!(refused(Filter::read(&value)).0, at, "{value}");
        }
        let mut deep = json!({});
        for _ in 0..100 {
            deep = json!({ "not": deep });
        }
        assert!(Filter::read(&deep).is_err());
    }

    #[test]
    fn what_could_find_nothing_is_refused() {
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
            let (named, reason) = refused(Filter::read(&value));
            assert_eq!(named, format!("filter.{at}"), "{value}");
            assert!(reason.contains(received), "{reason}");
            let inside = json!({ "not": value });
            assert_eq!(refused(Filter::read(&inside)).0, format!("filter.not.{at}"));
        }
        for (name, value) in [
            ("date", "2015..2014"),
            ("date", "2015-02..2015-01"),
            ("year", "banana"),
            ("year", "2015..2016"),
            ("country", ""),
            ("document", "a b"),
        ] {
            let read = Filter::field(name, &["2015".to_owned(), value.to_owned()]);
            assert_eq!(refused(read).0, name, "{value}");
        }
    }

    #[test]
    fn what_is_only_in_no_document_is_not() {
        for value in [
            json!({"year": 9999, "date": {"from": "2015-10", "to": "2015"}}),
            json!({"year": "0001", "date": {"from": "2015-12-31", "to": "2015-12"}}),
            json!({"date": {}, "session": "", "document": "nobody"}),
        ] {
            assert!(Filter::read(&value).is_ok(), "{value}");
        }
        assert!(Filter::field("date", &["..".to_owned()]).is_ok());
    }
}
