//! Searches over HTTP: modes, filters, examples, groups, pages, batches, facets.

use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use antiphon::engine::{Engine, IngestOptions};
use antiphon::server::Service;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::client::{ApiResponse, send, send_with};
use crate::support::{self, LIMITS};

/// Documents with all fields that a filter can use.
const CORPUS: &str = r#"{"id": "sea-1", "title": "On the sea", "speaker": "Ada Marin", "country": "MDV", "date": "2015-09-30", "session": 70, "topics": ["sea", "climate"], "text": "Small island states are threatened by rising seas. Year after year the waves take more of our beaches, our wells turn to salt, and families who have lived on the shore for many generations move away from it.\n\nOur fishermen sail further every year. The fish have gone to colder waters, the boats need more fuel than a catch will pay for, and the young people of our villages look for other work in the cities."}
{"id": "sea-2", "speaker": "Ada Marin", "country": "MDV", "date": "2017", "session": 72, "text": "The ocean rises and our islands drown. What was a storm of the century when we were children comes every third year now, and no wall that we could build around our atolls would be high enough to hold it back.\n\nWe ask for finance to adapt to the climate. The money that was promised in Copenhagen has not come, the procedures of the funds are too long for a small ministry, and debts grow while we wait for answers."}
{"id": "veto-1", "speaker": "Bo Stone", "country": "EST", "date": "2019-09", "session": 74, "text": "The veto power in the Security Council should be abolished. No single member should be able to stop what all the others have agreed on, least of all where it is a party to the conflict that is being discussed.\n\nA council without veto would act. It would send observers when they are asked for, refer crimes to the court, and be listened to again by those who have stopped expecting anything from the meetings in this house."}
{"id": "veto-2", "country": "UKR", "date": "2016-09-21", "language": "en", "text": "The right of veto must be limited in the Security Council. Mass atrocities are no matter of national interest, and whoever uses a veto to protect those who commit them should have to explain it before this Assembly.\n\nÉlan and naïveté are no policy. Reform needs a text, a date and a majority, and after thirty years of friendly conversations about categories and regions it is time that somebody wrote them down and put them to the vote."}
{"id": "cyber-1", "speaker": "Cy Net", "country": "RUS", "date": "2018-09-28", "venue": "New York", "session": 73, "text": "State sovereignty in cyberspace must be respected. Networks cross our borders but the people who use them live under laws, and no country may interfere in the affairs of another by means of its computers and its platforms.\n\nInformation technology serves peace. It lets doctors in remote villages ask their colleagues in the capital, lets children read what their schools cannot buy, and lets those who were separated by wars find each other again."}
{"id": "tea-1", "speaker": "Tea Harbour", "text": "The price of tea in the harbour of Trieste has doubled. Merchants blame the drought in the hills of Assam and the freight, housewives blame the merchants, and the customs officers say that they have seen it all before.\n\nCoffee is cheaper than tea. That has not happened in a hundred years, and in the old houses along the canal they have begun to serve it in the afternoon, with small cakes, as if it had never been otherwise in this city."}
"#;

struct Served {
    server: SocketAddr,
    engine: Arc<Engine>,
    folder: TempDir,
    _data: TempDir,
}

fn serve() -> Served {
    let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let engine = support::engine(&data);
    fs::write(folder.path().join("corpus.jsonl"), CORPUS).unwrap();
    let paths = [folder.path().to_owned()];
    support::ingest(&engine, &paths, IngestOptions::default());
    engine.publish().unwrap();
    let engine = Arc::new(engine);
    let service = Arc::new(Service::new(LIMITS));
    service.set_engine(Arc::clone(&engine));
    Served {
        server: support::start_server(service),
        engine,
        folder,
        _data: data,
    }
}

static SERVED: LazyLock<Served> = LazyLock::new(serve);

fn get(path: &str) -> ApiResponse {
    send("GET", SERVED.server, path, None)
}

fn post(path: &str, body: &Value) -> ApiResponse {
    send("POST", SERVED.server, path, Some(&body.to_string()))
}

fn search(body: &Value) -> Value {
    let response = post("/v1/search", body);
    assert_eq!(response.status, 200, "{body}: {}", response.body);
    response.body
}

/// Returns the ids of the passages found, in order.
fn found(response: &Value) -> Vec<&str> {
    let hits = response["hits"].as_array().unwrap().iter();
    hits.map(|hit| hit["passage"].as_str().unwrap()).collect()
}

/// Returns the ids of the documents found, sorted.
fn documents(response: &Value) -> Vec<&str> {
    let hits = response["hits"].as_array().unwrap().iter();
    let mut documents: Vec<&str> = hits
        .map(|hit| hit["document"]["id"].as_str().unwrap())
        .collect();
    documents.sort_unstable();
    documents.dedup();
    documents
}

#[test]
fn filters_apply_before_the_search() {
    for (filter, expected) in [
        (
            json!({}),
            vec!["cyber-1", "sea-1", "sea-2", "tea-1", "veto-1", "veto-2"],
        ),
        (json!({"country": "MDV"}), vec!["sea-1", "sea-2"]),
        (json!({"country": ["EST", "UKR"]}), vec!["veto-1", "veto-2"]),
        (json!({"country": "MDV", "date": "2015"}), vec!["sea-1"]),
        (
            json!({"date": {"from": "2016", "to": "2018"}}),
            vec!["cyber-1", "sea-2", "veto-2"],
        ),
        (
            json!({"not": {"speaker": ["Ada Marin", "Cy Net"]}}),
            vec!["tea-1", "veto-1", "veto-2"],
        ),
        (json!({"session": [70, "74"]}), vec!["sea-1", "veto-1"]),
        (json!({"topics": "climate"}), vec!["sea-1"]),
        (json!({"document": "tea-1"}), vec!["tea-1"]),
        (json!({"venue": "New York", "language": "en"}), vec![]),
    ] {
        for mode in ["semantic", "keyword", "hybrid"] {
            let query = "island, islands, veto, tea, cyberspace";
            let body = json!({"query": query, "limit": 100, "mode": mode, "filter": filter});
            let response = search(&body);
            assert_eq!(documents(&response), expected, "{mode} {filter}");
        }
    }
    let by_url = get("/v1/search?q=sea&country=MDV&country=EST&date=2015..2017&limit=100").body;
    assert_eq!(documents(&by_url), ["sea-1", "sea-2"]);
    let by_attribute = get("/v1/search?q=sea&session=70&session=72&limit=100").body;
    assert_eq!(documents(&by_attribute), ["sea-1", "sea-2"]);
    let by_json = get("/v1/search?q=sea&filter=%7B%22not%22%3A%7B%22country%22%3A%22MDV%22%7D%7D&country=EST&limit=9").body;
    assert_eq!(documents(&by_json), ["veto-1"]);
}

#[test]
fn documents_are_listed_under_a_filter() {
    let list = get("/v1/documents?country=MDV&country=EST&limit=2").body;
    assert_eq!(list["total"], 3);
    assert_eq!(list["documents"][1]["id"], "sea-2");
    let next = list["next"].as_str().unwrap();
    let second_page = get(&format!(
        "/v1/documents?country=MDV&country=EST&limit=2&after={next}"
    ))
    .body;
    assert_eq!(second_page["documents"][0]["id"], "veto-1");
    assert!(second_page["next"].is_null());
    assert_eq!(
        get("/v1/documents?session=70&limit=1").body["documents"][0]["id"],
        "sea-1"
    );
    assert_eq!(get("/v1/documents?date=2030").body["total"], 0);
    get("/v1/documents?colour=red").assert_problem(400, "unknown_field", Some("colour"));
    get("/v1/documents?filter=%7B%22colour%22%3A1%7D").assert_problem(
        400,
        "unknown_field",
        Some("filter.colour"),
    );
}

#[test]
fn keyword_matches_ignore_case_and_accents_and_are_highlighted() {
    let response = search(&json!({"query": "VETO council", "mode": "keyword"}));
    assert_eq!(documents(&response), ["veto-1", "veto-2"]);
    for hit in response["hits"].as_array().unwrap() {
        assert!(hit["score"].as_f64().unwrap() > 0.0);
        assert!(hit["sentence"].is_null());
        let text: Vec<char> = hit["text"].as_str().unwrap().chars().collect();
        let start = hit["start"].as_u64().unwrap();
        let highlights = hit["highlights"].as_array().unwrap();
        assert!(!highlights.is_empty());
        for range in highlights {
            let offset =
                |name: &str| usize::try_from(range[name].as_u64().unwrap() - start).unwrap();
            let word: String = text[offset("start")..offset("end")].iter().collect();
            assert!(
                ["veto", "council"].contains(&word.to_lowercase().as_str()),
                "{word}"
            );
        }
    }
    let matches = |query: &str| {
        let response = search(&json!({"query": query, "mode": "keyword", "limit": 100}));
        found(&response)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(matches("elan NAIVETE"), ["veto-2#p2"]);
    assert_eq!(
        matches("\"security council\" abolished"),
        ["veto-1#p1", "veto-2#p1"]
    );
    assert_eq!(matches("\"council security\""), [""; 0]);
    assert_eq!(matches("sovereig*"), ["cyber-1#p1"]);
    assert_eq!(matches("zzz — \"\" *"), [""; 0]);
    // FTS5's query syntax has no special meaning.
    assert_eq!(matches("^zzz {zzz}: -zzz+zzz NEAR(zzz, 2) \"zzz"), [""; 0]);
}

#[test]
fn hybrid_hits_carry_their_score_in_each_list() {
    let response =
        search(&json!({"query": "price of tea", "mode": "hybrid", "semantic_weight": 0.3}));
    let best = &response["hits"][0];
    assert_eq!(best["passage"], "tea-1#p1");
    // It is first in the keyword list.
    let number = |value: &Value| value.as_f64().unwrap();
    assert!((number(&best["keyword"]["contribution"]) - 0.7).abs() < 1e-6);
    assert!((0.0..=1.0).contains(&number(&best["score"])));
    for hit in response["hits"].as_array().unwrap() {
        let mean = f64::midpoint(
            number(&hit["passage_score"]),
            number(&hit["sentence"]["score"]),
        );
        assert!((number(&hit["semantic"]["score"]) - mean).abs() < 1e-6);
        let keyword = hit["keyword"]["contribution"].as_f64().unwrap_or(0.0);
        let sum = number(&hit["semantic"]["contribution"]) + keyword;
        assert!((number(&hit["score"]) - sum).abs() < 1e-6);
    }
    assert_eq!(response["parameters"]["semantic_weight"], json!(0.3));
    let last = response["hits"].as_array().unwrap().last().unwrap();
    assert!(
        last["keyword"].is_null(),
        "found by the semantic search only"
    );
    let keyword_only = search(&json!({"query": "tea", "mode": "hybrid", "semantic_weight": 0}));
    assert_eq!(documents(&keyword_only), ["tea-1"]);
}

#[test]
fn examples_replace_a_query() {
    let like = search(&json!({"like": ["sea-1#p1"], "limit": 3}));
    assert_eq!(found(&like)[0], "sea-2#p1");
    assert!(
        !found(&like).contains(&"sea-1#p1"),
        "an example is no hit for itself"
    );
    let similar = get("/v1/passages/sea-1%23p1/similar?limit=3").body;
    assert_eq!(similar["hits"], like["hits"]);
    let elsewhere = get("/v1/passages/sea-1%23p1/similar?limit=3&country=UKR").body;
    assert_eq!(documents(&elsewhere), ["veto-2"]);
    let away =
        search(&json!({"like": ["islands and the sea"], "unlike": ["sea-2#p1"], "limit": 20}));
    assert!(!found(&away).contains(&"sea-2#p1"));
    post("/v1/search", &json!({"like": ["sea-1#p9"]})).assert_problem(
        404,
        "passage_not_found",
        Some("like"),
    );
    get("/v1/passages/sea-1%23p9/similar").assert_problem(404, "passage_not_found", Some("id"));
    get("/v1/passages/sea-1%23p1/similar?q=tea").assert_problem(400, "unknown_field", Some("q"));
    let same = json!({"like": ["tea-1#p1"], "unlike": ["tea-1#p1"], "limit": 2});
    assert_eq!(post("/v1/search", &same).status, 200);
}

#[test]
fn hits_of_a_group_are_adjacent_and_limits_count_groups() {
    let body = json!({"query": "the sea and the islands", "group_by": "speaker", "group_size": 2, "limit": 2});
    let response = search(&body);
    let groups: Vec<&str> = response["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["group"].as_str().unwrap_or("none"))
        .collect();
    assert_eq!(groups.len(), 4);
    assert_eq!(groups[0], "Ada Marin");
    assert_eq!(groups[0], groups[1]);
    assert_eq!(groups[2], groups[3]);
    let by_document = search(&json!({"query": "veto", "group_by": "document", "limit": 100}));
    assert_eq!(by_document["hits"].as_array().unwrap().len(), 6);
    post("/v1/search", &json!({"query": "a", "group_size": 2})).assert_problem(
        400,
        "missing_field",
        Some("group_by"),
    );
}

#[test]
fn diversity_selects_less_similar_hits() {
    let plain = search(&json!({"query": "veto in the Security Council", "limit": 2}));
    let diverse =
        search(&json!({"query": "veto in the Security Council", "limit": 2, "diversity": 0.9}));
    assert_eq!(found(&diverse)[0], found(&plain)[0]);
    assert_ne!(found(&diverse)[1], found(&plain)[1]);
    let none =
        search(&json!({"query": "veto in the Security Council", "limit": 2, "diversity": 0}));
    assert_eq!(found(&none), found(&plain));
}

#[test]
fn cursors_page_through_one_snapshot() {
    for options in [
        json!({}),
        json!({"mode": "keyword"}),
        json!({"mode": "hybrid"}),
        json!({"diversity": 0.4}),
        json!({"group_by": "document"}),
    ] {
        let mut body = json!({"query": " the sea and the veto\n", "limit": 100});
        body.as_object_mut()
            .unwrap()
            .extend(options.as_object().unwrap().clone());
        let all = search(&body);
        assert!(all["next_cursor"].is_null());
        body["limit"] = json!(2);
        let mut pages = Vec::new();
        loop {
            let page = search(&body);
            pages.extend(page["hits"].as_array().unwrap().clone());
            match page["next_cursor"].as_str() {
                Some(cursor) => body["cursor"] = json!(cursor),
                None => break,
            }
        }
        assert_eq!(json!(pages), all["hits"], "{options}");
    }
    let first = search(&json!({"query": "sea", "limit": 1}));
    let cursor = &first["next_cursor"];
    let other = json!({"query": "tea", "limit": 1, "cursor": cursor});
    post("/v1/search", &other).assert_problem(400, "invalid_cursor", Some("cursor"));
    let both = json!({"query": "sea", "offset": 1, "cursor": cursor});
    post("/v1/search", &both).assert_problem(400, "invalid_cursor", Some("cursor"));
    for bad in ["", "x", "e30", "====", "\u{0}"] {
        let body = json!({"query": "sea", "cursor": bad});
        post("/v1/search", &body).assert_problem(400, "invalid_cursor", Some("cursor"));
    }
}

#[test]
fn a_cursor_expires_with_its_snapshot() {
    let served = serve();
    let ask = |body: &Value| send("POST", served.server, "/v1/search", Some(&body.to_string()));
    let first = ask(&json!({"query": "sea", "limit": 1})).body;
    fs::write(
        served.folder.path().join("new.txt"),
        "A new speech about the sea.\n",
    )
    .unwrap();
    support::ingest(
        &served.engine,
        &[served.folder.path().to_owned()],
        IngestOptions::default(),
    );
    let next = json!({"query": "sea", "limit": 1, "cursor": first["next_cursor"]});
    ask(&next).assert_problem(410, "cursor_expired", Some("cursor"));
    let found = ask(&json!({"query": "speech", "mode": "keyword"})).body;
    assert_eq!(
        found["hits"][0]["passage"], "new#p1",
        "the keyword index follows the store too"
    );
}

#[test]
fn a_batch_is_answered_search_by_search() {
    let searches = json!([
        {"query": "rising seas", "limit": 2},
        {"query": ""},
        {"query": "veto", "mode": "keyword"},
        {"query": "rising seas", "filter": {"colour": "red"}},
        {"like": ["tea-1#p1"]},
    ]);
    let response = post("/v1/search/batch", &json!({"searches": searches}));
    assert_eq!(response.status, 200, "{}", response.body);
    let results = response.body["results"].as_array().unwrap();
    for (index, search) in [(0, &searches[0]), (2, &searches[2]), (4, &searches[4])] {
        assert_eq!(
            results[index]["hits"],
            post("/v1/search", search).body["hits"]
        );
    }
    assert_eq!(results[1]["problem"]["code"], "empty_query");
    assert_eq!(results[3]["problem"]["code"], "unknown_field");
    assert!(response.header("server-timing").contains("encode;dur="));
    post("/v1/search/batch", &json!({"searches": []})).assert_problem(
        400,
        "parameter_out_of_range",
        Some("searches"),
    );
    let many = vec![json!({"query": "a"}); 101];
    post("/v1/search/batch", &json!({"searches": many})).assert_problem(
        400,
        "parameter_out_of_range",
        Some("searches"),
    );
    let heavy = json!({"query": "a", "limit": 1000, "include": ["context", "embedding"]});
    post("/v1/search/batch", &json!({"searches": [heavy, heavy]})).assert_problem(
        400,
        "parameter_out_of_range",
        Some("searches"),
    );
    let nested = json!({"searches": [{"query": "a", "limit": "many"}]});
    post("/v1/search/batch", &nested).assert_problem(400, "wrong_type", Some("searches[0].limit"));
    let unknown = json!({"searches": [{"query": "a"}, {"query": "a", "foo": 1}]});
    let response = post("/v1/search/batch", &unknown);
    response.assert_problem(400, "unknown_field", Some("searches[1].foo"));
    let detail = response.body["detail"].as_str().unwrap();
    assert!(detail.starts_with("searches[1]: "), "{detail}");
}

#[test]
fn facets_count_documents_that_match_the_filter() {
    let facets = get("/v1/facets?facets=country&facets=year&facets=topics").body;
    let values = |body: &Value, field: usize| -> Vec<(String, u64, u64)> {
        let values = body["facets"][field]["values"].as_array().unwrap().iter();
        values
            .map(|v| {
                let count = |name: &str| v[name].as_u64().unwrap();
                (
                    v["value"].as_str().unwrap().to_owned(),
                    count("documents"),
                    count("passages"),
                )
            })
            .collect()
    };
    assert_eq!(values(&facets, 0)[0], ("MDV".to_owned(), 2, 4));
    assert_eq!(
        values(&facets, 0).len(),
        4,
        "documents without a country are not counted"
    );
    assert_eq!(values(&facets, 1).len(), 5);
    assert_eq!(values(&facets, 2).len(), 2);
    let body = json!({"query": "veto", "facets": ["country"], "filter": {"date": {"from": "2016"}}, "limit": 1});
    let filtered = search(&body);
    let by_url = get("/v1/facets?facets=country&date=2016..").body;
    assert_eq!(filtered["facets"], by_url["facets"]);
    assert_eq!(values(&by_url, 0).len(), 4);
    assert_eq!(get("/v1/facets").body["facets"][2]["field"], "year");
    get("/v1/facets?facets=colour").assert_problem(400, "unknown_field", Some("facets"));
    get("/v1/facets?colour=red").assert_problem(400, "unknown_field", Some("colour"));
}

#[test]
fn context_embedding_and_explanation_are_optional() {
    let body = json!({"query": "rising seas", "limit": 1, "include": ["context", "embedding", "explain"], "filter": {"country": "MDV"}});
    let response = search(&body);
    let hit = &response["hits"][0];
    assert_eq!(hit["passage"], "sea-1#p1");
    assert!(hit["context"]["previous"].is_null());
    assert_eq!(hit["context"]["next"]["id"], "sea-1#p2");
    assert_eq!(hit["embedding"].as_array().unwrap().len(), 384);
    assert_eq!(response["explain"]["filtered"], 4);
    assert!(response["explain"]["evaluations"].as_u64().unwrap() >= 4);
    let plain = search(&json!({"query": "rising seas", "limit": 1}));
    assert!(plain["explain"].is_null() && plain["hits"][0]["embedding"].is_null());
}

#[test]
fn a_semantic_score_is_the_mean_of_passage_and_best_sentence() {
    let answer = search(&json!({"query": "the price of tea", "limit": 5}));
    for hit in answer["hits"].as_array().unwrap() {
        let number = |value: &Value| value.as_f64().unwrap();
        let mean = f64::midpoint(
            number(&hit["passage_score"]),
            number(&hit["sentence"]["score"]),
        );
        assert!((number(&hit["score"]) - mean).abs() < 1e-6, "{hit}");
    }
    let keyword = search(&json!({"query": "tea", "mode": "keyword"}));
    assert!(keyword["hits"][0]["passage_score"].is_null());
}

#[test]
fn hits_below_min_score_are_left_out() {
    let all = search(&json!({"query": "tea", "limit": 100}));
    let third = all["hits"][2]["score"].as_f64().unwrap();
    let some = search(&json!({"query": "tea", "limit": 100, "min_score": third}));
    assert_eq!(some["hits"].as_array().unwrap().len(), 3);
}

#[test]
fn an_unreachable_min_score_is_rejected() {
    let ask = |mode: &str, weight: f64, min_score: f64| {
        let body = json!({
            "query": "price of tea", "mode": mode, "semantic_weight": weight, "min_score": min_score
        });
        post("/v1/search", &body)
    };
    for weight in [0.0, 0.3, 0.5, 1.0] {
        let all = ask("hybrid", weight, 0.0).body;
        let best = all["hits"][0]["score"].as_f64().unwrap();
        assert!(best <= 1.0, "{weight}");
        let some = ask("hybrid", weight, best - 1e-6).body;
        assert_eq!(found(&some), [all["hits"][0]["passage"].as_str().unwrap()]);
        let response = ask("hybrid", weight, 1.01);
        response.assert_problem(400, "parameter_out_of_range", Some("min_score"));
        let detail = response.body["detail"].as_str().unwrap();
        assert!(detail.contains("expected at most 1"), "{detail}");
    }
    ask("semantic", 0.5, 1.01).assert_problem(400, "parameter_out_of_range", Some("min_score"));
    assert_eq!(ask("semantic", 0.5, 1.0).body["hits"], json!([]));
    assert_eq!(ask("keyword", 0.5, 1e6).body["hits"], json!([]));
}

#[test]
fn equal_requests_get_equal_responses() {
    let body = json!({"query": "sea and veto", "mode": "hybrid", "facets": ["year"], "include": ["explain", "context"]});
    let strip = |mut body: Value| {
        body.as_object_mut().unwrap().remove("timing_ms");
        body.to_string()
    };
    let first = strip(search(&body));
    let uncached = send_with(
        "POST",
        SERVED.server,
        "/v1/search",
        &[("cache-control", "no-store")],
        Some(&body.to_string()),
    );
    assert_eq!(strip(uncached.body), first);
    assert_eq!(strip(search(&body)), first);
}

#[test]
fn invalid_searches_name_the_field() {
    for (body, code, field) in [
        (json!({}), "missing_field", "query"),
        (
            json!({"query": "a", "like": ["b"]}),
            "query_and_examples",
            "like",
        ),
        (json!({"unlike": ["b"]}), "invalid_examples", "like"),
        (
            json!({"like": ["b"], "mode": "keyword"}),
            "invalid_examples",
            "mode",
        ),
        (json!({"like": "b"}), "wrong_type", "like"),
        (json!({"query": "a", "mode": "magic"}), "wrong_type", "mode"),
        (
            json!({"query": "a", "diversity": 2}),
            "parameter_out_of_range",
            "diversity",
        ),
        (
            json!({"query": "a", "semantic_weight": -1}),
            "parameter_out_of_range",
            "semantic_weight",
        ),
        (
            json!({"query": "a", "group_by": "speaker", "group_size": 0}),
            "parameter_out_of_range",
            "group_size",
        ),
        (
            json!({"query": "a", "filter": []}),
            "invalid_filter",
            "filter",
        ),
        (
            json!({"query": "a", "filter": {"date": "soon"}}),
            "invalid_filter",
            "filter.date",
        ),
        (
            json!({"query": "a", "filter": {"date": {"from": "2016", "to": "2015"}}}),
            "invalid_filter",
            "filter.date",
        ),
        (
            json!({"query": "a", "filter": {"not": {"year": "banana"}}}),
            "invalid_filter",
            "filter.not.year",
        ),
        (
            json!({"query": "a", "filter": {"speaker": []}}),
            "invalid_filter",
            "filter.speaker",
        ),
        (
            json!({"query": "a", "filter": {"country": {"a": 1}}}),
            "invalid_filter",
            "filter.country",
        ),
        (
            json!({"query": "a", "filter": {"not": {"colour": "red"}}}),
            "unknown_field",
            "filter.colour",
        ),
        (
            json!({"query": "a", "facets": ["colour"]}),
            "unknown_field",
            "facets",
        ),
        (
            json!({"query": "a", "include": ["everything"]}),
            "wrong_type",
            "include[0]",
        ),
        (
            json!({"query": "a", "timeout_ms": -1}),
            "wrong_type",
            "timeout_ms",
        ),
        (
            json!({"query": "a", "min_score": "high"}),
            "wrong_type",
            "min_score",
        ),
        (
            json!({"query": "a", "mode": "hybrid", "offset": 999}),
            "offset_out_of_range",
            "offset",
        ),
        (
            json!({"query": "a", "colour": "red"}),
            "unknown_field",
            "colour",
        ),
    ] {
        post("/v1/search", &body).assert_problem(400, code, Some(field));
    }
}

#[test]
fn unsatisfiable_filters_are_rejected_on_every_route() {
    let backwards = json!({"date": {"from": "2015-10", "to": "2015-09"}});
    let body = json!({"source": backwards, "target": {"speaker": []}});
    post("/v1/parallels", &body).assert_problem(400, "invalid_filter", Some("source.date"));
    let body = json!({"target": {"year": "MMXV"}});
    post("/v1/parallels", &body).assert_problem(400, "invalid_filter", Some("target.year"));
    let body = json!({ "filter": backwards });
    post("/v1/families", &body).assert_problem(400, "invalid_filter", Some("filter.date"));
    for route in ["/v1/documents", "/v1/facets", "/v1/search?q=peace"] {
        let separator = if route.contains('?') { '&' } else { '?' };
        let response = get(&format!("{route}{separator}date=2015-10..2015-09"));
        response.assert_problem(400, "invalid_filter", Some("date"));
        let detail = response.body["detail"].as_str().unwrap();
        assert!(detail.contains("2015-10 to 2015-09"), "{detail}");
        assert_eq!(get(&format!("{route}{separator}year=2999")).status, 200);
    }
    let none = post(
        "/v1/search",
        &json!({"query": "peace", "filter": {"year": 2999}}),
    );
    assert_eq!(none.body["hits"], json!([]), "no document has this year");
}

#[test]
fn invalid_urls_name_the_parameter() {
    for (query, code, field) in [
        ("", "missing_field", "q"),
        ("q=a&q=b", "wrong_type", "q"),
        ("q=a&limit=ten", "wrong_type", "limit"),
        ("q=a&exact=maybe", "wrong_type", "exact"),
        ("q=a&filter=%7B", "invalid_filter", "filter"),
        ("q=a&date=2015..soon", "invalid_filter", "date"),
        ("q=a&date=2015..2014", "invalid_filter", "date"),
        ("q=a&year=banana", "invalid_filter", "year"),
        ("q=a&country=", "invalid_filter", "country"),
        ("q=a&colour=red", "unknown_field", "colour"),
        ("q=a&limit=1e400", "wrong_type", "limit"),
    ] {
        get(&format!("/v1/search?{query}")).assert_problem(400, code, Some(field));
    }
    assert_eq!(
        get("/v1/search?q=2015&mode=keyword").status,
        200,
        "a number is a term"
    );
    let problem = post(
        "/v1/search",
        &json!({"query": "a", "filter": {"colour": "red"}}),
    )
    .body;
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("speaker, country")
    );
    assert!(problem["detail"].as_str().unwrap().contains("session"));
}

#[test]
fn passages_are_cited_in_every_style() {
    let cite = |style: &str| get(&format!("/v1/passages/sea-1%23p1/citation?style={style}"));
    let csl = cite("csl-json");
    assert_eq!(csl.status, 200);
    assert_eq!(csl.body[0]["id"], "sea-1#p1");
    assert!(
        csl.body[0]["URL"]
            .as_str()
            .unwrap()
            .ends_with("/read/sea-1#p1")
    );
    assert_eq!(
        cite("bibtex").header("content-type"),
        "application/x-bibtex; charset=utf-8"
    );
    for style in ["text", "ris"] {
        assert_eq!(cite(style).status, 200, "{style}");
    }
    cite("apa").assert_problem(400, "wrong_type", Some("style"));
    get("/v1/passages/sea-1%23p1/citation?stile=ris").assert_problem(
        400,
        "unknown_field",
        Some("stile"),
    );
    get("/v1/passages/sea-1%23p9/citation").assert_problem(404, "passage_not_found", Some("id"));
}
