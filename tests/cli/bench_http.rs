//! `bench http` against our server, and against one that stalls.

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

/// Runs the bench with `--json` and reads its report.
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
fn a_server_is_measured_with_the_corpus_s_own_sentences() {
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
    let refused = ["--duration", "300ms", "--warm-up", "0s", "--limit", "0"];
    let url = format!("http://{server}");
    let fixed = ["bench", "http", "--url", &url];
    let refused = failure(&run(&folder, &[&fixed[..], &refused].concat()));
    assert!(refused.contains("400"), "{refused}");
}

/// Answers every request at once, but turns every fifth away, and stands still from 300 to 800 ms
/// after its start.
fn stalling_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || answer(stream.unwrap()));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    let (start, mut stalled, mut bytes, mut seen) = (Instant::now(), false, Vec::new(), 0);
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
        // Every body of these tests ends so, and nothing else does.
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
fn a_stall_is_charged_to_all_who_came_meanwhile() {
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
    // Half of the second's requests came while nothing moved.
    assert!(at(&open, "p90") > 200.0, "{open}");
    assert!(at(&open, "max") >= 490.0, "{open}");
    // Clients that wait for their answer ask nothing meanwhile, and hardly notice.
    assert!(at(&closed, "p90") < 100.0, "{closed}");
    let sent = open["sent"].as_u64().unwrap();
    assert!(sent.abs_diff(open["shed"]["503"].as_u64().unwrap() * 5) < 5);
    assert_eq!(open["errors"], Value::Object(serde_json::Map::new()));
}

#[test]
fn what_cannot_be_measured_is_said() {
    let folder = with_queries();
    let nobody = ["--url", "http://127.0.0.1:1", "--queries", "queries.txt"];
    let believing = [&nobody[..], &["--any-certificate"]].concat();
    let secured = ["--url", "https://127.0.0.1:1", "--queries", "queries.txt"];
    let absent = [&secured[..], &["--cacert", "absent.pem"]].concat();
    for (arguments, words) in [
        (&nobody[..], "no service to measure"),
        (&["--queries", "absent.txt"][..], "cannot be read"),
        (&[][..], "--queries FILE"),
        (&["--url", "https://127.0.0.1"][..], "--queries FILE"),
        (&believing[..], "with https only"),
        (&absent[..], "absent.pem cannot be read"),
        (&["--rate", "0"][..], "--rate is 0"),
        (&["--connections", "0"][..], "--connections is 0"),
    ] {
        let output = antiphon(&folder, &[&["bench", "http"], arguments].concat()).output();
        let said = failure(&output.unwrap());
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

#[test]
fn a_service_with_a_certificate_of_its_own_is_measured_by_those_who_believe_it() {
    let folder = with_queries();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles {
        certificate: folder.path().join("cert.pem"),
        key: folder.path().join("key.pem"),
    };
    fs::write(&files.certificate, made.cert.pem()).unwrap();
    fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let guard = MiddlewareState::open(MiddlewareOptions {
        tls: Some(files),
        ..MiddlewareOptions::default()
    });
    let service = Arc::new(Service::new(support::LIMITS).with_middleware(guard.unwrap()));
    let (engine, _data) = support::sample_engine();
    service.set_engine(engine);
    let port = support::start_server(service).port();
    let ask = |host: &str, believing: &[&str]| {
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
        antiphon(&folder, &[&fixed[..], &plan, believing].concat())
            .output()
            .unwrap()
    };
    for (host, believing) in [
        ("localhost", &["--cacert", "cert.pem"][..]),
        ("localhost", &["--any-certificate"]),
        ("127.0.0.1", &["--any-certificate"]),
    ] {
        let report: Value = serde_json::from_str(&stdout(&ask(host, believing))).unwrap();
        assert!(report["answered"].as_u64().unwrap() > 0, "{report}");
        assert_eq!(report["errors"], Value::Object(serde_json::Map::new()));
    }
    // Nobody has signed it; it is for another host.
    for (host, believing) in [
        ("localhost", &[][..]),
        ("127.0.0.1", &["--cacert", "cert.pem"]),
    ] {
        let said = failure(&ask(host, believing));
        assert!(said.contains("no secure connection"), "{said}");
        assert!(said.contains("certificate"), "{said}");
    }
}
