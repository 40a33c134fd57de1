//! Hostile requests: each is rejected as the tables say, and the service continues to respond.
//!
//! A case has the expected status and, if the response is ours, the code of the problem. Input that is not
//! HTTP is rejected by actix, without a body.

mod bodies;
mod documents;
mod heads;
mod searches;
mod slow;
mod urls;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use antiphon::server::Service;

use crate::support;
use crate::support::raw_http::{RawResponse, connect};

/// A server over the sample speeches, which these tests must not change.
static SERVER: LazyLock<SocketAddr> = LazyLock::new(|| {
    let (engine, data) = support::sample_engine();
    std::mem::forget(data); // lives as long as the process
    let service = Arc::new(Service::new(support::LIMITS));
    service.set_engine(engine);
    support::start_server(service)
});

/// Every route without an id in its path: one of its methods, and all of them.
const ROUTES: &[(&str, &str, &[&str])] = &[
    ("GET", "/", &["GET", "HEAD"]),
    ("GET", "/v1", &["GET", "HEAD"]),
    ("GET", "/parallels", &["GET", "HEAD"]),
    ("GET", "/pair", &["GET", "HEAD"]),
    ("GET", "/compare", &["GET", "HEAD"]),
    ("GET", "/families", &["GET", "HEAD"]),
    ("GET", "/corpus", &["GET", "HEAD"]),
    ("GET", "/service", &["GET", "HEAD"]),
    ("GET", "/basket", &["GET", "HEAD"]),
    ("POST", "/v1/search", &["GET", "HEAD", "POST"]),
    ("POST", "/v1/search/batch", &["POST"]),
    ("GET", "/v1/facets", &["GET", "HEAD"]),
    ("POST", "/v1/documents", &["GET", "HEAD", "POST"]),
    ("POST", "/v1/embeddings", &["POST"]),
    ("GET", "/livez", &["GET", "HEAD"]),
    ("GET", "/readyz", &["GET", "HEAD"]),
    ("GET", "/metrics", &["GET", "HEAD"]),
    ("POST", "/v1/admin/reload", &["POST"]),
    ("GET", "/openapi.json", &["GET", "HEAD"]),
    ("GET", "/docs", &["GET", "HEAD"]),
];

/// The other routes, with an example path.
const ROUTES_WITH_IDS: &[(&str, &str, &[&str])] = &[
    ("PUT", "/v1/documents/z", &["DELETE", "GET", "HEAD", "PUT"]),
    ("GET", "/v1/passages/z%23p1", &["GET", "HEAD"]),
    ("GET", "/v1/passages/z%23p1/citation", &["GET", "HEAD"]),
    ("GET", "/v1/passages/z%23p1/similar", &["GET", "HEAD"]),
    ("GET", "/docs/index.html", &["GET", "HEAD"]),
    ("GET", "/read/z", &["GET", "HEAD"]),
    ("GET", "/assets/0/page.css", &["GET", "HEAD"]),
];

/// Routes that read JSON.
const READERS: &[(&str, &str)] = &[
    ("POST", "/v1/search"),
    ("POST", "/v1/search/batch"),
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/documents"),
    ("PUT", "/v1/documents/z"),
];

/// A request and the expected response.
struct Case {
    name: String,
    bytes: Vec<u8>,
    status: u16,
    /// The problem's code; empty if there is none.
    code: &'static str,
}

impl Case {
    fn new(name: impl Into<String>, bytes: Vec<u8>, status: u16, code: &'static str) -> Self {
        Self {
            name: name.into(),
            bytes,
            status,
            code,
        }
    }

    /// Creates a request with a body and its `Content-Length`.
    fn with_body(
        line: &str,
        headers: &[&str],
        body: &[u8],
        (status, code): (u16, &'static str),
    ) -> Self {
        let mut all = vec![format!("Content-Length: {}", body.len())];
        all.extend(headers.iter().map(|&header| header.to_owned()));
        if !headers.iter().any(|h| h.starts_with("Content-Type:")) {
            all.push("Content-Type: application/json".to_owned());
        }
        let shown: String = String::from_utf8_lossy(body).chars().take(60).collect();
        let bytes = [head(line, &all.join("\r\n")).as_slice(), body].concat();
        Self::new(format!("{line} {headers:?} {shown}"), bytes, status, code)
    }

    fn get(target: &str, headers: &[&str], (status, code): (u16, &'static str)) -> Self {
        let line = format!("GET {target}");
        let bytes = head(&line, &headers.join("\r\n"));
        Self::new(format!("{line:.100} {headers:?}"), bytes, status, code)
    }
}

/// Returns the head of a request with these headers, verbatim.
fn head(line: &str, headers: &str) -> Vec<u8> {
    let end = if headers.is_empty() { "" } else { "\r\n" };
    format!("{line} HTTP/1.1\r\nHost: localhost\r\n{headers}{end}\r\n").into_bytes()
}

/// Sends all cases, each on a connection of its own; afterwards a search must still work.
fn all_are_answered(cases: &[Case]) {
    let mut wrong = Vec::new();
    for case in cases {
        let reply = response_to(&case.bytes);
        let code = code(&reply);
        if (reply.status, code.as_str()) != (case.status, case.code) {
            let expected = (case.status, case.code);
            wrong.push(format!(
                "{}: {:?}, expected {expected:?}",
                case.name,
                (reply.status, code)
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    assert_service_works();
}

fn assert_service_works() {
    let reply = response_to(&head("GET /v1/search?q=cyberspace&limit=1", ""));
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.json()["hits"].as_array().unwrap().len(), 1);
    assert_eq!(reply.json()["provenance"]["documents"], 2);
}

fn response_to(bytes: &[u8]) -> RawResponse {
    let mut stream = connect(*SERVER);
    // Fails if the server has responded and closed the connection before all was sent.
    let _ = stream.write_all(bytes);
    RawResponse::read(&mut stream)
}

/// Returns the code of a problem in the format of its route; empty if there is none.
fn code(reply: &RawResponse) -> String {
    let Ok(body) = serde_json::from_str::<serde_json::Value>(&reply.body) else {
        return String::new();
    };
    let code = body["code"].as_str().or(body["error"]["code"].as_str());
    code.unwrap_or_default().to_owned()
}
