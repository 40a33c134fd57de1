//! A client that returns complete responses.

use std::net::SocketAddr;

use serde_json::Value;

/// A response with any status.
pub(crate) struct ApiResponse {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    /// Its JSON; a string if it is not JSON.
    pub body: Value,
    /// Its lines as JSON; null for lines that are not JSON.
    pub lines: Vec<Value>,
}

impl ApiResponse {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// Returns the last line of the response to a stream.
    pub(crate) fn summary(&self) -> &Value {
        &self.lines.last().unwrap()["summary"]
    }

    /// Checks that this is a well-formed problem with the given status, code and field.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, code: &str, field: Option<&str>) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["code"], code, "{}", self.body);
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["type"], format!("urn:antiphon:problem:{code}"));
        assert_eq!(self.body["field"].as_str(), field, "{}", self.body);
        assert!(!self.body["detail"].as_str().unwrap().is_empty());
    }
}

pub(crate) const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
pub(crate) const LINES: &[(&str, &str)] = &[("content-type", "application/x-ndjson")];

/// Sends bytes with exactly these headers and waits for the response.
pub(crate) fn send_bytes(
    method: &str,
    server: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> ApiResponse {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .build()
        .into();
    let mut request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("http://{server}{path}"))
        // ureq would decompress the absent body of a response to HEAD.
        .header(
            "accept-encoding",
            if method == "HEAD" { "identity" } else { "gzip" },
        );
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = agent.run(request.body(body).unwrap()).unwrap();
    let bytes = response.body_mut().read_to_vec().unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let line = |line: &str| serde_json::from_str(line).unwrap_or(Value::Null);
    ApiResponse {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        lines: text.lines().map(line).collect(),
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
    }
}

/// Sends JSON with these headers and waits for the response.
pub(crate) fn send_with(
    method: &str,
    server: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> ApiResponse {
    let headers = [JSON, headers].concat();
    send_bytes(
        method,
        server,
        path,
        &headers,
        body.unwrap_or("").as_bytes(),
    )
}

/// Sends a request and waits for the response.
pub(crate) fn send(
    method: &str,
    server: SocketAddr,
    path: &str,
    body: Option<&str>,
) -> ApiResponse {
    send_with(method, server, path, &[], body)
}
