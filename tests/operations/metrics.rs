//! What `/metrics` tells beyond requests.

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

/// The lines of `/metrics`.
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
    fn is(&self, values: &[(&str, u32)]) {
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
fn stages_are_measured_as_their_clients_are_told() {
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
    let mut told = [0.0; 6];
    for line in [
        "GET /v1/search?q=peace&limit=1",
        "GET /v1/search?q=war&mode=hybrid",
        "GET /v1/search?q=treaty&mode=keyword",
    ] {
        let reply = send(server, line, &[], "");
        let body = reply.json();
        for (sum, stage) in told.iter_mut().zip(stages) {
            let took = body["timing_ms"][stage].as_f64().unwrap();
            *sum += took / 1e3;
            let header = format!("{stage};dur={took}");
            assert!(reply.header("server-timing").contains(&header));
        }
    }
    // Answers without stages, and those of searches that fail, have no times.
    send(server, "GET /v1/search?q=", &[], "").assert_problem(400, "empty_query");
    assert_eq!(send(server, "GET /v1/documents", &[], "").status, 200);
    let scrape = Scrape::of(server);
    for (told, stage) in told.iter().zip(stages) {
        let measured = |what: &str| {
            scrape.value(&format!(
                "antiphon_stage_seconds_{what}{{stage=\"{stage}\"}}"
            ))
        };
        assert!((measured("count") - 3.0).abs() < 0.1, "{stage}");
        assert!((measured("sum") - told).abs() < 1e-9, "{stage}");
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
    let by_words = "GET /v1/search?q=peace&limit=1&mode=keyword";
    assert_eq!(send(server, by_words, &[], "").status, 200);
    let scrape = Scrape::of(server);
    scrape.is(&[
        ("antiphon_query_embeddings_total{outcome=\"hit\"}", 1),
        ("antiphon_query_embeddings_total{outcome=\"miss\"}", 2),
        ("antiphon_query_embeddings_total{outcome=\"bypass\"}", 1),
        ("antiphon_encoder_texts_count", 3),
        ("antiphon_encoder_texts_sum", 3),
        // A word between two special tokens, three times.
        ("antiphon_encoder_tokens_sum", 9),
        ("antiphon_index_rows", 41),
        ("antiphon_index_rows_tail", 41),
        ("antiphon_index_rows_folded", 0),
        ("antiphon_index_rows_deleted", 0),
        ("antiphon_index_bytes{part=\"graph\"}", 0),
        ("antiphon_index_bytes{part=\"vectors\"}", 41 * 384 * 4),
        ("antiphon_store_bytes{file=\"index\"}", 0),
        ("antiphon_writers_waiting", 0),
        ("antiphon_recall_searches_total{outcome=\"repeated\"}", 0),
        ("antiphon_trace_spans_total{outcome=\"made\"}", 0),
    ]);
    assert!(scrape.value("antiphon_index_bytes{part=\"codes\"}") > 41.0 * 384.0);
    assert!(scrape.value("antiphon_word_lists_bytes") > 12.0);
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
    scrape.is(&[
        ("antiphon_encoder_texts_sum", 3 + 3 + 1),
        ("antiphon_index_rows", 42),
        ("antiphon_index_rows_deleted", 1),
        ("antiphon_snapshot_passages", 41),
    ]);
    for (file, name) in [("database", "antiphon.db"), ("log", "antiphon.db-wal")] {
        let told = scrape.value(&format!("antiphon_store_bytes{{file=\"{file}\"}}"));
        #[allow(clippy::cast_precision_loss)] // a few hundred kilobytes
        let size = data.path().join(name).metadata().unwrap().len() as f64;
        assert!(
            told > 0.0 && (told - size).abs() < 0.1,
            "{file}: {told}, {size}"
        );
    }
}

#[test]
fn searches_by_graph_are_repeated_exactly_when_nobody_waits() {
    let data = TempDir::new().unwrap();
    let options = EngineOptions {
        reader_connections: 2,
        index: IndexConfig::Hnsw(HnswParameters::default()),
    };
    let engine = Arc::new(Engine::open(data.path(), support::encoder(), options).unwrap());
    engine.publish().unwrap();
    let service = Arc::new(Service::new(support::LIMITS).with_recall_monitor(2));
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
    // What is compared exactly anyway is never repeated.
    for n in 0..4 {
        let line = format!("GET /v1/search?q=ship+{n}&exact=true");
        assert_eq!(send(server, &line, &[], "").status, 200);
    }
    assert!(total("repeated") + total("left_out") < 0.5);
    let body = "{\"query\": \"a ship and its harbour\", \"limit\": 2, \"ef\": 3, \"include\": [\"explain\"]}";
    let answer = send_bytes("POST", server, "/v1/search", JSON, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let deadline = Instant::now() + Duration::from_secs(20);
    while total("repeated") < 0.5 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
    let scrape = Scrape::of(server);
    let (nearest, found) = (
        scrape.value("antiphon_recall_nearest_total"),
        scrape.value("antiphon_recall_found_total"),
    );
    assert!(
        (nearest - 3.0).abs() < 0.1,
        "two, and one that tells of more: {nearest}"
    );
    assert!(found <= nearest, "{found}");
    // Of the four in a batch it is the turn of the second and the fourth.
    let searches: Vec<_> = (0..4)
        .map(|n| json!({"query": format!("ship {n}"), "limit": 2, "ef": 3}))
        .collect();
    let together = json!({ "searches": searches }).to_string();
    let answer = send_bytes(
        "POST",
        server,
        "/v1/search/batch",
        JSON,
        together.as_bytes(),
    );
    assert_eq!(answer.status, 200, "{}", answer.body);
    while total("repeated") + total("left_out") < 2.5 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
    // It is the turn of every second one; of these, some are left out.
    for _ in 0..100 {
        let answer = send_bytes("POST", server, "/v1/search", JSON, body.as_bytes());
        assert_eq!(answer.status, 200);
    }
    while total("repeated") + total("left_out") < 52.5 {
        assert!(Instant::now() < deadline + Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(total("repeated") + total("left_out") < 53.5);
}

#[test]
fn who_is_turned_away_is_counted_by_the_bound_that_did_it() {
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
    let by_bound: f64 = ["queue_full", "wait_too_long", "waited_too_long"]
        .map(|bound| format!("antiphon_shed_total{{reason=\"{bound}\"}} "))
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
        by_bound > 0.5 && (by_bound - overloaded).abs() < 0.1,
        "{}",
        scrape.0
    );
}
