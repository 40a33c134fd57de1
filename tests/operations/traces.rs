//! Traces as received by a collector.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use antiphon::server::{LogSink, MiddlewareOptions, MiddlewareState, Service, TraceOptions};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use serde_json::Value;
use tempfile::TempDir;

use super::{ENGINE, SEARCH};
use crate::support;
use crate::support::process::{SAMPLES, ServeProcess};
use crate::support::raw_http::{RawResponse, send};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// Collects spans that are exported by OTLP over HTTP.
struct Collector {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<_>>> = Arc::default();
        let received = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let received = Arc::clone(&received);
                thread::spawn(move || receive(stream.unwrap(), &received));
            }
        });
        Self { address, requests }
    }

    fn options(&self, sample_ratio: f64) -> MiddlewareOptions {
        MiddlewareOptions {
            traces: Some(TraceOptions {
                endpoint: format!("http://{}", self.address),
                sample_ratio,
            }),
            ..MiddlewareOptions::default()
        }
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.requests.lock().unwrap();
        let resources = requests.iter().flat_map(|r| &r.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }
}

fn receive(mut stream: TcpStream, received: &Mutex<Vec<ExportTraceServiceRequest>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    loop {
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read(&mut byte).unwrap_or(0) == 0 {
                return;
            }
            head.push(byte[0]);
        }
        let text = String::from_utf8(std::mem::take(&mut head)).unwrap();
        assert!(text.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{text}");
        let text = text.to_lowercase();
        assert!(
            text.contains("content-type: application/x-protobuf"),
            "{text}"
        );
        let length = text.split("content-length: ").nth(1).unwrap();
        let length = length.split("\r\n").next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        received.lock().unwrap().push(request);
        let response =
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(response.as_bytes()).unwrap();
    }
}

fn serve(options: MiddlewareOptions) -> (Arc<Service>, SocketAddr) {
    let middleware = MiddlewareState::open(options).unwrap();
    let service = Arc::new(Service::new(support::LIMITS).with_middleware(middleware));
    service.set_engine(Arc::clone(&ENGINE));
    (Arc::clone(&service), support::start_server(service))
}

/// Waits for a condition: a request's record is written after its response.
fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "timed out");
        sleep(Duration::from_millis(10));
    }
}

fn metric(server: SocketAddr, name: &str) -> u64 {
    let text = send(server, "GET /metrics", &[], "").body;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.unwrap_or_else(|| panic!("no {name} in:\n{text}"));
    value.trim().parse().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    let byte = |mut text: String, byte: &u8| {
        let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"));
        text
    };
    bytes.iter().fold(String::new(), byte)
}

fn attribute(span: &Span, name: &str) -> String {
    let found = span.attributes.iter().find(|a| a.key == name);
    let value = found.and_then(|a| a.value.clone()?.value);
    match value {
        Some(Any::StringValue(text)) => text,
        Some(Any::IntValue(number)) => number.to_string(),
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn a_request_is_a_span_of_its_caller_s_trace_and_its_stages_are_spans_of_it() {
    let collector = Collector::start();
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let written = Arc::clone(&lines);
    let (service, server) = serve(MiddlewareOptions {
        access_log: Some(LogSink::new(move |line| {
            written.lock().unwrap().push(line.to_owned());
        })),
        // With a ratio of 0 only the client's decision can sample a trace.
        ..collector.options(0.0)
    });
    let traced = format!("traceparent: 00-{TRACE}-{PARENT}-01");
    let state = "tracestate: vendor=value";
    assert_eq!(
        send(server, SEARCH, &[&traced, state, "X-Request-Id: seven"], "").status,
        200
    );
    let body = "{\"query\": \"secret words\", \"limit\": 0}";
    assert_eq!(
        send(server, "POST /v1/search", &[&traced], body).status,
        400
    );
    // Not sampled: by the decision of the client, or without one.
    let untraced = format!("traceparent: 00-{TRACE}-{PARENT}-00");
    for header in [untraced.as_str(), "traceparent: 00-zz-01", "Accept: */*"] {
        assert_eq!(send(server, SEARCH, &[header], "").status, 200);
    }
    until(|| lines.lock().unwrap().len() == 5);
    service.middleware().flush_traces();
    let spans = collector.spans();
    let (requests, stages): (Vec<&Span>, Vec<&Span>) = spans
        .iter()
        .partition(|span| span.kind == SpanKind::Server as i32);
    assert_eq!(requests.len(), 2, "{spans:#?}");
    for span in &spans {
        assert_eq!(hex(&span.trace_id), TRACE);
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
    }
    for request in &requests {
        assert_eq!(hex(&request.parent_span_id), PARENT);
    }
    let of = |name: &str| *requests.iter().find(|span| span.name == name).unwrap();
    let (found, rejected) = (of("GET /v1/search"), of("POST /v1/search"));
    assert_eq!(found.trace_state, "vendor=value");
    assert_eq!(attribute(found, "http.request.method"), "GET");
    assert_eq!(attribute(found, "http.route"), "/v1/search");
    assert_eq!(attribute(found, "http.response.status_code"), "200");
    assert_eq!(attribute(found, "antiphon.request_id"), "seven");
    assert_eq!(attribute(found, "client.address"), "127.0.0.1");
    assert_eq!(attribute(rejected, "error.type"), "limit_out_of_range");
    let names: Vec<&str> = stages.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "queue",
            "tokenize",
            "encode",
            "search",
            "fetch",
            "serialize"
        ]
    );
    let mut before = found.start_time_unix_nano;
    for stage in stages {
        assert_eq!(stage.parent_span_id, found.span_id);
        assert!(stage.start_time_unix_nano >= before, "one after the other");
        assert!(stage.end_time_unix_nano <= found.end_time_unix_nano);
        before = stage.end_time_unix_nano;
    }
    let requests = collector.requests.lock().unwrap();
    let resource = requests[0].resource_spans[0].resource.clone().unwrap();
    assert!(
        format!("{resource:?}").contains("\"antiphon\""),
        "{resource:?}"
    );
    let all = format!("{requests:?}");
    assert!(
        !all.contains("peace") && !all.contains("secret"),
        "queries are not exported"
    );
    drop(requests);
    let ids: Vec<Value> = lines
        .lock()
        .unwrap()
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["trace_id"].clone())
        .collect();
    assert_eq!(ids.iter().filter(|id| *id == TRACE).count(), 2, "{ids:?}");
    assert_eq!(ids.iter().filter(|id| id.is_null()).count(), 3);
    assert_eq!(
        metric(server, "antiphon_trace_spans_total{outcome=\"made\"}"),
        8
    );
    assert_eq!(
        metric(server, "antiphon_trace_spans_total{outcome=\"sent\"}"),
        8
    );
}

#[test]
fn without_a_decision_the_sample_ratio_applies() {
    let collector = Collector::start();
    let (service, server) = serve(collector.options(1.0));
    let broken = format!("traceparent: 00-{}-{PARENT}-01", "0".repeat(32));
    for header in ["Accept: */*", "traceparent: nonsense", &broken] {
        assert_eq!(send(server, "GET /livez", &[header], "").status, 200);
    }
    let untraced = format!("traceparent: 00-{TRACE}-{PARENT}-00");
    assert_eq!(send(server, "GET /livez", &[&untraced], "").status, 200);
    until(|| {
        metric(
            server,
            "antiphon_requests_total{method=\"GET\",route=\"/livez\",status=\"200\"}",
        ) == 4
    });
    service.middleware().flush_traces();
    let spans = collector.spans();
    let spans: Vec<&Span> = spans
        .iter()
        .filter(|span| span.name == "GET /livez")
        .collect();
    assert_eq!(spans.len(), 3);
    let mut traces: Vec<&[u8]> = spans.iter().map(|span| span.trace_id.as_slice()).collect();
    traces.dedup();
    assert_eq!(traces.len(), 3, "one trace per request");
    assert!(spans.iter().all(|span| span.parent_span_id.is_empty()));
}

#[test]
fn a_failing_collector_does_not_affect_requests() {
    // One refuses connections, one accepts them and never responds.
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = refusing.local_addr().unwrap();
    drop(refusing);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for address in [refused, silent.local_addr().unwrap()] {
        let (service, server) = serve(MiddlewareOptions {
            traces: Some(TraceOptions {
                endpoint: format!("http://{address}/"),
                sample_ratio: 1.0,
            }),
            ..MiddlewareOptions::default()
        });
        // More spans than the queue holds.
        for _ in 0..1500 {
            let stream = support::raw_http::connect(server);
            searched(stream);
        }
        until(|| metric(server, "antiphon_trace_spans_total{outcome=\"made\"}") > 9000);
        until(|| metric(server, "antiphon_trace_spans_total{outcome=\"failed\"}") > 0);
        assert_eq!(
            metric(server, "antiphon_trace_spans_total{outcome=\"sent\"}"),
            0
        );
        drop(service);
    }
}

fn searched(mut stream: TcpStream) {
    let request = support::raw_http::format_request(SEARCH, &[], "");
    stream.write_all(request.as_bytes()).unwrap();
    assert_eq!(RawResponse::read(&mut stream).status, 200);
}

#[test]
fn the_last_traces_are_exported_and_failures_logged_once() {
    let folder = TempDir::new().unwrap();
    let collector = Collector::start();
    let endpoint = format!("http://{}", collector.address);
    let served = ServeProcess::start(&folder, &SAMPLES, &[("ANTIPHON_OTLP_ENDPOINT", &endpoint)]);
    assert_eq!(send(served.address, SEARCH, &[], "").status, 200);
    served.signal("TERM");
    served.wait_for_success();
    let names: Vec<String> = collector
        .spans()
        .into_iter()
        .map(|span| span.name)
        .collect();
    assert!(names.contains(&"GET /v1/search".to_owned()), "{names:?}");

    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let served = ServeProcess::start(&folder, &SAMPLES, &[("ANTIPHON_OTLP_ENDPOINT", &endpoint)]);
    for failures in 1..4 {
        assert_eq!(send(served.address, SEARCH, &[], "").status, 200);
        let failed = "antiphon_trace_spans_total{outcome=\"failed\"}";
        until(|| metric(served.address, failed) >= failures * 7);
    }
    served.signal("TERM");
    let log = served.wait_for_success();
    assert_eq!(log.matches("cannot export traces to").count(), 1, "{log}");
    assert!(log.contains(&endpoint), "{log}");
}
