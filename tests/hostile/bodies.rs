//! Bodies: invalid JSON, other JSON, content encodings and chunks.

use std::io::Write;

use super::{Case, READERS, all_are_answered, head};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

pub(super) const INVALID_JSON: (u16, &str) = (400, "invalid_json");
const WRONG_TYPE: (u16, &str) = (400, "wrong_type");
const BAD_REQUEST: (u16, &str) = (400, "bad_request");
const UNSUPPORTED: (u16, &str) = (415, "unsupported_media_type");
const FOUND: (u16, &str) = (200, "");

/// Combines every route that reads JSON with every body.
fn at_every_reader(bodies: &[(&[u8], (u16, &'static str))]) -> Vec<Case> {
    let lines = READERS
        .iter()
        .map(|(method, path)| format!("{method} {path}"));
    lines
        .flat_map(|line| {
            let case = move |(body, expected): &(&[u8], _)| {
                Case::with_body(&line, &["Content-Type: application/json"], body, *expected)
            };
            bodies.iter().map(case).collect::<Vec<_>>()
        })
        .collect()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn bodies_that_are_not_a_json_object() {
    let deep = "{\"text\":".repeat(20_000);
    let wide = utf16("{\"text\": \"a\"}");
    let cases = at_every_reader(&[
        (b"", INVALID_JSON),
        (b" \n\t ", INVALID_JSON),
        (b"\0", INVALID_JSON),
        (b"\0\x01\x02\x03", INVALID_JSON),
        (b"\xff\xfe", INVALID_JSON),
        (b"NaN", INVALID_JSON),
        (b"-Infinity", INVALID_JSON),
        (b"undefined", INVALID_JSON),
        (b"'a'", INVALID_JSON),
        (b"{", INVALID_JSON),
        (b"}", INVALID_JSON),
        (b"{\"", INVALID_JSON),
        (b"{\"text", INVALID_JSON),
        (b"{,}", INVALID_JSON),
        (b"{'text': 'a'}", INVALID_JSON),
        (b"{text: 1}", INVALID_JSON),
        (b"/* */ {}", INVALID_JSON),
        (b"\xef\xbb\xbf{}", INVALID_JSON),
        (b"\xc2\xa0{}", INVALID_JSON),
        (b"<?xml version=\"1.0\"?>", INVALID_JSON),
        (b"text=a&query=b", INVALID_JSON),
        (b"-", INVALID_JSON),
        (b"01", INVALID_JSON),
        (b"\"a", INVALID_JSON),
        (deep.as_bytes(), INVALID_JSON),
        (&wide, INVALID_JSON),
        (b"null", WRONG_TYPE),
        (b"true", WRONG_TYPE),
        (b"17", WRONG_TYPE),
        (b"\"a\"", WRONG_TYPE),
        (b"[[\"a\"]]", WRONG_TYPE),
        (b"[null]", WRONG_TYPE),
        (b"[1, {}]", WRONG_TYPE),
    ]);
    assert!(cases.len() >= 165);
    all_are_answered(&cases);
}

fn gzipped(text: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap()
}

/// Returns a body that the route accepts, or rejects for its contents only.
fn plain(path: &str) -> (&'static str, (u16, &'static str)) {
    match path {
        "/v1/search" => ("{\"query\": \"peace\", \"limit\": 1}", FOUND),
        "/v1/search/batch" => (
            "{\"searches\": [{\"query\": \"peace\", \"limit\": 1}]}",
            FOUND,
        ),
        "/v1/embeddings" => ("{\"input\": \"peace\"}", FOUND),
        _ => ("{\"id\": \"z\"}", (400, "missing_field")),
    }
}

#[test]
fn compressed_bodies() {
    let mut cases = Vec::new();
    for (method, path) in READERS {
        let line = format!("{method} {path}");
        let (text, expected) = plain(path);
        let gzip = gzipped(text.as_bytes());
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
        zlib.write_all(text.as_bytes()).unwrap();
        let zlib = zlib.finish().unwrap();
        let mut corrupt = gzip.clone();
        corrupt[20] ^= 0x55;
        // A few kilobytes that decompress to 50 million bytes, and the same compressed twice.
        let bomb = gzipped(&[&vec![b' '; 50_000_000], text.as_bytes()].concat());
        assert!(bomb.len() < 60_000);
        for (encoding, body, expected) in [
            ("gzip", gzip.as_slice(), expected),
            ("GZIP", &gzip, expected),
            ("deflate", &zlib, expected),
            ("identity", text.as_bytes(), expected),
            ("gzip", text.as_bytes(), BAD_REQUEST),
            ("gzip", &gzip[..gzip.len() - 9], BAD_REQUEST),
            ("gzip", &corrupt, BAD_REQUEST),
            ("deflate", &gzip, BAD_REQUEST),
            ("gzip", &bomb, (413, "body_too_large")),
            ("gzip", &gzipped(&bomb), INVALID_JSON),
            ("identity", &gzip, INVALID_JSON),
            ("br", &gzip, UNSUPPORTED),
            ("zstd", &gzip, UNSUPPORTED),
            ("gzip, gzip", &gzipped(&gzip), UNSUPPORTED),
            ("x-gzip", &gzip, UNSUPPORTED),
            ("nonsense", text.as_bytes(), UNSUPPORTED),
            ("\u{fc}", text.as_bytes(), UNSUPPORTED),
        ] {
            let encoding = format!("Content-Encoding: {encoding}");
            cases.push(Case::with_body(&line, &[&encoding], body, expected));
        }
        for media in [
            "text/plain",
            "multipart/form-data",
            "application/xml",
            "application/x-www-form-urlencoded",
            "application",
            "*/*",
            "",
        ] {
            let media = format!("Content-Type: {media}");
            cases.push(Case::with_body(
                &line,
                &[&media],
                text.as_bytes(),
                UNSUPPORTED,
            ));
        }
    }
    let lines = [
        "Content-Type: application/x-ndjson",
        "Content-Encoding: gzip",
    ];
    let gzip = gzipped(b"{\"id\": \"z\", \"text\": \"a\"}\n");
    cases.push(Case::with_body(
        "POST /v1/documents",
        &lines,
        &gzip,
        UNSUPPORTED,
    ));
    assert!(cases.len() > 100);
    all_are_answered(&cases);
}

#[test]
fn chunked_bodies() {
    let mut cases = Vec::new();
    for (method, path) in READERS {
        let line = format!("{method} {path}");
        let (text, expected) = plain(path);
        let (size, end) = (text.len(), "0\r\n\r\n");
        for (chunks, expected) in [
            (format!("{size:x}\r\n{text}\r\n{end}"), expected),
            (format!("{size:X};a=b;c=\"d\"\r\n{text}\r\n{end}"), expected),
            (
                format!("{size:x}\r\n{text}\r\n0\r\nX-Trailer: a\r\n\r\n"),
                expected,
            ),
            (format!("{size:x}\n{text}\n0\n\n"), BAD_REQUEST),
            (format!("0x{size:x}\r\n{text}\r\n{end}"), BAD_REQUEST),
            (format!(" {size:x}\r\n{text}\r\n{end}"), BAD_REQUEST),
            (format!("-{size:x}\r\n{text}\r\n{end}"), BAD_REQUEST),
            (format!("+{size:x}\r\n{text}\r\n{end}"), BAD_REQUEST),
            (
                format!("{}\r\n{text}\r\n{end}", "f".repeat(20)),
                BAD_REQUEST,
            ),
            (format!("5\r\n{text}\r\n{end}"), BAD_REQUEST),
            ("zz\r\nab\r\n0\r\n\r\n".to_owned(), BAD_REQUEST),
            ("\r\n\r\n".to_owned(), BAD_REQUEST),
            (end.to_owned(), INVALID_JSON),
        ] {
            let bytes = [
                head(
                    &line,
                    "Content-Type: application/json\r\nTransfer-Encoding: chunked",
                ),
                chunks.clone().into(),
            ]
            .concat();
            cases.push(Case::new(
                format!("{line} {chunks:?}"),
                bytes,
                expected.0,
                expected.1,
            ));
        }
        for length in ["1000000000", "18446744073709551615", "262145"] {
            let bytes = head(
                &line,
                &format!("Content-Type: application/json\r\nContent-Length: {length}"),
            );
            cases.push(Case::new(
                format!("{line} of {length}"),
                bytes,
                413,
                "body_too_large",
            ));
        }
    }
    assert!(cases.len() >= 80);
    all_are_answered(&cases);
}

/// Creates cases of one route from bodies.
pub(super) fn at<'a>(
    line: &'a str,
    bodies: impl IntoIterator<Item = (&'a str, &'static str)>,
) -> Vec<Case> {
    let case = |(body, code): (&str, &'static str)| {
        let status = match code {
            "" => 200,
            "passage_not_found" | "model_not_found" => 404,
            _ => 400,
        };
        Case::with_body(line, &[], body.as_bytes(), (status, code))
    };
    bodies.into_iter().map(case).collect()
}
