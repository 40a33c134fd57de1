//! Invalid methods, paths and headers, for every route.

use super::{Case, ROUTES, ROUTES_WITH_IDS, all_are_answered, head};

fn every_route()
-> impl Iterator<Item = &'static (&'static str, &'static str, &'static [&'static str])> {
    ROUTES.iter().chain(ROUTES_WITH_IDS)
}

#[test]
fn wrong_methods() {
    let methods = [
        "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get", "PROPFIND",
    ];
    let mut cases = Vec::new();
    for (_, path, allowed) in every_route() {
        for method in methods.iter().filter(|method| !allowed.contains(method)) {
            let line = format!("{method} {path}");
            cases.push(Case::with_body(
                &line,
                &[],
                b"",
                (405, "method_not_allowed"),
            ));
        }
    }
    assert!(cases.len() > 110);
    all_are_answered(&cases);
}

/// Routes with other routes below them.
const PARENTS: &[&str] = &["/docs", "/v1/documents"];

#[test]
fn paths_that_are_almost_a_route() {
    let after = [
        "%00",
        "/",
        "//",
        "%2f",
        "%20",
        "%0d%0aX:%20y",
        ";a=b",
        "/..",
        "/%2e%2e/livez",
        "%zz",
        "%",
        "%ff",
        "%c0%af",
        "%ed%a0%80",
        "%23",
        "%3f",
        "..",
        "/..;/livez",
    ];
    let mut cases = Vec::new();
    for (method, path, _) in ROUTES {
        // Paths below `/docs/` and `/v1/documents/` are other routes.
        for after in after
            .iter()
            .filter(|a| !PARENTS.contains(path) || !a.starts_with('/'))
        {
            let line = format!("{method} {path}{after}");
            cases.push(Case::with_body(&line, &[], b"", (404, "route_not_found")));
        }
        if *path != "/" {
            for target in [
                format!("/{path}"),
                format!("/.{path}"),
                format!("/x/..{path}"),
                format!("/%2e%2e{path}"),
                path.to_uppercase(),
            ] {
                let line = format!("{method} {target}");
                cases.push(Case::with_body(&line, &[], b"", (404, "route_not_found")));
            }
        }
    }
    assert!(cases.len() > 240);
    all_are_answered(&cases);
}

/// Invalid header lines, for which actix closes the connection.
const UNREADABLE: &[&str] = &[
    "Content-Length: abc",
    "Content-Length: -1",
    "Content-Length: +5",
    "Content-Length: 5, 5",
    "Content-Length: 5\r\nContent-Length: 5",
    "Content-Length: 5\r\nContent-Length: 6",
    "Content-Length: 99999999999999999999999",
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 5",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding : chunked",
    "Content-Length : 5",
    "no colon",
    "X Y: a",
    ": a",
    "X-A: a\0b",
    "X-A: a\u{1}b",
    "X-A: a\rb",
    "X-A: a\r\n b",
    "Host: there",
];

#[test]
fn invalid_heads() {
    let mut cases = Vec::new();
    for (method, path, _) in every_route() {
        let line = format!("{method} {path}");
        for lines in UNREADABLE {
            cases.push(Case::new(
                format!("{line} {lines:?}"),
                head(&line, lines),
                400,
                "",
            ));
        }
        let many: Vec<String> = (0..200).map(|n| format!("X-{n}: a")).collect();
        let large = format!("X-A: {}", "a".repeat(200_000));
        for (name, lines) in [("many headers", many.join("\r\n")), ("a large one", large)] {
            cases.push(Case::new(
                format!("{line} {name}"),
                head(&line, &lines),
                431,
                "",
            ));
        }
        for (name, bytes) in [
            ("HTTP/0.9", format!("{line}\r\n\r\n")),
            (
                "HTTP/3",
                format!("{line} HTTP/3.0\r\nHost: localhost\r\n\r\n"),
            ),
            ("no host", format!("{line} HTTP/1.1\r\n\r\n")),
            (
                "a space",
                format!("{line} x HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            ),
            (
                "not ASCII",
                format!("{line}\u{e9} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            ),
            (
                "a control",
                format!("{line}\u{1} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            ),
            (
                "NUL",
                format!("{line}\0 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            ),
            (
                "long",
                format!(
                    "{line}?{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    "a".repeat(70_000)
                ),
            ),
        ] {
            cases.push(Case::new(
                format!("{line} {name}"),
                bytes.into_bytes(),
                400,
                "",
            ));
        }
    }
    for (name, bytes) in [
        ("HTTP/2's preface", &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..]),
        ("TLS", b"\x16\x03\x01\0\xa5\x01\0\0\r\n\r\n"),
        ("NULs", &[0; 100]),
        ("no method", b" / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("a bad method", b"G@T / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ] {
        cases.push(Case::new(name, bytes.to_vec(), 400, ""));
    }
    assert!(cases.len() > 500);
    all_are_answered(&cases);
}

#[test]
fn odd_but_harmless_heads() {
    let mut cases = Vec::new();
    for headers in [
        "X-A: \u{fc}\u{1f600}",
        "Expect: nonsense",
        "Accept-Encoding: ;;;q=x, gzip;q=nan",
        "Accept: ,,,",
        "Connection: keep-alive, close, x",
        "Upgrade: h2c\r\nHTTP2-Settings: AAAA",
        "Range: bytes=0-1",
        "If-Modified-Since: never",
        "X-Forwarded-For: 1.1.1.1, ::1, x",
        "X-Request-Id: \u{fc}",
        "traceparent: 00-zz",
        "Cookie: a=b; c",
    ] {
        for target in [
            "/livez",
            "/readyz",
            "/v1/search?q=peace&limit=1",
            "/openapi.json",
        ] {
            let bytes = head(
                &format!("GET {target}"),
                &format!("{headers}\r\nAccept-Encoding: identity"),
            );
            cases.push(Case::new(format!("{target} {headers:?}"), bytes, 200, ""));
        }
    }
    all_are_answered(&cases);
}
