//! Opening and reading a corpus.

use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::decode::validate_text;
use super::error::{CorpusError, SkipReason};
use super::events::{CorpusEvent, CorpusWarning, DocumentNote, Skipped, TableIssue};
use super::format::{SourceFile, SourceFormat, file_stem};
use super::id::DocumentId;
use super::listing::{self, ListingEntry};
use super::location::SourceLocation;
use super::message::excerpt;
use super::metadata_csv::{MetadataRow, MetadataTable};
use super::normalization::normalize;
use super::options::ReadOptions;
use super::parsed::{CountingReader, ParseIssue, ParsedDocument, ParsedDocuments, ReadContext};
use super::{CorpusLimits, Document, formats, jsonl, markdown, text, turns};

/// The files under some paths, listed but not read yet.
#[derive(Debug)]
pub struct Corpus {
    entries: Vec<ListingEntry>,
    /// The tables, by the canonical path of their folder.
    tables: BTreeMap<PathBuf, MetadataTable>,
    limits: CorpusLimits,
    options: Arc<ReadOptions>,
    bytes_read: Arc<AtomicU64>,
}

/// The progress of reading a corpus, for another thread.
#[derive(Debug, Clone)]
pub struct ReadProgress(Arc<AtomicU64>);

impl ReadProgress {
    /// Returns the bytes read from disk, of [`Corpus::total_bytes`]; compressed files count compressed.
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
    /// If a path does not exist or cannot be accessed. Files under the paths that cannot be read are
    /// not an error: [`events`](Self::events) reports them.
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
            table.warnings.sort_by_key(|warning| warning.location.line);
        }
        Ok(Self {
            entries: listing.entries,
            tables,
            limits: *limits,
            options: Arc::default(),
            bytes_read: Arc::default(),
        })
    }

    /// Sets what the user says about the files.
    #[must_use]
    pub fn with_options(mut self, options: ReadOptions) -> Self {
        self.options = Arc::new(options);
        self
    }

    /// Returns the files that will be read, in order.
    pub fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.entries
            .iter()
            .filter_map(|entry| entry.source.as_ref().ok())
    }

    /// Returns the size of all [`files`](Self::files) on disk.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.files().map(|file| file.bytes).sum()
    }

    /// Returns a handle to the progress; each call of [`events`](Self::events) resets it.
    #[must_use]
    pub fn progress(&self) -> ReadProgress {
        ReadProgress(Arc::clone(&self.bytes_read))
    }

    /// Reads the corpus: warnings about its tables first, then the files in order.
    ///
    /// At most one document is in memory at a time, in addition to the ids seen so far.
    pub fn events(&self) -> impl Iterator<Item = CorpusEvent> + '_ {
        self.bytes_read.store(0, Ordering::Relaxed);
        let warnings = self.tables.values().flat_map(|table| &table.warnings);
        let warnings =
            warnings.map(|warning: &CorpusWarning| CorpusEvent::Warning(warning.clone()));
        warnings.chain(CorpusEvents {
            pending: VecDeque::new(),
            corpus: self,
            next: 0,
            current: None,
            bytes_through_current: 0,
            seen_ids: HashMap::new(),
            time_noted: None,
            seen_texts: HashMap::new(),
        })
    }
}

/// Shorter texts that are the same are formulas rather than copies.
const MIN_COPY_BYTES: usize = 200;

struct CorpusEvents<'a> {
    /// The turns of the last document that are still to be returned.
    pending: VecDeque<CorpusEvent>,
    corpus: &'a Corpus,
    /// Index of the next entry.
    next: usize,
    /// The file being read, and the index of its entry.
    current: Option<(usize, &'a SourceFile, ParsedDocuments)>,
    /// The size of all files up to and including the current one.
    bytes_through_current: u64,
    /// Where each id was first used: the index of the entry, the file in it if it is an archive, the line.
    seen_ids: HashMap<DocumentId, (usize, Option<PathBuf>, Option<usize>)>,
    /// The index of the last entry with a remark on the time of a date.
    time_noted: Option<usize>,
    /// The first document with each text, by the text's length and hash.
    seen_texts: HashMap<(usize, u64), DocumentId>,
}

impl<'a> CorpusEvents<'a> {
    /// Opens the file of the entry; returns why it is skipped otherwise.
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
                let context = ReadContext {
                    limits: self.corpus.limits,
                    options: Arc::clone(&self.corpus.options),
                    path: source.path.clone(),
                };
                Ok((number, source, parse(source.format, file, &context)))
            });
        match opened {
            Ok(current) => {
                self.current = Some(current);
                None
            }
            Err(reason) => Some(self.skipped(number, ParseIssue::from(reason))),
        }
    }

    fn location_of(
        &self,
        number: usize,
        archived: Option<&Path>,
        line: Option<usize>,
    ) -> SourceLocation {
        let entry = self.corpus.entries.get(number);
        let file = entry.map(|entry| entry.path.clone()).unwrap_or_default();
        SourceLocation {
            file: match archived {
                Some(archived) => file.join(archived),
                None => file,
            },
            line,
        }
    }

    fn skipped(&self, number: usize, issue: ParseIssue) -> Skipped {
        Skipped {
            location: self.location_of(number, issue.entry.as_deref(), issue.line),
            reason: issue.reason,
        }
    }

    /// Validates the text, merges the metadata of the row and assigns the id.
    fn event_for(
        &mut self,
        number: usize,
        source: &SourceFile,
        parsed: ParsedDocument,
    ) -> CorpusEvent {
        let (line, entry) = (parsed.line, parsed.entry.clone());
        let mut parsed = parsed;
        let declared = std::mem::take(&mut parsed.turns);
        match self.build_document(number, source, parsed) {
            Ok((document, mut notes)) => {
                let mode = self.corpus.options.turns;
                // Rows, lines and utterances are turns already, if they are of a debate.
                let documents = if declared.is_empty() && source.format.is_multi_document() {
                    vec![document]
                } else {
                    turns::split(document, declared, mode, &mut notes)
                };
                let origin = self.location_of(number, entry.as_deref(), line);
                let is_split = documents.len() > 1;
                for document in documents {
                    // The ids of turns are derived from that of the whole, which is not used itself.
                    let used = is_split
                        .then(|| self.seen_ids.get(&document.id).cloned())
                        .flatten();
                    if let Some((first, archived, line)) = used {
                        let reason = SkipReason::DuplicateId {
                            id: document.id.to_string(),
                            first: self.location_of(first, archived.as_deref(), line),
                        };
                        self.pending.push_back(CorpusEvent::Skipped(Skipped {
                            location: origin.clone(),
                            reason,
                        }));
                        continue;
                    }
                    self.seen_ids
                        .insert(document.id.clone(), (number, entry.clone(), line));
                    self.pending.push_back(CorpusEvent::Document {
                        document,
                        origin: origin.clone(),
                        // Of the whole, told with its first part.
                        notes: std::mem::take(&mut notes),
                    });
                }
                self.pending.pop_front().unwrap_or_else(|| {
                    CorpusEvent::Skipped(self.skipped(number, SkipReason::Empty.into()))
                })
            }
            Err(reason) => CorpusEvent::Skipped(self.skipped(
                number,
                ParseIssue {
                    entry,
                    line,
                    reason,
                },
            )),
        }
    }

    fn build_document(
        &mut self,
        number: usize,
        source: &SourceFile,
        parsed: ParsedDocument,
    ) -> Result<(Document, Vec<DocumentNote>), SkipReason> {
        let mut notes = parsed.notes;
        notes.extend(validate_text(
            &parsed.text,
            self.corpus.limits.max_text_bytes,
        )?);
        let anchors = parsed.anchors.normalized(&parsed.text);
        let (text, normalized) = normalize(parsed.text);
        notes.extend(normalized);
        // One remark on the times of a file's dates is enough.
        notes.retain(|note| {
            let is_time = matches!(note, DocumentNote::TimeLeftOut { .. });
            !(is_time && self.time_noted == Some(number))
        });
        if notes
            .iter()
            .any(|note| matches!(note, DocumentNote::TimeLeftOut { .. }))
        {
            self.time_noted = Some(number);
        }
        let mut metadata = parsed.metadata;
        let entry = self.corpus.entries.get(number);
        let table = entry.and_then(|entry| self.corpus.tables.get(&entry.folder));
        let row = metadata_row(table, source);
        match (row, table) {
            (Some(row), _) => {
                let differences = metadata.fill_from(&row.metadata);
                // For a file of several documents a row has defaults, which may differ.
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
        metadata.title = metadata.title.or(parsed.heading);

        let row_id = row.and_then(|row| row.id.clone());
        if let (Some(own), Some(other)) = (&parsed.id, &row_id)
            && own != other
        {
            notes.push(DocumentNote::Conflict {
                field: "id".to_owned(),
                kept: excerpt(own),
                ignored: excerpt(other),
            });
        }
        let name = parsed.entry.as_deref().unwrap_or(&source.path);
        let part = parsed
            .part
            .or_else(|| parsed.line.map(|line| line.to_string()));
        let id = document_id(parsed.id.or(row_id), name, part.as_deref(), &mut notes);
        if let Some((number, entry, line)) = self.seen_ids.get(&id) {
            return Err(SkipReason::DuplicateId {
                id: id.to_string(),
                first: self.location_of(*number, entry.as_deref(), *line),
            });
        }
        self.seen_ids
            .insert(id.clone(), (number, parsed.entry, parsed.line));
        notes.extend(self.same_text_note(&id, &text));
        let document = Document {
            id,
            text,
            metadata,
            anchors,
        };
        Ok((document, notes))
    }
}

impl CorpusEvents<'_> {
    /// Returns a note if an earlier document has the same text.
    fn same_text_note(&mut self, id: &DocumentId, text: &str) -> Option<DocumentNote> {
        if text.len() < MIN_COPY_BYTES {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        match self.seen_texts.entry((text.len(), hasher.finish())) {
            Entry::Occupied(first) => Some(DocumentNote::SameText {
                first: first.get().clone(),
            }),
            Entry::Vacant(entry) => {
                entry.insert(id.clone());
                None
            }
        }
    }
}

/// Iterates over the documents of a file.
pub(super) fn parse(
    format: SourceFormat,
    file: CountingReader,
    context: &ReadContext,
) -> ParsedDocuments {
    let limits = context.limits;
    match format {
        SourceFormat::Text => Box::new(std::iter::once_with(move || text::read(file, limits))),
        SourceFormat::Markdown => {
            Box::new(std::iter::once_with(move || markdown::read(file, limits)))
        }
        SourceFormat::JsonLines => Box::new(jsonl::plain(file, limits)),
        SourceFormat::JsonLinesGzip => Box::new(jsonl::gzip(file, limits)),
        format => formats::parse(format, file, context),
    }
}

fn metadata_row<'t>(
    table: Option<&'t MetadataTable>,
    source: &SourceFile,
) -> Option<&'t MetadataRow> {
    table?.rows.get(source.path.file_name()?)
}

/// Returns the declared id, made valid if necessary, or one derived from the file's name and, if the file
/// has several documents, from what tells this one from the others.
fn document_id(
    declared: Option<String>,
    file: &Path,
    part: Option<&str>,
    notes: &mut Vec<DocumentNote>,
) -> DocumentId {
    match (declared, part) {
        (Some(declared), _) => declared.parse().unwrap_or_else(|_| {
            let id = DocumentId::from_name(&declared);
            notes.push(DocumentNote::IdChanged {
                declared: excerpt(&declared),
                id: id.to_string(),
            });
            id
        }),
        (None, None) => DocumentId::from_name(&file_stem(file)),
        (None, Some(part)) => DocumentId::from_name(&format!("{}-{part}", file_stem(file))),
    }
}

impl Iterator for CorpusEvents<'_> {
    type Item = CorpusEvent;

    fn next(&mut self) -> Option<CorpusEvent> {
        let corpus = self.corpus;
        if let Some(event) = self.pending.pop_front() {
            return Some(event);
        }
        loop {
            if let Some((number, source, mut documents)) = self.current.take() {
                if let Some(result) = documents.next() {
                    self.current = Some((number, source, documents));
                    return Some(match result {
                        Ok(parsed) => self.event_for(number, source, parsed),
                        Err(issue) => CorpusEvent::Skipped(self.skipped(number, issue)),
                    });
                }
                // A file that was rejected before its end counts as read.
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
