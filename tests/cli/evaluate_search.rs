//! `antiphon evaluate --qrels`, over a small test collection.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::{failure, run, stdout};

const DOCUMENTS: [(&str, &str); 5] = [
    ("tea", "The price of tea has doubled this year."),
    ("coffee", "Coffee growers ask for a fair price of coffee."),
    ("sea", "Rising seas threaten the islands of the Pacific."),
    ("ice", "The glaciers melt, and the oceans rise."),
    ("war", "The war must end at the negotiating table."),
];

/// Indexes a collection in BEIR's layout, with judgements of documents and of passages.
fn collection() -> TempDir {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let lines = DOCUMENTS.map(|(id, text)| format!(r#"{{"_id": "{id}", "text": "{text}"}}"#));
    fs::write(path("corpus.jsonl"), lines.join("\n")).unwrap();
    let queries = r#"{"_id": "q1", "text": "what tea costs"}
{"_id": "q2", "text": "sea level rise", "metadata": {}}
{"_id": "q3", "text": "never judged"}
{"_id": "q4", "text": "nothing is relevant"}"#;
    fs::write(path("queries.jsonl"), queries).unwrap();
    fs::create_dir(path("qrels")).unwrap();
    let qrels = "query-id\tcorpus-id\tscore\nq1\ttea\t2\nq1\tcoffee\t1\nq2\tsea\t1\nq2\tice\t1\nq2\tgone\t1\nq4\ttea\t0\n";
    fs::write(path("qrels/test.tsv"), qrels).unwrap();
    fs::write(path("qrels/dev.tsv"), "q1\ttea\t1\n").unwrap();
    let graded =
        r#"{"query": "sea level rise", "grades": {"sea#p7": 3, "ice#p1": 2, "tea#p1": 0}}"#;
    fs::write(path("dev_relevance.jsonl"), graded).unwrap();
    // Where passages were cut otherwise, the text finds them.
    let judged =
        r#"{"passage": "sea#p7", "text": "Rising seas threaten the islands of the Pacific."}"#;
    fs::write(path("dev_passages.jsonl"), judged).unwrap();
    stdout(&run(&folder, &["index", "corpus.jsonl"]));
    folder
}

fn report(folder: &TempDir, arguments: &[&str]) -> Value {
    let arguments = [&["evaluate", "--json", "--qrels"], arguments].concat();
    serde_json::from_str(&stdout(&run(folder, &arguments))).unwrap()
}

#[test]
fn every_mode_is_measured_on_judged_documents() {
    let folder = collection();
    let evaluated = report(&folder, &["."]);
    assert_eq!(evaluated["unit"], "document");
    assert_eq!(evaluated["judgements"], "test.tsv");
    assert_eq!(evaluated["missing"], 1, "document `gone`");
    assert_eq!(evaluated["queries_without_relevant"], 1, "query q4");
    assert_eq!(evaluated["queries"].as_array().unwrap().len(), 2);
    let modes = evaluated["modes"].as_array().unwrap();
    let names: Vec<&Value> = modes.iter().map(|mode| &mode["mode"]).collect();
    assert_eq!(names, ["semantic", "keyword", "hybrid"]);
    for metric in ["ndcg_at_10", "recall_at_100", "mrr"] {
        let semantic = &modes[0][metric];
        assert!(semantic["mean"].as_f64().unwrap() > 0.9, "{semantic}");
        assert!(semantic["low"].as_f64() <= semantic["mean"].as_f64());
        assert!(semantic["high"].as_f64() >= semantic["mean"].as_f64());
    }

    let path = folder.path().join("old.json");
    fs::write(path, evaluated.to_string()).unwrap();
    let again = report(&folder, &["qrels/test.tsv", "--compare", "old.json"]);
    assert_eq!(again["modes"], evaluated["modes"], "the same in every run");
    let change = &again["changes"][0];
    assert_eq!(change["queries"], 2);
    assert_eq!(change["ndcg_at_10"]["difference"]["mean"], 0.0);
    let arguments = ["evaluate", "--qrels", ".", "--compare", "old.json"];
    let text = stdout(&run(&folder, &arguments));
    assert!(
        text.contains("test.tsv: 2 queries, 4 judgements of documents"),
        "{text}"
    );
    assert!(text.contains("0 of 2 better, 0 worse"), "{text}");
}

#[test]
fn judged_passages_are_found_by_their_text() {
    let folder = collection();
    let options = [
        "dev_relevance.jsonl",
        "--mode",
        "semantic",
        "--min-grade",
        "2",
    ];
    let exponential = report(&folder, &options);
    assert_eq!(exponential["unit"], "passage");
    assert_eq!(exponential["missing"], 0);
    let semantic = &exponential["modes"][0];
    assert_eq!(semantic["recall_at_100"]["mean"], 1.0);
    assert_eq!(semantic["judged_at_10"], 0.6, "three of five");
    let ndcg = |report: &Value| report["modes"][0]["ndcg_at_10"]["mean"].as_f64().unwrap();
    let linear = report(&folder, &[&options[..], &["--gain", "linear"]].concat());
    assert!(ndcg(&exponential) > 0.5 && ndcg(&linear) >= ndcg(&exponential));
}

#[test]
fn a_faulty_collection_is_explained() {
    let folder = collection();
    let path = |name: &str| folder.path().join(name);
    let message = |arguments: &[&str]| {
        failure(&run(
            &folder,
            &[&["evaluate", "--qrels"], arguments].concat(),
        ))
    };
    assert!(message(&["absent"]).contains("cannot read absent"));
    assert!(message(&["data"]).contains("has no folder qrels; expected a folder in BEIR's layout"));
    fs::write(path("qrels/bad.tsv"), "q1\ttea\n").unwrap();
    assert!(message(&["qrels/bad.tsv"]).contains("line 1: 2 cells; expected query id"));
    fs::write(path("qrels/bad.tsv"), "q1\ttea\tmuch\n").unwrap();
    assert!(message(&["qrels/bad.tsv"]).contains("grade \"much\"; expected an integer"));
    fs::write(path("qrels/bad.tsv"), "q9\ttea\t1\n").unwrap();
    assert!(message(&["qrels/bad.tsv"]).contains("query \"q9\"; expected the id of a query"));
    fs::write(path("qrels/bad.tsv"), "q1\tgone\t1\n").unwrap();
    let foreign = message(&["qrels/bad.tsv"]);
    assert!(
        foreign.contains("index the corpus of the judgements first"),
        "{foreign}"
    );
    fs::write(path("bad.jsonl"), "{\"query\": 1}\n").unwrap();
    assert!(message(&["bad.jsonl"]).contains("bad.jsonl, line 1: "));
    assert!(message(&[".", "--min-grade", "3"]).contains("no query has a judgement of grade 3"));
    assert!(message(&[".", "--semantic-weight", "2"]).contains("expected 0 to 1"));
    fs::write(path("old.json"), "{}").unwrap();
    let compared = message(&[".", "--compare", "old.json"]);
    assert!(
        compared.contains("old.json is not a report of"),
        "{compared}"
    );
    let old = report(&folder, &["."]);
    fs::write(path("old.json"), old.to_string()).unwrap();
    let other = message(&["dev_relevance.jsonl", "--compare", "old.json"]);
    assert!(other.contains("no query and mode in common"), "{other}");
}
