//! A query to hits.
//!
//! A [`Query`] is checked once, when it is made; [`semantic()`] answers it from one snapshot. Each
//! hit carries the sentence that answers best, so that a reader sees why it was found.

mod semantic;

use std::time::Duration;

use crate::encoder::EncodeError;
use crate::index::{IndexError, MAX_EF, Request};
use crate::passages::TextRange;
use crate::store::{DocumentSummary, PassageRecord, StoreError};

pub use semantic::semantic;

/// Most hits in one answer.
pub const MAX_LIMIT: usize = 1000;

/// How deep paging may go: `offset + limit`.
pub const MAX_DEPTH: usize = 10_000;

/// Longest query in characters; the model's own limit, in tokens, is checked when it is encoded.
pub const MAX_QUERY_CHARACTERS: usize = 10_000;

/// Hits in an answer where none are asked for.
pub const DEFAULT_LIMIT: usize = 10;

/// A query that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    text: String,
    limit: usize,
    offset: usize,
    ef: Option<usize>,
    exact: bool,
}

impl Query {
    /// Checks a query: text that is not blank, `limit` from 1 to [`MAX_LIMIT`].
    ///
    /// # Errors
    ///
    /// Names the first value that cannot be answered.
    pub fn new(text: &str, limit: usize, offset: usize) -> Result<Self, SearchError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SearchError::EmptyQuery);
        }
        let characters = text.chars().count();
        if characters > MAX_QUERY_CHARACTERS {
            return Err(SearchError::QueryTooLong {
                received: characters,
                expected: MAX_QUERY_CHARACTERS,
                unit: "characters",
            });
        }
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(SearchError::Limit { received: limit });
        }
        if offset > MAX_DEPTH - limit {
            return Err(SearchError::Offset {
                received: offset,
                expected: MAX_DEPTH - limit,
            });
        }
        Ok(Self {
            text: text.to_owned(),
            limit,
            offset,
            ef: None,
            exact: false,
        })
    }

    /// The same query, answered with so many candidates kept while the graph is walked, or the
    /// index's own number; or, where `exact`, by comparing with every passage.
    ///
    /// # Errors
    ///
    /// If `ef` is not 1 to [`MAX_EF`].
    pub fn searched(mut self, ef: Option<usize>, exact: bool) -> Result<Self, SearchError> {
        if let Some(received) = ef.filter(|ef| !(1..=MAX_EF).contains(ef)) {
            return Err(SearchError::Ef { received });
        }
        self.ef = ef;
        self.exact = exact;
        Ok(self)
    }

    /// What to ask the index for.
    fn request(&self) -> Request<'static> {
        Request {
            k: self.offset + self.limit,
            ef: self.ef,
            exact: self.exact,
            allowed: None,
        }
    }

    /// The text, without blanks at its ends.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Most hits to answer with.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Hits to leave out before the first.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// The answer to a query.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The hits, best first.
    pub hits: Vec<Hit>,
    /// Where the time went.
    pub times: StageTimes,
}

/// A passage that answers a query.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Place in the ranking, from 1; the first hit after an offset of 10 has rank 11.
    pub rank: usize,
    /// Similarity of query and passage, in [-1, 1].
    pub score: f32,
    /// The passage.
    pub passage: PassageRecord,
    /// Its document, without the text.
    pub document: DocumentSummary,
    /// The sentence nearest to the query; a passage has at least one.
    pub sentence: Option<Evidence>,
}

/// The sentence that carries a hit.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Its text.
    pub text: String,
    /// Its place in the document's clean text, in characters.
    pub range: TextRange,
    /// Similarity of query and sentence, in [-1, 1].
    pub score: f32,
}

/// Where the time of an answer went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageTimes {
    /// Query to tokens.
    pub tokenize: Duration,
    /// Tokens to embedding.
    pub encode: Duration,
    /// Embedding to neighbours.
    pub search: Duration,
    /// Neighbours to passages, with the choice of sentences.
    pub fetch: Duration,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// There is nothing to look for.
    #[error("the query is empty; expected some words")]
    EmptyQuery,
    /// The query is longer than can be encoded whole.
    #[error("the query has {received} {unit}; expected at most {expected}")]
    QueryTooLong {
        /// Its length.
        received: usize,
        /// The greatest length.
        expected: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// `limit` is out of range.
    #[error("limit is {received}; expected 1 to {MAX_LIMIT}")]
    Limit {
        /// The value received.
        received: usize,
    },
    /// `offset` is out of range.
    #[error("offset is {received}; with this limit it can be at most {expected}")]
    Offset {
        /// The value received.
        received: usize,
        /// The greatest value.
        expected: usize,
    },
    /// `ef` is out of range.
    #[error("ef is {received}; expected 1 to {MAX_EF}")]
    Ef {
        /// The value received.
        received: usize,
    },
    /// The query cannot be encoded.
    #[error("the query cannot be encoded: {0}")]
    Encode(#[from] EncodeError),
    /// The index failed.
    #[error("the index cannot be searched: {0}")]
    Index(#[from] IndexError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_checked_when_made() {
        assert!(matches!(
            Query::new(" \n\t", 10, 0),
            Err(SearchError::EmptyQuery)
        ));
        assert!(matches!(
            Query::new("peace", 0, 0),
            Err(SearchError::Limit { received: 0 })
        ));
        assert!(matches!(
            Query::new("peace", 10_000, 0),
            Err(SearchError::Limit { .. })
        ));
        assert!(matches!(
            Query::new("peace", 10, 9_991),
            Err(SearchError::Offset {
                expected: 9_990,
                ..
            })
        ));
        assert!(matches!(
            Query::new(&"peace ".repeat(2_000), 10, 0),
            Err(SearchError::QueryTooLong {
                unit: "characters",
                ..
            })
        ));
        let query = Query::new("peace", 10, 0).unwrap();
        assert!(matches!(
            query.searched(Some(0), false),
            Err(SearchError::Ef { received: 0 })
        ));
        let query = Query::new("  peace and security ", 1000, 9_000).unwrap();
        assert_eq!(query.text(), "peace and security");
    }
}
