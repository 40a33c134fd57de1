//! `bench http` against the service, and against a server that stalls.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use antiphon::server::{MiddlewareOptions, MiddlewareState, Service, TlsFiles};
use serde_json::Value;
use tempfile::TempDir;

use super::{failure, run, sample, stdout};
use crate::support;
use crate::support::process::antiphon;

/// Runs the load test with `--json` and parses its report.
fn report(folder: &TempDir, address: SocketAddr, arguments: &[&str]) -> Value {
    let url = format!("http://{address}");
    let fixed = ["bench", "http", "--json", "--url", &url];
    let output = antiphon(folder, &[&fixed, arguments].concat()).output();
    serde_json::from_str(&stdout(&output.unwrap())).unwrap()
}

fn with_queries() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("queries.txt"), "peace\n\n bread \n").unwrap();
    folder
}

#[test]
fn queries_are_sentences_of_the_corpus() {
    let (engine, _data) = support::sample_engine();
    let service = Arc::new(Service::new(support::LIMITS));
    service.set_engine(engine);
    let server = support::start_server(service);
    let folder = TempDir::new().unwrap();
    stdout(&run(&folder, &["index", &sample()]));
    let open = ["--rate", "20", "--duration", "1s", "--warm-up", "200ms"];
    let open = report(&folder, server, &open);
    let count = |name: &str| open[name].as_u64().unwrap();
    assert!(count("due") >= 5, "{open}");
    assert_eq!(count("due"), count("sent"));
    assert_eq!(count("sent"), count("answered"), "{open}");
    assert_eq!(count("queries"), 41);
    let latency = &open["latency_ms"];
    let quantiles = ["p50", "p90", "p99", "p99_9", "max"].map(|q| latency[q].as_f64().unwrap());
    assert!(quantiles.is_sorted() && quantiles[0] > 0.0, "{open}");
    let stages: Vec<&str> = open["stages_ms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["name"].as_str().unwrap())
        .collect();
    for stage in ["queue", "tokenize", "encode", "search", "fetch", "total"] {
        assert!(stages.contains(&stage), "{stages:?}");
    }
    let closed = ["--duration", "1s", "--connections", "2", "--limit", "1"];
    let closed = report(&folder, server, &closed);
    assert!(closed["answered_per_second"].as_f64().unwrap() > 0.0);
    assert!(closed["rate"].is_null());
    let invalid = ["--duration", "300ms", "--warm-up", "0s", "--limit", "0"];
    let url = format!("http://{server}");
    let fixed = ["bench", "http", "--url", &url];
    let error = failure(&run(&folder, &[&fixed[..], &invalid].concat()));
    assert!(error.contains("400"), "{error}");
}

/// Starts a server that responds at once, rejects every fifth request, and stalls from 300 to 800 ms
/// after its start.
fn stalling_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || respond(stream.unwrap()));
        }
    });
    address
}

fn respond(mut stream: TcpStream) {
    let (start, mut stalled, mut bytes, mut seen) = (Instant::now(), false, Vec::new(), 0);
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
        // The end of every body in these tests, and of nothing else.
        if !bytes.ends_with(b"}") {
            continue;
        }
        bytes.clear();
        seen += 1;
        if !stalled && start.elapsed() > Duration::from_millis(300) {
            stalled = true;
            thread::sleep(Duration::from_millis(500));
        }
        let status = if seen % 5 == 0 { "503 Busy" } else { "200 OK" };
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
        if stream.write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

#[test]
fn a_stall_is_charged_to_all_requests_due_meanwhile() {
    let folder = with_queries();
    let plan = [
        "--queries",
        "queries.txt",
        "--duration",
        "1s",
        "--warm-up",
        "0s",
        "--connections",
        "1",
    ];
    let open = ["--rate", "200", "--arrivals", "even"];
    let open = report(&folder, stalling_server(), &[&plan[..], &open].concat());
    let closed = report(&folder, stalling_server(), &plan);
    let at = |report: &Value, quantile: &str| report["latency_ms"][quantile].as_f64().unwrap();
    // Half of the requests were due during the stall.
    assert!(at(&open, "p90") > 200.0, "{open}");
    assert!(at(&open, "max") >= 490.0, "{open}");
    // In a closed loop nothing is sent during the stall, so few requests are affected.
    assert!(at(&closed, "p90") < 100.0, "{closed}");
    let sent = open["sent"].as_u64().unwrap();
    assert!(sent.abs_diff(open["shed"]["503"].as_u64().unwrap() * 5) < 5);
    assert_eq!(open["errors"], Value::Object(serde_json::Map::new()));
}

#[test]
fn invalid_arguments_and_absent_services_are_reported() {
    let folder = with_queries();
    let unreachable = ["--url", "http://127.0.0.1:1", "--queries", "queries.txt"];
    let skipping = [&unreachable[..], &["--skip-certificate-check"]].concat();
    let secured = ["--url", "https://127.0.0.1:1", "--queries", "queries.txt"];
    let absent = [&secured[..], &["--cacert", "absent.pem"]].concat();
    for (arguments, expected) in [
        (&unreachable[..], "cannot reach the service"),
        (&["--queries", "absent.txt"][..], "cannot read absent.txt"),
        (&[][..], "--queries FILE"),
        (&["--url", "https://127.0.0.1"][..], "--queries FILE"),
        (&skipping[..], "require https"),
        (&absent[..], "absent.pem cannot be read"),
        (&["--rate", "0"][..], "--rate is 0"),
        (&["--connections", "0"][..], "--connections is 0"),
    ] {
        let output = antiphon(&folder, &[&["bench", "http"], arguments].concat()).output();
        let error = failure(&output.unwrap());
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}

#[test]
fn self_signed_certificates_must_be_trusted_explicitly() {
    let folder = with_queries();
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles {
        certificate: folder.path().join("cert.pem"),
        key: folder.path().join("key.pem"),
    };
    fs::write(&files.certificate, certified.cert.pem()).unwrap();
    fs::write(&files.key, certified.signing_key.serialize_pem()).unwrap();
    let middleware = MiddlewareState::open(MiddlewareOptions {
        tls: Some(files),
        ..MiddlewareOptions::default()
    });
    let service = Arc::new(Service::new(support::LIMITS).with_middleware(middleware.unwrap()));
    let (engine, _data) = support::sample_engine();
    service.set_engine(engine);
    let port = support::start_server(service).port();
    let bench = |host: &str, trust: &[&str]| {
        let url = format!("https://{host}:{port}");
        let plan = [
            "--duration",
            "300ms",
            "--warm-up",
            "0s",
            "--connections",
            "2",
        ];
        let fixed = [
            "bench",
            "http",
            "--json",
            "--queries",
            "queries.txt",
            "--url",
            &url,
        ];
        antiphon(&folder, &[&fixed[..], &plan, trust].concat())
            .output()
            .unwrap()
    };
    for (host, trust) in [
        ("localhost", &["--cacert", "cert.pem"][..]),
        ("localhost", &["--skip-certificate-check"]),
        ("127.0.0.1", &["--skip-certificate-check"]),
    ] {
        let report: Value = serde_json::from_str(&stdout(&bench(host, trust))).unwrap();
        assert!(report["answered"].as_u64().unwrap() > 0, "{report}");
        assert_eq!(report["errors"], Value::Object(serde_json::Map::new()));
    }
    // Not trusted; not valid for this host.
    for (host, trust) in [
        ("localhost", &[][..]),
        ("127.0.0.1", &["--cacert", "cert.pem"]),
    ] {
        let error = failure(&bench(host, trust));
        assert!(error.contains("TLS handshake failed"), "{error}");
        assert!(error.contains("certificate"), "{error}");
    }
}
