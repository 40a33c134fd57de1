//! What is written down about a request: counts, a line of JSON, a warning if it was slow.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderValue, USER_AGENT};
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::{Error, HttpMessage};
use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use super::access::AuthenticatedKey;
use super::idle_connections::{BusyGuard, TrackedConnection};
use super::in_flight::RequestGuard;
use super::traces::{ParentContext, Request};
use crate::server::problem::{Code, Shed};
use crate::server::service::Service;
use crate::server::timing::{TimingMs, milliseconds};

/// The status of a request whose client hung up before it was answered; it is never sent.
const HUNG_UP: u16 = 499;

/// Longest path, address and program name that is written down.
const MAX_CHARACTERS: usize = 1024;

/// Takes lines, each without its end.
pub struct LogSink(Box<dyn Fn(&str) + Send + Sync>);

impl LogSink {
    /// A sink that gives each line to `write`.
    pub fn new(write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Box::new(write))
    }
}

impl fmt::Debug for LogSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogSink")
    }
}

/// Which requests are written down, and where.
#[derive(Debug, Default)]
pub(super) struct AccessLogger {
    sink: Option<LogSink>,
    slow: Option<Duration>,
}

impl AccessLogger {
    pub(super) fn new(sink: Option<LogSink>, slow: Option<Duration>) -> Self {
        Self { sink, slow }
    }

    /// Whether a request that took so long is written down.
    pub(super) fn is_enabled(&self, took: Duration) -> bool {
        self.sink.is_some() || self.slow.is_some_and(|slow| took >= slow)
    }
}

/// What is known of a request; written down when it is dropped.
pub(super) struct RequestRecord {
    service: Arc<Service>,
    start: Instant,
    id: HeaderValue,
    method: Method,
    uri: Uri,
    peer: Option<SocketAddr>,
    agent: Option<HeaderValue>,
    route: Option<String>,
    status: Option<StatusCode>,
    code: Option<&'static str>,
    shed: Option<&'static str>,
    key: Option<Arc<str>>,
    timing: Option<TimingMs>,
    /// When the answer's head was there.
    answered: Duration,
    /// What this request is part of, where traces are made.
    parent: Option<ParentContext>,
    bytes: usize,
    _connection: Option<BusyGuard>,
    /// Given up after everything else: who waits for the last request waits for its record.
    _place: Option<RequestGuard>,
}

impl RequestRecord {
    pub(super) fn new(
        service: Arc<Service>,
        place: Option<RequestGuard>,
        request: &ServiceRequest,
        id: HeaderValue,
    ) -> Self {
        let traces = service.middleware().traces.as_ref();
        let parent = traces.map(|_| ParentContext::of(request.headers()));
        let connection = request.request().conn_data::<Arc<TrackedConnection>>();
        Self {
            service,
            start: Instant::now(),
            id,
            method: request.method().clone(),
            uri: request.uri().clone(),
            peer: request.peer_addr(),
            agent: request.headers().get(USER_AGENT).cloned(),
            route: None,
            status: None,
            code: None,
            shed: None,
            key: None,
            timing: None,
            answered: Duration::ZERO,
            parent,
            bytes: 0,
            _connection: connection.map(TrackedConnection::mark_busy),
            _place: place,
        }
    }

    /// Takes down when the request came, if that was earlier.
    pub(super) fn start_at(&mut self, start: Instant) {
        self.start = start;
    }

    /// Takes down what the answer's head tells.
    pub(super) fn answered<B>(&mut self, response: &ServiceResponse<B>) {
        let request = response.request();
        self.route = request.match_pattern();
        self.status = Some(response.status());
        let extensions = response.response().extensions();
        self.code = extensions.get::<Code>().map(|code| code.0);
        self.shed = extensions.get::<Shed>().map(|shed| shed.0);
        self.answered = self.start.elapsed();
        self.timing = extensions.get::<TimingMs>().copied();
        self.key = request
            .extensions()
            .get::<AuthenticatedKey>()
            .map(|name| Arc::clone(&name.0));
    }

    /// Takes down an error that is turned into an answer further out.
    pub(super) fn failed(&mut self, error: &Error) {
        self.status = Some(error.as_response_error().status_code());
    }

    pub(super) fn add_bytes(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    fn status(&self) -> u16 {
        self.status.map_or(HUNG_UP, |status| status.as_u16())
    }

    fn line(&self, took: Duration, trace: Option<String>) -> String {
        let line = Line {
            time: Timestamp::now().to_string(),
            request_id: text(&self.id),
            trace_id: trace,
            method: cut(self.method.as_str()),
            path: cut(self.uri.path()),
            route: self.route.as_deref(),
            status: self.status(),
            code: self.code,
            ms: milliseconds(took),
            bytes: self.bytes,
            key: self.key.as_deref(),
            peer: self.peer,
            user_agent: self.agent.as_ref().map(|agent| cut(text(agent))),
            stages_ms: self.timing,
        };
        // Texts and numbers can always be written as JSON.
        serde_json::to_string(&line).unwrap_or_default()
    }
}

impl RequestRecord {
    /// Makes the request's spans, if traces are wanted of it; its trace.
    fn traced(&self, took: Duration) -> Option<String> {
        let traces = self.service.middleware().traces.as_ref()?;
        traces.record(
            self.parent.as_ref()?,
            &Request {
                id: text(&self.id),
                method: self.method.as_str(),
                route: self.route.as_deref(),
                path: cut(self.uri.path()),
                status: self.status(),
                code: self.code,
                peer: self.peer,
                agent: self.agent.as_ref().map(|agent| cut(text(agent))),
                bytes: self.bytes,
                took,
                answered: self.answered,
                timing: self.timing.as_ref(),
            },
        )
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        let took = self.start.elapsed();
        let guard = self.service.middleware();
        let route = self.route.as_deref();
        guard
            .metrics()
            .request(&self.method, route, self.status(), self.code, took);
        if let Some(bound) = self.shed {
            guard.metrics().shed(bound);
        }
        // The handler's total is part of the request's own time.
        for (stage, milliseconds) in self.timing.iter().flat_map(TimingMs::stages) {
            guard.metrics().stage(stage, milliseconds);
        }
        let trace = self.traced(took);
        if let Some(sink) = &guard.access_log.sink {
            (sink.0)(&self.line(took, trace));
        }
        if guard.access_log.slow.is_some_and(|slow| took >= slow) {
            tracing::warn!(
                request_id = text(&self.id),
                method = self.method.as_str(),
                // Escaped by its `Debug`: what a client wrote starts no line of its own.
                url = ?cut(self.uri.path_and_query().map_or("", |url| url.as_str())),
                status = self.status(),
                ms = milliseconds(took),
                stages_ms = self.timing.map(|timing| timing.to_string()).unwrap_or_default(),
                "a slow request"
            );
        }
    }
}

/// A line of the access log. What was asked for is not in it: searches are their askers' affair.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    method: &'a str,
    path: &'a str,
    route: Option<&'a str>,
    status: u16,
    code: Option<&'a str>,
    ms: f64,
    bytes: usize,
    key: Option<&'a str>,
    peer: Option<SocketAddr>,
    user_agent: Option<&'a str>,
    /// Empty where the answer has no stages.
    #[serde(serialize_with = "as_map")]
    stages_ms: Option<TimingMs>,
}

#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)] // so serde calls it
fn as_map<S: Serializer>(timing: &Option<TimingMs>, to: S) -> Result<S::Ok, S::Error> {
    match timing {
        Some(timing) => timing.serialize(to),
        None => to.serialize_map(Some(0))?.end(),
    }
}

fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or("unreadable")
}

fn cut(text: &str) -> &str {
    text.char_indices()
        .nth(MAX_CHARACTERS)
        .map_or(text, |(end, _)| &text[..end])
}
