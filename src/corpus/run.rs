//! A corpus, opened and read from its first file to its last.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::decode::inspect;
use super::format::{Counted, Draft, Drafts, Fault, SourceFile, stem_of};
use super::id::DocumentId;
use super::listing::{self, Entry};
use super::reading::{Matter, Note, Origin, Reading, Remark, Skipped, excerpt};
use super::reason::{CorpusError, SkipReason};
use super::table::{Row, Table};
use super::{Document, Limits};

/// The files under some paths, listed and not yet read.
#[derive(Debug)]
pub struct Corpus {
    entries: Vec<Entry>,
    /// The tables, by the place of their folder.
    tables: BTreeMap<PathBuf, Table>,
    limits: Limits,
    read: Arc<AtomicU64>,
}

/// How far a reading has come; may be kept and asked from another thread.
#[derive(Debug, Clone)]
pub struct Progress(Arc<AtomicU64>);

impl Progress {
    /// Bytes taken from disk, of [`Corpus::total_bytes`]: for a compressed file, compressed bytes.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Corpus {
    /// Lists the files under the paths, which may be files or folders and may overlap, and reads
    /// the `metadata.csv` of every folder they are in.
    ///
    /// # Errors
    ///
    /// If a path does not exist or cannot be looked at. What is found beneath the paths and cannot
    /// be read is no error: [`readings`](Self::readings) says so.
    pub fn open(paths: &[PathBuf], limits: &Limits) -> Result<Self, CorpusError> {
        let listing = listing::list(paths)?;
        let mut tables = BTreeMap::new();
        for (place, shown) in listing.folders {
            if let Some(table) = Table::beside(&shown, *limits) {
                tables.insert(place, table);
            }
        }
        for entry in &listing.entries {
            let (Ok(source), Some(table)) = (&entry.found, tables.get_mut(&entry.folder)) else {
                continue;
            };
            let name = source.path.file_name().unwrap_or_default();
            let Some(row) = table.rows.get_mut(name) else {
                continue;
            };
            if !source.format.holds_many() {
                continue;
            }
            if let Some(id) = row.id.take() {
                let file = name.to_string_lossy().into_owned();
                let line = row.line;
                table.remark(line, Matter::IdForMany { id, file });
            }
        }
        for table in tables.values_mut() {
            table.remarks.sort_by_key(|remark| remark.origin.line);
        }
        Ok(Self {
            entries: listing.entries,
            tables,
            limits: *limits,
            read: Arc::default(),
        })
    }

    /// The files that will be read, in their order.
    pub fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.entries
            .iter()
            .filter_map(|entry| entry.found.as_ref().ok())
    }

    /// The size of all [`files`](Self::files) on disk.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.files().map(|file| file.bytes).sum()
    }

    /// Follows the bytes that are read; each call of [`readings`](Self::readings) begins at zero.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress(Arc::clone(&self.read))
    }

    /// Reads the corpus: first the remarks on its tables, then file after file in their order.
    ///
    /// At most one document is in memory at a time, beside the ids seen so far.
    pub fn readings(&self) -> impl Iterator<Item = Reading> + '_ {
        self.read.store(0, Ordering::Relaxed);
        let remarks = self.tables.values().flat_map(|table| &table.remarks);
        let remarks = remarks.map(|remark: &Remark| Reading::Remark(remark.clone()));
        remarks.chain(Readings {
            corpus: self,
            next: 0,
            current: None,
            passed: 0,
            seen: HashMap::new(),
        })
    }
}

struct Readings<'a> {
    corpus: &'a Corpus,
    /// The next entry.
    next: usize,
    /// The file being read, and its number.
    current: Option<(usize, &'a SourceFile, Drafts)>,
    /// The size of all files up to and with the current one.
    passed: u64,
    /// Where each id was met: the entry's number and the line.
    seen: HashMap<DocumentId, (usize, Option<usize>)>,
}

impl<'a> Readings<'a> {
    /// Opens the next file, or says why not.
    fn advance(&mut self, entry: &'a Entry) -> Option<Skipped> {
        let number = self.next;
        self.next += 1;
        let opened = entry
            .found
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|source| {
                self.passed += source.bytes;
                let file = Counted::open(&source.path, Arc::clone(&self.corpus.read))?;
                Ok((number, source, source.format.open(file, self.corpus.limits)))
            });
        match opened {
            Ok(current) => {
                self.current = Some(current);
                None
            }
            Err(reason) => Some(self.skipped(number, Fault::from(reason))),
        }
    }

    fn origin(&self, number: usize, line: Option<usize>) -> Origin {
        let entry = self.corpus.entries.get(number);
        Origin {
            file: entry.map(|entry| entry.path.clone()).unwrap_or_default(),
            line,
        }
    }

    fn skipped(&self, number: usize, fault: Fault) -> Skipped {
        Skipped {
            origin: self.origin(number, fault.line),
            reason: fault.reason,
        }
    }

    /// Makes a document of a draft: sound text, its row's metadata, an id of its own.
    fn finish(&mut self, number: usize, source: &SourceFile, draft: Draft) -> Reading {
        let line = draft.line;
        match self.document(number, source, draft) {
            Ok((document, notes)) => Reading::Document {
                document,
                origin: self.origin(number, line),
                notes,
            },
            Err(reason) => Reading::Skipped(self.skipped(number, Fault { line, reason })),
        }
    }

    fn document(
        &mut self,
        number: usize,
        source: &SourceFile,
        draft: Draft,
    ) -> Result<(Document, Vec<Note>), SkipReason> {
        let mut notes = draft.notes;
        notes.extend(inspect(&draft.text, self.corpus.limits.max_text_bytes)?);
        let mut metadata = draft.metadata;
        let entry = self.corpus.entries.get(number);
        let table = entry.and_then(|entry| self.corpus.tables.get(&entry.folder));
        let row = row_of(table, source);
        match (row, table) {
            (Some(row), _) => {
                let differences = metadata.fill_from(&row.metadata);
                // For a file of many documents a row holds defaults, and those may differ.
                if !source.format.holds_many() {
                    notes.extend(differences);
                }
            }
            (None, Some(table)) if table.usable && !source.format.holds_many() => {
                notes.push(Note::NoRow {
                    table: table.path.clone(),
                });
            }
            _ => {}
        }
        metadata.title = metadata.title.or(draft.heading);

        let row_id = row.and_then(|row| row.id.clone());
        if let (Some(own), Some(other)) = (&draft.id, &row_id)
            && own != other
        {
            notes.push(Note::Conflict {
                field: "id".to_owned(),
                kept: excerpt(own),
                left_out: excerpt(other),
            });
        }
        let id = id_of(draft.id.or(row_id), source, draft.line, &mut notes);
        if let Some((number, line)) = self.seen.get(&id) {
            return Err(SkipReason::DuplicateId {
                id: id.to_string(),
                first: self.origin(*number, *line),
            });
        }
        self.seen.insert(id.clone(), (number, draft.line));
        let document = Document {
            id,
            text: draft.text,
            metadata,
        };
        Ok((document, notes))
    }
}

fn row_of<'t>(table: Option<&'t Table>, source: &SourceFile) -> Option<&'t Row> {
    table?.rows.get(source.path.file_name()?)
}

/// The id that was given, made valid if need be, or one derived from the file's name.
fn id_of(
    given: Option<String>,
    source: &SourceFile,
    line: Option<usize>,
    notes: &mut Vec<Note>,
) -> DocumentId {
    match (given, line) {
        (Some(given), _) => given.parse().unwrap_or_else(|_| {
            let id = DocumentId::from_name(&given);
            notes.push(Note::IdChanged {
                given: excerpt(&given),
                id: id.to_string(),
            });
            id
        }),
        (None, None) => DocumentId::from_name(&stem_of(&source.path)),
        (None, Some(line)) => DocumentId::from_name(&format!("{}-{line}", stem_of(&source.path))),
    }
}

impl Iterator for Readings<'_> {
    type Item = Reading;

    fn next(&mut self) -> Option<Reading> {
        let corpus = self.corpus;
        loop {
            if let Some((number, source, mut drafts)) = self.current.take() {
                if let Some(draft) = drafts.next() {
                    self.current = Some((number, source, drafts));
                    return Some(match draft {
                        Ok(draft) => self.finish(number, source, draft),
                        Err(fault) => Reading::Skipped(self.skipped(number, fault)),
                    });
                }
                // A file that was refused unread has been dealt with all the same.
                self.corpus.read.store(self.passed, Ordering::Relaxed);
            }
            let entry = corpus.entries.get(self.next)?;
            if let Some(skipped) = self.advance(entry) {
                return Some(Reading::Skipped(skipped));
            }
        }
    }
}
