//! What the fuzz targets share: a corpus of one file, and a snapshot of a small store.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use antiphon::corpus::{Corpus, CorpusEvent, CorpusLimits, Metadata};
use antiphon::encoder::{Embedding, Fingerprint};
use antiphon::engine::Snapshot;
use antiphon::passages::{SegmentOptions, SegmentedText, TokenCounter, segment};
use antiphon::store::{ContentHash, NewDocument, PassageVectors, Store};
use tempfile::TempDir;

/// Small, so that short inputs reach them.
const LIMITS: CorpusLimits = CorpusLimits {
    max_text_bytes: 4096,
    max_line_bytes: 2048,
    max_table_bytes: 2048,
    max_file_bytes: 64 * 1024,
};

/// Counts a token for every four bytes.
struct ByteCounter;

impl TokenCounter for ByteCounter {
    fn count_tokens(&self, text: &str) -> usize {
        text.len().div_ceil(4)
    }

    fn max_tokens(&self) -> usize {
        32
    }
}

/// Reads a corpus of these files, and segments its documents.
///
/// # Panics
///
/// If a document or its passages break what their documentation states.
pub fn read_corpus(files: &[(&str, &[u8])]) {
    static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a folder"));
    for (name, contents) in files {
        fs::write(FOLDER.path().join(name), contents).expect("a writable folder");
    }
    let paths: [PathBuf; 1] = [FOLDER.path().to_owned()];
    let corpus = Corpus::open(&paths, &LIMITS).expect("the folder exists");
    for event in corpus.events() {
        if let CorpusEvent::Document { document, .. } = event {
            assert!(document.text.len() <= LIMITS.max_text_bytes);
            let id = document.id.as_str();
            assert_eq!(id.parse().as_ref(), Ok(&document.id), "{id:?}");
            check_segmented(&document.text);
        }
    }
}

/// Segments a text and checks what is promised of passages.
fn check_segmented(text: &str) {
    for keep_boilerplate in [false, true] {
        let segmented = segment(text, &ByteCounter, &SegmentOptions { keep_boilerplate });
        let characters = segmented.text.chars().count();
        let mut end = 0;
        for (ordinal, passage) in (1..).zip(&segmented.passages) {
            assert_eq!(passage.ordinal, ordinal);
            assert!(end <= passage.range.start && passage.range.end <= characters);
            assert_eq!(passage.range.slice(&segmented.text, 0), passage.text);
            assert!(
                passage.tokens <= ByteCounter.max_tokens() || passage.text.chars().count() == 1
            );
            end = passage.range.end;
            let mut sentence_end = passage.range.start;
            for sentence in &passage.sentences {
                assert!(sentence_end <= sentence.start && sentence.end <= passage.range.end);
                assert!(!passage.slice(*sentence).is_empty());
                sentence_end = sentence.end;
            }
        }
    }
}

/// A snapshot of a store with three short documents.
///
/// # Panics
///
/// If the store cannot be written.
pub static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a folder").keep();
    let fingerprint = Fingerprint {
        model: "none".to_owned(),
        revision: String::new(),
        weights_sha256: String::new(),
        tokenizer_sha256: String::new(),
        precision: "f32".to_owned(),
        arithmetic: 1,
        pooling: "mean".to_owned(),
        max_tokens: 32,
        dimension: 1,
    };
    let mut store = Store::open(&folder, &fingerprint).expect("a new store");
    for (id, country, text) in [
        (
            "a",
            "FRA",
            "Peace is not the absence of war. Sovereignty in cyberspace.",
        ),
        ("b", "DEU", "L'État, c'est moi — straße, naïve, Москва."),
        (
            "c",
            "FRA",
            "Peace, peace, peace; the states of the world and their peace.",
        ),
    ] {
        let segmented = segment(text, &ByteCounter, &SegmentOptions::default());
        let metadata = Metadata {
            country: Some(country.to_owned()),
            ..Metadata::default()
        };
        let vectors = vectors_for(&segmented);
        store
            .put(&NewDocument {
                id: &id.parse().expect("an id"),
                metadata: &metadata,
                origin: "",
                source_hash: ContentHash::from_parts([]),
                segmented: &segmented,
                places: &[],
                vectors: &vectors,
            })
            .expect("a writable store");
    }
    let view = store.view(1).expect("a view");
    Snapshot::new_exact(view).expect("a snapshot")
});

fn vectors_for(segmented: &SegmentedText) -> Vec<PassageVectors> {
    let embedding = || Embedding::from_unnormalized(vec![1.0]).expect("a vector");
    let passages = segmented.passages.iter();
    passages
        .map(|passage| PassageVectors {
            passage: embedding(),
            sentences: passage.sentences.iter().map(|_| embedding()).collect(),
        })
        .collect()
}
