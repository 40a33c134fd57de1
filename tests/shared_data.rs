//! Tests with large real corpora, in `shared/data` next to the checkout.
//!
//! They are not part of the repository, so these tests are ignored by default; CI runs them where the
//! folder exists.

use std::path::PathBuf;

use antiphon::corpus::{Corpus, CorpusEvent, CorpusLimits};
use antiphon::parallels::evaluation::{SeparationMetrics, Signal, TaskReport, evaluate};
use antiphon::passages::{SegmentOptions, segment};
use rayon::prelude::*;

use crate::support;

fn shared_data() -> PathBuf {
    support::root().join("../shared/data")
}

#[test]
#[ignore = "needs ../shared/data"]
fn no_passage_is_ever_truncated() {
    let corpus = Corpus::open(&[shared_data()], &CorpusLimits::default()).unwrap();
    let documents: Vec<_> = corpus
        .events()
        .filter_map(|event| match event {
            CorpusEvent::Document { document, .. } => Some(document),
            _ => None,
        })
        .collect();
    assert!(documents.len() > 1900, "only {} documents", documents.len());
    let encoder = support::encoder();
    let passages: usize = documents
        .par_iter()
        .map(|document| {
            let segmented = segment(
                &document.text,
                encoder.tokenizer(),
                &SegmentOptions::default(),
            );
            let mut characters = segmented.text.chars();
            let mut position = 0;
            for passage in &segmented.passages {
                let tokens = encoder.tokenizer().tokenize(&passage.text).unwrap();
                assert!(
                    !tokens.is_truncated(),
                    "{}#p{}",
                    document.id,
                    passage.ordinal
                );
                assert_eq!(tokens.ids.len(), passage.tokens);
                // Advance to the passage and read it from the clean text.
                if passage.range.start > position {
                    characters.nth(passage.range.start - position - 1);
                }
                let length = passage.range.end - passage.range.start;
                let slice: String = characters.by_ref().take(length).collect();
                assert_eq!(slice, passage.text, "{}#p{}", document.id, passage.ordinal);
                position = passage.range.end;
            }
            segmented.passages.len()
        })
        .sum();
    assert!(passages > 45_000, "only {passages} passages");
}

fn signal(task: &TaskReport, signal: Signal) -> (f64, SeparationMetrics) {
    let found = task.signals.iter().find(|found| found.signal == signal);
    let found = found.unwrap();
    let recall = found.retrieval.map_or(0.0, |found| found.recall_at_1);
    (recall, found.separation.unwrap())
}

#[test]
#[ignore = "needs ../shared/data"]
fn our_measures_beat_the_baselines() {
    let folder = tempfile::TempDir::new().unwrap();
    let bible = std::fs::read_to_string(shared_data().join("bible_parallel_dev.tsv")).unwrap();
    // Every tenth row: the whole file takes minutes in a debug build.
    let rows = bible.lines().enumerate().filter(|(row, _)| row % 10 == 0);
    let rows: Vec<&str> = rows.map(|(_, line)| line).collect();
    let subset = folder.path().join("some.tsv");
    std::fs::write(&subset, rows.join("\n")).unwrap();
    let files = [shared_data().join("stsb_dev.tsv"), subset];
    let report = evaluate(&files, &*support::encoder(), 3, false, &|_, _, _| ()).unwrap();
    assert_eq!(report.tasks.len(), 5);
    for task in &report.tasks {
        let (_, floor) = signal(task, Signal::Bm25);
        let (_, cosine) = signal(task, Signal::Cosine);
        let (_, likeness) = signal(task, Signal::CombinedSimilarity);
        let floor = floor.average_precision.max(cosine.average_precision);
        assert!(likeness.average_precision > floor, "{}", task.name);
    }
    for task in [&report.tasks[1], &report.tasks[3]] {
        let (floor, _) = signal(task, Signal::Bm25);
        let (margin, _) = signal(task, Signal::Margin);
        assert!(margin >= floor, "{}: {margin} below {floor}", task.name);
    }
}
