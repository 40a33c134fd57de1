//! Documents over HTTP: written, guarded, streamed, removed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use antiphon::engine::Engine;
use antiphon::server::Service;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::Served;
use crate::support;

/// A server over a store of its own, empty at first.
struct Archive {
    server: SocketAddr,
    engine: Arc<Engine>,
    _data: TempDir,
}

struct Answer {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: Value,
    lines: Vec<Value>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    fn summary(&self) -> &Value {
        &self.lines.last().unwrap()["summary"]
    }

    #[track_caller]
    fn is_problem(&self, status: u16, code: &str, field: Option<&str>) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["code"], code, "{}", self.body);
        assert_eq!(self.body["field"].as_str(), field, "{}", self.body);
    }
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const LINES: &[(&str, &str)] = &[("content-type", "application/x-ndjson")];

impl Archive {
    fn new() -> Self {
        let data = TempDir::new().unwrap();
        let engine = Arc::new(support::engine(&data));
        engine.publish().unwrap();
        let service = Arc::new(Service::new(support::LIMITS));
        service.attach(Arc::clone(&engine));
        Self {
            server: support::start_server(service),
            engine,
            _data: data,
        }
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .build()
            .into();
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.server));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = agent.run(request.body(body).unwrap()).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        let json = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: json(&text),
            lines: text.lines().map(json).collect(),
        }
    }

    fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    fn post(&self, body: &Value) -> Answer {
        self.send("POST", "/v1/documents", JSON, body.to_string().as_bytes())
    }

    fn put(&self, id: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let headers = [JSON, headers].concat();
        let path = format!("/v1/documents/{id}");
        self.send("PUT", &path, &headers, body.to_string().as_bytes())
    }

    fn delete(&self, id: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("DELETE", &format!("/v1/documents/{id}"), headers, b"")
    }

    fn stream(&self, body: impl AsRef<[u8]>) -> Answer {
        self.send("POST", "/v1/documents", LINES, body.as_ref())
    }

    /// Ids of the documents that a search finds, best first.
    fn found(&self, words: &str) -> Vec<String> {
        let words = words.replace(' ', "+");
        let answer = self.get(&format!("/v1/search?q={words}&limit=1000"));
        let hits = answer.body["hits"].as_array().unwrap();
        let id = |hit: &Value| hit["document"]["id"].as_str().unwrap().to_owned();
        hits.iter().map(id).collect()
    }

    fn count(&self) -> u64 {
        self.get("/v1/documents?limit=1").body["total"]
            .as_u64()
            .unwrap()
    }
}

fn document(id: &str, text: &str) -> Value {
    json!({"id": id, "text": text})
}

/// Lines of documents `d0`, `d1`, … with a sentence each.
fn lines(numbers: std::ops::Range<usize>, about: &str) -> String {
    let line = |number: usize| {
        let text = format!("Document {number} speaks of {about}, and of the number {number}.");
        document(&format!("d{number}"), &text)
    };
    joined(numbers.map(line))
}

/// What is to be sent, a line each.
fn joined<T: ToString>(lines: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text
}

#[test]
fn a_document_that_is_acknowledged_is_found_until_it_is_removed() {
    let archive = Archive::new();
    let sent = json!({
        "id": "fleet", "text": "The fleet left the harbour at dawn.", "title": "The fleet",
        "date": "1916-05", "session": 7, "attributes": {"committee": "First"},
    });
    let created = archive.post(&sent);
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.body["status"], "created");
    assert_eq!(created.body["passages"], 1);
    assert_eq!(created.header("location"), "/v1/documents/fleet");
    assert_eq!(archive.found("ships at sea"), ["fleet"]);

    let read = archive.get("/v1/documents/fleet");
    assert_eq!(read.header("etag"), created.header("etag"));
    assert_eq!(
        read.header("etag"),
        format!("{}", read.body["content_hash"])
    );
    assert_eq!(read.body["date"], "1916-05");
    assert_eq!(
        read.body["attributes"],
        json!({"committee": "First", "session": 7})
    );
    assert_eq!(read.body["origin"], "http");

    let again = archive.post(&sent);
    assert_eq!(
        (again.status, &again.body["status"]),
        (200, &json!("unchanged"))
    );
    assert_eq!(again.header("etag"), created.header("etag"));

    // What was read can be sent back: what the service works out makes no attributes.
    let mut back = read.body.clone();
    back["title"] = json!("The fleet sails");
    let back = archive.put("fleet", &[], &back);
    assert_eq!(
        (back.status, &back.body["status"]),
        (200, &json!("metadata_updated"))
    );
    assert!(
        back.body["notes"][0]
            .as_str()
            .unwrap()
            .contains("content_hash")
    );
    assert_ne!(back.header("etag"), created.header("etag"));
    let read = archive.get("/v1/documents/fleet");
    assert_eq!(
        read.body["attributes"],
        json!({"committee": "First", "session": 7})
    );

    let updated = archive.put("fleet", &[], &json!({"text": "Bread is dear this winter."}));
    assert_eq!(
        (updated.status, &updated.body["status"]),
        (200, &json!("updated"))
    );
    let search = archive.get("/v1/search?q=the+price+of+bread").body;
    assert_eq!(search["hits"][0]["text"], "Bread is dear this winter.");
    assert_eq!(
        search["hits"].as_array().unwrap().len(),
        1,
        "the older text is gone"
    );

    let gone = archive.delete("fleet", &[]);
    assert_eq!((gone.status, gone.body), (204, Value::Null));
    assert!(archive.found("the price of bread").is_empty());
    archive
        .get("/v1/documents/fleet")
        .is_problem(404, "document_not_found", Some("id"));
    archive
        .delete("fleet", &[])
        .is_problem(404, "document_not_found", Some("id"));
}

#[test]
fn conditions_guard_against_lost_updates() {
    let archive = Archive::new();
    let first = archive.put("a", &[("if-none-match", "*")], &document("a", "One."));
    assert_eq!(first.status, 201);
    let tag = first.header("etag").to_owned();
    archive
        .put("a", &[("if-none-match", "*")], &document("a", "Two."))
        .is_problem(412, "precondition_failed", None);
    archive
        .put("b", &[("if-match", "*")], &document("b", "Two."))
        .is_problem(412, "precondition_failed", None);
    archive
        .put("a", &[("if-match", "\"00\"")], &document("a", "Two."))
        .is_problem(412, "precondition_failed", None);
    let weak = format!("W/{tag}");
    archive
        .put("a", &[("if-match", &weak)], &document("a", "Two."))
        .is_problem(412, "precondition_failed", None);
    archive
        .put("a", &[("if-match", "00")], &document("a", "Two."))
        .is_problem(400, "bad_request", Some("If-Match"));
    let second = archive.put("a", &[("if-match", &tag)], &document("a", "Two."));
    assert_eq!(second.status, 200);
    archive
        .delete("a", &[("if-match", &tag)])
        .is_problem(412, "precondition_failed", None);
    archive
        .delete("b", &[("if-match", &tag)])
        .is_problem(404, "document_not_found", Some("id"));

    let tag = second.header("etag");
    for known in [tag.to_owned(), format!("\"00\", W/{tag}")] {
        let known = archive.send("GET", "/v1/documents/a", &[("if-none-match", &known)], b"");
        assert_eq!((known.status, known.header("etag")), (304, tag));
        assert_eq!(known.body, Value::Null);
    }
    let other = archive.send(
        "GET",
        "/v1/documents/a",
        &[("if-none-match", "\"00\"")],
        b"",
    );
    assert_eq!((other.status, &other.body["text"]), (200, &json!("Two.")));
    let headers = [JSON, &[("if-match", tag)]].concat();
    let body = document("a", "Three.").to_string();
    archive
        .send("POST", "/v1/documents", &headers, body.as_bytes())
        .is_problem(400, "bad_request", Some("If-Match"));
    assert_eq!(archive.delete("a", &[("if-match", tag)]).status, 204);
}

#[test]
fn of_many_who_change_one_version_exactly_one_wins() {
    let archive = Archive::new();
    let mut tag = archive
        .post(&document("a", "The beginning."))
        .header("etag")
        .to_owned();
    for round in 0..5 {
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..6)
                .map(|writer| {
                    let (archive, tag) = (&archive, &tag);
                    let text = format!("Writer {writer} in round {round}.");
                    scope.spawn(move || {
                        archive.put("a", &[("if-match", tag)], &document("a", &text))
                    })
                })
                .collect();
            writers.into_iter().map(|w| w.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|a| a.status == 200);
        assert_eq!((won.len(), lost.len()), (1, 5));
        for answer in lost {
            answer.is_problem(412, "precondition_failed", None);
        }
        won[0].header("etag").clone_into(&mut tag);
        assert_eq!(archive.get("/v1/documents/a").header("etag"), tag);
    }
}

/// What is wrong with a document, its code and the field at fault.
fn bad_documents() -> Vec<(String, &'static str, Option<&'static str>)> {
    let deep = format!(
        r#"{{"id":"a","text":"x","deep":{}1{}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    let long_id = format!(r#"{{"id":"{}","text":"x"}}"#, "a".repeat(201));
    let binary = format!(r#"{{"id":"a","text":"{}"}}"#, r"\u0001".repeat(50));
    let cases: &[(&str, &str, Option<&str>)] = &[
        ("{", "bad_json", None),
        ("nonsense", "bad_json", None),
        (r#"{"id": "a", "text": "x"} {}"#, "bad_json", None),
        (r#"{"id": "a", "text": "\ud800"}"#, "bad_json", None),
        (r#"{"id": "a", "text": "\x"}"#, "bad_json", None),
        (r#"{"id": "a", "text": NaN}"#, "bad_json", None),
        (r#"{"id": 1e999, "text": "x"}"#, "bad_json", None),
        (&deep, "bad_json", None),
        ("5", "wrong_type", None),
        (r#""text""#, "wrong_type", None),
        ("null", "wrong_type", None),
        (r#"{"id": "a", "text": 5}"#, "wrong_type", Some("text")),
        (r#"{"id": "a", "text": ["x"]}"#, "wrong_type", Some("text")),
        (r#"{"id": 1.5, "text": "x"}"#, "wrong_type", Some("id")),
        (r#"{"id": {}, "text": "x"}"#, "wrong_type", Some("id")),
        (
            r#"{"id": "a", "text": "x", "title": []}"#,
            "wrong_type",
            Some("title"),
        ),
        (
            r#"{"id": "a", "text": "x", "date": "2015-02-30"}"#,
            "bad_date",
            Some("date"),
        ),
        (
            r#"{"id": "a", "text": "x", "date": "yesterday"}"#,
            "bad_date",
            Some("date"),
        ),
        (
            r#"{"id": "a", "text": "x", "text": "y"}"#,
            "repeated_field",
            Some("text"),
        ),
        (
            r#"{"id": "a", "text": "x", "k": 1, "k": 2}"#,
            "repeated_field",
            Some("k"),
        ),
        (r#"{"id": "a"}"#, "missing_field", Some("text")),
        (
            r#"{"id": "a", "text": null}"#,
            "missing_field",
            Some("text"),
        ),
        (r#"{"id": "a", "text": ""}"#, "empty_text", Some("text")),
        (
            r#"{"id": "a", "text": " \n\t"}"#,
            "empty_text",
            Some("text"),
        ),
        (
            r#"{"id": "a", "text": "pe\u0000ace"}"#,
            "not_text",
            Some("text"),
        ),
        (
            r#"{"id": "a", "text": "x", "title": "\u0000"}"#,
            "not_text",
            Some("title"),
        ),
        (&binary, "not_text", Some("text")),
        (r#"{"id": "a b", "text": "x"}"#, "bad_id", Some("id")),
        (
            r#"{"id": "../../etc/passwd", "text": "x"}"#,
            "bad_id",
            Some("id"),
        ),
        (r#"{"id": "..", "text": "x"}"#, "bad_id", Some("id")),
        (r#"{"id": "a\u0000", "text": "x"}"#, "bad_id", Some("id")),
        (r#"{"id": "a#p1", "text": "x"}"#, "bad_id", Some("id")),
        (&long_id, "bad_id", Some("id")),
        (r#"{"text": "x"}"#, "missing_field", Some("id")),
        (r#"{"id": "", "text": "x"}"#, "missing_field", Some("id")),
        (r#"{"id": null, "text": "x"}"#, "missing_field", Some("id")),
    ];
    let owned = cases
        .iter()
        .map(|(json, code, field)| ((*json).to_owned(), *code, *field));
    owned.collect()
}

#[test]
fn bad_documents_are_problems_and_bad_lines_errors_of_the_same_code() {
    let archive = Archive::new();
    let bad = bad_documents();
    let mut body = String::new();
    for (number, (json, code, field)) in bad.iter().enumerate() {
        archive
            .send("POST", "/v1/documents", JSON, json.as_bytes())
            .is_problem(400, code, *field);
        let good = document(&format!("good{number}"), "Good.");
        body.push_str(&joined([json, &good.to_string()]));
    }
    let answer = archive.stream(body);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    assert_eq!(answer.lines.len(), 2 * bad.len() + 1);
    for (number, (json, code, field)) in bad.iter().enumerate() {
        let result = &answer.lines[2 * number];
        assert_eq!(result["line"], 2 * number + 1);
        assert_eq!(result["status"], "error");
        assert_eq!(result["error"]["code"], *code, "{json}: {result}");
        assert_eq!(
            result["error"]["field"].as_str(),
            *field,
            "{json}: {result}"
        );
        assert!(!result["error"]["detail"].as_str().unwrap().is_empty());
        assert_eq!(answer.lines[2 * number + 1]["status"], "created");
    }
    let summary = answer.summary();
    assert_eq!(summary["created"], bad.len());
    assert_eq!(summary["errors"], bad.len());
    assert_eq!(summary["complete"], true);
    assert_eq!(archive.count(), bad.len() as u64, "the good ones are kept");
}

#[test]
fn bad_requests_write_nothing() {
    let archive = Archive::new();
    let post = |headers: &[(&str, &str)], body: &[u8]| {
        archive.send("POST", "/v1/documents", headers, body)
    };
    post(JSON, b"").is_problem(400, "bad_json", None);
    post(JSON, b"[5]").is_problem(400, "wrong_type", None);
    post(JSON, br#"[{"id": "a", "text": "x"}, "y"]"#).is_problem(400, "wrong_type", None);
    post(JSON, br#"[{"id": "a", "text": "x"}"#).is_problem(400, "bad_json", None);
    post(JSON, br#"[{"id": "a", "text": "x"}] x"#).is_problem(400, "bad_json", None);
    post(JSON, b"\xff\xfe").is_problem(400, "bad_json", None);
    let several = post(JSON, lines(0..2, "the sea").as_bytes());
    several.is_problem(400, "bad_json", None);
    assert!(
        several.body["detail"]
            .as_str()
            .unwrap()
            .contains("application/x-ndjson")
    );
    post(&[("content-type", "text/plain")], b"x").is_problem(415, "unsupported_media_type", None);
    let packed = [LINES, &[("content-encoding", "gzip")]].concat();
    post(&packed, b"\x1f\x8b").is_problem(415, "unsupported_media_type", None);
    let large = document("a", &"a ".repeat(200 * 1024)).to_string();
    post(JSON, large.as_bytes()).is_problem(413, "body_too_large", None);
    archive
        .put("a", &[], &document("b", "Peace."))
        .is_problem(400, "other_id", Some("id"));
    archive
        .put("a%20b", &[], &json!({"text": "Peace."}))
        .is_problem(400, "bad_id", Some("id"));
    archive
        .put("a", &[], &json!([]))
        .is_problem(400, "wrong_type", None);
    archive
        .put("a", &[], &json!("x"))
        .is_problem(400, "wrong_type", None);
    archive
        .delete("a%20b", &[])
        .is_problem(400, "bad_id", Some("id"));
    assert_eq!(archive.count(), 0);
    // An error leaves what was there before.
    assert_eq!(archive.put("a", &[], &document("a", "Peace.")).status, 201);
    archive
        .put("a", &[], &json!({"text": " "}))
        .is_problem(400, "empty_text", Some("text"));
    assert_eq!(archive.found("peace"), ["a"]);
}

#[test]
fn a_list_is_answered_document_by_document() {
    let archive = Archive::new();
    let empty = archive.post(&json!([]));
    assert_eq!((empty.status, &empty.body["results"]), (200, &json!([])));
    assert_eq!(empty.body["summary"]["lines"], 0);
    let answer = archive.post(&json!([
        document("a", "The sea."), {"id": "b"}, document("c", "The land."),
        document("a", "The sea."), document("a", "The ocean."),
    ]));
    assert_eq!(answer.status, 200);
    let results = answer.body["results"].as_array().unwrap();
    let field =
        |name: &str| -> Vec<&str> { results.iter().map(|r| r[name].as_str().unwrap()).collect() };
    assert_eq!(
        field("status"),
        ["created", "error", "created", "unchanged", "updated"]
    );
    assert_eq!(field("id"), ["a", "b", "c", "a", "a"]);
    assert_eq!(results[1]["error"]["code"], "missing_field");
    assert_eq!(results[4]["line"], 5);
    assert_eq!(answer.body["summary"]["created"], 2);
    // More than is written in one turn.
    let many: Vec<Value> = (0..300)
        .map(|n| document(&format!("m{n}"), "Many."))
        .collect();
    let answer = archive.post(&json!(many));
    assert_eq!(answer.body["summary"]["created"], 300);
    assert_eq!(answer.body["results"][299]["line"], 300);
    assert_eq!(archive.count(), 302);
}

#[test]
fn streams_may_be_empty_blank_or_without_a_last_line_end() {
    let archive = Archive::new();
    for (body, read) in [("", 0), ("\n \r\n\n", 3)] {
        let answer = archive.stream(body);
        assert_eq!((answer.status, answer.lines.len()), (200, 1));
        assert_eq!(answer.summary()["lines"], read);
        assert_eq!(answer.summary()["complete"], true);
    }
    let answer = archive
        .stream("\u{feff}{\"id\":\"a\",\"text\":\"One.\"}\r\n\r\n{\"id\":\"b\",\"text\":\"Two.\"}");
    assert_eq!(answer.lines[0]["id"], "a");
    assert_eq!(
        (&answer.lines[1]["id"], &answer.lines[1]["line"]),
        (&json!("b"), &json!(3))
    );
    for name in ["application/jsonl", "application/JSON-Lines; charset=utf-8"] {
        let answer = archive.send("POST", "/v1/documents", &[("content-type", name)], b"{}");
        assert_eq!(answer.lines[0]["error"]["code"], "missing_field");
    }
}

#[test]
fn a_stream_is_longer_than_a_body_and_a_line_is_not() {
    let archive = Archive::new();
    let limit = support::LIMITS.max_body_bytes;
    let mut body = lines(0..1, "the sea");
    // No document of half a megabyte is encoded here: it is refused unread.
    let long = document("long", &"word ".repeat(limit / 4));
    body.push_str(&joined([&long; 3]));
    body.push_str(&lines(1..2, "the sea"));
    assert!(body.len() > 3 * limit);
    let answer = archive.stream(&body);
    let status: Vec<&Value> = answer.lines.iter().map(|line| &line["status"]).collect();
    assert_eq!(
        status[..5],
        ["created", "error", "error", "error", "created"]
    );
    assert_eq!(answer.lines[1]["error"]["code"], "body_too_large");
    assert_eq!(answer.summary()["lines"], 5);
}

#[test]
fn what_was_answered_is_unchanged_when_it_is_sent_again() {
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

/// A stream by hand, in chunks.
struct Upload {
    socket: TcpStream,
    answers: BufReader<TcpStream>,
}

impl Upload {
    fn begin(server: SocketAddr) -> Self {
        let mut socket = TcpStream::connect(server).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_mins(1)))
            .unwrap();
        write!(
            socket,
            "POST /v1/documents HTTP/1.1\r\nhost: antiphon\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        .unwrap();
        let answers = BufReader::new(socket.try_clone().unwrap());
        Self { socket, answers }
    }

    fn send(&mut self, text: &str) {
        send_chunk(&mut self.socket, text).unwrap();
    }

    fn end(&mut self) {
        write!(self.socket, "0\r\n\r\n").unwrap();
    }

    fn answer(&mut self) -> Value {
        self.answer_or_end().expect("the stream ended")
    }

    /// The next answer; headers and the lengths of chunks are passed over.
    fn answer_or_end(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            match self.answers.read_line(&mut line) {
                Ok(0) | Err(_) => return None,
                Ok(_) if line.starts_with('{') => return serde_json::from_str(&line).ok(),
                Ok(_) => {}
            }
        }
    }
}

fn send_chunk(socket: &mut TcpStream, text: &str) -> std::io::Result<()> {
    write!(socket, "{:x}\r\n{text}\r\n", text.len())
}

#[test]
fn a_client_is_answered_before_it_has_sent_everything() {
    let archive = Archive::new();
    let mut upload = Upload::begin(archive.server);
    for number in 0..3 {
        let line = lines(number..number + 1, "the sea");
        let (begin, rest) = line.split_at(10);
        upload.send(begin);
        upload.send(rest);
        let answer = upload.answer();
        assert_eq!(answer["line"], number + 1);
        assert_eq!(answer["status"], "created");
        assert_eq!(
            archive.found("the sea").len(),
            number + 1,
            "and it is found at once"
        );
    }
    upload.end();
    assert_eq!(upload.answer()["summary"]["created"], 3);
}

#[test]
fn a_client_that_hangs_up_loses_nothing_that_was_answered() {
    let archive = Archive::new();
    for _ in 0..10 {
        let mut upload = Upload::begin(archive.server);
        upload.send(&lines(0..2, "the sea"));
        assert_eq!(upload.answer()["id"], "d0");
        assert_eq!(upload.answer()["id"], "d1");
        upload.send("{\"id\": \"half\", \"text\": \"Half a");
        drop(upload);
    }
    // More than may be read at a time have been begun: each gave up its place.
    let answer = archive.stream(lines(2..3, "the sea"));
    assert_eq!(answer.summary()["created"], 1);
    let listed = archive.get("/v1/documents").body;
    let ids = listed["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["id"]);
    assert_eq!(ids.collect::<Vec<_>>(), ["d0", "d1", "d2"]);
}

#[test]
fn searches_and_other_writers_go_on_during_a_stream() {
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
        assert!(between, "they were let in between two batches");
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
    assert_eq!(archive.engine.snapshot().unwrap().facts().documents, 20);
}

#[test]
fn a_body_that_breaks_off_is_said_to_be_incomplete() {
    let archive = Archive::new();
    let mut upload = Upload::begin(archive.server);
    upload.send(&lines(0..1, "the sea"));
    assert_eq!(upload.answer()["status"], "created");
    // A length of a chunk that is none.
    upload.socket.write_all(b"nonsense\r\n").unwrap();
    let mut rest = String::new();
    // The connection may be closed before all is read.
    let _ = upload.answers.read_to_string(&mut rest);
    assert!(!rest.contains("\"complete\":true"), "{rest}");
    assert_eq!(archive.count(), 1);
}

/// Sends documents to a program that is killed in the midst of them; what it answered until then.
fn answered_until_killed(served: Served, round: usize) -> Vec<Value> {
    let mut upload = Upload::begin(address(&served));
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
        let mut answers: Vec<Value> = (0..10 + 30 * round).map(|_| upload.answer()).collect();
        drop(served);
        answers.extend(std::iter::from_fn(|| upload.answer_or_end()));
        answers
    })
}

fn address(served: &Served) -> SocketAddr {
    let url = served.said[1].split("http://").nth(1).unwrap();
    url.split('/').next().unwrap().parse().unwrap()
}

#[test]
fn what_was_answered_survives_kill_9() {
    let folder = TempDir::new().unwrap();
    let mut answered = Vec::new();
    for round in 0..3 {
        let served = Served::start(&folder, &[]);
        answered.extend(answered_until_killed(served, round));
    }
    assert!(answered.len() > 120, "{}", answered.len());
    let served = Served::start(&folder, &[]);
    let get = |path: &str| -> Value {
        let mut answer = ureq::get(format!("http://{}{path}", address(&served)))
            .call()
            .unwrap();
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    };
    for answer in &answered {
        assert_eq!(answer["status"], "created");
        let id = answer["id"].as_str().unwrap();
        let stored = get(&format!("/v1/documents/{id}"));
        assert_eq!(stored["content_hash"], answer["content_hash"]);
        assert_eq!(
            stored["passages"].as_array().unwrap().len() as u64,
            answer["passages"]
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
