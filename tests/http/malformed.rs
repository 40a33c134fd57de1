//! What is wrong with a request is told in the words of JSON, on every route that reads one.

use super::{SERVER, send};

/// What is sent, and the code, the field and the detail that it is answered with.
const CASES: &[(&str, &str, &str, Option<&str>, &str)] = &[
    (
        "POST /v1/search",
        "{\"query\": \"a\", \"limit\": }",
        "bad_json",
        None,
        "the body is not JSON: unexpected \"}\" at line 1, column 25",
    ),
    (
        "POST /v1/search",
        "{\"query\": \"a\", \"limit\": \"ten\"}",
        "wrong_type",
        Some("limit"),
        "limit: expected a non-negative integer, received \"ten\"",
    ),
    (
        "POST /v1/search",
        "{\"query\": \"a\", \"filter\": {\"speaker\": {}}}",
        "bad_filter",
        Some("filter.speaker"),
        "filter.speaker: expected a string or an array of strings, received an object",
    ),
    (
        "GET /v1/search?q=a&exact=maybe",
        "",
        "wrong_type",
        Some("exact"),
        "exact: expected true or false, received \"maybe\"",
    ),
    (
        "GET /v1/search?q=a&filter=%7B",
        "",
        "bad_filter",
        Some("filter"),
        "filter is not JSON: unexpected end at line 1, column 1",
    ),
    (
        "GET /v1/documents?limit=-1",
        "",
        "wrong_type",
        Some("limit"),
        "limit: expected a non-negative integer, received the number -1",
    ),
    (
        "POST /v1/search/batch",
        "{\"searches\": [{\"query\": \"a\"}, 5]}",
        "wrong_type",
        Some("searches[1]"),
        "searches[1]: expected an object, received the number 5",
    ),
    (
        "POST /v1/embeddings",
        "{\"input\": [\"a\", null]}",
        "wrong_type",
        Some("input[1]"),
        "input[1]: expected a string, a token id or an array of token ids, received null",
    ),
    (
        "POST /v1/embeddings",
        "{}",
        "missing_field",
        Some("input"),
        "expected a field \"input\", received none",
    ),
    (
        "POST /v1/documents",
        "{\"id\": \"z\", \"text\": [\"a\"]}",
        "wrong_type",
        Some("text"),
        "text: expected a string, received an array",
    ),
    (
        "POST /v1/documents",
        "[{\"id\": \"z\", \"text\": \"a\"}, true]",
        "wrong_type",
        None,
        "the body is not an array of documents: [1]: expected an object, received true",
    ),
    (
        "POST /v1/documents",
        "{\"id\": \"z\", \"text\": \"a\"}\n{}",
        "bad_json",
        None,
        "the body is not one JSON value: unexpected \"{}\" after its end at line 2, column 1; lines of JSON are sent as application/x-ndjson",
    ),
    (
        "PUT /v1/documents/z",
        "7",
        "wrong_type",
        None,
        "expected a JSON object, received the number 7",
    ),
    (
        "POST /v1/parallels",
        "{\"years\": 1.5}",
        "wrong_type",
        Some("years"),
        "years: expected an integer from 0 to 4294967295, received the number 1.5",
    ),
    (
        "POST /v1/families",
        "{\"formulas\": \"some\"}",
        "wrong_type",
        Some("formulas"),
        "formulas: expected one of \"exclude\", \"include\", \"only\", received \"some\"",
    ),
];

#[test]
fn malformed_requests_are_told_what_is_wrong_in_jsons_words() {
    for (line, body, code, field, detail) in CASES {
        let (method, path) = line.split_once(' ').unwrap();
        let answer = send(method, *SERVER, path, Some(*body));
        let told = if path == "/v1/embeddings" {
            let error = &answer.body["error"];
            assert_eq!(error["type"], "invalid_request_error", "{}", answer.body);
            [&error["code"], &error["param"], &error["message"]]
        } else {
            answer.assert_problem(400, code, *field);
            ["code", "field", "detail"].map(|name| &answer.body[name])
        };
        let expected = [Some(*code), *field, Some(*detail)];
        assert_eq!(told.map(|value| value.as_str()), expected, "{line} {body}");
    }
}
