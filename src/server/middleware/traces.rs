//! Traces in the terms of OpenTelemetry: a span for each request, and one for each of its stages.
//!
//! Spans are made once a request is over, from what its record knows, so that nothing is done for
//! them while it is answered. A thread of low priority sends them by OTLP over HTTP; what does not
//! fit into its queue is dropped and counted. Whether a trace is kept is for whoever began it to
//! say, in the header `traceparent` (W3C Trace Context); where nobody does, a share is.

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
use crate::server::timing::TimingMs;

/// Spans that wait to be sent; more are dropped.
const QUEUE: usize = 8192;

/// Spans that are sent together.
const BATCH: usize = 1024;

/// Longest time that a span waits for others.
const DELAY: Duration = Duration::from_secs(1);

/// Longest time that sending may take.
const SENDING: Duration = Duration::from_secs(5);

/// How often it is said that traces cannot be sent.
const SAY_EVERY: Duration = Duration::from_mins(1);

/// Most bytes of the collector's answer that are read.
const MOST_ANSWERED: u64 = 64 * 1024;

/// Where traces go, and of which requests.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceOptions {
    /// The collector, such as `http://127.0.0.1:4318`; `/v1/traces` is added.
    pub endpoint: String,
    /// The share of the requests, 0 to 1, of those that come without a decision of their own.
    pub sample_ratio: f64,
}

/// Makes spans and has them sent.
pub(super) struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    counters: Arc<Counters>,
}

/// What has become of spans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::server) struct SpanCounts {
    /// Those that were made; of these the rest waits or was dropped.
    pub(in crate::server) made: u64,
    /// Those that the collector took.
    pub(in crate::server) sent: u64,
    /// Those that it did not take.
    pub(in crate::server) failed: u64,
}

#[derive(Debug, Default)]
struct Counters {
    made: AtomicU64,
    sent: AtomicU64,
    failed: AtomicU64,
}

/// What a request is part of.
pub(super) struct ParentContext(Context);

/// What is known of a request that is over.
pub(super) struct Request<'a> {
    pub(super) id: &'a str,
    pub(super) method: &'a str,
    pub(super) route: Option<&'a str>,
    pub(super) path: &'a str,
    pub(super) status: u16,
    pub(super) code: Option<&'static str>,
    pub(super) peer: Option<SocketAddr>,
    pub(super) agent: Option<&'a str>,
    pub(super) bytes: usize,
    pub(super) took: Duration,
    /// When the answer's head was there, from the beginning.
    pub(super) answered: Duration,
    /// The stages of the answer, if it has any.
    pub(super) timing: Option<&'a TimingMs>,
}

impl ParentContext {
    /// As the headers tell; nothing if they do not.
    pub(super) fn of(headers: &HeaderMap) -> Self {
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
    /// Begins to take spans.
    pub(super) fn start(options: &TraceOptions) -> Result<Self, ServerSetupError> {
        let wrong = |reason: String| ServerSetupError::Traces {
            endpoint: options.endpoint.clone(),
            reason,
        };
        let scheme = options.endpoint.split_once("://").map(|(scheme, _)| scheme);
        if !matches!(scheme, Some("http" | "https")) {
            let expected = "expected a URL such as http://127.0.0.1:4318";
            return Err(wrong(expected.to_owned()));
        }
        let counters = Arc::new(Counters::default());
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new())
            .with_endpoint(format!(
                "{}/v1/traces",
                options.endpoint.trim_end_matches('/')
            ))
            .with_timeout(SENDING)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        let exporter = Counting {
            inner: exporter,
            endpoint: options.endpoint.clone(),
            counters: Arc::clone(&counters),
            said: Mutex::new(None),
        };
        let (tell, told) = std::sync::mpsc::channel();
        // The thread that sends inherits the priority of the one that starts it.
        engine::background_thread("traces", move || {
            let batches = BatchConfigBuilder::default()
                .with_max_queue_size(QUEUE)
                .with_max_export_batch_size(BATCH)
                .with_scheduled_delay(DELAY)
                .build();
            let processor = BatchSpanProcessor::builder(exporter)
                .with_batch_config(batches)
                .build();
            // Whoever waits for it is there until it has it.
            let _ = tell.send(processor);
        })
        .map_err(|error| wrong(error.to_string()))?;
        let processor = told.recv().map_err(|error| wrong(error.to_string()))?;
        let resource = Resource::builder()
            .with_service_name("antiphon")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let share = Sampler::TraceIdRatioBased(options.sample_ratio);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_sampler(Sampler::ParentBased(Box::new(share)))
            .with_resource(resource.build())
            .build();
        Ok(Self {
            tracer: provider.tracer("antiphon"),
            provider,
            counters,
        })
    }

    /// Makes the spans of a request that is over; its trace, if it is kept.
    pub(super) fn record(&self, parent: &ParentContext, request: &Request<'_>) -> Option<String> {
        let end = SystemTime::now();
        let start = end.checked_sub(request.took)?;
        let mut span = self.tracer.build_with_context(
            SpanBuilder::from_name(name(request))
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
        let own = span.span_context().clone();
        let trace = own.trace_id().to_string();
        span.end_with_timestamp(end);
        let within = Context::new().with_remote_span_context(own);
        let mut made = 1;
        for (stage, begun, ended) in span_layout(request) {
            let stage = SpanBuilder::from_name(stage.to_owned())
                .with_kind(SpanKind::Internal)
                .with_start_time(start + begun);
            let mut span = self.tracer.build_with_context(stage, &within);
            span.end_with_timestamp(start + ended);
            made += 1;
        }
        self.counters.made.fetch_add(made, Ordering::Relaxed);
        Some(trace)
    }

    pub(super) fn counts(&self) -> SpanCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SpanCounts {
            made: read(&self.counters.made),
            sent: read(&self.counters.sent),
            failed: read(&self.counters.failed),
        }
    }

    /// Sends what is left.
    pub(super) fn close(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(SENDING) {
            tracing::warn!("the last traces may not have been sent: {error}");
        }
    }
}

/// Method and pattern: a name for each path would be as many names as there are paths.
fn name(request: &Request<'_>) -> String {
    match request.route {
        Some(route) => format!("{} {route}", request.method),
        None => request.method.to_owned(),
    }
}

/// In the names of OpenTelemetry's conventions for HTTP. What was asked for is not among them:
/// searches are their askers' affair.
fn attributes(request: &Request<'_>) -> Vec<KeyValue> {
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

/// The stages with their beginnings and ends, counted from that of the request. They come one after
/// the other, and their total ends where the answer's head is there.
fn span_layout(
    request: &Request<'_>,
) -> impl Iterator<Item = (&'static str, Duration, Duration)> + use<> {
    let duration = |milliseconds: f64| {
        Duration::try_from_secs_f64(milliseconds / 1e3).unwrap_or(Duration::ZERO)
    };
    let timing = request.timing.copied();
    let total = timing.map_or(Duration::ZERO, |timing| duration(timing.total()));
    let mut begun = request.answered.saturating_sub(total);
    let stages = timing.into_iter().flat_map(|timing| timing.stages());
    stages.map(move |(name, took)| {
        let ended = begun + duration(took);
        let stage = (name, begun, ended);
        begun = ended;
        stage
    })
}

/// Counts what is sent, and says now and then why it is not.
#[derive(Debug)]
struct Counting {
    inner: opentelemetry_otlp::SpanExporter,
    endpoint: String,
    counters: Arc<Counters>,
    said: Mutex<Option<Instant>>,
}

impl Counting {
    fn warn_rate_limited(&self, reason: &dyn std::fmt::Display) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            *said = Some(Instant::now());
            tracing::warn!(
                "traces cannot be sent to {}, they are dropped: {reason}; this is said once a minute",
                self.endpoint
            );
        }
    }
}

impl SpanExporter for Counting {
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

/// Sends on the thread that asks for it, which has nothing else to do.
#[derive(Debug)]
struct Client(ureq::Agent);

impl Client {
    fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(SENDING));
        Self(config.build().into())
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(
        &self,
        request: opentelemetry_http::Request<Bytes>,
    ) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let request = opentelemetry_http::Request::from_parts(head, body.to_vec());
        let (head, mut body) = self.0.run(request)?.into_parts();
        let answered = body.with_config().limit(MOST_ANSWERED).read_to_vec()?;
        Ok(Response::from_parts(head, answered.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::StageTimes;

    #[test]
    fn stages_end_where_the_answer_begins() {
        let stages = StageTimes {
            encode: Duration::from_millis(3),
            ..StageTimes::default()
        };
        let begun = Instant::now();
        let timing = TimingMs::new(Duration::from_millis(2), stages, Duration::ZERO, begun);
        let request = Request {
            id: "a",
            method: "GET",
            route: None,
            path: "/",
            status: 200,
            code: None,
            peer: None,
            agent: None,
            bytes: 0,
            took: Duration::from_millis(20),
            answered: Duration::from_millis(15),
            timing: Some(&timing),
        };
        let total = Duration::from_secs_f64(timing.total() / 1e3);
        let mut expected = request.answered.saturating_sub(total);
        let laid_out: Vec<_> = span_layout(&request).collect();
        let names: Vec<&str> = laid_out.iter().map(|(name, ..)| *name).collect();
        let stages = [
            "queue",
            "tokenize",
            "encode",
            "search",
            "fetch",
            "serialize",
        ];
        assert_eq!(names, stages);
        for (name, begun, ended) in laid_out {
            assert_eq!(begun, expected, "{name}");
            let took = match name {
                "queue" => 2,
                "encode" => 3,
                _ => 0,
            };
            assert_eq!(ended, begun + Duration::from_millis(took), "{name}");
            expected = ended;
        }
    }

    #[test]
    fn an_endpoint_that_is_none_is_named() {
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
