//! Large real corpora, where they are: beside the checkout in `shared/data`.
//!
//! They are not part of the product, so these tests are ignored unless asked for by name; CI asks
//! where the folder exists.

use std::path::PathBuf;

use antiphon::corpus::{Corpus, Limits, Reading};
use antiphon::passages::{SegmentOptions, segment};
use rayon::prelude::*;

use crate::support;

fn shared_data() -> PathBuf {
    support::root().join("../shared/data")
}

#[test]
#[ignore = "needs ../shared/data"]
fn no_passage_is_ever_truncated() {
    let corpus = Corpus::open(&[shared_data()], &Limits::default()).unwrap();
    let documents: Vec<_> = corpus
        .readings()
        .filter_map(|reading| match reading {
            Reading::Document { document, .. } => Some(document),
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
                // Walk on to the passage and read it out of the clean text.
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
