//! The table of errors.
//!
//! Error responses are `application/problem+json` (RFC 9457). `code` is stable and meant for programs;
//! `detail` is meant for people, and its wording may change. `field` names the part of the request at fault.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of an error response.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// Maximum length of a detail, which may contain the client's input or the names of attributes.
const MAX_DETAIL_CHARS: usize = 2000;

/// Maximum length of the part of the request at fault.
const MAX_FIELD_CHARS: usize = 500;

/// An error response: an entry of the table with its details.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    kind: &'static ProblemKind,
    detail: String,
    field: Option<String>,
    retry_after_seconds: Option<u32>,
    allow: Option<&'static str>,
    challenge: Option<String>,
    shed: Option<ShedReason>,
}

/// The problem code of a response, attached to it for logs, metrics and traces.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProblemCode(pub(super) &'static str);

/// The limit of the service at which a valid request was rejected, attached to the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ShedReason(pub(super) &'static str);

/// An entry of the table.
#[derive(Debug, PartialEq, Eq)]
struct ProblemKind {
    code: &'static str,
    status: StatusCode,
    title: &'static str,
}

/// An error (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDto<'a> {
    /// The URN of the problem type, `urn:antiphon:problem:{code}`.
    #[serde(rename = "type")]
    kind: String,
    /// Title of the problem type.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// Stable code of the problem type, for programs.
    code: &'a str,
    /// Explanation of this occurrence and how to fix it.
    detail: &'a str,
    /// The parameter or field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

macro_rules! problems {
    ($($name:ident, $status:ident, $code:literal, $title:literal;)*) => {
        impl Problem {
            $(
                #[doc = concat!($title, ".")]
                pub fn $name(detail: impl Into<String>) -> Self {
                    const KIND: &ProblemKind = &ProblemKind {
                        code: $code,
                        status: StatusCode::$status,
                        title: $title,
                    };
                    Self::new(KIND, detail.into())
                }
            )*

            /// All codes.
            pub const CODES: &'static [&'static str] = &[$($code),*];
        }
    };
}

problems! {
    invalid_json, BAD_REQUEST, "invalid_json", "Invalid JSON";
    bad_request, BAD_REQUEST, "bad_request", "Malformed request";
    wrong_type, BAD_REQUEST, "wrong_type", "Wrong field type";
    unknown_field, BAD_REQUEST, "unknown_field", "Unknown field";
    missing_field, BAD_REQUEST, "missing_field", "Missing field";
    empty_query, BAD_REQUEST, "empty_query", "Empty query";
    query_too_long, BAD_REQUEST, "query_too_long", "Query too long";
    limit_out_of_range, BAD_REQUEST, "limit_out_of_range", "Limit out of range";
    offset_out_of_range, BAD_REQUEST, "offset_out_of_range", "Offset out of range";
    ef_out_of_range, BAD_REQUEST, "ef_out_of_range", "ef out of range";
    parameter_out_of_range, BAD_REQUEST, "parameter_out_of_range", "Parameter out of range";
    same_document, BAD_REQUEST, "same_document", "Document compared with itself";
    query_and_examples, BAD_REQUEST, "query_and_examples", "Query and examples are mutually exclusive";
    invalid_examples, BAD_REQUEST, "invalid_examples", "Invalid examples";
    invalid_filter, BAD_REQUEST, "invalid_filter", "Invalid filter";
    invalid_cursor, BAD_REQUEST, "invalid_cursor", "Cursor of another request or snapshot";
    cursor_expired, GONE, "cursor_expired", "Cursor expired";
    invalid_id, BAD_REQUEST, "invalid_id", "Invalid id";
    invalid_date, BAD_REQUEST, "invalid_date", "Invalid date";
    empty_text, BAD_REQUEST, "empty_text", "Document without text";
    binary_content, BAD_REQUEST, "binary_content", "Binary content";
    metadata_too_large, BAD_REQUEST, "metadata_too_large", "Metadata too large";
    repeated_field, BAD_REQUEST, "repeated_field", "Duplicate field";
    id_mismatch, BAD_REQUEST, "id_mismatch", "Id mismatch";
    empty_input, BAD_REQUEST, "empty_input", "Empty input";
    input_too_long, BAD_REQUEST, "input_too_long", "Input too long for the model";
    unknown_token, BAD_REQUEST, "unknown_token", "Unknown token id";
    too_many_inputs, BAD_REQUEST, "too_many_inputs", "Too many inputs";
    dimensions_unsupported, BAD_REQUEST, "dimensions_unsupported", "Unsupported dimensions";
    key_missing, UNAUTHORIZED, "key_missing", "API key required";
    key_unknown, UNAUTHORIZED, "key_unknown", "Unknown API key";
    scope_missing, FORBIDDEN, "scope_missing", "Insufficient scope";
    origin_not_allowed, FORBIDDEN, "origin_not_allowed", "Origin not allowed";
    host_not_allowed, MISDIRECTED_REQUEST, "host_not_allowed", "Host not allowed";
    body_too_slow, REQUEST_TIMEOUT, "body_too_slow", "Request body timeout";
    rate_limited, TOO_MANY_REQUESTS, "rate_limited", "Rate limit exceeded";
    model_not_found, NOT_FOUND, "model_not_found", "Model not found";
    route_not_found, NOT_FOUND, "route_not_found", "Route not found";
    document_not_found, NOT_FOUND, "document_not_found", "Document not found";
    passage_not_found, NOT_FOUND, "passage_not_found", "Passage not found";
    method_not_allowed, METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed";
    not_acceptable, NOT_ACCEPTABLE, "not_acceptable", "Not acceptable";
    precondition_failed, PRECONDITION_FAILED, "precondition_failed", "Precondition failed";
    body_too_large, PAYLOAD_TOO_LARGE, "body_too_large", "Request body too large";
    unsupported_media_type, UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Unsupported media type";
    internal, INTERNAL_SERVER_ERROR, "internal", "Internal error";
    reload_failed, INTERNAL_SERVER_ERROR, "reload_failed", "Reload failed";
    shutting_down, SERVICE_UNAVAILABLE, "shutting_down", "Service is shutting down";
    initializing, SERVICE_UNAVAILABLE, "initializing", "Service is initializing";
    overloaded, SERVICE_UNAVAILABLE, "overloaded", "Service overloaded";
    disk_full, INSUFFICIENT_STORAGE, "disk_full", "Disk full";
    read_only, INSUFFICIENT_STORAGE, "read_only", "Data directory read-only";
    not_published, INTERNAL_SERVER_ERROR, "not_published", "Stored, but not searchable yet";
    timeout, GATEWAY_TIMEOUT, "timeout", "Request timed out";
}

impl Problem {
    fn new(kind: &'static ProblemKind, detail: String) -> Self {
        Self {
            kind,
            detail: truncate_chars(detail, MAX_DETAIL_CHARS),
            field: None,
            retry_after_seconds: None,
            allow: None,
            challenge: None,
            shed: None,
        }
    }

    /// Sets the part of the request at fault.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(truncate_chars(field.into(), MAX_FIELD_CHARS));
        self
    }

    /// Sets the header `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Sets the header `Allow`, which lists the methods of the route.
    #[must_use]
    pub fn allow(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }

    /// Sets the header `WWW-Authenticate`.
    #[must_use]
    pub fn challenge(mut self, challenge: impl Into<String>) -> Self {
        self.challenge = Some(challenge.into());
        self
    }

    /// Sets the limit at which the request was rejected, for the metrics.
    pub(super) fn shed(mut self, limit: &'static str) -> Self {
        self.shed = Some(ShedReason(limit));
        self
    }

    /// Returns the stable code, which programs match on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.kind.code
    }

    /// Returns the part of the request at fault.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Returns the body of the response.
    pub(super) fn body(&self) -> ProblemDto<'_> {
        ProblemDto {
            kind: format!("urn:antiphon:problem:{}", self.kind.code),
            title: self.kind.title,
            status: self.kind.status.as_u16(),
            code: self.kind.code,
            detail: &self.detail,
            field: self.field(),
        }
    }

    /// Starts a response with this problem's status and headers.
    pub(super) fn response(&self) -> actix_web::HttpResponseBuilder {
        let mut response = HttpResponse::build(self.status_code());
        response
            .extensions_mut()
            .insert(ProblemCode(self.kind.code));
        if let Some(shed) = self.shed {
            response.extensions_mut().insert(shed);
        }
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if let Some(methods) = self.allow {
            response.insert_header((header::ALLOW, methods));
        }
        if let Some(challenge) = &self.challenge {
            response.insert_header((header::WWW_AUTHENTICATE, challenge.as_str()));
        }
        response
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.kind.status
    }

    fn error_response(&self) -> HttpResponse {
        self.response()
            .insert_header((header::CONTENT_TYPE, MEDIA_TYPE))
            .json(self.body())
    }
}

/// Truncates a text, with a mark.
pub(super) fn truncate_chars(mut text: String, max_chars: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(max_chars) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Logs an internal error; the client does not see its cause.
pub(super) fn failed(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "request failed");
    Problem::internal("internal error; see the service's log")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_and_fields_are_bounded() {
        let names = vec!["name"; 100_000].join(", ");
        let problem = Problem::unknown_field(format!("expected one of {names}")).at(names);
        let body = serde_json::to_string(&problem.body()).unwrap();
        assert!(body.len() < 3000, "{}", body.len());
        assert!(body.contains("expected one of name, name"));
        let short = Problem::unknown_field("unknown").at("a");
        assert_eq!(
            (short.to_string().as_str(), short.field()),
            ("unknown", Some("a"))
        );
    }
}
