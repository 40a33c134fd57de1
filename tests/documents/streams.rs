//! Upload streams: results while they are read, disconnects, crashes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use antiphon::server::{ConnectionLimits, MiddlewareOptions, MiddlewareState, Service};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Archive, document, joined, lines};
use crate::support;
use crate::support::process::ServeProcess;

#[test]
fn streams_may_be_empty_blank_or_without_a_last_line_end() {
    let archive = Archive::new();
    for (body, read) in [("", 0), ("\n \r\n\n", 3)] {
        let response = archive.stream(body);
        assert_eq!((response.status, response.lines.len()), (200, 1));
        assert_eq!(response.summary()["lines"], read);
        assert_eq!(response.summary()["complete"], true);
    }
    let response = archive
        .stream("\u{feff}{\"id\":\"a\",\"text\":\"One.\"}\r\n\r\n{\"id\":\"b\",\"text\":\"Two.\"}");
    assert_eq!(response.lines[0]["id"], "a");
    assert_eq!(
        (&response.lines[1]["id"], &response.lines[1]["line"]),
        (&json!("b"), &json!(3))
    );
    for name in ["application/jsonl", "application/JSON-Lines; charset=utf-8"] {
        let response = archive.send("POST", "/v1/documents", &[("content-type", name)], b"{}");
        assert_eq!(response.lines[0]["error"]["code"], "missing_field");
    }
}

#[test]
fn a_stream_is_longer_than_a_body_and_a_line_is_not() {
    let archive = Archive::new();
    let limit = support::LIMITS.max_body_bytes;
    let mut body = lines(0..1, "the sea");
    // A line above the limit is rejected unread, so no large document is encoded here.
    let long = document("long", &"word ".repeat(limit / 4));
    body.push_str(&joined([&long; 3]));
    body.push_str(&lines(1..2, "the sea"));
    assert!(body.len() > 3 * limit);
    let response = archive.stream(&body);
    let status: Vec<&Value> = response.lines.iter().map(|line| &line["status"]).collect();
    assert_eq!(
        status[..5],
        ["created", "error", "error", "error", "created"]
    );
    assert_eq!(response.lines[1]["error"]["code"], "body_too_large");
    assert_eq!(response.summary()["lines"], 5);
}

#[test]
fn documents_sent_again_are_unchanged() {
    let archive = Archive::new();
    let all = lines(0..8, "the harbour");
    assert_eq!(
        archive.stream(joined(all.lines().take(5))).summary()["created"],
        5
    );
    let again = archive.stream(&all);
    assert_eq!(again.summary()["unchanged"], 5);
    assert_eq!(again.summary()["created"], 3);
    assert_eq!(archive.stream(&all).summary()["unchanged"], 8);
    assert_eq!(archive.count(), 8);
}

/// An upload stream, written by hand in chunks.
pub(super) struct Upload {
    pub(super) socket: TcpStream,
    results: BufReader<TcpStream>,
}

impl Upload {
    pub(super) fn begin(server: SocketAddr) -> Self {
        let mut socket = TcpStream::connect(server).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_mins(1)))
            .unwrap();
        write!(
            socket,
            "POST /v1/documents HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        .unwrap();
        let results = BufReader::new(socket.try_clone().unwrap());
        Self { socket, results }
    }

    pub(super) fn send(&mut self, text: &str) {
        send_chunk(&mut self.socket, text).unwrap();
    }

    fn end(&mut self) {
        write!(self.socket, "0\r\n\r\n").unwrap();
    }

    pub(super) fn next_result(&mut self) -> Value {
        self.next_result_or_end().expect("the stream ended")
    }

    /// Returns the next result; skips headers and chunk sizes.
    pub(super) fn next_result_or_end(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            match self.results.read_line(&mut line) {
                Ok(0) | Err(_) => return None,
                Ok(_) if line.starts_with('{') => return serde_json::from_str(&line).ok(),
                Ok(_) => {}
            }
        }
    }
}

pub(super) fn send_chunk(socket: &mut TcpStream, text: &str) -> std::io::Result<()> {
    write!(socket, "{:x}\r\n{text}\r\n", text.len())
}

#[test]
fn results_are_sent_before_the_body_ends() {
    let archive = Archive::new();
    let mut upload = Upload::begin(archive.server);
    for number in 0..3 {
        let line = lines(number..number + 1, "the sea");
        let (begin, rest) = line.split_at(10);
        upload.send(begin);
        upload.send(rest);
        let response = upload.next_result();
        assert_eq!(response["line"], number + 1);
        assert_eq!(response["status"], "created");
        assert_eq!(
            archive.found("the sea").len(),
            number + 1,
            "and it is found at once"
        );
    }
    upload.end();
    assert_eq!(upload.next_result()["summary"]["created"], 3);
}

#[test]
fn documents_reported_before_a_disconnect_are_kept() {
    let archive = Archive::new();
    for _ in 0..10 {
        let mut upload = Upload::begin(archive.server);
        upload.send(&lines(0..2, "the sea"));
        assert_eq!(upload.next_result()["id"], "d0");
        assert_eq!(upload.next_result()["id"], "d1");
        upload.send("{\"id\": \"half\", \"text\": \"Half a");
        drop(upload);
    }
    // More streams than the maximum were begun: each was released.
    let response = archive.stream(lines(2..3, "the sea"));
    assert_eq!(response.summary()["created"], 1);
    let listed = archive.get("/v1/documents").body;
    let ids = listed["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["id"]);
    assert_eq!(ids.collect::<Vec<_>>(), ["d0", "d1", "d2"]);
}

#[test]
fn searches_and_writes_continue_during_a_stream() {
    let archive = Archive::new();
    archive.post(&document("first", "The fleet left the harbour at dawn."));
    let text = |number: usize| format!("{number} ships left the harbour. ").repeat(40);
    let body = joined((0..120).map(|n| document(&format!("s{n}"), &text(n))));
    std::thread::scope(|scope| {
        let stream = scope.spawn(|| archive.stream(&body));
        let (mut number, mut between) = (0, false);
        while !stream.is_finished() {
            let hits = archive.get("/v1/search?q=the+fleet&limit=3").body;
            assert!(!hits["hits"].as_array().unwrap().is_empty());
            let own = format!("own{number}");
            assert_eq!(
                archive
                    .put(&own, &[], &document(&own, "A word between."))
                    .status,
                201
            );
            assert_eq!(archive.delete(&own, &[]).status, 204);
            between |= !stream.is_finished();
            number += 1;
        }
        assert!(between, "other writes run between two batches");
        assert_eq!(stream.join().unwrap().summary()["created"], 120);
    });
    assert_eq!(archive.count(), 121);
    assert!(
        archive
            .found("a word between")
            .iter()
            .all(|id| !id.starts_with("own"))
    );
}

#[test]
fn lines_of_many_streams_are_written_once_each() {
    let archive = Archive::new();
    let summaries: Vec<Value> = std::thread::scope(|scope| {
        let streams: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| archive.stream(lines(0..20, "the sea")).summary().clone()))
            .collect();
        streams.into_iter().map(|s| s.join().unwrap()).collect()
    });
    let sum = |name: &str| {
        summaries
            .iter()
            .map(|s| s[name].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!((sum("created"), sum("unchanged")), (20, 60));
    assert_eq!(archive.engine.snapshot().unwrap().info().documents, 20);
}

#[test]
fn a_truncated_body_is_incomplete() {
    let archive = Archive::new();
    let mut upload = Upload::begin(archive.server);
    upload.send(&lines(0..1, "the sea"));
    assert_eq!(upload.next_result()["status"], "created");
    // An invalid chunk size.
    upload.socket.write_all(b"nonsense\r\n").unwrap();
    let mut rest = String::new();
    // The connection may be closed before all is read.
    let _ = upload.results.read_to_string(&mut rest);
    assert!(!rest.contains("\"complete\":true"), "{rest}");
    assert_eq!(archive.count(), 1);
}

#[test]
fn a_store_failure_ends_the_stream_with_an_error() {
    let archive = Archive::new();
    let database = rusqlite::Connection::open(archive.data.path().join("antiphon.db")).unwrap();
    let trigger = "CREATE TRIGGER poison BEFORE INSERT ON documents WHEN NEW.id = 'poison'
         BEGIN SELECT RAISE(ABORT, 'no space left'); END";
    database.execute_batch(trigger).unwrap();
    let mut upload = Upload::begin(archive.server);
    upload.send(&lines(0..2, "the sea"));
    assert_eq!(upload.next_result()["id"], "d0");
    assert_eq!(upload.next_result()["id"], "d1");
    let poison = joined([document("poison", "Poison.")]);
    upload.send(&(lines(2..3, "the sea") + &poison + &lines(3..4, "the sea")));
    let summary = &upload.next_result()["summary"];
    assert_eq!(
        (&summary["created"], &summary["complete"]),
        (&json!(2), &json!(false))
    );
    assert_eq!(summary["error"]["code"], "internal");
    let detail = summary["error"]["detail"].as_str().unwrap();
    assert!(!detail.contains("space"), "the cause goes to the log");
    archive
        .post(&document("poison", "Poison."))
        .assert_problem(500, "internal", None);
    // Written before the failure and not reported.
    assert_eq!(archive.found("the sea").len(), 3);
    database.execute_batch("DROP TRIGGER poison").unwrap();
    let again = archive.stream(lines(0..4, "the sea") + &poison);
    assert_eq!(again.summary()["unchanged"], 3);
    assert_eq!(again.summary()["created"], 2);
}

/// Sends documents to a program that is killed meanwhile; returns the results until then.
fn results_until_killed(served: ServeProcess, round: usize) -> Vec<Value> {
    let mut upload = Upload::begin(served.address);
    let mut socket = upload.socket.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0.. {
                let text = format!("Ship {number} of fleet {round} left the harbour. ").repeat(5);
                let line = document(&format!("r{round}-{number}"), &text);
                if send_chunk(&mut socket, &joined([line])).is_err() {
                    break;
                }
            }
        });
        let mut results: Vec<Value> = (0..10 + 30 * round).map(|_| upload.next_result()).collect();
        drop(served);
        results.extend(std::iter::from_fn(|| upload.next_result_or_end()));
        results
    })
}

#[test]
fn reported_documents_survive_kill_9() {
    let folder = TempDir::new().unwrap();
    let mut reported = Vec::new();
    for round in 0..3 {
        let served = ServeProcess::start(&folder, &[], &[]);
        reported.extend(results_until_killed(served, round));
    }
    assert!(reported.len() > 120, "{}", reported.len());
    let served = ServeProcess::start(&folder, &[], &[]);
    let get = |path: &str| -> Value {
        let mut response = ureq::get(format!("http://{}{path}", served.address))
            .call()
            .unwrap();
        serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap()
    };
    for result in &reported {
        assert_eq!(result["status"], "created");
        let id = result["id"].as_str().unwrap();
        let stored = get(&format!("/v1/documents/{id}"));
        assert_eq!(stored["content_hash"], result["content_hash"]);
        assert_eq!(
            stored["passages"].as_array().unwrap().len() as u64,
            result["passages"]
        );
    }
    let total = get("/v1/documents?limit=1")["total"].as_u64().unwrap();
    let hits = get("/v1/search?q=ships&limit=1000&exact=true");
    assert_eq!(
        hits["hits"].as_array().unwrap().len() as u64,
        total.min(1000),
        "each is found"
    );
}

#[test]
fn a_trickling_stream_gives_way_when_all_places_are_taken() {
    let data = TempDir::new().unwrap();
    let engine = support::engine(&data);
    engine.publish().unwrap();
    let middleware = MiddlewareState::open(MiddlewareOptions {
        connection_limits: ConnectionLimits {
            stream_idle_timeout: Duration::from_secs(1),
            ..ConnectionLimits::default()
        },
        ..MiddlewareOptions::default()
    });
    let service = Service::new(support::LIMITS).with_middleware(middleware.unwrap());
    let service = Arc::new(service);
    service.set_engine(Arc::new(engine));
    let server = support::start_server(service);
    let (ended, first_to_end) = std::sync::mpsc::channel();
    for _ in 0..8 {
        let mut upload = Upload::begin(server);
        let mut sender = upload.socket.try_clone().unwrap();
        std::thread::spawn(move || {
            while send_chunk(&mut sender, "x").is_ok() {
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let ended = ended.clone();
        std::thread::spawn(move || ended.send(upload.next_result_or_end()));
    }
    // The first makes room for another one; the others are no longer in the way.
    let first = first_to_end.recv().unwrap().unwrap();
    assert_eq!(
        first["summary"]["error"]["code"], "body_too_slow",
        "{first}"
    );
    assert_eq!(first["summary"]["complete"], false);
}
