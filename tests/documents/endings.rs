//! Streams that end before their client ends them: idle clients and shutdown.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use antiphon::server::{ConnectionLimits, MiddlewareOptions, MiddlewareState};
use serde_json::Value;
use tempfile::TempDir;

use super::streams::{Upload, send_chunk};
use super::{Archive, document, joined, lines};
use crate::support::client::send;
use crate::support::process::ServeProcess;
use crate::support::raw_http::{RawResponse, format_request};

fn with_short_timeout() -> Archive {
    let middleware = MiddlewareState::open(MiddlewareOptions {
        connection_limits: ConnectionLimits {
            stream_idle_timeout: Duration::from_secs(1),
            ..ConnectionLimits::default()
        },
        ..MiddlewareOptions::default()
    });
    Archive::with_middleware(middleware.unwrap())
}

#[test]
fn an_idle_stream_ends_and_keeps_what_was_reported() {
    let archive = with_short_timeout();
    let mut upload = Upload::begin(archive.server);
    upload.send(&lines(0..2, "the sea"));
    assert_eq!(upload.next_result()["id"], "d0");
    assert_eq!(upload.next_result()["id"], "d1");
    upload.send("{\"id\": \"half\", \"text\": \"Half a");
    let summary = upload.next_result()["summary"].clone();
    assert_eq!(summary["complete"], false, "{summary}");
    assert_eq!(summary["created"], 2);
    assert_eq!(summary["error"]["code"], "bad_request");
    let detail = summary["error"]["detail"].as_str().unwrap();
    assert_eq!(detail, "no data received for 1 seconds");
    assert_eq!(archive.count(), 2);
    // So does one that never sends anything.
    let mut upload = Upload::begin(archive.server);
    assert_eq!(
        upload.next_result()["summary"]["error"]["code"],
        "bad_request"
    );
    assert_eq!(
        archive.stream(lines(2..3, "the sea")).summary()["created"],
        1
    );
}

#[test]
fn a_client_that_does_not_read_is_disconnected_and_frees_its_stream() {
    let archive = with_short_timeout();
    let unread: Vec<Upload> = (0..8)
        .map(|number| {
            let upload = Upload::begin(archive.server);
            let mut socket = upload.socket.try_clone().unwrap();
            // Lines that are rejected at once, with more results than the socket buffers hold.
            let line =
                format!("{{\"id\": \"{number}{}\", \"text\": 1}}\n", "x".repeat(190)).repeat(200);
            std::thread::spawn(move || {
                socket
                    .set_write_timeout(Some(Duration::from_secs(30)))
                    .unwrap();
                while send_chunk(&mut socket, &line).is_ok() {}
            });
            upload
        })
        .collect();
    // All streams are active, until they have been idle for too long.
    let deadline = std::time::Instant::now() + Duration::from_mins(1);
    loop {
        let response = archive.stream(lines(0..1, "the sea"));
        if response.status == 200 {
            break;
        }
        response.assert_problem(503, "overloaded", None);
        let retry: u32 = response.header("retry-after").parse().unwrap();
        assert!(retry >= 1);
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(50));
    }
    for upload in unread {
        let _ = upload.socket.shutdown(Shutdown::Both);
    }
}

#[test]
fn shutdown_ends_streams_with_an_error() {
    let folder = TempDir::new().unwrap();
    let served = ServeProcess::start(&folder, &[], &[]);
    let mut upload = Upload::begin(served.address);
    upload.send(&lines(0..3, "the sea"));
    let mut results: Vec<Value> = (0..3).map(|_| upload.next_result()).collect();
    upload.send(&(lines(3..4, "the sea") + "{\"id\": \"half\","));
    results.push(upload.next_result());
    served.signal("TERM");
    let summary = upload.next_result()["summary"].clone();
    assert_eq!(summary["created"], 4, "{summary}");
    assert_eq!(summary["complete"], false);
    assert_eq!(summary["error"]["code"], "shutting_down");
    let log = served.wait_for_success();
    assert!(!log.contains("still in flight"), "{log}");
    assert_stored(&folder, &results);
}

#[test]
fn documents_reported_before_sigterm_are_kept() {
    let folder = TempDir::new().unwrap();
    // On a busy machine, one batch of each stream may take long.
    let served = ServeProcess::start(&folder, &[], &[("ANTIPHON_SHUTDOWN_GRACE_SECONDS", "120")]);
    let address = served.address;
    let reported = AtomicUsize::new(0);
    let results: Vec<Value> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|client| {
                let reported = &reported;
                scope.spawn(move || {
                    let mut upload = Upload::begin(address);
                    let mut socket = upload.socket.try_clone().unwrap();
                    let sender = std::thread::spawn(move || {
                        for number in 0.. {
                            let text = format!("Ship {number} of {client} left. ").repeat(5);
                            let line = document(&format!("c{client}-{number}"), &text);
                            if send_chunk(&mut socket, &joined([line])).is_err() {
                                break;
                            }
                        }
                    });
                    let results = std::iter::from_fn(|| upload.next_result_or_end())
                        .inspect(|_| {
                            reported.fetch_add(1, Ordering::SeqCst);
                        })
                        .filter(|result| result["summary"].is_null())
                        .collect::<Vec<Value>>();
                    let _ = upload.socket.shutdown(Shutdown::Both);
                    sender.join().unwrap();
                    results
                })
            })
            .collect();
        // Searches during the shutdown.
        let searcher = scope.spawn(move || {
            while let Ok(mut stream) = TcpStream::connect(address) {
                let sent = stream.write_all(
                    format_request("GET /v1/search?q=ships&limit=1", &[], "").as_bytes(),
                );
                let mut first = [0];
                if sent.is_err() || !stream.read(&mut first).is_ok_and(|n| n == 1) {
                    break;
                }
                let reply = RawResponse::read(&mut (&first[..]).chain(stream));
                assert!([200, 503].contains(&reply.status), "{}", reply.body);
            }
        });
        while reported.load(Ordering::SeqCst) < 30 {
            std::thread::sleep(Duration::from_millis(5));
        }
        served.signal("TERM");
        let log = served.wait_for_success();
        assert!(!log.contains("still in flight"), "{log}");
        searcher.join().unwrap();
        clients
            .into_iter()
            .flat_map(|c| c.join().unwrap())
            .collect()
    });
    assert!(results.len() >= 30, "{}", results.len());
    assert_stored(&folder, &results);
}

/// Restarts the program and asserts that every reported document is stored.
fn assert_stored(folder: &TempDir, results: &[Value]) {
    let served = ServeProcess::start(folder, &[], &[]);
    for result in results {
        assert_eq!(result["status"], "created", "{result}");
        let id = result["id"].as_str().unwrap();
        let stored = send("GET", served.address, &format!("/v1/documents/{id}"), None);
        assert_eq!(stored.status, 200, "{id}: {}", stored.body);
        assert_eq!(stored.body["content_hash"], result["content_hash"]);
    }
}
