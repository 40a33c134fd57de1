//! Converts the parameters of a URL to a filter and the fields of a request.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use utoipa::IntoParams;

use crate::corpus::json::{self, JsonError};
use crate::search::{BUILT_IN_FIELDS, Filter};
use crate::server::problem::Problem;

/// Filters for documents. Each attribute of the documents is a parameter too, and filters by its values.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // describes the input of `parse_params`
pub(super) struct FilterParameters {
    /// A filter as JSON, as in the body of a search.
    filter: Option<String>,
    /// Only documents with one of these ids.
    document: Option<Vec<String>>,
    /// Only documents of one of these titles.
    title: Option<Vec<String>>,
    /// Only documents of one of these speakers.
    speaker: Option<Vec<String>>,
    /// Only documents of one of these countries.
    country: Option<Vec<String>>,
    /// Only documents of one of these venues.
    venue: Option<Vec<String>>,
    /// Only documents in one of these languages.
    language: Option<Vec<String>>,
    /// Only documents from one of these sources.
    source: Option<Vec<String>>,
    /// Only documents of one of these dates: `2015`, `2015-10`, `2015-10-23`, or a range such as
    /// `2015..2016-06`, which may be open at one end.
    date: Option<Vec<String>>,
    /// Only documents of one of these years, in four digits.
    year: Option<Vec<String>>,
}

/// The parameters of a route, in addition to those of a filter.
pub(super) struct RouteParams {
    /// Names of all parameters; they take precedence over attributes of the same name.
    pub(super) names: &'static [&'static str],
    /// Parameters that may be repeated.
    pub(super) repeatable: &'static [&'static str],
    /// Parameters that are strings even if they look like numbers or booleans.
    pub(super) strings: &'static [&'static str],
}

/// Returns the filter in the parameters of a URL, and the other parameters as fields of a JSON object.
pub(super) fn parse_params(
    pairs: Vec<(String, String)>,
    attributes: &BTreeSet<String>,
    route: &RouteParams,
) -> Result<(Filter, Map<String, Value>), Problem> {
    let mut filters = Vec::new();
    let mut field_filters: Vec<(String, Vec<String>)> = Vec::new();
    let mut fields = Map::new();
    for (name, value) in pairs {
        let is_own = route.names.contains(&name.as_str());
        let is_field = BUILT_IN_FIELDS.contains(&name.as_str())
            || (!is_own && name != "filter" && attributes.contains(&name));
        if is_field {
            match field_filters.iter_mut().find(|(field, _)| *field == name) {
                Some((_, values)) => values.push(value),
                None => field_filters.push((name, vec![value])),
            }
        } else if name == "filter" {
            let filter: Value = json::read(value.as_bytes()).map_err(|error| {
                let detail = match error {
                    JsonError::Fault(fault) => format!("filter: {fault}"),
                    error => format!("filter is not JSON: {error}"),
                };
                Problem::invalid_filter(detail).at("filter")
            })?;
            filters.push(Filter::parse(&filter)?);
        } else if is_own {
            insert_typed(&mut fields, name, value, route)?;
        } else {
            let detail = format!(
                "unknown parameter {name}; expected one of: {}, filter, {} or a document attribute",
                route.names.join(", "),
                BUILT_IN_FIELDS.join(", ")
            );
            return Err(Problem::unknown_field(detail).at(name));
        }
    }
    for (name, values) in &field_filters {
        filters.push(Filter::from_url_values(name, values)?);
    }
    Ok((Filter::All(filters), fields))
}

/// Returns parameters, none of which may be repeated, as the strings of a JSON object.
pub(super) fn strings(pairs: Vec<(String, String)>) -> Result<Map<String, Value>, Problem> {
    let mut fields = Map::new();
    for (name, value) in pairs {
        if fields.contains_key(&name) {
            return Err(repeated(name));
        }
        fields.insert(name, Value::String(value));
    }
    Ok(fields)
}

fn repeated(name: String) -> Problem {
    Problem::wrong_type(format!("{name} may occur only once")).at(name)
}

/// Inserts a parameter with the JSON type that its text has.
fn insert_typed(
    fields: &mut Map<String, Value>,
    name: String,
    value: String,
    route: &RouteParams,
) -> Result<(), Problem> {
    if route.repeatable.contains(&name.as_str()) {
        if let Value::Array(values) = fields
            .entry(name)
            .or_insert_with(|| Value::Array(Vec::new()))
        {
            values.push(Value::String(value));
        }
        return Ok(());
    }
    let value = match serde_json::from_str(&value) {
        Ok(scalar @ (Value::Number(_) | Value::Bool(_)))
            if !route.strings.contains(&name.as_str()) =>
        {
            scalar
        }
        _ => Value::String(value),
    };
    if fields.contains_key(&name) {
        return Err(repeated(name));
    }
    fields.insert(name, value);
    Ok(())
}
