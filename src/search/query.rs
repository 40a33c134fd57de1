//! Query parameters and their validation.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::filter::Filter;
use super::{
    CANDIDATE_POOL_SIZE, MAX_EXAMPLES, MAX_GROUP_SIZE, MAX_LIMIT, MAX_PHRASE_WORDS,
    MAX_QUERY_CHARACTERS, MAX_RESULT_WINDOW, SearchError,
};
use crate::corpus::normalize_text;
use crate::index::MAX_EF;
use crate::keyword::{self, QueryTerm};
use crate::passages::tokenize_words;

/// Number of hits if a request does not set `limit`.
pub const DEFAULT_LIMIT: usize = 10;

/// Weight of the semantic score in hybrid mode if a request does not set it; docs/decisions/0013 has its
/// neighbours.
const DEFAULT_SEMANTIC_WEIGHT: f32 = 0.6;

/// Unvalidated parameters of a query; [`Query::new`] validates them.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryParams {
    /// The query text.
    pub text: Option<String>,
    /// Instead of a text: positive examples, as passage ids or texts.
    pub like: Vec<String>,
    /// Negative examples, as passage ids or texts.
    pub unlike: Vec<String>,
    /// The search mode.
    pub mode: Mode,
    /// Maximum number of hits, or of groups of hits.
    pub limit: usize,
    /// Number of hits, or groups, to skip.
    pub offset: usize,
    /// Width of the graph search; the index's default if not set.
    pub ef: Option<usize>,
    /// Scan all passages instead of searching the graph.
    pub exact: bool,
    /// Minimum score of a hit; at most 1 in semantic and hybrid mode.
    pub min_score: Option<f32>,
    /// The documents to search.
    pub filter: Filter,
    /// Weight of the semantic score in hybrid mode, in [0, 1]; the keyword score has the rest.
    pub semantic_weight: f32,
    /// Groups hits by document or speaker.
    pub group: Option<Grouping>,
    /// Weight of diversity against relevance (MMR), in [0, 1].
    pub diversity: Option<f32>,
    /// Optional params of the hits.
    pub include: Include,
    /// Fields to count as facets.
    pub facets: Vec<String>,
}

impl Default for QueryParams {
    fn default() -> Self {
        Self {
            text: None,
            like: Vec::new(),
            unlike: Vec::new(),
            mode: Mode::default(),
            limit: DEFAULT_LIMIT,
            offset: 0,
            ef: None,
            exact: false,
            min_score: None,
            filter: Filter::All(Vec::new()),
            semantic_weight: DEFAULT_SEMANTIC_WEIGHT,
            group: None,
            diversity: None,
            include: Include::default(),
            facets: Vec::new(),
        }
    }
}

/// Search mode.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, ValueEnum,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = SearchMode)]
pub enum Mode {
    /// Similarity of embeddings, of the passage and its best sentence
    #[default]
    Semantic,
    /// BM25; `"several words"` is a phrase, `begin*` a prefix
    Keyword,
    /// Weighted mean of both, each normalized
    Hybrid,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 3] = [Self::Semantic, Self::Keyword, Self::Hybrid];

    /// Returns the name that requests and reports use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Semantic => "semantic",
            Self::Keyword => "keyword",
            Self::Hybrid => "hybrid",
        }
    }
}

/// How hits are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grouping {
    /// The property to group by.
    pub by: GroupBy,
    /// Maximum number of hits per group.
    pub size: usize,
}

/// The property that hits of a group share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GroupByField)]
pub enum GroupBy {
    /// The document.
    Document,
    /// The speaker; a document without one is a group of its own.
    Speaker,
}

/// Optional params of a hit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Include {
    /// The passages before and after it.
    pub context: bool,
    /// Its embedding.
    pub embedding: bool,
    /// The work of the search.
    pub explain: bool,
}

/// A valid query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    params: QueryParams,
    terms: Vec<QueryTerm>,
}

impl Query {
    /// Validates the parameters.
    ///
    /// # Errors
    ///
    /// Names the first invalid parameter.
    pub fn new(mut params: QueryParams) -> Result<Self, SearchError> {
        let text = params
            .text
            .take()
            .map(|text| validate_text(&text))
            .transpose()?;
        params.text = text;
        for (name, examples) in [("like", &mut params.like), ("unlike", &mut params.unlike)] {
            for example in examples {
                if example.trim().is_empty() {
                    return Err(SearchError::EmptyExample { name });
                }
                *example = validate_text(example)?;
            }
        }
        match (
            &params.text,
            params.like.is_empty() && params.unlike.is_empty(),
        ) {
            (None, true) => return Err(SearchError::MissingQuery),
            (Some(_), false) => return Err(SearchError::QueryAndExamples),
            _ => {}
        }
        if params.text.is_none() {
            if params.like.is_empty() {
                return Err(SearchError::NoPositiveExamples);
            }
            if params.mode != Mode::Semantic {
                return Err(SearchError::ExamplesRequireSemanticMode);
            }
        }
        let terms = match (&params.text, params.mode) {
            (Some(text), Mode::Keyword | Mode::Hybrid) => keyword::parse_terms(text),
            _ => Vec::new(),
        };
        check_phrases(&terms)?;
        check_numbers(&params)?;
        check_result_window(&params)?;
        Ok(Self { params, terms })
    }

    /// Returns the validated parameters.
    #[must_use]
    pub fn params(&self) -> &QueryParams {
        &self.params
    }

    /// Returns the terms of the keyword search; empty in semantic mode.
    #[must_use]
    pub fn terms(&self) -> &[QueryTerm] {
        &self.terms
    }

    /// Returns whether a page at this offset is within the result window.
    #[must_use]
    pub fn allows_offset(&self, offset: usize) -> bool {
        offset + self.params.limit <= max_result_window(&self.params)
    }

    /// Returns whether hits are selected from a pool of fixed size.
    #[must_use]
    pub fn uses_candidate_pool(&self) -> bool {
        uses_candidate_pool(&self.params)
    }
}

fn uses_candidate_pool(params: &QueryParams) -> bool {
    params.mode == Mode::Hybrid || params.group.is_some() || params.diversity.is_some()
}

/// Trims and normalizes a text as documents are; rejects blank and overlong ones.
fn validate_text(text: &str) -> Result<String, SearchError> {
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
    Ok(normalize_text(text))
}

/// Limits the length of phrases: every occurrence of each of their words is read.
fn check_phrases(terms: &[QueryTerm]) -> Result<(), SearchError> {
    let lengths = terms.iter().map(|term| tokenize_words(term.text()).len());
    match lengths.max() {
        Some(received) if received > MAX_PHRASE_WORDS => Err(SearchError::QueryTooLong {
            received,
            expected: MAX_PHRASE_WORDS,
            unit: "words in one phrase",
        }),
        _ => Ok(()),
    }
}

fn check_numbers(params: &QueryParams) -> Result<(), SearchError> {
    let out_of_range = |name, expected: String, received: &dyn ToString| {
        Err(SearchError::Parameter {
            name,
            expected,
            received: received.to_string(),
        })
    };
    if !(1..=MAX_LIMIT).contains(&params.limit) {
        return Err(SearchError::Limit {
            received: params.limit,
        });
    }
    if let Some(received) = params.ef.filter(|ef| !(1..=MAX_EF).contains(ef)) {
        return Err(SearchError::Ef { received });
    }
    for (name, examples) in [("like", &params.like), ("unlike", &params.unlike)] {
        if examples.len() > MAX_EXAMPLES {
            let expected = format!("at most {MAX_EXAMPLES} examples");
            return out_of_range(name, expected, &examples.len());
        }
    }
    let weights = [
        ("semantic_weight", Some(params.semantic_weight)),
        ("diversity", params.diversity),
    ];
    for (name, weight) in weights {
        if let Some(weight) = weight.filter(|weight| !(0.0..=1.0).contains(weight)) {
            return out_of_range(name, "0 to 1".to_owned(), &weight);
        }
    }
    let (max, expected) = max_score(params);
    let reachable = |score: &f32| score.is_finite() && *score <= max;
    if let Some(score) = params.min_score.filter(|score| !reachable(score)) {
        return out_of_range("min_score", expected, &score);
    }
    if let Some(group) = params
        .group
        .filter(|g| !(1..=MAX_GROUP_SIZE).contains(&g.size))
    {
        return out_of_range("group_size", format!("1 to {MAX_GROUP_SIZE}"), &group.size);
    }
    Ok(())
}

/// Returns the maximum score of a hit, and the resulting range of `min_score` for an error message.
fn max_score(params: &QueryParams) -> (f32, String) {
    match params.mode {
        Mode::Semantic => (1.0, "at most 1, the score of an exact match".to_owned()),
        Mode::Keyword => (f32::MAX, "a finite number".to_owned()),
        Mode::Hybrid => (
            1.0,
            "at most 1, the score of a hit that is first in both lists".to_owned(),
        ),
    }
}

/// Returns the maximum of `offset + limit`.
fn max_result_window(params: &QueryParams) -> usize {
    if uses_candidate_pool(params) {
        CANDIDATE_POOL_SIZE
    } else {
        MAX_RESULT_WINDOW
    }
}

fn check_result_window(params: &QueryParams) -> Result<(), SearchError> {
    match max_result_window(params).checked_sub(params.limit) {
        Some(expected) if params.offset <= expected => Ok(()),
        expected => Err(SearchError::Offset {
            received: params.offset,
            expected: expected.unwrap_or(0),
        }),
    }
}
