//! Errors of comparisons, and their cancellation.

use crate::index::IndexError;
use crate::search::SearchError;
use crate::store::StoreError;

/// Cancellation check: returns `false` once the client no longer waits for the result.
pub type ShouldContinue<'a> = &'a (dyn Fn() -> bool + Sync);

/// An error while parallels are computed.
#[derive(Debug, thiserror::Error)]
pub enum ParallelsError {
    /// A document does not exist.
    #[error("document {id} not found")]
    NoSuchDocument {
        /// Its id.
        id: String,
    },
    /// A passage does not exist.
    #[error("passage {id} not found")]
    NoSuchPassage {
        /// Its id.
        id: String,
    },
    /// A document is compared with itself.
    #[error("{id} compared with itself; expected two different documents")]
    SameDocument {
        /// Its id.
        id: String,
    },
    /// A value is out of range.
    #[error("{name} is {received}; expected {expected}")]
    OutOfRange {
        /// Name of the value.
        name: &'static str,
        /// Its valid range.
        expected: String,
        /// The value received.
        received: String,
    },
    /// A metadata field does not exist in the corpus.
    #[error("unknown field {received}; expected one of: {known}")]
    UnknownField {
        /// Name of the parameter that contains it.
        parameter: &'static str,
        /// The unknown name.
        received: String,
        /// The fields of the corpus.
        known: String,
    },
    /// A filter is invalid.
    #[error(transparent)]
    Filter(SearchError),
    /// A row belongs to another snapshot.
    #[error("passage belongs to another snapshot")]
    SnapshotMismatch,
    /// The caller no longer waits for the result.
    #[error("comparison cancelled")]
    Cancelled,
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
