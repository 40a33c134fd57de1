//! Fixtures of the tests of every export: texts with special characters of some format.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    ComparedCount, ExportProvenance, FamiliesReport, PairCounts, ParallelsReport, ReportSubject,
};
use crate::corpus::{Metadata, SourcePlace};
use crate::engine::Provenance;
use crate::parallels::{
    Family, FamilyTexts, FilteredCounts, MatchUnit, MemberText, Pair, Parallel, Prevalence,
    SentencePair, Side, TextReuse, TextUnit, ValueCounts,
};
use crate::passages::TextRange;
use crate::store::{ContentHash, DocumentSummary, PassageRecord};

/// Texts of two sentences each with syntax of some format.
pub(crate) const HOSTILE_TEXTS: [&str; 8] = [
    "=cmd|'/C calc'!A1, he said. \"Quoted, twice\"\" over.\"",
    "+1 is a number. -1 is one as well.",
    "'@SUM(A1:A9) had an apostrophe. \tTabs as well.",
    "]]> ends what never began. <script>alert('x')</script> & <!-- so does this -->",
    "A line\nand another\r\none. Bell \u{7} and zero \u{0} and \u{fffe} rang.",
    "השלום הוא מטרה. والسلام عليكم جميعا.",
    "👩‍🚀 went up. #p1 came down; 50 % of it.",
    "-",
];

pub(crate) fn document(index: usize) -> DocumentSummary {
    let names = [
        "a",
        "ü-日本",
        "d3.x_y~z",
        "x:y&z",
        "<b>",
        "\"q\"",
        "=f",
        "h",
    ];
    DocumentSummary {
        id: names[index].parse().expect("an id"),
        metadata: Metadata {
            title: Some(HOSTILE_TEXTS[index].to_owned()),
            speaker: (index != 1).then(|| format!("{}, speaker", HOSTILE_TEXTS[index])),
            date: ["2015", "2015-10", "2015-10-23"][index % 3].parse().ok(),
            country: Some("007".to_owned()),
            venue: Some("A & B".to_owned()),
            language: Some(["en", "not a tag", "zh-Hans"][index % 3].to_owned()),
            source: Some("<source>".to_owned()),
            ..Metadata::default()
        },
        content_hash: ContentHash::from_parts([HOSTILE_TEXTS[index].as_bytes()]),
        passages: 1,
        characters: 100,
    }
}

pub(crate) fn passage(index: usize) -> PassageRecord {
    let text = HOSTILE_TEXTS[index].to_owned();
    let start = 10 * index;
    let end = start + text.chars().count();
    // Two sentences; the blank between them belongs to neither.
    let dot = text.find(". ").map(|byte| text[..=byte].chars().count());
    let sentences = dot.map_or_else(
        || vec![TextRange { start, end }],
        |dot| {
            let first = TextRange {
                start,
                end: start + dot,
            };
            let second = TextRange {
                start: start + dot + 1,
                end,
            };
            vec![first, second]
        },
    );
    PassageRecord {
        document: document(index).id,
        ordinal: 1,
        hash: ContentHash::from_parts([text.as_bytes()]),
        tokens: 9,
        range: TextRange { start, end },
        sentences,
        place: SourcePlace::default(),
        text,
    }
}

pub(crate) fn side(index: usize) -> Side {
    let passage = passage(index);
    // Across the end of the first sentence, if there are two.
    let shared = passage.sentences.get(1).map(|second| TextRange {
        start: second.start - 3,
        end: second.start + 2,
    });
    Side {
        document: Arc::new(document(index)),
        shared: shared.into_iter().collect(),
        prevalence: Prevalence {
            documents: index,
            speakers: 1,
        },
        passage,
    }
}

pub(crate) fn parallel(source: usize, target: usize) -> Parallel {
    let (source, target) = (side(source), side(target));
    let both = source
        .passage
        .sentences
        .iter()
        .zip(&target.passage.sentences);
    let sentences = both.map(|(a, b)| SentencePair {
        source: *a,
        target: *b,
        score: 0.75,
        confidence: 0.5,
        text_reuse: TextReuse::Close,
    });
    Parallel {
        pair: Pair {
            source: 0,
            target: 1,
            matched_by: MatchUnit::Passage,
            score: -0.125,
            lexical_overlap: 0.25,
            combined_similarity: 0.5,
            confidence: 0.8125,
        },
        passage_score: -0.125,
        margin: None,
        percentile: Some(99.9999),
        text_reuse: TextReuse::Paraphrase,
        alignment_score: 1.5,
        formula: true,
        sentences: sentences.collect(),
        source,
        target,
    }
}

/// The same, with the first sentences of both as the matched unit.
pub(crate) fn parallel_by_sentences(source: usize, target: usize) -> Parallel {
    let mut parallel = parallel(source, target);
    parallel.pair.matched_by = MatchUnit::Sentence {
        source: 0,
        target: 0,
    };
    parallel.passage_score = 0.375;
    parallel
}

/// Each text is in at least one pair, one of them in two; in the last pair, sentences match.
pub(crate) fn parallels() -> Vec<Parallel> {
    let mut all: Vec<Parallel> = (0..4).map(|n| parallel(2 * n, 2 * n + 1)).collect();
    all.push(parallel_by_sentences(0, 2));
    all
}

pub(crate) fn report(found: usize, subject: ReportSubject) -> ParallelsReport {
    ParallelsReport {
        subject,
        provenance: provenance(),
        counts: PairCounts {
            found,
            compared: ComparedCount::Passages(77),
            low_confidence: 1,
            low_margin: 2,
            formulas: 3,
            superseded: 4,
            undated: 5,
            limit: None,
        },
        bibliography: (0..8).map(|index| Arc::new(document(index))).collect(),
        confidence_histogram: [0, 0, 0, 0, 0, 0, 0, 0, found, 0],
        closest: (found == 0).then(|| parallel(3, 4)),
    }
}

fn provenance() -> ExportProvenance {
    ExportProvenance {
        version: "0.1.0",
        commit: "0123456789ab",
        source: Provenance {
            model: "a/model".to_owned(),
            revision: "r".to_owned(),
            precision: "int8".to_owned(),
            snapshot: "s".to_owned(),
            corpus_hash: ContentHash::from_parts([b"corpus".as_slice()]),
            documents: 8,
            passages: 8,
            index: "exact".to_owned(),
        },
        changed: Some("2026-01-02T03:04:05Z".to_owned()),
        parameters: vec![
            (
                "source".to_owned(),
                r#"{"country": "=A, \"B\""}"#.to_owned(),
            ),
            ("target".to_owned(), "=two\nlines".to_owned()),
        ],
    }
}

/// Two families, of three and of all texts: the first of sentences, the second without known dates.
pub(crate) fn families() -> Vec<FamilyTexts> {
    [vec![4, 0, 2], (0..8).collect()]
        .into_iter()
        .zip([1, 0])
        .map(|(indices, first)| family(&indices, first))
        .collect()
}

fn family(indices: &[usize], first: usize) -> FamilyTexts {
    let by_sentences = first > 0;
    let member = |(at, index): (usize, &usize)| MemberText {
        passage: passage(*index),
        document: Arc::new(document(*index)),
        confidence: 0.625,
        is_representative: at == 1,
        sentence: by_sentences.then(|| passage(*index).sentences[0]),
        is_first: at < first,
    };
    FamilyTexts {
        members: indices.iter().enumerate().map(member).collect(),
        family: Family {
            representative: TextUnit {
                row: 1,
                sentence: by_sentences.then_some(0),
            },
            members: Vec::new(),
            first_count: first,
            min_confidence: 0.375,
            mean_confidence: 0.75,
            value_counts: vec![ValueCounts {
                field: "speaker".to_owned(),
                values: vec![
                    (HOSTILE_TEXTS[3].to_owned(), 2),
                    (HOSTILE_TEXTS[5].to_owned(), 1),
                ],
            }],
            years: BTreeMap::from([(2015, indices.len())]),
        },
    }
}

pub(crate) fn families_report(found: usize) -> FamiliesReport {
    FamiliesReport {
        provenance: provenance(),
        bibliography: match found {
            0 => Vec::new(),
            _ => (0..8).map(|index| Arc::new(document(index))).collect(),
        },
        found,
        small: 6,
        nested: 5,
        compared_passages: 77,
        pairs: 9,
        filtered_counts: FilteredCounts {
            low_confidence: 1,
            low_margin: 2,
            formulas: 3,
        },
        undated: 5,
    }
}
