//! Errors in requests are described in terms of JSON, on every route that reads one.

use super::{SERVER, send};

/// Request line, body, and code, field and detail of the problem.
const CASES: &[(&str, &str, &str, Option<&str>, &str)] = &[
    (
        "POST /v1/search",
        "{\"query\": \"a\", \"limit\": }",
        "invalid_json",
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
        "invalid_filter",
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
        "invalid_filter",
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
        "invalid_json",
        None,
        "the body is not one JSON value: unexpected \"{}\" after its end at line 2, column 1; send JSON lines as application/x-ndjson",
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
        "{\"max_year_gap\": 1.5}",
        "wrong_type",
        Some("max_year_gap"),
        "max_year_gap: expected an integer from 0 to 4294967295, received the number 1.5",
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
fn errors_in_malformed_requests_use_json_terms() {
    for (line, body, code, field, detail) in CASES {
        let (method, path) = line.split_once(' ').unwrap();
        let response = send(method, *SERVER, path, Some(*body));
        let problem = if path == "/v1/embeddings" {
            let error = &response.body["error"];
            assert_eq!(error["type"], "invalid_request_error", "{}", response.body);
            [&error["code"], &error["param"], &error["message"]]
        } else {
            response.assert_problem(400, code, *field);
            ["code", "field", "detail"].map(|name| &response.body[name])
        };
        let expected = [Some(*code), *field, Some(*detail)];
        assert_eq!(
            problem.map(|value| value.as_str()),
            expected,
            "{line} {body}"
        );
    }
}
