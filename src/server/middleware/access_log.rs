//! The record of a request: metrics, an access log line, a warning if it was slow, a trace.

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
use super::connections::{BusyGuard, TrackedConnection};
use super::in_flight::RequestGuard;
use super::traces::{FinishedRequest, ParentContext};
use crate::server::problem::{ProblemCode, ShedReason};
use crate::server::service::Service;
use crate::wire::{TimingMs, milliseconds};

/// The status (nginx's) of a request whose client disconnected before the response; it is never sent.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Maximum length of logged paths, URLs and user agents.
const MAX_LOGGED_CHARS: usize = 1024;

/// Receives log lines without their line ends.
pub struct LogSink(Box<dyn Fn(&str) + Send + Sync>);

impl LogSink {
    /// Creates a sink that calls `write` with each line.
    pub fn new(write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Box::new(write))
    }
}

impl fmt::Debug for LogSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogSink")
    }
}

/// Decides which requests are logged, and where.
#[derive(Debug, Default)]
pub(super) struct AccessLogger {
    sink: Option<LogSink>,
    slow_threshold: Option<Duration>,
}

impl AccessLogger {
    pub(super) fn new(sink: Option<LogSink>, slow_threshold: Option<Duration>) -> Self {
        Self {
            sink,
            slow_threshold,
        }
    }

    /// Returns whether a request of this duration is logged.
    pub(super) fn is_enabled(&self, duration: Duration) -> bool {
        self.sink.is_some() || self.is_slow(duration)
    }

    fn is_slow(&self, duration: Duration) -> bool {
        self.slow_threshold
            .is_some_and(|threshold| duration >= threshold)
    }
}

/// Collects the facts about a request; dropping it writes metrics, logs and trace.
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
    /// Time from the start until the header of the response was ready.
    header_time: Duration,
    /// The trace context of the client, if traces are enabled.
    parent: Option<ParentContext>,
    bytes: usize,
    connection: Option<BusyGuard>,
    /// The last field, and so dropped last: the shutdown waits for requests including their records.
    _in_flight: Option<RequestGuard>,
}

impl RequestRecord {
    pub(super) fn new(
        service: Arc<Service>,
        in_flight: Option<RequestGuard>,
        request: &ServiceRequest,
        id: HeaderValue,
    ) -> Self {
        let traces = service.middleware().traces.as_ref();
        let parent = traces.map(|_| ParentContext::from_headers(request.headers()));
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
            header_time: Duration::ZERO,
            parent,
            bytes: 0,
            connection: connection.map(TrackedConnection::mark_busy),
            _in_flight: in_flight,
        }
    }

    /// Sets an earlier start of the request.
    pub(super) fn start_at(&mut self, start: Instant) {
        self.start = start;
    }

    /// Records the header of the response.
    pub(super) fn record_response<B>(&mut self, response: &ServiceResponse<B>) {
        let request = response.request();
        self.route = request.match_pattern();
        self.status = Some(response.status());
        let extensions = response.response().extensions();
        self.code = extensions.get::<ProblemCode>().map(|code| code.0);
        self.shed = extensions.get::<ShedReason>().map(|shed| shed.0);
        self.header_time = self.start.elapsed();
        self.timing = extensions.get::<TimingMs>().copied();
        if let Some(timing) = self.timing {
            self.service.recent_timings().record(timing);
        }
        self.key = request
            .extensions()
            .get::<AuthenticatedKey>()
            .map(|name| Arc::clone(&name.0));
    }

    /// Records an error, which an outer layer converts to a response.
    pub(super) fn record_error(&mut self, error: &Error) {
        self.status = Some(error.as_response_error().status_code());
    }

    pub(super) fn add_bytes(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Returns the connection, if it is tracked.
    pub(super) fn connection(&self) -> Option<&BusyGuard> {
        self.connection.as_ref()
    }

    fn status(&self) -> u16 {
        self.status
            .map_or(CLIENT_CLOSED_REQUEST, |status| status.as_u16())
    }

    fn line(&self, duration: Duration, trace_id: Option<String>) -> String {
        let line = AccessLogLine {
            time: Timestamp::now().to_string(),
            request_id: text(&self.id),
            trace_id,
            method: truncate(self.method.as_str()),
            path: truncate(self.uri.path()),
            route: self.route.as_deref(),
            status: self.status(),
            code: self.code,
            ms: milliseconds(duration),
            bytes: self.bytes,
            key: self.key.as_deref(),
            peer: self.peer,
            user_agent: self.agent.as_ref().map(|agent| truncate(text(agent))),
            stages_ms: self.timing,
        };
        // Strings and numbers, whose serialization cannot fail.
        serde_json::to_string(&line).unwrap_or_default()
    }
}

impl RequestRecord {
    /// Creates the spans of the request if it is traced; returns the trace id.
    fn record_spans(&self, duration: Duration) -> Option<String> {
        let traces = self.service.middleware().traces.as_ref()?;
        traces.record(
            self.parent.as_ref()?,
            &FinishedRequest {
                id: text(&self.id),
                method: self.method.as_str(),
                route: self.route.as_deref(),
                path: truncate(self.uri.path()),
                status: self.status(),
                code: self.code,
                peer: self.peer,
                agent: self.agent.as_ref().map(|agent| truncate(text(agent))),
                bytes: self.bytes,
                duration,
                header_time: self.header_time,
                timing: self.timing.as_ref(),
            },
        )
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        let duration = self.start.elapsed();
        let middleware = self.service.middleware();
        let metrics = middleware.metrics();
        let route = self.route.as_deref();
        metrics.record_request(&self.method, route, self.status(), self.code, duration);
        if let Some(limit) = self.shed {
            metrics.record_shed(limit);
        }
        // Without the handler's total, which is part of the request's duration.
        for (stage, milliseconds) in self.timing.iter().flat_map(TimingMs::stages) {
            metrics.record_stage(stage, milliseconds);
        }
        let trace_id = self.record_spans(duration);
        if let Some(sink) = &middleware.access_log.sink {
            (sink.0)(&self.line(duration, trace_id));
        }
        if middleware.access_log.is_slow(duration) {
            tracing::warn!(
                request_id = text(&self.id),
                method = self.method.as_str(),
                // `Debug` escapes it, so that a client cannot forge log lines.
                url = ?truncate(self.uri.path_and_query().map_or("", |url| url.as_str())),
                status = self.status(),
                ms = milliseconds(duration),
                stages_ms = self.timing.map(|timing| timing.to_string()).unwrap_or_default(),
                "slow request"
            );
        }
    }
}

/// A line of the access log. It has no query string, as searches are private.
#[derive(Serialize)]
struct AccessLogLine<'a> {
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
    /// An empty object if the response has no stages.
    #[serde(serialize_with = "serialize_stages")]
    stages_ms: Option<TimingMs>,
}

#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)] // serde's signature
fn serialize_stages<S: Serializer>(
    timing: &Option<TimingMs>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match timing {
        Some(timing) => timing.serialize(serializer),
        None => serializer.serialize_map(Some(0))?.end(),
    }
}

fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or("unreadable")
}

fn truncate(text: &str) -> &str {
    text.char_indices()
        .nth(MAX_LOGGED_CHARS)
        .map_or(text, |(end, _)| &text[..end])
}
