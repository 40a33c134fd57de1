//! The `OpenAPI` document, and the page that shows it.

use std::sync::Arc;

use antiphon::server::{Service, openapi_document};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{SERVER, get, send};
use crate::support;

#[test]
fn openapi_describes_every_route() {
    let described = get("/openapi.json").body;
    assert_eq!(described["openapi"], "3.1.0");
    assert_eq!(described, serde_json::to_value(openapi_document()).unwrap());
    let paths: Vec<&str> = described["paths"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    for path in [
        "/v1/search",
        "/v1/search/batch",
        "/v1/facets",
        "/v1/passages/{id}/citation",
        "/v1/passages/{id}/similar",
        "/metrics",
        "/v1/admin/reload",
        "/v1/documents",
        "/v1/documents/{id}",
        "/v1/passages/{id}",
        "/v1/embeddings",
        "/livez",
        "/readyz",
        "/openapi.json",
    ] {
        assert!(paths.contains(&path), "{path} in {paths:?}");
    }
    assert_eq!(paths.len(), 18, "{paths:?}");
    let references = described.to_string();
    for reference in references.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(
            described.pointer(pointer).is_some(),
            "{pointer} does not exist"
        );
    }
}

#[test]
fn the_description_changes_only_on_purpose() {
    let document = serde_json::to_string_pretty(&openapi_document()).unwrap();
    support::assert_snapshot("openapi.json", &document);
}

/// Returns every operation as path, method and description.
fn operations() -> Vec<(String, String, Value)> {
    let document = get("/openapi.json").body;
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            let operations = item.as_object().unwrap();
            operations
                .iter()
                .map(|(method, operation)| (path.clone(), method.clone(), operation.clone()))
        })
        .collect()
}

#[test]
fn every_example_of_a_body_is_valid() {
    let mut sent = 0;
    // A server of its own, as other tests must not find the documents written here.
    let (engine, _data) = support::sample_engine();
    let service = Arc::new(Service::new(support::LIMITS));
    service.set_engine(engine);
    let server = support::start_server(service);
    for (path, method, operation) in operations() {
        if method != "post" || operation["requestBody"].is_null() {
            continue;
        }
        let content = &operation["requestBody"]["content"]["application/json"];
        let examples = content["examples"].as_object();
        let examples = examples.unwrap_or_else(|| panic!("{path} has no examples"));
        for (name, example) in examples {
            let body = example["value"].to_string();
            let response = send("POST", server, &path, Some(&body));
            assert_eq!(
                response.status / 100,
                2,
                "{path}, {name}: {}",
                response.body
            );
            assert_ne!(response.body["hits"], Value::Array(Vec::new()), "{name}");
            sent += 1;
        }
    }
    assert!(sent >= 10, "{sent}");
}

#[test]
fn every_example_of_a_url_is_valid() {
    let encode = |value: &Value| {
        let text = value.as_str().map_or(value.to_string(), str::to_owned);
        utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string()
    };
    for (path, method, operation) in operations() {
        if method != "get" {
            continue;
        }
        let (mut url, mut query) = (path.clone(), Vec::new());
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let example = &parameter["example"];
            if parameter["in"] == "path" {
                assert!(!example.is_null(), "{path} has no example for {name}");
                url = url.replace(&format!("{{{name}}}"), &encode(example));
            } else if !example.is_null() {
                query.push(format!("{name}={}", encode(example)));
            }
        }
        let url = format!("{url}?{}", query.join("&"));
        let response = get(&url);
        assert_eq!(response.status, 200, "{url}: {}", response.body);
    }
}

#[test]
fn problems_are_described_with_their_media_type() {
    for (path, _, operation) in operations() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            if status.starts_with('2') || status == "304" {
                continue;
            }
            let kinds: Vec<_> = response["content"].as_object().unwrap().keys().collect();
            let expected = match path.as_str() {
                "/v1/embeddings" => "application/json",
                _ => "application/problem+json",
            };
            assert_eq!(kinds, [expected], "{path} {status}");
        }
    }
}

#[test]
fn the_page_loads_nothing_from_other_hosts() {
    let redirected = send("GET", *SERVER, "/docs", None);
    assert_eq!(redirected.status, 200);
    let page = get("/docs/");
    let html = page.body.as_str().unwrap();
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'self';")
    );
    let mut files = 0;
    for link in html
        .split(['"', '\''])
        .filter(|part| part.starts_with("./"))
    {
        let file = get(&format!("/docs/{}", &link[2..]));
        assert_eq!(file.status, 200, "{link}");
        files += 1;
    }
    assert!(files >= 4, "{html}");
    for outside in ["http://", "https://", "//cdn"] {
        assert!(!html.contains(outside), "{html}");
    }
    let start = get("/docs/swagger-initializer.js").body;
    let start = start.as_str().unwrap();
    assert!(start.contains("/openapi.json"), "{start}");
    assert!(start.contains("\"validatorUrl\": \"none\""), "{start}");
    for path in [
        "/docs/absent",
        "/docs/../Cargo.toml",
        "/docs/%2e%2e/x",
        "/docs/a/b",
    ] {
        assert_eq!(get(path).status, 404, "{path}");
    }
    assert_eq!(send("POST", *SERVER, "/docs/", None).status, 405);
}
