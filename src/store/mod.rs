//! Durable storage: documents, passages, sentences and embeddings in one `SQLite` file.
//!
//! A [`Store`] is the single writer of a data directory and holds the directory's lock. Reads go
//! through a [`View`]: several connections pinned to the same snapshot of the database, so that all
//! reads through it are consistent. A write that returned is on disk (`synchronous=FULL`). A document
//! is written in one transaction, entirely or not at all.
//!
//! Only this module speaks SQL.

mod compatibility;
mod error;
mod fts;
mod hash;
mod lock;
mod manifest;
mod meta;
mod passage_id;
mod records;
mod rows;
mod schema;
mod view;
mod wal;
mod writer;

pub use error::{StoreError, WriteObstacle};
pub use fts::{Posting, TermSequence};
pub use hash::ContentHash;
pub use passage_id::{InvalidPassageId, PassageId};
pub use records::{
    DocumentEntry, DocumentRecord, DocumentState, DocumentSummary, HitRecord, NewDocument,
    PassageEntry, PassageKey, PassageRecord, PassageVectors, StoreManifest, StoredVector,
    corpus_hash,
};
pub use view::View;
pub use writer::Store;

/// Name of the database inside a data directory.
pub const DATABASE_FILE: &str = "antiphon.db";
