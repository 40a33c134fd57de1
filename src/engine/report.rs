//! What became of a corpus on its way in.

use serde::Serialize;

use crate::passages::DroppedLines;

/// The report that ends every run: what was read, what became of it, what was left out and why.
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
    /// Of these, stored before just as they are.
    pub unchanged: usize,
    /// Documents removed from the store because no file gives them any more (`--prune`).
    pub removed: Vec<String>,
    /// Passages written.
    pub passages: usize,
    /// Sentences written.
    pub sentences: usize,
    /// Tokens encoded, of passages and of sentences.
    pub tokens: usize,
    /// Seconds from start to end.
    pub seconds: f64,
    /// Seconds of these spent encoding.
    pub encode_seconds: f64,
    /// Files and lines that gave no document, and why.
    pub skipped: Vec<IngestWarning>,
    /// What else should be known: decoded encodings, unmatched metadata.
    pub notes: Vec<IngestWarning>,
    /// Blocks of text left out of passages.
    pub dropped: Vec<DroppedBlock>,
}

impl IngestReport {
    /// Whether the store holds something else than before.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.added + self.updated + self.metadata_updated + self.removed.len() > 0
    }
}

/// Something to know about a place in the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IngestWarning {
    /// File, and line where there is one.
    pub origin: String,
    /// What there is to know.
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
