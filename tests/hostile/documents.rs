//! Documents that are none.

use serde_json::Value;

use super::bodies::{BAD_JSON, at};
use super::{Case, SERVER, all_are_answered, the_service_goes_on};
use crate::support::client::{LINES, send_bytes};

/// Documents that are none, each with the code of its problem.
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
        ("{\"id\": \"z\", \"text\": \"a\\u0000b\"}", "not_text"),
        ("{\"id\": \"z\", \"text\": \"\\ud800\"}", "bad_json"),
        (
            "{\"id\": \"z\", \"text\": \"a\", \"text\": \"b\"}",
            "repeated_field",
        ),
        (
            "{\"id\": \"z\", \"id\": \"y\", \"text\": \"a\"}",
            "repeated_field",
        ),
        ("{\"id\": \"..\", \"text\": \"a\"}", "bad_id"),
        ("{\"id\": \".\", \"text\": \"a\"}", "bad_id"),
        ("{\"id\": \"a/b\", \"text\": \"a\"}", "bad_id"),
        ("{\"id\": \"a\\\\b\", \"text\": \"a\"}", "bad_id"),
        ("{\"id\": \"a b\", \"text\": \"a\"}", "bad_id"),
        ("{\"id\": \"a#p1\", \"text\": \"a\"}", "bad_id"),
        ("{\"id\": \"a?b\", \"text\": \"a\"}", "bad_id"),
        ("{\"id\": \"a%62\", \"text\": \"a\"}", "bad_id"),
        ("{\"id\": \"a\\u0000\", \"text\": \"a\"}", "bad_id"),
        ("{\"id\": \"a\\u200bb\", \"text\": \"a\"}", "bad_id"),
        ("{\"id\": \"a\\ufeff\", \"text\": \"a\"}", "bad_id"),
        (
            "{\"id\": \"z\", \"text\": \"a\", \"date\": \"2015-13\"}",
            "bad_date",
        ),
        (
            "{\"id\": \"z\", \"text\": \"a\", \"date\": \"2015-02-30\"}",
            "bad_date",
        ),
        (
            "{\"id\": \"z\", \"text\": \"a\", \"date\": \"99999-01\"}",
            "bad_date",
        ),
        (
            "{\"id\": \"z\", \"text\": \"a\", \"title\": 1}",
            "wrong_type",
        ),
        (
            "{\"id\": \"z\", \"text\": \"a\", \"title\": \"\\u0000\"}",
            "not_text",
        ),
        ("{\"id\": \"z\", \"text\": \"a\", \"x\": NaN}", "bad_json"),
        ("{\"id\": \"z\", \"text\": \"a\", \"x\": 1e999}", "bad_json"),
        (
            "{\"id\": \"z\", \"text\": \"a\"}{\"id\": \"y\", \"text\": \"b\"}",
            "bad_json",
        ),
        ("{\"id\": \"z\", \"text\": \"a\"} \u{0}", "bad_json"),
    ]
    .map(|(body, code)| (body.to_owned(), code))
    .into();
    let nested = |open: &str, inside: &str, close: &str, depth| {
        let value = format!("{}{inside}{}", open.repeat(depth), close.repeat(depth));
        format!("{{\"id\": \"z\", \"text\": \"a\", \"x\": {value}}}")
    };
    all.push((nested("[", "", "]", 200), "bad_json"));
    all.push((nested("[", "", "]", 100_000), "bad_json"));
    all.push((nested("{\"a\":", "1", "}", 30_000), "bad_json"));
    let id = "a".repeat(201);
    all.push((format!("{{\"id\": \"{id}\", \"text\": \"a\"}}"), "bad_id"));
    all
}

#[test]
fn documents_that_are_none() {
    let documents = documents();
    let bodies = || documents.iter().map(|(body, code)| (body.as_str(), *code));
    let mut cases = at("PUT /v1/documents/z", bodies());
    cases.extend(at("POST /v1/documents", bodies()));
    cases.extend(at(
        "PUT /v1/documents/z",
        [
            ("[]", "wrong_type"),
            ("{\"id\": 1, \"text\": \"a\"}", "other_id"),
            ("{\"id\": \"y\", \"text\": \"a\"}", "other_id"),
        ],
    ));
    cases.extend(at(
        "POST /v1/documents",
        [
            ("{\"text\": \"a\"}", "missing_field"),
            ("{\"id\": \"\", \"text\": \"a\"}", "missing_field"),
            ("[", "bad_json"),
            ("[{}", "bad_json"),
            ("[{}] x", "bad_json"),
            ("[]", ""),
        ],
    ));
    let bytes = b"{\"id\": \"z\", \"text\": \"\xff\"}";
    cases.push(Case::with_body("PUT /v1/documents/z", &[], bytes, BAD_JSON));
    cases.push(Case::with_body("POST /v1/documents", &[], bytes, BAD_JSON));
    assert!(cases.len() > 80);
    all_are_answered(&cases);
}

#[test]
fn lines_that_are_no_documents_are_answered_one_by_one() {
    let documents = documents();
    let bodies: Vec<&str> = documents.iter().map(|(body, _)| body.as_str()).collect();
    let body = bodies.join("\n");
    let answer = send_bytes("POST", *SERVER, "/v1/documents", LINES, body.as_bytes());
    assert_eq!(answer.lines.len(), documents.len() + 1);
    for (line, (body, code)) in answer.lines.iter().zip(&documents) {
        assert_eq!(line["status"], "error", "{body:.80}: {line}");
        assert_eq!(line["error"]["code"], *code, "{body:.80}: {line}");
    }
    assert_eq!(answer.summary()["errors"], documents.len());
    assert_eq!(answer.summary()["complete"], true);
    let list: Vec<&str> = documents
        .iter()
        .map(|(body, _)| body.as_str())
        .filter(|body| serde_json::from_str::<Value>(body).is_ok())
        .collect();
    let list = format!("[{}]", list.join(", "));
    let answer = send_bytes("POST", *SERVER, "/v1/documents", &[], list.as_bytes());
    for result in answer.body["results"].as_array().unwrap() {
        assert_eq!(result["status"], "error", "{result}");
    }
    the_service_goes_on();
}
