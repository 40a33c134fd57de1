//! From bytes to a request, naming the field where that fails.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::HeaderValue;
use actix_web::{FromRequest, HttpRequest, web};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::Problem;
use super::service::Service;
use crate::corpus::json::{self, Fault, FaultKind, JsonError, Object};

/// A body's bytes, bounded; its errors are [`Problem`]s.
pub(super) struct Body(web::Bytes);

impl FromRequest for Body {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let media_type = request.headers().get("content-type").cloned();
        let encoding = request.headers().get("content-encoding").cloned();
        let service = request.app_data::<web::Data<Service>>();
        let limit = service.map_or(0, |service| service.limits().max_body_bytes);
        let patience = service.map_or(Duration::ZERO, |service| {
            service.middleware().connection_limits().body_timeout
        });
        let bytes = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            let media_type = media_type
                .as_ref()
                .map(|v| v.to_str().unwrap_or("unreadable"));
            check_media_type(media_type)?;
            check_encoding(encoding.as_ref())?;
            let bytes = actix_web::rt::time::timeout(patience, bytes)
                .await
                .map_err(|_| too_slow(patience))?;
            // actix wraps the payload's error, so its kind is looked up rather than matched.
            bytes
                .map(Self)
                .map_err(|error| match error.as_error::<PayloadError>() {
                    Some(PayloadError::Overflow) => too_large(limit),
                    _ if error.as_response_error().status_code() == 413 => too_large(limit),
                    _ => Problem::bad_request(format!("the body cannot be read: {error}")),
                })
        })
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::body_too_large(format!("the body is larger than {limit} bytes"))
}

fn too_slow(patience: Duration) -> Problem {
    Problem::body_too_slow(format!(
        "the body was not there after {} seconds",
        patience.as_secs_f64()
    ))
}

/// JSON by any of its names, or none at all: `curl -d` calls everything a form.
fn check_media_type(media_type: Option<&str>) -> Result<(), Problem> {
    let Some(media_type) = media_type else {
        return Ok(());
    };
    let essence = media_type
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    let accepted = essence == "application/json"
        || essence.ends_with("+json")
        || essence == "application/x-www-form-urlencoded";
    if accepted {
        return Ok(());
    }
    Err(Problem::unsupported_media_type(format!(
        "the body is {essence}; expected application/json"
    )))
}

/// What is not unpacked on its way here would be read as it is.
fn check_encoding(encoding: Option<&HeaderValue>) -> Result<(), Problem> {
    let Some(encoding) = encoding else {
        return Ok(());
    };
    let name = encoding.to_str().unwrap_or("unreadable").trim();
    let known = ["", "identity", "gzip", "deflate"];
    if known.iter().any(|known| name.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    Err(Problem::unsupported_media_type(format!(
        "the body is encoded as {name}; expected gzip, deflate or identity"
    )))
}

impl Body {
    /// The bytes as they came.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads the body as a JSON object.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let Object(value) = json::read(&self.0).map_err(|error| unreadable(&error))?;
        Ok(value)
    }
}

/// The parameters of a URL, in their order.
pub(super) fn query_pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, Problem> {
    let query = request.query_string();
    let is_text = |part: &str| percent_decode_str(part).decode_utf8().is_ok();
    // Otherwise what is no text would be replaced, and something else searched for.
    if let Some(part) = query.split('&').find(|part| !is_text(part)) {
        let name = part.split('=').next().unwrap_or(part);
        let name = percent_decode_str(name).decode_utf8_lossy();
        let detail = format!("{name} is not UTF-8 once its percent-encoding is undone");
        return Err(Problem::bad_request(detail).at(name));
    }
    Ok(form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect())
}

/// Reads a request from what stands for its JSON.
pub(super) fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T, Problem> {
    json::from_value(value).map_err(|error| unreadable(&error))
}

/// The problem that a body has which cannot be read.
fn unreadable(error: &JsonError) -> Problem {
    match error {
        JsonError::NotUtf8 { .. } | JsonError::Syntax(_) => {
            Problem::bad_json(format!("the body is not JSON: {error}"))
        }
        JsonError::Fault(fault) => of_fault(fault),
    }
}

fn of_fault(fault: &Fault) -> Problem {
    let Some(field) = fault.field() else {
        let detail = format!("the body: {fault}");
        return match fault.kind() {
            FaultKind::NotUnicode => Problem::bad_json(detail),
            _ => Problem::wrong_type(detail),
        };
    };
    let problem = match fault.kind() {
        FaultKind::NotUnicode => Problem::bad_json,
        FaultKind::UnknownField { .. } => Problem::unknown_field,
        FaultKind::MissingField { .. } => Problem::missing_field,
        FaultKind::WrongType { .. }
        | FaultKind::RepeatedField { .. }
        | FaultKind::NumberTooLarge { .. }
        | FaultKind::TooDeep { .. }
        | FaultKind::Other(_) => Problem::wrong_type,
    };
    problem(fault.to_string()).at(field)
}

#[cfg(test)]
mod tests;
