//! The lists against FTS5's own BM25, over stores that change.

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::corpus::Metadata;
use crate::encoder::{Embedding, Fingerprint};
use crate::passages::{Passage, Segmented, TextRange};
use crate::store::{ContentHash, NewDocument, PassageVectors, Store};

/// A store that is written to while its words are asked for.
struct Archive {
    store: Store,
    newest: Option<Moments>,
    _folder: TempDir,
}

/// One moment of it.
struct Moments {
    view: View,
    passages: Vec<(i64, u32)>,
    words: Words,
}

impl Archive {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let fingerprint = Fingerprint::of_nothing(1);
        Self {
            store: Store::open(folder.path(), &fingerprint).unwrap(),
            newest: None,
            _folder: folder,
        }
    }

    /// Writes a document with these passages.
    fn put(&mut self, id: &str, passages: &[&str]) {
        let text = passages.join("\n");
        let one = || Embedding::from_raw(vec![1.0]).unwrap();
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
                passage: one(),
                sentences: Vec::new(),
            })
            .collect();
        let segmented = Segmented {
            text,
            passages,
            dropped: Vec::new(),
        };
        self.store
            .put(&NewDocument {
                id: &id.parse().unwrap(),
                metadata: &Metadata::default(),
                origin: "",
                source_hash: ContentHash::of_parts([]),
                segmented: &segmented,
                vectors: &vectors,
            })
            .unwrap();
    }

    fn delete(&mut self, id: &str) {
        self.store.delete(&id.parse().unwrap()).unwrap();
    }

    /// The moment that it is now; the one before it stays what it was.
    fn now(&mut self) -> Option<Moments> {
        let view = self.store.view(1).unwrap();
        let keys = view.entries().unwrap().passages;
        let passages = keys
            .iter()
            .map(|entry| entry.key.number())
            .zip(0..)
            .collect();
        let words = self.newest.as_ref().map(|before| before.words.next());
        self.newest.replace(Moments {
            view,
            passages,
            words: words.unwrap_or_default(),
        })
    }

    fn newest(&self) -> &Moments {
        self.newest.as_ref().unwrap()
    }
}

impl Moments {
    /// Rows and scores, the best first.
    fn found(&self, terms: &[Term]) -> Vec<(u32, f32)> {
        let mut found = Vec::new();
        self.words
            .matching(&self.view, &self.passages, terms, |row, score| {
                found.push((row, score));
            })
            .unwrap();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found
    }

    /// The terms but for the words that most passages hold, by FTS5's count.
    fn telling(&self, terms: &[Term]) -> Vec<Term> {
        let folded = |word: &str| match word {
            "Sécurité," => "securite".to_owned(),
            word => word.to_lowercase(),
        };
        let is_common = |term: &&Term| match term {
            Term::Word(word) => {
                let holding = self.view.frequencies(&[&folded(word)]).unwrap()[0];
                holding > self.passages.len() / 2
            }
            Term::Prefix(_) | Term::Phrase(_) => false,
        };
        let telling: Vec<Term> = terms.iter().filter(|t| !is_common(t)).cloned().collect();
        if terms.len() < 2 || telling.is_empty() {
            terms.to_vec()
        } else {
            telling
        }
    }

    /// The same by FTS5, a term at a time.
    #[allow(clippy::cast_possible_truncation)] // scores of a few digits
    fn expected(&self, terms: &[Term]) -> Vec<(u32, f32)> {
        let mut scores = vec![(0.0, 0); self.passages.len()];
        for term in terms {
            let visit = |key: crate::store::PassageKey, score| {
                let place = self.passages.iter().position(|(k, _)| *k == key.number());
                let at = &mut scores[place.unwrap()];
                at.0 += score;
                at.1 += usize::from(matches!(term, Term::Phrase(_)));
            };
            self.view.weighed(term, visit).unwrap();
        }
        let phrases = terms
            .iter()
            .filter(|t| matches!(t, Term::Phrase(_)))
            .count();
        let mut found: Vec<(u32, f32)> = (0..)
            .zip(scores)
            .filter(|(_, (score, held))| *score > 0.0 && *held == phrases)
            .map(|(row, (score, _))| (row, score as f32))
            .collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found
    }
}

fn word(text: &str) -> Term {
    Term::Word(text.to_owned())
}

/// Terms of all kinds.
fn questions() -> Vec<Vec<Term>> {
    let phrase = |text: &str| Term::Phrase(text.to_owned());
    vec![
        vec![word("peace")],
        vec![word("Sécurité,"), word("water")],
        vec![word("zero-sum"), word("games"), word("water")],
        vec![word("water"), word("water")],
        vec![phrase("zero sum"), word("peace")],
        vec![phrase("water water"), phrase("peace")],
        vec![phrase("peace water peace")],
        vec![Term::Prefix("secur".to_owned()), word("网络")],
        vec![
            Term::Prefix("zero-s".to_owned()),
            Term::Prefix("ga".to_owned()),
        ],
        vec![word("absent")],
        Vec::new(),
    ]
}

fn agrees(moment: &Moments) -> Result<(), TestCaseError> {
    for terms in questions() {
        let telling = moment
            .words
            .matching(&moment.view, &moment.passages, &terms, |_, _| {})
            .unwrap();
        prop_assert_eq!(&telling, &moment.telling(&terms), "{:?}", terms);
        prop_assert_eq!(
            moment.found(&terms),
            moment.expected(&telling),
            "{:?}",
            terms
        );
    }
    Ok(())
}

/// What is done to an archive: documents come, are written anew and go.
fn changes() -> impl Strategy<Value = Vec<(u8, Vec<String>)>> {
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
    fn scores_are_fts5s_at_every_moment(changes in changes()) {
        let mut archive = Archive::new();
        archive.now();
        let mut earlier = Vec::new();
        for (document, texts) in changes {
            let id = format!("d{document}");
            if texts.is_empty() {
                archive.delete(&id);
            } else {
                archive.put(&id, &texts.iter().map(String::as_str).collect::<Vec<_>>());
            }
            earlier.extend(archive.now());
            agrees(archive.newest())?;
        }
        // What was learned later does not change what an earlier moment answers.
        for moment in &earlier {
            agrees(moment)?;
        }
    }
}

#[test]
fn a_word_of_most_passages_is_looked_for_only_alone() {
    let mut archive = Archive::new();
    let looked_for = |archive: &Archive, terms: &[Term]| {
        let now = archive.newest();
        now.words
            .matching(&now.view, &now.passages, terms, |_, _| {})
            .unwrap()
    };
    archive.put("a", &["of peace", "of water", "games"]);
    archive.now();
    assert_eq!(
        looked_for(&archive, &[word("Of,"), word("peace")]),
        [word("peace")]
    );
    assert_eq!(looked_for(&archive, &[word("of")]), [word("of")]);
    assert_eq!(looked_for(&archive, &[word("of"), word("of")]).len(), 2);
    // It can become one that tells something, and again one that does not.
    archive.put("b", &["games", "zero"]);
    archive.now();
    assert_eq!(looked_for(&archive, &[word("of"), word("peace")]).len(), 2);
    archive.put("c", &["of", "of the", "of a"]);
    archive.now();
    assert_eq!(looked_for(&archive, &[word("of"), word("peace")]).len(), 1);
    archive.delete("a");
    archive.now();
    assert_eq!(looked_for(&archive, &[word("of"), word("zero")]).len(), 1);
    archive.delete("c");
    archive.now();
    assert_eq!(looked_for(&archive, &[word("of"), word("zero")]).len(), 2);
}

#[test]
fn a_phrase_counts_once_beside_words() {
    let mut archive = Archive::new();
    archive.put(
        "a",
        &["zero sum", "zero sum games", "games", "water", "peace"],
    );
    archive.now();
    let phrase = Term::Phrase("zero sum".to_owned());
    let found = archive.newest().found(&[phrase.clone(), word("games")]);
    let alone = archive.newest().found(&[phrase]);
    assert_eq!(
        found.iter().map(|(row, _)| *row).collect::<Vec<_>>(),
        [1, 0]
    );
    assert_eq!(found[1], alone[0]);
}

#[test]
fn long_lists_are_read_at_once_and_lengthened_one_by_one() {
    let mut archive = Archive::new();
    let texts: Vec<String> = (0..1200)
        .map(|n| format!("zero sum {}", ["peace", "water", "games"][n % 3]))
        .collect();
    archive.put("a", &texts.iter().map(String::as_str).collect::<Vec<_>>());
    let others = vec!["of games"; 2000];
    archive.put("b", &others);
    archive.now();
    let questions = [
        vec![word("peace"), word("water")],
        vec![Term::Phrase("zero sum".to_owned())],
        vec![word("games")],
    ];
    for (change, texts) in [
        ("c", vec!["zero sum peace peace", "peace"]),
        ("d", vec!["peace zero sum"; 100]),
        ("a", vec!["zero sum"]),
    ] {
        for terms in &questions {
            let now = archive.newest();
            assert_eq!(
                now.found(terms),
                now.expected(terms),
                "before {change}: {terms:?}"
            );
        }
        archive.put(change, &texts);
        archive.now();
    }
    assert!(archive.newest().words.bytes() > 4000 * 12);
    for terms in &questions {
        let now = archive.newest();
        assert_eq!(
            now.found(terms),
            now.expected(terms),
            "at the end: {terms:?}"
        );
    }
}

#[test]
fn what_stands_nowhere_takes_no_room() {
    let mut archive = Archive::new();
    archive.put("a", &["of peace", "of water", "games"]);
    archive.now();
    for number in 0..1000 {
        let terms = [word(&format!("absent{number}")), word("peace")];
        assert_eq!(archive.newest().found(&terms).len(), 1);
    }
    let one = archive.newest().words.bytes();
    assert!((12..1000).contains(&one), "{one}");
}
