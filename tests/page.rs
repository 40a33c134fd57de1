//! The page: every view over a corpus whose texts, metadata and ids try to break out of their place.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use antiphon::server::Service;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support;
use crate::support::client::{ApiResponse, send, send_bytes};

/// Markup that must never be in a page as such.
const SCRIPT: &str = "<script>alert(1)</script>";

/// The id of a document, of the characters that ids may have.
const HOSTILE_ID: &str = "a\"b'<i>&c;d";

/// One server for all tests of this file.
static SERVER: LazyLock<SocketAddr> = LazyLock::new(|| {
    let data = TempDir::new().unwrap();
    let engine = support::engine(&data);
    engine.publish().unwrap();
    std::mem::forget(data); // lives as long as the process
    let service = Arc::new(Service::new(support::LIMITS));
    service.set_engine(Arc::new(engine));
    let server = support::start_server(service);
    for document in documents() {
        let written = send("POST", server, "/v1/documents", Some(&document.to_string()));
        assert_eq!(written.status, 201, "{}", written.body);
    }
    server
});

fn documents() -> Vec<Value> {
    let statement = "Every state must respect the sovereignty of all other states in cyberspace.";
    let hostile = format!(
        "{statement}\n\nThey said: </p></body>{SCRIPT} & \"quoted\" 'text' \u{202e}reversed\u{202c}, which is no markup at all."
    );
    vec![
        json!({
            "id": HOSTILE_ID,
            "title": format!("</title>{SCRIPT}"),
            "speaker": "\u{202e}O'Neill \"<b>\" & sons",
            "date": "2015-10",
            "venue": "\" onmouseover=\"alert(1)",
            "country": "<img src=x onerror=alert(1)>",
            "language": "en\" onload=\"alert(1)",
            "source": "javascript:alert(1)",
            "<b>name</b>": "<u>value</u>",
            "text": hostile,
        }),
        json!({
            "id": "plain",
            "title": "A plain speech",
            "speaker": "A. Delegate",
            "date": "2016-05-24",
            "country": "Tuvalu",
            "language": "en",
            "text": format!("{statement}\n\nBread is dear this winter, and the harvest was bad in all provinces of the north."),
        }),
        json!({
            "id": "arabic",
            "title": "كلمة",
            "date": "2018",
            "language": "ar",
            "text": format!("{statement}\n\nيجب على جميع الدول احترام سيادة الدول الأخرى في الفضاء الإلكتروني."),
        }),
        json!({
            "id": "long",
            "speaker": "x".repeat(60_000),
            "text": format!("A long word follows. {} And then a sentence on fishing rights in the open sea.", "y".repeat(100_000)),
        }),
    ]
}

fn get(path: &str) -> ApiResponse {
    send_bytes("GET", *SERVER, path, &[], b"")
}

/// Returns a view, after checking what holds for all of them.
#[track_caller]
fn view(path: &str, status: u16) -> String {
    let response = get(path);
    let html = response.body.as_str().unwrap_or_default().to_owned();
    assert_eq!(response.status, status, "{path}: {html}");
    assert_eq!(response.header("content-type"), "text/html; charset=utf-8");
    let policy = response.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(response.header("x-content-type-options"), "nosniff");
    assert_well_formed(&html, path);
    html
}

/// Checks that tags are nested, that no attribute is a handler or a style, and that the only script is ours.
#[track_caller]
fn assert_well_formed(html: &str, path: &str) {
    const VOID: [&str; 5] = ["meta", "link", "input", "br", "!DOCTYPE"];
    let mut open: Vec<&str> = Vec::new();
    let mut scripts = 0;
    for part in html.split('<').skip(1) {
        // In attributes maud escapes quotes, so they delimit values.
        let mut in_quotes = false;
        let end = part.find(|c| {
            in_quotes ^= c == '"';
            c == '>' && !in_quotes
        });
        let tag = &part[..end.unwrap_or_else(|| panic!("{path}: unclosed <{part:.60}"))];
        let name = tag.split(' ').next().unwrap();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(
                open.pop(),
                Some(name),
                "{path}: </{name}> closes another element"
            );
            continue;
        }
        assert!(
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!'),
            "{path}: <{tag:.60}"
        );
        scripts += usize::from(name == "script");
        for (at, value) in tag.split('"').enumerate() {
            let is_outside = at % 2 == 0;
            let forbidden = [" on", " style=", "srcdoc="];
            assert!(
                !is_outside || !forbidden.iter().any(|f| value.contains(f)),
                "{path}: <{tag:.200}"
            );
            assert!(
                is_outside || !value.starts_with("javascript:"),
                "{path}: <{tag:.200}"
            );
        }
        if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new(), "{path}");
    assert_eq!(scripts, 1, "{path}");
}

/// Compares a view with its snapshot, a line for each tag, without addresses and hashes of files.
fn assert_view(name: &str, path: &str, status: u16) {
    let html = view(path, status);
    let mut normalized = html
        .replace(&SERVER.to_string(), "{server}")
        .replace("><", ">\n<");
    for run in ["x", "y"] {
        let long = run.repeat(200);
        while let Some(start) = normalized.find(&long) {
            let end = normalized[start..]
                .find(|c| !run.contains(c))
                .map_or(normalized.len(), |end| start + end);
            normalized.replace_range(start..end, &format!("{{{run} repeated}}"));
        }
    }
    while let Some(start) = normalized
        .find("/assets/")
        .filter(|at| !normalized[at + 8..].starts_with('{'))
    {
        normalized.replace_range(start + 8..start + 24, "{hash}");
        // The next one is looked for after this one.
        normalized = normalized.replacen("/assets/{hash}", "/Assets/{hash}", 1);
    }
    support::assert_snapshot(&format!("page-{name}.html"), &normalized);
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[test]
fn every_view_escapes_what_it_shows() {
    let id = encoded(HOSTILE_ID);
    let passage = format!("{id}%23p1");
    let query = encoded("sovereignty in cyberspace");
    let hostile = encoded(&format!("\"><img onerror=alert(1)>{SCRIPT}\u{202e}"));
    for (name, path, status) in [
        ("home", "/".to_owned(), 200),
        ("search", format!("/?q={query}&from=2015&to=2016"), 200),
        (
            "search-keyword",
            format!(
                "/?q=sovereignty&mode=keyword&order=earliest&country={}",
                encoded("<img src=x onerror=alert(1)>")
            ),
            200,
        ),
        (
            "search-hostile",
            format!("/?q={hostile}&mode=hybrid&limit=2"),
            200,
        ),
        (
            "search-nothing",
            format!("/?q={hostile}&mode=keyword&speaker=nobody"),
            200,
        ),
        (
            "search-like",
            format!("/?like={passage}&unlike={hostile}&limit=1"),
            200,
        ),
        ("read", format!("/read/{id}?q={query}"), 200),
        ("read-arabic", "/read/arabic".to_owned(), 200),
        (
            "parallels",
            format!("/parallels?passage={passage}&formulas=with"),
            200,
        ),
        (
            "pair",
            format!("/pair?source={passage}&target=plain%23p1"),
            200,
        ),
        ("compare", format!("/compare?a={id}&b=plain"), 200),
        ("families", "/families".to_owned(), 200),
        ("corpus", "/corpus?order=latest".to_owned(), 200),
        ("basket", "/basket".to_owned(), 200),
        ("not-found", format!("/read/{}", encoded("no\"<such>")), 404),
        (
            "bad-parameter",
            format!("/parallels?passage=plain%23p1&order={hostile}"),
            400,
        ),
    ] {
        assert_view(name, &path, status);
    }
}

#[test]
fn the_service_view_shows_the_last_searches_and_code_for_the_query() {
    view("/?q=bread", 200);
    let html = view(
        "/service?q=it%27s+%22bread%22+%24%28ls%29&country=Tuvalu",
        200,
    );
    let address = format!(
        "http://{}/v1/search?q=it%27s+%22bread%22+%24%28ls%29&amp;country=Tuvalu",
        *SERVER
    );
    assert!(html.contains(&format!("curl '{address}'")), "{html}");
    assert!(html.contains("class=\"stages\"") && html.contains("recall while serving"));
    let address = address.replace("&amp;", "&");
    let path = address.split_once("/v1").unwrap().1;
    assert_eq!(get(&format!("/v1{path}")).status, 200, "the code works");
}

#[test]
fn what_cannot_be_shown_says_why() {
    for (path, status, words) in [
        ("/?q=a&order=random", 400, "expected earliest or latest"),
        ("/?q=a&limit=0", 400, "limit is 0; expected 1 to 1000"),
        ("/?q=a&nonsense=1", 400, "unknown parameter nonsense"),
        ("/?q=a&date=yesterday", 400, "yesterday"),
        ("/?q=a&cursor=x", 400, "invalid cursor"),
        ("/?q=%FF", 400, "not valid UTF-8"),
        ("/?like=none%23p1", 404, "passage none#p1 does not exist"),
        ("/read/none", 404, "document none not found"),
        ("/parallels", 400, "passage is missing"),
        (
            "/parallels?passage=plain%23p99",
            404,
            "passage plain#p99 not found",
        ),
        ("/pair?source=plain%23p1&target=plain%23p1", 400, "plain"),
        ("/compare?a=plain&b=none", 404, "document none not found"),
        ("/compare?a=plain&b=plain", 400, "plain"),
        (
            "/families?page=0",
            400,
            "page is &quot;0&quot;; expected a number from 1",
        ),
        ("/corpus?offset=x", 400, "offset is &quot;x&quot;"),
    ] {
        let html = view(path, status);
        assert!(html.contains(words), "{path}: {html}");
        assert!(html.contains("role=\"alert\""), "{path}");
    }
}

#[test]
fn pages_of_hits_continue_each_other() {
    let first = view("/?q=speech&limit=2", 200);
    let next = first.split("rel=\"next\" href=\"").nth(1).unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    let second = view(&format!("{next}&limit=2"), 200);
    assert!(second.contains("<li class=\"hit\" value=\"3\""), "{second}");
    assert!(
        second.contains("rel=\"first\" href=\"/?q=speech\""),
        "{second}"
    );
}

#[test]
fn assets_are_cached_for_ever_under_the_hash_of_their_content() {
    let page = view("/", 200);
    for (name, media_type) in [
        ("page.css", "text/css; charset=utf-8"),
        ("page.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let end = page.find(name).unwrap() + name.len();
        let start = page[..end].rfind("/assets/").unwrap();
        let response = get(&page[start..end]);
        assert_eq!(response.status, 200);
        assert_eq!(response.header("content-type"), media_type);
        assert_eq!(
            response.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(response.header("vary"), "accept-encoding");
        let plain = send_bytes("HEAD", *SERVER, &page[start..end], &[], b"");
        assert_eq!(plain.status, 200);
    }
    get("/assets/0123456789abcdef/page.css").assert_problem(404, "route_not_found", None);
    send("POST", *SERVER, "/", Some("{}")).assert_problem(405, "method_not_allowed", None);
}
