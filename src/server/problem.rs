//! The one table of errors.
//!
//! Answers are `application/problem+json` after RFC 9457. `code` is stable: programs match on it;
//! `detail` is for people and may change its words. `field` names the part of the request at fault.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::keyword::KeywordError;
use crate::search::SearchError;
use crate::store::StoreError;

/// The media type of an error.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// An error as the client sees it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    kind: &'static Kind,
    detail: String,
    field: Option<String>,
    retry_after_seconds: Option<u32>,
    allow: Option<&'static str>,
    challenge: Option<String>,
    shed: Option<Shed>,
}

/// The code of an answer's problem, for whoever looks at the answer on its way out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code(pub(super) &'static str);

/// Why a request was turned away although nothing is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shed(pub(super) &'static str);

/// A row of the table: what all problems of a kind have in common.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The kind for programs; stable.
    pub code: &'static str,
    /// The HTTP status.
    pub status: StatusCode,
    /// The kind in words.
    pub title: &'static str,
}

/// An error on the wire, after RFC 9457.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDto<'a> {
    /// A URN that names the kind of problem, `urn:antiphon:problem:{code}`.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// The kind of problem for programs; stable.
    code: &'a str,
    /// What is wrong here, and what would be right.
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
                    const KIND: &Kind = &Kind {
                        code: $code,
                        status: StatusCode::$status,
                        title: $title,
                    };
                    Self::new(KIND, detail.into())
                }
            )*

            /// Every code there is.
            pub const CODES: &'static [&'static str] = &[$($code),*];
        }
    };
}

problems! {
    bad_json, BAD_REQUEST, "bad_json", "The body is not JSON";
    bad_request, BAD_REQUEST, "bad_request", "The request cannot be read";
    wrong_type, BAD_REQUEST, "wrong_type", "A field has the wrong type";
    unknown_field, BAD_REQUEST, "unknown_field", "There is no such field";
    missing_field, BAD_REQUEST, "missing_field", "A field is missing";
    empty_query, BAD_REQUEST, "empty_query", "The query is empty";
    query_too_long, BAD_REQUEST, "query_too_long", "The query is too long";
    limit_out_of_range, BAD_REQUEST, "limit_out_of_range", "The limit is out of range";
    offset_out_of_range, BAD_REQUEST, "offset_out_of_range", "The offset is out of range";
    ef_out_of_range, BAD_REQUEST, "ef_out_of_range", "The number of candidates is out of range";
    parameter_out_of_range, BAD_REQUEST, "parameter_out_of_range", "A parameter is out of range";
    same_document, BAD_REQUEST, "same_document", "A document is compared with itself";
    query_and_examples, BAD_REQUEST, "two_subjects", "There are two things to look for";
    invalid_examples, BAD_REQUEST, "bad_examples", "These examples cannot be searched with";
    bad_filter, BAD_REQUEST, "bad_filter", "The filter cannot be read";
    invalid_cursor, BAD_REQUEST, "bad_cursor", "This cursor does not belong here";
    cursor_expired, GONE, "cursor_expired", "The snapshot of this cursor is gone";
    bad_id, BAD_REQUEST, "bad_id", "This is not an id";
    bad_date, BAD_REQUEST, "bad_date", "This is not a date";
    empty_text, BAD_REQUEST, "empty_text", "There is no text in the document";
    binary_content, BAD_REQUEST, "not_text", "This is not text";
    repeated_field, BAD_REQUEST, "repeated_field", "A field is given twice";
    id_mismatch, BAD_REQUEST, "other_id", "The document has another id";
    empty_input, BAD_REQUEST, "empty_input", "There is nothing to embed";
    input_too_long, BAD_REQUEST, "input_too_long", "A text is longer than the model reads";
    unknown_token, BAD_REQUEST, "unknown_token", "A token id is not in the vocabulary";
    too_many_inputs, BAD_REQUEST, "too_many_inputs", "There are too many inputs";
    dimensions_unsupported, BAD_REQUEST, "dimensions_unsupported", "The model has another dimension";
    key_missing, UNAUTHORIZED, "key_missing", "A key is needed";
    key_unknown, UNAUTHORIZED, "key_unknown", "This key is not known";
    scope_missing, FORBIDDEN, "scope_missing", "The key does not allow this";
    origin_not_allowed, FORBIDDEN, "origin_not_allowed", "Pages of this origin may not do this";
    body_too_slow, REQUEST_TIMEOUT, "body_too_slow", "The body took too long to arrive";
    rate_limited, TOO_MANY_REQUESTS, "rate_limited", "The key has used up its share";
    model_not_found, NOT_FOUND, "model_not_found", "This model is not served";
    route_not_found, NOT_FOUND, "route_not_found", "There is no such route";
    document_not_found, NOT_FOUND, "document_not_found", "There is no such document";
    passage_not_found, NOT_FOUND, "passage_not_found", "There is no such passage";
    method_not_allowed, METHOD_NOT_ALLOWED, "method_not_allowed", "This route has no such method";
    precondition_failed, PRECONDITION_FAILED, "precondition_failed", "The document is another version";
    body_too_large, PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large";
    unsupported_media_type, UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The body has the wrong media type";
    internal, INTERNAL_SERVER_ERROR, "internal", "The service failed";
    reload_failed, INTERNAL_SERVER_ERROR, "reload_failed", "Keys and certificate cannot be read";
    shutting_down, SERVICE_UNAVAILABLE, "stopping", "The service stops";
    initializing, SERVICE_UNAVAILABLE, "starting", "The service is not ready yet";
    overloaded, SERVICE_UNAVAILABLE, "overloaded", "The service is busy";
    timeout, GATEWAY_TIMEOUT, "timeout", "The time for an answer has run out";
}

impl Problem {
    fn new(kind: &'static Kind, detail: String) -> Self {
        Self {
            kind,
            detail,
            field: None,
            retry_after_seconds: None,
            allow: None,
            challenge: None,
            shed: None,
        }
    }

    /// Names the part of the request at fault.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Lists the methods that a route has.
    #[must_use]
    pub fn allow(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }

    /// Says how to prove who is asking, for the header `WWW-Authenticate`.
    #[must_use]
    pub fn challenge(mut self, challenge: impl Into<String>) -> Self {
        self.challenge = Some(challenge.into());
        self
    }

    /// Says which bound turned the request away, for the metrics.
    pub(super) fn shed(mut self, bound: &'static str) -> Self {
        self.shed = Some(Shed(bound));
        self
    }

    /// The kind of problem, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.kind.code
    }

    /// The field at fault.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// What the client reads.
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

    /// An answer with this problem's status and headers, and no body yet.
    pub(super) fn response(&self) -> actix_web::HttpResponseBuilder {
        let mut response = HttpResponse::build(self.status_code());
        response.extensions_mut().insert(Code(self.kind.code));
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

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        let detail = error.to_string();
        match error {
            SearchError::EmptyQuery => Self::empty_query(detail).at("query"),
            SearchError::QueryTooLong { .. }
            | SearchError::Keyword(KeywordError::QueryTooExpensive) => {
                Self::query_too_long(detail).at("query")
            }
            SearchError::Limit { .. } => Self::limit_out_of_range(detail).at("limit"),
            SearchError::Offset { .. } => Self::offset_out_of_range(detail).at("offset"),
            SearchError::Ef { .. } => Self::ef_out_of_range(detail).at("ef"),
            SearchError::EmptyExample { name } => Self::empty_query(detail).at(name),
            SearchError::MissingQuery => Self::missing_field(detail).at("query"),
            SearchError::QueryAndExamples => Self::query_and_examples(detail).at("like"),
            SearchError::NoPositiveExamples => Self::invalid_examples(detail).at("like"),
            SearchError::ExamplesRequireSemanticMode => Self::invalid_examples(detail).at("mode"),
            SearchError::ExamplesCancelOut => Self::invalid_examples(detail).at("unlike"),
            SearchError::UnknownPassage { .. } => Self::passage_not_found(detail).at("like"),
            SearchError::Parameter { name, .. } => Self::parameter_out_of_range(detail).at(name),
            SearchError::InvalidFilter { path: at, .. } => Self::bad_filter(detail).at(at),
            SearchError::UnknownField { path: at, .. } => Self::unknown_field(detail).at(at),
            SearchError::UnknownFacet { .. } => Self::unknown_field(detail).at("facets"),
            SearchError::Encode(_) | SearchError::EncodeBatch(_) | SearchError::Index(_) => {
                failed(&error)
            }
            SearchError::Keyword(KeywordError::Store(error)) | SearchError::Store(error) => {
                error.into()
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        failed(&error)
    }
}

/// Our own fault: the cause goes to the log, not to the client.
pub(super) fn failed(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "a request failed");
    Problem::internal("the request could not be answered; the service's log says why")
}
