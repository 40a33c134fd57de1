//! `metadata.csv`: a row of metadata for each file beside it.
//!
//! The column `file` names the file: exactly, or in another Unicode normalisation, or in another
//! case where only one file can be meant. The other columns are fields by their names, in any
//! case, or attributes; `id` gives the document its id. A row for a file of many documents gives
//! what those do not say themselves. Cells are separated by commas, or by semicolons or tabs if
//! only so the header has a column `file`. A bad row is remarked upon and the next one is read.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::StringRecord;
use icu_normalizer::ComposingNormalizer;
use serde_json::Value;

use super::Limits;
use super::decode::{decode, inspect};
use super::format::Counted;
use super::metadata::Metadata;
use super::reading::{Matter, Origin, Remark};
use super::records::{Records, reader};

const NAME: &str = "metadata.csv";

/// Whether a path is called `metadata.csv`.
pub(super) fn is_table(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.eq_ignore_ascii_case(NAME))
}

/// One `metadata.csv`, its rows matched to the files beside it.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) path: PathBuf,
    pub(super) rows: BTreeMap<OsString, Row>,
    pub(super) remarks: Vec<Remark>,
    /// Whether it could be read at all; if not, its files are not said to lack a row.
    pub(super) usable: bool,
}

/// What a row says of its file.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) line: usize,
    pub(super) id: Option<String>,
    pub(super) metadata: Metadata,
}

impl Table {
    /// Reads the table of a folder, if it has one.
    pub(super) fn beside(folder: &Path, limits: Limits) -> Option<Self> {
        // A folder that cannot be listed has been reported by the walk.
        let names = fs::read_dir(folder)
            .ok()?
            .flatten()
            .map(|entry| entry.file_name());
        let mut names: Vec<OsString> = names.collect();
        names.sort();
        let tables = names.iter().filter(|name| is_table(Path::new(name)));
        let name = tables.max_by_key(|name| name.as_os_str() == NAME)?;
        let mut table = Self {
            path: folder.join(name),
            rows: BTreeMap::new(),
            remarks: Vec::new(),
            usable: false,
        };
        // Only files are candidates; asking the system costs less than a wrong match.
        let files: Vec<OsString> = names
            .iter()
            .filter(|name| !is_table(Path::new(name)) && folder.join(name).is_file())
            .cloned()
            .collect();
        match read(&table.path, limits) {
            Ok((text, note)) => {
                if let Some(note) = note {
                    table.remark(1, Matter::Noted(note));
                }
                let rows = table.parse(&text);
                table.match_rows(rows, &files);
            }
            Err(reason) => table.remark(None, Matter::TableNotUsed(reason)),
        }
        Some(table)
    }

    pub(super) fn remark(&mut self, line: impl Into<Option<usize>>, matter: Matter) {
        let origin = Origin {
            file: self.path.clone(),
            line: line.into(),
        };
        self.remarks.push(Remark { origin, matter });
    }

    fn parse(&mut self, text: &str) -> Vec<(String, Row)> {
        let Some((delimiter, columns)) = self.header(text) else {
            return Vec::new();
        };
        self.usable = true;
        let mut rows = Vec::new();
        for (index, record) in Records::new(text, delimiter).enumerate() {
            let (line, cells) = match record {
                Ok(_) if index == 0 => continue,
                Ok(record) => record,
                Err((line, matter)) => {
                    self.remark(line, matter);
                    continue;
                }
            };
            if cells.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            match self.row(line, &columns, &cells) {
                (name, _) if name.is_empty() => self.remark(line, Matter::NoFileName),
                row => rows.push(row),
            }
        }
        rows
    }

    /// The delimiter under which the header has a column `file`, and the columns' names.
    fn header(&mut self, text: &str) -> Option<(u8, Vec<String>)> {
        let columns_by = |delimiter| -> Vec<String> {
            let mut record = StringRecord::new();
            // Reading from memory cannot fail, and an empty table has an empty header.
            let _ = reader(text, delimiter).read_record(&mut record);
            let name = |cell: &str| match cell.trim() {
                cell if is_field(&cell.to_lowercase()) => cell.to_lowercase(),
                cell => cell.to_owned(),
            };
            record.iter().map(name).collect()
        };
        let found = [b',', b';', b'\t']
            .into_iter()
            .map(|delimiter| (delimiter, columns_by(delimiter)))
            .find(|(_, columns)| columns.iter().any(|name| name == "file"));
        let Some((delimiter, columns)) = found else {
            let columns = columns_by(b',').into_iter().take(20).collect();
            self.remark(1, Matter::NoFileColumn { columns });
            return None;
        };
        for (index, name) in columns.iter().enumerate() {
            if name.is_empty() {
                self.remark(1, Matter::UnnamedColumn { number: index + 1 });
            } else if columns.iter().take(index).any(|before| before == name) {
                self.remark(1, Matter::RepeatedColumn { name: name.clone() });
            }
        }
        Some((delimiter, columns))
    }

    fn row(&mut self, line: usize, columns: &[String], cells: &StringRecord) -> (String, Row) {
        let mut file = String::new();
        let mut row = Row {
            line,
            ..Row::default()
        };
        for (index, (name, cell)) in columns.iter().zip(cells).enumerate() {
            let cell = cell.trim();
            let repeated = columns.iter().take(index).any(|before| before == name);
            match name.as_str() {
                // Said once, of the header.
                _ if repeated || name.is_empty() || cell.is_empty() => {}
                "file" => cell.clone_into(&mut file),
                "id" => row.id = Some(cell.to_owned()),
                name => {
                    if let Err(note) = row.metadata.put(name, Value::String(cell.to_owned())) {
                        self.remark(line, Matter::Noted(note));
                    }
                }
            }
        }
        (file, row)
    }

    /// Gives each row its file: first those that name one exactly, then the others, which may only
    /// have what is left. So no lenient match takes a file from its own row.
    fn match_rows(&mut self, rows: Vec<(String, Row)>, files: &[OsString]) {
        let mut inexact = Vec::new();
        for (name, row) in rows {
            let bare = name.strip_prefix("./").unwrap_or(&name);
            if bare.contains(['/', '\\']) {
                self.remark(row.line, Matter::OtherFolder { name });
            } else if let Some(file) = files.iter().find(|file| file.as_os_str() == bare) {
                self.give(file, row);
            } else {
                inexact.push((bare.to_owned(), row));
            }
        }
        let exact: Vec<OsString> = self.rows.keys().cloned().collect();
        for (name, row) in inexact {
            let left = || files.iter().filter(|file| !exact.contains(file));
            let composed: Vec<_> = left()
                .filter(|file| compose(&file.to_string_lossy()) == compose(&name))
                .collect();
            let folded: Vec<_> = left()
                .filter(|file| fold(&file.to_string_lossy()) == fold(&name))
                .collect();
            match (composed.as_slice(), folded.as_slice()) {
                ([file], _) => self.give(file, row),
                ([], [file]) => {
                    let file_name = file.to_string_lossy().into_owned();
                    self.remark(
                        row.line,
                        Matter::MatchedByCase {
                            name,
                            file: file_name,
                        },
                    );
                    self.give(file, row);
                }
                ([], []) => self.remark(row.line, Matter::UnmatchedRow { name }),
                (_, candidates) => {
                    let shown = candidates
                        .iter()
                        .map(|file| file.to_string_lossy().into_owned());
                    let candidates = shown.collect();
                    self.remark(row.line, Matter::AmbiguousRow { name, candidates });
                }
            }
        }
    }

    fn give(&mut self, file: &OsString, row: Row) {
        match self.rows.get(file) {
            None => {
                self.rows.insert(file.clone(), row);
            }
            Some(first) => {
                let matter = Matter::DuplicateRow {
                    file: file.to_string_lossy().into_owned(),
                    first_line: first.line,
                };
                self.remark(row.line, matter);
            }
        }
    }
}

fn read(path: &Path, limits: Limits) -> Result<(String, Option<super::Note>), super::SkipReason> {
    let file = Counted::open(path, Arc::default())?;
    let decoded = decode(file.read_whole(limits.max_table_bytes)?)?;
    match inspect(&decoded.0, usize::MAX) {
        Err(reason @ super::SkipReason::Binary { .. }) => Err(reason),
        // An empty table has no column `file`, and that is what will be said.
        _ => Ok(decoded),
    }
}

fn is_field(name: &str) -> bool {
    name == "file" || name == "id" || Metadata::FIELDS.contains(&name)
}

fn compose(name: &str) -> String {
    ComposingNormalizer::new_nfc().normalize(name).into_owned()
}

fn fold(name: &str) -> String {
    compose(&compose(name).to_lowercase())
}
