//! The reader for spreadsheets: each sheet is a table, a row is a document.

use std::io::Cursor;

use calamine::{Data, Reader as _, Sheets, open_workbook_auto_from_rs};
use serde_json::Value;

use super::bounded::read_bounded;
use super::rows::Columns;
use crate::corpus::error::SkipReason;
use crate::corpus::parsed::{
    CountingReader, ParseIssue, ParsedDocument, ParsedDocuments, ReadContext,
};

/// What the parts of a package may unpack to. The library holds a sheet in memory, at several times the
/// size of its XML.
const MAX_UNPACKED_BYTES: usize = 128 * 1024 * 1024;

const FORMAT: &str = "a spreadsheet";

pub(super) fn read(file: CountingReader, context: &ReadContext) -> ParsedDocuments {
    let context = context.clone();
    let documents =
        std::iter::once_with(move || open(file, &context)).flat_map(|opened| -> ParsedDocuments {
            match opened {
                Ok(rows) => Box::new(rows.into_iter()),
                Err(reason) => Box::new(std::iter::once(Err(ParseIssue::from(reason)))),
            }
        });
    Box::new(documents)
}

type Row = Result<ParsedDocument, ParseIssue>;

fn open(file: CountingReader, context: &ReadContext) -> Result<Vec<Row>, SkipReason> {
    let bytes = file.read_to_limit(context.limits.max_file_bytes)?;
    check_package(&bytes)?;
    let mut workbook: Sheets<_> = open_workbook_auto_from_rs(Cursor::new(bytes))
        .map_err(|error| malformed(&error.to_string()))?;
    let names = workbook.sheet_names();
    let (mut rows, mut without_texts) = (Vec::new(), None);
    let several = names.len() > 1;
    for name in names {
        let range = match workbook.worksheet_range(&name) {
            Ok(range) => range,
            Err(error) => {
                rows.push(Err(malformed(&format!("sheet {name}: {error}")).into()));
                continue;
            }
        };
        let first_line = range.start().map_or(1, |(row, _)| row as usize + 1);
        let mut lines = range.rows();
        // Titles above a table have one cell.
        let mut header_line = 0;
        let header = lines.by_ref().find(|row| {
            header_line += 1;
            row.iter()
                .filter(|cell| !matches!(cell, Data::Empty))
                .count()
                > usize::from(row.len() > 1)
        });
        let Some(header) = header else {
            continue;
        };
        let header: Vec<String> = header.iter().map(ToString::to_string).collect();
        let columns = match Columns::from_header(&header, &context.options) {
            Ok(columns) => columns,
            Err(reason) => {
                without_texts.get_or_insert(reason);
                continue;
            }
        };
        let mut notes = columns.notes();
        for (index, row) in lines.enumerate() {
            let line = first_line + header_line + index;
            let cells = row.iter().map(value_of).collect();
            if let Some(mut document) = columns.document(line, cells) {
                document.part = several.then(|| format!("{name}-{line}"));
                document.notes.append(&mut notes);
                rows.push(Ok(document));
            }
        }
    }
    match without_texts {
        // Sheets without texts next to one with texts have something else.
        Some(reason) if rows.is_empty() => Err(reason),
        None if rows.is_empty() => Err(SkipReason::Empty),
        _ => Ok(rows),
    }
}

fn malformed(problem: &str) -> SkipReason {
    SkipReason::Malformed {
        format: FORMAT,
        problem: problem.to_owned(),
    }
}

/// Refuses a package that unpacks to more than a spreadsheet does; the library has no limits.
fn check_package(bytes: &[u8]) -> Result<(), SkipReason> {
    if !bytes.starts_with(b"PK") {
        return Ok(());
    }
    let mut archive =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| malformed(&error.to_string()))?;
    let mut remaining = MAX_UNPACKED_BYTES;
    for index in 0..archive.len() {
        let part = archive
            .by_index(index)
            .map_err(|error| malformed(&error.to_string()))?;
        let packed = usize::try_from(part.compressed_size()).unwrap_or(usize::MAX);
        // What a header says about the size is not trusted.
        let unpacked = read_bounded(part, packed, remaining)?;
        check_repeats(&unpacked)?;
        remaining = remaining.saturating_sub(unpacked.len());
    }
    Ok(())
}

/// Refuses an `OpenDocument` sheet whose cells are repeated, by a number in the file, to more than a
/// sheet has.
fn check_repeats(xml: &[u8]) -> Result<(), SkipReason> {
    const MAX_CELLS: u64 = 50_000_000;
    let mut cells = 0_u64;
    let mut rows = 1_u64;
    for at in memchr::memmem::find_iter(xml, b"-repeated=\"") {
        let tail = xml.get(at + 11..).unwrap_or_default();
        let digits: u64 = tail
            .iter()
            .take(12)
            .take_while(|byte| byte.is_ascii_digit())
            .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
        let is_rows = xml.get(at.saturating_sub(4)..at) == Some(b"rows");
        // Empty rows and columns up to the end of a sheet are repeated and not stored.
        let element_end = tail
            .iter()
            .position(|byte| *byte == b'>')
            .unwrap_or(tail.len());
        let is_empty = tail.get(element_end.saturating_sub(1)) == Some(&b'/');
        if is_rows {
            rows = digits.max(1);
        } else if !is_empty {
            cells = cells.saturating_add(digits.saturating_mul(rows));
        }
    }
    if cells > MAX_CELLS {
        return Err(SkipReason::LimitExceeded {
            problem: format!("its cells are repeated {cells} times"),
            limit: MAX_CELLS.to_string(),
        });
    }
    Ok(())
}

fn value_of(cell: &Data) -> Value {
    match cell {
        Data::Empty | Data::Error(_) => Value::Null,
        Data::Bool(value) => Value::Bool(*value),
        Data::Int(value) => Value::from(*value),
        // Excel has no integers.
        #[allow(clippy::cast_possible_truncation)] // checked to be a whole number of moderate size
        Data::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
            Value::from(*value as i64)
        }
        Data::Float(value) => Value::from(*value),
        Data::DateTime(date) if date.is_datetime() => {
            let (year, month, day, ..) = date.to_ymd_hms_milli();
            Value::String(format!("{year:04}-{month:02}-{day:02}"))
        }
        other => Value::String(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;
    use crate::corpus::CorpusLimits;

    fn ods(content: &str) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default();
        for (name, content) in [
            ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
            ("META-INF/manifest.xml", "<manifest:manifest/>"),
            ("content.xml", content),
        ] {
            zip.start_file(name, options).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn sheet(name: &str, rows: &[&[&str]]) -> String {
        let rows = rows.iter().map(|cells| {
            let cells = cells.iter().map(|cell| {
                format!("<table:table-cell office:value-type=\"string\"><text:p>{cell}</text:p></table:table-cell>")
            });
            format!("<table:table-row>{}</table:table-row>", cells.collect::<String>())
        });
        format!(
            "<table:table table:name=\"{name}\">{}</table:table>",
            rows.collect::<String>()
        )
    }

    fn content(sheets: &str) -> Vec<u8> {
        ods(&format!(
            "<office:document-content xmlns:office=\"o\" xmlns:table=\"t\" xmlns:text=\"x\"><office:body><office:spreadsheet>{sheets}\
             </office:spreadsheet></office:body></office:document-content>"
        ))
    }

    fn read_all(bytes: Vec<u8>) -> Vec<Row> {
        let context = ReadContext {
            limits: CorpusLimits::default(),
            options: Arc::default(),
            path: "t.ods".into(),
        };
        read(CountingReader::from_bytes(bytes), &context).collect()
    }

    #[test]
    fn a_row_of_each_sheet_with_texts_is_a_document() {
        let one = sheet(
            "A",
            &[
                &["Debates of 2015"],
                &["Speaker", "Text"],
                &["Ada", "One."],
                &["", ""],
                &["Bo", "Two."],
            ],
        );
        let two = sheet("Legend", &[&["code", "meaning"], &["x", "y"]]);
        let rows = read_all(content(&(one + &two)));
        let documents: Vec<_> = rows.into_iter().map(Result::unwrap).collect();
        assert_eq!(documents.len(), 2);
        assert_eq!(
            (documents[1].line, documents[1].text.as_str()),
            (Some(5), "Two.")
        );
        assert_eq!(documents[1].part.as_deref(), Some("A-5"));
        assert_eq!(documents[0].metadata.speaker.as_deref(), Some("Ada"));
    }

    #[test]
    fn sheets_without_texts_and_hostile_files_are_refused() {
        let legend = content(&sheet("Legend", &[&["code", "meaning"], &["x", "y"]]));
        assert!(matches!(
            read_all(legend)[0],
            Err(ParseIssue {
                reason: SkipReason::NoTextColumn { .. },
                ..
            })
        ));
        let repeated = "<table:table table:name=\"A\"><table:table-row table:number-rows-repeated=\"1000000\"><table:table-cell \
                        table:number-columns-repeated=\"16000\" office:value-type=\"string\"><text:p>x</text:p></table:table-cell>\
                        </table:table-row></table:table>";
        for bytes in [
            content(repeated),
            b"PK\x03\x04".to_vec(),
            b"\xd0\xcf\x11\xe0".to_vec(),
            Vec::new(),
        ] {
            assert!(read_all(bytes)[0].is_err());
        }
    }
}
