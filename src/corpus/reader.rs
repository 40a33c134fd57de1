//! A corpus, opened and read from its first file to its last.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::decode::validate_text;
use super::error::{CorpusError, SkipReason};
use super::events::{
    CorpusEvent, CorpusWarning, DocumentNote, Skipped, SourceLocation, TableIssue, excerpt,
};
use super::format::{
    CountingReader, ParseIssue, ParsedDocument, ParsedDocuments, SourceFile, file_stem,
};
use super::id::DocumentId;
use super::listing::{self, ListingEntry};
use super::metadata_csv::{MetadataRow, MetadataTable};
use super::{CorpusLimits, Document};

/// The files under some paths, listed and not yet read.
#[derive(Debug)]
pub struct Corpus {
    entries: Vec<ListingEntry>,
    /// The tables, by the place of their folder.
    tables: BTreeMap<PathBuf, MetadataTable>,
    limits: CorpusLimits,
    bytes_read: Arc<AtomicU64>,
}

/// How far a reading has come; may be kept and asked from another thread.
#[derive(Debug, Clone)]
pub struct ReadProgress(Arc<AtomicU64>);

impl ReadProgress {
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
    pub fn open(paths: &[PathBuf], limits: &CorpusLimits) -> Result<Self, CorpusError> {
        let listing = listing::list_files(paths)?;
        let mut tables = BTreeMap::new();
        for (canonical, displayed) in listing.folders {
            if let Some(table) = MetadataTable::for_folder(&displayed, *limits) {
                tables.insert(canonical, table);
            }
        }
        for entry in &listing.entries {
            let (Ok(source), Some(table)) = (&entry.source, tables.get_mut(&entry.folder)) else {
                continue;
            };
            let name = source.path.file_name().unwrap_or_default();
            let Some(row) = table.rows.get_mut(name) else {
                continue;
            };
            if !source.format.is_multi_document() {
                continue;
            }
            if let Some(id) = row.id.take() {
                let file = name.to_string_lossy().into_owned();
                let line = row.line;
                table.warn(line, TableIssue::IdForMultiDocumentFile { id, file });
            }
        }
        for table in tables.values_mut() {
            table.warnings.sort_by_key(|remark| remark.location.line);
        }
        Ok(Self {
            entries: listing.entries,
            tables,
            limits: *limits,
            bytes_read: Arc::default(),
        })
    }

    /// The files that will be read, in their order.
    pub fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.entries
            .iter()
            .filter_map(|entry| entry.source.as_ref().ok())
    }

    /// The size of all [`files`](Self::files) on disk.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.files().map(|file| file.bytes).sum()
    }

    /// Follows the bytes that are read; each call of [`readings`](Self::readings) begins at zero.
    #[must_use]
    pub fn progress(&self) -> ReadProgress {
        ReadProgress(Arc::clone(&self.bytes_read))
    }

    /// Reads the corpus: first the remarks on its tables, then file after file in their order.
    ///
    /// At most one document is in memory at a time, beside the ids seen so far.
    pub fn events(&self) -> impl Iterator<Item = CorpusEvent> + '_ {
        self.bytes_read.store(0, Ordering::Relaxed);
        let remarks = self.tables.values().flat_map(|table| &table.warnings);
        let remarks = remarks.map(|remark: &CorpusWarning| CorpusEvent::Warning(remark.clone()));
        remarks.chain(CorpusEvents {
            corpus: self,
            next: 0,
            current: None,
            bytes_through_current: 0,
            seen_ids: HashMap::new(),
        })
    }
}

struct CorpusEvents<'a> {
    corpus: &'a Corpus,
    /// The next entry.
    next: usize,
    /// The file being read, and its number.
    current: Option<(usize, &'a SourceFile, ParsedDocuments)>,
    /// The size of all files up to and with the current one.
    bytes_through_current: u64,
    /// Where each id was met: the entry's number and the line.
    seen_ids: HashMap<DocumentId, (usize, Option<usize>)>,
}

impl<'a> CorpusEvents<'a> {
    /// Opens the next file, or says why not.
    fn open_next(&mut self, entry: &'a ListingEntry) -> Option<Skipped> {
        let number = self.next;
        self.next += 1;
        let opened = entry
            .source
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|source| {
                self.bytes_through_current += source.bytes;
                let file = CountingReader::open(&source.path, Arc::clone(&self.corpus.bytes_read))?;
                Ok((
                    number,
                    source,
                    source.format.parse(file, self.corpus.limits),
                ))
            });
        match opened {
            Ok(current) => {
                self.current = Some(current);
                None
            }
            Err(reason) => Some(self.skipped(number, ParseIssue::from(reason))),
        }
    }

    fn location_of(&self, number: usize, line: Option<usize>) -> SourceLocation {
        let entry = self.corpus.entries.get(number);
        SourceLocation {
            file: entry.map(|entry| entry.path.clone()).unwrap_or_default(),
            line,
        }
    }

    fn skipped(&self, number: usize, fault: ParseIssue) -> Skipped {
        Skipped {
            location: self.location_of(number, fault.line),
            reason: fault.reason,
        }
    }

    /// Makes a document of a draft: sound text, its row's metadata, an id of its own.
    fn event_for(
        &mut self,
        number: usize,
        source: &SourceFile,
        draft: ParsedDocument,
    ) -> CorpusEvent {
        let line = draft.line;
        match self.build_document(number, source, draft) {
            Ok((document, notes)) => CorpusEvent::Document {
                document,
                origin: self.location_of(number, line),
                notes,
            },
            Err(reason) => CorpusEvent::Skipped(self.skipped(number, ParseIssue { line, reason })),
        }
    }

    fn build_document(
        &mut self,
        number: usize,
        source: &SourceFile,
        draft: ParsedDocument,
    ) -> Result<(Document, Vec<DocumentNote>), SkipReason> {
        let mut notes = draft.notes;
        notes.extend(validate_text(
            &draft.text,
            self.corpus.limits.max_text_bytes,
        )?);
        let mut metadata = draft.metadata;
        let entry = self.corpus.entries.get(number);
        let table = entry.and_then(|entry| self.corpus.tables.get(&entry.folder));
        let row = metadata_row(table, source);
        match (row, table) {
            (Some(row), _) => {
                let differences = metadata.fill_from(&row.metadata);
                // For a file of many documents a row holds defaults, and those may differ.
                if !source.format.is_multi_document() {
                    notes.extend(differences);
                }
            }
            (None, Some(table)) if table.usable && !source.format.is_multi_document() => {
                notes.push(DocumentNote::NoMetadataRow {
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
            notes.push(DocumentNote::Conflict {
                field: "id".to_owned(),
                kept: excerpt(own),
                left_out: excerpt(other),
            });
        }
        let id = document_id(draft.id.or(row_id), source, draft.line, &mut notes);
        if let Some((number, line)) = self.seen_ids.get(&id) {
            return Err(SkipReason::DuplicateId {
                id: id.to_string(),
                first: self.location_of(*number, *line),
            });
        }
        self.seen_ids.insert(id.clone(), (number, draft.line));
        let document = Document {
            id,
            text: draft.text,
            metadata,
        };
        Ok((document, notes))
    }
}

fn metadata_row<'t>(
    table: Option<&'t MetadataTable>,
    source: &SourceFile,
) -> Option<&'t MetadataRow> {
    table?.rows.get(source.path.file_name()?)
}

/// The id that was given, made valid if need be, or one derived from the file's name.
fn document_id(
    declared: Option<String>,
    source: &SourceFile,
    line: Option<usize>,
    notes: &mut Vec<DocumentNote>,
) -> DocumentId {
    match (declared, line) {
        (Some(given), _) => given.parse().unwrap_or_else(|_| {
            let id = DocumentId::from_name(&given);
            notes.push(DocumentNote::IdChanged {
                given: excerpt(&given),
                id: id.to_string(),
            });
            id
        }),
        (None, None) => DocumentId::from_name(&file_stem(&source.path)),
        (None, Some(line)) => DocumentId::from_name(&format!("{}-{line}", file_stem(&source.path))),
    }
}

impl Iterator for CorpusEvents<'_> {
    type Item = CorpusEvent;

    fn next(&mut self) -> Option<CorpusEvent> {
        let corpus = self.corpus;
        loop {
            if let Some((number, source, mut drafts)) = self.current.take() {
                if let Some(draft) = drafts.next() {
                    self.current = Some((number, source, drafts));
                    return Some(match draft {
                        Ok(draft) => self.event_for(number, source, draft),
                        Err(fault) => CorpusEvent::Skipped(self.skipped(number, fault)),
                    });
                }
                // A file that was refused unread has been dealt with all the same.
                self.corpus
                    .bytes_read
                    .store(self.bytes_through_current, Ordering::Relaxed);
            }
            let entry = corpus.entries.get(self.next)?;
            if let Some(skipped) = self.open_next(entry) {
                return Some(CorpusEvent::Skipped(skipped));
            }
        }
    }
}
