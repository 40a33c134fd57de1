//! Scores from cached posting lists against FTS5's own BM25, over changing stores.

use proptest::prelude::*;
use tempfile::TempDir;

use super::{Bm25Index, QueryTerm};
use crate::corpus::Metadata;
use crate::encoder::{Embedding, Fingerprint};
use crate::passages::{Passage, SegmentedText, TextRange};
use crate::store::{ContentHash, NewDocument, PassageVectors, Store, View};

/// A store that is written to between searches.
struct ChangingStore {
    store: Store,
    latest: Option<TestSnapshot>,
    _folder: TempDir,
}

struct TestSnapshot {
    view: View,
    passages: Vec<(i64, u32)>,
    keyword_index: Bm25Index,
}

impl ChangingStore {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let fingerprint = Fingerprint::for_tests(1);
        Self {
            store: Store::open(folder.path(), &fingerprint).unwrap(),
            latest: None,
            _folder: folder,
        }
    }

    /// Writes a document with these passages.
    fn put(&mut self, id: &str, passages: &[&str]) {
        let text = passages.join("\n");
        let embedding = || Embedding::from_unnormalized(vec![1.0]).unwrap();
        let mut start = 0;
        let passages: Vec<Passage> = (1..)
            .zip(passages)
            .map(|(ordinal, text)| {
                let end = start + text.chars().count();
                let range = TextRange { start, end };
                start = end + 1;
                Passage {
                    ordinal,
                    text: (*text).to_owned(),
                    range,
                    tokens: 1,
                    sentences: Vec::new(),
                }
            })
            .collect();
        let vectors: Vec<PassageVectors> = passages
            .iter()
            .map(|_| PassageVectors {
                passage: embedding(),
                sentences: Vec::new(),
            })
            .collect();
        let segmented = SegmentedText {
            text,
            passages,
            dropped: Vec::new(),
        };
        self.store
            .put(&NewDocument {
                id: &id.parse().unwrap(),
                metadata: &Metadata::default(),
                origin: "",
                source_hash: ContentHash::from_parts([]),
                segmented: &segmented,
                places: &[],
                vectors: &vectors,
            })
            .unwrap();
    }

    fn delete(&mut self, id: &str) {
        self.store.delete(&id.parse().unwrap()).unwrap();
    }

    /// Takes a snapshot of the store; returns the previous one, which stays searchable.
    fn take_snapshot(&mut self) -> Option<TestSnapshot> {
        let view = self.store.view(1).unwrap();
        let keys = view.manifest().unwrap().passages;
        let passages = keys
            .iter()
            .map(|entry| entry.key.rowid())
            .zip(0..)
            .collect();
        let keyword_index = self
            .latest
            .as_ref()
            .map(|previous| previous.keyword_index.next_generation());
        self.latest.replace(TestSnapshot {
            view,
            passages,
            keyword_index: keyword_index.unwrap_or_default(),
        })
    }

    fn latest(&self) -> &TestSnapshot {
        self.latest.as_ref().unwrap()
    }
}

impl TestSnapshot {
    /// Returns rows and scores, best first.
    fn search(&self, terms: &[QueryTerm]) -> Vec<(u32, f32)> {
        let mut found = Vec::new();
        self.keyword_index
            .search(&self.view, &self.passages, terms, |row, score| {
                found.push((row, score));
            })
            .unwrap();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found
    }

    /// Returns the terms without stop terms, by FTS5's document frequencies.
    fn expected_terms(&self, terms: &[QueryTerm]) -> Vec<QueryTerm> {
        let normalized = |word: &str| match word {
            "Sécurité," => "securite".to_owned(),
            word => word.to_lowercase(),
        };
        let is_stop_term = |term: &&QueryTerm| match term {
            QueryTerm::Word(word) => {
                let frequency = self
                    .view
                    .document_frequencies(&[&normalized(word)])
                    .unwrap()[0];
                frequency > self.passages.len() / 2
            }
            QueryTerm::Prefix(_) | QueryTerm::Phrase(_) => false,
        };
        let kept: Vec<QueryTerm> = terms.iter().filter(|t| !is_stop_term(t)).cloned().collect();
        if terms.len() < 2 || kept.is_empty() {
            terms.to_vec()
        } else {
            kept
        }
    }

    /// Returns the hits as FTS5 scores them, term by term.
    #[allow(clippy::cast_possible_truncation)] // scores of a few digits
    fn expected_hits(&self, terms: &[QueryTerm]) -> Vec<(u32, f32)> {
        let mut scores = vec![(0.0, 0); self.passages.len()];
        for term in terms {
            let visit = |key: crate::store::PassageKey, score| {
                let position = self.passages.iter().position(|(k, _)| *k == key.rowid());
                let (sum, phrases) = &mut scores[position.unwrap()];
                *sum += score;
                *phrases += usize::from(matches!(term, QueryTerm::Phrase(_)));
            };
            self.view
                .for_each_bm25_score(term.text(), term.is_prefix(), visit)
                .unwrap();
        }
        let phrases = terms
            .iter()
            .filter(|t| matches!(t, QueryTerm::Phrase(_)))
            .count();
        let mut found: Vec<(u32, f32)> = (0..)
            .zip(scores)
            .filter(|(_, (score, matched))| *score > 0.0 && *matched == phrases)
            .map(|(row, (score, _))| (row, score as f32))
            .collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found
    }
}

fn word(text: &str) -> QueryTerm {
    QueryTerm::Word(text.to_owned())
}

/// Returns queries with terms of all kinds.
fn sample_queries() -> Vec<Vec<QueryTerm>> {
    let phrase = |text: &str| QueryTerm::Phrase(text.to_owned());
    vec![
        vec![word("peace")],
        vec![word("Sécurité,"), word("water")],
        vec![word("zero-sum"), word("games"), word("water")],
        vec![word("water"), word("water")],
        vec![phrase("zero sum"), word("peace")],
        vec![phrase("water water"), phrase("peace")],
        vec![phrase("peace water peace")],
        vec![QueryTerm::Prefix("secur".to_owned()), word("网络")],
        vec![
            QueryTerm::Prefix("zero-s".to_owned()),
            QueryTerm::Prefix("ga".to_owned()),
        ],
        vec![word("absent")],
        Vec::new(),
    ]
}

fn matches_fts5(snapshot: &TestSnapshot) -> Result<(), TestCaseError> {
    for terms in sample_queries() {
        let searched = snapshot
            .keyword_index
            .search(&snapshot.view, &snapshot.passages, &terms, |_, _| {})
            .unwrap();
        prop_assert_eq!(&searched, &snapshot.expected_terms(&terms), "{:?}", terms);
        prop_assert_eq!(
            snapshot.search(&terms),
            snapshot.expected_hits(&searched),
            "{:?}",
            terms
        );
    }
    Ok(())
}

/// Generates changes of a store: documents are added, rewritten and deleted.
fn store_changes() -> impl Strategy<Value = Vec<(u8, Vec<String>)>> {
    const WORDS: &[&str] = &[
        "peace",
        "water",
        "Securite",
        "sécurité",
        "zero-sum",
        "zero",
        "games",
        "网络",
        "of",
    ];
    let text = prop::collection::vec(prop::sample::select(WORDS), 1..12);
    let texts = prop::collection::vec(text.prop_map(|words| words.join(" ")), 0..4);
    prop::collection::vec((0..6_u8, texts), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scores_match_fts5_at_every_version(changes in store_changes()) {
        let mut store = ChangingStore::new();
        store.take_snapshot();
        let mut earlier = Vec::new();
        for (document, texts) in changes {
            let id = format!("d{document}");
            if texts.is_empty() {
                store.delete(&id);
            } else {
                store.put(&id, &texts.iter().map(String::as_str).collect::<Vec<_>>());
            }
            earlier.extend(store.take_snapshot());
            matches_fts5(store.latest())?;
        }
        // Later cache entries do not change the results of earlier snapshots.
        for snapshot in &earlier {
            matches_fts5(snapshot)?;
        }
    }
}

#[test]
fn a_stop_term_is_searched_only_alone() {
    let mut store = ChangingStore::new();
    let searched = |store: &ChangingStore, terms: &[QueryTerm]| {
        let now = store.latest();
        now.keyword_index
            .search(&now.view, &now.passages, terms, |_, _| {})
            .unwrap()
    };
    store.put("a", &["of peace", "of water", "games"]);
    store.take_snapshot();
    assert_eq!(
        searched(&store, &[word("Of,"), word("peace")]),
        [word("peace")]
    );
    assert_eq!(searched(&store, &[word("of")]), [word("of")]);
    assert_eq!(searched(&store, &[word("of"), word("of")]).len(), 2);
    // A stop term can become an ordinary term, and a stop term again.
    store.put("b", &["games", "zero"]);
    store.take_snapshot();
    assert_eq!(searched(&store, &[word("of"), word("peace")]).len(), 2);
    store.put("c", &["of", "of the", "of a"]);
    store.take_snapshot();
    assert_eq!(searched(&store, &[word("of"), word("peace")]).len(), 1);
    store.delete("a");
    store.take_snapshot();
    assert_eq!(searched(&store, &[word("of"), word("zero")]).len(), 1);
    store.delete("c");
    store.take_snapshot();
    assert_eq!(searched(&store, &[word("of"), word("zero")]).len(), 2);
}

#[test]
fn a_phrase_counts_once_next_to_words() {
    let mut store = ChangingStore::new();
    store.put(
        "a",
        &["zero sum", "zero sum games", "games", "water", "peace"],
    );
    store.take_snapshot();
    let phrase = QueryTerm::Phrase("zero sum".to_owned());
    let found = store.latest().search(&[phrase.clone(), word("games")]);
    let alone = store.latest().search(&[phrase]);
    assert_eq!(
        found.iter().map(|(row, _)| *row).collect::<Vec<_>>(),
        [1, 0]
    );
    assert_eq!(found[1], alone[0]);
}

#[test]
fn long_lists_are_read_in_bulk_and_extended_row_by_row() {
    let mut store = ChangingStore::new();
    let texts: Vec<String> = (0..1200)
        .map(|n| format!("zero sum {}", ["peace", "water", "games"][n % 3]))
        .collect();
    store.put("a", &texts.iter().map(String::as_str).collect::<Vec<_>>());
    let other_texts = vec!["of games"; 2000];
    store.put("b", &other_texts);
    store.take_snapshot();
    let queries = [
        vec![word("peace"), word("water")],
        vec![QueryTerm::Phrase("zero sum".to_owned())],
        vec![word("games")],
    ];
    for (change, texts) in [
        ("c", vec!["zero sum peace peace", "peace"]),
        ("d", vec!["peace zero sum"; 100]),
        ("a", vec!["zero sum"]),
    ] {
        for terms in &queries {
            let now = store.latest();
            assert_eq!(
                now.search(terms),
                now.expected_hits(terms),
                "before {change}: {terms:?}"
            );
        }
        store.put(change, &texts);
        store.take_snapshot();
    }
    assert!(store.latest().keyword_index.posting_bytes() > 4000 * 12);
    for terms in &queries {
        let now = store.latest();
        assert_eq!(
            now.search(terms),
            now.expected_hits(terms),
            "at the end: {terms:?}"
        );
    }
}

#[test]
fn absent_terms_are_not_cached() {
    let mut store = ChangingStore::new();
    store.put("a", &["of peace", "of water", "games"]);
    store.take_snapshot();
    for number in 0..1000 {
        let terms = [word(&format!("absent{number}")), word("peace")];
        assert_eq!(store.latest().search(&terms).len(), 1);
    }
    let bytes = store.latest().keyword_index.posting_bytes();
    assert!((12..1000).contains(&bytes), "{bytes}");
}
