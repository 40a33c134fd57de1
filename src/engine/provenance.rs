//! The provenance of results.

use crate::store::ContentHash;

/// What produced a result: two results are comparable if this is equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Name of the model.
    pub model: String,
    /// Its revision.
    pub revision: String,
    /// Arithmetic of the encoder.
    pub precision: String,
    /// Id of the snapshot.
    pub snapshot: String,
    /// Name and parameters of the index.
    pub index: String,
    /// Number of documents of the corpus.
    pub documents: usize,
    /// Number of passages of the corpus.
    pub passages: usize,
    /// Hash over the content of all documents.
    pub corpus_hash: ContentHash,
}
