//! Long comparisons: where they run, and how they are cancelled.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::{ParallelsServer, SHARED_SERVER, post};
use super::*;
use crate::support::client::send;
use crate::support::process;

#[test]
fn a_disconnected_client_frees_its_slot() {
    let body = json!({"min_score": -1, "min_confidence": 0, "formulas": "include"}).to_string();
    for _ in 0..6 {
        let mut stream = TcpStream::connect(SHARED_SERVER.server).unwrap();
        write!(
            stream,
            "POST /v1/parallels HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
        let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        if head[0].starts_with("HTTP/1.1 503") {
            // The disconnected clients have not been noticed yet; the response says when to retry.
            let later = |line: &String| line.to_lowercase().starts_with("retry-after:");
            assert!(head.iter().any(later), "{head:?}");
        } else {
            assert!(head[0].starts_with("HTTP/1.1 200"), "{head:?}");
        }
    }
    // The next client is served once they have been noticed.
    assert_eq!(post("/v1/families", &json!({})).status, 200);
}

/// Two documents of seventy passages, each with a number of its own in a common text.
fn long_speeches() -> [Value; 2] {
    ["north", "south"].map(|id| json!({"id": id, "text": long_speech(id)}))
}

fn long_speech(kind: &str) -> String {
    let passage = |number: usize| {
        format!(
            "In the {kind} of district {number} our engineers finished bridge number {number} before the winter. Trains now reach the copper mines within a day, and the villages along the line have asked for stations, schools and a doctor of their own, {number} in all."
        )
    };
    (0..70).map(passage).collect::<Vec<_>>().join("\n\n")
}

/// A request that returns every pair of passages.
fn unfiltered_request() -> Value {
    json!({"min_score": -1, "min_confidence": 0, "min_margin": 0, "formulas": "include", "exact": true})
}

/// Starts a stream larger than all buffers as soon as a permit is free, and reads only its head.
fn begin_stream(server: SocketAddr, request: &Value) -> impl BufRead + use<> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    loop {
        let call = agent.post(format!("http://{server}/v1/parallels"));
        let call = call.header("content-type", "application/json");
        let response = call.send(request.to_string()).unwrap();
        if response.status() == 200 {
            return BufReader::new(response.into_body().into_reader());
        }
        assert_eq!(response.status(), 503);
        sleep(Duration::from_millis(20));
    }
}

/// Reads the remaining lines of a stream.
fn remaining_lines(stream: impl BufRead) -> Vec<Value> {
    let lines = stream.lines().map(Result::unwrap);
    lines
        .map(|line| serde_json::from_str(&line).unwrap())
        .collect()
}

/// Returns the passages of the pairs in these lines.
fn pair_passages(lines: &[Value]) -> Vec<(String, String)> {
    let name = |side: &Value| side["passage"].as_str().unwrap().to_owned();
    let pairs = lines
        .iter()
        .map(|line| &line["parallel"])
        .filter(|pair| !pair.is_null());
    pairs
        .map(|pair| (name(&pair["source"]), name(&pair["target"])))
        .collect()
}

#[test]
fn a_stream_ended_by_shutdown_resumes_in_the_next_process() {
    let folder = TempDir::new().unwrap();
    let corpus = folder.path().join("corpus");
    fs::create_dir(&corpus).unwrap();
    let lines = long_speeches()
        .map(|document| document.to_string())
        .join("\n");
    fs::write(corpus.join("corpus.jsonl"), lines).unwrap();
    let arguments = ["--corpus", corpus.to_str().unwrap()];
    // Long enough for slow machines.
    let settings = [("ANTIPHON_SHUTDOWN_GRACE_SECONDS", "120")];
    let served = process::ServeProcess::start(&folder, &arguments, &settings);
    let stream = begin_stream(served.address, &unfiltered_request());
    served.signal("TERM");
    while send("GET", served.address, "/readyz", None).status == 200 {
        sleep(Duration::from_millis(5));
    }
    let first = remaining_lines(stream);
    let end = &first.last().unwrap()["end"];
    assert_eq!(end["complete"], false, "{end}");
    let log = served.wait_for_success();
    assert!(!log.contains("were not answered"), "{log}");

    let served = process::ServeProcess::start(&folder, &arguments, &[]);
    let whole = pair_passages(&remaining_lines(begin_stream(
        served.address,
        &unfiltered_request(),
    )));
    let mut request = unfiltered_request();
    request["cursor"] = end["next_cursor"].clone();
    let second = remaining_lines(begin_stream(served.address, &request));
    assert_eq!(second.last().unwrap()["end"]["complete"], true);
    let (first, second) = (pair_passages(&first), pair_passages(&second));
    assert!(!second.is_empty());
    assert_eq!([first, second].concat(), whole);
}

#[test]
fn the_first_comparison_of_a_snapshot_runs_in_the_background() {
    let [north, south] = long_speeches();
    let served = ParallelsServer::start(&[
        json!({"id": "alpha", "text": SEA}),
        json!({"id": "beta", "text": SEA_AGAIN}),
        north,
        south,
    ]);
    // Exhaustive streams have a context of their own, so they do not fill the shared one.
    let occupy_both = || [(); 2].map(|()| begin_stream(served.server, &unfiltered_request()));
    let short = [
        "/v1/passages/alpha%23p1/parallels",
        "/v1/documents/alpha/parallels/beta",
    ];
    let two = occupy_both();
    for path in short {
        let response = send("GET", served.server, path, None);
        response.assert_problem(503, "overloaded", None);
    }
    drop(two);
    assert_eq!(served.ask("GET", short[0], None).status, 200);
    let _two = occupy_both();
    for path in short {
        let response = send("GET", served.server, path, None);
        assert_eq!(response.status, 200, "{}", response.body);
    }
}

#[test]
fn two_long_documents_are_compared_in_the_background_with_the_same_answer() {
    let served = ParallelsServer::start(&long_speeches());
    let path = "/v1/documents/north/parallels/south?limit=10000";
    let response = served.ask("GET", path, None);
    assert_eq!(response.status, 200, "{}", response.body);
    let context = CorpusContext::new(Arc::clone(&served.snapshot), false);
    let expected = compare(
        &context,
        ("north", "south"),
        PairThresholds::default(),
        false,
    )
    .unwrap();
    assert!(
        expected.compared_pairs > 4_000,
        "{}",
        expected.compared_pairs
    );
    assert_eq!(response.body["compared"], expected.compared_pairs);
    let parallels = response.body["parallels"].as_array().unwrap().iter();
    let name = |side: &Value| side["passage"].as_str().unwrap().to_owned();
    let pairs = parallels.map(|pair| (name(&pair["source"]), name(&pair["target"])));
    assert_eq!(pairs.collect::<Vec<_>>(), ids(&context, &expected.pairs));
    // Disconnected clients release their permits.
    for _ in 0..4 {
        let mut stream = TcpStream::connect(served.server).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    }
    assert_eq!(served.ask("GET", path, None).status, 200);
}

#[test]
fn a_cancelled_comparison_ends() {
    let (context, _data) = corpus_context(&corpus());
    let checks = AtomicUsize::new(0);
    let should_continue = || checks.fetch_add(1, Ordering::SeqCst) < 2;
    let thresholds = PairThresholds::default();
    let found = compare_cancellable(
        &context,
        ("alpha", "beta"),
        thresholds,
        false,
        &should_continue,
    );
    assert!(matches!(found, Err(ParallelsError::Cancelled)));
    assert_eq!(checks.into_inner(), 3, "at every passage");
}

#[test]
fn a_cancelled_corpus_comparison_ends_at_any_step() {
    let (context, _data) = corpus_context(&corpus());
    let comparison =
        || CorpusComparison::new(&context, &Scope::default(), Thresholds::default()).unwrap();
    let checks = AtomicUsize::new(0);
    let never_cancelled = || checks.fetch_add(1, Ordering::SeqCst) < usize::MAX;
    let whole = comparison()
        .with_cancellation(&never_cancelled)
        .compare_all(&NoCorpusObserver)
        .unwrap();
    let all = checks.into_inner();
    // At every passage and every candidate pair.
    assert!(all > whole.passages, "{all} of {}", whole.passages);
    for step in [0, 1, all / 2, all - 1] {
        let checks = AtomicUsize::new(0);
        let should_continue = || checks.fetch_add(1, Ordering::SeqCst) < step;
        let found = comparison()
            .with_cancellation(&should_continue)
            .compare_all(&NoCorpusObserver);
        assert!(matches!(found, Err(ParallelsError::Cancelled)), "{step}");
    }
    let sources = comparison().sources();
    let found = comparison()
        .with_cancellation(&|| false)
        .closest_among(&sources);
    assert!(matches!(found, Err(ParallelsError::Cancelled)));
}
