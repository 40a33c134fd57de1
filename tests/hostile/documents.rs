//! Invalid documents.

use serde_json::Value;

use super::bodies::{INVALID_JSON, at};
use super::{Case, SERVER, all_are_answered, assert_service_works};
use crate::support::client::{JSON, LINES, send_bytes};

/// Returns invalid documents, each with the code of its problem.
fn documents() -> Vec<(String, &'static str)> {
    let mut all: Vec<(String, &str)> = [
        ("{}", "missing_field"),
        ("{\"id\": \"z\"}", "missing_field"),
        ("{\"id\": \"z\", \"text\": null}", "missing_field"),
        ("{\"id\": \"z\", \"text\": 1}", "wrong_type"),
        ("{\"id\": \"z\", \"text\": [\"a\"]}", "wrong_type"),
        ("{\"id\": \"z\", \"text\": \"\"}", "empty_text"),
        ("{\"id\": \"z\", \"text\": \" \\n \"}", "empty_text"),
        (
            "{\"id\": \"z\", \"text\": \"\\u0001\\u0002\"}",
            "empty_text",
        ),
        ("{\"id\": \"z\", \"text\": \"a\\u0000b\"}", "binary_content"),
        ("{\"id\": \"z\", \"text\": \"\\ud800\"}", "invalid_json"),
        (
            "{\"id\": \"z\", \"text\": \"a\", \"text\": \"b\"}",
            "repeated_field",
        ),
        (
            "{\"id\": \"z\", \"id\": \"y\", \"text\": \"a\"}",
            "repeated_field",
        ),
        ("{\"id\": \"..\", \"text\": \"a\"}", "invalid_id"),
        ("{\"id\": \".\", \"text\": \"a\"}", "invalid_id"),
        ("{\"id\": \"a/b\", \"text\": \"a\"}", "invalid_id"),
        ("{\"id\": \"a\\\\b\", \"text\": \"a\"}", "invalid_id"),
        ("{\"id\": \"a b\", \"text\": \"a\"}", "invalid_id"),
        ("{\"id\": \"a#p1\", \"text\": \"a\"}", "invalid_id"),
        ("{\"id\": \"a?b\", \"text\": \"a\"}", "invalid_id"),
        ("{\"id\": \"a%62\", \"text\": \"a\"}", "invalid_id"),
        ("{\"id\": \"a\\u0000\", \"text\": \"a\"}", "invalid_id"),
        ("{\"id\": \"a\\u200bb\", \"text\": \"a\"}", "invalid_id"),
        ("{\"id\": \"a\\ufeff\", \"text\": \"a\"}", "invalid_id"),
        (
            "{\"id\": \"z\", \"text\": \"a\", \"date\": \"2015-13\"}",
            "invalid_date",
        ),
        (
            "{\"id\": \"z\", \"text\": \"a\", \"date\": \"2015-02-30\"}",
            "invalid_date",
        ),
        (
            "{\"id\": \"z\", \"text\": \"a\", \"date\": \"99999-01\"}",
            "invalid_date",
        ),
        (
            "{\"id\": \"z\", \"text\": \"a\", \"title\": 1}",
            "wrong_type",
        ),
        (
            "{\"id\": \"z\", \"text\": \"a\", \"title\": \"\\u0000\"}",
            "binary_content",
        ),
        (
            "{\"id\": \"z\", \"text\": \"a\", \"x\": NaN}",
            "invalid_json",
        ),
        (
            "{\"id\": \"z\", \"text\": \"a\", \"x\": 1e999}",
            "invalid_json",
        ),
        (
            "{\"id\": \"z\", \"text\": \"a\"}{\"id\": \"y\", \"text\": \"b\"}",
            "invalid_json",
        ),
        ("{\"id\": \"z\", \"text\": \"a\"} \u{0}", "invalid_json"),
    ]
    .map(|(body, code)| (body.to_owned(), code))
    .into();
    let nested = |open: &str, inside: &str, close: &str, depth| {
        let value = format!("{}{inside}{}", open.repeat(depth), close.repeat(depth));
        format!("{{\"id\": \"z\", \"text\": \"a\", \"x\": {value}}}")
    };
    all.push((nested("[", "", "]", 200), "invalid_json"));
    all.push((nested("[", "", "]", 100_000), "invalid_json"));
    all.push((nested("{\"a\":", "1", "}", 30_000), "invalid_json"));
    let id = "a".repeat(201);
    all.push((
        format!("{{\"id\": \"{id}\", \"text\": \"a\"}}"),
        "invalid_id",
    ));
    all
}

#[test]
fn invalid_documents() {
    let documents = documents();
    let bodies = || documents.iter().map(|(body, code)| (body.as_str(), *code));
    let mut cases = at("PUT /v1/documents/z", bodies());
    cases.extend(at("POST /v1/documents", bodies()));
    cases.extend(at(
        "PUT /v1/documents/z",
        [
            ("[]", "wrong_type"),
            ("{\"id\": 1, \"text\": \"a\"}", "id_mismatch"),
            ("{\"id\": \"y\", \"text\": \"a\"}", "id_mismatch"),
        ],
    ));
    cases.extend(at(
        "POST /v1/documents",
        [
            ("{\"text\": \"a\"}", "missing_field"),
            ("{\"id\": \"\", \"text\": \"a\"}", "missing_field"),
            ("[", "invalid_json"),
            ("[{}", "invalid_json"),
            ("[{}] x", "invalid_json"),
            ("[]", ""),
        ],
    ));
    let bytes = b"{\"id\": \"z\", \"text\": \"\xff\"}";
    cases.push(Case::with_body(
        "PUT /v1/documents/z",
        &[],
        bytes,
        INVALID_JSON,
    ));
    cases.push(Case::with_body(
        "POST /v1/documents",
        &[],
        bytes,
        INVALID_JSON,
    ));
    assert!(cases.len() > 80);
    all_are_answered(&cases);
}

#[test]
fn lines_that_are_no_documents_are_answered_one_by_one() {
    let documents = documents();
    let bodies: Vec<&str> = documents.iter().map(|(body, _)| body.as_str()).collect();
    let body = bodies.join("\n");
    let response = send_bytes("POST", *SERVER, "/v1/documents", LINES, body.as_bytes());
    assert_eq!(response.lines.len(), documents.len() + 1);
    for (line, (body, code)) in response.lines.iter().zip(&documents) {
        assert_eq!(line["status"], "error", "{body:.80}: {line}");
        assert_eq!(line["error"]["code"], *code, "{body:.80}: {line}");
    }
    assert_eq!(response.summary()["errors"], documents.len());
    assert_eq!(response.summary()["complete"], true);
    let list: Vec<&str> = documents
        .iter()
        .map(|(body, _)| body.as_str())
        .filter(|body| serde_json::from_str::<Value>(body).is_ok())
        .collect();
    let list = format!("[{}]", list.join(", "));
    let response = send_bytes("POST", *SERVER, "/v1/documents", JSON, list.as_bytes());
    for result in response.body["results"].as_array().unwrap() {
        assert_eq!(result["status"], "error", "{result}");
    }
    assert_service_works();
}
