use serde_json::json;

use super::*;
use crate::server::openai::EmbeddingRequest;
use crate::server::wire::{
    BatchRequest, ComparisonParameters, FamiliesRequest, ListParameters, ParallelsRequest,
    PassageParameters, SearchRequest,
};

fn refused<T: DeserializeOwned>(body: &str) -> Problem {
    let body = Body(web::Bytes::copy_from_slice(body.as_bytes()));
    match body.json::<T>() {
        Ok(_) => panic!("read"),
        Err(problem) => problem,
    }
}

#[test]
fn problems_name_the_field_and_what_was_expected_and_received() {
    let search = refused::<SearchRequest>;
    let batch = refused::<BatchRequest>;
    let embed = refused::<EmbeddingRequest>;
    let parallels = refused::<ParallelsRequest>;
    let families = refused::<FamiliesRequest>;
    let inputs = "a string, an array of strings, an array of token ids or an array of such arrays";
    for (problem, code, field, detail) in [
        (
            search("{\"query\""),
            "bad_json",
            "",
            "the body is not JSON: unexpected end at line 1, column 8",
        ),
        (
            search(""),
            "bad_json",
            "",
            "the body is not JSON: it is empty",
        ),
        (
            search("[\"peace\"]"),
            "wrong_type",
            "",
            "the body: expected an object, received an array",
        ),
        (
            search("{\"query\": 5}"),
            "wrong_type",
            "query",
            "query: expected a string, received the number 5",
        ),
        (
            search("{\"query\": \"\\ud800\"}"),
            "bad_json",
            "query",
            "query: expected Unicode characters, received half of a surrogate pair",
        ),
        (
            search("{\"\\ud800\": 1}"),
            "bad_json",
            "",
            "the body: expected Unicode characters, received half of a surrogate pair",
        ),
        (
            search("{\"limit\": \"ten\"}"),
            "wrong_type",
            "limit",
            "limit: expected a non-negative integer, received \"ten\"",
        ),
        (
            search("{\"mode\": \"magic\"}"),
            "wrong_type",
            "mode",
            "mode: expected one of \"semantic\", \"keyword\", \"hybrid\", received \"magic\"",
        ),
        (
            search("{\"like\": [\"a\", null]}"),
            "wrong_type",
            "like[1]",
            "like[1]: expected a string, received null",
        ),
        (
            search("{\"query\": \"a\", \"query\": \"b\"}"),
            "wrong_type",
            "query",
            "query is given twice; expected it once",
        ),
        (
            batch("{}"),
            "missing_field",
            "searches",
            "expected a field \"searches\", received none",
        ),
        (
            batch("{\"searches\": [{}, {\"searches\": []}]}"),
            "unknown_field",
            "searches[1].searches",
            "searches[1]: unknown field \"searches\"; expected one of: query, like, unlike, filter, mode, limit, \
             offset, cursor, min_score, semantic_weight, group_by, group_size, diversity, ef, exact, include, \
             facets, timeout_ms",
        ),
        (
            batch("{\"searches\": [[\"peace\"]]}"),
            "wrong_type",
            "searches[0]",
            "searches[0]: expected an object, received an array",
        ),
        (
            embed("{\"input\": 1}"),
            "wrong_type",
            "input",
            &format!("input: expected {inputs}, received the number 1"),
        ),
        (
            embed("{\"input\": [1, 4294967296]}"),
            "wrong_type",
            "input[1]",
            "input[1]: expected a token id, received the number 4294967296",
        ),
        (
            embed("{\"input\": [[1, \"a\"]]}"),
            "wrong_type",
            "input[0][1]",
            "input[0][1]: expected an integer from 0 to 4294967295, received \"a\"",
        ),
        (
            embed("{\"input\": [1, \"a\"]}"),
            "wrong_type",
            "input",
            "input: expected items of one type, received strings, token ids and arrays together",
        ),
        (
            embed("{\"input\": \"a\", \"encoding_format\": \"hex\"}"),
            "wrong_type",
            "encoding_format",
            "encoding_format: expected one of \"float\", \"base64\", received \"hex\"",
        ),
        (
            parallels("{\"forward\": \"yes\"}"),
            "wrong_type",
            "forward",
            "forward: expected true or false, received \"yes\"",
        ),
        (
            parallels("{\"min_score\": 1e999}"),
            "wrong_type",
            "min_score",
            "min_score: expected a number from -1.8e308 to 1.8e308, received the number 1e999",
        ),
        (
            families("{\"fields\": {\"a\": 1}}"),
            "wrong_type",
            "fields",
            "fields: expected an array, received an object",
        ),
    ] {
        assert_eq!(problem.to_string(), detail);
        assert_eq!(
            (problem.code(), problem.field().unwrap_or_default()),
            (code, field),
            "{detail}"
        );
    }
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
    assert!(with_wrong_types::<EmbeddingRequest>(&embeddings[..1], "") >= 12);
    assert!(with_wrong_types::<EmbeddingRequest>(&embeddings[1..], "\"input\": \"a\", ") > 50);
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
