//! What readers produce, and the files they read: the contract of every reader.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::CorpusLimits;
use super::anchors::Anchors;
use super::error::SkipReason;
use super::events::DocumentNote;
use super::metadata::Metadata;
use super::options::ReadOptions;

/// The documents of a file, one at a time and in the order of the file.
///
/// A reader keeps at most one document in memory. After an issue it continues with the next line, if
/// there is one.
pub(super) type ParsedDocuments = Box<dyn Iterator<Item = Result<ParsedDocument, ParseIssue>>>;

/// What every reader is given with its file.
#[derive(Debug, Clone)]
pub(super) struct ReadContext {
    /// Limits on what is read into memory.
    pub(super) limits: CorpusLimits,
    /// What the user said about the files.
    pub(super) options: Arc<ReadOptions>,
    /// The path of the file, for files that lie next to it.
    pub(super) path: PathBuf,
}

/// Runs a reader that yields all documents of a file at once.
pub(super) fn whole_file(
    read: impl FnOnce() -> Result<Vec<ParsedDocument>, ParseIssue> + 'static,
) -> ParsedDocuments {
    let results = std::iter::once_with(read).flat_map(|result| match result {
        Ok(documents) => documents.into_iter().map(Ok).collect(),
        Err(issue) => vec![Err(issue)],
    });
    Box::new(results)
}

/// A document before its id is assigned and its row of `metadata.csv` is merged.
#[derive(Debug, Default)]
pub(super) struct ParsedDocument {
    /// The file in an archive that it was read from, by its path in there.
    pub(super) entry: Option<PathBuf>,
    /// Its line, if the file contains several documents.
    pub(super) line: Option<usize>,
    /// What tells it from the other documents of the file, if it is not the line.
    pub(super) part: Option<String>,
    /// The id it declares, not validated yet.
    pub(super) id: Option<String>,
    pub(super) text: String,
    /// The places of the text in its source.
    pub(super) anchors: Anchors,
    /// The turns of its speakers, if the format tells them; their ranges are bytes of the text, ascending.
    pub(super) turns: Vec<Turn>,
    /// The metadata it declares.
    pub(super) metadata: Metadata,
    /// A title found in the text, used if there is no other.
    pub(super) heading: Option<String>,
    pub(super) notes: Vec<DocumentNote>,
}

/// What one speaker says without being interrupted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Turn {
    /// Its range in the text, in bytes.
    pub(super) range: Range<usize>,
    /// The speaker; `None` for what stands outside of turns.
    pub(super) speaker: Option<String>,
    /// Applause, interjections and other remarks within it, which are not part of a speech.
    pub(super) remarks: Vec<String>,
}

/// A part of a file that yielded no document.
#[derive(Debug)]
pub(super) struct ParseIssue {
    /// The file in an archive, by its path in there.
    pub(super) entry: Option<PathBuf>,
    pub(super) line: Option<usize>,
    pub(super) reason: SkipReason,
}

impl From<SkipReason> for ParseIssue {
    fn from(reason: SkipReason) -> Self {
        Self {
            entry: None,
            line: None,
            reason,
        }
    }
}

/// An open file that counts the bytes read from it (compressed, if it is), for the progress bar.
#[derive(Debug)]
pub(super) struct CountingReader {
    input: Input,
    counter: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Input {
    File(File),
    /// A file of an archive.
    Memory(io::Cursor<Vec<u8>>),
}

impl CountingReader {
    pub(super) fn open(path: &Path, counter: Arc<AtomicU64>) -> Result<Self, SkipReason> {
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        Ok(Self {
            input: Input::File(file),
            counter,
        })
    }

    /// Reads bytes in memory, which do not count as progress.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self {
            input: Input::Memory(io::Cursor::new(bytes)),
            counter: Arc::default(),
        }
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
        let count = match &mut self.input {
            Input::File(file) => file.read(buffer)?,
            Input::Memory(bytes) => bytes.read(buffer)?,
        };
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
