//! Search: queries to hits.
//!
//! A [`Query`] is validated when it is created; [`search()`] executes it on one snapshot
//! ([`execute`]). The query is encoded as a vector ([`query_vector`]), parsed into terms
//! ([`crate::keyword`]), or both. A [`Filter`] restricts the rows before any comparison. Candidates are scored
//! by passage and best sentence ([`nearest`]), by BM25 ([`keyword_search`]) or both ([`hybrid`]), and each hit
//! carries its evidence: the best sentence and the highlights.

mod canonical;
pub mod evaluation;
mod execute;
mod facets;
mod fields;
mod filter;
mod hybrid;
mod keyword_search;
mod nearest;
mod page;
mod query;
mod query_vector;
mod ranking;
mod recall;

use std::sync::Arc;
use std::time::Duration;

use crate::encoder::EncodeError;
use crate::index::{IndexError, MAX_EF, SearchStats};
use crate::keyword::KeywordError;
use crate::passages::TextRange;
use crate::store::{DocumentSummary, PassageRecord, StoreError};

pub use execute::{search, search_all};
pub use facets::{Facet, FacetValue, count_facets};
pub use fields::{BUILT_IN_FIELDS, document_date, field_values, is_field, known_fields};
pub use filter::Filter;
pub use page::SearchPage;
pub use query::{DEFAULT_LIMIT, GroupBy, Grouping, Include, Mode, Query, QueryParams};
pub use query_vector::{CacheMode, CacheStats, QueryEncoder};
pub use recall::{ApproximateResult, Recall};

/// Maximum number of hits per request.
pub const MAX_LIMIT: usize = 1000;

/// Maximum of `offset + limit`.
pub const MAX_RESULT_WINDOW: usize = 10_000;

/// Candidates per list from which hybrid, grouped and diversified hits are selected, and the maximum of
/// `offset + limit` for those. It is independent of the page, so that pages are consistent.
pub const CANDIDATE_POOL_SIZE: usize = 500;

/// Maximum length of a query in characters; the model's limit in tokens is checked by the encoder.
pub const MAX_QUERY_CHARACTERS: usize = 10_000;

/// Maximum number of words in a phrase.
pub const MAX_PHRASE_WORDS: usize = 64;

/// Maximum number of positive examples, and of negative ones.
pub const MAX_EXAMPLES: usize = 100;

/// Maximum number of hits per group.
pub const MAX_GROUP_SIZE: usize = 100;

/// The results of a query.
#[derive(Debug, Clone)]
pub struct SearchResults {
    /// The hits, best first; hits of a group are adjacent.
    pub hits: Vec<Hit>,
    /// The requested facets, over the documents that match the filter.
    pub facets: Vec<Facet>,
    /// Whether the next page would have hits.
    pub has_more: bool,
    /// Number of candidates that the hits were selected from.
    pub candidate_count: usize,
    /// Number of passages that match the filter, if there is one.
    pub filtered_count: Option<u64>,
    /// Work of the vector search.
    pub stats: SearchStats,
    /// The result of a graph search, to measure its recall; `None` after an exact scan.
    pub approximate: Option<ApproximateResult>,
    /// Time per stage.
    pub times: StageTimes,
}

/// A passage that matches a query.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Rank from 1; the first hit after an offset of 10 has rank 11.
    pub rank: usize,
    /// Semantic: the mean similarity of the query with the passage and with its best sentence, in [-1, 1].
    /// Keyword: BM25, above 0. Hybrid: the weighted mean of both, each divided by the best score of the
    /// query, in [0, 1].
    pub score: f32,
    /// Similarity of query and passage, in [-1, 1], in semantic and hybrid mode.
    pub passage_score: Option<f32>,
    /// In hybrid mode, its semantic score.
    pub semantic: Option<ListScore>,
    /// In hybrid mode, its keyword score, if it matches.
    pub keyword: Option<ListScore>,
    /// The value it is grouped by.
    pub group: Option<String>,
    /// The passage.
    pub passage: PassageRecord,
    /// Its document, without the text.
    pub document: Arc<DocumentSummary>,
    /// The sentence nearest to the query, in semantic and hybrid mode.
    pub sentence: Option<Evidence>,
    /// Matched terms, as ranges of characters of the document's clean text.
    pub highlights: Vec<TextRange>,
    /// The adjacent passages, if requested.
    pub context: Option<AdjacentPassages>,
    /// Its embedding, if requested.
    pub embedding: Option<Vec<f32>>,
}

/// A score in one of the two lists that hybrid mode combines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListScore {
    /// The score in that list.
    pub score: f32,
    /// What it contributes to the score of the hit.
    pub contribution: f32,
}

/// The passages before and after a hit.
#[derive(Debug, Clone)]
pub struct AdjacentPassages {
    /// The previous one of the document.
    pub previous: Option<PassageRecord>,
    /// The next one of the document.
    pub next: Option<PassageRecord>,
}

/// The sentence of a hit that is nearest to the query.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Its text.
    pub text: String,
    /// Its range in the document's clean text, in characters.
    pub range: TextRange,
    /// Similarity of query and sentence, in [-1, 1].
    pub score: f32,
}

/// Time per stage of a search.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageTimes {
    /// Tokenizing the query.
    pub tokenize: Duration,
    /// Encoding the query.
    pub encode: Duration,
    /// Searching, fusing and ranking rows.
    pub search: Duration,
    /// Reading the passages and selecting the best sentences.
    pub fetch: Duration,
}

/// A query that cannot be executed, or a failure to execute it.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The query is blank.
    #[error("the query is empty; expected text")]
    EmptyQuery,
    /// An example is blank.
    #[error("`{name}` contains an empty example; expected passage ids or texts")]
    EmptyExample {
        /// The list that contains it.
        name: &'static str,
    },
    /// There is neither a query nor examples.
    #[error("missing query; expected `query` or `like`")]
    MissingQuery,
    /// There is a query as well as examples.
    #[error("`query` cannot be combined with `like` or `unlike`; expected one or the other")]
    QueryAndExamples,
    /// There are negative examples only.
    #[error("`unlike` requires `like`; expected at least one positive example")]
    NoPositiveExamples,
    /// Examples are given in keyword or hybrid mode.
    #[error("`like` and `unlike` require mode `semantic`")]
    ExamplesRequireSemanticMode,
    /// Positive and negative examples have the same mean.
    #[error("positive and negative examples cancel out; expected examples that differ")]
    ExamplesCancelOut,
    /// An example refers to a passage that does not exist.
    #[error("passage {id} does not exist")]
    UnknownPassage {
        /// Its id.
        id: String,
    },
    /// The query, or a phrase of it, is too long.
    #[error("the query has {received} {unit}; expected at most {expected}")]
    QueryTooLong {
        /// Its length.
        received: usize,
        /// The maximum length.
        expected: usize,
        /// The unit of both.
        unit: &'static str,
    },
    /// `limit` is out of range.
    #[error("limit is {received}; expected 1 to {MAX_LIMIT}")]
    Limit {
        /// The value received.
        received: usize,
    },
    /// `offset` is out of range.
    #[error("offset is {received}; expected at most {expected} with this limit")]
    Offset {
        /// The value received.
        received: usize,
        /// The maximum.
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
        /// Its valid range.
        expected: String,
        /// The value received.
        received: String,
    },
    /// A filter is invalid.
    #[error("{path}: {reason}")]
    InvalidFilter {
        /// The path of the part at fault.
        path: String,
        /// The problem and the expected form.
        reason: String,
    },
    /// A filter refers to a field that does not exist.
    #[error("unknown field {path}; expected `not` or one of: {known}")]
    UnknownField {
        /// The path of the field.
        path: String,
        /// The known fields.
        known: String,
    },
    /// A facet refers to a field that does not exist.
    #[error("unknown facet field {received}; expected one of: {known}")]
    UnknownFacet {
        /// The name received.
        received: String,
        /// The known fields.
        known: String,
    },
    /// The query cannot be encoded.
    #[error("cannot encode the query: {0}")]
    Encode(#[from] EncodeError),
    /// A batch of queries cannot be encoded.
    #[error("cannot encode the queries: {0}")]
    EncodeBatch(String),
    /// The index failed.
    #[error("cannot search the index: {0}")]
    Index(#[from] IndexError),
    /// The keyword search failed.
    #[error(transparent)]
    Keyword(#[from] KeywordError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names the parameter that is rejected.
    fn faulty_value(params: QueryParams) -> &'static str {
        match Query::new(params).unwrap_err() {
            SearchError::EmptyQuery => "empty",
            SearchError::MissingQuery => "missing query",
            SearchError::QueryAndExamples => "query and examples",
            SearchError::NoPositiveExamples => "no positive examples",
            SearchError::ExamplesRequireSemanticMode => "semantic only",
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
        assert_eq!(faulty_value(QueryParams::default()), "missing query");
        assert_eq!(faulty_value(text(" \n\t")), "empty");
        assert_eq!(faulty_value(text(&"peace ".repeat(2_000))), "characters");
        let keyword_query = |query: &str| QueryParams {
            mode: Mode::Keyword,
            ..text(query)
        };
        let phrase = |words: usize| format!("of \"{}\"", "the ".repeat(words));
        assert_eq!(
            faulty_value(keyword_query(&phrase(65))),
            "words in one phrase"
        );
        assert_eq!(
            faulty_value(keyword_query(&"a-".repeat(65))),
            "words in one phrase"
        );
        assert!(Query::new(keyword_query(&phrase(64))).is_ok());
        let both = QueryParams {
            like: like.clone(),
            ..text("a")
        };
        assert_eq!(faulty_value(both), "query and examples");
        let unlike = QueryParams {
            unlike: like,
            ..QueryParams::default()
        };
        assert_eq!(faulty_value(unlike), "no positive examples");
        let hybrid = QueryParams {
            mode: Mode::Hybrid,
            ..examples.clone()
        };
        assert_eq!(faulty_value(hybrid), "semantic only");
        let many = QueryParams {
            like: vec!["a".to_owned(); 101],
            ..examples
        };
        assert_eq!(faulty_value(many), "like");
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
                (p.min_score, p.mode) = (Some(1.01), Mode::Hybrid);
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
            let mut params = text("peace");
            change(&mut params);
            assert_eq!(faulty_value(params), expected);
        }
        let params = QueryParams {
            offset: 9_000,
            limit: 1000,
            ..text("  peace ")
        };
        let query = Query::new(params).unwrap();
        assert_eq!(query.params().text.as_deref(), Some("peace"));
    }
}
