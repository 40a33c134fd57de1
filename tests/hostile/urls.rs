//! Invalid ids, parameters, cursors and preconditions.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Case, SERVER, all_are_answered};
use crate::support::client::{send, send_bytes};

const DOCUMENT: &str = "un-cyber-statement-2015";

/// Creates cases of targets below one path.
fn below(path: &str, targets: &[(&str, &'static str)]) -> Vec<Case> {
    let case = |(target, code): &(&str, &'static str)| {
        let status = match *code {
            "" => 200,
            "route_not_found" | "document_not_found" | "passage_not_found" => 404,
            _ => 400,
        };
        Case::get(&format!("{path}{target}"), &[], (status, *code))
    };
    targets.iter().map(case).collect()
}

/// Ids of documents in paths.
const DOCUMENTS: &[(&str, &str)] = &[
    ("%00", "invalid_id"),
    ("a%00b", "invalid_id"),
    ("..", "invalid_id"),
    ("%2e%2e", "invalid_id"),
    ("%2E%2e", "invalid_id"),
    (".", "invalid_id"),
    ("%2e", "invalid_id"),
    ("a%2fb", "invalid_id"),
    ("..%2f..%2fetc%2fpasswd", "invalid_id"),
    ("a%5cb", "invalid_id"),
    ("%20", "invalid_id"),
    ("%0a", "invalid_id"),
    ("%7f", "invalid_id"),
    ("%ff", "invalid_id"),
    ("%c0%ae%c0%ae", "invalid_id"),
    ("%ed%a0%80", "invalid_id"),
    ("%e2%80%8b", "invalid_id"),
    ("%ef%bb%bf", "invalid_id"),
    ("%e2%80%ae", "invalid_id"),
    ("%", "invalid_id"),
    ("%2", "invalid_id"),
    ("%zz", "invalid_id"),
    ("%25", "invalid_id"),
    ("a%252fb", "invalid_id"),
    ("%23", "invalid_id"),
    ("a%23p1", "invalid_id"),
    ("a%3f", "invalid_id"),
    ("a/", "route_not_found"),
    ("a/b", "route_not_found"),
    ("a//b", "route_not_found"),
    ("../search", "route_not_found"),
    ("%c3%a9", "document_not_found"),
    ("%F0%9F%98%80", "document_not_found"),
    (".hidden", "document_not_found"),
    ("CON", "document_not_found"),
    ("~", "document_not_found"),
    ("UN-CYBER-STATEMENT-2015", "document_not_found"),
];

/// Ids of passages.
const PASSAGES: &[(&str, &str)] = &[
    ("z", "invalid_id"),
    ("z%23p", "invalid_id"),
    ("z%23p0", "invalid_id"),
    ("z%23p01", "invalid_id"),
    ("z%23p-1", "invalid_id"),
    ("z%23p%2b1", "invalid_id"),
    ("z%23p1.0", "invalid_id"),
    ("z%23p1e1", "invalid_id"),
    ("z%23p4294967296", "invalid_id"),
    ("z%23p1%00", "invalid_id"),
    ("z%23p1%20", "invalid_id"),
    ("z%23p%d9%a1", "invalid_id"),
    ("z%23p%ef%bc%91", "invalid_id"),
    ("z%23P1", "invalid_id"),
    ("z%2523p1", "invalid_id"),
    ("%23p1", "invalid_id"),
    ("%00%23p1", "invalid_id"),
    ("..%23p1", "invalid_id"),
    ("%ff%23p1", "invalid_id"),
    ("a%2fb%23p1", "invalid_id"),
    ("%23p1%23p1", "invalid_id"),
    ("z%23p1", "passage_not_found"),
    ("z%23p4294967295", "passage_not_found"),
];

#[test]
fn invalid_ids() {
    let (long, longer) = ("a".repeat(201), "%c3%a9".repeat(4000));
    let long = [
        (long.as_str(), "invalid_id"),
        (longer.as_str(), "invalid_id"),
    ];
    let mut cases = below("/v1/documents/", DOCUMENTS);
    cases.extend(below("/v1/documents/", &long));
    // The same ids in writes and deletions.
    for (target, code) in DOCUMENTS.iter().copied().chain(long) {
        let status = if code.ends_with("not_found") {
            404
        } else {
            400
        };
        let line = format!("DELETE /v1/documents/{target}");
        cases.push(Case::with_body(&line, &[], b"", (status, code)));
        if code == "invalid_id" {
            let line = format!("PUT /v1/documents/{target}");
            cases.push(Case::with_body(
                &line,
                &[],
                b"{\"text\": \"a\"}",
                (400, code),
            ));
        }
    }
    cases.extend(below("/v1/passages/", PASSAGES));
    for (target, code) in PASSAGES {
        cases.extend(below(
            "/v1/passages/",
            &[(&format!("{target}/similar"), *code)],
        ));
    }
    let files = [
        ("..%2f..%2fetc%2fpasswd", "route_not_found"),
        ("%2e%2e/%2e%2e/Cargo.toml", "route_not_found"),
        ("../livez", "route_not_found"),
        ("%00", "route_not_found"),
        ("index.html%00", "route_not_found"),
        ("index.html/", "route_not_found"),
        ("%ff", "route_not_found"),
        ("%5c..%5cCargo.toml", "route_not_found"),
        ("C:%5cwindows", "route_not_found"),
        ("file:%2f%2f%2fetc%2fpasswd", "route_not_found"),
    ];
    cases.extend(below("/docs/", &files));
    assert!(cases.len() > 150);
    all_are_answered(&cases);
}

/// Parameters of filters, which all routes with a filter share.
const FILTERS: &[(&str, &str)] = &[
    ("filter=", "invalid_filter"),
    ("filter=%7B", "invalid_filter"),
    ("filter=%5B%5D", "invalid_filter"),
    ("filter=null", "invalid_filter"),
    ("filter=%22a%22", "invalid_filter"),
    ("filter=%00", "invalid_filter"),
    ("filter=%7B%22nope%22:1%7D", "unknown_field"),
    ("filter=%ff", "bad_request"),
    ("speaker=%ff", "bad_request"),
    ("speaker=%c0%af", "bad_request"),
    ("speaker=%ed%a0%80", "bad_request"),
    ("%ff=a", "bad_request"),
    ("date=99999", "invalid_filter"),
    ("date=2015-13", "invalid_filter"),
    ("date=2015-02-30", "invalid_filter"),
    ("date=%00", "invalid_filter"),
    ("date=2016..2015", "invalid_filter"),
    ("year=%00", "invalid_filter"),
    ("year=2015..2016", "invalid_filter"),
    ("year=9999", ""),
    ("document=%23", "invalid_filter"),
    ("speaker=+", "invalid_filter"),
    ("title=+", "invalid_filter"),
    ("source=nowhere&title=nothing", ""),
    ("nope=1", "unknown_field"),
    ("speaker%00=a", "unknown_field"),
    ("=a", "unknown_field"),
    ("SPEAKER=a", "unknown_field"),
    ("speaker=%00", ""),
    ("speaker=%", ""),
    ("speaker=%zz", ""),
    ("&&&", ""),
];

const SEARCHES: &[(&str, &str)] = &[
    ("q=a", "wrong_type"),
    ("limit=0", "limit_out_of_range"),
    ("limit=1001", "limit_out_of_range"),
    ("limit=1&limit=2", "wrong_type"),
    ("limit=", "wrong_type"),
    ("limit=NaN", "wrong_type"),
    ("limit=1e3", "wrong_type"),
    ("limit=-0", "wrong_type"),
    ("limit=99999999999999999999", "wrong_type"),
    ("limit=%00", "wrong_type"),
    ("limit=%ff", "bad_request"),
    ("offset=-1", "wrong_type"),
    ("offset=18446744073709551615", "offset_out_of_range"),
    ("min_score=1e999", "wrong_type"),
    ("min_score=NaN", "wrong_type"),
    ("min_score=inf", "wrong_type"),
    ("exact=TRUE", "wrong_type"),
    ("exact=1", "wrong_type"),
    ("ef=0", "ef_out_of_range"),
    ("mode=", "wrong_type"),
    ("mode=psychic", "wrong_type"),
    ("include=", "wrong_type"),
    ("facets=", "unknown_field"),
    ("facets=nope", "unknown_field"),
    ("facets=%ff", "bad_request"),
    ("group_by=", "wrong_type"),
    ("group_size=2", "missing_field"),
    ("diversity=2", "parameter_out_of_range"),
    ("timeout_ms=0", "parameter_out_of_range"),
    ("cursor=", "invalid_cursor"),
    ("cursor=a", "invalid_cursor"),
    ("cursor=%00", "invalid_cursor"),
    ("cursor=e30", "invalid_cursor"),
    ("like=peace", "query_and_examples"),
    ("query=a", "unknown_field"),
    ("limit=%31", ""),
    ("facets=year&facets=year", ""),
];

#[test]
fn invalid_parameters() {
    let mut cases = Vec::new();
    for (query, code) in FILTERS.iter().chain(SEARCHES) {
        cases.extend(below(
            "/v1/search",
            &[(&format!("?q=peace&{query}"), *code)],
        ));
    }
    for (query, code) in FILTERS {
        cases.extend(below(
            "/v1/facets",
            &[(&format!("?facets=year&{query}"), *code)],
        ));
        cases.extend(below(
            "/v1/documents",
            &[(&format!("?limit=1&{query}"), *code)],
        ));
    }
    let similar = format!("/v1/passages/{DOCUMENT}%23p1/similar");
    let strange = ["q=a", "like=peace", "group_size=2"];
    for (query, code) in FILTERS.iter().chain(SEARCHES) {
        if !strange.contains(query) {
            cases.extend(below(&similar, &[(&format!("?{query}"), *code)]));
        }
    }
    cases.extend(below(
        &similar,
        &[
            ("?q=a", "unknown_field"),
            ("?like=a", "unknown_field"),
            ("?mode=keyword", "invalid_examples"),
            ("?unlike=", "empty_query"),
        ],
    ));
    let long = format!("?q={}", "a".repeat(60_000));
    let many = format!("?{}", "q=a&".repeat(3000));
    cases.extend(below(
        "/v1/search",
        &[
            ("", "missing_field"),
            ("?", "missing_field"),
            ("?q", "empty_query"),
            ("?q=%ff", "bad_request"),
            ("?q=%c0%af", "bad_request"),
            ("?q=%ed%a0%80", "bad_request"),
            ("?q=a&q=b", "wrong_type"),
            ("?Q=a", "unknown_field"),
            ("?q%00=a", "unknown_field"),
            ("?like=", "empty_query"),
            ("?unlike=a", "invalid_examples"),
            ("?like=z%23p1", "passage_not_found"),
            (&long, "query_too_long"),
            (&many, "wrong_type"),
            ("?q=%", ""),
            ("?q=%zz", ""),
            ("?q=a%00b", ""),
            ("?q=a;limit=1", ""),
        ],
    ));
    cases.extend(below(
        "/v1/documents",
        &[
            ("?limit=0", "limit_out_of_range"),
            ("?limit=-1", "wrong_type"),
            ("?limit=1.5", "wrong_type"),
            ("?limit=1e2", "wrong_type"),
            ("?limit=", "wrong_type"),
            ("?limit=%ff", "bad_request"),
            ("?after=", "invalid_id"),
            ("?after=%00", "invalid_id"),
            ("?after=..", "invalid_id"),
            ("?after=%ff", "bad_request"),
            ("?after=a&after=b", "wrong_type"),
            ("?q=a", "unknown_field"),
        ],
    ));
    let facets = format!("?{}", "facets=year&".repeat(5000));
    cases.extend(below(
        "/v1/facets",
        &[(&facets, ""), ("?q=a", "unknown_field")],
    ));
    assert!(cases.len() > 200);
    all_are_answered(&cases);
}

#[test]
fn foreign_and_forged_cursors() {
    let page = |cursor: &str, more: &Value| {
        let mut body = json!({"query": "peace", "limit": 2, "cursor": cursor});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        send("POST", *SERVER, "/v1/search", Some(&body.to_string()))
    };
    let first = send("GET", *SERVER, "/v1/search?q=peace&limit=2", None);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    assert_eq!(page(cursor, &json!({})).body["hits"][0]["rank"], 3);
    // Another search, with the cursor of this one.
    for more in [
        json!({"query": "war"}),
        json!({"mode": "keyword"}),
        json!({"filter": {"year": 2015}}),
        json!({"exact": true}),
        json!({"offset": 1}),
        json!({"diversity": 0.5}),
    ] {
        page(cursor, &more).assert_problem(400, "invalid_cursor", Some("cursor"));
    }
    // With any bit flipped it is invalid, of another search or snapshot, or of an existing page; nothing
    // else may happen.
    let plain = URL_SAFE_NO_PAD.decode(cursor).unwrap();
    let mut codes = std::collections::BTreeMap::new();
    for position in 0..plain.len() {
        for bit in 0..8 {
            let mut flipped = plain.clone();
            flipped[position] ^= 1 << bit;
            let response = page(&URL_SAFE_NO_PAD.encode(flipped), &json!({}));
            let code = response.body["code"].as_str().unwrap_or("").to_owned();
            let is_expected = match code.as_str() {
                "" => response.status == 200 && response.body["hits"].is_array(),
                "invalid_cursor" | "offset_out_of_range" => response.status == 400,
                "cursor_expired" => response.status == 410,
                _ => false,
            };
            assert!(is_expected, "byte {position}, bit {bit}: {}", response.body);
            *codes.entry(code).or_insert(0) += 1;
        }
    }
    assert!(codes["invalid_cursor"] > 300, "{codes:?}");
    assert!(codes["cursor_expired"] > 10, "{codes:?}");
    for length in 0..cursor.len() {
        let cut = page(&cursor[..length], &json!({}));
        cut.assert_problem(400, "invalid_cursor", Some("cursor"));
    }
    let forged = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let read: Value = serde_json::from_slice(&plain).unwrap();
    for (field, value) in [
        ("place", json!(-1)),
        ("place", json!(1.5)),
        ("place", json!("3")),
        ("place", json!(null)),
        ("snapshot", json!(5)),
        ("request", json!("0000000000000000")),
        ("more", json!(true)),
    ] {
        let mut forgery = read.clone();
        forgery[field] = value;
        page(&forged(&forgery), &json!({})).assert_problem(400, "invalid_cursor", Some("cursor"));
    }
    let mut far = read.clone();
    far["place"] = json!(u64::MAX);
    page(&forged(&far), &json!({})).assert_problem(400, "offset_out_of_range", Some("offset"));
    let mut other = read;
    other["snapshot"] = json!("0123456789abcdef");
    page(&forged(&other), &json!({})).assert_problem(410, "cursor_expired", Some("cursor"));
    super::assert_service_works();
}

#[test]
fn invalid_preconditions() {
    let stored = format!("/v1/documents/{DOCUMENT}");
    let mut cases = Vec::new();
    for name in ["If-Match", "If-None-Match"] {
        for value in [
            "a",
            "\"",
            "\"a",
            "a\"",
            "*, \"a\"",
            ",",
            "\"a\",",
            "\u{fc}",
            "\"\u{fc}\"",
            "",
            "\"a\";q=1",
            "W/",
            "W/a",
            "w/\"a",
            "**",
        ] {
            let header = format!("{name}: {value}");
            cases.push(Case::get(&stored, &[&header], (400, "bad_request")));
            let line = "DELETE /v1/documents/z";
            cases.push(Case::with_body(line, &[&header], b"", (400, "bad_request")));
            let line = format!("PUT {stored}");
            let body = b"{\"text\": \"a\"}";
            cases.push(Case::with_body(
                &line,
                &[&header],
                body,
                (400, "bad_request"),
            ));
        }
    }
    let other = format!("If-Match: \"{}\"", "0".repeat(64));
    let many = format!("If-Match: {}", vec!["\"a\""; 2000].join(", "));
    for header in [
        other.as_str(),
        &many,
        "If-Match: W/\"a\"",
        "If-None-Match: *",
    ] {
        let line = format!("PUT {stored}");
        let body = b"{\"text\": \"a\"}";
        cases.push(Case::with_body(
            &line,
            &[header],
            body,
            (412, "precondition_failed"),
        ));
    }
    for header in [other.as_str(), &many] {
        let line = format!("DELETE {stored}");
        cases.push(Case::with_body(
            &line,
            &[header],
            b"",
            (412, "precondition_failed"),
        ));
    }
    let line = "POST /v1/documents";
    for header in ["If-Match: *", "If-None-Match: *", "If-Match: nonsense"] {
        let body = b"{\"id\": \"z\", \"text\": \"a\"}";
        cases.push(Case::with_body(line, &[header], body, (400, "bad_request")));
    }
    assert!(cases.len() > 90);
    all_are_answered(&cases);
    // None of this was stored.
    let listed = send_bytes("GET", *SERVER, "/v1/documents", &[], b"").body;
    assert_eq!(listed["total"], 2);
}
