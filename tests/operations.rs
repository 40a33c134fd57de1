//! Keys, limits, logs, metrics, TLS and shutdown, as clients and operators observe them.
//!
//! Requests are written by hand, as many of them are such that no client library would send them.

mod metrics;
mod traces;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use antiphon::engine::Engine;
use antiphon::server::{
    ConnectionLimits, GeneratedKey, KeyScope, LogSink, MiddlewareOptions, MiddlewareState, Service,
    TlsFiles,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use tempfile::TempDir;

use crate::support;
use crate::support::process::{SAMPLES, ServeProcess, antiphon};
use crate::support::raw_http::{RawResponse, connect, format_request, send};

/// The sample corpus, shared by all servers of this file.
static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    let (engine, data) = support::sample_engine();
    std::mem::forget(data); // lives as long as the process
    engine
});

/// A search that every server can answer.
const SEARCH: &str = "GET /v1/search?q=peace&limit=1";

fn start(options: MiddlewareOptions) -> SocketAddr {
    let middleware = MiddlewareState::open(options).unwrap();
    let service = Arc::new(Service::new(support::LIMITS).with_middleware(middleware));
    service.set_engine(Arc::clone(&ENGINE));
    support::start_server(service)
}

/// Starts a service that is not ready yet, for what does not depend on documents.
fn start_unready(options: MiddlewareOptions) -> SocketAddr {
    let middleware = MiddlewareState::open(options).unwrap();
    support::start_server(Arc::new(
        Service::new(support::LIMITS).with_middleware(middleware),
    ))
}

/// A keys file with a key for each scope.
struct Keys {
    folder: TempDir,
    search: GeneratedKey,
    write: GeneratedKey,
    admin: GeneratedKey,
}

impl Keys {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let make = |name: &str, scope| {
            let key = GeneratedKey::generate(name, &[scope], None).unwrap();
            key.append_to(&folder.path().join("keys.toml")).unwrap();
            key
        };
        Self {
            search: make("reader", KeyScope::Search),
            write: make("writer", KeyScope::Write),
            admin: make("operator", KeyScope::Admin),
            folder,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("keys.toml")
    }

    fn options(&self) -> MiddlewareOptions {
        MiddlewareOptions {
            keys_file: Some(self.path()),
            ..MiddlewareOptions::default()
        }
    }
}

fn bearer(key: &GeneratedKey) -> String {
    format!("Authorization: Bearer {}", key.key)
}

#[test]
fn a_route_is_open_to_keys_with_its_scope() {
    let keys = Keys::new();
    let server = start(keys.options());
    let [search, write, admin] = [&keys.search, &keys.write, &keys.admin].map(bearer);
    for path in ["/livez", "/readyz", "/openapi.json", "/"] {
        assert_eq!(send(server, &format!("GET {path}"), &[], "").status, 200);
    }
    let query = r#"{"query": "peace", "limit": 1}"#;
    for (line, key, body, expected) in [
        (SEARCH, &search, "", 200),
        (SEARCH, &admin, "", 200),
        (SEARCH, &write, "", 403),
        ("POST /v1/search", &search, query, 200),
        ("GET /v1/documents", &search, "", 200),
        ("POST /v1/documents", &search, "{}", 403),
        ("DELETE /v1/documents/a", &search, "", 403),
        ("GET /metrics", &search, "", 403),
        ("GET /metrics", &write, "", 403),
        ("GET /metrics", &admin, "", 200),
        ("POST /v1/admin/reload", &write, "", 403),
        ("POST /v1/admin/reload", &admin, "", 200),
        // Paths that the router decodes to /v1/admin require its scope.
        ("POST /v1/%61dmin/reload", &search, "", 403),
        ("POST /v1/%61dmin/reload", &admin, "", 200),
        ("GET /metric%73", &search, "", 403),
        ("PUT /v1/%64ocuments/a", &search, "{}", 403),
        ("GET /v1/nothing", &search, "", 404),
        ("BREW /v1/nothing", &write, "", 403),
    ] {
        let reply = send(server, line, &[key], body);
        assert_eq!(reply.status, expected, "{line}: {}", reply.body);
        if expected == 403 {
            reply.assert_problem(403, "scope_missing");
            let challenge = reply.header("www-authenticate");
            assert!(challenge.contains("insufficient_scope"), "{challenge}");
        }
    }
    let other_header = format!("x-api-key: {}", keys.search.key);
    assert_eq!(send(server, SEARCH, &[&other_header], "").status, 200);
}

#[test]
fn without_a_valid_key_every_request_is_rejected() {
    let keys = Keys::new();
    let server = start(keys.options());
    let hash = format!("Authorization: Bearer {}", keys.admin.entry.hash);
    let cut = format!("X-Api-Key: {}", &keys.admin.key[..keys.admin.key.len() - 1]);
    let long = format!("X-Api-Key: {}", "k".repeat(8_000));
    for (header, code) in [
        ("Accept: */*", "key_missing"),
        ("Authorization: Bearer", "key_missing"),
        ("Authorization: Basic YTpi", "key_missing"),
        ("X-Api-Key:  ", "key_missing"),
        ("Authorization: Bearer nonsense", "key_unknown"),
        ("Authorization: Bearer \u{fffd}\u{e9}", "key_unknown"),
        (&hash, "key_unknown"),
        (&cut, "key_unknown"),
        (&long, "key_unknown"),
    ] {
        for line in [SEARCH, "GET /v1/nothing", "GET /metrics"] {
            let reply = send(server, line, &[header], "");
            reply.assert_problem(401, code);
            let challenge = reply.header("www-authenticate");
            assert!(challenge.starts_with("Bearer realm="), "{challenge}");
        }
    }
    let reply = send(server, "POST /v1/embeddings", &[], r#"{"input": "a"}"#);
    assert_eq!(reply.status, 401);
    assert_eq!(reply.json()["error"]["code"], "key_missing");
    assert_eq!(reply.json()["error"]["type"], "invalid_request_error");
    assert!(!reply.header("www-authenticate").is_empty());
}

#[test]
fn a_key_at_its_rate_limit_gets_retry_after() {
    let keys = Keys::new();
    let limited = GeneratedKey::generate("limited", &[KeyScope::Search], Some(2.0)).unwrap();
    limited.append_to(&keys.path()).unwrap();
    let server = start(keys.options());
    let responses: Vec<RawResponse> = (0..4)
        .map(|_| send(server, SEARCH, &[&bearer(&limited)], ""))
        .collect();
    assert_eq!(responses[0].status, 200);
    let rejected = responses.last().unwrap();
    rejected.assert_problem(429, "rate_limited");
    assert_eq!(rejected.header("retry-after"), "1");
    // Other keys have their own limits; a reload does not reset them.
    assert_eq!(
        send(server, SEARCH, &[&bearer(&keys.search)], "").status,
        200
    );
    let reload = send(server, "POST /v1/admin/reload", &[&bearer(&keys.admin)], "");
    assert_eq!(reload.json()["keys"], 4);
    let embed = send(server, "POST /v1/embeddings", &[&bearer(&limited)], "{}");
    assert_eq!(embed.status, 429, "{}", embed.body);
    assert_eq!(embed.json()["error"]["code"], "rate_limited");
    sleep(Duration::from_secs(1));
    assert_eq!(send(server, SEARCH, &[&bearer(&limited)], "").status, 200);
}

#[test]
fn a_reload_replaces_all_or_nothing() {
    let keys = Keys::new();
    let server = start(keys.options());
    let admin = bearer(&keys.admin);
    let before = fs::read_to_string(keys.path()).unwrap();
    for broken in ["", "keys = []", "[[keys]]\nname = \"x\"", "\0"] {
        fs::write(keys.path(), broken).unwrap();
        let reply = send(server, "POST /v1/admin/reload", &[&admin], "");
        reply.assert_problem(500, "reload_failed");
        assert_eq!(
            send(server, SEARCH, &[&bearer(&keys.search)], "").status,
            200
        );
    }
    fs::remove_file(keys.path()).unwrap();
    let reply = send(server, "POST /v1/admin/reload", &[&admin], "");
    reply.assert_problem(500, "reload_failed");
    // One key is removed, another one is added.
    let kept = before.split("[[keys]]").last().unwrap();
    fs::write(keys.path(), format!("[[keys]]{kept}")).unwrap();
    let late = GeneratedKey::generate("late", &[KeyScope::Search], None).unwrap();
    late.append_to(&keys.path()).unwrap();
    send(server, SEARCH, &[&bearer(&late)], "").assert_problem(401, "key_unknown");
    let reply = send(server, "POST /v1/admin/reload", &[&admin], "");
    assert_eq!((reply.status, &reply.json()["keys"]), (200, &2.into()));
    assert_eq!(send(server, SEARCH, &[&bearer(&late)], "").status, 200);
    send(server, SEARCH, &[&bearer(&keys.search)], "").assert_problem(401, "key_unknown");
    let reply = send(server, "GET /v1/admin/reload", &[&admin], "");
    reply.assert_problem(405, "method_not_allowed");
}

#[test]
fn pages_of_configured_origins_are_allowed() {
    let page = "Origin: https://example.org";
    let preflight = [
        page,
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: authorization, content-type",
    ];
    let closed = start(MiddlewareOptions::default());
    let reply = send(closed, SEARCH, &[page], "");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), "");

    let keys = Keys::new();
    let open = start(MiddlewareOptions {
        cors_origins: vec!["https://example.org".to_owned()],
        ..keys.options()
    });
    let reply = send(open, "OPTIONS /v1/search", &preflight, "");
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(
        reply.header("access-control-allow-origin"),
        "https://example.org"
    );
    assert!(
        reply
            .header("access-control-allow-headers")
            .contains("authorization")
    );
    // A page must be able to read why its request was rejected.
    let reply = send(open, SEARCH, &[page], "");
    reply.assert_problem(401, "key_missing");
    assert_eq!(
        reply.header("access-control-allow-origin"),
        "https://example.org"
    );
    let reply = send(open, SEARCH, &[page, &bearer(&keys.search)], "");
    assert_eq!(reply.status, 200);
    assert!(
        reply
            .header("access-control-expose-headers")
            .contains("server-timing")
    );
    let other = "Origin: https://evil.example";
    let reply = send(open, SEARCH, &[other, &bearer(&keys.search)], "");
    assert_eq!(reply.header("access-control-allow-origin"), "");
    assert!(
        MiddlewareState::open(MiddlewareOptions {
            cors_origins: vec!["example.org".to_owned()],
            ..MiddlewareOptions::default()
        })
        .is_err()
    );
}

#[test]
fn without_keys_other_names_of_this_machine_get_nothing() {
    let server = start(MiddlewareOptions::default());
    let query = r#"{"query": "peace"}"#;
    let lines = [
        (SEARCH, ""),
        ("GET /", ""),
        ("GET /metrics", ""),
        ("GET /openapi.json", ""),
        ("GET /v1/documents/un-cyber-statement-2015", ""),
        ("POST /v1/search", query),
        ("POST /v1/parallels", "{}"),
        ("POST /v1/admin/reload", ""),
    ];
    for host in ["evil.example", "localhost.evil.example:80", "10.0.0.1", ""] {
        let host = format!("Host: {host}");
        for (line, body) in lines {
            send(server, line, &[&host], body).assert_problem(421, "host_not_allowed");
        }
        for probe in ["GET /livez", "GET /readyz"] {
            assert_eq!(send(server, probe, &[&host], "").status, 200);
        }
    }
    // The host of a configured origin is one of a proxy, and a key protects without regard to names.
    let configured = start(MiddlewareOptions {
        cors_origins: vec!["https://search.example".to_owned()],
        ..MiddlewareOptions::default()
    });
    let keys = Keys::new();
    let secured = start(keys.options());
    for (server, host, key) in [
        (configured, "search.example", String::new()),
        (secured, "evil.example", bearer(&keys.search)),
    ] {
        let headers = [&*format!("Host: {host}"), &*key];
        let headers = if key.is_empty() {
            &headers[..1]
        } else {
            &headers
        };
        assert_eq!(send(server, SEARCH, headers, "").status, 200, "{host}");
    }
    send(configured, SEARCH, &["Host: evil.example"], "").assert_problem(421, "host_not_allowed");
}

#[test]
fn pages_of_other_sites_cannot_send_bodies() {
    // The content types that a browser sends to other sites without asking them.
    for kind in [
        "",
        "Content-Type: text/plain",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Type: multipart/form-data; boundary=a",
    ] {
        let server = start_unready(MiddlewareOptions::default());
        for path in [
            "/v1/search",
            "/v1/search/batch",
            "/v1/embeddings",
            "/v1/parallels",
            "/v1/families",
            "/v1/documents",
        ] {
            let body = r#"{"query": "peace"}"#;
            let mut stream = connect(server);
            let length = body.len();
            let kind = if kind.is_empty() { "Accept: */*" } else { kind };
            write!(
                stream,
                "POST {path} HTTP/1.1\r\nHost: localhost\r\n{kind}\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .unwrap();
            let reply = RawResponse::read(&mut stream);
            assert_eq!(reply.status, 415, "{path} {kind}: {}", reply.body);
        }
    }
}

#[test]
fn without_keys_pages_of_other_sites_may_not_write() {
    let server = start(MiddlewareOptions::default());
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "",
    ] {
        let origin = format!("Origin: {origin}");
        for line in [
            "POST /v1/documents",
            "DELETE /v1/documents/a",
            "POST /v1/admin/reload",
        ] {
            let reply = send(server, line, &[&origin], "{}");
            reply.assert_problem(403, "origin_not_allowed");
        }
        assert_eq!(send(server, SEARCH, &[&origin], "").status, 200);
    }
    let reload = |host: &str, header: &str| {
        let headers = [&*format!("Host: {host}"), header];
        send(server, "POST /v1/admin/reload", &headers, "")
    };
    for (host, header) in [
        ("localhost:8080", "Origin: http://localhost:8080"),
        ("127.0.0.1", "Origin: https://127.0.0.1"),
        ("LocalHost", "Origin: http://localhost"),
        ("[::1]:9", "Accept: */*"),
    ] {
        let reply = reload(host, header);
        assert_eq!((reply.status, &reply.json()["keys"]), (200, &0.into()));
    }
    // A name whose owner points it to this machine (DNS rebinding).
    reload("evil.example", "Origin: http://evil.example").assert_problem(421, "host_not_allowed");
    reload("localhost:1", "Origin: http://localhost:2").assert_problem(403, "origin_not_allowed");
}

#[test]
fn valid_request_ids_are_returned() {
    let server = start(MiddlewareOptions::default());
    let id = |headers: &[&str]| {
        let reply = send(server, "GET /v1/nothing", headers, "");
        reply.header("x-request-id").to_owned()
    };
    assert_eq!(id(&["X-Request-Id: client-7 {a}"]), "client-7 {a}");
    let longest = "x".repeat(128);
    assert_eq!(id(&[&format!("X-Request-Id: {longest}")]), longest);
    let fresh = id(&[]);
    assert!(fresh.len() > 16);
    for bad in [
        format!("{longest}x"),
        "a\u{e9}".to_owned(),
        "a\tb".to_owned(),
    ] {
        let given = id(&[&format!("X-Request-Id: {bad}")]);
        assert!(
            given != bad && given != fresh && given.len() < 40,
            "{given}"
        );
    }
}

#[test]
fn each_request_leaves_a_line_of_json() {
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let written = Arc::clone(&lines);
    let keys = Keys::new();
    let server = start(MiddlewareOptions {
        access_log: Some(LogSink::new(move |line| {
            written.lock().unwrap().push(line.to_owned());
        })),
        ..keys.options()
    });
    let agent = "User-Agent: \"quoted\" {\"status\": 200}";
    let headers = [agent, "X-Request-Id: one", &bearer(&keys.search)];
    let response = send(server, SEARCH, &headers, "");
    send(
        server,
        "GET /v1/documents/%0a%22x?a=b",
        &["X-Request-Id: two"],
        "",
    );
    // Disconnected before the body was complete.
    let mut stream = connect(server);
    let partial = format!(
        "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Request-Id: three\r\n{}\r\nContent-Length: 99\r\n\r\n{{",
        bearer(&keys.search)
    );
    stream.write_all(partial.as_bytes()).unwrap();
    sleep(Duration::from_millis(100));
    drop(stream);
    let deadline = Instant::now() + Duration::from_secs(10);
    while lines.lock().unwrap().len() < 3 && Instant::now() < deadline {
        sleep(Duration::from_millis(10));
    }
    let read: Vec<Value> = lines
        .lock()
        .unwrap()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |id: &str| read.iter().find(|line| line["request_id"] == id).unwrap();
    let one = of("one");
    assert_eq!(one["method"], "GET");
    assert_eq!(one["path"], "/v1/search");
    assert_eq!(one["route"], "/v1/search");
    assert_eq!(one["status"], 200);
    assert_eq!(one["key"], "reader");
    assert_eq!(one["user_agent"], "\"quoted\" {\"status\": 200}");
    assert_eq!(one["bytes"], response.body.len());
    assert!(one["ms"].as_f64().unwrap() > 0.0);
    assert!(one["stages_ms"]["encode"].is_f64(), "{one}");
    assert!(one["peer"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(one["time"].as_str().unwrap().ends_with('Z'));
    assert!(
        !one.to_string().contains("peace"),
        "searches are not logged"
    );
    let two = of("two");
    assert_eq!(
        (&two["status"], &two["code"]),
        (&401.into(), &"key_missing".into())
    );
    assert_eq!(two["route"], "/v1/documents/{id}");
    let three = of("three");
    assert!(
        [400, 499].map(Value::from).contains(&three["status"]),
        "{three}"
    );
}

#[test]
fn metrics_count_what_happened() {
    let server = start(MiddlewareOptions::default());
    for _ in 0..3 {
        assert_eq!(send(server, SEARCH, &[], "").status, 200);
    }
    for n in 0..20 {
        send(server, &format!("GET /v1/documents/absent-{n}"), &[], "");
        send(server, &format!("GET /v1/made-up-{n}"), &[], "");
    }
    let reply = send(server, "GET /metrics", &[], "");
    assert!(
        reply
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    for line in [
        "antiphon_requests_total{method=\"GET\",route=\"/v1/search\",status=\"200\"} 3",
        "antiphon_requests_total{method=\"GET\",route=\"/v1/documents/{id}\",status=\"404\"} 20",
        "antiphon_requests_total{method=\"GET\",route=\"other\",status=\"404\"} 20",
        "antiphon_http_request_duration_seconds_count{route=\"/v1/search\"} 3",
        "antiphon_stage_duration_seconds_count{stage=\"encode\"} 3",
        "antiphon_admission_queue_depth 0",
        "antiphon_http_requests_in_flight 1",
        "antiphon_ready 1",
        "antiphon_snapshot_documents 2",
        "antiphon_snapshot_passages 41",
    ] {
        assert!(
            reply.body.lines().any(|l| l == line),
            "{line} in:\n{}",
            reply.body
        );
    }
    assert!(reply.body.ends_with("# EOF\n"));
    assert!(!reply.body.contains("made-up") && !reply.body.contains("stage=\"total\""));
}

fn short_timeouts() -> MiddlewareOptions {
    MiddlewareOptions {
        connection_limits: ConnectionLimits {
            max_connections: 2,
            header_timeout: Duration::from_secs(1),
            body_timeout: Duration::from_secs(1),
            keep_alive_timeout: Duration::from_secs(1),
            ..ConnectionLimits::default()
        },
        ..MiddlewareOptions::default()
    }
}

#[test]
fn slow_senders_are_disconnected() {
    let server = start_unready(MiddlewareOptions {
        connection_limits: ConnectionLimits {
            max_connections: 100,
            ..short_timeouts().connection_limits
        },
        ..MiddlewareOptions::default()
    });
    // A body that arrives slowly.
    let mut stream = connect(server);
    let head = "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut sender = stream.try_clone().unwrap();
    let trickle = std::thread::spawn(move || {
        while sender.write_all(b" ").is_ok() {
            sleep(Duration::from_millis(50));
        }
    });
    let start = Instant::now();
    RawResponse::read(&mut stream).assert_problem(408, "body_too_slow");
    assert!(start.elapsed() < Duration::from_secs(5));
    drop(stream);
    trickle.join().unwrap();
    // A header that never ends, a connection that sends nothing, and one that is idle after a request.
    for begun in [
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: ",
        "",
        "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        let mut stream = connect(server);
        stream.write_all(begun.as_bytes()).unwrap();
        let start = Instant::now();
        let mut rest = Vec::new();
        // Closed or reset; both free the connection.
        let _ = stream.read_to_end(&mut rest);
        assert!(start.elapsed() < Duration::from_secs(8), "{begun:?}");
    }
}

#[test]
fn a_slow_second_header_does_not_hold_its_connection() {
    let server = start_unready(MiddlewareOptions {
        connection_limits: ConnectionLimits {
            max_connections: 100,
            ..short_timeouts().connection_limits
        },
        ..MiddlewareOptions::default()
    });
    let mut stream = connect(server);
    stream
        .write_all(format_request("GET /livez", &[], "").as_bytes())
        .unwrap();
    assert_eq!(RawResponse::read(&mut stream).status, 200);
    let start = Instant::now();
    let mut next: &[u8] = b"GET /livez HTTP/1.1\r\nX-A: ";
    while stream.write_all(next).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(15));
        next = b"a";
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn connections_beyond_the_limit_get_503_and_probes_an_answer() {
    let server = start_unready(MiddlewareOptions {
        connection_limits: ConnectionLimits {
            header_timeout: Duration::from_mins(1),
            keep_alive_timeout: Duration::from_mins(1),
            ..short_timeouts().connection_limits
        },
        ..MiddlewareOptions::default()
    });
    let mut open = [connect(server), connect(server)];
    for stream in &mut open {
        stream
            .write_all(format_request("GET /livez", &[], "").as_bytes())
            .unwrap();
        assert_eq!(RawResponse::read(stream).status, 200);
    }
    assert_eq!(send(server, "GET /livez", &[], "").status, 200);
    // Answered, if only with the start-up step.
    send(server, "GET /readyz", &[], "").assert_problem(503, "initializing");
    let rejected = send(server, "GET /openapi.json", &[], "");
    rejected.assert_problem(503, "overloaded");
    assert_eq!(rejected.header("connection"), "close");
    assert!(!rejected.header("retry-after").is_empty());
    drop(open);
    let deadline = Instant::now() + Duration::from_secs(20);
    while send(server, "GET /openapi.json", &[], "").status != 200 {
        assert!(Instant::now() < deadline);
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_client_that_does_not_read_is_disconnected() {
    let server = start_unready(MiddlewareOptions {
        connection_limits: ConnectionLimits {
            max_connections: 100,
            keep_alive_timeout: Duration::from_mins(10),
            ..short_timeouts().connection_limits
        },
        ..MiddlewareOptions::default()
    });
    // One client asks again and again, and reads nothing; in the end nothing more is taken from it.
    let mut stream = connect(server);
    stream
        .set_write_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let request = format_request("GET /openapi.json", &["Accept-Encoding: identity"], "");
    let deadline = Instant::now() + Duration::from_mins(1);
    let error = loop {
        assert!(Instant::now() < deadline, "the connection is still open");
        match stream.write_all(request.as_bytes()) {
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => break error,
            _ => sleep(Duration::from_millis(1)),
        }
    };
    assert!(
        matches!(
            error.kind(),
            std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::ConnectionReset
        ),
        "{error}"
    );
}

#[test]
fn no_accepted_encoding_is_a_problem() {
    let server = start_unready(MiddlewareOptions::default());
    let headers = ["Accept-Encoding: identity;q=0, br;q=0, *;q=0"];
    send(server, "GET /openapi.json", &headers, "").assert_problem(406, "not_acceptable");
}

#[test]
fn http_1_0_is_not_sent_chunks() {
    let server = start_unready(MiddlewareOptions::default());
    let mut stream = connect(server);
    // Compressed, so that the length is not known.
    stream
        .write_all(
            b"GET /openapi.json HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n",
        )
        .unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).unwrap();
    let end = response
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap()
        + 4;
    let head = String::from_utf8_lossy(&response[..end]).to_ascii_lowercase();
    assert!(!head.contains("chunked"), "{head}");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&response[end..])
        .read_to_string(&mut text)
        .unwrap();
    assert!(serde_json::from_str::<Value>(&text).is_ok());
}

/// Writes a new certificate for `localhost` and its key.
fn certify(folder: &Path) -> TlsFiles {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles {
        certificate: folder.join("cert.pem"),
        key: folder.join("key.pem"),
    };
    fs::write(&files.certificate, made.cert.pem()).unwrap();
    fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    files
}

/// Connects and trusts the certificate that is now in the file.
fn connect_tls(server: SocketAddr, files: &TlsFiles) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(&files.certificate).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(client, connect(server))
}

fn alive(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> std::io::Result<u16> {
    stream.write_all(format_request("GET /livez", &[], "").as_bytes())?;
    stream.flush()?;
    Ok(RawResponse::read(stream).status)
}

#[test]
fn a_new_certificate_is_used_after_a_reload() {
    let folder = TempDir::new().unwrap();
    let files = certify(folder.path());
    let middleware = MiddlewareState::open(MiddlewareOptions {
        tls: Some(files.clone()),
        ..MiddlewareOptions::default()
    });
    let service = Arc::new(Service::new(support::LIMITS).with_middleware(middleware.unwrap()));
    let server = support::start_server(Arc::clone(&service));
    let mut old = connect_tls(server, &files);
    assert_eq!(alive(&mut old).unwrap(), 200);
    certify(folder.path());
    assert!(alive(&mut connect_tls(server, &files)).is_err());
    service.middleware().reload().unwrap();
    assert_eq!(alive(&mut connect_tls(server, &files)).unwrap(), 200);
    assert_eq!(alive(&mut old).unwrap(), 200, "open connections are kept");
    fs::write(&files.key, "not a key").unwrap();
    assert!(service.middleware().reload().is_err());
    assert_eq!(alive(&mut connect_tls(server, &files)).unwrap(), 200);
    // Plain HTTP to the same port, and noise, only close their own connection.
    for noise in ["GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}\0\u{5}nonsense"] {
        let mut stream = connect(server);
        stream.write_all(noise.as_bytes()).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert_eq!(alive(&mut connect_tls(server, &files)).unwrap(), 200);
}

/// Sends the head of a search whose body follows later.
fn begin_search(server: SocketAddr, body: &str) -> TcpStream {
    let whole = format_request("POST /v1/search", &[], body);
    let mut stream = connect(server);
    let head = whole.len() - body.len();
    stream.write_all(&whole.as_bytes()[..head]).unwrap();
    sleep(Duration::from_millis(200));
    stream
}

#[test]
fn shutdown_completes_requests_in_flight_and_rejects_new_ones() {
    let folder = TempDir::new().unwrap();
    let served = ServeProcess::start(
        &folder,
        &SAMPLES,
        &[("ANTIPHON_SHUTDOWN_GRACE_SECONDS", "20")],
    );
    let mut idle = connect(served.address);
    idle.write_all(format_request("GET /livez", &[], "").as_bytes())
        .unwrap();
    assert_eq!(RawResponse::read(&mut idle).status, 200);
    let body = r#"{"query": "peace", "limit": 1}"#;
    let mut in_flight = begin_search(served.address, body);
    served.signal("TERM");
    sleep(Duration::from_millis(200));
    let reply = send(served.address, "GET /readyz", &[], "");
    reply.assert_problem(503, "shutting_down");
    assert!(!reply.header("retry-after").is_empty());
    assert_eq!(reply.header("connection"), "close");
    send(served.address, SEARCH, &[], "").assert_problem(503, "shutting_down");
    assert_eq!(send(served.address, "GET /livez", &[], "").status, 200);
    let reply = send(served.address, "POST /v1/embeddings", &[], "{}");
    assert_eq!(reply.json()["error"]["code"], "shutting_down");
    in_flight.write_all(body.as_bytes()).unwrap();
    let reply = RawResponse::read(&mut in_flight);
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.header("connection"), "close");
    let start = Instant::now();
    let address = served.address;
    served.wait_for_success();
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(TcpStream::connect(address).is_err());
    assert!(
        idle.read(&mut [0]).is_ok_and(|n| n == 0),
        "closed, not reset"
    );
}

#[test]
fn requests_beyond_the_grace_period_are_abandoned() {
    let folder = TempDir::new().unwrap();
    let served = ServeProcess::start(
        &folder,
        &SAMPLES,
        &[("ANTIPHON_SHUTDOWN_GRACE_SECONDS", "1")],
    );
    let _never = begin_search(served.address, r#"{"query": "peace"}"#);
    let start = Instant::now();
    served.signal("TERM");
    let log = served.wait_for_success();
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(
        log.contains("1 requests still in flight after the grace period"),
        "{log}"
    );
}

#[test]
fn searches_in_flight_are_completed_at_shutdown() {
    let folder = TempDir::new().unwrap();
    let served = ServeProcess::start(&folder, &SAMPLES, &[]);
    let address = served.address;
    let clients: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                let mut statuses = Vec::new();
                // Until the listener is closed: each admitted request gets a complete response.
                while let Ok(mut stream) = TcpStream::connect(address) {
                    let sent = stream.write_all(format_request(SEARCH, &[], "").as_bytes());
                    let mut first = [0];
                    if sent.is_err() || !stream.read(&mut first).is_ok_and(|n| n == 1) {
                        break;
                    }
                    let mut rest = (&first[..]).chain(stream);
                    statuses.push(RawResponse::read(&mut rest).status);
                }
                statuses
            })
        })
        .collect();
    sleep(Duration::from_millis(500));
    served.signal("TERM");
    served.wait_for_success();
    for client in clients {
        let statuses = client.join().unwrap();
        assert!(statuses.contains(&200), "{statuses:?}");
        assert!(
            statuses.iter().all(|s| [200, 503].contains(s)),
            "{statuses:?}"
        );
    }
}

#[test]
fn a_key_made_on_the_command_line_works_after_sighup() {
    let folder = TempDir::new().unwrap();
    let make = |name: &str, more: &[&str]| -> Value {
        let mut arguments = vec!["keys", "new", "--json", "--name", name];
        arguments.extend(["--scope", "search", "--keys-file", "keys.toml"]);
        arguments.extend(more);
        let output = antiphon(&folder, &arguments).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{log}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let first = make(
        "first",
        &["--scope", "write", "--requests-per-second", "50"],
    );
    assert_eq!(first["entry"]["requests_per_second"], 50.0);
    let settings = [
        ("ANTIPHON_KEYS_FILE", "keys.toml"),
        ("ANTIPHON_ACCESS_LOG", "true"),
        ("ANTIPHON_SLOW_REQUEST_MS", "1"),
    ];
    let served = ServeProcess::start(&folder, &SAMPLES, &settings);
    let search = |made: &Value| {
        let key = format!("X-Api-Key: {}", made["key"].as_str().unwrap());
        send(served.address, SEARCH, &[&key], "").status
    };
    assert_eq!(search(&first), 200);
    let second = make("second", &[]);
    assert_eq!(search(&second), 401);
    served.signal("HUP");
    let deadline = Instant::now() + Duration::from_secs(10);
    while search(&second) != 200 {
        assert!(Instant::now() < deadline);
        sleep(Duration::from_millis(20));
    }
    // Encoding two hundred words takes more than a millisecond on any machine.
    let slow_search = SEARCH.replacen("q=", &format!("q={}", "peace+and+".repeat(100)), 1);
    assert_ne!(slow_search, SEARCH);
    let key = format!("X-Api-Key: {}", second["key"].as_str().unwrap());
    assert_eq!(send(served.address, &slow_search, &[&key], "").status, 200);
    served.signal("TERM");
    let log = served.wait_for_success();
    assert!(log.contains("reloaded keys and certificate"), "{log}");
    let line = log.lines().find(|l| l.starts_with('{')).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&line["key"], &line["status"]),
        (&"first".into(), &200.into())
    );
    assert!(
        log.contains("slow request") && log.contains("encode;dur="),
        "{log}"
    );
}

#[test]
fn anonymous_access_must_be_allowed_explicitly() {
    let folder = TempDir::new().unwrap();
    let run = |arguments: &[&str]| {
        let output = antiphon(&folder, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let log = run(&["serve", "--listen", "0.0.0.0:0"]);
    assert!(
        log.contains("keys new") && log.contains("--allow-anonymous"),
        "{log}"
    );
    let log = run(&["serve", "--listen", "[::]:0", "--keys-file", "absent.toml"]);
    assert!(log.contains("absent.toml"), "{log}");
    // With the flag, the next missing thing is reported.
    let log = run(&[
        "serve",
        "--listen",
        "0.0.0.0:0",
        "--allow-anonymous",
        "--model-dir",
        "absent",
    ]);
    assert!(!log.contains("keys new"), "{log}");
    let output = antiphon(&folder, &["keys", "new", "--name", "a"]).output();
    assert_eq!(output.unwrap().status.code(), Some(2));
}
