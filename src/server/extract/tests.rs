use serde_json::json;

use super::*;
use crate::server::openai::CreateEmbeddingRequest;
use crate::server::wire::{
    BatchRequest, ComparisonParameters, FamiliesRequest, ListParameters, ParallelsRequest,
    PassageParameters, SearchRequest,
};

/// Checks what a body is answered: code, field, detail.
#[track_caller]
fn are_told<T: DeserializeOwned>(cases: &[(&str, &str, Option<&str>, &str)]) {
    for (body, code, field, detail) in cases {
        let bytes = Body(web::Bytes::copy_from_slice(body.as_bytes()));
        let Err(problem) = bytes.json::<T>() else {
            panic!("{body} was read");
        };
        assert_eq!(problem.to_string(), *detail, "{body}");
        assert_eq!((problem.code(), problem.field()), (*code, *field), "{body}");
    }
}

#[test]
fn problems_of_searches_name_the_field_and_what_was_expected_and_received() {
    are_told::<SearchRequest>(&[
        (
            "{\"query\"",
            "bad_json",
            None,
            "the body is not JSON: unexpected end at line 1, column 8",
        ),
        ("", "bad_json", None, "the body is not JSON: it is empty"),
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
            "bad_json",
            Some("query"),
            "query: expected Unicode characters, received half of a surrogate pair",
        ),
        (
            "{\"\\ud800\": 1}",
            "bad_json",
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
fn problems_of_batches_name_the_field_and_what_was_expected_and_received() {
    are_told::<BatchRequest>(&[
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
fn problems_of_inputs_name_the_field_and_what_was_expected_and_received() {
    are_told::<CreateEmbeddingRequest>(&[
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
fn problems_of_parallels_name_the_field_and_what_was_expected_and_received() {
    are_told::<ParallelsRequest>(&[
        (
            "{\"forward\": \"yes\"}",
            "wrong_type",
            Some("forward"),
            "forward: expected true or false, received \"yes\"",
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
fn problems_of_families_name_the_field_and_what_was_expected_and_received() {
    are_told::<FamiliesRequest>(&[(
        "{\"fields\": {\"a\": 1}}",
        "wrong_type",
        Some("fields"),
        "fields: expected an array, received an object",
    )]);
}

/// Words that mean something in Rust and nothing in JSON.
const RUSTS_WORDS: &[&str] = &[
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

fn is_in_jsons_words(problem: &Problem, body: &str) {
    for word in RUSTS_WORDS {
        assert!(!problem.to_string().contains(word), "{body}: {problem}");
    }
    assert!(
        problem.to_string().contains("expected"),
        "{body}: {problem}"
    );
}

/// Gives each field of a request each type of JSON; how many of them were refused.
fn with_wrong_types<T: DeserializeOwned>(fields: &[&str], good: &str) -> usize {
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
    let mut refused = 0;
    for field in fields {
        for value in values {
            let body = format!("{{{good}\"{field}\": {value}}}");
            let read = Body(web::Bytes::from(body.clone().into_bytes())).json::<T>();
            if let Err(problem) = read {
                refused += 1;
                is_in_jsons_words(&problem, &body);
                let named = problem.field().unwrap_or_default();
                assert!(named.starts_with(field), "{body}: {named:?}");
            }
        }
    }
    refused
}

#[test]
fn no_field_of_a_wrong_type_is_told_in_rusts_words() {
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
        "apart",
        "years",
        "forward",
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
        "apart",
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
    let comparison = ["min_confidence", "min_phrase", "many", "limit"];
    // An optional field may be null, most arrays empty, and a filter is read later.
    assert!(with_wrong_types::<SearchRequest>(&search, "") > 10 * search.len());
    assert!(with_wrong_types::<BatchRequest>(&["searches"], "") >= 14);
    assert!(with_wrong_types::<ParallelsRequest>(&parallels, "") > 8 * parallels.len());
    assert!(with_wrong_types::<FamiliesRequest>(&families, "") > 8 * families.len());
    assert!(with_wrong_types::<CreateEmbeddingRequest>(&embeddings[..1], "") >= 12);
    assert!(
        with_wrong_types::<CreateEmbeddingRequest>(&embeddings[1..], "\"input\": \"a\", ") > 50
    );
    assert!(with_wrong_types::<ComparisonParameters>(&comparison, "") > 40);
    assert!(with_wrong_types::<PassageParameters>(&["min_confidence", "limit"], "") > 20);
    assert!(with_wrong_types::<ListParameters>(&["limit", "after"], "") > 20);
}

#[test]
fn parameters_of_a_url_are_told_in_the_same_words() {
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
