//! Maps the errors of the archive to problems.

use crate::archive::{ArchiveError, CursorError, EmbedErrorKind, QueueFull, Rejection};
use crate::engine::EngineError;
use crate::keyword::KeywordError;
use crate::parallels::ParallelsError;
use crate::search::SearchError;
use crate::store::{StoreError, WriteObstacle};

use super::problem::{Problem, failed};

/// Seconds after which a client may retry while the service starts up.
const INITIALIZING_RETRY_SECONDS: u32 = 2;

impl From<ArchiveError> for Problem {
    fn from(error: ArchiveError) -> Self {
        let detail = error.to_string();
        match error {
            ArchiveError::NotReady { .. } => {
                Self::initializing(detail).retry_after(INITIALIZING_RETRY_SECONDS)
            }
            ArchiveError::Rejected(rejection) => rejection.into(),
            ArchiveError::Cursor(error) => error.into(),
            ArchiveError::DocumentNotFound { .. } => Self::document_not_found(detail).at("id"),
            ArchiveError::PassageNotFound { .. } => Self::passage_not_found(detail).at("id"),
            ArchiveError::Search(error) => error.into(),
            ArchiveError::Parallels(error) => error.into(),
            ArchiveError::Embed(error) => match error.kind {
                EmbedErrorKind::EmptyText | EmbedErrorKind::NoTokens => Self::empty_input(detail),
                EmbedErrorKind::TooManyCharacters { .. } | EmbedErrorKind::TooManyTokens { .. } => {
                    Self::input_too_long(detail)
                }
                EmbedErrorKind::UnknownToken { .. } => Self::unknown_token(detail),
                EmbedErrorKind::Tokenizer(error) => failed(&error),
            },
            ArchiveError::ReadOnly => Self::read_only(detail),
            ArchiveError::Store(error) | ArchiveError::Engine(EngineError::Store(error)) => {
                error.into()
            }
            ArchiveError::Engine(EngineError::NotPublished(error)) => {
                failed(&*error);
                Self::not_published(detail)
            }
            ArchiveError::Engine(_)
            | ArchiveError::Encode(_)
            | ArchiveError::Render(_)
            | ArchiveError::Aborted => failed(&error),
        }
    }
}

impl From<QueueFull> for Problem {
    fn from(full: QueueFull) -> Self {
        Self::overloaded(full.to_string())
            .retry_after(full.retry_after_seconds())
            .shed(full.which_limit())
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let (detail, retry) = (rejection.to_string(), rejection.retry_after_seconds());
        let problem = match rejection {
            Rejection::QueueFull(full) => return full.into(),
            Rejection::NotStarted {
                by_client: true, ..
            } => Self::timeout(detail)
                .at("timeout_ms")
                .shed("client_timeout"),
            Rejection::NotStarted { .. } => Self::overloaded(detail).shed("waited_too_long"),
            Rejection::WriteQueueFull { .. } => Self::overloaded(detail).shed("write_queue_full"),
            Rejection::StreamsFull { .. } => Self::overloaded(detail).shed("streams_full"),
            Rejection::ComparisonsFull { .. } => Self::overloaded(detail),
        };
        problem.retry_after(retry)
    }
}

impl From<CursorError> for Problem {
    fn from(error: CursorError) -> Self {
        let detail = error.to_string();
        let problem = match error {
            CursorError::Malformed | CursorError::OtherRequest | CursorError::WithOffset => {
                Self::invalid_cursor(detail)
            }
            CursorError::Expired { .. } => Self::cursor_expired(detail),
        };
        problem.at("cursor")
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        let detail = error.to_string();
        match error {
            SearchError::EmptyQuery => Self::empty_query(detail).at("query"),
            SearchError::QueryTooLong { .. }
            | SearchError::Keyword(KeywordError::QueryTooExpensive) => {
                Self::query_too_long(detail).at("query")
            }
            SearchError::Limit { .. } => Self::limit_out_of_range(detail).at("limit"),
            SearchError::Offset { .. } => Self::offset_out_of_range(detail).at("offset"),
            SearchError::Ef { .. } => Self::ef_out_of_range(detail).at("ef"),
            SearchError::EmptyExample { name } => Self::empty_query(detail).at(name),
            SearchError::MissingQuery => Self::missing_field(detail).at("query"),
            SearchError::QueryAndExamples => Self::query_and_examples(detail).at("like"),
            SearchError::NoPositiveExamples => Self::invalid_examples(detail).at("like"),
            SearchError::ExamplesRequireSemanticMode => Self::invalid_examples(detail).at("mode"),
            SearchError::ExamplesCancelOut => Self::invalid_examples(detail).at("unlike"),
            SearchError::UnknownPassage { .. } => Self::passage_not_found(detail).at("like"),
            SearchError::Parameter { name, .. } => Self::parameter_out_of_range(detail).at(name),
            SearchError::InvalidFilter { path: at, .. } => Self::invalid_filter(detail).at(at),
            SearchError::UnknownField { path: at, .. } => Self::unknown_field(detail).at(at),
            SearchError::UnknownFacet { .. } => Self::unknown_field(detail).at("facets"),
            SearchError::Encode(_) | SearchError::EncodeBatch(_) | SearchError::Index(_) => {
                failed(&error)
            }
            SearchError::Keyword(KeywordError::Store(error)) | SearchError::Store(error) => {
                error.into()
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error.write_obstacle() {
            Some(WriteObstacle::DiskFull) => Self::disk_full(
                "the disk is full, or a file-size limit is reached; nothing was changed. Searches are served; write again once there is room",
            ),
            Some(WriteObstacle::ReadOnly) => Self::read_only(
                "the data directory cannot be written; nothing was changed. Searches are served",
            ),
            None => failed(&error),
        }
    }
}

impl From<ParallelsError> for Problem {
    fn from(error: ParallelsError) -> Self {
        let detail = error.to_string();
        match error {
            ParallelsError::NoSuchDocument { .. } => Self::document_not_found(detail),
            ParallelsError::NoSuchPassage { .. } => Self::passage_not_found(detail),
            ParallelsError::SameDocument { .. } => Self::same_document(detail).at("b"),
            ParallelsError::OutOfRange { name, .. } => {
                Self::parameter_out_of_range(detail).at(name)
            }
            ParallelsError::Filter(error) => error.into(),
            ParallelsError::UnknownField { parameter, .. } => {
                Self::unknown_field(detail).at(parameter)
            }
            // The client has disconnected.
            ParallelsError::Cancelled => Self::internal(detail),
            ParallelsError::SnapshotMismatch | ParallelsError::Index(_) => failed(&error),
            ParallelsError::Store(error) => error.into(),
        }
    }
}
