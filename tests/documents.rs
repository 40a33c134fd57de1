//! Documents over HTTP: writes, preconditions, streams, deletions.

mod endings;
mod streams;

use std::net::SocketAddr;
use std::sync::Arc;

use antiphon::engine::Engine;
use antiphon::server::{MiddlewareState, Service};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support;
use crate::support::client::{ApiResponse, JSON, LINES, send_bytes};

/// A server over a store of its own, empty at first.
struct Archive {
    server: SocketAddr,
    engine: Arc<Engine>,
    data: TempDir,
}

impl Archive {
    fn new() -> Self {
        Self::with_middleware(MiddlewareState::default())
    }

    fn with_middleware(middleware: MiddlewareState) -> Self {
        let data = TempDir::new().unwrap();
        let engine = Arc::new(support::engine(&data));
        engine.publish().unwrap();
        let service = Arc::new(Service::new(support::LIMITS).with_middleware(middleware));
        service.set_engine(Arc::clone(&engine));
        Self {
            server: support::start_server(service),
            engine,
            data,
        }
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> ApiResponse {
        send_bytes(method, self.server, path, headers, body)
    }

    fn get(&self, path: &str) -> ApiResponse {
        self.send("GET", path, &[], b"")
    }

    fn post(&self, body: &Value) -> ApiResponse {
        self.send("POST", "/v1/documents", JSON, body.to_string().as_bytes())
    }

    fn put(&self, id: &str, headers: &[(&str, &str)], body: &Value) -> ApiResponse {
        let headers = [JSON, headers].concat();
        let path = format!("/v1/documents/{id}");
        self.send("PUT", &path, &headers, body.to_string().as_bytes())
    }

    fn delete(&self, id: &str, headers: &[(&str, &str)]) -> ApiResponse {
        self.send("DELETE", &format!("/v1/documents/{id}"), headers, b"")
    }

    fn stream(&self, body: impl AsRef<[u8]>) -> ApiResponse {
        self.send("POST", "/v1/documents", LINES, body.as_ref())
    }

    /// Returns the ids of the documents that a search finds, best first.
    fn found(&self, words: &str) -> Vec<String> {
        let words = words.replace(' ', "+");
        let response = self.get(&format!("/v1/search?q={words}&limit=1000"));
        let hits = response.body["hits"].as_array().unwrap();
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

/// Returns lines with documents `d0`, `d1`, … of one sentence each.
fn lines(numbers: std::ops::Range<usize>, about: &str) -> String {
    let line = |number: usize| {
        let text = format!("Document {number} speaks of {about}, and of the number {number}.");
        document(&format!("d{number}"), &text)
    };
    joined(numbers.map(line))
}

/// Joins lines to a body.
fn joined<T: ToString>(lines: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text
}

#[test]
fn an_acknowledged_document_is_found_until_it_is_deleted() {
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

    // A document can be sent back as returned: computed fields do not become attributes.
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
    assert_eq!((gone.status, gone.body), (204, json!("")));
    assert!(archive.found("the price of bread").is_empty());
    archive
        .get("/v1/documents/fleet")
        .assert_problem(404, "document_not_found", Some("id"));
    archive
        .delete("fleet", &[])
        .assert_problem(404, "document_not_found", Some("id"));
}

#[test]
fn conditions_guard_against_lost_updates() {
    let archive = Archive::new();
    let first = archive.put("a", &[("if-none-match", "*")], &document("a", "One."));
    assert_eq!(first.status, 201);
    let tag = first.header("etag").to_owned();
    archive
        .put("a", &[("if-none-match", "*")], &document("a", "Two."))
        .assert_problem(412, "precondition_failed", None);
    archive
        .put("b", &[("if-match", "*")], &document("b", "Two."))
        .assert_problem(412, "precondition_failed", None);
    archive
        .put("a", &[("if-match", "\"00\"")], &document("a", "Two."))
        .assert_problem(412, "precondition_failed", None);
    let weak = format!("W/{tag}");
    archive
        .put("a", &[("if-match", &weak)], &document("a", "Two."))
        .assert_problem(412, "precondition_failed", None);
    archive
        .put("a", &[("if-match", "00")], &document("a", "Two."))
        .assert_problem(400, "bad_request", Some("If-Match"));
    let second = archive.put("a", &[("if-match", &tag)], &document("a", "Two."));
    assert_eq!(second.status, 200);
    archive
        .delete("a", &[("if-match", &tag)])
        .assert_problem(412, "precondition_failed", None);
    archive.delete("b", &[("if-match", &tag)]).assert_problem(
        404,
        "document_not_found",
        Some("id"),
    );

    let tag = second.header("etag");
    for known in [tag.to_owned(), format!("\"00\", W/{tag}")] {
        let known = archive.send("GET", "/v1/documents/a", &[("if-none-match", &known)], b"");
        assert_eq!((known.status, known.header("etag")), (304, tag));
        assert_eq!(known.body, "");
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
        .assert_problem(400, "bad_request", Some("If-Match"));
    assert_eq!(archive.delete("a", &[("if-match", tag)]).status, 204);
}

#[test]
fn of_concurrent_updates_exactly_one_succeeds() {
    let archive = Archive::new();
    let mut tag = archive
        .post(&document("a", "The beginning."))
        .header("etag")
        .to_owned();
    for round in 0..5 {
        let responses: Vec<ApiResponse> = std::thread::scope(|scope| {
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
        let (won, lost): (Vec<_>, Vec<_>) = responses.iter().partition(|a| a.status == 200);
        assert_eq!((won.len(), lost.len()), (1, 5));
        for response in lost {
            response.assert_problem(412, "precondition_failed", None);
        }
        won[0].header("etag").clone_into(&mut tag);
        assert_eq!(archive.get("/v1/documents/a").header("etag"), tag);
    }
}

/// Invalid documents, each with the code and the field of its problem.
fn bad_documents() -> Vec<(String, &'static str, Option<&'static str>)> {
    let deep = format!(
        r#"{{"id":"a","text":"x","deep":{}1{}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    let long_id = format!(r#"{{"id":"{}","text":"x"}}"#, "a".repeat(201));
    let binary = format!(r#"{{"id":"a","text":"{}"}}"#, r"\u0001".repeat(50));
    let cases: &[(&str, &str, Option<&str>)] = &[
        ("{", "invalid_json", None),
        ("nonsense", "invalid_json", None),
        (r#"{"id": "a", "text": "x"} {}"#, "invalid_json", None),
        (r#"{"id": "a", "text": "\ud800"}"#, "invalid_json", None),
        (r#"{"id": "a", "text": "\x"}"#, "invalid_json", None),
        (r#"{"id": "a", "text": NaN}"#, "invalid_json", None),
        (r#"{"id": 1e999, "text": "x"}"#, "invalid_json", None),
        (&deep, "invalid_json", None),
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
            "invalid_date",
            Some("date"),
        ),
        (
            r#"{"id": "a", "text": "x", "date": "yesterday"}"#,
            "invalid_date",
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
            "binary_content",
            Some("text"),
        ),
        (
            r#"{"id": "a", "text": "x", "title": "\u0000"}"#,
            "binary_content",
            Some("title"),
        ),
        (&binary, "binary_content", Some("text")),
        (r#"{"id": "a b", "text": "x"}"#, "invalid_id", Some("id")),
        (
            r#"{"id": "../../etc/passwd", "text": "x"}"#,
            "invalid_id",
            Some("id"),
        ),
        (r#"{"id": "..", "text": "x"}"#, "invalid_id", Some("id")),
        (
            r#"{"id": "a\u0000", "text": "x"}"#,
            "invalid_id",
            Some("id"),
        ),
        (r#"{"id": "a#p1", "text": "x"}"#, "invalid_id", Some("id")),
        (&long_id, "invalid_id", Some("id")),
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
fn invalid_documents_have_the_same_code_alone_and_in_streams() {
    let archive = Archive::new();
    let bad = bad_documents();
    let mut body = String::new();
    for (number, (json, code, field)) in bad.iter().enumerate() {
        archive
            .send("POST", "/v1/documents", JSON, json.as_bytes())
            .assert_problem(400, code, *field);
        let good = document(&format!("good{number}"), "Good.");
        body.push_str(&joined([json, &good.to_string()]));
    }
    let response = archive.stream(body);
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), "application/x-ndjson");
    assert_eq!(response.lines.len(), 2 * bad.len() + 1);
    for (number, (json, code, field)) in bad.iter().enumerate() {
        let result = &response.lines[2 * number];
        assert_eq!(result["line"], 2 * number + 1);
        assert_eq!(result["status"], "error");
        assert_eq!(result["error"]["code"], *code, "{json}: {result}");
        assert_eq!(
            result["error"]["field"].as_str(),
            *field,
            "{json}: {result}"
        );
        assert!(!result["error"]["detail"].as_str().unwrap().is_empty());
        assert_eq!(response.lines[2 * number + 1]["status"], "created");
    }
    let summary = response.summary();
    assert_eq!(summary["created"], bad.len());
    assert_eq!(summary["errors"], bad.len());
    assert_eq!(summary["complete"], true);
    assert_eq!(archive.count(), bad.len() as u64, "the good ones are kept");
}

#[test]
fn invalid_requests_write_nothing() {
    let archive = Archive::new();
    let post = |headers: &[(&str, &str)], body: &[u8]| {
        archive.send("POST", "/v1/documents", headers, body)
    };
    post(JSON, b"").assert_problem(400, "invalid_json", None);
    post(JSON, b"[5]").assert_problem(400, "wrong_type", None);
    post(JSON, br#"[{"id": "a", "text": "x"}, "y"]"#).assert_problem(400, "wrong_type", None);
    post(JSON, br#"[{"id": "a", "text": "x"}"#).assert_problem(400, "invalid_json", None);
    post(JSON, br#"[{"id": "a", "text": "x"}] x"#).assert_problem(400, "invalid_json", None);
    post(JSON, b"\xff\xfe").assert_problem(400, "invalid_json", None);
    let several = post(JSON, lines(0..2, "the sea").as_bytes());
    several.assert_problem(400, "invalid_json", None);
    assert!(
        several.body["detail"]
            .as_str()
            .unwrap()
            .contains("application/x-ndjson")
    );
    post(&[("content-type", "text/plain")], b"x").assert_problem(
        415,
        "unsupported_media_type",
        None,
    );
    let packed = [LINES, &[("content-encoding", "gzip")]].concat();
    post(&packed, b"\x1f\x8b").assert_problem(415, "unsupported_media_type", None);
    let large = document("a", &"a ".repeat(200 * 1024)).to_string();
    post(JSON, large.as_bytes()).assert_problem(413, "body_too_large", None);
    archive
        .put("a", &[], &document("b", "Peace."))
        .assert_problem(400, "id_mismatch", Some("id"));
    archive
        .put("a%20b", &[], &json!({"text": "Peace."}))
        .assert_problem(400, "invalid_id", Some("id"));
    archive
        .put("a", &[], &json!([]))
        .assert_problem(400, "wrong_type", None);
    archive
        .put("a", &[], &json!("x"))
        .assert_problem(400, "wrong_type", None);
    archive
        .delete("a%20b", &[])
        .assert_problem(400, "invalid_id", Some("id"));
    assert_eq!(archive.count(), 0);
    // Long names are truncated in errors.
    let name = "n".repeat(200 * 1024);
    for body in [
        json!({"id": "a", name.clone(): 1}),
        json!({"id": name, "text": "x"}),
    ] {
        let response = archive.stream(body.to_string());
        let lengths = |text: &Value| text.as_str().unwrap().chars().count();
        assert!(lengths(&response.lines[0]["error"]["detail"]) <= 1001);
        assert!(lengths(&response.lines[0]["id"]) <= 201);
        let response = archive.post(&body);
        assert!(response.status == 400 && lengths(&response.body["detail"]) <= 1001);
    }
    // After an error the previous document is kept.
    assert_eq!(archive.put("a", &[], &document("a", "Peace.")).status, 201);
    archive
        .put("a", &[], &json!({"text": " "}))
        .assert_problem(400, "empty_text", Some("text"));
    assert_eq!(archive.found("peace"), ["a"]);
}

#[test]
fn a_list_has_a_result_per_document() {
    let archive = Archive::new();
    let empty = archive.post(&json!([]));
    assert_eq!((empty.status, &empty.body["results"]), (200, &json!([])));
    assert_eq!(empty.body["summary"]["lines"], 0);
    let response = archive.post(&json!([
        document("a", "The sea."), {"id": "b"}, document("c", "The land."),
        document("a", "The sea."), document("a", "The ocean."),
    ]));
    assert_eq!(response.status, 200);
    let results = response.body["results"].as_array().unwrap();
    let field =
        |name: &str| -> Vec<&str> { results.iter().map(|r| r[name].as_str().unwrap()).collect() };
    assert_eq!(
        field("status"),
        ["created", "error", "created", "unchanged", "updated"]
    );
    assert_eq!(field("id"), ["a", "b", "c", "a", "a"]);
    assert_eq!(results[1]["error"]["code"], "missing_field");
    assert_eq!(results[4]["line"], 5);
    assert_eq!(response.body["summary"]["created"], 2);
    // More than one batch.
    let many: Vec<Value> = (0..300)
        .map(|n| document(&format!("m{n}"), "Many."))
        .collect();
    let response = archive.post(&json!(many));
    assert_eq!(response.body["summary"]["created"], 300);
    assert_eq!(response.body["results"][299]["line"], 300);
    assert_eq!(archive.count(), 302);
}
