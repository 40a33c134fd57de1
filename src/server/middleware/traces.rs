//! OpenTelemetry traces: a span for each request, and a child span for each of its stages.
//!
//! Spans are created from the record of a completed request, so that tracing costs nothing while a request
//! is processed. A thread of low priority exports them by OTLP over HTTP; spans beyond its queue are
//! dropped. The client decides in the header `traceparent` (W3C Trace Context) whether its trace is
//! sampled; without this header, a configured fraction is.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use actix_web::http::header::{HeaderMap, HeaderName};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Response};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, SpanData,
    SpanExporter,
};

use super::ServerSetupError;
use crate::engine;
use crate::wire::TimingMs;

/// Maximum number of queued spans; further ones are dropped.
const MAX_QUEUED_SPANS: usize = 8192;

/// Maximum number of spans per export.
const MAX_BATCH_SPANS: usize = 1024;

/// How long a span waits for others before it is exported.
const BATCH_DELAY: Duration = Duration::from_secs(1);

/// Timeout of an export.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Minimum interval between two warnings about failed exports.
const WARN_INTERVAL: Duration = Duration::from_mins(1);

/// Maximum size of the collector's response.
const MAX_RESPONSE_BYTES: u64 = 64 * 1024;

/// Destination and sampling of traces.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceOptions {
    /// The collector, such as `http://127.0.0.1:4318`; `/v1/traces` is added.
    pub endpoint: String,
    /// Fraction of requests that are traced, 0 to 1, among those without a sampling decision of their own.
    pub sample_ratio: f64,
}

/// Creates and exports spans.
pub(super) struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    counters: Arc<SpanCounters>,
}

/// Counts of spans at one point in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::server) struct SpanCounts {
    /// Created spans. Those neither sent nor failed are queued or were dropped.
    pub(in crate::server) made: u64,
    /// Spans that the collector accepted.
    pub(in crate::server) sent: u64,
    /// Spans whose export failed.
    pub(in crate::server) failed: u64,
}

#[derive(Debug, Default)]
struct SpanCounters {
    made: AtomicU64,
    sent: AtomicU64,
    failed: AtomicU64,
}

/// The trace context in the headers of a request.
pub(super) struct ParentContext(Context);

/// The facts about a completed request that are in its span.
pub(super) struct FinishedRequest<'a> {
    pub(super) id: &'a str,
    pub(super) method: &'a str,
    pub(super) route: Option<&'a str>,
    pub(super) path: &'a str,
    pub(super) status: u16,
    pub(super) code: Option<&'static str>,
    pub(super) peer: Option<SocketAddr>,
    pub(super) agent: Option<&'a str>,
    pub(super) bytes: usize,
    pub(super) duration: Duration,
    /// Time from the start until the header of the response was ready.
    pub(super) header_time: Duration,
    /// Times of the stages, if the response has any.
    pub(super) timing: Option<&'a TimingMs>,
}

impl ParentContext {
    /// Reads the context from the headers; it is empty if they have none.
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        let empty = Context::new();
        Self(TraceContextPropagator::new().extract_with_context(&empty, &Headers(headers)))
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

impl Traces {
    /// Starts the export thread.
    pub(super) fn start(options: &TraceOptions) -> Result<Self, ServerSetupError> {
        let setup_error = |reason: String| ServerSetupError::Traces {
            endpoint: options.endpoint.clone(),
            reason,
        };
        let scheme = options.endpoint.split_once("://").map(|(scheme, _)| scheme);
        if !matches!(scheme, Some("http" | "https")) {
            let expected = "expected a URL such as http://127.0.0.1:4318";
            return Err(setup_error(expected.to_owned()));
        }
        let counters = Arc::new(SpanCounters::default());
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(BlockingClient::new())
            .with_endpoint(format!(
                "{}/v1/traces",
                options.endpoint.trim_end_matches('/')
            ))
            .with_timeout(SEND_TIMEOUT)
            .build()
            .map_err(|error| setup_error(error.to_string()))?;
        let exporter = CountingExporter {
            inner: exporter,
            endpoint: options.endpoint.clone(),
            counters: Arc::clone(&counters),
            last_warning: Mutex::new(None),
        };
        let (sender, receiver) = std::sync::mpsc::channel();
        // The exporter's thread inherits the low priority of the thread that starts it.
        engine::spawn_low_priority_thread("traces", move || {
            let batches = BatchConfigBuilder::default()
                .with_max_queue_size(MAX_QUEUED_SPANS)
                .with_max_export_batch_size(MAX_BATCH_SPANS)
                .with_scheduled_delay(BATCH_DELAY)
                .build();
            let processor = BatchSpanProcessor::builder(exporter)
                .with_batch_config(batches)
                .build();
            // Cannot fail, as the receiver waits for it.
            let _ = sender.send(processor);
        })
        .map_err(|error| setup_error(error.to_string()))?;
        let processor = receiver
            .recv()
            .map_err(|error| setup_error(error.to_string()))?;
        let resource = Resource::builder()
            .with_service_name("antiphon")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let sampler = Sampler::TraceIdRatioBased(options.sample_ratio);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_sampler(Sampler::ParentBased(Box::new(sampler)))
            .with_resource(resource.build())
            .build();
        Ok(Self {
            tracer: provider.tracer("antiphon"),
            provider,
            counters,
        })
    }

    /// Creates the spans of a completed request; returns the trace id if it is sampled.
    pub(super) fn record(
        &self,
        parent: &ParentContext,
        request: &FinishedRequest<'_>,
    ) -> Option<String> {
        let end = SystemTime::now();
        let start = end.checked_sub(request.duration)?;
        let mut span = self.tracer.build_with_context(
            SpanBuilder::from_name(span_name(request))
                .with_kind(SpanKind::Server)
                .with_start_time(start)
                .with_attributes(attributes(request)),
            &parent.0,
        );
        if !span.is_recording() {
            return None;
        }
        if request.status >= 500 {
            span.set_status(Status::error(request.code.unwrap_or_default()));
        }
        let span_context = span.span_context().clone();
        let trace_id = span_context.trace_id().to_string();
        span.end_with_timestamp(end);
        let request_context = Context::new().with_remote_span_context(span_context);
        let mut made = 1;
        for (stage, stage_start, stage_end) in span_layout(request) {
            let stage = SpanBuilder::from_name(stage.to_owned())
                .with_kind(SpanKind::Internal)
                .with_start_time(start + stage_start);
            let mut span = self.tracer.build_with_context(stage, &request_context);
            span.end_with_timestamp(start + stage_end);
            made += 1;
        }
        self.counters.made.fetch_add(made, Ordering::Relaxed);
        Some(trace_id)
    }

    pub(super) fn counts(&self) -> SpanCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SpanCounts {
            made: read(&self.counters.made),
            sent: read(&self.counters.sent),
            failed: read(&self.counters.failed),
        }
    }

    /// Exports the remaining spans.
    pub(super) fn close(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(SEND_TIMEOUT) {
            tracing::warn!("flushing traces failed: {error}");
        }
    }
}

/// Returns method and route pattern; with paths the number of span names would be unbounded.
fn span_name(request: &FinishedRequest<'_>) -> String {
    match request.route {
        Some(route) => format!("{} {route}", request.method),
        None => request.method.to_owned(),
    }
}

/// Returns the attributes of OpenTelemetry's conventions for HTTP servers. The query string is not among
/// them, as searches are private.
fn attributes(request: &FinishedRequest<'_>) -> Vec<KeyValue> {
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let mut attributes = vec![
        KeyValue::new("http.request.method", request.method.to_owned()),
        KeyValue::new("url.path", request.path.to_owned()),
        KeyValue::new("http.response.status_code", i64::from(request.status)),
        KeyValue::new("http.response.body.size", number(request.bytes)),
        KeyValue::new("antiphon.request_id", request.id.to_owned()),
    ];
    if let Some(route) = request.route {
        attributes.push(KeyValue::new("http.route", route.to_owned()));
    }
    if let Some(code) = request.code {
        attributes.push(KeyValue::new("error.type", code));
    }
    if let Some(peer) = request.peer {
        attributes.push(KeyValue::new("client.address", peer.ip().to_string()));
    }
    if let Some(agent) = request.agent {
        attributes.push(KeyValue::new("user_agent.original", agent.to_owned()));
    }
    attributes
}

/// Returns the stages with their starts and ends, relative to the start of the request. They are
/// consecutive, and their total ends when the header of the response is ready.
fn span_layout(
    request: &FinishedRequest<'_>,
) -> impl Iterator<Item = (&'static str, Duration, Duration)> + use<> {
    let duration = |milliseconds: f64| {
        Duration::try_from_secs_f64(milliseconds / 1e3).unwrap_or(Duration::ZERO)
    };
    let timing = request.timing.copied();
    let total = timing.map_or(Duration::ZERO, |timing| duration(timing.total()));
    let mut start = request.header_time.saturating_sub(total);
    let stages = timing.into_iter().flat_map(|timing| timing.stages());
    stages.map(move |(name, milliseconds)| {
        let end = start + duration(milliseconds);
        let stage = (name, start, end);
        start = end;
        stage
    })
}

/// Counts exported spans, and logs failures at a limited rate.
#[derive(Debug)]
struct CountingExporter {
    inner: opentelemetry_otlp::SpanExporter,
    endpoint: String,
    counters: Arc<SpanCounters>,
    last_warning: Mutex<Option<Instant>>,
}

impl CountingExporter {
    fn warn_rate_limited(&self, reason: &dyn std::fmt::Display) {
        let mut last_warning = self
            .last_warning
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last_warning.is_none_or(|last| last.elapsed() >= WARN_INTERVAL) {
            *last_warning = Some(Instant::now());
            tracing::warn!(
                "cannot export traces to {}, dropping them: {reason} (repeated at most once a minute)",
                self.endpoint
            );
        }
    }
}

impl SpanExporter for CountingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len() as u64;
        let outcome = self.inner.export(batch).await;
        let counter = match &outcome {
            Ok(()) => &self.counters.sent,
            Err(error) => {
                self.warn_rate_limited(error);
                &self.counters.failed
            }
        };
        counter.fetch_add(count, Ordering::Relaxed);
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// A blocking HTTP client, which may block as the exporter has a thread of its own.
#[derive(Debug)]
struct BlockingClient(ureq::Agent);

impl BlockingClient {
    fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(SEND_TIMEOUT));
        Self(config.build().into())
    }
}

#[async_trait::async_trait]
impl HttpClient for BlockingClient {
    async fn send_bytes(
        &self,
        request: opentelemetry_http::Request<Bytes>,
    ) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let request = opentelemetry_http::Request::from_parts(head, body.to_vec());
        let (head, mut body) = self.0.run(request)?.into_parts();
        let body = body.with_config().limit(MAX_RESPONSE_BYTES).read_to_vec()?;
        Ok(Response::from_parts(head, body.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::StageTimes;

    #[test]
    fn stages_end_where_the_response_begins() {
        let stages = StageTimes {
            encode: Duration::from_millis(3),
            ..StageTimes::default()
        };
        let start = Instant::now();
        let timing = TimingMs::new(Duration::from_millis(2), stages, Duration::ZERO, start);
        let request = FinishedRequest {
            id: "a",
            method: "GET",
            route: None,
            path: "/",
            status: 200,
            code: None,
            peer: None,
            agent: None,
            bytes: 0,
            duration: Duration::from_millis(20),
            header_time: Duration::from_millis(15),
            timing: Some(&timing),
        };
        let total = Duration::from_secs_f64(timing.total() / 1e3);
        let mut expected_start = request.header_time.saturating_sub(total);
        let layout: Vec<_> = span_layout(&request).collect();
        let names: Vec<&str> = layout.iter().map(|(name, ..)| *name).collect();
        let stages = [
            "queue",
            "tokenize",
            "encode",
            "search",
            "fetch",
            "serialize",
        ];
        assert_eq!(names, stages);
        for (name, start, end) in layout {
            assert_eq!(start, expected_start, "{name}");
            let milliseconds = match name {
                "queue" => 2,
                "encode" => 3,
                _ => 0,
            };
            assert_eq!(end, start + Duration::from_millis(milliseconds), "{name}");
            expected_start = end;
        }
    }

    #[test]
    fn an_invalid_endpoint_is_named() {
        for endpoint in ["", "localhost:4318", "ftp://here", "http://", "http://a b"] {
            let options = TraceOptions {
                endpoint: endpoint.to_owned(),
                sample_ratio: 1.0,
            };
            let error = Traces::start(&options).err().map(|error| error.to_string());
            assert!(
                error.is_some_and(|error| error.contains(&format!("{endpoint:?}"))),
                "{endpoint}"
            );
        }
    }
}
