use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread::sleep;

use super::*;
use crate::server::{
    GeneratedKey, KeyScope, LogSink, MiddlewareOptions, MiddlewareState, ServiceLimits, serve,
};

const MAX_BODY: usize = 4096;

/// A service with one busy worker and a full queue, until `finish` is sent to. It has no engine: its
/// handlers respond that the service is initializing.
struct BusyServer {
    address: SocketAddr,
    service: Arc<Service>,
    finish: mpsc::Sender<()>,
}

impl BusyServer {
    fn start() -> Self {
        Self::with_middleware(MiddlewareState::default())
    }

    fn with_middleware(middleware: MiddlewareState) -> Self {
        let limits = ServiceLimits {
            workers: 1,
            queue_capacity: 1,
            recall_sample_every: 0,
            max_body_bytes: MAX_BODY,
        };
        let service = Arc::new(Service::new(limits).with_middleware(middleware));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (finish, finished) = mpsc::channel();
        let (started_sender, started) = mpsc::channel();
        let (one, other) = (Arc::clone(&service), Arc::clone(&service));
        let running = async move {
            let work = move || {
                started_sender.send(()).unwrap();
                // Ends when `finish` is dropped, too.
                let _ = finished.recv();
            };
            one.archive().run_on_worker(work).await
        };
        // Waits are limited, so the queued request is repeated when its time is up.
        let waiting = async move { while other.archive().run_on_worker(|| ()).await.is_err() {} };
        let serving = Arc::clone(&service);
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let running = actix_web::rt::spawn(running);
                while started.try_recv().is_err() {
                    actix_web::rt::time::sleep(Duration::from_millis(1)).await;
                }
                let waiting = actix_web::rt::spawn(waiting);
                serve(listener, serving).unwrap().await.unwrap();
                drop((running, waiting));
            });
        });
        while service.archive().queue_full().is_none() {
            sleep(Duration::from_millis(1));
        }
        Self {
            address,
            service,
            finish,
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        let timeout = Some(Duration::from_secs(20));
        stream.set_read_timeout(timeout).unwrap();
        stream
    }
}

fn write(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
}

/// Reads the head and the body of a response.
fn read(stream: &mut TcpStream) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let length = length.split("\r\n").next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

fn assert_rejected(stream: &mut TcpStream) {
    let (head, body) = read(stream);
    assert!(head.starts_with("http/1.1 503"), "{head}");
    for part in [
        "retry-after: 1\r\n",
        "content-type: application/",
        "x-request-id: ",
    ] {
        assert!(head.contains(part), "{part} in {head}");
    }
    assert!(body.contains("\"code\":\"overloaded\""), "{body}");
}

#[test]
fn rejected_requests_are_not_read_and_keep_their_connection() {
    let busy = BusyServer::start();
    let mut stream = busy.connect();
    // A handler would reject this body as invalid.
    write(
        &mut stream,
        "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n[1]",
    );
    assert_rejected(&mut stream);
    // A body that arrives after its header is waited for.
    write(
        &mut stream,
        "POST /v1/search/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nab",
    );
    sleep(Duration::from_millis(20));
    write(&mut stream, "cde");
    assert_rejected(&mut stream);
    for line in [
        "GET /v1/search?q=peace",
        "GET /v1/facets",
        "POST /v1/embeddings",
    ] {
        write(
            &mut stream,
            &format!(
                "{line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"
            ),
        );
        assert_rejected(&mut stream);
    }
    // Rejected requests are counted like all others.
    write(
        &mut stream,
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    let (_, metrics) = read(&mut stream);
    for line in [
        "antiphon_rejected_total{reason=\"overloaded\"} 5",
        "antiphon_shed_total{reason=\"queue_full\"} 5",
        "antiphon_requests_total{method=\"GET\",route=\"/v1/facets\",status=\"503\"} 1",
        "antiphon_requests_total{method=\"POST\",route=\"/v1/search\",status=\"503\"} 1",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line} in:\n{metrics}");
    }
}

#[test]
fn keys_are_checked_first_and_rejections_are_logged() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.toml");
    let reader = GeneratedKey::generate("reader", &[KeyScope::Search], None).unwrap();
    reader.append_to(&keys).unwrap();
    let (line_sender, lines) = mpsc::channel();
    let options = MiddlewareOptions {
        keys_file: Some(keys),
        access_log: Some(LogSink::new(move |line| {
            let _ = line_sender.send(line.to_owned());
        })),
        ..MiddlewareOptions::default()
    };
    let busy = BusyServer::with_middleware(MiddlewareState::open(options).unwrap());
    let mut stream = busy.connect();
    let head = "GET /v1/search?q=a HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: mine\r\n";
    for (key, status) in [("", "401"), (&*reader.key, "503")] {
        write(&mut stream, &format!("{head}X-Api-Key: {key}\r\n\r\n"));
        let (head, body) = read(&mut stream);
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{head}");
        assert!(head.contains("x-request-id: mine\r\n"), "{head}");
        let line = lines.recv_timeout(Duration::from_secs(20)).unwrap();
        let name = if key.is_empty() { "null" } else { "\"reader\"" };
        for part in [
            format!("\"status\":{status}"),
            format!("\"bytes\":{},\"key\":{name}", body.len()),
            "\"request_id\":\"mine\"".to_owned(),
            "\"route\":\"/v1/search\"".to_owned(),
        ] {
            assert!(line.contains(&part), "{part} in {line}");
        }
        assert_eq!(line.contains("\"code\":\"overloaded\""), status == "503");
    }
    assert!(lines.try_recv().is_err(), "one line per request");
}

#[test]
fn the_order_of_the_checks_is_the_same_in_both_layers() {
    for cors_origins in [vec![], vec!["https://example.org".to_owned()]] {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys.toml");
        let generate = |name: &str, scope, rate| {
            let generated = GeneratedKey::generate(name, &[scope], rate).unwrap();
            generated.append_to(&keys).unwrap();
            generated.key.clone()
        };
        let writer = generate("writer", KeyScope::Write, Some(0.001));
        let limited = generate("limited", KeyScope::Search, Some(0.001));
        let reader = generate("reader", KeyScope::Search, None);
        // With CORS the outer layer leaves all requests to the inner one.
        let options = MiddlewareOptions {
            keys_file: Some(keys),
            cors_origins,
            ..MiddlewareOptions::default()
        };
        let busy = BusyServer::with_middleware(MiddlewareState::open(options).unwrap());
        let mut stream = busy.connect();
        for (key, status, code) in [
            ("", 401, "key_missing"),
            ("nobody", 401, "key_unknown"),
            (&*writer, 403, "scope_missing"),
            (&writer, 403, "scope_missing"),
            // The one token is taken although the queue is full.
            (&limited, 503, "overloaded"),
            (&limited, 429, "rate_limited"),
            (&reader, 503, "overloaded"),
            (&reader, 503, "overloaded"),
        ] {
            write(
                &mut stream,
                &format!(
                    "GET /v1/search?q=a HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {key}\r\n\r\n"
                ),
            );
            let (head, body) = read(&mut stream);
            assert!(head.starts_with(&format!("http/1.1 {status}")), "{head}");
            assert!(body.contains(&format!("\"code\":\"{code}\"")), "{body}");
        }
    }
}

#[test]
fn pages_of_allowed_origins_can_read_rejections() {
    let options = MiddlewareOptions {
        cors_origins: vec!["https://example.org".to_owned()],
        ..MiddlewareOptions::default()
    };
    let busy = BusyServer::with_middleware(MiddlewareState::open(options).unwrap());
    let mut stream = busy.connect();
    let head =
        "GET /v1/search?q=a HTTP/1.1\r\nHost: localhost\r\nOrigin: https://example.org\r\n\r\n";
    write(&mut stream, head);
    let (head, body) = read(&mut stream);
    assert!(head.starts_with("http/1.1 503"), "{head}");
    let allowed = "access-control-allow-origin: https://example.org\r\n";
    assert!(head.contains(allowed), "{head}");
    assert!(body.contains("\"code\":\"overloaded\""), "{body}");
}

#[test]
fn routes_without_a_worker_are_answered() {
    let busy = BusyServer::start();
    let mut stream = busy.connect();
    for (line, expected) in [
        ("GET /livez", "http/1.1 200"),
        ("GET /openapi.json", "http/1.1 200"),
    ] {
        write(
            &mut stream,
            &format!("{line} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        );
        assert!(read(&mut stream).0.starts_with(expected), "{line}");
    }
    // These need the engine, which is not ready.
    for line in ["GET /readyz", "GET /v1/documents"] {
        write(
            &mut stream,
            &format!("{line} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        );
        assert!(read(&mut stream).1.contains("\"initializing\""), "{line}");
    }
}

#[test]
fn a_body_beyond_the_limit_is_not_read_to_its_end() {
    let busy = BusyServer::start();
    let mut stream = busy.connect();
    let length = 100 * MAX_BODY;
    write(
        &mut stream,
        &format!(
            "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        ),
    );
    write(&mut stream, &"x".repeat(2 * MAX_BODY));
    assert_rejected(&mut stream);
}

#[test]
fn rejection_ends_with_the_overload() {
    let busy = BusyServer::start();
    let mut stream = busy.connect();
    write(
        &mut stream,
        "GET /v1/search?q=a HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    assert_rejected(&mut stream);
    busy.finish.send(()).unwrap();
    while busy.service.archive().queue_full().is_some() {
        sleep(Duration::from_millis(1));
    }
    write(
        &mut stream,
        "GET /v1/search?q=a HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    assert!(read(&mut stream).1.contains("\"initializing\""));
}
