//! A table, one row a pair or a member of a family, for spreadsheets and statistics.
//!
//! UTF-8 with a byte order mark, quoted as RFC 4180 has it. Where it comes from stands before the table
//! in lines that begin with `#`, a name and a value each: a spreadsheet shows them, and a program that
//! is told of `#` passes over them. Texts are always quoted, so that the `#` of a passage's id is never
//! taken for the beginning of a remark.

mod families;
mod pairs;

use std::borrow::Cow;
use std::io::{self, Write};

use crate::store::{DocumentSummary, PassageRecord};

use super::escape::clean;

/// Bytes that begin a file of UTF-8: without them spreadsheets take it for something older.
const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// Columns of a passage and its document.
const PASSAGE_COLUMNS: [&str; 9] = [
    "id", "document", "title", "speaker", "date", "country", "start", "end", "text",
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

    /// What stands before the table, and the names of its columns.
    fn write_header(&mut self, rows: Vec<(String, String)>, columns: &[String]) -> io::Result<()> {
        self.out.write_all(UTF8_BOM)?;
        for (name, value) in rows {
            // One line each, whatever a filter or a title holds.
            let value = clean(&value).replace(['\r', '\n'], " ");
            write!(
                self.out,
                "# {name},{}\r\n",
                quoted(&without_formula_injection(&value))
            )?;
        }
        self.write_row(columns.iter().map(|name| quoted(name)))
    }

    /// Cells as they stand in the file.
    fn write_row<'a>(&mut self, cells: impl IntoIterator<Item = Cow<'a, str>>) -> io::Result<()> {
        for (place, cell) in cells.into_iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(self.out, "{comma}{cell}")?;
        }
        write!(self.out, "\r\n")
    }
}

/// The cells of a passage and its document.
fn passage_cells<'a>(
    passage: &'a PassageRecord,
    document: &'a DocumentSummary,
) -> [Cow<'a, str>; PASSAGE_COLUMNS.len()] {
    let known = |value: Option<&str>| value.map_or(Cow::Borrowed(""), text_cell);
    let metadata = &document.metadata;
    [
        text_cell(&passage.id()),
        text_cell(document.id.as_str()),
        known(metadata.title.as_deref()),
        known(metadata.speaker.as_deref()),
        known(metadata.date.map(|date| date.to_string()).as_deref()),
        known(metadata.country.as_deref()),
        Cow::Owned(passage.range.start.to_string()),
        Cow::Owned(passage.range.end.to_string()),
        text_cell(&passage.text),
    ]
}

/// A text that means nothing to a spreadsheet, in quotes also where it looks like a number: a
/// spreadsheet that is told so keeps `007` and `1/2` as they are.
fn text_cell(text: &str) -> Cow<'static, str> {
    quoted(&without_formula_injection(&clean(text)))
}

fn quoted(text: &str) -> Cow<'static, str> {
    Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
}

/// Four decimals, as everywhere in the table.
fn number_cell(value: f32) -> Cow<'static, str> {
    Cow::Owned(format!("{value:.4}"))
}

fn bool_cell(value: bool) -> Cow<'static, str> {
    Cow::Borrowed(if value { "true" } else { "false" })
}

/// A text that a spreadsheet would take for a formula gets an apostrophe before it. So does one that
/// looks as if it had one already: take one apostrophe away wherever such a beginning follows it, and
/// the text is back.
fn without_formula_injection(text: &str) -> Cow<'_, str> {
    let is_dangerous = |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n');
    if text.trim_start_matches('\'').starts_with(is_dangerous) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}
