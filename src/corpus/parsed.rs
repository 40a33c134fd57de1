//! What readers produce, and the files they read: the contract of every reader.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::SkipReason;
use super::events::DocumentNote;
use super::metadata::Metadata;

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
