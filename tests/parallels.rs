//! Parallels of two documents and of a corpus, and families; through the library and over HTTP.

mod http;
mod long;
mod properties;

use std::fs;
use std::sync::Arc;

use antiphon::engine::{IngestOptions, Snapshot};
use antiphon::parallels::{
    CorpusComparison, CorpusContext, Families, FamilyOptions, FamilyTexts, FormulaPolicy,
    MIN_COSINE, MatchUnit, NoCorpusObserver, Pair, PairThresholds, ParallelLoader, ParallelsError,
    Scope, TextReuse, Thresholds, cluster_families, compare, compare_cancellable,
};
use antiphon::search::Filter;
use serde_json::json;
use tempfile::TempDir;

use crate::support;

const SEA: &str = "Rising seas threaten the very existence of small island States. Year after year the waves take more of our beaches, our wells turn to salt, and families who have lived on the shore for generations have to move away from it.";
const SEA_AGAIN: &str = "The survival of small islands is endangered by the rising sea. Every year the ocean swallows more of our coast, salt water spoils our wells, and families that have lived by the shore for many generations are forced to leave.";
const VETO: &str = "The veto in the Security Council must be abolished. No single member should be able to stop what all the others have agreed on, least of all where it is itself a party to the conflict that is being discussed in this house.";
const VETO_AGAIN: &str = "We call for an end to the veto in the Security Council. One member alone must not be allowed to block what everybody else has agreed upon, and certainly not when that member is a party to the very conflict under discussion.";
const CYBER: &str = "State sovereignty must be respected in cyberspace as it is on land. No country may interfere in the affairs of another by means of its computers and its platforms, whatever technical superiority it may enjoy.";
const TEA: &str = "The price of tea in the harbour of Trieste has doubled. Merchants blame the drought in the hills of Assam and the freight, housewives blame the merchants, and the customs officers say that they have seen it all before.";
const BRIDGE: &str = "Our engineers finished the bridge across the northern valley before the winter. Trains now reach the copper mines within a day, and the villages along the line have asked for stations, schools and a doctor of their own.";
const CHESS: &str = "Chess is taught in all our primary schools since last autumn. The children learn to lose with grace, the teachers report fewer quarrels in the yard, and the first masters of the new generation travel to tournaments abroad.";
const HARVEST: &str = "The harvest of olives was poor after the hail in May. Presses stood still for weeks, the cooperatives lent seed money to their members, and the ministry of agriculture bought what oil there was for hospitals and barracks.";

/// The formula that most speeches begin with.
fn formula(session: &str) -> String {
    format!(
        "Allow me at the outset to congratulate the President on his election to preside over the {session} session of the General Assembly. I wish him every success in his task and assure him of the full support of my delegation in the coming year."
    )
}

/// Documents with every kind of parallel, and with text that must not be matched.
fn corpus() -> Vec<serde_json::Value> {
    let quoting = format!(
        "Let me recall what was said here two years ago. {CYBER} My government has not changed its mind since then, and it never will."
    );
    let say = |id: &str, speaker: &str, date: &str, paragraphs: &[&str]| json!({"id": id, "speaker": speaker, "country": &speaker[..3], "date": date, "text": paragraphs.join("\n\n")});
    let alpha = [&formula("seventieth"), SEA, VETO, CYBER];
    let mut documents = vec![
        say("alpha", "AAA One", "2015-09-30", &alpha),
        say(
            "beta",
            "BBB Two",
            "2016-09-21",
            &[&formula("seventy-first"), VETO_AGAIN, TEA, SEA_AGAIN],
        ),
        say(
            "gamma",
            "CCC Three",
            "2017-09-20",
            &[&formula("seventy-second"), &quoting, BRIDGE],
        ),
        say(
            "delta",
            "DDD Four",
            "2018",
            &[&formula("seventy-third"), CHESS],
        ),
        say(
            "epsilon",
            "EEE Five",
            "2019",
            &[&formula("seventy-fourth"), HARVEST],
        ),
        say(
            "zeta",
            "FFF Six",
            "2020",
            &[&formula("seventy-fifth"), "Thank you."],
        ),
        // The same speech under another id, by the same speaker, undated.
        json!({"id": "alpha-again", "speaker": "AAA One", "text": alpha.join("\n\n")}),
        json!({"id": "thanks", "speaker": "GGG Seven", "date": "2021", "text": "Thank you, Mr. President."}),
    ];
    documents.rotate_left(3);
    documents
}

fn snapshot(documents: &[serde_json::Value]) -> (Arc<Snapshot>, TempDir) {
    let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let lines: Vec<String> = documents.iter().map(ToString::to_string).collect();
    fs::write(folder.path().join("corpus.jsonl"), lines.join("\n")).unwrap();
    let engine = support::engine(&data);
    support::ingest(
        &engine,
        &[folder.path().to_owned()],
        IngestOptions::default(),
    );
    (engine.publish().unwrap(), data)
}

fn corpus_context(documents: &[serde_json::Value]) -> (CorpusContext, TempDir) {
    let (snapshot, data) = snapshot(documents);
    (CorpusContext::new(snapshot, false), data)
}

/// Returns the ids of both passages of each pair, with its measures.
fn named_pairs(context: &CorpusContext, pairs: &[Pair]) -> Vec<(String, String, f32, f32, f32)> {
    let name = |row| context.passage_id(row).unwrap();
    let one = |pair: &Pair| {
        let (a, b) = (name(pair.source), name(pair.target));
        (a, b, pair.score, pair.lexical_overlap, pair.confidence)
    };
    pairs.iter().map(one).collect()
}

fn ids(context: &CorpusContext, pairs: &[Pair]) -> Vec<(String, String)> {
    let named = named_pairs(context, pairs).into_iter();
    named.map(|(a, b, ..)| (a, b)).collect()
}

fn pair(a: &str, b: &str) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

/// A minimum confidence for paraphrases as free as ours.
fn paraphrase_thresholds() -> Thresholds {
    Thresholds {
        min_confidence: 0.5,
        ..Thresholds::default()
    }
}

fn corpus_pair_ids(
    context: &CorpusContext,
    scope: &Scope,
    thresholds: Thresholds,
) -> Vec<(String, String)> {
    let matches = CorpusComparison::new(context, scope, thresholds)
        .unwrap()
        .compare_all(&NoCorpusObserver)
        .unwrap();
    ids(context, &matches.pairs)
}

#[test]
fn a_shared_sentence_is_found_unless_it_is_a_formula() {
    const SHARED: &str =
        "The lagoon of Tarawa gave us fish, salt and songs before it gave us storms.";
    let say = |id: &str, text: &str| json!({"id": id, "date": "2020", "text": text});
    let with_context = |around: &str| format!("{SHARED} {around} {around}");
    let mut documents = vec![
        say("islands", &with_context(TEA)),
        say("valley", &with_context(BRIDGE)),
        say("other", HARVEST),
    ];
    let (few, _data) = corpus_context(&documents);
    let matches = CorpusComparison::new(&few, &Scope::default(), Thresholds::default())
        .unwrap()
        .compare_all(&NoCorpusObserver)
        .unwrap();
    assert_eq!(ids(&few, &matches.pairs), [pair("islands#p1", "valley#p1")]);
    let found = &ParallelLoader::new(&few, &Thresholds::default())
        .load(&matches.pairs)
        .unwrap()[0];
    assert!(found.passage_score < MIN_COSINE, "{}", found.passage_score);
    assert_eq!(found.text_reuse, TextReuse::Verbatim);
    let first = found.sentences[0];
    assert_eq!(found.source.passage.slice(first.source), SHARED);
    assert_eq!(found.target.passage.slice(first.target), SHARED);

    // Five others contain it as well, with different context: now it is a formula.
    for (id, around) in [
        ("a", CHESS),
        ("b", SEA),
        ("c", VETO),
        ("d", CYBER),
        ("e", HARVEST),
    ] {
        documents.push(say(id, &with_context(around)));
    }
    let (context, _data) = corpus_context(&documents);
    let pairs = |formulas| {
        let thresholds = Thresholds {
            formulas,
            ..Thresholds::default()
        };
        corpus_pair_ids(&context, &Scope::default(), thresholds)
    };
    let both = pair("islands#p1", "valley#p1");
    assert!(!pairs(FormulaPolicy::Exclude).contains(&both));
    assert!(pairs(FormulaPolicy::Include).contains(&both));
    assert!(pairs(FormulaPolicy::Only).contains(&both));
}

#[test]
fn a_context_reusing_sentences_equals_a_new_one() {
    let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let engine = support::engine(&data);
    let publish = |documents: &[serde_json::Value]| {
        let lines: Vec<String> = documents.iter().map(ToString::to_string).collect();
        fs::write(folder.path().join("corpus.jsonl"), lines.join("\n")).unwrap();
        support::ingest(
            &engine,
            &[folder.path().to_owned()],
            IngestOptions::default(),
        );
        engine.publish().unwrap()
    };
    let all = |context: &CorpusContext| {
        let comparison =
            CorpusComparison::new(context, &Scope::default(), paraphrase_thresholds()).unwrap();
        named_pairs(
            context,
            &comparison.compare_all(&NoCorpusObserver).unwrap().pairs,
        )
    };
    let mut documents = corpus();
    let before = CorpusContext::new(publish(&documents[..4]), false);
    let few = all(&before);
    // One document has changed, others are new.
    documents[1]["text"] = json!(format!("{TEA}\n\n{SEA_AGAIN}"));
    let snapshot = publish(&documents);
    let sentences = before.cached_sentence_index();
    assert!(sentences.is_some());
    let reused = all(&CorpusContext::reusing_sentences(
        Arc::clone(&snapshot),
        false,
        sentences,
    ));
    assert_eq!(reused, all(&CorpusContext::new(snapshot, false)));
    assert!(reused != few && !reused.is_empty());
}

#[test]
fn two_documents_are_paired_regardless_of_order() {
    let (context, _data) = corpus_context(&corpus());
    let found = compare(
        &context,
        ("alpha", "beta"),
        PairThresholds::default(),
        false,
    )
    .unwrap();
    assert_eq!(found.compared_pairs, 16);
    let mut pairs = ids(&context, &found.pairs);
    pairs.sort();
    let expected = [("#p1", "#p1"), ("#p2", "#p4"), ("#p3", "#p2")];
    let expected = expected.map(|(a, b)| pair(&format!("alpha{a}"), &format!("beta{b}")));
    assert_eq!(pairs, expected);

    let parallels = ParallelLoader::new(&context, &Thresholds::default())
        .load(&found.pairs)
        .unwrap();
    let sea = parallels
        .iter()
        .find(|p| p.source.passage.ordinal == 2)
        .unwrap();
    assert_eq!(sea.source.passage.text, SEA);
    assert_eq!(sea.target.passage.text, SEA_AGAIN);
    // The text reuse is that of the matched sentences.
    assert!(matches!(sea.pair.matched_by, MatchUnit::Sentence { .. }));
    assert_eq!(sea.text_reuse, sea.sentences[0].text_reuse);
    assert!(sea.passage_score > 0.5);
    assert!(!sea.formula && sea.percentile.unwrap() > 80.0);
    let first = &sea.sentences[0];
    let shown = (
        sea.source.passage.slice(first.source),
        sea.target.passage.slice(first.target),
    );
    assert!(
        SEA.contains(shown.0) && SEA_AGAIN.contains(shown.1),
        "{shown:?}"
    );
    let shared: Vec<&str> = sea
        .source
        .shared
        .iter()
        .map(|range| sea.source.passage.slice(*range))
        .collect();
    assert!(
        shared.iter().any(|text| text.contains("wells")),
        "{shared:?}"
    );
    let formula = parallels
        .iter()
        .find(|p| p.source.passage.ordinal == 1)
        .unwrap();
    assert!(formula.formula && formula.source.prevalence.documents >= 5);
}

#[test]
fn comparison_is_symmetric() {
    let (context, _data) = corpus_context(&corpus());
    for (a, b) in [("alpha", "beta"), ("gamma", "alpha"), ("zeta", "thanks")] {
        for many in [false, true] {
            let all = PairThresholds {
                min_confidence: 0.0,
                min_alignment_score: 0.0,
            };
            let forward = compare(&context, (a, b), all, many).unwrap();
            let backward = compare(&context, (b, a), all, many).unwrap();
            let reversed: Vec<_> = named_pairs(&context, &backward.pairs)
                .into_iter()
                .map(|(x, y, score, words, confidence)| (y, x, score, words, confidence))
                .collect();
            let (mut forward, mut reversed) = (named_pairs(&context, &forward.pairs), reversed);
            forward.sort_by(|x, y| (&x.0, &x.1).cmp(&(&y.0, &y.1)));
            reversed.sort_by(|x, y| (&x.0, &x.1).cmp(&(&y.0, &y.1)));
            assert_eq!(forward, reversed, "{a} {b} {many}");
        }
    }
}

#[test]
fn a_copy_is_matched_verbatim_and_the_same_id_is_rejected() {
    let (context, _data) = corpus_context(&corpus());
    let found = compare(
        &context,
        ("alpha", "alpha-again"),
        PairThresholds::default(),
        false,
    )
    .unwrap();
    let pairs = ids(&context, &found.pairs);
    assert_eq!(pairs.len(), 4);
    for (a, b) in &pairs {
        assert_eq!(a.split_once('#').unwrap().1, b.split_once('#').unwrap().1);
    }
    let parallels = ParallelLoader::new(&context, &Thresholds::default())
        .load(&found.pairs)
        .unwrap();
    assert!(
        parallels
            .iter()
            .all(|p| p.text_reuse == TextReuse::Verbatim && p.pair.confidence > 0.99)
    );
    let itself = compare(
        &context,
        ("alpha", "alpha"),
        PairThresholds::default(),
        false,
    );
    assert!(matches!(itself, Err(ParallelsError::SameDocument { .. })));
    let missing = compare(
        &context,
        ("alpha", "omega"),
        PairThresholds::default(),
        false,
    );
    assert!(matches!(missing, Err(ParallelsError::NoSuchDocument { id }) if id == "omega"));
}

#[test]
fn a_corpus_yields_each_pair_once_without_formulas() {
    let (context, _data) = corpus_context(&corpus());
    let found = corpus_pair_ids(&context, &Scope::default(), paraphrase_thresholds());
    // A quotation in another context, the same speech again, the paraphrases.
    for expected in [
        ("alpha#p4", "gamma#p2"),
        ("alpha#p4", "alpha-again#p4"),
        ("alpha#p2", "beta#p4"),
        ("alpha#p3", "beta#p2"),
    ] {
        let pair = pair(expected.0, expected.1);
        assert!(found.contains(&pair), "{pair:?} not in {found:?}");
    }
    for (a, b) in &found {
        let document = |id: &str| id.split_once('#').unwrap().0.to_owned();
        assert_ne!(document(a), document(b));
        assert!(!found.contains(&(b.clone(), a.clone())), "{a} {b} twice");
        assert!(
            !a.ends_with("#p1") && !b.ends_with("#p1"),
            "{a} {b} is a formula"
        );
    }
    let only = Thresholds {
        formulas: FormulaPolicy::Only,
        ..paraphrase_thresholds()
    };
    let formulas = corpus_pair_ids(&context, &Scope::default(), only);
    assert!(
        formulas
            .iter()
            .all(|(a, b)| a.ends_with("#p1") && b.ends_with("#p1"))
    );
    assert!(formulas.len() >= 15, "{}", formulas.len());
    let all = Thresholds {
        formulas: FormulaPolicy::Include,
        ..paraphrase_thresholds()
    };
    let all = corpus_pair_ids(&context, &Scope::default(), all);
    assert_eq!(all.len(), formulas.len() + found.len());
}

#[test]
fn exact_and_approximate_searches_find_the_same_pairs() {
    let (snapshot, _data) = snapshot(&corpus());
    let approximate = CorpusContext::new(Arc::clone(&snapshot), false);
    let exact = CorpusContext::new(snapshot, true);
    let all = Thresholds {
        min_score: -1.0,
        min_confidence: 0.0,
        min_margin: 0.0,
        formulas: FormulaPolicy::Include,
        ..Thresholds::default()
    };
    let pairs = corpus_pair_ids(&approximate, &Scope::default(), all);
    assert_eq!(pairs, corpus_pair_ids(&exact, &Scope::default(), all));
    // Every pair of passages of different documents, once.
    let counts = [4, 4, 3, 2, 2, 1, 4, 1_usize];
    let total: usize = counts.iter().sum();
    let within: usize = counts.iter().map(|n| n * n).sum();
    let stored = approximate.snapshot().info().passages;
    assert_eq!(stored, total, "the corpus is segmented as expected");
    assert_eq!(pairs.len(), (total * total - within) / 2);
}

#[test]
fn the_order_of_documents_changes_nothing() {
    let documents = corpus();
    let mut reversed = documents.clone();
    reversed.reverse();
    let thresholds = Thresholds {
        min_confidence: 0.3,
        min_margin: 0.0,
        formulas: FormulaPolicy::Include,
        ..Thresholds::default()
    };
    let run = |documents: &[serde_json::Value]| {
        let (context, _data) = corpus_context(documents);
        let matches = CorpusComparison::new(&context, &Scope::default(), thresholds)
            .unwrap()
            .compare_all(&NoCorpusObserver)
            .unwrap();
        let found = named_pairs(&context, &matches.pairs);
        let families =
            cluster_families(&context, &matches.pairs, &FamilyOptions::default()).unwrap();
        let background = context
            .null_distribution(MatchUnit::Passage)
            .unwrap()
            .percentile(0.5)
            .map(f64::to_bits);
        (found, members(&context, &families), background)
    };
    assert_eq!(run(&documents), run(&reversed));
}

fn members(context: &CorpusContext, families: &Families) -> Vec<Vec<String>> {
    let member =
        |member: &antiphon::parallels::FamilyMember| context.passage_id(member.unit.row).unwrap();
    let families = families.families.iter();
    families
        .map(|family| family.members.iter().map(member).collect())
        .collect()
}

#[test]
fn a_scope_restricts_the_compared_documents() {
    let (context, _data) = corpus_context(&corpus());
    let filter = |value| Filter::parse(&value).unwrap();
    let run = |scope: &Scope| corpus_pair_ids(&context, scope, paraphrase_thresholds());
    let whole = run(&Scope::default());

    let from_beta = Scope {
        source: filter(json!({"document": "beta"})),
        ..Scope::default()
    };
    let found = run(&from_beta);
    assert!(!found.is_empty() && found.iter().all(|(a, _)| a.starts_with("beta#")));
    assert!(found.contains(&pair("beta#p4", "alpha#p2")));

    let speakers = Scope {
        exclude_same: vec!["speaker".to_owned()],
        ..Scope::default()
    };
    let found = run(&speakers);
    let excluded: Vec<_> = whole.iter().filter(|pair| !found.contains(pair)).collect();
    assert!(
        !excluded.is_empty()
            && excluded
                .iter()
                .all(|(a, b)| a.starts_with("alpha") && b.starts_with("alpha"))
    );

    let forward = Scope {
        later_only: true,
        ..Scope::default()
    };
    let found = run(&forward);
    assert!(found.contains(&pair("alpha#p4", "gamma#p2")));
    assert!(
        found
            .iter()
            .all(|(a, b)| !a.contains("again") && !b.contains("again")),
        "no date"
    );
    let comparison = CorpusComparison::new(&context, &forward, Thresholds::default()).unwrap();
    assert_eq!(comparison.undated(), 1);

    let near = Scope {
        max_year_gap: Some(1),
        ..Scope::default()
    };
    let found = run(&near);
    assert!(found.contains(&pair("alpha#p2", "beta#p4")));
    assert!(
        !found.contains(&pair("alpha#p4", "gamma#p2")),
        "two years apart"
    );

    let empty = Scope {
        source: filter(json!({"document": "missing"})),
        ..Scope::default()
    };
    assert!(run(&empty).is_empty());
    let unknown = Scope {
        exclude_same: vec!["colour".to_owned()],
        ..Scope::default()
    };
    let error = CorpusComparison::new(&context, &unknown, Thresholds::default())
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("expected one of: document"),
        "{error}"
    );
}

#[test]
fn without_parallels_the_closest_pair_is_returned() {
    let (context, _data) = corpus_context(&corpus());
    let filter = |id: &str| Filter::parse(&json!({"document": id})).unwrap();
    let scope = Scope {
        source: filter("delta"),
        target: filter("beta"),
        ..Scope::default()
    };
    let comparison = CorpusComparison::new(&context, &scope, Thresholds::default()).unwrap();
    let matches = comparison.compare_all(&NoCorpusObserver).unwrap();
    assert!(matches.pairs.is_empty() && matches.filtered_counts.formulas == 1);
    let closest = ids(
        &context,
        &[comparison
            .closest_among(&comparison.sources())
            .unwrap()
            .unwrap()],
    );
    assert_eq!(closest, [pair("delta#p1", "beta#p1")]);
    let found = compare(
        &context,
        ("delta", "thanks"),
        PairThresholds::default(),
        false,
    )
    .unwrap();
    assert!(found.pairs.is_empty() && found.closest.is_some());
}

#[test]
fn families_cluster_restatements() {
    let mut documents = corpus();
    documents.push(json!({"id": "eta", "speaker": "HHH Eight", "date": "2014-01", "text": format!("{SEA_AGAIN}\n\n{CHESS}")}));
    let (context, _data) = corpus_context(&documents);
    let options = FamilyOptions {
        min_confidence: 0.5,
        ..FamilyOptions::default()
    };
    let pairs = |formulas| {
        let thresholds = Thresholds {
            formulas,
            ..options.thresholds()
        };
        let comparison = CorpusComparison::new(&context, &Scope::default(), thresholds).unwrap();
        comparison
            .with_all_match_units()
            .compare_all(&NoCorpusObserver)
            .unwrap()
            .pairs
    };
    let found = cluster_families(&context, &pairs(FormulaPolicy::Exclude), &options).unwrap();
    let sea = ["eta#p1", "alpha#p2", "beta#p4", "alpha-again#p2"];
    let all = members(&context, &found);
    assert!(all.contains(&sea.map(str::to_owned).to_vec()), "{all:?}");
    let index = all
        .iter()
        .position(|members| members[0] == "eta#p1")
        .unwrap();
    let family = &found.families[index];
    assert_eq!(family.first_count, 1);
    assert_eq!(
        family
            .years
            .iter()
            .map(|(y, n)| (*y, *n))
            .collect::<Vec<_>>(),
        [(2014, 1), (2015, 1), (2016, 1)]
    );
    assert!(
        family.min_confidence >= options.cohesion
            && family.mean_confidence >= family.min_confidence
    );
    let speakers = &family.value_counts[0];
    assert_eq!(speakers.values[0], ("AAA One".to_owned(), 2));
    let formulas = cluster_families(&context, &pairs(FormulaPolicy::Only), &options).unwrap();
    assert!(members(&context, &formulas)[0].len() >= 6);
    // The order of the pairs does not matter.
    let mut reordered = pairs(FormulaPolicy::Include);
    let families = cluster_families(&context, &reordered, &options).unwrap();
    reordered.reverse();
    let reordered_families = cluster_families(&context, &reordered, &options).unwrap();
    assert_eq!(
        members(&context, &families),
        members(&context, &reordered_families)
    );
}

#[test]
fn sentences_with_a_high_alignment_score_are_shown() {
    let security = "common, comprehensive, cooperative and sustainable security";
    let source_text = format!(
        "Cyber security is a global challenge from which no country can stay aloof. Therefore, all must work together for a {security}. All must join hands to crack down on the cyber crimes."
    );
    let target_text = format!(
        "Given the omni-present impact of cyber-security, no country can handle it single-handedly. The rapid evolution of technologies calls for a new philosophy. Therefore, we should all abandon the Cold War mentality and pursue a new concept based on {security}."
    );
    let filler: Vec<_> = [CHESS, TEA, HARVEST, BRIDGE, SEA]
        .iter()
        .enumerate()
        .map(|(index, text)| json!({"id": format!("other{index}"), "text": text}))
        .collect();
    let mut documents = vec![
        json!({"id": "a", "text": source_text}),
        json!({"id": "b", "text": target_text}),
    ];
    documents.extend(filler);
    let (context, _data) = corpus_context(&documents);
    let found = compare(&context, ("a", "b"), PairThresholds::default(), false).unwrap();
    let thresholds = Thresholds::default();
    let parallels = ParallelLoader::new(&context, &thresholds)
        .load(&found.pairs)
        .unwrap();
    let parallel = &parallels[0];
    let text = |side: &antiphon::parallels::Side, range| side.passage.slice(range).to_owned();
    let shown = parallel.sentences.iter().map(|pair| {
        (
            text(&parallel.source, pair.source),
            text(&parallel.target, pair.target),
        )
    });
    let shown: Vec<(String, String)> = shown.collect();
    assert!(
        shown
            .iter()
            .any(|(a, b)| a.contains(security) && b.contains(security)),
        "{shown:?}"
    );
    if parallel.pair.matched_by != MatchUnit::Passage {
        assert_eq!(parallel.matched_sentence_pair(), parallel.sentences.first());
    }
}

#[test]
fn families_of_sentences_ignore_their_passages() {
    const OATH: &str =
        "No treaty will ever make the shipyards of Marseille forget their drowned apprentices.";
    const TOAST: &str =
        "Orchards in the valley of Kakheti gave forty barrels of amber wine this autumn.";
    let around = [
        "Trains were late all winter, and nobody told the passengers why.",
        "Our budget for libraries was cut again by the council in March.",
        "A comet was seen above the observatory for three nights in a row.",
        "Chess players gathered in the old town to honour their champion.",
    ];
    // One document contains both, the others one of them each, all with unrelated sentences.
    let statements = [
        vec![OATH, TOAST],
        vec![OATH],
        vec![OATH],
        vec![TOAST],
        vec![TOAST],
    ];
    let document = |(index, statements): (usize, &Vec<&str>)| {
        let mut sentences = vec![around[index % 4]];
        sentences.extend(statements);
        json!({"id": format!("d{index}"), "date": format!("20{}", 10 + index), "text": sentences.join(" ")})
    };
    let mut documents: Vec<_> = statements.iter().enumerate().map(document).collect();
    // The same paragraph under three ids: its sentences form no families of their own.
    for id in ["copy-a", "copy-b", "copy-c"] {
        documents.push(json!({"id": id, "date": "2030", "text": format!("{SEA} {CHESS}")}));
    }
    let (context, _data) = corpus_context(&documents);
    let options = FamilyOptions::default();
    let thresholds = Thresholds {
        formulas: FormulaPolicy::Include,
        ..options.thresholds()
    };
    let comparison = CorpusComparison::new(&context, &Scope::default(), thresholds).unwrap();
    let pairs = comparison
        .with_all_match_units()
        .compare_all(&NoCorpusObserver)
        .unwrap()
        .pairs;
    let found = cluster_families(&context, &pairs, &options).unwrap();
    let read = found.families.iter().map(|family| {
        let texts = FamilyTexts::load(&context, family).unwrap();
        let members = texts.members.iter();
        let members = members.map(|member| {
            (
                member.passage.document.to_string(),
                member.text().to_owned(),
            )
        });
        members.collect::<Vec<_>>()
    });
    let mut read: Vec<Vec<(String, String)>> = read.collect();
    read.sort();
    let expected =
        |ids: [&str; 3], text: &str| ids.map(|id| (id.to_owned(), text.to_owned())).to_vec();
    let whole = format!("{SEA} {CHESS}");
    assert_eq!(
        read,
        [
            expected(["copy-a", "copy-b", "copy-c"], &whole),
            expected(["d0", "d1", "d2"], OATH),
            expected(["d0", "d3", "d4"], TOAST),
        ]
    );
    assert!(found.nested >= 2, "{}", found.nested);
    let long = FamilyOptions {
        min_words: 20,
        ..options
    };
    let found = cluster_families(&context, &pairs, &long).unwrap();
    assert_eq!(
        found.families.len(),
        1,
        "only the paragraph has enough words"
    );
}

#[test]
fn an_empty_corpus_has_no_parallels() {
    let (context, _data) = corpus_context(&[]);
    assert!(corpus_pair_ids(&context, &Scope::default(), Thresholds::default()).is_empty());
    assert_eq!(
        context
            .null_distribution(MatchUnit::Passage)
            .unwrap()
            .percentile(0.9),
        None
    );
    let (context, _data) = single_document_context();
    assert!(corpus_pair_ids(&context, &Scope::default(), Thresholds::default()).is_empty());
    let comparison =
        CorpusComparison::new(&context, &Scope::default(), Thresholds::default()).unwrap();
    assert!(
        comparison
            .closest_among(&comparison.sources())
            .unwrap()
            .is_none()
    );
}

fn single_document_context() -> (CorpusContext, TempDir) {
    corpus_context(&[json!({"id": "alone", "text": format!("{SEA}\n\n{SEA_AGAIN}")})])
}
