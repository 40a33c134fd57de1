//! Searches in requests.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::archive::SearchCall;
use crate::corpus::json::Object;
use crate::search::{
    CANDIDATE_POOL_SIZE, CacheMode, DEFAULT_LIMIT, Filter, GroupBy, Grouping, Include, Mode,
    QueryParams,
};
use crate::server::problem::Problem;

/// Optional params of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::server) enum IncludeOption {
    /// The passages before and after each hit.
    Context,
    /// Each hit's embedding.
    Embedding,
    /// Cost of the search.
    Explain,
}

/// A search.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct SearchRequest {
    /// The query: words, a sentence, up to a paragraph.
    #[serde(default)]
    #[schema(min_length = 1, example = "sovereignty in cyberspace")]
    pub(in crate::server) query: Option<String>,
    /// Positive examples instead of a query: passage ids or texts.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub(in crate::server) like: Vec<String>,
    /// Negative examples: passage ids or texts; requires `like`.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub(in crate::server) unlike: Vec<String>,
    /// Filter for documents: an object of fields (`document`, `title`, `speaker`, `country`, `venue`,
    /// `language`, `source`, `date`, `year`, or any attribute), each with a value or an array of alternative
    /// values, and `not` with another filter. A date matches the more precise dates in it: `"2015"` matches
    /// `2015-10`; a range is `{"from": "2015", "to": "2016-06"}`. A filter that cannot match in any corpus,
    /// such as a range that ends before it begins, is rejected.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({"country": ["FRA", "DEU"], "date": {"from": "2015"}}))]
    pub(in crate::server) filter: Option<serde_json::Value>,
    /// Search mode.
    #[serde(default)]
    pub(in crate::server) mode: Mode,
    /// Maximum number of hits, or of groups if hits are grouped: 1 to 1,000.
    #[serde(default = "default_limit")]
    #[schema(default = 10, minimum = 1, maximum = 1000)]
    pub(in crate::server) limit: usize,
    /// Number of hits, or groups, to skip. `offset + limit` is at most 10,000, or 500 if hits are hybrid,
    /// grouped or diverse.
    #[serde(default)]
    pub(in crate::server) offset: usize,
    /// `next_cursor` of a response to the same search, for the next page of the same snapshot. Instead of
    /// `offset`.
    #[serde(default)]
    pub(in crate::server) cursor: Option<String>,
    /// Minimum score of hits. At most 1 in semantic and hybrid mode; unbounded in keyword mode.
    #[serde(default)]
    pub(in crate::server) min_score: Option<f32>,
    /// Weight of the semantic score in hybrid mode; the keyword score has the rest.
    #[serde(default = "default_semantic_weight")]
    #[schema(default = 0.6, minimum = 0, maximum = 1)]
    pub(in crate::server) semantic_weight: f32,
    /// Hits of one document or speaker are grouped, the group of the best hit first.
    #[serde(default)]
    pub(in crate::server) group_by: Option<GroupBy>,
    /// Maximum number of hits per group, 1 to 100.
    #[serde(default)]
    #[schema(default = 1, minimum = 1, maximum = 100)]
    pub(in crate::server) group_size: Option<usize>,
    /// Diversity of the hits by maximal marginal relevance: 0 for none, 1 for the maximum.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1)]
    pub(in crate::server) diversity: Option<f32>,
    /// Width of the graph search (`ef`), 1 to 10,000: a larger one has a higher recall and takes longer.
    /// Defaults to the service's.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10000)]
    pub(in crate::server) ef: Option<usize>,
    /// Scan every passage, for a recall of 1.
    #[serde(default)]
    pub(in crate::server) exact: bool,
    /// Optional params of the response.
    #[serde(default)]
    pub(in crate::server) include: Vec<IncludeOption>,
    /// Fields whose values are counted over the documents matching the filter: any field of a filter.
    #[serde(default)]
    #[schema(example = json!(["country", "year"]))]
    pub(in crate::server) facets: Vec<String>,
    /// Client timeout in milliseconds: a search that cannot start in time is rejected.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3_600_000)]
    pub(in crate::server) timeout_ms: Option<u64>,
    /// A filter from the parameters of a URL.
    #[serde(skip)]
    parsed_filter: Option<Filter>,
}

/// A search in a URL, without its filter. Arrays are written by repeating a parameter.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // describes the URL form of `SearchRequest`
pub(in crate::server) struct SearchParameters {
    /// Negative examples: passage ids or texts; requires `like`.
    unlike: Option<Vec<String>>,
    /// Search mode.
    #[param(inline)]
    mode: Option<Mode>,
    /// Maximum number of hits, or groups, 1 to 1,000.
    #[param(default = 10, minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Number of hits, or groups, to skip.
    offset: Option<usize>,
    /// `next_cursor` of a response to the same search.
    cursor: Option<String>,
    /// Minimum score of hits; at most 1 in semantic and hybrid mode.
    min_score: Option<f32>,
    /// Weight of the semantic score in hybrid mode.
    #[param(default = 0.6, minimum = 0, maximum = 1)]
    semantic_weight: Option<f32>,
    /// Hits of one document or speaker are grouped.
    #[param(inline)]
    group_by: Option<GroupBy>,
    /// Maximum number of hits per group.
    #[param(default = 1, minimum = 1, maximum = 100)]
    group_size: Option<usize>,
    /// Diversity of the hits.
    #[param(minimum = 0, maximum = 1)]
    diversity: Option<f32>,
    /// Width of the graph search (`ef`).
    #[param(minimum = 1, maximum = 10000)]
    ef: Option<usize>,
    /// Scan every passage.
    exact: Option<bool>,
    /// Optional params of the response.
    #[param(inline)]
    include: Option<Vec<IncludeOption>>,
    /// Fields to count values of.
    facets: Option<Vec<String>>,
    /// Client timeout in milliseconds.
    #[param(minimum = 1, maximum = 3_600_000)]
    timeout_ms: Option<u64>,
}

/// Deserializes an array whose items must be JSON objects; serde would also accept arrays for structs.
fn deserialize_objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Object<T>>::deserialize(from)?;
    Ok(objects.into_iter().map(|object| object.0).collect())
}

/// A batch of searches.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct BatchRequest {
    /// The searches, which read the same snapshot and are encoded in one batch.
    #[schema(min_items = 1, max_items = 100)]
    #[serde(deserialize_with = "deserialize_objects")]
    pub(in crate::server) searches: Vec<SearchRequest>,
    /// Client timeout of the batch; those of its searches are ignored.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3_600_000)]
    pub(in crate::server) timeout_ms: Option<u64>,
}

fn default_limit() -> usize {
    DEFAULT_LIMIT
}

fn default_semantic_weight() -> f32 {
    QueryParams::default().semantic_weight
}

impl SearchRequest {
    /// Sets a parsed filter, which replaces `filter`.
    pub(in crate::server) fn set_filter(&mut self, filter: Filter) {
        self.parsed_filter = Some(filter);
    }

    /// Returns the weight of the response: the number of hits, each with what is included. A hit takes about
    /// 1.5 KB, its context twice as much, its embedding 4 KB.
    pub(in crate::server) fn weight(&self) -> usize {
        let hits = match (self.group_by, self.group_size) {
            (Some(_), Some(size)) => self.limit.saturating_mul(size).min(CANDIDATE_POOL_SIZE),
            _ => self.limit,
        };
        let includes = |option| self.include.contains(&option);
        let mut weight = 1;
        if includes(IncludeOption::Context) {
            weight += 2;
        }
        if includes(IncludeOption::Embedding) {
            weight += 4;
        }
        hits.saturating_mul(weight)
    }

    /// Parses the filter and the dependencies between parameters; the archive validates the others.
    pub(in crate::server) fn into_call(self, cache_mode: CacheMode) -> Result<SearchCall, Problem> {
        let mut filter = match &self.filter {
            None | Some(serde_json::Value::Null) => Filter::All(Vec::new()),
            Some(filter) => Filter::parse(filter)?,
        };
        if let Some(parsed) = self.parsed_filter {
            filter = parsed;
        }
        let group = match (self.group_by, self.group_size) {
            (Some(by), size) => Some(Grouping {
                by,
                size: size.unwrap_or(1),
            }),
            (None, None) => None,
            (None, Some(_)) => {
                let detail = "group_size requires group_by";
                return Err(Problem::missing_field(detail).at("group_by"));
            }
        };
        let includes = |option| self.include.contains(&option);
        let params = QueryParams {
            text: self.query,
            like: self.like,
            unlike: self.unlike,
            mode: self.mode,
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
        Ok(SearchCall {
            params,
            cursor: self.cursor,
            cache_mode,
        })
    }
}
