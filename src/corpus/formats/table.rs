//! The reader for CSV and TSV, compressed or not: a document per row.
//!
//! The first row has the names of the columns. Cells are separated by the character that separates the
//! header: a comma, a semicolon, a tab or a bar; quoted cells may contain line ends. UTF-8 is read as a
//! stream, one row at a time; a file in another encoding is read as a whole and decoded first.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use flate2::read::MultiGzDecoder;
use serde_json::Value;

use super::bounded::is_gzip;
use super::rows::Columns;
use crate::corpus::decode::decode;
use crate::corpus::error::SkipReason;
use crate::corpus::events::DocumentNote;
use crate::corpus::parsed::{
    CountingReader, ParseIssue, ParsedDocument, ParsedDocuments, ReadContext, unreadable,
};

/// The part of a file that its encoding is recognized by.
const SAMPLE_BYTES: usize = 256 * 1024;

const BUFFER_BYTES: usize = 64 * 1024;

/// Maximum number of columns.
const MAX_COLUMNS: usize = 16_384;

pub(super) fn read(file: CountingReader, context: &ReadContext) -> ParsedDocuments {
    let context = context.clone();
    let rows =
        std::iter::once_with(move || open(file, &context)).flat_map(|opened| -> ParsedDocuments {
            match opened {
                Ok(rows) => Box::new(rows),
                Err(reason) => Box::new(std::iter::once(Err(ParseIssue::from(reason)))),
            }
        });
    Box::new(rows)
}

/// Opens a table and reads its header.
fn open(mut file: CountingReader, context: &ReadContext) -> Result<Rows, SkipReason> {
    let mut start = read_up_to(&mut file, SAMPLE_BYTES)?;
    let compressed = is_gzip(&start);
    let whole = Cursor::new(start).chain(file);
    let mut input: Box<dyn Read> = if compressed {
        Box::new(MultiGzDecoder::new(BufReader::new(whole)))
    } else {
        Box::new(whole)
    };
    start = read_up_to(&mut input, SAMPLE_BYTES)?;
    let (input, note) = decoded(start, input, context.limits.max_file_bytes)?;
    let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
    let delimiter = delimiter_of(&mut input)?;
    let mut records = Records::new(input, delimiter, context.limits.max_line_bytes);
    let header = match records.next_record()? {
        Some(Ok(record)) => strings(&record).ok_or(SkipReason::InvalidUtf8Line { position: 1 })?,
        Some(Err(reason)) => return Err(reason),
        None => return Err(SkipReason::Empty),
    };
    let columns = Columns::from_header(&header, &context.options)?;
    let mut notes = columns.notes();
    notes.extend(note);
    Ok(Rows {
        records,
        columns,
        notes,
        ended: false,
    })
}

fn read_up_to(input: &mut impl Read, limit: usize) -> Result<Vec<u8>, SkipReason> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    input
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    Ok(bytes)
}

/// Returns the text of a table in UTF-8: as a stream if it is UTF-8, otherwise as a whole.
fn decoded(
    mut start: Vec<u8>,
    rest: Box<dyn Read>,
    limit: usize,
) -> Result<(Box<dyn Read>, Vec<DocumentNote>), SkipReason> {
    if let Some(tail) = start.strip_prefix(b"\xef\xbb\xbf") {
        start = tail.to_vec();
    }
    // A sample may end within a character.
    let is_utf8 =
        std::str::from_utf8(&start).map_or_else(|error| error.error_len().is_none(), |_| true);
    if is_utf8 && !start.contains(&0) {
        return Ok((Box::new(Cursor::new(start).chain(rest)), Vec::new()));
    }
    let mut whole = Cursor::new(start).chain(rest);
    let bytes = read_up_to(&mut whole, limit.saturating_add(1))?;
    if bytes.len() > limit {
        return Err(SkipReason::TooLarge {
            limit,
            received: None,
        });
    }
    let (text, note) = decode(bytes)?;
    Ok((Box::new(Cursor::new(text.into_bytes())), note))
}

/// Returns the delimiter that occurs most often in the first line, outside of quotes. A first line
/// `sep=;`, which Excel writes, says it and is skipped.
fn delimiter_of(input: &mut BufReader<Box<dyn Read>>) -> Result<u8, SkipReason> {
    let start = input.fill_buf().map_err(|error| unreadable(&error))?;
    if let Some([delimiter, b'\r' | b'\n', ..]) = start.strip_prefix(b"sep=") {
        let delimiter = *delimiter;
        input.consume("sep=;".len());
        return Ok(delimiter);
    }
    let (mut quoted, mut counts) = (false, [0_usize; 4]);
    let delimiters = *b",;\t|";
    for byte in start {
        match byte {
            b'"' => quoted = !quoted,
            b'\r' | b'\n' if !quoted && counts.iter().any(|count| *count > 0) => break,
            byte if !quoted => {
                if let Some(index) = delimiters.iter().position(|delimiter| delimiter == byte)
                    && let Some(count) = counts.get_mut(index)
                {
                    *count += 1;
                }
            }
            _ => {}
        }
    }
    let best = (0..delimiters.len())
        .rev()
        .max_by_key(|index| counts.get(*index));
    Ok(best
        .and_then(|index| delimiters.get(index))
        .copied()
        .unwrap_or(b','))
}

/// The documents of a table.
struct Rows {
    records: Records,
    columns: Columns,
    /// Notes on the table, for its first document.
    notes: Vec<DocumentNote>,
    ended: bool,
}

impl Iterator for Rows {
    type Item = Result<ParsedDocument, ParseIssue>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let record = match self.records.next_record() {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(reason) => {
                    self.ended = true;
                    Err(reason)
                }
            };
            let line = self.records.line;
            let document = record.and_then(|record| self.document(line, &record));
            match document {
                Ok(None) => {}
                Ok(Some(mut document)) => {
                    document.notes.append(&mut self.notes);
                    return Some(Ok(document));
                }
                Err(reason) => {
                    return Some(Err(ParseIssue {
                        entry: None,
                        line: Some(line),
                        reason,
                    }));
                }
            }
        }
        self.ended = true;
        None
    }
}

impl Rows {
    fn document(&self, line: usize, record: &Record) -> Result<Option<ParsedDocument>, SkipReason> {
        let mut cells = strings(record).ok_or(SkipReason::InvalidUtf8Line { position: 1 })?;
        // Programs leave out empty cells at the end, or write a delimiter after the last one.
        while cells.len() > self.columns.len()
            && cells.last().is_some_and(|cell| cell.trim().is_empty())
        {
            cells.pop();
        }
        if cells.len() > self.columns.len() || (cells.len() == 1 && self.columns.len() > 1) {
            if cells.iter().all(|cell| cell.trim().is_empty()) {
                return Ok(None);
            }
            return Err(SkipReason::CellCount {
                expected: self.columns.len(),
                received: cells.len(),
            });
        }
        let cells = cells.into_iter().map(Value::String).collect();
        Ok(self.columns.document(line, cells))
    }
}

/// The cells of a row.
struct Record {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// Returns the cells as text; `None` if one is not UTF-8.
fn strings(record: &Record) -> Option<Vec<String>> {
    let mut start = 0;
    let cells = record.ends.iter().map(|end| {
        let cell = record.bytes.get(start..*end).unwrap_or_default();
        start = *end;
        std::str::from_utf8(cell).ok().map(str::to_owned)
    });
    cells.collect()
}

/// Splits a stream into rows of bounded length.
struct Records {
    input: BufReader<Box<dyn Read>>,
    parser: Reader,
    max_bytes: usize,
    /// The line on which the last row starts.
    line: usize,
    /// The number of line ends read so far.
    lines_read: usize,
    last_byte: u8,
}

impl Records {
    fn new(input: BufReader<Box<dyn Read>>, delimiter: u8, max_bytes: usize) -> Self {
        Self {
            input,
            parser: ReaderBuilder::new().delimiter(delimiter).build(),
            max_bytes,
            line: 0,
            lines_read: 0,
            last_byte: 0,
        }
    }

    /// Reads the next row; the inner error concerns that row only.
    fn next_record(&mut self) -> Result<Option<Result<Record, SkipReason>>, SkipReason> {
        self.skip_line_ends()?;
        self.line = self.lines_read + 1;
        let mut record = Record {
            bytes: vec![0; 4096],
            ends: vec![0; 64],
        };
        let (mut written, mut cells, mut too_large) = (0, 0, false);
        loop {
            let available = self.input.fill_buf().map_err(|error| damaged(&error))?;
            let output = record.bytes.get_mut(written..).unwrap_or_default();
            let ends = record.ends.get_mut(cells..).unwrap_or_default();
            let (result, read, wrote, ended) = self.parser.read_record(available, output, ends);
            for byte in available.get(..read).unwrap_or_default() {
                let ends_line = *byte == b'\r' || (*byte == b'\n' && self.last_byte != b'\r');
                self.lines_read += usize::from(ends_line);
                self.last_byte = *byte;
            }
            self.input.consume(read);
            written += wrote;
            cells += ended;
            if written > self.max_bytes || cells > MAX_COLUMNS {
                // The rest of the row is read, and overwritten.
                too_large = true;
                (written, cells) = (0, 0);
            }
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    let longer = (record.bytes.len() * 2).min(self.max_bytes.saturating_add(1));
                    record.bytes.resize(longer.max(written + 1), 0);
                }
                ReadRecordResult::OutputEndsFull => {
                    record.ends.resize(record.ends.len() * 2, 0);
                }
                ReadRecordResult::Record if too_large => {
                    return Ok(Some(Err(SkipReason::TooLarge {
                        limit: self.max_bytes,
                        received: None,
                    })));
                }
                ReadRecordResult::Record => {
                    record.bytes.truncate(written);
                    record.ends.truncate(cells);
                    return Ok(Some(Ok(record)));
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    /// Skips the line ends before a row, so that it has the number of its first line.
    fn skip_line_ends(&mut self) -> Result<(), SkipReason> {
        loop {
            let available = self.input.fill_buf().map_err(|error| damaged(&error))?;
            let Some(byte @ (b'\r' | b'\n')) = available.first().copied() else {
                return Ok(());
            };
            let ends_line = byte == b'\r' || self.last_byte != b'\r';
            self.lines_read += usize::from(ends_line);
            self.last_byte = byte;
            self.input.consume(1);
        }
    }
}

fn damaged(error: &io::Error) -> SkipReason {
    unreadable(error)
}

#[cfg(test)]
mod tests;
