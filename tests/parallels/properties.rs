//! What holds for whatever is said: small corpora are drawn from real sentences.

use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

use super::*;

/// Cases of each property; a case encodes a few hundred tokens.
const CASES: u32 = 12;

/// Paragraphs that say the same in pairs, or something of their own.
const PARAGRAPHS: [&str; 9] = [
    SEA, SEA_AGAIN, VETO, VETO_AGAIN, CYBER, TEA, BRIDGE, CHESS, HARVEST,
];

/// Documents of one to four paragraphs, in the order of their ids; different ones may say the same.
fn documents() -> impl Strategy<Value = Vec<serde_json::Value>> {
    let document = subsequence(PARAGRAPHS.to_vec(), 1..=4).prop_shuffle();
    proptest::collection::vec(document, 2..=5).prop_map(|all| {
        let documents = (0..).zip(all);
        documents
            .map(|(number, said): (usize, Vec<&str>)| {
                json!({"id": format!("d{number}"), "text": said.join("\n\n")})
            })
            .collect()
    })
}

/// Everything that says nearly the same, formulas too.
fn unfiltered_thresholds() -> Thresholds {
    Thresholds {
        min_confidence: 0.3,
        min_margin: 0.0,
        formulas: FormulaPolicy::Include,
        ..Thresholds::default()
    }
}

fn all_pairs(survey: &CorpusContext) -> Vec<Pair> {
    let sweep = CorpusComparison::new(survey, &Scope::default(), unfiltered_thresholds()).unwrap();
    sweep.compare_all().unwrap().pairs
}

/// Pairs whichever side is which, with their numbers to the bit.
fn unordered(survey: &CorpusContext, pairs: &[Pair]) -> Vec<(String, String, u32, u32)> {
    let named = named_pairs(survey, pairs).into_iter();
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
        let (survey, _data) = corpus_context(&documents);
        let enough = PairThresholds::default();
        let there = compare(&survey, ("d0", "d1"), enough, many).unwrap();
        let back = compare(&survey, ("d1", "d0"), enough, many).unwrap();
        prop_assert_eq!(unordered(&survey, &there.pairs), unordered(&survey, &back.pairs));
        prop_assert_eq!((there.compared_pairs, there.superseded), (back.compared_pairs, back.superseded));
        let of = |pairs: &[Pair], side: fn(&Pair) -> u32| -> Vec<u32> {
            let mut rows: Vec<u32> = pairs.iter().map(side).collect();
            rows.sort_unstable();
            rows
        };
        if !many {
            for side in [|pair: &Pair| pair.source, |pair: &Pair| pair.target] {
                let rows = of(&there.pairs, side);
                prop_assert!(rows.windows(2).all(|two| two[0] != two[1]), "a passage twice");
            }
        }
    }

    #[test]
    fn a_corpus_has_the_same_pairs_in_whatever_order_it_came(
        documents in documents(),
        places in proptest::collection::vec(any::<Index>(), 5),
    ) {
        let mut turned = documents.clone();
        for (from, to) in places.iter().enumerate().take(turned.len()) {
            let to = to.index(turned.len());
            turned.swap(from, to);
        }
        let (one, _data) = corpus_context(&documents);
        let (other, _data) = corpus_context(&turned);
        let (found, again) = (all_pairs(&one), all_pairs(&other));
        prop_assert_eq!(named_pairs(&one, &found), named_pairs(&other, &again));
    }

    #[test]
    fn no_pair_is_within_a_document_and_none_comes_twice(documents in documents()) {
        let (survey, _data) = corpus_context(&documents);
        let pairs = unordered(&survey, &all_pairs(&survey));
        let document = |id: &str| id.split_once('#').unwrap().0.to_owned();
        for (a, b, ..) in &pairs {
            prop_assert_ne!(document(a), document(b));
        }
        prop_assert!(pairs.windows(2).all(|two| (&two[0].0, &two[0].1) != (&two[1].0, &two[1].1)));
        // The same paragraph in two documents is a pair, whatever stands around it.
        let rows: Vec<u32> = (0..u32::try_from(survey.snapshot().row_count()).unwrap()).collect();
        let texts = survey.passages(&rows).unwrap();
        for (place, (a, _)) in texts.iter().enumerate() {
            for (b, _) in &texts[..place] {
                if a.text == b.text {
                    let (a, b) = (a.id().min(b.id()), a.id().max(b.id()));
                    prop_assert!(pairs.iter().any(|pair| (&pair.0, &pair.1) == (&a, &b)), "{} {}", a, b);
                }
            }
        }
    }
}
