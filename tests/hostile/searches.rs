//! Invalid searches, batches and embeddings in JSON.

use serde_json::json;

use super::bodies::{INVALID_JSON, at};
use super::{Case, SERVER, all_are_answered};
use crate::support::client::{JSON, send_bytes};

/// Fields of a search in addition to its query, each with the code of its problem.
const FIELDS: &[(&str, &str)] = &[
    ("\"limit\": NaN", "invalid_json"),
    ("\"limit\": Infinity", "invalid_json"),
    ("\"limit\": 01", "invalid_json"),
    ("\"limit\": 0x1", "invalid_json"),
    ("\"limit\": +1", "invalid_json"),
    ("\"limit\": 1,", "invalid_json"),
    ("\"limit\": 1 /* one */", "invalid_json"),
    ("\"min_score\": 1e999", "wrong_type"),
    ("\"min_score\": -1e999", "wrong_type"),
    ("\"min_score\": \"NaN\"", "wrong_type"),
    ("\"limit\": 18446744073709551616", "wrong_type"),
    ("\"limit\": -0", "wrong_type"),
    ("\"limit\": 1.0", "wrong_type"),
    ("\"limit\": 1e0", "wrong_type"),
    ("\"limit\": -1", "wrong_type"),
    ("\"limit\": null", "wrong_type"),
    ("\"limit\": true", "wrong_type"),
    ("\"limit\": []", "wrong_type"),
    ("\"limit\": \"1\"", "wrong_type"),
    ("\"limit\": 18446744073709551615", "limit_out_of_range"),
    ("\"offset\": 18446744073709551615", "offset_out_of_range"),
    ("\"offset\": -1", "wrong_type"),
    ("\"ef\": 9223372036854775808", "ef_out_of_range"),
    ("\"ef\": 0", "ef_out_of_range"),
    ("\"query\": \"war\"", "wrong_type"),
    ("\"\\u0071uery\": \"war\"", "wrong_type"),
    ("\"__proto__\": {}", "unknown_field"),
    ("\"QUERY\": \"war\"", "unknown_field"),
    ("\"\\ud800\": 1", "invalid_json"),
    ("\"mode\": \"\\udc00\"", "invalid_json"),
    ("\"filter\": []", "invalid_filter"),
    ("\"filter\": \"x\"", "invalid_filter"),
    ("\"filter\": {\"nope\": 1}", "unknown_field"),
    ("\"filter\": {\"date\": \"2015-99\"}", "invalid_filter"),
    ("\"filter\": {\"date\": \"0000-00-00\"}", "invalid_filter"),
    ("\"filter\": {\"speaker\": {\"a\": 1}}", "invalid_filter"),
    ("\"filter\": {\"speaker\": \"\\u0000\"}", ""),
    ("\"filter\": {\"speaker\": []}", "invalid_filter"),
    ("\"filter\": {\"year\": -1}", "invalid_filter"),
    ("\"filter\": {\"year\": 1e400}", "wrong_type"),
    ("\"filter\": {\"year\": 9999}", ""),
    ("\"facets\": [1]", "wrong_type"),
    ("\"facets\": [\"nope\"]", "unknown_field"),
    ("\"facets\": \"year\"", "wrong_type"),
    ("\"group_by\": \"nope\"", "wrong_type"),
    (
        "\"group_by\": \"document\", \"group_size\": 0",
        "parameter_out_of_range",
    ),
    (
        "\"group_by\": \"document\", \"group_size\": 101",
        "parameter_out_of_range",
    ),
    ("\"group_size\": 2", "missing_field"),
    ("\"diversity\": 2", "parameter_out_of_range"),
    ("\"diversity\": -0.1", "parameter_out_of_range"),
    (
        "\"mode\": \"hybrid\", \"semantic_weight\": 1.1",
        "parameter_out_of_range",
    ),
    ("\"include\": [\"nope\"]", "wrong_type"),
    ("\"include\": [\"context\", \"context\"]", ""),
    ("\"like\": [\"war\"]", "query_and_examples"),
    ("\"timeout_ms\": 0", "parameter_out_of_range"),
    (
        "\"timeout_ms\": 18446744073709551615",
        "parameter_out_of_range",
    ),
    ("\"timeout_ms\": 1e3", "wrong_type"),
    ("\"cursor\": \"\"", "invalid_cursor"),
    ("\"cursor\": \"e30\"", "invalid_cursor"),
    ("\"cursor\": \"bnVsbA\"", "invalid_cursor"),
    ("\"cursor\": \"====\"", "invalid_cursor"),
    ("\"cursor\": 5", "wrong_type"),
];

/// Whole searches.
const OTHERS: &[(&str, &str)] = &[
    ("{\"query\": null}", "missing_field"),
    ("{\"query\": {}}", "wrong_type"),
    ("{\"query\": \"\\ud800\"}", "invalid_json"),
    ("{\"query\": \"\\udc00\\ud800\"}", "invalid_json"),
    ("{\"query\": \"\\u12\"}", "invalid_json"),
    ("{\"query\": \"a\tb\"}", "invalid_json"),
    ("{\"query\": \"\\x41\"}", "invalid_json"),
    ("{\"query\": \"\u{3000}\u{a0}\u{2003}\"}", "empty_query"),
    ("{\"query\": \"a\\u0000b\"}", ""),
    ("{\"query\": \"\u{202e}\u{200d}\u{ffff}\"}", ""),
    ("{\"like\": []}", "missing_field"),
    ("{\"like\": [\"\"]}", "empty_query"),
    ("{\"like\": [\"a\"], \"unlike\": [\" \"]}", "empty_query"),
    ("{\"like\": [null]}", "wrong_type"),
    ("{\"like\": [\"z#p1\"]}", "passage_not_found"),
    ("{\"like\": [\"z\\u0000#p1\"]}", "passage_not_found"),
    ("{\"unlike\": [\"a\"]}", "invalid_examples"),
    (
        "{\"like\": [\"a\"], \"mode\": \"keyword\"}",
        "invalid_examples",
    ),
    (
        "{\"query\": \"\\\" OR * NEAR( ) : ^ AND NOT\", \"mode\": \"keyword\"}",
        "",
    ),
    ("{\"query\": \"\\\"\", \"mode\": \"keyword\"}", ""),
    ("{\"query\": \"*\", \"mode\": \"hybrid\"}", ""),
    (
        "{\"query\": \"text: a\\u0000*\", \"mode\": \"keyword\"}",
        "",
    ),
    ("{\"query\": \"!!! ???\", \"mode\": \"keyword\"}", ""),
    (
        "{\"query\": \"'; DROP TABLE documents; --\", \"mode\": \"keyword\"}",
        "",
    ),
];

/// Returns a search with these fields in addition to its query.
fn peace(fields: &str) -> String {
    format!("{{\"query\": \"peace\", {fields}}}")
}

#[test]
fn invalid_searches() {
    let fields = FIELDS.iter().map(|(fields, code)| (peace(fields), *code));
    let nested = |depth| format!("{}{{}}{}", "{\"not\": ".repeat(depth), "}".repeat(depth));
    let texts = |count: usize, text: &str| vec![text; count].join(", ");
    let large = [
        (
            peace(&format!("\"limit\": {}", "9".repeat(400))),
            "wrong_type",
        ),
        (
            peace(&format!("\"cursor\": \"{}\"", "A".repeat(100_000))),
            "invalid_cursor",
        ),
        (
            peace(&format!("\"filter\": {}", nested(17))),
            "invalid_filter",
        ),
        (
            peace(&format!("\"filter\": {}", nested(100))),
            "invalid_filter",
        ),
        (
            peace(&format!("\"filter\": {}", nested(20_000))),
            "wrong_type",
        ),
        (
            peace(&format!(
                "\"filter\": {{\"speaker\": [{}]}}",
                texts(20_000, "\"x\"")
            )),
            "invalid_filter",
        ),
        (
            peace(&format!("\"facets\": [{}]", texts(20_000, "\"year\""))),
            "",
        ),
        (
            format!("{{\"like\": [{}]}}", texts(101, "\"peace\"")),
            "parameter_out_of_range",
        ),
        (
            format!("{{\"query\": \"{}\"}}", "a ".repeat(5000)),
            "query_too_long",
        ),
        (
            format!("{{\"query\": \"{}\"}}", "\u{1f600}".repeat(10_001)),
            "query_too_long",
        ),
    ];
    let owned: Vec<(String, &str)> = fields.chain(large).collect();
    let owned = owned.iter().map(|(body, code)| (body.as_str(), *code));
    let mut cases = at("POST /v1/search", owned.chain(OTHERS.iter().copied()));
    for bytes in [
        &b"\xff"[..],
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"a\xe2\x82",
    ] {
        let body = [b"{\"query\": \"", bytes, b"\"}"].concat();
        cases.push(Case::with_body("POST /v1/search", &[], &body, INVALID_JSON));
    }
    assert!(cases.len() > 95);
    all_are_answered(&cases);
    let facets = json!({"query": "peace", "facets": ["year", "year", "country", "year"]});
    let response = send_bytes(
        "POST",
        *SERVER,
        "/v1/search",
        JSON,
        facets.to_string().as_bytes(),
    );
    assert_eq!(
        response.body["facets"].as_array().unwrap().len(),
        2,
        "{}",
        response.body
    );
}

#[test]
fn invalid_batches() {
    let many = format!(
        "{{\"searches\": [{}]}}",
        vec!["{\"query\": \"a\"}"; 101].join(", ")
    );
    let deep = format!("{{\"searches\": {}", "[".repeat(100_000));
    let cases = at(
        "POST /v1/search/batch",
        [
            ("{}", "missing_field"),
            ("{\"searches\": null}", "wrong_type"),
            ("{\"searches\": \"a\"}", "wrong_type"),
            ("{\"searches\": {}}", "wrong_type"),
            ("{\"searches\": []}", "parameter_out_of_range"),
            (&many, "parameter_out_of_range"),
            (&deep, "invalid_json"),
            ("{\"searches\": [1]}", "wrong_type"),
            ("{\"searches\": [null]}", "wrong_type"),
            ("{\"searches\": [[]]}", "wrong_type"),
            ("{\"searches\": [[\"peace\"]]}", "wrong_type"),
            ("{\"searches\": [NaN]}", "invalid_json"),
            ("{\"searches\": [{\"query\": \"\\ud800\"}]}", "invalid_json"),
            (
                "{\"searches\": [{\"query\": \"a\", \"zz\": 1}]}",
                "unknown_field",
            ),
            ("{\"searches\": [{\"searches\": []}]}", "unknown_field"),
            (
                "{\"searches\": [{\"query\": \"a\", \"limit\": -1}]}",
                "wrong_type",
            ),
            ("{\"searches\": [], \"searches\": []}", "wrong_type"),
            (
                "{\"searches\": [{\"query\": \"a\"}], \"timeout_ms\": 0}",
                "parameter_out_of_range",
            ),
            (
                "{\"searches\": [{\"query\": \"a\"}], \"limit\": 1}",
                "unknown_field",
            ),
        ],
    );
    all_are_answered(&cases);
}

#[test]
fn invalid_embedding_inputs() {
    let ids = |count: usize| format!("{{\"input\": [{}]}}", vec!["2000"; count].join(", "));
    let many = format!("{{\"input\": [{}]}}", vec!["\"a\""; 3000].join(", "));
    let long = format!("{{\"input\": \"{}\"}}", "a".repeat(60_000));
    let deep = format!("{{\"input\": {}", "[".repeat(100_000));
    let (ids, huge) = (ids(600), format!("{{\"input\": [{}]}}", "9".repeat(400)));
    let cases = at(
        "POST /v1/embeddings",
        [
            ("{}", "missing_field"),
            ("{\"input\": null}", "wrong_type"),
            ("{\"input\": 1}", "wrong_type"),
            ("{\"input\": true}", "wrong_type"),
            ("{\"input\": {}}", "wrong_type"),
            ("{\"input\": \"\"}", "empty_input"),
            ("{\"input\": \" \\n\"}", "empty_input"),
            ("{\"input\": []}", "empty_input"),
            ("{\"input\": [[]]}", "empty_input"),
            ("{\"input\": [\"a\", \"\"]}", "empty_input"),
            ("{\"input\": [101, 102]}", "empty_input"),
            ("{\"input\": [-1]}", "wrong_type"),
            ("{\"input\": [1.5]}", "wrong_type"),
            ("{\"input\": [1e999]}", "wrong_type"),
            ("{\"input\": [4294967296]}", "wrong_type"),
            ("{\"input\": [4294967295]}", "unknown_token"),
            ("{\"input\": [30522]}", "unknown_token"),
            ("{\"input\": [\"a\", 1]}", "wrong_type"),
            ("{\"input\": [1, \"a\"]}", "wrong_type"),
            ("{\"input\": [[1], \"a\"]}", "wrong_type"),
            ("{\"input\": [[[1]]]}", "wrong_type"),
            ("{\"input\": [NaN]}", "invalid_json"),
            ("{\"input\": \"\\ud800\"}", "invalid_json"),
            ("{\"input\": \"a\", \"input\": \"b\"}", "wrong_type"),
            ("{\"input\": \"a\", \"model\": \"gpt\"}", "model_not_found"),
            ("{\"input\": \"a\", \"model\": 1}", "wrong_type"),
            (
                "{\"input\": \"a\", \"dimensions\": 5}",
                "dimensions_unsupported",
            ),
            ("{\"input\": \"a\", \"dimensions\": -1}", "wrong_type"),
            ("{\"input\": \"a\", \"dimensions\": 384.0}", "wrong_type"),
            (
                "{\"input\": \"a\", \"encoding_format\": \"hex\"}",
                "wrong_type",
            ),
            ("{\"input\": \"a\", \"user\": 1}", "wrong_type"),
            ("{\"input\": \"a\\u0000\"}", ""),
            (&ids, "input_too_long"),
            (&many, "too_many_inputs"),
            (&long, "input_too_long"),
            (&huge, "wrong_type"),
            (&deep, "invalid_json"),
        ],
    );
    all_are_answered(&cases);
    let bytes = b"{\"input\": \"\xff\"}";
    all_are_answered(&[Case::with_body(
        "POST /v1/embeddings",
        &[],
        bytes,
        INVALID_JSON,
    )]);
}
