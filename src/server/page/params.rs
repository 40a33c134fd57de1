//! The parameters of a view that is no search.

use actix_web::HttpRequest;

use crate::server::extract;
use crate::server::problem::Problem;

/// The parameters of a URL, all of them known.
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the parameters; blank ones are left out, unknown and repeated ones are errors.
    pub(super) fn parse(request: &HttpRequest, names: &[&str]) -> Result<Self, Problem> {
        let mut params: Vec<(String, String)> = Vec::new();
        for (name, value) in extract::query_pairs(request)? {
            if !names.contains(&name.as_str()) {
                let known = names.join(", ");
                let detail = format!("unknown parameter {name}; expected one of: {known}");
                return Err(Problem::unknown_field(detail).at(name));
            }
            if params.iter().any(|(known, _)| *known == name) {
                let detail = format!("{name} may occur only once");
                return Err(Problem::wrong_type(detail).at(name));
            }
            if !value.trim().is_empty() {
                params.push((name, value.trim().to_owned()));
            }
        }
        Ok(Self(params))
    }

    /// Returns a value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut params = self.0.iter();
        params
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns a value that must be there.
    pub(super) fn require(&self, name: &str) -> Result<&str, Problem> {
        self.get(name)
            .ok_or_else(|| Problem::missing_field(format!("{name} is missing")).at(name))
    }

    /// Returns one of several named choices, the first of which is the default.
    pub(super) fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<T, Problem> {
        let value = self.get(name);
        let chosen = match value {
            None => choices.first(),
            Some(value) => choices.iter().find(|(choice, _)| *choice == value),
        };
        chosen.map(|(_, chosen)| *chosen).ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let received = value.unwrap_or_default();
            let expected = names.join(", ");
            Problem::parameter_out_of_range(format!("{name} is {received:?}; expected {expected}"))
                .at(name)
        })
    }
}
