//! Errors of evaluations of search.

use std::path::PathBuf;

use crate::search::SearchError;
use crate::store::StoreError;

/// An error of an evaluation of search.
#[derive(Debug, thiserror::Error)]
pub enum RetrievalError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A path is not a test collection.
    #[error("{} {received}; expected {expected}", .path.display())]
    InvalidCollection {
        /// The file or folder.
        path: PathBuf,
        /// What was found.
        received: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A line is invalid.
    #[error("{}, line {line}: {received}; expected {expected}", .path.display())]
    InvalidLine {
        /// The file.
        path: PathBuf,
        /// The line number, from 1.
        line: usize,
        /// What was found.
        received: String,
        /// What was expected.
        expected: String,
    },
    /// The data directory has another corpus.
    #[error(
        "none of the {judged} judged {unit} is in the data directory, such as {example}; index the corpus of the judgements first"
    )]
    ForeignCorpus {
        /// How many are judged.
        judged: usize,
        /// Passages or documents.
        unit: &'static str,
        /// The id of one.
        example: String,
    },
    /// No query has a relevant passage or document in the store.
    #[error("no query has a judgement of grade {min_grade} or above in the data directory")]
    NothingRelevant {
        /// The lowest relevant grade.
        min_grade: u32,
    },
    /// Two reports have no query in common, or their metrics differ.
    #[error(
        "the reports have no query and mode in common, or another gain or lowest grade; expected reports on the same judgements with the same options"
    )]
    NothingToCompare,
    /// A search failed.
    #[error("query {query}: {source}")]
    Search {
        /// The id of the query.
        query: String,
        /// The cause.
        source: Box<SearchError>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
