//! A query to hits.
//!
//! A [`Query`] is checked once, when it is made; [`search()`] answers it from one snapshot. What is
//! looked for becomes a vector ([`subject`]), words ([`keyword`]), or both; a [`Filter`] says which
//! rows may be found before anything is compared; candidates become an order ([`ranking`]), and each
//! hit carries what it was found by ([`answering`]), so that a reader sees why.

mod canonical;
mod execute;
mod facets;
mod fields;
mod filter;
mod keyword;
mod nearest;
mod query;
mod query_vector;
mod ranking;
mod recall;

use std::sync::Arc;
use std::time::Duration;

use crate::encoder::EncodeError;
use crate::engine::KeywordError;
use crate::index::{IndexError, MAX_EF, SearchStats};
use crate::passages::TextRange;
use crate::store::{DocumentSummary, PassageRecord, StoreError};

pub use execute::{search, search_all};
pub use facets::{Facet, FacetValue, count_facets};
pub use fields::{BUILT_IN_FIELDS, document_date, field_values, is_field, known_fields};
pub use filter::Filter;
pub use query::{DEFAULT_LIMIT, GroupBy, Grouping, Include, Mode, Query, QueryParams};
pub use query_vector::{CacheMode, CacheStats, QueryEncoder};
pub use recall::{ApproximateResult, Recall};

/// Most hits in one answer.
pub const MAX_LIMIT: usize = 1000;

/// How deep paging may go: `offset + limit`.
pub const MAX_RESULT_WINDOW: usize = 10_000;

/// Candidates of each kind among which hybrid, grouped and diverse hits are chosen; paging goes no
/// deeper there. It does not depend on the page, so that pages agree with each other.
pub const CANDIDATE_POOL_SIZE: usize = 500;

/// Longest query in characters; the model's own limit, in tokens, is checked when it is encoded.
pub const MAX_QUERY_CHARACTERS: usize = 10_000;

/// Most words that are looked for one after the other.
pub const MAX_PHRASE_WORDS: usize = 64;

/// Most examples that hits may be like, or unlike.
pub const MAX_EXAMPLES: usize = 100;

/// Most hits of a group.
pub const MAX_GROUP_SIZE: usize = 100;

/// The answer to a query.
#[derive(Debug, Clone)]
pub struct SearchResults {
    /// The hits, best first; groups stand together.
    pub hits: Vec<Hit>,
    /// Values of the fields that were asked for, among the documents that the filter lets through.
    pub facets: Vec<Facet>,
    /// Whether a deeper page would have hits.
    pub has_more: bool,
    /// Candidates among which the hits were chosen.
    pub candidate_count: usize,
    /// Passages that the filter lets through, where there is one.
    pub filtered_count: Option<u64>,
    /// What finding the nearest took.
    pub stats: SearchStats,
    /// What the nearest were, where a graph was asked for them.
    pub approximate: Option<ApproximateResult>,
    /// Where the time went.
    pub times: StageTimes,
}

/// A passage that answers a query.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Place in the ranking, from 1; the first hit after an offset of 10 has rank 11.
    pub rank: usize,
    /// Similarity of query and passage, in [-1, 1]; by words BM25, above 0; in a hybrid ranking the
    /// sum of reciprocal ranks.
    pub score: f32,
    /// In a hybrid ranking, its place by meaning, if it has one.
    pub semantic: Option<ListRank>,
    /// In a hybrid ranking, its place by words, if it has one.
    pub keyword: Option<ListRank>,
    /// What it is grouped by.
    pub group: Option<String>,
    /// The passage.
    pub passage: PassageRecord,
    /// Its document, without the text.
    pub document: Arc<DocumentSummary>,
    /// The sentence nearest to the query, where it was looked for by meaning.
    pub sentence: Option<Evidence>,
    /// Where it holds the words of the query, in characters of the document's clean text.
    pub highlights: Vec<TextRange>,
    /// Its neighbours, if they were asked for.
    pub context: Option<AdjacentPassages>,
    /// Its embedding, if it was asked for.
    pub embedding: Option<Vec<f32>>,
}

/// A place in one of the lists that a hybrid ranking is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListRank {
    /// From 1.
    pub rank: usize,
    /// The list's own score.
    pub score: f32,
}

/// The passages around a hit.
#[derive(Debug, Clone)]
pub struct AdjacentPassages {
    /// The one before it in the document.
    pub previous: Option<PassageRecord>,
    /// The one after it.
    pub next: Option<PassageRecord>,
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
    /// Embedding and words to the rows that are answered with.
    pub search: Duration,
    /// Rows to passages, with the choice of sentences.
    pub fetch: Duration,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// There is nothing to look for.
    #[error("the query is empty; expected some words")]
    EmptyQuery,
    /// An example has nothing in it.
    #[error("{name} has an example without words; expected passages by id, or texts")]
    EmptyExample {
        /// The list that it stands in.
        name: &'static str,
    },
    /// Neither a text nor examples.
    #[error("there is nothing to look for; expected a query, or like")]
    MissingQuery,
    /// There is a text as well as examples.
    #[error("there is a query as well as like or unlike; expected one or the other")]
    QueryAndExamples,
    /// Hits cannot be unlike something only.
    #[error("there is nothing that the hits should be like; expected like beside unlike")]
    NoPositiveExamples,
    /// Examples have no words of their own.
    #[error("like and unlike work by meaning; expected the mode semantic")]
    ExamplesRequireSemanticMode,
    /// What hits should be like and unlike is the same.
    #[error("what the hits should be like and unlike cancel out; expected examples that differ")]
    ExamplesCancelOut,
    /// An example names a passage that is not there.
    #[error("there is no passage {id}")]
    UnknownPassage {
        /// Its id.
        id: String,
    },
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
    /// Another number is out of range.
    #[error("{name} is {received}; expected {expected}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// Its range.
        expected: String,
        /// The value received.
        received: String,
    },
    /// A filter cannot be read.
    #[error("{path}: {reason}")]
    InvalidFilter {
        /// The part at fault.
        path: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A filter names a field that no document has.
    #[error("unknown field {path}; expected `not` or one of: {known}")]
    UnknownField {
        /// The filter and the name in it.
        path: String,
        /// Those that there are.
        known: String,
    },
    /// A facet names a field that no document has.
    #[error("{received} is no field that can be counted; known fields: {known}")]
    UnknownFacet {
        /// The name received.
        received: String,
        /// Those that there are.
        known: String,
    },
    /// The query cannot be encoded.
    #[error("the query cannot be encoded: {0}")]
    Encode(#[from] EncodeError),
    /// A batch of queries cannot be encoded.
    #[error("the queries cannot be encoded: {0}")]
    EncodeBatch(String),
    /// The index failed.
    #[error("the index cannot be searched: {0}")]
    Index(#[from] IndexError),
    /// The words cannot be looked for.
    #[error(transparent)]
    Keyword(#[from] KeywordError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value at fault.
    fn at(parts: QueryParams) -> &'static str {
        match Query::new(parts).unwrap_err() {
            SearchError::EmptyQuery => "empty",
            SearchError::MissingQuery => "no subject",
            SearchError::QueryAndExamples => "two subjects",
            SearchError::NoPositiveExamples => "nothing like",
            SearchError::ExamplesRequireSemanticMode => "by meaning",
            SearchError::Limit { .. } => "limit",
            SearchError::Offset { .. } => "offset",
            SearchError::Ef { .. } => "ef",
            SearchError::QueryTooLong { unit, .. } => unit,
            SearchError::Parameter { name, .. } | SearchError::EmptyExample { name } => name,
            other => panic!("{other}"),
        }
    }

    fn text(text: &str) -> QueryParams {
        QueryParams {
            text: Some(text.to_owned()),
            ..QueryParams::default()
        }
    }

    #[test]
    fn query_text_and_examples_are_validated() {
        let like = vec!["tea".to_owned()];
        let examples = QueryParams {
            like: like.clone(),
            ..QueryParams::default()
        };
        assert_eq!(at(QueryParams::default()), "no subject");
        assert_eq!(at(text(" \n\t")), "empty");
        assert_eq!(at(text(&"peace ".repeat(2_000))), "characters");
        let by_words = |query: &str| QueryParams {
            mode: Mode::Keyword,
            ..text(query)
        };
        let phrase = |words: usize| format!("of \"{}\"", "the ".repeat(words));
        assert_eq!(at(by_words(&phrase(65))), "words in one phrase");
        assert_eq!(at(by_words(&"a-".repeat(65))), "words in one phrase");
        assert!(Query::new(by_words(&phrase(64))).is_ok());
        let both = QueryParams {
            like: like.clone(),
            ..text("a")
        };
        assert_eq!(at(both), "two subjects");
        let unlike = QueryParams {
            unlike: like,
            ..QueryParams::default()
        };
        assert_eq!(at(unlike), "nothing like");
        let hybrid = QueryParams {
            mode: Mode::Hybrid,
            ..examples.clone()
        };
        assert_eq!(at(hybrid), "by meaning");
        let many = QueryParams {
            like: vec!["a".to_owned(); 101],
            ..examples
        };
        assert_eq!(at(many), "like");
    }

    #[test]
    fn numeric_parameters_are_validated() {
        type Change = fn(&mut QueryParams);
        let changes: [(&str, Change); 14] = [
            ("limit", |p| p.limit = 0),
            ("limit", |p| p.limit = 1001),
            ("offset", |p| p.offset = 9_991),
            ("offset", |p| p.offset = usize::MAX),
            ("offset", |p| (p.offset, p.mode) = (491, Mode::Hybrid)),
            ("offset", |p| (p.offset, p.diversity) = (491, Some(0.5))),
            ("ef", |p| p.ef = Some(0)),
            ("min_score", |p| p.min_score = Some(f32::NAN)),
            ("min_score", |p| p.min_score = Some(1.0 + f32::EPSILON)),
            ("min_score", |p| {
                (p.min_score, p.mode) = (Some(0.017), Mode::Hybrid);
            }),
            ("min_score", |p| {
                (p.min_score, p.mode) = (Some(f32::INFINITY), Mode::Keyword);
            }),
            ("semantic_weight", |p| p.semantic_weight = 1.5),
            ("diversity", |p| p.diversity = Some(f32::NAN)),
            ("group_size", |p| {
                p.group = Some(Grouping {
                    by: GroupBy::Speaker,
                    size: 0,
                });
            }),
        ];
        for (expected, change) in changes {
            let mut parts = text("peace");
            change(&mut parts);
            assert_eq!(at(parts), expected);
        }
        let parts = QueryParams {
            offset: 9_000,
            limit: 1000,
            ..text("  peace ")
        };
        let query = Query::new(parts).unwrap();
        assert_eq!(query.params().text.as_deref(), Some("peace"));
    }
}
