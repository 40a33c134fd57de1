//! The two bundled speeches.

use antiphon::engine::IngestOptions;
use antiphon::search::{self, CacheMode, Query, QueryEncoder, QueryParams};
use antiphon::store::DocumentRecord;
use tempfile::TempDir;

use crate::support;

fn documents() -> Vec<DocumentRecord> {
    let (engine, _data) = support::sample_engine();
    let snapshot = engine.snapshot().unwrap();
    snapshot
        .view()
        .documents(None, 10)
        .unwrap()
        .iter()
        .map(|summary| snapshot.view().document(&summary.id).unwrap().unwrap())
        .collect()
}

#[test]
fn ranges_match_passages_and_sentences() {
    let documents = documents();
    assert_eq!(documents.len(), 2);
    for document in &documents {
        let characters: Vec<char> = document.text.chars().collect();
        for passage in &document.passages {
            let range = passage.range.start..passage.range.end;
            assert_eq!(characters[range].iter().collect::<String>(), passage.text);
            for sentence in &passage.sentences {
                let text: String = characters[sentence.start..sentence.end].iter().collect();
                assert_eq!(passage.slice(*sentence), text);
                assert!(!text.trim().is_empty());
            }
        }
    }
}

#[test]
fn the_web_page_loses_its_navigation_and_nothing_else() {
    let documents = documents();
    let london = &documents[0];
    assert_eq!(london.summary.id.as_str(), "chatham-house-cyber-2016");
    let dropped: Vec<&str> = london
        .dropped
        .iter()
        .map(|d| d.first_words.as_str())
        .collect();
    assert!(
        dropped.iter().any(|d| d.starts_with("Ambassador Liu")),
        "{dropped:?}"
    );
    for absent in [
        "Former Ambassadors",
        "WeChat",
        "Suggest to a Friend",
        "All Rights Reserved",
    ] {
        assert!(!london.text.contains(absent), "{absent}");
    }
    for present in [
        "Keynote Speech by H.E Ambassador Liu",
        "Ladies and Gentlemen:",
        "Balanced growth.",
        "Respect for cyber sovereignty.",
        "Thank you.",
    ] {
        assert!(london.text.contains(present), "{present}");
    }
}

#[test]
fn bullets_stay_with_their_introduction() {
    let documents = documents();
    let share_a_passage = |a: &str, b: &str| {
        documents[0]
            .passages
            .iter()
            .any(|p| p.text.contains(a) && p.text.contains(b))
    };
    assert!(share_a_passage(
        "emphasized four principles",
        "Respect for cyber sovereignty."
    ));
    assert!(share_a_passage(
        "five key development concepts",
        "inclusive development."
    ));
    assert!(share_a_passage(
        "Cyber security is a global challenge",
        "luxury of absolute security"
    ));
}

#[test]
fn the_scan_is_rejoined_across_lines_and_pages() {
    let documents = documents();
    let statement = &documents[1];
    for whole in [
        "abandon the Cold War or zero-sum mentality",
        "has tested our wisdom. We witnessed",
        "norms of state behaviour in its future work",
        "information and communication technologies",
    ] {
        assert!(
            statement.passages.iter().any(|p| p.text.contains(whole)),
            "{whole}"
        );
    }
    assert!(statement.dropped.is_empty());
    assert!(statement.passages.iter().all(|p| p.tokens <= 256));
}

#[test]
fn the_readme_query_finds_the_right_passages() {
    let (engine, _data) = support::sample_engine();
    let snapshot = engine.snapshot().unwrap();
    let params = QueryParams {
        text: Some("sovereignty in cyberspace".to_owned()),
        limit: 5,
        ..QueryParams::default()
    };
    let query = Query::new(params).unwrap();
    let encoder = QueryEncoder::new(engine.shared_encoder());
    let results = search::search(&snapshot, &encoder, &query, CacheMode::ReadWrite).unwrap();
    let found = |words: &str| {
        results
            .hits
            .iter()
            .any(|hit| hit.passage.text.contains(words))
    };
    // The nearest sentence of all stands in a long passage.
    assert!(found("Respect for cyber sovereignty."));
    assert!(found("state sovereignty, non-interference"));
    for (rank, hit) in (1..).zip(&results.hits) {
        assert_eq!(hit.rank, rank);
        let sentence = hit.sentence.as_ref().unwrap();
        assert!(hit.passage.text.contains(&sentence.text));
        assert!((-1.0..=1.0).contains(&sentence.score));
    }
    let sorted = results
        .hits
        .windows(2)
        .all(|pair| pair[0].score >= pair[1].score);
    assert!(sorted);
}

#[test]
fn keep_boilerplate_keeps_all_lines() {
    let data = TempDir::new().unwrap();
    let engine = support::engine(&data);
    let options = IngestOptions {
        keep_boilerplate: true,
        ..IngestOptions::default()
    };
    let report = support::ingest(&engine, &[support::root().join("corpus")], options);
    assert!(report.dropped.is_empty());
    let snapshot = engine.publish().unwrap();
    let id = "chatham-house-cyber-2016".parse().unwrap();
    let london = snapshot.view().document(&id).unwrap().unwrap();
    assert!(london.text.contains("Former Ambassadors"));
    assert!(london.text.contains("All Rights Reserved"));
}
