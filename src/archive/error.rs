//! Errors of the archive.

use std::time::Duration;

use crate::corpus::DocumentId;
use crate::encoder::EncodeError;
use crate::engine::EngineError;
use crate::parallels::ParallelsError;
use crate::search::SearchError;
use crate::store::StoreError;

use super::admission::QueueFull;

/// Maximum length of a text to embed, even if it is truncated: tokenizing it must stay cheap.
pub(super) const MAX_TEXT_CHARS: usize = 50_000;

/// A call that the archive cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive is not ready yet.
    #[error("the service is not ready: {status}")]
    NotReady {
        /// The current start-up step.
        status: String,
    },
    /// The archive was opened for reading, by a command that does not write.
    #[error("the archive is open for reading only")]
    ReadOnly,
    /// There is no capacity for the call; it was not started.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A cursor is invalid.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// A document does not exist.
    #[error("document {id} not found")]
    DocumentNotFound {
        /// Its id.
        id: DocumentId,
    },
    /// A passage does not exist.
    #[error("passage {id} not found")]
    PassageNotFound {
        /// Its id, `{document}#p{ordinal}`.
        id: String,
    },
    /// A search is invalid or failed.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// A comparison is invalid or failed.
    #[error(transparent)]
    Parallels(#[from] ParallelsError),
    /// A text cannot be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The encoder failed.
    #[error("cannot encode: {0}")]
    Encode(#[from] EncodeError),
    /// A result cannot be written in the requested form.
    #[error("cannot write the result: {0}")]
    Render(#[from] serde_json::Error),
    /// The work panicked, which the log reports.
    #[error("the work was aborted")]
    Aborted,
}

/// The limit at which a call was rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The admission queue is full or too slow.
    #[error("{0}")]
    QueueFull(QueueFull),
    /// No worker was free in time.
    #[error("no worker was free within {} ms; the request was not started", max_wait.as_millis())]
    NotStarted {
        /// The time waited.
        max_wait: Duration,
        /// Whether the client set it.
        by_client: bool,
        /// Seconds after which the client may retry.
        retry_after_seconds: u32,
    },
    /// The write queue is full.
    #[error("the write queue is full ({waiting} waiting); try again later")]
    WriteQueueFull {
        /// Number of waiting writes.
        waiting: usize,
        /// Seconds after which the client may retry.
        retry_after_seconds: u32,
    },
    /// Too many upload streams are active.
    #[error("{maximum} upload streams are active, the maximum; try again later")]
    StreamsFull {
        /// Maximum number of streams.
        maximum: usize,
        /// Seconds after which the client may retry.
        retry_after_seconds: u32,
    },
    /// Too many long comparisons are running.
    #[error("{maximum} long comparisons are running, the maximum; try again later")]
    ComparisonsFull {
        /// Maximum number of long comparisons.
        maximum: usize,
        /// Seconds after which the client may retry.
        retry_after_seconds: u32,
    },
}

impl Rejection {
    /// Returns the seconds after which the client may retry.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u32 {
        match self {
            Self::QueueFull(full) => full.retry_after_seconds(),
            Self::NotStarted {
                retry_after_seconds,
                ..
            }
            | Self::WriteQueueFull {
                retry_after_seconds,
                ..
            }
            | Self::StreamsFull {
                retry_after_seconds,
                ..
            }
            | Self::ComparisonsFull {
                retry_after_seconds,
                ..
            } => *retry_after_seconds,
        }
    }
}

/// An invalid cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// It is no cursor.
    #[error("invalid cursor; expected `next_cursor` of an earlier response, unchanged")]
    Malformed,
    /// It belongs to another request.
    #[error(
        "the cursor belongs to another request; repeat it with the same parameters (only limit may differ)"
    )]
    OtherRequest,
    /// It belongs to a snapshot that has been replaced.
    #[error(
        "the cursor's snapshot {received} has been replaced by {expected} (documents changed or the index was rebuilt); start again without a cursor"
    )]
    Expired {
        /// The current snapshot.
        expected: String,
        /// The cursor's snapshot.
        received: String,
    },
    /// An offset is given as well.
    #[error("offset and cursor are mutually exclusive")]
    WithOffset,
}

/// An input that cannot be embedded.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct EmbedError {
    /// Index of the input, from 0.
    pub index: usize,
    /// Why.
    pub kind: EmbedErrorKind,
}

/// Why an input cannot be embedded.
#[derive(Debug, thiserror::Error)]
pub enum EmbedErrorKind {
    /// A text is blank.
    #[error("the text is empty")]
    EmptyText,
    /// An array of tokens has none besides special tokens.
    #[error("the array contains only special tokens")]
    NoTokens,
    /// A text is too long to be tokenized.
    #[error(
        "the text has {received} characters; expected at most {MAX_TEXT_CHARS} (the model reads {max_tokens} tokens)"
    )]
    TooManyCharacters {
        /// Its length.
        received: usize,
        /// The model's limit.
        max_tokens: usize,
    },
    /// A text is longer than the model reads, and must not be truncated.
    #[error(
        "the text has {received} tokens, above the model's {expected} (special tokens included); shorten it, or set \"truncate\": true"
    )]
    TooManyTokens {
        /// Its length.
        received: usize,
        /// The model's limit.
        expected: usize,
    },
    /// A token is not in the vocabulary.
    #[error("{id} is not in the model's vocabulary (0 to {last})")]
    UnknownToken {
        /// The token.
        id: u32,
        /// The last token of the vocabulary.
        last: usize,
    },
    /// The tokenizer failed.
    #[error(transparent)]
    Tokenizer(EncodeError),
}
