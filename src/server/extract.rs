//! Deserialization of request bodies and URL parameters; errors name the field at fault.

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

/// The bytes of a request body, bounded in size and time. Unlike actix's, its errors are [`Problem`]s.
pub(super) struct Body(web::Bytes);

impl FromRequest for Body {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let media_type = request.headers().get("content-type").cloned();
        let encoding = request.headers().get("content-encoding").cloned();
        let service = request.app_data::<web::Data<Service>>();
        let limit = service.map_or(0, |service| service.max_body_bytes());
        let body_timeout = service.map_or(Duration::ZERO, |service| {
            service.middleware().connection_limits().body_timeout
        });
        let length = request.headers().get("content-length");
        let has_body = !matches!(payload, Payload::None)
            && length.is_none_or(|length| length.as_bytes().trim_ascii() != b"0");
        let bytes = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            let media_type = media_type
                .as_ref()
                .map(|v| v.to_str().unwrap_or("unreadable"));
            if has_body || media_type.is_some() {
                check_media_type(media_type)?;
            }
            check_encoding(encoding.as_ref())?;
            let bytes = actix_web::rt::time::timeout(body_timeout, bytes)
                .await
                .map_err(|_| body_too_slow(body_timeout))?;
            // actix wraps the payload's error, which therefore cannot be matched directly.
            bytes
                .map(Self)
                .map_err(|error| match error.as_error::<PayloadError>() {
                    Some(PayloadError::Overflow) => body_too_large(limit),
                    _ if error.as_response_error().status_code() == 413 => body_too_large(limit),
                    _ => Problem::bad_request(format!("the body cannot be read: {error}")),
                })
        })
    }
}

fn body_too_large(limit: usize) -> Problem {
    Problem::body_too_large(format!("the body is larger than {limit} bytes"))
}

fn body_too_slow(body_timeout: Duration) -> Problem {
    Problem::body_too_slow(format!(
        "the body was not received within {} seconds",
        body_timeout.as_secs_f64()
    ))
}

/// Accepts the media types of JSON only. A browser lets any page on the web send a body of another type, or
/// of none, to this machine without asking; for one of these it asks, and gets no permission.
fn check_media_type(media_type: Option<&str>) -> Result<(), Problem> {
    let Some(media_type) = media_type else {
        return Err(Problem::unsupported_media_type(
            "the body has no content type; send the header Content-Type: application/json",
        ));
    };
    let essence = media_type
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    if essence == "application/json" || essence.ends_with("+json") {
        return Ok(());
    }
    Err(Problem::unsupported_media_type(format!(
        "unsupported content type {essence}; send the header Content-Type: application/json"
    )))
}

/// Rejects encodings that actix does not decode, as it would pass on the encoded bytes.
fn check_encoding(encoding: Option<&HeaderValue>) -> Result<(), Problem> {
    let Some(encoding) = encoding else {
        return Ok(());
    };
    let name = encoding.to_str().unwrap_or("unreadable").trim();
    let supported = ["", "identity", "gzip", "deflate"];
    if supported
        .iter()
        .any(|encoding| name.eq_ignore_ascii_case(encoding))
    {
        return Ok(());
    }
    Err(Problem::unsupported_media_type(format!(
        "unsupported content encoding {name}; expected gzip, deflate or identity"
    )))
}

impl Body {
    /// Returns the decoded bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Deserializes the body, which must be a JSON object.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        from_json(&self.0)
    }
}

/// Deserializes a JSON object.
pub(super) fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, Problem> {
    let Object(value) = json::read(json).map_err(|error| problem_from_json(&error))?;
    Ok(value)
}

/// Returns the parameters of a URL in their order.
pub(super) fn query_pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, Problem> {
    parse_pairs(request.query_string())
}

/// Returns the parameters in the query of a URL, in their order.
pub(super) fn parse_pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let is_text = |part: &str| percent_decode_str(part).decode_utf8().is_ok();
    // `form_urlencoded` would replace invalid UTF-8, and another text would be searched for.
    if let Some(part) = query.split('&').find(|part| !is_text(part)) {
        let name = part.split('=').next().unwrap_or(part);
        let name = percent_decode_str(name).decode_utf8_lossy();
        let detail = format!("{name} is not valid UTF-8 after percent-decoding");
        return Err(Problem::bad_request(detail).at(name));
    }
    Ok(form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect())
}

/// Deserializes URL parameters that were converted to JSON.
pub(super) fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T, Problem> {
    json::from_value(value).map_err(|error| problem_from_json(&error))
}

fn problem_from_json(error: &JsonError) -> Problem {
    match error {
        JsonError::NotUtf8 { .. } | JsonError::Syntax(_) => {
            Problem::invalid_json(format!("the body is not JSON: {error}"))
        }
        JsonError::Fault(fault) => problem_from_fault(fault),
    }
}

fn problem_from_fault(fault: &Fault) -> Problem {
    let Some(field) = fault.field() else {
        let detail = format!("the body: {fault}");
        return match fault.kind() {
            FaultKind::NotUnicode => Problem::invalid_json(detail),
            _ => Problem::wrong_type(detail),
        };
    };
    let problem = match fault.kind() {
        FaultKind::NotUnicode => Problem::invalid_json,
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
