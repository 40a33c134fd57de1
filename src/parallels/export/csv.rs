//! A table, one row a pair, for spreadsheets and statistics.
//!
//! UTF-8 with a byte order mark, quoted as RFC 4180 has it. Where it comes from stands before the table
//! in lines that begin with `#`, a name and a value each: a spreadsheet shows them, and a program that
//! is told of `#` passes over them. Texts are always quoted, so that the `#` of a passage's id is never
//! taken for the beginning of a remark.

use std::borrow::Cow;
use std::io::{self, Write};

use ::csv::{QuoteStyle, Terminator, WriterBuilder};
use serde_json::json;

use crate::parallels::{Parallel, SentencePair, Side};
use crate::passages::TextRange;

use super::escape::clean;
use super::{Export, Report};

/// Bytes that begin a file of UTF-8: without them spreadsheets take it for something older.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Columns that both sides have, after `source_` and `target_`.
const SIDE: [&str; 11] = [
    "id",
    "document",
    "title",
    "speaker",
    "date",
    "country",
    "start",
    "end",
    "text",
    // Other documents that say nearly the same, and their speakers.
    "documents",
    "speakers",
];

/// Columns that a pair has, between its number and its sides.
const NUMBERS: [&str; 9] = [
    "confidence",
    "score",
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

/// Writes a table.
pub struct Csv<W> {
    out: W,
    written: usize,
}

impl<W: Write> Csv<W> {
    /// Writes to this.
    pub fn new(out: W) -> Self {
        Self { out, written: 0 }
    }

    fn row<'a>(&mut self, cells: impl IntoIterator<Item = Cow<'a, str>>) -> io::Result<()> {
        let mut row = WriterBuilder::new()
            .quote_style(QuoteStyle::NonNumeric)
            .terminator(Terminator::CRLF)
            .from_writer(&mut self.out);
        for cell in cells {
            row.write_field(cell.as_bytes())?;
        }
        row.write_record(None::<&[u8]>)?;
        row.flush()
    }
}

impl<W: Write> Export for Csv<W> {
    fn begin(&mut self, report: &Report) -> io::Result<()> {
        self.out.write_all(MARK)?;
        for (name, value) in report.rows() {
            // One line each, whatever a filter or a title holds.
            let value = clean(&value).replace(['\r', '\n'], " ");
            let value = harmless(&value).replace('"', "\"\"");
            write!(self.out, "# {name},\"{value}\"\r\n")?;
        }
        let both = ["source", "target"];
        let sides = both.map(|side| SIDE.map(|name| Cow::Owned(format!("{side}_{name}"))));
        self.row(
            [Cow::Borrowed("pair")]
                .into_iter()
                .chain(NUMBERS.map(Cow::Borrowed))
                .chain(sides.into_iter().flatten())
                .chain(SENTENCES.map(Cow::Borrowed)),
        )
    }

    fn parallel(&mut self, parallel: &Parallel) -> io::Result<()> {
        self.written += 1;
        let pair = &parallel.pair;
        let number = |value: f32| Cow::Owned(format!("{value:.4}"));
        let numbers = [
            Cow::Owned(self.written.to_string()),
            number(pair.confidence),
            number(pair.score),
            number(pair.words),
            number(pair.likeness),
            Cow::Owned(
                parallel
                    .percentile
                    .map_or(String::new(), |p| format!("{p:.4}")),
            ),
            parallel.margin.map_or(Cow::Borrowed(""), number),
            Cow::Borrowed(parallel.wording.name()),
            number(parallel.phrase),
            Cow::Borrowed(if parallel.formula { "true" } else { "false" }),
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

fn side(side: &Side) -> [Cow<'_, str>; SIDE.len()] {
    let Side {
        passage,
        document,
        common,
        ..
    } = side;
    let text = |text: &str| Cow::Owned(harmless(&clean(text)).into_owned());
    let known = |value: Option<&str>| value.map_or(Cow::Borrowed(""), text);
    let metadata = &document.metadata;
    [
        text(&passage.id()),
        text(document.id.as_str()),
        known(metadata.title.as_deref()),
        known(metadata.speaker.as_deref()),
        known(metadata.date.map(|date| date.to_string()).as_deref()),
        known(metadata.country.as_deref()),
        Cow::Owned(passage.range.start.to_string()),
        Cow::Owned(passage.range.end.to_string()),
        text(&passage.text),
        Cow::Owned(common.documents.to_string()),
        Cow::Owned(common.speakers.to_string()),
    ]
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
    let list = Cow::Owned(serde_json::Value::Array(list).to_string());
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
    let text = |text: &str| Cow::Owned(harmless(&clean(text)).into_owned());
    [
        text(source.slice(*a)),
        text(target.slice(*b)),
        Cow::Owned(format!("{score:.4}")),
        Cow::Owned(format!("{confidence:.4}")),
        list,
    ]
}

/// Four decimals, as everywhere in the table.
fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}

/// A text that a spreadsheet would take for a formula gets an apostrophe before it. So does one that
/// looks as if it had one already: take one apostrophe away wherever such a beginning follows it, and
/// the text is back.
fn harmless(text: &str) -> Cow<'_, str> {
    let is_dangerous = |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n');
    if text.trim_start_matches('\'').starts_with(is_dangerous) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}
