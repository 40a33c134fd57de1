//! `/v1/embeddings`.

use base64::Engine as _;
use serde_json::{Value, json};

use super::{ApiResponse, SERVER, post, send};
use crate::support;

/// `[CLS]` and `[SEP]` of the model.
const CLS: u32 = 101;
const SEP: u32 = 102;

/// "sovereignty in cyberspace" without special tokens.
fn ids() -> Vec<u32> {
    let tokens = support::encoder()
        .tokenizer()
        .tokenize("sovereignty in cyberspace")
        .unwrap();
    tokens.ids[1..tokens.ids.len() - 1].to_vec()
}

fn assert_rejected(response: &ApiResponse, status: u16, code: &str, param: Option<&str>) {
    let error = &response.body["error"];
    assert_eq!(response.status, status, "{}", response.body);
    assert_eq!(error["code"], code, "{}", response.body);
    assert_eq!(error["param"].as_str(), param, "{}", response.body);
    assert_eq!(error["type"], "invalid_request_error");
    assert!(!error["message"].as_str().unwrap().is_empty());
    assert_eq!(response.header("content-type"), "application/json");
}

fn vector(response: &ApiResponse, index: usize) -> Vec<f32> {
    let item = response.body["data"][index]["embedding"].clone();
    serde_json::from_value(item).unwrap_or_else(|e| panic!("{e}: {}", response.body))
}

fn assert_close(a: &[f32], b: &[f32]) {
    let largest = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    assert_eq!(a.len(), 384);
    assert!(largest.fold(0.0, f32::max) < 1e-5);
}

#[test]
fn embeddings_have_openais_format() {
    let texts = ["sovereignty in cyberspace", "the price of bread"];
    let floats = post(
        "/v1/embeddings",
        &json!({"input": texts, "model": "all-MiniLM-L6-v2"}),
    )
    .body;
    assert_eq!(floats["object"], "list");
    assert_eq!(floats["usage"]["prompt_tokens"], 6 + 6);
    let expected = support::encoder().encode(&texts).unwrap();
    for (i, expected) in expected.iter().enumerate() {
        assert_eq!(floats["data"][i]["index"], i);
        let got: Vec<f32> = serde_json::from_value(floats["data"][i]["embedding"].clone()).unwrap();
        let largest = got
            .iter()
            .zip(expected.as_slice())
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(got.len() == 384 && largest < 1e-5);
    }
    let base64 = post(
        "/v1/embeddings",
        &json!({"input": texts[0], "encoding_format": "base64"}),
    )
    .body;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(base64["data"][0]["embedding"].as_str().unwrap())
        .unwrap();
    let first = f32::from_le_bytes(bytes[..4].try_into().unwrap());
    assert!((first - expected[0].as_slice()[0]).abs() < 1e-5);
    assert_eq!(bytes.len(), 4 * 384);
}

#[test]
fn embedding_errors_have_openais_format() {
    let long = "peace ".repeat(300);
    for (body, status, code, param) in [
        (json!({"input": ""}), 400, "empty_input", Some("input")),
        (json!({"input": " "}), 400, "empty_input", Some("input")),
        (json!({"input": []}), 400, "empty_input", Some("input")),
        (
            json!({"input": ["a", ""]}),
            400,
            "empty_input",
            Some("input[1]"),
        ),
        (json!({"input": long}), 400, "input_too_long", Some("input")),
        (
            json!({"input": vec!["a"; 2049]}),
            400,
            "too_many_inputs",
            Some("input"),
        ),
        (json!({"input": 5}), 400, "wrong_type", Some("input")),
        (json!({}), 400, "missing_field", Some("input")),
        (
            json!({"input": "a", "dimensions": 128}),
            400,
            "dimensions_unsupported",
            Some("dimensions"),
        ),
        (
            json!({"input": "a", "model": "ada"}),
            404,
            "model_not_found",
            Some("model"),
        ),
    ] {
        assert_rejected(&post("/v1/embeddings", &body), status, code, param);
    }
    let truncated = post("/v1/embeddings", &json!({"input": long, "truncate": true}));
    assert_eq!(truncated.status, 200);
    assert_eq!(truncated.body["usage"]["prompt_tokens"], 256);
}

#[test]
fn token_ids_have_the_embedding_of_their_text() {
    let text = post(
        "/v1/embeddings",
        &json!({"input": "sovereignty in cyberspace"}),
    );
    let bare = ids();
    let framed = [&[CLS], bare.as_slice(), &[SEP]].concat();
    for input in [json!(bare), json!([bare]), json!(framed), json!([framed])] {
        let response = post("/v1/embeddings", &json!({ "input": input }));
        assert_eq!(response.status, 200, "{}", response.body);
        assert_eq!(response.body["data"].as_array().unwrap().len(), 1);
        assert_eq!(response.body["usage"], text.body["usage"]);
        assert_close(&vector(&response, 0), &vector(&text, 0));
    }
    let two = post("/v1/embeddings", &json!({"input": [[2352], bare]}));
    assert_close(&vector(&two, 1), &vector(&text, 0));
}

#[test]
fn invalid_token_ids_are_rejected() {
    let vocabulary = support::encoder().tokenizer().vocab_size();
    for (input, code, param) in [
        (json!([vocabulary]), "unknown_token", "input"),
        (json!([u32::MAX]), "unknown_token", "input"),
        (json!([[7], [7, vocabulary]]), "unknown_token", "input[1]"),
        (json!([[7], []]), "empty_input", "input[1]"),
        (json!([[]]), "empty_input", "input[0]"),
        (json!([CLS, SEP]), "empty_input", "input"),
        (json!(vec![7; 255]), "input_too_long", "input"),
        (json!([[7], vec![7; 255]]), "input_too_long", "input[1]"),
        (json!(vec![vec![7]; 2049]), "too_many_inputs", "input"),
        (json!([-1]), "wrong_type", "input[0]"),
        (json!([1.5]), "wrong_type", "input[0]"),
        (json!([7, "a"]), "wrong_type", "input"),
        (json!(["a", 7]), "wrong_type", "input"),
        (json!(["a", [7]]), "wrong_type", "input"),
        (json!([[7], "a"]), "wrong_type", "input"),
        (json!([["a"]]), "wrong_type", "input[0][0]"),
        (json!([null]), "wrong_type", "input[0]"),
        (json!([4_294_967_296_u64]), "wrong_type", "input[0]"),
    ] {
        let response = post("/v1/embeddings", &json!({ "input": input }));
        assert_rejected(&response, 400, code, Some(param));
    }
    let most = post("/v1/embeddings", &json!({"input": vec![7; 254]}));
    assert_eq!(most.body["usage"]["prompt_tokens"], 256);
    let cut = post(
        "/v1/embeddings",
        &json!({"input": vec![7; 5000], "truncate": true}),
    );
    assert_eq!(cut.body["usage"]["prompt_tokens"], 256);
    assert_close(&vector(&cut, 0), &vector(&most, 0));
}

#[test]
fn the_error_of_a_long_text_has_its_length() {
    let response = post("/v1/embeddings", &json!({"input": "peace ".repeat(300)}));
    let message = response.body["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("302") && message.contains("256"),
        "{message}"
    );
}

#[test]
fn many_inputs_are_split_and_keep_their_order() {
    let words = ["peace", "bread", "village"];
    let texts: Vec<&str> = words.iter().copied().cycle().take(2048).collect();
    let response = post("/v1/embeddings", &json!({ "input": texts }));
    assert_eq!(response.status, 200);
    let data = response.body["data"].as_array().unwrap();
    assert_eq!(data.len(), 2048);
    assert_eq!(data[2047]["index"], 2047);
    let expected = support::encoder().encode(&words).unwrap();
    for place in [0, 1, 2, 2045, 2046, 2047] {
        assert_close(&vector(&response, place), expected[place % 3].as_slice());
    }
    assert_eq!(response.body["usage"]["total_tokens"], 3 * 2048);
}

#[test]
fn hostile_bodies_are_rejected_in_openais_format() {
    let deep = |n: usize| format!("{{\"input\": {}{}}}", "[".repeat(n), "]".repeat(n));
    let nested = format!(
        "{{\"input\": \"a\", \"extra\": {}{}}}",
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    let cases = [
        ("{\"input\": NaN}".to_owned(), "invalid_json"),
        ("{\"input\": [NaN]}".to_owned(), "invalid_json"),
        ("{\"input\": [Infinity]}".to_owned(), "invalid_json"),
        ("{\"input\": \"\\ud800\"}".to_owned(), "invalid_json"),
        ("{\"input\": \"\\udc00 a\"}".to_owned(), "invalid_json"),
        ("{\"input\": \"a".to_owned(), "invalid_json"),
        ("{\"input\": [1e999]}".to_owned(), "wrong_type"),
        ("{\"input\": [1e30]}".to_owned(), "wrong_type"),
        (
            format!("{{\"input\": [{}]}}", "9".repeat(400)),
            "wrong_type",
        ),
        (
            "{\"input\": [18446744073709551616]}".to_owned(),
            "wrong_type",
        ),
        (
            "{\"input\": \"a\", \"dimensions\": 1e9}".to_owned(),
            "wrong_type",
        ),
        (
            "{\"input\": \"a\", \"dimensions\": -384}".to_owned(),
            "wrong_type",
        ),
        (
            "{\"input\": \"a\", \"encoding_format\": \"hex\"}".to_owned(),
            "wrong_type",
        ),
        (
            "{\"input\": \"a\", \"truncate\": 1}".to_owned(),
            "wrong_type",
        ),
        (
            "{\"input\": \"a\", \"input\": \"b\"}".to_owned(),
            "wrong_type",
        ),
        (deep(3), "wrong_type"),
        (deep(100), "wrong_type"),
        (deep(50_000), "wrong_type"),
        ("[\"a\"]".to_owned(), "wrong_type"),
        ("null".to_owned(), "wrong_type"),
        (String::new(), "invalid_json"),
        ("{\"input\": \"a\"} {}".to_owned(), "invalid_json"),
    ];
    for (body, code) in cases {
        let response = send("POST", *SERVER, "/v1/embeddings", Some(&body));
        let shown: String = body.chars().take(60).collect();
        assert_eq!(response.status, 400, "{shown}: {}", response.body);
        assert_eq!(
            response.body["error"]["code"], code,
            "{shown}: {}",
            response.body
        );
    }
    // Unknown fields are ignored, however deep.
    let response = send("POST", *SERVER, "/v1/embeddings", Some(&nested));
    assert!([200, 400].contains(&response.status), "{}", response.status);
    let large = json!({"input": "a".repeat(300 * 1024)});
    assert_rejected(&post("/v1/embeddings", &large), 413, "body_too_large", None);
    for text in [
        "\u{0}",
        "\u{0}peace\u{7}",
        "\u{202e}peace",
        "\u{10ffff}",
        "é\u{301}",
    ] {
        let response = post("/v1/embeddings", &json!({ "input": text }));
        assert_eq!(response.status, 200, "{text:?}: {}", response.body);
        assert!(
            vector(&response, 0)
                .iter()
                .all(|coordinate: &f32| coordinate.is_finite())
        );
    }
}

#[test]
fn absent_and_null_fields_are_the_same() {
    let response = post(
        "/v1/embeddings",
        &json!({"input": "a", "model": Value::Null, "dimensions": Value::Null, "user": Value::Null}),
    );
    assert_eq!(response.status, 200, "{}", response.body);
}
