//! What is written and read, and its form on disk.

use crate::corpus::{DocumentId, Metadata};
use crate::encoder::Embedding;
use crate::passages::{DroppedLines, SegmentedText, TextRange};

use super::ContentHash;

/// The database's own name for a passage; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PassageKey(pub(super) i64);

impl PassageKey {
    /// The key as a number, to be kept beside what was made from the passage.
    #[must_use]
    pub fn rowid(self) -> i64 {
        self.0
    }

    /// The key that was kept as this number.
    #[must_use]
    pub fn from_rowid(number: i64) -> Self {
        Self(number)
    }
}

/// What is stored at one moment, without its content: what tells whether an index knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreManifest {
    /// Documents in the order of their ids.
    pub documents: Vec<DocumentEntry>,
    /// Passages in the order of their keys.
    pub passages: Vec<PassageEntry>,
}

/// A hash over the content of all documents, in the order of their ids.
#[must_use]
pub fn corpus_hash(documents: &[DocumentEntry]) -> ContentHash {
    ContentHash::from_parts(
        documents
            .iter()
            .map(|entry| entry.hash.as_bytes().as_slice()),
    )
}

/// A document without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentEntry {
    /// The database's name for the document; never used twice.
    pub key: i64,
    /// Hash of id, metadata and clean text.
    pub hash: ContentHash,
}

/// A passage without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassageEntry {
    /// The database's name for the passage.
    pub key: PassageKey,
    /// The beginning of the hash of its text. Keys are never used twice in one file, but a file
    /// that was put back from a backup uses keys again.
    pub hash_prefix: u64,
    /// Place of its document among all documents in the order of their ids.
    pub document_index: u32,
    /// Its place in the document, from 1.
    pub ordinal: u32,
}

/// A document to be written, with everything that belongs to it.
#[derive(Debug)]
pub struct NewDocument<'a> {
    /// The document's id.
    pub id: &'a DocumentId,
    /// Title, speaker, date and so on.
    pub metadata: &'a Metadata,
    /// Where it was read from.
    pub origin: &'a str,
    /// Hash of the text as read and of how it was segmented.
    pub source_hash: ContentHash,
    /// Clean text, passages and what was dropped.
    pub segmented: &'a SegmentedText,
    /// Embeddings, one entry for each passage.
    pub vectors: &'a [PassageVectors],
}

/// The embeddings of one passage.
#[derive(Debug, Clone, PartialEq)]
pub struct PassageVectors {
    /// Of the passage.
    pub passage: Embedding,
    /// Of each of its sentences.
    pub sentences: Vec<Embedding>,
}

/// What must be known of a stored document to tell whether it has changed.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentState {
    /// As in [`NewDocument::source_hash`].
    pub source_hash: ContentHash,
    /// As stored.
    pub metadata: Metadata,
    /// As in [`DocumentSummary::content_hash`].
    pub content_hash: ContentHash,
    /// Number of passages.
    pub passages: usize,
}

/// A document without its text.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentSummary {
    /// The document's id.
    pub id: DocumentId,
    /// Title, speaker, date and so on.
    pub metadata: Metadata,
    /// Hash of id, metadata and clean text.
    pub content_hash: ContentHash,
    /// Number of passages.
    pub passages: usize,
    /// Length of the clean text in characters.
    pub characters: usize,
}

/// A document with its clean text and passages.
#[derive(Debug, Clone)]
pub struct DocumentRecord {
    /// Id, metadata and counts.
    pub summary: DocumentSummary,
    /// Where it was read from.
    pub origin: String,
    /// The clean text, into which all ranges point.
    pub text: String,
    /// What was left out of it.
    pub dropped: Vec<DroppedLines>,
    /// Its passages in order.
    pub passages: Vec<PassageRecord>,
}

/// A passage as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassageRecord {
    /// The document it belongs to.
    pub document: DocumentId,
    /// Its place in the document, from 1.
    pub ordinal: u32,
    /// Its text: the document's clean text from `range.start` to `range.end`.
    pub text: String,
    /// Its place in the document's clean text, in characters.
    pub range: TextRange,
    /// Its length in tokens, special tokens included.
    pub tokens: usize,
    /// SHA-256 of its text.
    pub hash: ContentHash,
    /// Its sentences, in characters of the document's clean text.
    pub sentences: Vec<TextRange>,
}

impl PassageRecord {
    /// The public id, `{document}#p{ordinal}`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}#p{}", self.document, self.ordinal)
    }

    /// The text of a range of the document that lies inside this passage.
    #[must_use]
    pub fn slice(&self, range: TextRange) -> &str {
        range.slice(&self.text, self.range.start)
    }
}

/// A passage with what an answer needs beside it.
#[derive(Debug, Clone)]
pub struct HitRecord {
    /// The passage.
    pub passage: PassageRecord,
    /// The embeddings of its sentences, `[sentences, dimension]`.
    pub sentence_vectors: Vec<f32>,
}

/// A passage's embedding, for building an index.
#[derive(Debug)]
pub struct StoredVector<'a> {
    /// The database's name for the passage.
    pub key: PassageKey,
    /// `[dimension]`.
    pub vector: &'a [f32],
}

/// `f32`s as little-endian bytes.
pub(super) fn encode_f32s<'a>(vectors: impl IntoIterator<Item = &'a Embedding>) -> Vec<u8> {
    vectors
        .into_iter()
        .flat_map(Embedding::as_slice)
        .flat_map(|x| x.to_le_bytes())
        .collect()
}

/// JSON of plain data: strings, numbers, lists and maps with string keys, which cannot fail.
pub(super) fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
