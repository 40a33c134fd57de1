//! The report of an ingest.

use serde::Serialize;

use crate::passages::DroppedLines;

/// What an ingest read, wrote, skipped and dropped.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct IngestReport {
    /// Documents read from files.
    pub read: usize,
    /// Of these, new to the store.
    pub added: usize,
    /// Of these, stored before with another text.
    pub updated: usize,
    /// Of these, stored before with the same text and other metadata.
    pub metadata_updated: usize,
    /// Of these, already stored unchanged.
    pub unchanged: usize,
    /// Ids of documents that were removed from the store: no longer in the corpus (`--prune`), or left
    /// without passages.
    pub removed: Vec<String>,
    /// Passages written.
    pub passages: usize,
    /// Sentences written.
    pub sentences: usize,
    /// Tokens encoded, of passages and sentences.
    pub tokens: usize,
    /// Duration in seconds.
    pub seconds: f64,
    /// Of these, seconds spent encoding.
    pub encode_seconds: f64,
    /// Files and lines that yielded no document, with the reason.
    pub skipped: Vec<IngestWarning>,
    /// Other warnings, such as guessed encodings and unmatched metadata.
    pub notes: Vec<IngestWarning>,
    /// Blocks of text left out of passages.
    pub dropped: Vec<DroppedBlock>,
}

impl IngestReport {
    /// Returns whether the run changed the store.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.added + self.updated + self.metadata_updated + self.removed.len() > 0
    }
}

/// A warning about a location in the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IngestWarning {
    /// The file, with a line number if there is one.
    pub origin: String,
    /// The message.
    pub text: String,
}

/// A block of a document that is not speech.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DroppedBlock {
    /// The document's id.
    pub document: String,
    /// The block.
    #[serde(flatten)]
    pub block: DroppedLines,
}
