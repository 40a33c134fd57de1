//! The shapes of searches.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::corpus::json::Object;
use crate::engine::Snapshot;
use crate::search::{DEFAULT_LIMIT, Filter, GroupBy, Grouping, Include, Mode, Query, QueryParams};
use crate::server::cursor::CursorScope;
use crate::server::problem::Problem;

/// How to search.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::server) enum SearchMode {
    /// By meaning.
    #[default]
    Semantic,
    /// By words: BM25. `"several words"` in quotation marks stand one after the other in every hit,
    /// `begin*` stands for all words that begin so.
    Keyword,
    /// By both, ranks fused.
    Hybrid,
}

/// What hits are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::server) enum GroupByField {
    /// The document.
    Document,
    /// The speaker; a document without one is a group of its own.
    Speaker,
}

/// What is wanted beside the usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::server) enum IncludeOption {
    /// The passages before and after each hit.
    Context,
    /// Each hit's embedding.
    Embedding,
    /// What finding the hits took.
    Explain,
}

/// A search.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct SearchRequest {
    /// What to look for: words, a sentence, up to a paragraph.
    #[serde(default)]
    #[schema(min_length = 1, example = "sovereignty in cyberspace")]
    pub(in crate::server) query: Option<String>,
    /// Instead of a query, passages by id or texts that the hits should be like.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub(in crate::server) like: Vec<String>,
    /// Beside `like`, passages by id or texts that the hits should not be like.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub(in crate::server) unlike: Vec<String>,
    /// Which documents may be found: an object of fields (`document`, `title`, `speaker`, `country`,
    /// `venue`, `language`, `source`, `date`, `year`, or any attribute) with a value or a list of values, of
    /// which one is enough, and `not` with another filter. A date contains the more precise ones:
    /// `"2015"` contains `2015-10`; a range is `{"from": "2015", "to": "2016-06"}`. What could find
    /// nothing in any corpus, such as a range that ends before it begins, is refused.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({"country": ["FRA", "DEU"], "date": {"from": "2015"}}))]
    pub(in crate::server) filter: Option<serde_json::Value>,
    /// How to search.
    #[serde(default)]
    pub(in crate::server) mode: SearchMode,
    /// Most hits to answer with, or groups of hits where they are grouped: 1 to 1,000.
    #[serde(default = "default_limit")]
    #[schema(default = 10, minimum = 1, maximum = 1000)]
    pub(in crate::server) limit: usize,
    /// Hits, or groups, to leave out before the first. `offset + limit` is at most 10,000, or 500
    /// where hits are hybrid, grouped or diverse.
    #[serde(default)]
    pub(in crate::server) offset: usize,
    /// `next_cursor` of an answer to the same search: the page after it, of the same snapshot. Instead
    /// of `offset`.
    #[serde(default)]
    pub(in crate::server) cursor: Option<String>,
    /// Hits with a lower score are left out. By meaning it is at most 1, in a hybrid ranking at most 1/61,
    /// the score of a hit that is first by meaning and by words; by words it has no bound.
    #[serde(default)]
    pub(in crate::server) min_score: Option<f32>,
    /// The share of meaning in a hybrid ranking; the rest is the words'.
    #[serde(default = "default_weight")]
    #[schema(default = 0.5, minimum = 0, maximum = 1)]
    pub(in crate::server) semantic_weight: f32,
    /// Hits of one document or speaker stand together, the group of the best hit first.
    #[serde(default)]
    pub(in crate::server) group_by: Option<GroupByField>,
    /// Most hits of a group, 1 to 100.
    #[serde(default)]
    #[schema(default = 1, minimum = 1, maximum = 100)]
    pub(in crate::server) group_size: Option<usize>,
    /// How much hits should differ from each other, by maximal marginal relevance: 0 not at all, 1 as
    /// much as they can.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1)]
    pub(in crate::server) diversity: Option<f32>,
    /// Candidates kept while the graph is walked, 1 to 10,000: more find more and take longer.
    /// Without it the service's own.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10000)]
    pub(in crate::server) ef: Option<usize>,
    /// Compare with every passage, so that none is missed.
    #[serde(default)]
    pub(in crate::server) exact: bool,
    /// What is wanted beside the usual.
    #[serde(default)]
    pub(in crate::server) include: Vec<IncludeOption>,
    /// Fields whose values are counted among the documents that the filter lets through: those of a
    /// filter.
    #[serde(default)]
    #[schema(example = json!(["country", "year"]))]
    pub(in crate::server) facets: Vec<String>,
    /// Milliseconds after which the answer is of no use any more: a search that would begin later is
    /// not begun.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3_600_000)]
    pub(in crate::server) timeout_ms: Option<u64>,
    /// A filter that was not read from JSON.
    #[serde(skip)]
    parsed_filter: Option<Filter>,
}

/// A search in a URL, beside its filter. Lists are written by giving a parameter several times.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // describes what `SearchRequest` is read from
pub(in crate::server) struct SearchParameters {
    /// Passages by id or texts that hits should not be like; beside `like`.
    unlike: Option<Vec<String>>,
    /// How to search.
    #[param(inline)]
    mode: Option<SearchMode>,
    /// Most hits, or groups, to answer with, 1 to 1,000.
    #[param(default = 10, minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Hits, or groups, to leave out before the first.
    offset: Option<usize>,
    /// `next_cursor` of an answer to the same search.
    cursor: Option<String>,
    /// Hits with a lower score are left out; at most 1 by meaning, 1/61 in a hybrid ranking.
    min_score: Option<f32>,
    /// The share of meaning in a hybrid ranking.
    #[param(default = 0.5, minimum = 0, maximum = 1)]
    semantic_weight: Option<f32>,
    /// Hits of one document or speaker stand together.
    #[param(inline)]
    group_by: Option<GroupByField>,
    /// Most hits of a group.
    #[param(default = 1, minimum = 1, maximum = 100)]
    group_size: Option<usize>,
    /// How much hits should differ from each other.
    #[param(minimum = 0, maximum = 1)]
    diversity: Option<f32>,
    /// Candidates kept while the graph is walked.
    #[param(minimum = 1, maximum = 10000)]
    ef: Option<usize>,
    /// Compare with every passage.
    exact: Option<bool>,
    /// What is wanted beside the usual.
    #[param(inline)]
    include: Option<Vec<IncludeOption>>,
    /// Fields whose values are counted.
    facets: Option<Vec<String>>,
    /// Milliseconds after which the answer is of no use any more.
    #[param(minimum = 1, maximum = 3_600_000)]
    timeout_ms: Option<u64>,
}

fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Object<T>>::deserialize(from)?;
    Ok(objects.into_iter().map(|object| object.0).collect())
}

/// Searches that are answered together.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct BatchRequest {
    /// The searches, answered from one snapshot and encoded in one batch.
    #[schema(min_items = 1, max_items = 100)]
    #[serde(deserialize_with = "objects")]
    pub(in crate::server) searches: Vec<SearchRequest>,
    /// As in a search, for all of them; theirs are not looked at.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3_600_000)]
    pub(in crate::server) timeout_ms: Option<u64>,
}

fn default_limit() -> usize {
    DEFAULT_LIMIT
}

fn default_weight() -> f32 {
    QueryParams::default().semantic_weight
}

impl SearchRequest {
    /// Sets a filter that was not read from JSON, in place of `filter`.
    pub(in crate::server) fn set_filter(&mut self, filter: Filter) {
        self.parsed_filter = Some(filter);
    }

    /// The query that this is, checked.
    pub(in crate::server) fn query(self, snapshot: &Snapshot) -> Result<Query, Problem> {
        let mut filter = match &self.filter {
            None | Some(serde_json::Value::Null) => Filter::All(Vec::new()),
            Some(filter) => Filter::parse(filter)?,
        };
        if let Some(restriction) = self.parsed_filter {
            filter = restriction;
        }
        let group = match (self.group_by, self.group_size) {
            (Some(by), size) => Some(Grouping {
                by: by.into(),
                size: size.unwrap_or(1),
            }),
            (None, None) => None,
            (None, Some(_)) => {
                let detail = "group_size is given and group_by is not; expected both";
                return Err(Problem::missing_field(detail).at("group_by"));
            }
        };
        let includes = |name| self.include.contains(&name);
        let mut parts = QueryParams {
            text: self.query,
            like: self.like,
            unlike: self.unlike,
            mode: self.mode.into(),
            limit: self.limit,
            offset: self.offset,
            ef: self.ef,
            exact: self.exact,
            min_score: self.min_score,
            filter,
            semantic_weight: self.semantic_weight,
            group,
            diversity: self.diversity,
            include: Include {
                context: includes(IncludeOption::Context),
                embedding: includes(IncludeOption::Embedding),
                explain: includes(IncludeOption::Explain),
            },
            facets: self.facets,
        };
        let cursor_scope = CursorScope::for_search(snapshot, &parts);
        parts.offset = cursor_scope.resolve_offset(parts.offset, self.cursor.as_deref())?;
        Ok(Query::new(parts)?)
    }
}

impl From<SearchMode> for Mode {
    fn from(name: SearchMode) -> Self {
        match name {
            SearchMode::Semantic => Self::Semantic,
            SearchMode::Keyword => Self::Keyword,
            SearchMode::Hybrid => Self::Hybrid,
        }
    }
}

impl From<Mode> for SearchMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Semantic => Self::Semantic,
            Mode::Keyword => Self::Keyword,
            Mode::Hybrid => Self::Hybrid,
        }
    }
}

impl From<GroupByField> for GroupBy {
    fn from(name: GroupByField) -> Self {
        match name {
            GroupByField::Document => Self::Document,
            GroupByField::Speaker => Self::Speaker,
        }
    }
}

impl From<GroupBy> for GroupByField {
    fn from(by: GroupBy) -> Self {
        match by {
            GroupBy::Document => Self::Document,
            GroupBy::Speaker => Self::Speaker,
        }
    }
}
