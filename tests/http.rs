//! Every route, as seen by a client.

mod embeddings;
mod malformed;
mod openapi;

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use antiphon::server::{Problem, Service};
use serde_json::{Value, json};

use crate::support;
use crate::support::client::{ApiResponse, send};

/// One server over the sample corpus for all tests of this file.
static SERVER: LazyLock<SocketAddr> = LazyLock::new(|| {
    let (engine, data) = support::sample_engine();
    std::mem::forget(data); // lives as long as the process
    let service = Arc::new(Service::new(support::LIMITS));
    service.set_engine(engine);
    support::start_server(service)
});

fn get(path: &str) -> ApiResponse {
    send("GET", *SERVER, path, None)
}

fn post(path: &str, body: &Value) -> ApiResponse {
    send("POST", *SERVER, path, Some(&body.to_string()))
}

fn assert_problem(response: &ApiResponse, status: u16, code: &str, field: Option<&str>) {
    response.assert_problem(status, code, field);
}

#[test]
fn search_by_body_and_by_url_agree() {
    let by_body = post(
        "/v1/search",
        &json!({"query": "sovereignty in cyberspace", "limit": 5}),
    );
    let by_url = get("/v1/search?q=sovereignty+in+cyberspace&limit=5");
    assert_eq!((by_body.status, by_url.status), (200, 200));
    assert_eq!(by_body.body["hits"], by_url.body["hits"]);
    assert_eq!(by_body.body["provenance"], by_url.body["provenance"]);
    let hits = by_body.body["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 5);
    let found = |words: &str| {
        hits.iter()
            .any(|h| h["text"].as_str().unwrap().contains(words))
    };
    assert!(found("Respect for cyber sovereignty."));
    assert!(found("state sovereignty, non-interference"));
    for stage in ["queue", "tokenize", "encode", "search", "fetch", "total"] {
        assert!(by_body.body["timing_ms"][stage].is_f64(), "{stage}");
        assert!(by_body.header("server-timing").contains(stage));
    }
    for key in [
        "model",
        "revision",
        "precision",
        "snapshot",
        "corpus_hash",
        "index",
    ] {
        assert!(by_body.body["provenance"][key].is_string(), "{key}");
    }
}

#[test]
fn a_hit_refers_to_its_passage_and_document() {
    let response = get("/v1/search?q=global+village&limit=1");
    let hit = &response.body["hits"][0];
    let passage = get(hit["url"].as_str().unwrap());
    assert_eq!(passage.status, 200);
    assert_eq!(passage.body["id"], hit["passage"]);
    assert_eq!(passage.body["text"], hit["text"]);
    let id = hit["document"]["id"].as_str().unwrap();
    let document = get(&format!("/v1/documents/{id}")).body;
    let text: Vec<char> = document["text"].as_str().unwrap().chars().collect();
    let slice = |value: &Value| -> String {
        let at = |key: &str| usize::try_from(value[key].as_u64().unwrap()).unwrap();
        text[at("start")..at("end")].iter().collect()
    };
    assert_eq!(slice(hit), hit["text"].as_str().unwrap());
    assert_eq!(
        slice(&hit["sentence"]),
        hit["sentence"]["text"].as_str().unwrap()
    );
    assert_eq!(
        document["passages"].as_array().unwrap().len() as u64,
        document["passage_count"].as_u64().unwrap()
    );
    let [second, third] = [2, 3].map(|n| get(&format!("/v1/passages/{id}%23p{n}")).body);
    assert_eq!(second["next"]["id"], third["id"]);
    assert_eq!(third["previous"]["id"], second["id"]);
}

#[test]
fn offset_continues_the_ranking() {
    let all = get("/v1/search?q=peace&limit=6").body;
    let exact = get("/v1/search?q=peace&limit=6&exact=true&ef=40").body;
    assert_eq!(all["hits"], exact["hits"]);
    let rest = get("/v1/search?q=peace&limit=3&offset=3").body;
    assert_eq!(
        all["hits"].as_array().unwrap()[3..],
        *rest["hits"].as_array().unwrap()
    );
    assert_eq!(rest["hits"][0]["rank"], 4);
}

#[test]
fn documents_are_listed_in_pages() {
    let first = get("/v1/documents?limit=1").body;
    assert_eq!(first["total"], 2);
    assert_eq!(first["documents"][0]["id"], "chatham-house-cyber-2016");
    assert_eq!(first["documents"][0]["date"], "2016-05-24");
    let next = first["next"].as_str().unwrap();
    let second = get(&format!("/v1/documents?limit=1&after={next}")).body;
    assert_eq!(second["documents"][0]["id"], "un-cyber-statement-2015");
    assert_eq!(second["documents"][0]["date"], "2015");
    assert!(second["next"].is_null());
}

#[test]
fn invalid_searches_name_the_field_at_fault() {
    let cases = [
        (json!({"query": ""}), "empty_query", Some("query")),
        (json!({"query": "  "}), "empty_query", Some("query")),
        (
            json!({"query": "peace ".repeat(300)}),
            "query_too_long",
            Some("query"),
        ),
        (
            json!({"query": "a".repeat(20_000)}),
            "query_too_long",
            Some("query"),
        ),
        (
            json!({"query": "peace", "limit": 0}),
            "limit_out_of_range",
            Some("limit"),
        ),
        (
            json!({"query": "peace", "limit": 10_000}),
            "limit_out_of_range",
            Some("limit"),
        ),
        (
            json!({"query": "peace", "ef": 0}),
            "ef_out_of_range",
            Some("ef"),
        ),
        (
            json!({"query": "peace", "ef": 10_001}),
            "ef_out_of_range",
            Some("ef"),
        ),
        (
            json!({"query": "peace", "exact": "yes"}),
            "wrong_type",
            Some("exact"),
        ),
        (
            json!({"query": "peace", "limit": "ten"}),
            "wrong_type",
            Some("limit"),
        ),
        (
            json!({"query": "peace", "limit": -1}),
            "wrong_type",
            Some("limit"),
        ),
        (json!({"query": 5}), "wrong_type", Some("query")),
        (
            json!({"query": "peace", "offset": 20_000}),
            "offset_out_of_range",
            Some("offset"),
        ),
        (
            json!({"query": "peace", "limt": 5}),
            "unknown_field",
            Some("limt"),
        ),
        (json!({"limit": 5}), "missing_field", Some("query")),
        (
            json!({"query": "peace", "mode": "telepathic"}),
            "wrong_type",
            Some("mode"),
        ),
        (
            json!({"query": "peace", "mode": 3}),
            "wrong_type",
            Some("mode"),
        ),
        (json!(["peace"]), "wrong_type", None),
    ];
    for (body, code, field) in cases {
        assert_problem(&post("/v1/search", &body), 400, code, field);
    }
    for text in ["{\"query\": ", "not json", "", "{\"query\": \"peace\"} {}"] {
        let response = send("POST", *SERVER, "/v1/search", Some(text));
        assert_problem(&response, 400, "invalid_json", None);
    }
    let large = json!({"query": "a".repeat(300 * 1024)});
    assert_problem(&post("/v1/search", &large), 413, "body_too_large", None);
}

#[test]
fn invalid_urls_name_the_parameter_at_fault() {
    let cases = [
        ("/v1/search?q=", 400, "empty_query", Some("q")),
        ("/v1/search", 400, "missing_field", Some("q")),
        (
            "/v1/search?q=peace&limit=0",
            400,
            "limit_out_of_range",
            Some("limit"),
        ),
        (
            "/v1/search?q=peace&limit=ten",
            400,
            "wrong_type",
            Some("limit"),
        ),
        (
            "/v1/search?q=peace&lang=en",
            400,
            "unknown_field",
            Some("lang"),
        ),
        (
            "/v1/documents?limit=0",
            400,
            "limit_out_of_range",
            Some("limit"),
        ),
        (
            "/v1/documents/absent",
            404,
            "document_not_found",
            Some("id"),
        ),
        (
            "/v1/passages/absent%23p1",
            404,
            "passage_not_found",
            Some("id"),
        ),
        (
            "/v1/passages/un-cyber-statement-2015%23p99",
            404,
            "passage_not_found",
            Some("id"),
        ),
        (
            "/v1/passages/un-cyber-statement-2015%23p4294967295",
            404,
            "passage_not_found",
            Some("id"),
        ),
        (
            "/v1/passages/un-cyber-statement-2015",
            400,
            "invalid_id",
            Some("id"),
        ),
        (
            "/v1/passages/a%23p99999999999999",
            400,
            "invalid_id",
            Some("id"),
        ),
        ("/v1/nothing", 404, "route_not_found", None),
    ];
    for (path, status, code, field) in cases {
        assert_problem(&get(path), status, code, field);
    }
}

#[test]
fn wrong_methods_are_rejected_with_the_allowed_ones() {
    for (method, path, allow) in [
        ("DELETE", "/v1/search", "GET, HEAD, POST"),
        ("POST", "/v1/documents/a", "DELETE, GET, HEAD, PUT"),
        ("GET", "/v1/embeddings", "POST"),
        ("PUT", "/livez", "GET, HEAD"),
    ] {
        let response = send(method, *SERVER, path, None);
        assert_problem(&response, 405, "method_not_allowed", None);
        assert_eq!(response.header("allow"), allow);
    }
}

#[test]
fn until_ready_responses_name_the_startup_step() {
    let service = Arc::new(Service::new(support::LIMITS));
    let server = support::start_server(Arc::clone(&service));
    service.archive().set_startup_status("loading the model");
    assert_eq!(send("GET", server, "/livez", None).status, 200);
    assert_eq!(send("GET", server, "/openapi.json", None).status, 200);
    for path in ["/readyz", "/v1/search?q=peace", "/v1/documents"] {
        let response = send("GET", server, path, None);
        assert_problem(&response, 503, "initializing", None);
        assert!(
            response.body["detail"]
                .as_str()
                .unwrap()
                .contains("loading the model")
        );
        assert!(!response.header("retry-after").is_empty());
    }
    let (engine, _data) = support::sample_engine();
    service.set_engine(engine);
    let ready = send("GET", server, "/readyz", None);
    assert_eq!(ready.status, 200);
    assert_eq!(ready.body["provenance"]["documents"], 2);
    assert!(!ready.body["kernel"].as_str().unwrap().is_empty());
}

#[test]
fn concurrent_clients_get_the_same_results() {
    let expected = get("/v1/search?q=arms+race&limit=4").body["hits"].clone();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..3 {
                    let response = get("/v1/search?q=arms+race&limit=4");
                    assert_eq!(response.status, 200);
                    assert_eq!(response.body["hits"], expected);
                }
            });
        }
    });
}

#[test]
fn problem_codes_are_distinct() {
    let mut codes = Problem::CODES.to_vec();
    let all = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all);
}

#[test]
fn head_is_get_without_the_body() {
    let response = send("HEAD", *SERVER, "/livez", None);
    assert_eq!(
        (response.status, response.body),
        (200, Value::String(String::new()))
    );
}

#[test]
fn the_index_of_the_api_links_to_other_routes() {
    let welcome = get("/v1").body;
    for key in ["try", "documents", "ready", "openapi", "docs"] {
        assert_eq!(get(welcome[key].as_str().unwrap()).status, 200, "{key}");
    }
}
