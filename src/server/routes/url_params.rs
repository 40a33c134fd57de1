//! From the parameters of a URL to a filter and the fields of a request.

use serde_json::{Map, Value};
use utoipa::IntoParams;

use crate::corpus::json::{self, JsonError};
use crate::engine::DocumentTable;
use crate::search::{BUILT_IN_FIELDS, Filter};
use crate::server::problem::Problem;

/// Which documents are meant. An attribute of the documents is a parameter too, and lets only those
/// through that have one of its values.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // describes what `read` reads
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
    /// `2015..2016-06`, of which one end may be missing.
    date: Option<Vec<String>>,
    /// Only documents of one of these years, in four digits.
    year: Option<Vec<String>>,
}

/// The parameters of a route, beside those of a filter.
pub(super) struct RouteParams {
    /// Their names, which no attribute takes over.
    pub(super) names: &'static [&'static str],
    /// Of these, those that may be given several times.
    pub(super) repeatable: &'static [&'static str],
    /// Of these, those that are texts, whatever they look like.
    pub(super) strings: &'static [&'static str],
}

/// The filter that a URL names, and the other parameters as fields of a JSON object.
pub(super) fn parse_params(
    pairs: Vec<(String, String)>,
    catalogue: &DocumentTable,
    known: &RouteParams,
) -> Result<(Filter, Map<String, Value>), Problem> {
    let mut filters = Vec::new();
    let mut field_filters: Vec<(String, Vec<String>)> = Vec::new();
    let mut fields = Map::new();
    for (name, value) in pairs {
        let is_own = known.names.contains(&name.as_str());
        let is_field = BUILT_IN_FIELDS.contains(&name.as_str())
            || (!is_own && name != "filter" && catalogue.attribute_names().contains(&name));
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
                Problem::bad_filter(detail).at("filter")
            })?;
            filters.push(Filter::parse(&filter)?);
        } else if is_own {
            insert_typed(&mut fields, name, value, known)?;
        } else {
            let detail = format!(
                "there is no parameter {name}; there are {}, filter, {} and the documents' attributes",
                known.names.join(", "),
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

/// Records a parameter as JSON would have it.
fn insert_typed(
    fields: &mut Map<String, Value>,
    name: String,
    value: String,
    known: &RouteParams,
) -> Result<(), Problem> {
    if known.repeatable.contains(&name.as_str()) {
        if let Value::Array(values) = fields
            .entry(name)
            .or_insert_with(|| Value::Array(Vec::new()))
        {
            values.push(Value::String(value));
        }
        return Ok(());
    }
    let value = match serde_json::from_str(&value) {
        Ok(plain @ (Value::Number(_) | Value::Bool(_)))
            if !known.strings.contains(&name.as_str()) =>
        {
            plain
        }
        _ => Value::String(value),
    };
    if fields.contains_key(&name) {
        let detail = format!("{name} is given twice; expected it once");
        return Err(Problem::wrong_type(detail).at(name));
    }
    fields.insert(name, value);
    Ok(())
}
