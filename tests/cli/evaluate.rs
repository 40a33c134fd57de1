//! `antiphon evaluate`, over small gold files.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::{failure, run, stdout};

/// Statements in two versions.
const VERSIONS: [(&str, &str); 12] = [
    (
        "The harbour freezes every winter and no ship can leave.",
        "Each winter the port is locked in ice, so ships stay where they are.",
    ),
    (
        "We will build ten schools in the northern villages.",
        "Ten new schools shall rise in the villages of the north.",
    ),
    (
        "Farmers need seed before the rains come.",
        "Before the rain falls, those who till the land must have seed.",
    ),
    (
        "No state may spy on the citizens of another.",
        "It is forbidden for a country to spy on people of another country.",
    ),
    (
        "My grandmother taught me to read by candlelight.",
        "I learnt reading from my grandmother, by the light of a candle.",
    ),
    (
        "The new bridge shortens the way to the market by an hour.",
        "Thanks to the new bridge one reaches the market an hour sooner.",
    ),
    (
        "Vaccines must reach every child, rich or poor.",
        "Every child has to be vaccinated, whether poor or rich.",
    ),
    (
        "The orchestra played without a conductor last night.",
        "Last evening the musicians performed with nobody conducting them.",
    ),
    (
        "Rising seas threaten our islands with ruin.",
        "Our islands may be destroyed by the ocean that is rising.",
    ),
    (
        "The court found that the treaty was still in force.",
        "According to the judges the treaty had not lost its force.",
    ),
    (
        "Her bakery sells two hundred loaves a day.",
        "Two hundred loaves of bread leave her bakery daily.",
    ),
    (
        "Satellites now measure how fast the glaciers melt.",
        "How quickly glaciers are melting is measured from satellites today.",
    ),
];

/// Creates both kinds of gold file in a temporary folder.
fn gold() -> TempDir {
    let folder = TempDir::new().unwrap();
    // The last text exceeds the model's maximum length.
    let long = "and the sea went on and on ".repeat(60);
    let mut versions = vec!["ref\tOne\tOther".to_owned()];
    let mut pairs = vec![
        "3\tA dog sleeps.\tA cat sleeps.".to_owned(),
        format!("0\tThe price of salt has doubled.\tShe left early, {long}."),
    ];
    for (row, (one, other)) in VERSIONS.iter().enumerate() {
        let (next, _) = VERSIONS[(row + 5) % VERSIONS.len()];
        versions.push(format!("{row}\t{one}\t{other}"));
        pairs.push(format!("4.5\t{one}\t{other}\n0.5\t{next}\t{other}"));
    }
    let (versions, pairs) = (versions.join("\n"), pairs.join("\n"));
    fs::write(folder.path().join("versions.tsv"), versions).unwrap();
    fs::write(folder.path().join("pairs.tsv"), pairs).unwrap();
    folder
}

#[test]
fn every_signal_is_measured_and_a_calibration_is_fitted_on_one_half() {
    let folder = gold();
    let arguments = [
        "evaluate",
        "--gold",
        "pairs.tsv",
        "--gold",
        "versions.tsv",
        "--json",
    ];
    let report: Value = serde_json::from_str(&stdout(&run(&folder, &arguments))).unwrap();
    let names: Vec<&str> = report["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["name"].as_str().unwrap())
        .collect();
    let expected = ["pairs", "One to Other", "One to Other, paragraphs of 3"];
    assert_eq!(names, expected);
    let labelled = &report["tasks"][0];
    assert_eq!(labelled["pairs"], 25);
    assert_eq!(labelled["same"], 12);
    assert_eq!(labelled["undecided"], 1);
    assert_eq!(labelled["truncated"], 1);
    assert!(labelled["signals"][0]["retrieval"].is_null());
    let versions = &report["tasks"][1];
    assert_eq!(versions["sources"], 12);
    assert_eq!(versions["same"], 12);
    let signals = versions["signals"].as_array().unwrap();
    assert_eq!(signals.len(), 8);
    assert_eq!(signals[0]["signal"], "bm25");
    for signal in signals {
        let recall = signal["retrieval"]["recall_at_1"].as_f64().unwrap();
        assert!((0.5..=1.0).contains(&recall), "{signal}");
        let precision = signal["separation"]["average_precision"].as_f64().unwrap();
        assert!((0.5..=1.0).contains(&precision), "{signal}");
    }
    // Four paragraphs on each side; three of four share a statement.
    assert_eq!(report["tasks"][2]["same"], 12);
    assert_eq!(report["tasks"][2]["pairs"], 16);
    assert_eq!(report["items"], "all");
    assert!(report["fitted"].is_null());

    let fitted = [&arguments[..], &["--fit"]].concat();
    let report: Value = serde_json::from_str(&stdout(&run(&folder, &fitted))).unwrap();
    assert_eq!(report["items"], "odd");
    assert!(report["fitted"]["slope"].as_f64().unwrap() > 0.0);
    assert_eq!(report["tasks"][1]["same"], 6);
    let bins = &report["tasks"][1]["fitted"]["reliability"]["bins"];
    let pairs = bins.as_array().unwrap().iter();
    let pairs: u64 = pairs.map(|bin| bin["pairs"].as_u64().unwrap()).sum();
    assert_eq!(Some(pairs), report["tasks"][1]["pairs"].as_u64());
}

#[test]
fn the_printed_table_starts_with_the_baselines() {
    let folder = gold();
    let arguments = [
        "evaluate",
        "--gold",
        "versions.tsv",
        "--paragraph-size",
        "5",
        "--fit",
    ];
    let text = stdout(&run(&folder, &arguments));
    let baseline = text.find("* BM25").unwrap();
    assert!(baseline < text.find("  margin").unwrap());
    assert!(
        text.contains("Fitted: Calibration { lexical_weight: "),
        "{text}"
    );
    assert!(
        text.contains("Skipped: versions: paragraphs of 5"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "no colours into a pipe");
    assert_eq!(text, stdout(&run(&folder, &arguments)), "repeatable");
}

#[test]
fn errors_in_gold_files_are_reported() {
    let folder = TempDir::new().unwrap();
    let cases = [
        ("empty.tsv", "", "line 1: an empty file; expected"),
        ("words.tsv", "Once upon a time\n", "\"Once upon a time\""),
        (
            "short.tsv",
            "ref\tA\tB\n1\ta\tb\n2\tc\n",
            "line 3: 2 columns",
        ),
        ("one.tsv", "ref\tA\tB\n1\ta\tb\n", "at least 2 rows"),
    ];
    for (name, text, expected) in cases {
        fs::write(folder.path().join(name), text).unwrap();
        let message = failure(&run(&folder, &["evaluate", "--gold", name]));
        assert!(
            message.contains(name) && message.contains(expected),
            "{message}"
        );
    }
    let message = failure(&run(&folder, &["evaluate", "--gold", "absent.tsv"]));
    assert!(message.contains("absent.tsv: "), "{message}");
    fs::write(folder.path().join("few.tsv"), "1\ta b\tc d\n0\te f\tg h\n").unwrap();
    let message = failure(&run(&folder, &["evaluate", "--gold", "few.tsv", "--fit"]));
    assert!(
        message.contains("expected more pairs of both classes"),
        "{message}"
    );
    let output = run(
        &folder,
        &["evaluate", "--gold", "few.tsv", "--paragraph-size", "1"],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(failure(&output).contains("expected 2 to 20"));
}
