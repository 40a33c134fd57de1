//! The durable truth: documents, passages, sentences and embeddings in one `SQLite` file.
//!
//! A [`Store`] is the single writer of a data directory; it holds the directory's lock for as
//! long as it lives. Reading goes through a [`View`]: several connections inside one and the same
//! read transaction, so that everything read through it belongs to one moment. What a write has
//! acknowledged is on disk (`synchronous=FULL`), and a document is written in one transaction:
//! it is there whole or not at all.
//!
//! Only this room speaks SQL.

mod compatibility;
mod error;
mod fts;
mod hash;
mod lock;
mod manifest;
mod meta;
mod records;
mod rows;
mod schema;
mod term_normalization;
mod view;
mod wal;
mod writer;

pub use error::StoreError;
pub use fts::{Posting, QueryTerm};
pub use hash::ContentHash;
pub use records::{
    DocumentEntry, DocumentRecord, DocumentState, DocumentSummary, HitRecord, NewDocument,
    PassageEntry, PassageKey, PassageRecord, PassageVectors, StoreManifest, StoredVector,
    corpus_hash,
};
pub use term_normalization::TermSequence;
pub use view::View;
pub use writer::Store;

/// Name of the database inside a data directory.
pub const DATABASE_FILE: &str = "antiphon.db";
