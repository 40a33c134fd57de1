use serde_json::json;

use super::*;
use crate::server::openai::CreateEmbeddingRequest;
use crate::server::wire::{
    BatchRequest, ComparisonParameters, FamiliesRequest, ListParameters, ParallelsRequest,
    PassageParameters, SearchRequest,
};

/// Asserts code, field and detail of the problem of each body.
#[track_caller]
fn assert_problems<T: DeserializeOwned>(cases: &[(&str, &str, Option<&str>, &str)]) {
    for (body, code, field, detail) in cases {
        let bytes = Body(web::Bytes::copy_from_slice(body.as_bytes()));
        let Err(problem) = bytes.json::<T>() else {
            panic!("{body} was accepted");
        };
        assert_eq!(problem.to_string(), *detail, "{body}");
        assert_eq!((problem.code(), problem.field()), (*code, *field), "{body}");
    }
}

#[test]
fn search_errors_name_field_expected_and_received() {
    assert_problems::<SearchRequest>(&[
        (
            "{\"query\"",
            "invalid_json",
            None,
            "the body is not JSON: unexpected end at line 1, column 8",
        ),
        (
            "",
            "invalid_json",
            None,
            "the body is not JSON: it is empty",
        ),
        (
            "[\"peace\"]",
            "wrong_type",
            None,
            "the body: expected an object, received an array",
        ),
        (
            "{\"query\": 5}",
            "wrong_type",
            Some("query"),
            "query: expected a string, received the number 5",
        ),
        (
            "{\"query\": \"\\ud800\"}",
            "invalid_json",
            Some("query"),
            "query: expected Unicode characters, received half of a surrogate pair",
        ),
        (
            "{\"\\ud800\": 1}",
            "invalid_json",
            None,
            "the body: expected Unicode characters, received half of a surrogate pair",
        ),
        (
            "{\"limit\": \"ten\"}",
            "wrong_type",
            Some("limit"),
            "limit: expected a non-negative integer, received \"ten\"",
        ),
        (
            "{\"mode\": \"magic\"}",
            "wrong_type",
            Some("mode"),
            "mode: expected one of \"semantic\", \"keyword\", \"hybrid\", received \"magic\"",
        ),
        (
            "{\"like\": [\"a\", null]}",
            "wrong_type",
            Some("like[1]"),
            "like[1]: expected a string, received null",
        ),
        (
            "{\"query\": \"a\", \"query\": \"b\"}",
            "wrong_type",
            Some("query"),
            "query is given twice; expected it once",
        ),
    ]);
}

#[test]
fn batch_errors_name_field_expected_and_received() {
    assert_problems::<BatchRequest>(&[
        (
            "{}",
            "missing_field",
            Some("searches"),
            "expected a field \"searches\", received none",
        ),
        (
            "{\"searches\": [{}, {\"searches\": []}]}",
            "unknown_field",
            Some("searches[1].searches"),
            "searches[1]: unknown field \"searches\"; expected one of: query, like, unlike, filter, mode, limit, \
             offset, cursor, min_score, semantic_weight, group_by, group_size, diversity, ef, exact, include, \
             facets, timeout_ms",
        ),
        (
            "{\"searches\": [[\"peace\"]]}",
            "wrong_type",
            Some("searches[0]"),
            "searches[0]: expected an object, received an array",
        ),
    ]);
}

#[test]
fn embedding_errors_name_field_expected_and_received() {
    assert_problems::<CreateEmbeddingRequest>(&[
        (
            "{\"input\": 1}",
            "wrong_type",
            Some("input"),
            "input: expected a string, an array of strings, an array of token ids or an array of such arrays, received the number 1",
        ),
        (
            "{\"input\": [1, 4294967296]}",
            "wrong_type",
            Some("input[1]"),
            "input[1]: expected a token id, received the number 4294967296",
        ),
        (
            "{\"input\": [[1, \"a\"]]}",
            "wrong_type",
            Some("input[0][1]"),
            "input[0][1]: expected an integer from 0 to 4294967295, received \"a\"",
        ),
        (
            "{\"input\": [1, \"a\"]}",
            "wrong_type",
            Some("input"),
            "input: expected items of one type, received strings, token ids and arrays together",
        ),
        (
            "{\"input\": \"a\", \"encoding_format\": \"hex\"}",
            "wrong_type",
            Some("encoding_format"),
            "encoding_format: expected one of \"float\", \"base64\", received \"hex\"",
        ),
    ]);
}

#[test]
fn parallels_errors_name_field_expected_and_received() {
    assert_problems::<ParallelsRequest>(&[
        (
            "{\"later_only\": \"yes\"}",
            "wrong_type",
            Some("later_only"),
            "later_only: expected true or false, received \"yes\"",
        ),
        (
            "{\"min_score\": 1e999}",
            "wrong_type",
            Some("min_score"),
            "min_score: expected a number from -1.8e308 to 1.8e308, received the number 1e999",
        ),
    ]);
}

#[test]
fn families_errors_name_field_expected_and_received() {
    assert_problems::<FamiliesRequest>(&[(
        "{\"fields\": {\"a\": 1}}",
        "wrong_type",
        Some("fields"),
        "fields: expected an array, received an object",
    )]);
}

/// Terms of Rust that have no meaning in JSON.
const RUST_TERMS: &[&str] = &[
    "`",
    "usize",
    "u64",
    "u32",
    "u8",
    "i64",
    "f32",
    "f64",
    "struct",
    "enum",
    "variant",
    "sequence",
    "map",
    "tuple",
    "unit",
    "Option",
    "Vec",
    "serde",
    "boolean `",
    "floating point",
    "EOF",
    "Request",
];

fn assert_json_terms(problem: &Problem, body: &str) {
    for term in RUST_TERMS {
        assert!(!problem.to_string().contains(term), "{body}: {problem}");
    }
    assert!(
        problem.to_string().contains("expected"),
        "{body}: {problem}"
    );
}

/// Tries every type of JSON for each field of a request; returns the number of rejected bodies.
fn count_rejected<T: DeserializeOwned>(fields: &[&str], good: &str) -> usize {
    let values = [
        "null",
        "true",
        "-1",
        "1.5",
        "1e999",
        "18446744073709551616",
        "\"x\"",
        "\"\\ud800\"",
        "[]",
        "[1]",
        "[\"x\", null]",
        "[[\"x\"]]",
        "[{\"x\": 1}]",
        "{}",
        "{\"x\": [1e999]}",
    ];
    let mut rejected = 0;
    for field in fields {
        for value in values {
            let body = format!("{{{good}\"{field}\": {value}}}");
            let read = Body(web::Bytes::from(body.clone().into_bytes())).json::<T>();
            if let Err(problem) = read {
                rejected += 1;
                assert_json_terms(&problem, &body);
                let at = problem.field().unwrap_or_default();
                assert!(at.starts_with(field), "{body}: {at:?}");
                let is_unknown = problem.code() == "unknown_field" && at == *field;
                assert!(!is_unknown, "{field} is not a field of the request");
            }
        }
    }
    rejected
}

#[test]
fn type_errors_use_json_terms() {
    let search = [
        "query",
        "like",
        "unlike",
        "filter",
        "mode",
        "limit",
        "offset",
        "cursor",
        "min_score",
        "semantic_weight",
        "group_by",
        "group_size",
        "diversity",
        "ef",
        "exact",
        "include",
        "facets",
        "timeout_ms",
    ];
    let parallels = [
        "source",
        "target",
        "exclude_same",
        "max_year_gap",
        "later_only",
        "min_score",
        "min_confidence",
        "min_margin",
        "formulas",
        "formula_share",
        "exact",
        "limit",
        "cursor",
    ];
    let families = [
        "filter",
        "exclude_same",
        "min_confidence",
        "cohesion",
        "min_words",
        "min_members",
        "fields",
        "formulas",
        "formula_share",
        "limit",
        "offset",
        "cursor",
    ];
    let embeddings = [
        "input",
        "model",
        "encoding_format",
        "dimensions",
        "user",
        "truncate",
    ];
    let comparison = [
        "min_confidence",
        "min_alignment_score",
        "many_to_many",
        "limit",
    ];
    // Optional fields accept null, most arrays may be empty, and filters are parsed later.
    assert!(count_rejected::<SearchRequest>(&search, "") > 10 * search.len());
    assert!(count_rejected::<BatchRequest>(&["searches"], "") >= 14);
    assert!(count_rejected::<ParallelsRequest>(&parallels, "") > 8 * parallels.len());
    assert!(count_rejected::<FamiliesRequest>(&families, "") > 8 * families.len());
    assert!(count_rejected::<CreateEmbeddingRequest>(&embeddings[..1], "") >= 12);
    assert!(count_rejected::<CreateEmbeddingRequest>(&embeddings[1..], "\"input\": \"a\", ") > 50);
    assert!(count_rejected::<ComparisonParameters>(&comparison, "") > 40);
    assert!(count_rejected::<PassageParameters>(&["min_confidence", "limit"], "") > 20);
    assert!(count_rejected::<ListParameters>(&["limit", "after"], "") > 20);
}

#[test]
fn url_parameters_have_the_same_error_texts() {
    for (fields, code, detail) in [
        (
            json!({"limit": "ten"}),
            "wrong_type",
            "limit: expected a non-negative integer, received \"ten\"",
        ),
        (
            json!({"exact": 1}),
            "wrong_type",
            "exact: expected true or false, received the number 1",
        ),
        (
            json!({"include": ["context", "nope"]}),
            "wrong_type",
            "include[1]: expected one of \"context\", \"embedding\", \"explain\", received \"nope\"",
        ),
    ] {
        let problem = from_value::<SearchRequest>(&fields).unwrap_err();
        assert_eq!(
            (problem.code(), problem.to_string().as_str()),
            (code, detail)
        );
    }
}
