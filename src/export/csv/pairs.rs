//! One row per pair.

use std::borrow::Cow;
use std::io::{self, Write};
use std::iter;

use serde_json::json;

use super::{Csv, PASSAGE_COLUMNS, bool_cell, number_cell, passage_cells, quoted, text_cell};
use crate::export::escape::clean;
use crate::export::{Export, ParallelsReport};
use crate::parallels::{Parallel, SentencePair, Side};
use crate::passages::TextRange;

/// Columns of both sides after those of the passage: how widely the matched text is restated.
const PREVALENCE_COLUMNS: [&str; 2] = ["documents", "speakers"];

/// Columns of the measures, between the number of a pair and its sides.
const MEASURE_COLUMNS: [&str; 11] = [
    "confidence",
    "matched_by",
    "score",
    "passage_score",
    "lexical_overlap",
    "combined_similarity",
    "percentile",
    "margin",
    "text_reuse",
    "alignment_score",
    "formula",
];

/// Columns of the sentences: the first pair by itself, then all pairs as JSON.
const SENTENCE_COLUMNS: [&str; 5] = [
    "source_sentence",
    "target_sentence",
    "sentence_score",
    "sentence_confidence",
    "sentences",
];

impl<W: Write> Export for Csv<W> {
    fn begin(&mut self, report: &ParallelsReport) -> io::Result<()> {
        let sides = ["source", "target"].into_iter().flat_map(|side| {
            let names = PASSAGE_COLUMNS.iter().chain(&PREVALENCE_COLUMNS);
            names.map(move |name| format!("{side}_{name}"))
        });
        let names = MEASURE_COLUMNS.map(str::to_owned).into_iter();
        let columns = iter::once("pair".to_owned()).chain(names).chain(sides);
        let columns: Vec<String> = columns.chain(SENTENCE_COLUMNS.map(str::to_owned)).collect();
        self.write_header(report.rows(), &columns)
    }

    fn parallel(&mut self, parallel: &Parallel) -> io::Result<()> {
        self.written += 1;
        let pair = &parallel.pair;
        let measures = [
            Cow::Owned(self.written.to_string()),
            number_cell(pair.confidence),
            quoted(pair.matched_by.name()),
            number_cell(pair.score),
            number_cell(parallel.passage_score),
            number_cell(pair.lexical_overlap),
            number_cell(pair.combined_similarity),
            Cow::Owned(
                parallel
                    .percentile
                    .map_or(String::new(), |p| format!("{p:.4}")),
            ),
            parallel.margin.map_or(Cow::Borrowed(""), number_cell),
            quoted(parallel.text_reuse.name()),
            number_cell(parallel.alignment_score),
            bool_cell(parallel.formula),
        ];
        let [source, target] = [&parallel.source, &parallel.target].map(side_cells);
        let sentences = sentence_cells(parallel);
        self.write_row(
            measures
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

fn side_cells(side: &Side) -> impl Iterator<Item = Cow<'_, str>> {
    let prevalence = [side.prevalence.documents, side.prevalence.speakers];
    let cells = passage_cells(&side.passage, &side.document).into_iter();
    cells.chain(prevalence.map(|number| Cow::Owned(number.to_string())))
}

fn sentence_cells(parallel: &Parallel) -> [Cow<'_, str>; SENTENCE_COLUMNS.len()] {
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
                "score": round_to_4_decimals(pair.score),
                "confidence": round_to_4_decimals(pair.confidence),
                "text_reuse": pair.text_reuse.name(),
            })
        })
        .collect();
    // A list starts with a bracket, so no spreadsheet takes it for a formula.
    let list = quoted(&serde_json::Value::Array(list).to_string());
    let Some(SentencePair {
        source: a,
        target: b,
        score,
        confidence,
        ..
    }) = parallel.sentences.first()
    else {
        let empty = || Cow::Borrowed("");
        return [empty(), empty(), empty(), empty(), list];
    };
    [
        text_cell(source.slice(*a)),
        text_cell(target.slice(*b)),
        number_cell(*score),
        number_cell(*confidence),
        list,
    ]
}

/// Rounds to four decimals, as everywhere in the table.
fn round_to_4_decimals(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}
