//! The commands, run in a shell's way: as processes of their own.

mod bench_http;
mod evaluate;
mod evaluate_search;
mod exports;
mod help;

use std::fs;
use std::process::{Command, Output};

use antiphon::store::View;
use serde_json::Value;
use tempfile::TempDir;

use crate::support;
use crate::support::process::{ServeProcess, antiphon};

fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    support::model_folder();
    antiphon(folder, arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn failure(output: &Output) -> String {
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn sample() -> String {
    support::root().join("corpus").display().to_string()
}

#[test]
fn index_reports_and_search_finds() {
    let folder = TempDir::new().unwrap();
    let report = stdout(&run(&folder, &["index", &sample()]));
    assert!(report.contains("Read 2 documents"), "{report}");
    assert!(report.contains("navigation"), "{report}");
    let json = stdout(&run(
        &folder,
        &["search", "sovereignty in cyberspace", "--json", "-n", "3"],
    ));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["hits"].as_array().unwrap().len(), 3);
    assert_eq!(json["provenance"]["documents"], 2);
    let text = stdout(&run(
        &folder,
        &["search", "sovereignty in cyberspace", "-n", "3"],
    ));
    assert!(text.contains("chatham-house-cyber-2016#p"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours in a pipe");
}

#[test]
fn search_indexes_the_corpus_if_the_store_is_empty() {
    let folder = TempDir::new().unwrap();
    let json = stdout(&run(
        &folder,
        &["search", "global village", "--json", "--corpus", &sample()],
    ));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(
        json["hits"][0]["text"]
            .as_str()
            .unwrap()
            .contains("global village")
    );
}

#[test]
fn exported_vectors_are_the_stored_ones() {
    let folder = TempDir::new().unwrap();
    stdout(&run(&folder, &["index", &sample()]));
    stdout(&run(&folder, &["export", "vectors", "--out", "v.npy"]));
    let ids = fs::read_to_string(folder.path().join("v.ids.txt")).unwrap();
    let ids: Vec<&str> = ids.lines().collect();
    let bytes = fs::read(folder.path().join("v.npy")).unwrap();
    let array = npyz::NpyFile::new(&bytes[..]).unwrap();
    assert_eq!(array.shape(), [ids.len() as u64, 384]);
    let values: Vec<f32> = array.into_vec().unwrap();
    let view = antiphon::store::View::open(&folder.path().join("data")).unwrap();
    let document = "un-cyber-statement-2015".parse().unwrap();
    let text = view.passage(&document, 2).unwrap().unwrap().text;
    let row = ids
        .iter()
        .position(|id| *id == "un-cyber-statement-2015#p2")
        .unwrap();
    let expected = support::encoder().encode(&[&text]).unwrap().remove(0);
    for (a, b) in values[row * 384..].iter().zip(expected.as_slice()) {
        assert!((a - b).abs() < 1e-5);
    }
}

#[test]
fn bench_embed_reports_speed_and_fidelity() {
    let folder = TempDir::new().unwrap();
    let arguments = [
        "bench",
        "embed",
        &sample(),
        "--passages",
        "12",
        "--json",
        "--baseline",
        "--profile",
    ];
    let report: Value = serde_json::from_str(&stdout(&run(&folder, &arguments))).unwrap();
    assert_eq!(report["precision"], "int8");
    assert_eq!(report["batch"]["passages"], 12);
    assert!(report["fidelity"]["min_cosine"].as_f64().unwrap() > 0.99);
    assert!(report["single"][0]["tokenize_p50_ms"].as_f64().unwrap() > 0.0);
    let names: Vec<&str> = report["profile"][0]["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["name"].as_str().unwrap())
        .collect();
    let expected = [
        "embed",
        "project",
        "attend",
        "quantize_context",
        "output",
        "norm",
        "expand",
        "quantize_expanded",
        "contract",
        "pool",
    ];
    assert_eq!(names, expected);
    for side in [&report, &report["baseline"]] {
        let lengths: Vec<u64> = side["single"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["tokens"].as_u64().unwrap())
            .collect();
        assert_eq!(lengths, [8, 16, 32, 64, 128, 256]);
        assert!(side["batch"]["tokens_per_second"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn an_unknown_kernel_is_reported_with_the_available_ones() {
    let folder = TempDir::new().unwrap();
    support::model_folder();
    let output = antiphon(&folder, &["index", &sample()])
        .env("ANTIPHON_KERNEL", "abacus")
        .output()
        .unwrap();
    let message = failure(&output);
    assert!(
        message.contains("abacus") && message.contains("portable") && message.contains("candle"),
        "{message}"
    );
}

#[test]
fn candle_is_a_kernel_for_f32_only() {
    let folder = TempDir::new().unwrap();
    support::model_folder();
    let candle = |arguments: &[&str]| {
        antiphon(&folder, arguments)
            .env("ANTIPHON_KERNEL", "candle")
            .output()
            .unwrap()
    };
    let message = failure(&candle(&["index", &sample()]));
    assert!(message.contains("--precision f32"), "{message}");
    let bench = [
        "bench",
        "embed",
        "--passages",
        "1",
        "--json",
        "--precision",
        "f32",
    ];
    let output = candle(&[&bench[..], &[&sample()]].concat());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["kernel"], "candle");
}

#[test]
fn failures_say_what_to_do() {
    let folder = TempDir::new().unwrap();
    let message = failure(&run(&folder, &["search", "peace"]));
    assert!(message.contains("antiphon index PATH"), "{message}");
    fs::create_dir(folder.path().join("corpus")).unwrap();
    let message = failure(&run(
        &folder,
        &["search", "peace", "--data-dir", "misspelt"],
    ));
    assert!(message.contains("misspelt"), "{message}");
    fs::remove_dir(folder.path().join("corpus")).unwrap();
    let message = failure(&run(&folder, &["search", " "]));
    assert!(message.contains("the query is empty"), "{message}");
    let message = failure(&run(&folder, &["search", "peace", "-n", "0"]));
    assert!(message.contains("expected 1 to 1000"), "{message}");
    let message = failure(&run(&folder, &["index", "no-such-folder"]));
    assert!(message.contains("no-such-folder"), "{message}");
    let message = failure(&run(
        &folder,
        &["index", ".", "--model-dir", "no-such-model"],
    ));
    assert!(message.contains("no-such-model"), "{message}");
    let message = failure(&run(&folder, &["export", "vectors", "--out", "v.npy"]));
    assert!(message.contains("antiphon index PATH"), "{message}");
    fs::write(folder.path().join("antiphon.toml"), "data_dri = 'x'\n").unwrap();
    let message = failure(&run(&folder, &["search", "peace"]));
    assert!(
        message.contains("data_dri") && message.contains("data_dir"),
        "{message}"
    );
}

#[test]
fn an_absent_model_is_an_error_if_downloads_are_disabled() {
    let folder = TempDir::new().unwrap();
    let empty = folder.path().join("models");
    let output = antiphon(&folder, &["models", "fetch"])
        .env("ANTIPHON_MODEL_CACHE_DIR", empty)
        .output()
        .unwrap();
    let message = failure(&output);
    assert!(message.contains("offline mode is on"), "{message}");
}

#[test]
fn serve_prints_its_address_once_it_is_ready() {
    let folder = TempDir::new().unwrap();
    let served = ServeProcess::start(&folder, &["--corpus", &sample()], &[]);
    assert!(
        served.ready_lines[0].contains("2 documents"),
        "{:?}",
        served.ready_lines
    );
    let url = served.ready_lines[1].split('\'').nth(1).unwrap();
    let body = ureq::get(url)
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["hits"].as_array().unwrap().len(), 3);
    // A second process must not open the same store for writing.
    let message = failure(&run(&folder, &["index", &sample()]));
    assert!(message.contains("another Antiphon process"), "{message}");
}

#[test]
fn an_archive_is_not_mixed_with_the_samples() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("corpus")).unwrap();
    fs::write(
        folder.path().join("corpus/sample.txt"),
        "Not part of the archive.",
    )
    .unwrap();
    fs::write(
        folder.path().join("own.txt"),
        "Peace is the work of justice.",
    )
    .unwrap();
    stdout(&run(
        &folder,
        &["index", "own.txt", "--data-dir", "archive"],
    ));
    let served = ServeProcess::start(&folder, &["--data-dir", "archive"], &[]);
    assert!(
        served.ready_lines[0].contains("1 document,"),
        "{:?}",
        served.ready_lines
    );
}

#[test]
fn an_occupied_port_is_reported() {
    let folder = TempDir::new().unwrap();
    let occupied = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = occupied.local_addr().unwrap().to_string();
    let message = failure(&run(&folder, &["serve", "--listen", &address]));
    assert!(
        message.contains(&address) && message.contains("--listen"),
        "{message}"
    );
}

/// Returns the commit that an export in JSON Lines names, which is one of this checkout.
fn stated_commit(lines: &str) -> String {
    let begin: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    let commit = begin["begin"]["commit"].as_str().unwrap();
    if support::root().join(".git").exists() && std::env::var_os("BUILD_COMMIT").is_none() {
        assert_eq!(commit.len(), 12, "{commit}");
        let git = Command::new("git")
            .args(["cat-file", "-e", &format!("{commit}^{{commit}}")])
            .current_dir(support::root())
            .status();
        assert!(git.unwrap().success(), "{commit}");
    }
    commit.to_owned()
}

/// Checks that a file of lines contains the pairs that are printed as JSON, in the same form.
fn check_lines(file: &str, printed: &str) {
    let lines: Vec<Value> = file
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let printed: Value = serde_json::from_str(printed).unwrap();
    let expected = printed["parallels"].as_array().unwrap();
    let (begin, rest) = lines.split_first().unwrap();
    let (end, pairs) = rest.split_last().unwrap();
    let pairs: Vec<&Value> = pairs.iter().map(|line| &line["parallel"]).collect();
    assert!(!pairs.is_empty());
    assert_eq!(pairs, expected.iter().collect::<Vec<_>>());
    assert_eq!(begin["begin"]["provenance"], printed["provenance"]);
    for name in ["found", "compared", "superseded"] {
        assert_eq!(end["end"][name], printed[name], "{name}");
    }
}

#[test]
fn parallels_are_written_to_files() {
    let folder = TempDir::new().unwrap();
    stdout(&run(&folder, &["index", &sample()]));
    let both = ["chatham-house-cyber-2016", "un-cyber-statement-2015"];
    let write = |file: &str, more: &[&str]| {
        let arguments = [&["parallels", both[0], both[1], "--out", file], more].concat();
        stdout(&run(&folder, &arguments));
        fs::read_to_string(folder.path().join(file)).unwrap()
    };
    let changed = View::open(&folder.path().join("data")).unwrap();
    let changed = changed.modified_at().unwrap().unwrap();
    let commit = stated_commit(&write("pairs.jsonl", &[]));
    for file in ["pairs.csv", "pairs.xml", "pairs.html"] {
        let written = write(file, &[]);
        assert_eq!(written, write(file, &[]), "the same bytes every time");
        for expected in [
            both[0],
            both[1],
            &commit,
            &changed,
            "sentence-transformers/all-MiniLM-L6-v2",
            "international law",
        ] {
            assert!(written.contains(expected), "{file} lacks {expected}");
        }
        let none = write(
            file,
            &["--min-confidence", "1", "--min-alignment-score", "1000"],
        );
        assert!(none.contains("Closest pair:"), "{file}");
    }
    check_lines(
        &write("pairs.jsonl", &[]),
        &stdout(&run(
            &folder,
            &["parallels", both[0], both[1], "--json", "-n", "9999"],
        )),
    );
    let none = ["--min-confidence", "1", "--min-alignment-score", "1000"];
    let none = write("none.ndjson", &none);
    let end: Value = serde_json::from_str(none.lines().last().unwrap()).unwrap();
    assert!(end["end"]["closest"]["score"].as_f64().unwrap() < 1.0);
    assert_eq!(none.lines().count(), 2);
    let table = write("pairs.txt", &["--format", "csv"]);
    let mut table = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .from_reader(table.as_bytes());
    assert!(table.records().count() > 0);
    let all = [
        "parallels",
        "--all",
        "--min-confidence",
        "0.3",
        "--out",
        "all.csv",
    ];
    stdout(&run(&folder, &all));
    let all = fs::read_to_string(folder.path().join("all.csv")).unwrap();
    assert!(all.contains("# compared_passages,\"41\""), "{all}");
    let two = ["parallels", both[0], both[1], "--out"];
    let error = failure(&run(&folder, &[&two[..], &["pairs.docx"]].concat()));
    assert!(
        error.contains("pairs.docx") && error.contains(".csv"),
        "{error}"
    );
    let error = failure(&run(&folder, &[&two[..], &["nowhere/pairs.csv"]].concat()));
    assert!(error.contains("nowhere/pairs.csv"), "{error}");
}

#[test]
fn families_are_written_to_files() {
    let folder = TempDir::new().unwrap();
    let text = "Rising seas threaten the very existence of small island States, and our wells turn to salt.";
    let document = |id: &str, date: &str| serde_json::json!({"id": id, "date": date, "text": text});
    let lines = [("a", "2015"), ("b", "2013"), ("c", "2014-09")];
    let lines = lines.map(|(id, date)| document(id, date).to_string());
    fs::write(folder.path().join("corpus.jsonl"), lines.join("\n")).unwrap();
    stdout(&run(&folder, &["index", "corpus.jsonl"]));
    let write = |file: &str, more: &[&str]| {
        stdout(&run(
            &folder,
            &[&["families", "--out", file], more].concat(),
        ));
        fs::read_to_string(folder.path().join(file)).unwrap()
    };
    let commit = stated_commit(&write("families.jsonl", &[]));
    for file in [
        "families.csv",
        "families.html",
        "families.jsonl",
        "families.xml",
    ] {
        let written = write(file, &[]);
        assert_eq!(written, write(file, &[]), "the same bytes every time");
        for expected in ["b#p1", &commit, text] {
            assert!(written.contains(expected), "{file} lacks {expected}");
        }
        let none = write(file, &["--min-members", "4"]);
        assert!(!none.contains(text), "{file}");
    }
    let lines = write("families.ndjson", &["--count", "date"]);
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    let printed = stdout(&run(&folder, &["families", "--count", "date", "--json"]));
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(lines[1]["family"], printed["families"][0]);
    assert_eq!(lines[1]["family"]["first"][0], "b#p1");
    assert_eq!(lines[2]["end"]["pairs"], printed["pairs"]);
    let error = failure(&run(&folder, &["families", "--max-year-gap", "10001"]));
    assert!(
        error.contains("max_year_gap is 10001; expected 0 to 10000"),
        "{error}"
    );
}
