//! CSV records with their line numbers, tolerant of unclosed quotes.

use csv::{Reader, ReaderBuilder, StringRecord};

use super::events::TableIssue;

/// Recoveries from unclosed quotes per table. Each parses the rest of the table again.
const MAX_RESTARTS: usize = 100;

/// Returns a parser that accepts rows of any width and treats the header as a row.
pub(super) fn csv_reader(text: &str, delimiter: u8) -> Reader<&[u8]> {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes())
}

/// Iterates over the records of a table and the lines they start on.
///
/// An unclosed quotation mark would make a parser read the rest of the file as one cell. Here it
/// costs its own line only: parsing restarts on the next line.
pub(super) struct CsvRecords<'a> {
    text: &'a str,
    delimiter: u8,
    reader: Reader<&'a [u8]>,
    /// Byte offset at which `reader` was started.
    base_offset: usize,
    /// The offset up to which lines have been counted, and the line number there.
    line_cursor: (usize, usize),
    column_count: Option<usize>,
    restarts: usize,
}

impl<'a> CsvRecords<'a> {
    pub(super) fn new(text: &'a str, delimiter: u8) -> Self {
        Self {
            text,
            delimiter,
            reader: csv_reader(text, delimiter),
            base_offset: 0,
            line_cursor: (0, 1),
            column_count: None,
            restarts: 0,
        }
    }

    /// Returns the reader's byte offset in the text.
    fn offset(&self) -> usize {
        let read = self.reader.position().byte();
        self.base_offset
            .saturating_add(usize::try_from(read).unwrap_or(usize::MAX))
    }

    fn line_at_offset(&mut self, offset: usize) -> usize {
        let (counted, line) = self.line_cursor;
        let skipped = self
            .text
            .as_bytes()
            .get(counted..offset)
            .unwrap_or_default();
        let line = line + skipped.split(|byte| *byte == b'\n').count() - 1;
        self.line_cursor = (offset, line);
        line
    }

    fn restart_at(&mut self, offset: usize) {
        self.base_offset = offset;
        self.reader = csv_reader(self.text.get(offset..).unwrap_or_default(), self.delimiter);
        self.restarts += 1;
    }
}

impl Iterator for CsvRecords<'_> {
    type Item = Result<(usize, StringRecord), (usize, TableIssue)>;

    fn next(&mut self) -> Option<Self::Item> {
        let before = self.offset();
        let mut record = StringRecord::new();
        // Reading valid UTF-8 from memory cannot fail; an error would end the iteration.
        if !self.reader.read_record(&mut record).unwrap_or(false) {
            return None;
        }
        let raw = self.text.get(before..self.offset()).unwrap_or_default();
        // The reader skips blank lines before the row.
        let row = raw.trim_start_matches(['\r', '\n']);
        let start = before + raw.len() - row.len();
        let line = self.line_at_offset(start);
        let expected = *self.column_count.get_or_insert(record.len());
        let received = record.len();
        let first_line = row.find('\n').map_or(row.len(), |end| end + 1);
        let several_lines = !row.get(first_line..).unwrap_or_default().is_empty();
        let unclosed = several_lines && !is_well_quoted(row, self.delimiter);
        if several_lines && (unclosed || received != expected) {
            if self.restarts == MAX_RESTARTS {
                self.restart_at(self.text.len());
                let limit = MAX_RESTARTS;
                return Some(Err((line, TableIssue::TooManyUnclosedQuotes { limit })));
            }
            self.restart_at(start + first_line);
            return Some(Err((line, TableIssue::UnclosedQuote)));
        }
        if received != expected {
            return Some(Err((line, TableIssue::CellCount { expected, received })));
        }
        Some(Ok((line, record)))
    }
}

/// Returns whether every quoted cell is closed. The parser is more lenient: two rows that each open
/// a quote and close none would become a single cell.
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
