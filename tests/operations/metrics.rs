//! Metrics other than those of requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use antiphon::engine::{Engine, EngineOptions, IndexConfig};
use antiphon::index::{BuildOptions, HnswParameters, NoBuildProgress};
use antiphon::server::{Service, ServiceLimits};
use serde_json::json;
use tempfile::TempDir;

use crate::support;
use crate::support::client::{JSON, LINES, send_bytes};
use crate::support::raw_http::send;

/// A response of `/metrics`.
struct Scrape(String);

impl Scrape {
    fn of(server: std::net::SocketAddr) -> Self {
        Self(send(server, "GET /metrics", &[], "").body)
    }

    #[track_caller]
    fn value(&self, name: &str) -> f64 {
        let found = self
            .0
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = found.unwrap_or_else(|| panic!("no {name} in:\n{}", self.0));
        value.parse().unwrap()
    }

    #[track_caller]
    fn assert_values(&self, values: &[(&str, u32)]) {
        for (name, expected) in values {
            let value = self.value(name);
            assert!(
                (value - f64::from(*expected)).abs() < 0.1,
                "{name} is {value}"
            );
        }
    }
}

#[test]
fn stage_metrics_agree_with_responses() {
    let (engine, _data) = support::sample_engine();
    let service = Arc::new(Service::new(support::LIMITS));
    service.set_engine(engine);
    let server = support::start_server(service);
    let stages = [
        "queue",
        "tokenize",
        "encode",
        "search",
        "fetch",
        "serialize",
    ];
    let mut reported = [0.0; 6];
    for line in [
        "GET /v1/search?q=peace&limit=1",
        "GET /v1/search?q=war&mode=hybrid",
        "GET /v1/search?q=treaty&mode=keyword",
    ] {
        let reply = send(server, line, &[], "");
        let body = reply.json();
        for (sum, stage) in reported.iter_mut().zip(stages) {
            let took = body["timing_ms"][stage].as_f64().unwrap();
            *sum += took / 1e3;
            let header = format!("{stage};dur={took}");
            assert!(reply.header("server-timing").contains(&header));
        }
    }
    // Responses without stages, and those of failed searches, have no times.
    send(server, "GET /v1/search?q=", &[], "").assert_problem(400, "empty_query");
    assert_eq!(send(server, "GET /v1/documents", &[], "").status, 200);
    let scrape = Scrape::of(server);
    for (sum, stage) in reported.iter().zip(stages) {
        let measured = |what: &str| {
            scrape.value(&format!(
                "antiphon_stage_duration_seconds_{what}{{stage=\"{stage}\"}}"
            ))
        };
        assert!((measured("count") - 3.0).abs() < 0.1, "{stage}");
        assert!((measured("sum") - sum).abs() < 1e-9, "{stage}");
    }
    assert!(!scrape.0.contains("stage=\"total\""));
}

#[test]
fn caches_encoder_index_and_store_are_measured() {
    let (engine, data) = support::sample_engine();
    let service = Arc::new(Service::new(support::LIMITS));
    service.set_engine(engine);
    let server = support::start_server(service);
    for (headers, query) in [
        (&[][..], "peace"),
        (&[], "peace"),
        (&["Cache-Control: no-store"], "peace"),
        (&[], "war"),
    ] {
        let line = format!("GET /v1/search?limit=1&q={query}");
        assert_eq!(send(server, &line, headers, "").status, 200);
    }
    let keyword = "GET /v1/search?q=peace&limit=1&mode=keyword";
    assert_eq!(send(server, keyword, &[], "").status, 200);
    let scrape = Scrape::of(server);
    scrape.assert_values(&[
        ("antiphon_query_cache_requests_total{result=\"hit\"}", 1),
        ("antiphon_query_cache_requests_total{result=\"miss\"}", 2),
        ("antiphon_query_cache_requests_total{result=\"bypass\"}", 1),
        ("antiphon_encoder_batch_texts_count", 3),
        ("antiphon_encoder_batch_texts_sum", 3),
        // Three times one word between two special tokens.
        ("antiphon_encoder_batch_tokens_sum", 9),
        ("antiphon_index_rows{state=\"main\"}", 0),
        ("antiphon_index_rows{state=\"delta\"}", 0),
        ("antiphon_index_rows{state=\"tail\"}", 41),
        ("antiphon_index_rows{state=\"deleted\"}", 0),
        ("antiphon_index_bytes{part=\"graph\"}", 0),
        ("antiphon_index_bytes{part=\"vectors\"}", 41 * 384 * 4),
        ("antiphon_store_bytes{file=\"index\"}", 0),
        ("antiphon_write_queue_depth", 0),
        ("antiphon_recall_searches_total{outcome=\"sampled\"}", 0),
        ("antiphon_log_lines_lost_total", 0),
        ("antiphon_trace_spans_total{outcome=\"made\"}", 0),
    ]);
    assert!(scrape.value("antiphon_index_bytes{part=\"codes\"}") > 41.0 * 384.0);
    assert!(scrape.value("antiphon_posting_lists_bytes") > 12.0);
    let input = "{\"input\": [\"one\", \"two\", \"three\"]}";
    assert_eq!(send(server, "POST /v1/embeddings", &[], input).status, 200);
    let document = "{\"id\": \"new\", \"text\": \"The fleet left the harbour.\"}";
    let put = send(
        server,
        "PUT /v1/documents/new",
        &["Content-Type: application/json"],
        document,
    );
    assert_eq!(put.status, 201, "{}", put.body);
    let delete = send(server, "DELETE /v1/documents/new", &[], "");
    assert_eq!(delete.status, 204);
    let scrape = Scrape::of(server);
    scrape.assert_values(&[
        ("antiphon_encoder_batch_texts_sum", 3 + 3 + 1),
        ("antiphon_index_rows{state=\"tail\"}", 42),
        ("antiphon_index_rows{state=\"deleted\"}", 1),
        ("antiphon_snapshot_passages", 41),
    ]);
    for (file, name) in [("database", "antiphon.db"), ("wal", "antiphon.db-wal")] {
        let reported = scrape.value(&format!("antiphon_store_bytes{{file=\"{file}\"}}"));
        #[allow(clippy::cast_precision_loss)] // a few hundred kilobytes
        let size = data.path().join(name).metadata().unwrap().len() as f64;
        assert!(
            reported > 0.0 && (reported - size).abs() < 0.1,
            "{file}: {reported}, {size}"
        );
    }
}

#[test]
fn graph_searches_are_sampled_for_recall_when_idle() {
    let data = TempDir::new().unwrap();
    let options = EngineOptions {
        reader_connections: 2,
        index: IndexConfig::Hnsw(HnswParameters::default()),
    };
    let engine = Arc::new(Engine::open(data.path(), support::encoder(), options).unwrap());
    engine.publish().unwrap();
    let service = Arc::new(Service::new(ServiceLimits {
        recall_sample_every: 2,
        ..support::LIMITS
    }));
    service.set_engine(Arc::clone(&engine));
    let server = support::start_server(service);
    let line = |n: u32| json!({"id": format!("d{n}"), "text": format!("Ship {n} left harbour {}.", n * 7 % 31)});
    let lines: Vec<String> = (0..400).map(|n| line(n).to_string()).collect();
    let lines = lines.join("\n");
    let stored = send_bytes("POST", server, "/v1/documents", LINES, lines.as_bytes());
    assert_eq!(stored.summary()["created"], 400);
    assert!(
        engine
            .compact(BuildOptions::default(), &NoBuildProgress)
            .unwrap()
    );
    let total = |outcome: &str| {
        Scrape::of(server).value(&format!(
            "antiphon_recall_searches_total{{outcome=\"{outcome}\"}}"
        ))
    };
    // Exact searches are never sampled.
    for n in 0..4 {
        let line = format!("GET /v1/search?q=ship+{n}&exact=true");
        assert_eq!(send(server, &line, &[], "").status, 200);
    }
    assert!(total("sampled") + total("skipped") < 0.5);
    let body = "{\"query\": \"a ship and its harbour\", \"limit\": 2, \"ef\": 3, \"include\": [\"explain\"]}";
    let response = send_bytes("POST", server, "/v1/search", JSON, body.as_bytes());
    assert_eq!(response.status, 200, "{}", response.body);
    let deadline = Instant::now() + Duration::from_secs(20);
    while total("sampled") < 0.5 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
    let scrape = Scrape::of(server);
    let (expected, hits) = (
        scrape.value("antiphon_recall_expected_total"),
        scrape.value("antiphon_recall_hits_total"),
    );
    assert!(
        (expected - 3.0).abs() < 0.1,
        "two hits, and one that shows whether there are more: {expected}"
    );
    assert!(hits <= expected, "{hits}");
    // Of the four in a batch the second and the fourth are selected.
    let searches: Vec<_> = (0..4)
        .map(|n| json!({"query": format!("ship {n}"), "limit": 2, "ef": 3}))
        .collect();
    let together = json!({ "searches": searches }).to_string();
    let response = send_bytes(
        "POST",
        server,
        "/v1/search/batch",
        JSON,
        together.as_bytes(),
    );
    assert_eq!(response.status, 200, "{}", response.body);
    while total("sampled") + total("skipped") < 2.5 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
    // Every second search is selected; some of these are skipped.
    for _ in 0..100 {
        let response = send_bytes("POST", server, "/v1/search", JSON, body.as_bytes());
        assert_eq!(response.status, 200);
    }
    while total("sampled") + total("skipped") < 52.5 {
        assert!(Instant::now() < deadline + Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(total("sampled") + total("skipped") < 53.5);
}

#[test]
fn shed_requests_are_counted_by_limit() {
    let (engine, _data) = support::sample_engine();
    let service = Arc::new(Service::new(ServiceLimits {
        workers: 1,
        queue_capacity: 1,
        ..support::LIMITS
    }));
    service.set_engine(engine);
    let server = support::start_server(service);
    let input: Vec<String> = (0..200)
        .map(|n| format!("\"{}\"", format!("word {n} ").repeat(50)))
        .collect();
    let input = format!("{{\"input\": [{}], \"truncate\": true}}", input.join(", "));
    std::thread::scope(|scope| {
        let busy: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| send(server, "POST /v1/embeddings", &[], &input).status))
            .collect();
        let statuses: Vec<u16> = busy.into_iter().map(|b| b.join().unwrap()).collect();
        assert!(statuses.contains(&503), "{statuses:?}");
    });
    let scrape = Scrape::of(server);
    let by_limit: f64 = ["queue_full", "expected_wait_too_long", "waited_too_long"]
        .map(|limit| format!("antiphon_shed_total{{reason=\"{limit}\"}} "))
        .iter()
        .filter_map(|name| {
            scrape
                .0
                .lines()
                .find_map(|line| line.strip_prefix(name.as_str()))
        })
        .map(|value| value.parse::<f64>().unwrap())
        .sum();
    let overloaded = scrape.value("antiphon_rejected_total{reason=\"overloaded\"}");
    assert!(
        by_limit > 0.5 && (by_limit - overloaded).abs() < 0.1,
        "{}",
        scrape.0
    );
}
