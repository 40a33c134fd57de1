//! `metadata.csv`: a row of metadata for each file in its folder.
//!
//! The column `file` names the file: exactly, in another Unicode normalization form, or in another
//! case if that is unambiguous. The other columns are fields, in any case, or attributes; `id` sets
//! the document's id. A row for a file of several documents has their defaults. Cells are separated
//! by commas, or by semicolons or tabs if only then the header has a column `file`. An invalid row is
//! reported and ignored.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::StringRecord;
use icu_normalizer::ComposingNormalizer;
use serde_json::Value;

use super::CorpusLimits;
use super::csv_records::{CsvRecords, csv_reader};
use super::decode::{DecodedText, decode, validate_text};
use super::events::{CorpusWarning, TableIssue};
use super::location::SourceLocation;
use super::metadata::Metadata;
use super::parsed::CountingReader;

const TABLE_FILE_NAME: &str = "metadata.csv";

/// Returns whether a path is a `metadata.csv`, in any case.
pub(super) fn is_metadata_table(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.eq_ignore_ascii_case(TABLE_FILE_NAME))
}

/// A `metadata.csv`, with its rows matched to the files of its folder.
#[derive(Debug)]
pub(super) struct MetadataTable {
    pub(super) path: PathBuf,
    pub(super) rows: BTreeMap<OsString, MetadataRow>,
    pub(super) warnings: Vec<CorpusWarning>,
    /// Whether it could be read; otherwise files without a row are not reported.
    pub(super) usable: bool,
}

/// The metadata of one file.
#[derive(Debug, Default)]
pub(super) struct MetadataRow {
    pub(super) line: usize,
    pub(super) id: Option<String>,
    pub(super) metadata: Metadata,
}

impl MetadataTable {
    /// Reads the table of a folder, if it has one.
    pub(super) fn for_folder(folder: &Path, limits: CorpusLimits) -> Option<Self> {
        // The listing has reported a folder that cannot be read.
        let names = fs::read_dir(folder)
            .ok()?
            .flatten()
            .map(|entry| entry.file_name());
        let mut names: Vec<OsString> = names.collect();
        names.sort();
        let tables = names
            .iter()
            .filter(|name| is_metadata_table(Path::new(name)));
        let name = tables.max_by_key(|name| name.as_os_str() == TABLE_FILE_NAME)?;
        let mut table = Self {
            path: folder.join(name),
            rows: BTreeMap::new(),
            warnings: Vec::new(),
            usable: false,
        };
        // Only files are candidates for a match.
        let files: Vec<OsString> = names
            .iter()
            .filter(|name| !is_metadata_table(Path::new(name)) && folder.join(name).is_file())
            .cloned()
            .collect();
        match read_table(&table.path, limits) {
            Ok((text, notes)) => {
                for note in notes {
                    table.warn(1, TableIssue::Note(note));
                }
                let rows = table.parse(&text);
                table.match_rows(rows, &files);
            }
            Err(reason) => table.warn(None, TableIssue::TableNotUsed(reason)),
        }
        Some(table)
    }

    pub(super) fn warn(&mut self, line: impl Into<Option<usize>>, issue: TableIssue) {
        let location = SourceLocation {
            file: self.path.clone(),
            line: line.into(),
        };
        self.warnings.push(CorpusWarning { location, issue });
    }

    fn parse(&mut self, text: &str) -> Vec<(String, MetadataRow)> {
        let Some((delimiter, columns)) = self.parse_header(text) else {
            return Vec::new();
        };
        self.usable = true;
        let mut rows = Vec::new();
        for (index, record) in CsvRecords::new(text, delimiter).enumerate() {
            let (line, cells) = match record {
                Ok(_) if index == 0 => continue,
                Ok(record) => record,
                Err((line, issue)) => {
                    self.warn(line, issue);
                    continue;
                }
            };
            if cells.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            match self.parse_row(line, &columns, &cells) {
                (name, _) if name.is_empty() => self.warn(line, TableIssue::BlankFileCell),
                row => rows.push(row),
            }
        }
        rows
    }

    /// Returns the delimiter with which the header has a column `file`, and the names of the columns.
    fn parse_header(&mut self, text: &str) -> Option<(u8, Vec<String>)> {
        let columns_by = |delimiter| -> Vec<String> {
            let mut record = StringRecord::new();
            // Reading from memory cannot fail, and an empty table has an empty header.
            let _ = csv_reader(text, delimiter).read_record(&mut record);
            let name = |cell: &str| match cell.trim() {
                cell if is_known_column(&cell.to_lowercase()) => cell.to_lowercase(),
                cell => cell.to_owned(),
            };
            record.iter().map(name).collect()
        };
        let header = [b',', b';', b'\t']
            .into_iter()
            .map(|delimiter| (delimiter, columns_by(delimiter)))
            .find(|(_, columns)| columns.iter().any(|name| name == "file"));
        let Some((delimiter, columns)) = header else {
            let columns = columns_by(b',').into_iter().take(20).collect();
            self.warn(1, TableIssue::NoFileColumn { columns });
            return None;
        };
        for (index, name) in columns.iter().enumerate() {
            if name.is_empty() {
                self.warn(1, TableIssue::UnnamedColumn { number: index + 1 });
            } else if columns.iter().take(index).any(|earlier| earlier == name) {
                self.warn(1, TableIssue::RepeatedColumn { name: name.clone() });
            }
        }
        Some((delimiter, columns))
    }

    fn parse_row(
        &mut self,
        line: usize,
        columns: &[String],
        cells: &StringRecord,
    ) -> (String, MetadataRow) {
        let mut file = String::new();
        let mut row = MetadataRow {
            line,
            ..MetadataRow::default()
        };
        for (index, (name, cell)) in columns.iter().zip(cells).enumerate() {
            let cell = cell.trim();
            let repeated = columns.iter().take(index).any(|earlier| earlier == name);
            match name.as_str() {
                // Reported for the header.
                _ if repeated || name.is_empty() || cell.is_empty() => {}
                "file" => cell.clone_into(&mut file),
                "id" => row.id = Some(cell.to_owned()),
                name => {
                    if let Err(note) = row
                        .metadata
                        .set_if_absent(name, Value::String(cell.to_owned()))
                    {
                        self.warn(line, TableIssue::Note(note));
                    }
                }
            }
        }
        (file, row)
    }

    /// Assigns rows to files: exact names first, then lenient matches among the remaining files, so that
    /// no lenient match claims a file with a row of its own.
    fn match_rows(&mut self, rows: Vec<(String, MetadataRow)>, files: &[OsString]) {
        let mut inexact = Vec::new();
        for (name, row) in rows {
            let bare = name.strip_prefix("./").unwrap_or(&name);
            if bare.contains(['/', '\\']) {
                self.warn(row.line, TableIssue::FileInOtherFolder { name });
            } else if let Some(file) = files.iter().find(|file| file.as_os_str() == bare) {
                self.assign_row(file, row);
            } else {
                inexact.push((bare.to_owned(), row));
            }
        }
        let exact: Vec<OsString> = self.rows.keys().cloned().collect();
        // Rows without a file mostly share a cause, and are one remark.
        let mut unmatched: Vec<(usize, String)> = Vec::new();
        for (name, row) in inexact {
            let unassigned = || files.iter().filter(|file| !exact.contains(file));
            let composed: Vec<_> = unassigned()
                .filter(|file| normalize_name(&file.to_string_lossy()) == normalize_name(&name))
                .collect();
            let caseless: Vec<_> = unassigned()
                .filter(|file| fold_case(&file.to_string_lossy()) == fold_case(&name))
                .collect();
            match (composed.as_slice(), caseless.as_slice()) {
                ([file], _) => self.assign_row(file, row),
                ([], [file]) => {
                    let file_name = file.to_string_lossy().into_owned();
                    self.warn(
                        row.line,
                        TableIssue::MatchedByCase {
                            name,
                            file: file_name,
                        },
                    );
                    self.assign_row(file, row);
                }
                ([], []) => unmatched.push((row.line, name)),
                (_, candidates) => {
                    let names = candidates
                        .iter()
                        .map(|file| file.to_string_lossy().into_owned());
                    let candidates = names.collect();
                    self.warn(row.line, TableIssue::AmbiguousRow { name, candidates });
                }
            }
        }
        let names = unmatched.iter().map(|(_, name)| name.clone()).collect();
        if let [(line, _), ..] = unmatched.as_slice() {
            self.warn(*line, TableIssue::UnmatchedRows { names });
        }
    }

    fn assign_row(&mut self, file: &OsString, row: MetadataRow) {
        match self.rows.get(file) {
            None => {
                self.rows.insert(file.clone(), row);
            }
            Some(first) => {
                let issue = TableIssue::DuplicateRow {
                    file: file.to_string_lossy().into_owned(),
                    first_line: first.line,
                };
                self.warn(row.line, issue);
            }
        }
    }
}

fn read_table(path: &Path, limits: CorpusLimits) -> Result<DecodedText, super::SkipReason> {
    let file = CountingReader::open(path, Arc::default())?;
    let decoded = decode(file.read_to_limit(limits.max_table_bytes)?)?;
    match validate_text(&decoded.0, usize::MAX) {
        Err(reason @ super::SkipReason::Binary { .. }) => Err(reason),
        // An empty table is reported as one without a column `file`.
        _ => Ok(decoded),
    }
}

fn is_known_column(name: &str) -> bool {
    name == "file" || name == "id" || Metadata::FIELDS.contains(&name)
}

fn normalize_name(name: &str) -> String {
    ComposingNormalizer::new_nfc().normalize(name).into_owned()
}

fn fold_case(name: &str) -> String {
    normalize_name(&normalize_name(name).to_lowercase())
}
