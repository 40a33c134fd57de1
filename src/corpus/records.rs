//! The rows of a table of separated values, each with the line it begins on.

use csv::{Reader, ReaderBuilder, StringRecord};

use super::reading::Matter;

/// How many unclosed quotes are mended: each makes the rest of the table be parsed once more.
const MAX_RESTARTS: usize = 100;

/// A parser that takes rows of any width and knows no header.
pub(super) fn reader(text: &str, delimiter: u8) -> Reader<&[u8]> {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes())
}

/// The rows of a table with the lines they begin on.
///
/// A quotation mark that never closes makes a parser take the rest of the file for one cell. Here
/// it costs its own line only: parsing begins anew on the next.
pub(super) struct Records<'a> {
    text: &'a str,
    delimiter: u8,
    reader: Reader<&'a [u8]>,
    /// Where the reader began.
    base: usize,
    /// How far lines have been counted, and the line that is there.
    counted: (usize, usize),
    width: Option<usize>,
    restarts: usize,
}

impl<'a> Records<'a> {
    pub(super) fn new(text: &'a str, delimiter: u8) -> Self {
        Self {
            text,
            delimiter,
            reader: reader(text, delimiter),
            base: 0,
            counted: (0, 1),
            width: None,
            restarts: 0,
        }
    }

    /// Where the reader stands in the text.
    fn offset(&self) -> usize {
        let read = self.reader.position().byte();
        self.base
            .saturating_add(usize::try_from(read).unwrap_or(usize::MAX))
    }

    fn line_at(&mut self, place: usize) -> usize {
        let (counted, line) = self.counted;
        let passed = self.text.as_bytes().get(counted..place).unwrap_or_default();
        let line = line + passed.split(|byte| *byte == b'\n').count() - 1;
        self.counted = (place, line);
        line
    }

    fn restart(&mut self, place: usize) {
        self.base = place;
        self.reader = reader(self.text.get(place..).unwrap_or_default(), self.delimiter);
        self.restarts += 1;
    }
}

impl Iterator for Records<'_> {
    type Item = Result<(usize, StringRecord), (usize, Matter)>;

    fn next(&mut self) -> Option<Self::Item> {
        let before = self.offset();
        let mut record = StringRecord::new();
        // From memory and valid UTF-8: an error cannot come, and would mean the end.
        if !self.reader.read_record(&mut record).unwrap_or(false) {
            return None;
        }
        let raw = self.text.get(before..self.offset()).unwrap_or_default();
        // The reader passes over blank lines before the row.
        let row = raw.trim_start_matches(['\r', '\n']);
        let start = before + raw.len() - row.len();
        let line = self.line_at(start);
        let expected = *self.width.get_or_insert(record.len());
        let received = record.len();
        let first_line = row.find('\n').map_or(row.len(), |end| end + 1);
        let several_lines = !row.get(first_line..).unwrap_or_default().is_empty();
        let unclosed = several_lines && !is_well_quoted(row, self.delimiter);
        if several_lines && (unclosed || received != expected) {
            if self.restarts == MAX_RESTARTS {
                self.restart(self.text.len());
                let limit = MAX_RESTARTS;
                return Some(Err((line, Matter::TooManyFaults { limit })));
            }
            self.restart(start + first_line);
            return Some(Err((line, Matter::UnclosedQuote)));
        }
        if received != expected {
            return Some(Err((line, Matter::CellCount { expected, received })));
        }
        Some(Ok((line, record)))
    }
}

/// Whether every quotation mark that opens a cell closes it. The parser is more lenient: two rows
/// that each open one and close none would become a single cell.
fn is_well_quoted(row: &str, delimiter: u8) -> bool {
    let mut bytes = row.bytes().peekable();
    let mut at_start = true;
    while let Some(byte) = bytes.next() {
        if byte != b'"' || !at_start {
            at_start = byte == delimiter;
            continue;
        }
        loop {
            match bytes.next() {
                None => return false,
                Some(b'"') if bytes.peek() == Some(&b'"') => {
                    bytes.next();
                }
                Some(b'"') => break,
                Some(_) => {}
            }
        }
        let after = bytes.peek().copied();
        if !matches!(after, None | Some(b'\r' | b'\n')) && after != Some(delimiter) {
            return false;
        }
        at_start = false;
    }
    true
}
