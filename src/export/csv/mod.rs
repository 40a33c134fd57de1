//! Export as CSV, one row per pair or per member of a family, for spreadsheets and statistics.
//!
//! UTF-8 with a byte order mark, quoted according to RFC 4180. The provenance precedes the table in
//! lines that begin with `#`, with a name and a value each: a spreadsheet shows them as rows, and
//! programs can skip them. Texts are always quoted, so that the `#` of a passage's id never starts a
//! comment.

mod families;
mod pairs;

use std::borrow::Cow;
use std::io::{self, Write};

use crate::store::{DocumentSummary, PassageRecord};

use super::escape::clean;

/// The byte order mark of UTF-8, without which spreadsheets assume a legacy encoding.
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
    /// Creates an export that writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, written: 0 }
    }

    /// Writes what precedes the table, and the names of its columns.
    fn write_header(&mut self, rows: Vec<(String, String)>, columns: &[String]) -> io::Result<()> {
        self.out.write_all(UTF8_BOM)?;
        for (name, value) in rows {
            // One line each, whatever a filter or a title contains.
            let value = clean(&value).replace(['\r', '\n'], " ");
            write!(
                self.out,
                "# {name},{}\r\n",
                quoted(&without_formula_injection(&value))
            )?;
        }
        self.write_row(columns.iter().map(|name| quoted(name)))
    }

    /// Writes a row of encoded cells.
    fn write_row<'a>(&mut self, cells: impl IntoIterator<Item = Cow<'a, str>>) -> io::Result<()> {
        for (column, cell) in cells.into_iter().enumerate() {
            let comma = if column > 0 { "," } else { "" };
            write!(self.out, "{comma}{cell}")?;
        }
        write!(self.out, "\r\n")
    }
}

/// Returns the cells of a passage and its document.
fn passage_cells<'a>(
    passage: &'a PassageRecord,
    document: &'a DocumentSummary,
) -> [Cow<'a, str>; PASSAGE_COLUMNS.len()] {
    let optional = |value: Option<&str>| value.map_or(Cow::Borrowed(""), text_cell);
    let metadata = &document.metadata;
    [
        text_cell(&passage.id()),
        text_cell(document.id.as_str()),
        optional(metadata.title.as_deref()),
        optional(metadata.speaker.as_deref()),
        optional(metadata.date.map(|date| date.to_string()).as_deref()),
        optional(metadata.country.as_deref()),
        Cow::Owned(passage.range.start.to_string()),
        Cow::Owned(passage.range.end.to_string()),
        text_cell(&passage.text),
    ]
}

/// Encodes a text so that a spreadsheet does not interpret it. It is quoted even if it looks like a
/// number, so that a spreadsheet can be set to keep `007` and `1/2` unchanged.
fn text_cell(text: &str) -> Cow<'static, str> {
    quoted(&without_formula_injection(&clean(text)))
}

fn quoted(text: &str) -> Cow<'static, str> {
    Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
}

/// Formats a number with four decimals.
fn number_cell(value: f32) -> Cow<'static, str> {
    Cow::Owned(format!("{value:.4}"))
}

fn bool_cell(value: bool) -> Cow<'static, str> {
    Cow::Borrowed(if value { "true" } else { "false" })
}

/// Prefixes a text that a spreadsheet would take for a formula with an apostrophe, and likewise a text
/// in which such a beginning follows apostrophes of its own. To restore a text, remove one apostrophe
/// wherever such a beginning follows it.
fn without_formula_injection(text: &str) -> Cow<'_, str> {
    let is_dangerous = |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n');
    if text.trim_start_matches('\'').starts_with(is_dangerous) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}
