//! The records that the store reads and writes, and their encoding on disk.

use crate::corpus::{DocumentId, Metadata, SourcePlace};
use crate::encoder::Embedding;
use crate::passages::{DroppedLines, SegmentedText, TextRange};

use super::ContentHash;

/// The database's key of a passage; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PassageKey(pub(super) i64);

impl PassageKey {
    /// Returns the key as a number, for storage outside of the database.
    #[must_use]
    pub fn rowid(self) -> i64 {
        self.0
    }

    /// Restores a key from [`PassageKey::rowid`].
    #[must_use]
    pub fn from_rowid(rowid: i64) -> Self {
        Self(rowid)
    }
}

/// Keys and hashes of everything stored, to compare an index with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreManifest {
    /// Documents in id order.
    pub documents: Vec<DocumentEntry>,
    /// Passages in key order.
    pub passages: Vec<PassageEntry>,
}

/// Returns a hash over the content of all documents, which must be in id order.
#[must_use]
pub fn corpus_hash(documents: &[DocumentEntry]) -> ContentHash {
    ContentHash::from_parts(
        documents
            .iter()
            .map(|entry| entry.hash.as_bytes().as_slice()),
    )
}

/// Key and hash of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentEntry {
    /// The database's key; never reused.
    pub key: i64,
    /// Hash of id, metadata and clean text.
    pub hash: ContentHash,
}

/// Key and hash of a passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassageEntry {
    /// The database's key.
    pub key: PassageKey,
    /// The first eight bytes of the hash of its text. Keys are never reused within one file, but after
    /// a restore from a backup the file assigns keys that were already in use.
    pub hash_prefix: u64,
    /// Position of its document among all documents in id order.
    pub document_index: u32,
    /// Its number in the document, from 1.
    pub ordinal: u32,
}

/// A document to be written, with its passages and embeddings.
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
    /// Clean text, passages and dropped blocks.
    pub segmented: &'a SegmentedText,
    /// Where the passages stand in the source, in their order; those beyond its end have no place.
    pub places: &'a [SourcePlace],
    /// Embeddings, one entry per passage.
    pub vectors: &'a [PassageVectors],
}

/// The embeddings of one passage.
#[derive(Debug, Clone, PartialEq)]
pub struct PassageVectors {
    /// The embedding of the whole passage.
    pub passage: Embedding,
    /// The embedding of each of its sentences.
    pub sentences: Vec<Embedding>,
}

/// What change detection compares of a stored document.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentState {
    /// As in [`NewDocument::source_hash`].
    pub source_hash: ContentHash,
    /// The stored metadata.
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
    /// The clean text that all ranges refer to.
    pub text: String,
    /// Blocks that were left out of it.
    pub dropped: Vec<DroppedLines>,
    /// Its passages by ordinal.
    pub passages: Vec<PassageRecord>,
}

/// A passage as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassageRecord {
    /// The document it belongs to.
    pub document: DocumentId,
    /// Its number in the document, from 1.
    pub ordinal: u32,
    /// Its text: the document's clean text from `range.start` to `range.end`.
    pub text: String,
    /// Its range in the document's clean text, in characters.
    pub range: TextRange,
    /// Its length in tokens, special tokens included.
    pub tokens: usize,
    /// SHA-256 of its text.
    pub hash: ContentHash,
    /// Its sentences, in characters of the document's clean text.
    pub sentences: Vec<TextRange>,
    /// Its page, line or time in the source.
    pub place: SourcePlace,
}

impl PassageRecord {
    /// Returns the public id, `{document}#p{ordinal}`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}#p{}", self.document, self.ordinal)
    }

    /// Returns the text of a range of the document that lies within this passage.
    #[must_use]
    pub fn slice(&self, range: TextRange) -> &str {
        range.slice(&self.text, self.range.start)
    }
}

/// A passage with the embeddings of its sentences.
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
    /// The passage's key.
    pub key: PassageKey,
    /// `[dimension]`.
    pub vector: &'a [f32],
}

/// Encodes `f32`s as little-endian bytes.
pub(super) fn encode_f32s<'a>(vectors: impl IntoIterator<Item = &'a Embedding>) -> Vec<u8> {
    vectors
        .into_iter()
        .flat_map(Embedding::as_slice)
        .flat_map(|x| x.to_le_bytes())
        .collect()
}

/// Serializes plain data (strings, numbers, lists, maps with string keys), which cannot fail.
pub(super) fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
