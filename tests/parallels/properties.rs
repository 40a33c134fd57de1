//! Properties of comparisons of arbitrary small corpora of real sentences.

use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

use super::*;

/// Number of cases of each property; each encodes a few hundred tokens.
const CASES: u32 = 12;

/// Pairs of paraphrases, and unrelated paragraphs.
const PARAGRAPHS: [&str; 9] = [
    SEA, SEA_AGAIN, VETO, VETO_AGAIN, CYBER, TEA, BRIDGE, CHESS, HARVEST,
];

/// Documents of one to four paragraphs, in the order of their ids; a paragraph may occur in several.
fn documents() -> impl Strategy<Value = Vec<serde_json::Value>> {
    let document = subsequence(PARAGRAPHS.to_vec(), 1..=4).prop_shuffle();
    proptest::collection::vec(document, 2..=5).prop_map(|all| {
        let documents = (0..).zip(all);
        documents
            .map(|(number, paragraphs): (usize, Vec<&str>)| {
                json!({"id": format!("d{number}"), "text": paragraphs.join("\n\n")})
            })
            .collect()
    })
}

/// Thresholds of near-equivalents, including formulas.
fn unfiltered_thresholds() -> Thresholds {
    Thresholds {
        min_confidence: 0.3,
        min_margin: 0.0,
        formulas: FormulaPolicy::Include,
        ..Thresholds::default()
    }
}

fn all_pairs(context: &CorpusContext) -> Vec<Pair> {
    let comparison =
        CorpusComparison::new(context, &Scope::default(), unfiltered_thresholds()).unwrap();
    comparison.compare_all(&NoCorpusObserver).unwrap().pairs
}

/// Pairs in a canonical orientation, with the bits of their measures.
fn unordered(context: &CorpusContext, pairs: &[Pair]) -> Vec<(String, String, u32, u32)> {
    let named = named_pairs(context, pairs).into_iter();
    let mut pairs: Vec<_> = named
        .map(|(a, b, score, _, confidence)| {
            let (a, b) = if a < b { (a, b) } else { (b, a) };
            (a, b, score.to_bits(), confidence.to_bits())
        })
        .collect();
    pairs.sort();
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn two_documents_have_the_same_pairs_from_either_side(documents in documents(), many: bool) {
        let (context, _data) = corpus_context(&documents);
        let thresholds = PairThresholds::default();
        let forward = compare(&context, ("d0", "d1"), thresholds, many).unwrap();
        let backward = compare(&context, ("d1", "d0"), thresholds, many).unwrap();
        prop_assert_eq!(unordered(&context, &forward.pairs), unordered(&context, &backward.pairs));
        prop_assert_eq!((forward.compared_pairs, forward.superseded), (backward.compared_pairs, backward.superseded));
        let rows_of = |pairs: &[Pair], side: fn(&Pair) -> u32| -> Vec<u32> {
            let mut rows: Vec<u32> = pairs.iter().map(side).collect();
            rows.sort_unstable();
            rows
        };
        if !many {
            for side in [|pair: &Pair| pair.source, |pair: &Pair| pair.target] {
                let rows = rows_of(&forward.pairs, side);
                prop_assert!(rows.windows(2).all(|two| two[0] != two[1]), "a passage twice");
            }
        }
    }

    #[test]
    fn pairs_do_not_depend_on_ingest_order(
        documents in documents(),
        swaps in proptest::collection::vec(any::<Index>(), 5),
    ) {
        let mut reordered = documents.clone();
        for (from, to) in swaps.iter().enumerate().take(reordered.len()) {
            let to = to.index(reordered.len());
            reordered.swap(from, to);
        }
        let (one, _data) = corpus_context(&documents);
        let (other, _data) = corpus_context(&reordered);
        let (found, again) = (all_pairs(&one), all_pairs(&other));
        prop_assert_eq!(named_pairs(&one, &found), named_pairs(&other, &again));
    }

    #[test]
    fn pairs_cross_documents_and_are_unique(documents in documents()) {
        let (context, _data) = corpus_context(&documents);
        let pairs = unordered(&context, &all_pairs(&context));
        let document = |id: &str| id.split_once('#').unwrap().0.to_owned();
        for (a, b, ..) in &pairs {
            prop_assert_ne!(document(a), document(b));
        }
        prop_assert!(pairs.windows(2).all(|two| (&two[0].0, &two[0].1) != (&two[1].0, &two[1].1)));
        // The same paragraph in two documents is a pair, whatever surrounds it.
        let rows: Vec<u32> = (0..u32::try_from(context.snapshot().row_count()).unwrap()).collect();
        let texts = context.passages(&rows).unwrap();
        for (index, (a, _)) in texts.iter().enumerate() {
            for (b, _) in &texts[..index] {
                if a.text == b.text {
                    let (a, b) = (a.id().min(b.id()), a.id().max(b.id()));
                    prop_assert!(pairs.iter().any(|pair| (&pair.0, &pair.1) == (&a, &b)), "{} {}", a, b);
                }
            }
        }
    }
}
