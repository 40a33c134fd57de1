//! Raw HTTP, for requests that no client library would send.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A raw response.
pub(crate) struct RawResponse {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl RawResponse {
    /// Reads a response to its end, by its length or until the connection is closed.
    pub(crate) fn read(stream: &mut impl Read) -> Self {
        let mut bytes = Vec::new();
        let mut byte = [0];
        while !bytes.ends_with(b"\r\n\r\n") {
            match stream.read(&mut byte) {
                Ok(1) => bytes.push(byte[0]),
                end => panic!("{end:?} after {:?}", String::from_utf8_lossy(&bytes)),
            }
        }
        let head = String::from_utf8(bytes).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut response = Self {
            status,
            head,
            body: String::new(),
        };
        if matches!(status, 204 | 304) {
            return response;
        }
        match response.header("content-length").parse() {
            Ok(length) => {
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                response.body = String::from_utf8(body).unwrap();
            }
            Err(_) => {
                stream.read_to_string(&mut response.body).unwrap();
            }
        }
        response
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value.trim())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body = self.json();
        assert_eq!(body["code"], code, "{}", self.body);
        assert_eq!(body["type"], format!("urn:antiphon:problem:{code}"));
        assert!(!self.header("x-request-id").is_empty());
    }
}

pub(crate) fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

/// Serializes a request; `line` is method and target. The default of `Host` is `localhost`, that of a
/// body's type JSON.
pub(crate) fn format_request(line: &str, headers: &[&str], body: &str) -> String {
    let mut text = format!("{line} HTTP/1.1\r\n");
    if !headers.iter().any(|header| header.starts_with("Host:")) {
        text.push_str("Host: localhost\r\n");
    }
    let has_type = headers
        .iter()
        .any(|header| header.to_ascii_lowercase().starts_with("content-type:"));
    if !body.is_empty() && !has_type {
        text.push_str("Content-Type: application/json\r\n");
    }
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    if !line.starts_with("GET") {
        text += "Content-Length: ";
        text += &body.len().to_string();
        text += "\r\n";
    }
    text + "\r\n" + body
}

/// Sends a request on a connection of its own.
pub(crate) fn send(server: SocketAddr, line: &str, headers: &[&str], body: &str) -> RawResponse {
    let mut stream = connect(server);
    stream
        .write_all(format_request(line, headers, body).as_bytes())
        .unwrap();
    RawResponse::read(&mut stream)
}
