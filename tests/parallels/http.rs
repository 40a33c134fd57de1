//! The routes of parallels and families.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::Duration;

use antiphon::server::Service;
use serde_json::{Value, json};

use super::*;
use crate::support::client::{ApiResponse, send};
use crate::support::{LIMITS, start_server};

pub(super) struct ParallelsServer {
    pub(super) server: SocketAddr,
    pub(super) snapshot: Arc<Snapshot>,
    _data: TempDir,
}

impl ParallelsServer {
    pub(super) fn start(documents: &[Value]) -> Self {
        let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let lines: Vec<String> = documents.iter().map(ToString::to_string).collect();
        fs::write(folder.path().join("corpus.jsonl"), lines.join("\n")).unwrap();
        let engine = support::engine(&data);
        support::ingest(
            &engine,
            &[folder.path().to_owned()],
            IngestOptions::default(),
        );
        let snapshot = engine.publish().unwrap();
        let service = Arc::new(Service::new(LIMITS));
        service.set_engine(Arc::new(engine));
        Self {
            server: start_server(service),
            snapshot,
            _data: data,
        }
    }

    /// Retries while the service is busy: only a few long comparisons run at a time.
    pub(super) fn ask(&self, method: &str, path: &str, body: Option<&str>) -> ApiResponse {
        loop {
            let response = send(method, self.server, path, body);
            if response.status != 503 {
                return response;
            }
            response.assert_problem(503, "overloaded", None);
            sleep(Duration::from_millis(20));
        }
    }
}

pub(super) static SHARED_SERVER: LazyLock<ParallelsServer> =
    LazyLock::new(|| ParallelsServer::start(&corpus()));

fn get(path: &str) -> ApiResponse {
    SHARED_SERVER.ask("GET", path, None)
}

pub(super) fn post(path: &str, body: &Value) -> ApiResponse {
    SHARED_SERVER.ask("POST", path, Some(&body.to_string()))
}

/// Returns the lines of a stream, by their keys.
fn stream(body: &Value) -> Vec<(String, Value)> {
    let response = post("/v1/parallels", body);
    assert_eq!(response.status, 200, "{}", response.body);
    assert_eq!(response.header("content-type"), "application/x-ndjson");
    let text = match &response.body {
        Value::String(text) => text.clone(),
        one => one.to_string(),
    };
    let line = |line: &str| {
        let Value::Object(line) = serde_json::from_str(line).unwrap() else {
            panic!("not an object: {line}");
        };
        assert_eq!(line.len(), 1);
        line.into_iter().next().unwrap()
    };
    text.lines().map(line).collect()
}

fn passages(lines: &[(String, Value)]) -> Vec<(String, String)> {
    let parallels = lines.iter().filter(|(kind, _)| kind == "parallel");
    let side = |value: &Value, side: &str| value[side]["passage"].as_str().unwrap().to_owned();
    parallels
        .map(|(_, value)| (side(value, "source"), side(value, "target")))
        .collect()
}

#[test]
fn two_documents_are_compared() {
    let response = get("/v1/documents/alpha/parallels/beta");
    assert_eq!(response.status, 200, "{}", response.body);
    let body = &response.body;
    assert_eq!(
        (body["found"].as_u64(), body["compared"].as_u64()),
        (Some(3), Some(16))
    );
    let sea = body["parallels"].as_array().unwrap().iter();
    let sea = sea
        .clone()
        .find(|p| p["source"]["passage"] == "alpha#p2")
        .unwrap();
    assert_eq!(sea["target"]["passage"], "beta#p4");
    assert_eq!(sea["matched_by"], "sentences");
    assert_eq!(sea["text_reuse"], sea["sentences"][0]["text_reuse"]);
    assert_eq!(sea["source"]["text"], SEA);
    let sentence = &sea["sentences"][0]["source"];
    let start = usize::try_from(sentence["start"].as_u64().unwrap()).unwrap();
    let end = usize::try_from(sentence["end"].as_u64().unwrap()).unwrap();
    let document = get("/v1/documents/alpha").body;
    let text: String = document["text"]
        .as_str()
        .unwrap()
        .chars()
        .collect::<Vec<_>>()[start..end]
        .iter()
        .collect();
    assert_eq!(sentence["text"], text);
    assert!(body["provenance"]["snapshot"].is_string());

    let many =
        get("/v1/documents/alpha/parallels/beta?many_to_many=true&min_confidence=0&limit=2").body;
    assert_eq!(
        (many["found"].as_u64(), many["superseded"].as_u64()),
        (Some(16), Some(0))
    );
    assert_eq!(many["parallels"].as_array().unwrap().len(), 2);

    get("/v1/documents/alpha/parallels/alpha").assert_problem(400, "same_document", Some("b"));
    let missing = get("/v1/documents/alpha/parallels/omega");
    missing.assert_problem(404, "document_not_found", Some("b"));
    let missing = get("/v1/documents/omega/parallels/alpha");
    missing.assert_problem(404, "document_not_found", Some("a"));
    for (query, code, field) in [
        (
            "min_confidence=2",
            "parameter_out_of_range",
            "min_confidence",
        ),
        ("min_confidence=NaN", "wrong_type", "min_confidence"),
        (
            "min_alignment_score=-1",
            "parameter_out_of_range",
            "min_alignment_score",
        ),
        ("limit=0", "limit_out_of_range", "limit"),
        ("limit=10001", "limit_out_of_range", "limit"),
        ("many_to_many=perhaps", "wrong_type", "many_to_many"),
        ("colour=blue", "unknown_field", "colour"),
        ("speaker=AAA%20One", "unknown_field", "filter"),
    ] {
        let response = get(&format!("/v1/documents/alpha/parallels/beta?{query}"));
        response.assert_problem(400, code, Some(field));
    }
}

#[test]
fn one_passage_is_compared_with_all_others() {
    let response = get("/v1/passages/alpha%23p4/parallels");
    assert_eq!(response.status, 200, "{}", response.body);
    let parallels = response.body["parallels"].as_array().unwrap();
    let targets: Vec<&str> = parallels
        .iter()
        .map(|p| p["target"]["passage"].as_str().unwrap())
        .collect();
    assert_eq!(targets, ["alpha-again#p4", "gamma#p2"]);
    // A passage is found on either side of a pair.
    let back = get("/v1/passages/gamma%23p2/parallels?speaker=AAA%20One&limit=1");
    assert_eq!(back.body["parallels"].as_array().unwrap().len(), 1);
    assert_eq!(back.body["found"], 2);
    let missing = get("/v1/passages/alpha%23p9/parallels");
    missing.assert_problem(404, "passage_not_found", Some("id"));
    get("/v1/passages/alpha/parallels").assert_problem(400, "invalid_id", Some("id"));
    let unknown = get("/v1/passages/alpha%23p4/parallels?filter=%7B%22colour%22:%201%7D");
    unknown.assert_problem(400, "unknown_field", Some("filter.colour"));
}

#[test]
fn a_corpus_stream_resumes_at_a_cursor() {
    let whole = stream(&json!({}));
    let kinds: Vec<&str> = whole.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!((kinds[0], *kinds.last().unwrap()), ("begin", "end"));
    assert_eq!(whole[0].1["sources"], 8);
    let all = passages(&whole);
    let end = &whole.last().unwrap().1;
    assert_eq!(end["found"].as_u64().unwrap(), all.len() as u64);
    assert_eq!(end["complete"], true);
    assert!(end["filtered_counts"]["formulas"].as_u64().unwrap() >= 15);
    assert!(all.contains(&pair("alpha#p4", "gamma#p2")));

    // Including the filtered counts, which are counted once.
    let counts = |lines: &[(String, Value)]| {
        let end = &lines.last().unwrap().1;
        (
            end["filtered_counts"].clone(),
            end["passages"].as_u64().unwrap(),
        )
    };
    let sum = |a: &Value, b: &Value| a.as_u64().unwrap() + b.as_u64().unwrap();
    for step in [1, 2, 3] {
        let (mut joined, mut cursor) = (Vec::new(), Value::Null);
        let mut counted = (
            json!({"low_confidence": 0, "low_margin": 0, "formulas": 0}),
            0,
        );
        loop {
            let lines = stream(&json!({"limit": step, "cursor": cursor}));
            let found = passages(&lines);
            assert!(found.len() <= step);
            joined.extend(found);
            let (filtered, passages) = counts(&lines);
            for reason in ["low_confidence", "low_margin", "formulas"] {
                counted.0[reason] = sum(&counted.0[reason], &filtered[reason]).into();
            }
            counted.1 += passages;
            let end = lines.last().unwrap().1.clone();
            assert_eq!(end["complete"], end["next_cursor"].is_null());
            cursor = end["next_cursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!(joined, all, "in steps of {step}");
        assert_eq!(counted, counts(&whole), "in steps of {step}");
    }

    let first = stream(&json!({"limit": 1}));
    let cursor = &first.last().unwrap().1["next_cursor"];
    let other = post(
        "/v1/parallels",
        &json!({"cursor": cursor, "later_only": true}),
    );
    other.assert_problem(400, "invalid_cursor", Some("cursor"));
    let broken = post("/v1/parallels", &json!({"cursor": "bm9uc2Vuc2U"}));
    broken.assert_problem(400, "invalid_cursor", Some("cursor"));
}

#[test]
fn invalid_requests_are_rejected_before_the_stream() {
    for (body, code, field) in [
        (
            json!({"min_score": 2}),
            "parameter_out_of_range",
            "min_score",
        ),
        (
            json!({"formula_share": -0.1}),
            "parameter_out_of_range",
            "formula_share",
        ),
        (json!({"limit": 0}), "limit_out_of_range", "limit"),
        (json!({"formulas": "some"}), "wrong_type", "formulas"),
        (json!({"max_year_gap": -1}), "wrong_type", "max_year_gap"),
        (
            json!({"max_year_gap": 10_001}),
            "parameter_out_of_range",
            "max_year_gap",
        ),
        (
            json!({"source": {"colour": "blue"}}),
            "unknown_field",
            "source.colour",
        ),
        (
            json!({"target": {"date": "2015-13"}}),
            "invalid_filter",
            "target.date",
        ),
        (
            json!({"source": {"date": {"since": "2015"}}}),
            "invalid_filter",
            "source.date.since",
        ),
        (
            json!({"target": {"not": {"colour": "blue"}}}),
            "unknown_field",
            "target.colour",
        ),
        (
            json!({"exclude_same": ["colour"]}),
            "unknown_field",
            "exclude_same",
        ),
        (json!({"colour": "blue"}), "unknown_field", "colour"),
    ] {
        let response = post("/v1/parallels", &body);
        response.assert_problem(400, code, Some(field));
        let detail = response.body["detail"].as_str().unwrap();
        if field.contains('.') {
            // Named as in the request, alone or after what is wrong with it.
            let named = detail.strip_prefix("unknown field ").unwrap_or(detail);
            assert!(named.starts_with(field), "{detail}");
        }
    }
    let lines = stream(&json!({"source": {"document": "delta"}, "target": {"document": "thanks"}}));
    assert_eq!(lines.len(), 2);
    let closest = &lines[1].1["closest"];
    assert_eq!(closest["target"], "thanks#p1");
}

#[test]
fn families_over_http() {
    let request = json!({"formulas": "only", "fields": ["country", "year"], "limit": 1});
    let response = post("/v1/families", &request);
    assert_eq!(response.status, 200, "{}", response.body);
    let family = &response.body["families"][0];
    assert!(family["members"].as_array().unwrap().len() >= 6, "{family}");
    assert_eq!(family["first"], json!(["alpha#p1"]));
    assert_eq!(
        family["spread"]["year"].as_array().unwrap().len(),
        family["years"].as_object().unwrap().len()
    );
    for (body, code, field) in [
        (
            json!({"cohesion": 0.1}),
            "parameter_out_of_range",
            "cohesion",
        ),
        (
            json!({"min_confidence": 0.2}),
            "parameter_out_of_range",
            "min_confidence",
        ),
        (
            json!({"min_members": 1}),
            "parameter_out_of_range",
            "min_members",
        ),
        (json!({"limit": 0}), "limit_out_of_range", "limit"),
        (json!({"fields": ["colour"]}), "unknown_field", "fields"),
        (
            json!({"filter": {"colour": 1}}),
            "unknown_field",
            "filter.colour",
        ),
    ] {
        post("/v1/families", &body).assert_problem(400, code, Some(field));
    }
}

#[test]
fn families_are_paginated_within_one_snapshot() {
    let request = json!({"formulas": "include", "min_confidence": 0.5, "min_members": 2});
    let page = |more: Value| {
        let mut request = request.as_object().unwrap().clone();
        request.extend(more.as_object().unwrap().clone());
        post("/v1/families", &request.into())
    };
    let whole = page(json!({"limit": 1000})).body;
    let all = whole["families"].as_array().unwrap();
    assert!(all.len() > 2 && whole["next_cursor"].is_null(), "{whole}");
    let (mut joined, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let response = page(json!({"limit": 2, "cursor": cursor}));
        assert_eq!(response.status, 200, "{}", response.body);
        assert_eq!(response.body["offset"], joined.len());
        assert_eq!(response.body["found"], all.len());
        joined.extend(response.body["families"].as_array().unwrap().clone());
        cursor = response.body["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(&joined, all);
    let second = page(json!({"limit": 1, "offset": 1})).body;
    assert_eq!(second["families"][0], all[1]);
    let past = page(json!({"offset": 100_000})).body;
    assert_eq!(
        (&past["families"], &past["next_cursor"]),
        (&json!([]), &Value::Null)
    );
    let cursor = &second["next_cursor"];
    page(json!({"cursor": cursor, "offset": 1})).assert_problem(
        400,
        "invalid_cursor",
        Some("cursor"),
    );
    page(json!({"cursor": cursor, "cohesion": 0.4})).assert_problem(
        400,
        "invalid_cursor",
        Some("cursor"),
    );
    page(json!({"cursor": "x"})).assert_problem(400, "invalid_cursor", Some("cursor"));
}
