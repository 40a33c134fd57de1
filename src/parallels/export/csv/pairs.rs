//! A row a pair.

use std::borrow::Cow;
use std::io::{self, Write};
use std::iter;

use serde_json::json;

use super::{Csv, PASSAGE, number, passage, quoted, text, truth};
use crate::parallels::export::escape::clean;
use crate::parallels::export::{Export, Report};
use crate::parallels::{Parallel, SentencePair, Side};
use crate::passages::TextRange;

/// Columns that both sides have after those of the passage: other documents that say nearly the same,
/// and their speakers.
const COMMON: [&str; 2] = ["documents", "speakers"];

/// Columns that a pair has, between its number and its sides.
const NUMBERS: [&str; 11] = [
    "confidence",
    "carrier",
    "score",
    "passage_score",
    "words",
    "likeness",
    "percentile",
    "margin",
    "wording",
    "phrase",
    "formula",
];

/// Columns of its sentences: the surest pair by itself, then all as JSON.
const SENTENCES: [&str; 5] = [
    "source_sentence",
    "target_sentence",
    "sentence_score",
    "sentence_confidence",
    "sentences",
];

impl<W: Write> Export for Csv<W> {
    fn begin(&mut self, report: &Report) -> io::Result<()> {
        let sides = ["source", "target"].into_iter().flat_map(|side| {
            let names = PASSAGE.iter().chain(&COMMON);
            names.map(move |name| format!("{side}_{name}"))
        });
        let names = NUMBERS.map(str::to_owned).into_iter();
        let columns = iter::once("pair".to_owned()).chain(names).chain(sides);
        let columns: Vec<String> = columns.chain(SENTENCES.map(str::to_owned)).collect();
        self.head(report.rows(), &columns)
    }

    fn parallel(&mut self, parallel: &Parallel) -> io::Result<()> {
        self.written += 1;
        let pair = &parallel.pair;
        let numbers = [
            Cow::Owned(self.written.to_string()),
            number(pair.confidence),
            quoted(pair.carrier.name()),
            number(pair.score),
            number(parallel.passage_score),
            number(pair.words),
            number(pair.likeness),
            Cow::Owned(
                parallel
                    .percentile
                    .map_or(String::new(), |p| format!("{p:.4}")),
            ),
            parallel.margin.map_or(Cow::Borrowed(""), number),
            quoted(parallel.wording.name()),
            number(parallel.phrase),
            truth(parallel.formula),
        ];
        let [source, target] = [&parallel.source, &parallel.target].map(side);
        let sentences = sentences(parallel);
        self.row(
            numbers
                .into_iter()
                .chain(source)
                .chain(target)
                .chain(sentences),
        )
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn side(side: &Side) -> impl Iterator<Item = Cow<'_, str>> {
    let common = [side.common.documents, side.common.speakers];
    let cells = passage(&side.passage, &side.document).into_iter();
    cells.chain(common.map(|number| Cow::Owned(number.to_string())))
}

fn sentences(parallel: &Parallel) -> [Cow<'_, str>; SENTENCES.len()] {
    let (source, target) = (&parallel.source.passage, &parallel.target.passage);
    let list: Vec<_> = parallel
        .sentences
        .iter()
        .map(|pair| {
            let range = |range: TextRange| [range.start, range.end];
            json!({
                "source": clean(source.slice(pair.source)),
                "target": clean(target.slice(pair.target)),
                "source_range": range(pair.source),
                "target_range": range(pair.target),
                "score": rounded(pair.score),
                "confidence": rounded(pair.confidence),
                "wording": pair.wording.name(),
            })
        })
        .collect();
    // A list begins with a bracket: no spreadsheet takes it for a formula.
    let list = quoted(&serde_json::Value::Array(list).to_string());
    let Some(SentencePair {
        source: a,
        target: b,
        score,
        confidence,
        ..
    }) = parallel.sentences.first()
    else {
        let none = || Cow::Borrowed("");
        return [none(), none(), none(), none(), list];
    };
    [
        text(source.slice(*a)),
        text(target.slice(*b)),
        number(*score),
        number(*confidence),
        list,
    ]
}

/// Four decimals, as everywhere in the table.
fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}
