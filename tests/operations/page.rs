//! Keys of readers of the page.

use super::{Keys, bearer, start};
use crate::support::raw_http::{RawResponse, connect};
use std::io::Write;
use std::net::SocketAddr;

fn request(server: SocketAddr, line: &str, headers: &[&str], body: &str) -> RawResponse {
    let mut stream = connect(server);
    let head = [
        &[
            format!("{line} HTTP/1.1"),
            "Host: here".to_owned(),
            format!("Content-Length: {}", body.len()),
        ],
        headers
            .iter()
            .map(|&h| h.to_owned())
            .collect::<Vec<_>>()
            .as_slice(),
    ]
    .concat();
    stream
        .write_all(format!("{}\r\n\r\n{body}", head.join("\r\n")).as_bytes())
        .unwrap();
    RawResponse::read(&mut stream)
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

#[test]
fn a_reader_without_a_script_keeps_a_key_for_the_session() {
    let keys = Keys::new();
    let server = start(keys.options());
    let asked = request(server, "GET /?q=peace", &[], "");
    assert_eq!(asked.status, 401);
    assert!(
        asked
            .body
            .contains("<form class=\"key\" action=\"/key\" method=\"post\""),
        "{}",
        asked.body
    );
    assert!(
        asked.body.contains("name=\"to\" value=\"/?q=peace\""),
        "{}",
        asked.body
    );
    let form = format!("key={}&to=%2F%3Fq%3Dpeace", keys.search.key);
    let kept = request(server, "POST /key", &[FORM], &form);
    assert_eq!((kept.status, kept.header("location")), (303, "/?q=peace"));
    let cookie = kept.header("set-cookie").to_owned();
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    let cookie = format!("Cookie: a=b; {}", cookie.split(';').next().unwrap());
    assert_eq!(request(server, "GET /?q=peace", &[&cookie], "").status, 200);
    assert_eq!(request(server, "GET /corpus", &[&cookie], "").status, 200);
    // The cookie counts for reading the page only.
    assert_eq!(
        request(server, "GET /v1/search?q=peace", &[&cookie], "").status,
        401
    );
    assert_eq!(
        request(server, "POST /v1/documents", &[&cookie], "{}").status,
        401
    );
    assert_eq!(request(server, "GET /metrics", &[&cookie], "").status, 401);
}

#[test]
fn a_key_without_the_scope_or_from_elsewhere_is_refused() {
    let keys = Keys::new();
    let server = start(keys.options());
    let writer = request(server, "GET /", &[&bearer(&keys.write)], "");
    assert_eq!(writer.status, 403);
    assert!(
        writer.body.contains("the scope search is required"),
        "{}",
        writer.body
    );
    let unknown = request(server, "GET /", &["Cookie: antiphon-key=nonsense"], "");
    assert_eq!(unknown.status, 401);
    let form = format!("key={}", keys.search.key);
    for header in [
        "Origin: http://elsewhere",
        "Origin: null",
        "Sec-Fetch-Site: cross-site",
    ] {
        let refused = request(server, "POST /key", &[FORM, header], &form);
        assert_eq!(
            (refused.status, refused.header("set-cookie")),
            (403, ""),
            "{header}"
        );
    }
    for (body, status) in [("key=a%3Bb%0D%0AX%3A+y", 401), ("key=", 401)] {
        let refused = request(server, "POST /key", &[FORM], body);
        assert_eq!(
            (refused.status, refused.header("set-cookie")),
            (status, ""),
            "{body}"
        );
    }
    for to in ["//elsewhere", "https:%2F%2Felsewhere", "/\\elsewhere"] {
        let kept = request(
            server,
            "POST /key",
            &[FORM, "Origin: http://here"],
            &format!("{form}&to={to}"),
        );
        assert_eq!((kept.status, kept.header("location")), (303, "/"), "{to}");
    }
}
