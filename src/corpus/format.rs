//! Source formats, by file extension, and the contract of their readers.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::CorpusLimits;
use super::error::SkipReason;
use super::events::DocumentNote;
use super::metadata::Metadata;
use super::{jsonl, markdown, text};

/// The supported formats, recognized by extension regardless of case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceFormat {
    /// `.txt`, `.text`: the file is the text.
    Text,
    /// `.md`, `.markdown`: front matter, then `CommonMark`.
    Markdown,
    /// `.jsonl`, `.ndjson`: one document per line.
    JsonLines,
    /// `.jsonl.gz`, `.ndjson.gz`: the same, compressed.
    JsonLinesGzip,
}

impl SourceFormat {
    /// All supported extensions.
    pub const EXTENSIONS: [&'static str; 8] = [
        ".txt",
        ".text",
        ".md",
        ".markdown",
        ".jsonl",
        ".ndjson",
        ".jsonl.gz",
        ".ndjson.gz",
    ];

    /// Returns the format of a file by its extension.
    ///
    /// # Errors
    ///
    /// If the extension is not supported.
    pub(super) fn from_path(path: &Path) -> Result<Self, SkipReason> {
        let name = file_name(path).to_lowercase();
        Self::EXTENSIONS
            .into_iter()
            .find(|extension| name.ends_with(extension) && name.len() > extension.len())
            .map(|extension| match extension {
                ".txt" | ".text" => Self::Text,
                ".md" | ".markdown" => Self::Markdown,
                ".jsonl" | ".ndjson" => Self::JsonLines,
                _ => Self::JsonLinesGzip,
            })
            .ok_or_else(|| SkipReason::UnknownFormat {
                received: match path.extension() {
                    Some(extension) => format!(".{}", extension.to_string_lossy()),
                    None => file_name(path),
                },
            })
    }

    /// Returns whether a file of this format may contain several documents.
    #[must_use]
    pub fn is_multi_document(self) -> bool {
        matches!(self, Self::JsonLines | Self::JsonLinesGzip)
    }

    /// Iterates over the documents of the file.
    pub(super) fn parse(self, file: CountingReader, limits: CorpusLimits) -> ParsedDocuments {
        match self {
            Self::Text => Box::new(std::iter::once_with(move || text::read(file, limits))),
            Self::Markdown => Box::new(std::iter::once_with(move || markdown::read(file, limits))),
            Self::JsonLines => Box::new(jsonl::plain(file, limits)),
            Self::JsonLinesGzip => Box::new(jsonl::gzip(file, limits)),
        }
    }
}

/// Returns the file's name without the extension of its format.
pub(super) fn file_stem(path: &Path) -> String {
    let name = file_name(path);
    let lower = name.to_ascii_lowercase();
    let extension = SourceFormat::EXTENSIONS
        .into_iter()
        .filter(|extension| lower.ends_with(extension))
        .map(str::len)
        .max()
        .unwrap_or(0);
    let end = name.len().saturating_sub(extension);
    name.get(..end).unwrap_or(&name).to_owned()
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The documents of a file, one at a time and in the order of the file.
///
/// A reader keeps at most one document in memory. After an issue it continues with the next line, if
/// there is one.
pub(super) type ParsedDocuments = Box<dyn Iterator<Item = Result<ParsedDocument, ParseIssue>>>;

/// A document before its id is assigned and its row of `metadata.csv` is merged.
#[derive(Debug, Default)]
pub(super) struct ParsedDocument {
    /// Its line, if the file contains several documents.
    pub(super) line: Option<usize>,
    /// The id it declares, not validated yet.
    pub(super) id: Option<String>,
    pub(super) text: String,
    /// The metadata it declares.
    pub(super) metadata: Metadata,
    /// A title found in the text, used if there is no other.
    pub(super) heading: Option<String>,
    pub(super) notes: Vec<DocumentNote>,
}

/// A part of a file that yielded no document.
#[derive(Debug)]
pub(super) struct ParseIssue {
    pub(super) line: Option<usize>,
    pub(super) reason: SkipReason,
}

impl From<SkipReason> for ParseIssue {
    fn from(reason: SkipReason) -> Self {
        Self { line: None, reason }
    }
}

/// A file that will be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The file, spelled as the user named it.
    pub path: PathBuf,
    /// Its format.
    pub format: SourceFormat,
    /// Its size on disk.
    pub bytes: u64,
}

/// An open file that counts the bytes read from it (compressed, if it is), for the progress bar.
#[derive(Debug)]
pub(super) struct CountingReader {
    file: File,
    counter: Arc<AtomicU64>,
}

impl CountingReader {
    pub(super) fn open(path: &Path, counter: Arc<AtomicU64>) -> Result<Self, SkipReason> {
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        Ok(Self { file, counter })
    }

    /// Reads the whole file.
    ///
    /// # Errors
    ///
    /// If it is larger than `limit` bytes or cannot be read.
    pub(super) fn read_to_limit(self, limit: usize) -> Result<Vec<u8>, SkipReason> {
        let mut bytes = Vec::new();
        let read_limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        io::Read::take(self, read_limit)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(&error))?;
        if bytes.len() > limit {
            return Err(SkipReason::TooLarge {
                limit,
                received: None,
            });
        }
        Ok(bytes)
    }
}

impl io::Read for CountingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        let added = u64::try_from(count).unwrap_or(u64::MAX);
        self.counter.fetch_add(added, Ordering::Relaxed);
        Ok(count)
    }
}

/// Converts an I/O error.
pub(super) fn unreadable(error: &io::Error) -> SkipReason {
    SkipReason::Unreadable {
        problem: error.to_string(),
    }
}
