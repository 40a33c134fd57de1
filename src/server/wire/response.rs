//! The shapes of answers to searches.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use super::request::{GroupByField, SearchMode};
use super::{CharRange, DocumentDto, PassageDto, Provenance, passage_url};
use crate::engine::Snapshot;
use crate::search::{
    CANDIDATE_POOL_SIZE, Evidence, Facet, Hit, ListRank, Mode, Query, SearchResults, StageTimes,
};
use crate::server::cursor::CursorScope;
use crate::server::problem::{Problem, ProblemDto, failed};
use crate::server::timing::TimingMs;

/// The answer to a search.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SearchResponse {
    #[serde(flatten)]
    result: ResultPage,
    /// Where the time went, in milliseconds.
    pub(in crate::server) timing_ms: TimingMs,
    /// What produced this answer.
    provenance: Provenance,
}

/// The answers to searches that were answered together.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::server) struct BatchResponse {
    /// An answer or a problem for each search, in their order.
    pub(in crate::server) results: Vec<BatchSearchResult>,
    /// Where the time of all of them went, in milliseconds.
    pub(in crate::server) timing_ms: TimingMs,
    /// What produced these answers.
    pub(in crate::server) provenance: Provenance,
}

/// One of several answers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::server) enum BatchSearchResult {
    /// An answer.
    Answer(ResultPage),
    /// Why there is none.
    Problem {
        /// The problem, as a search alone would be answered.
        #[schema(value_type = ProblemDto)]
        problem: Box<RawValue>,
    },
}

/// What was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::server) struct ResultPage {
    /// The hits, best first; groups stand together.
    #[schema(value_type = Vec<HitDto>)]
    hits: Box<RawValue>,
    /// Counts of values, for the fields that were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    facets: Vec<FacetDto>,
    /// Gives the next page as `cursor`, as long as the snapshot is the newest; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// What finding the hits took.
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Explanation>,
    /// The parameters that were used.
    parameters: EffectiveParameters,
}

/// A passage that answers a search.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HitDto {
    /// Place in the ranking, from 1.
    rank: usize,
    /// By meaning the cosine of query and passage, in [-1, 1]; by words BM25; in a hybrid ranking the
    /// weighted sum of reciprocal ranks.
    score: f32,
    /// In a hybrid ranking, its place and score by meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    semantic: Option<ListRankDto>,
    /// In a hybrid ranking, its place and score by words.
    #[serde(skip_serializing_if = "Option::is_none")]
    keyword: Option<ListRankDto>,
    /// What it is grouped by.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// The passage's id, `{document}#p{ordinal}`.
    passage: String,
    /// The passage's text.
    text: String,
    /// Where the passage begins in the document's clean text, in characters.
    start: usize,
    /// Where it ends.
    end: usize,
    /// The sentence that is nearest to the query, where it was looked for by meaning.
    sentence: Option<SentenceDto>,
    /// Where the passage holds words of the query, in characters of the document's clean text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    highlights: Vec<CharRange>,
    /// The passages before and after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<HitContext>,
    /// Its embedding.
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<Vec<f32>>,
    /// The document.
    document: DocumentDto,
    /// Path of the passage in its context.
    url: String,
}

/// A place in one of the lists that a hybrid ranking is made of.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct ListRankDto {
    /// From 1.
    rank: usize,
    /// Cosine, or BM25.
    score: f32,
}

/// The sentence that carries a hit.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SentenceDto {
    /// Its text.
    text: String,
    /// Where it begins in the document's clean text, in characters.
    start: usize,
    /// Where it ends.
    end: usize,
    /// Cosine of query and sentence, in [-1, 1].
    score: f32,
}

/// The passages around a hit.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct HitContext {
    /// The passage before it in the document.
    previous: Option<PassageDto>,
    /// The passage after it.
    next: Option<PassageDto>,
}

/// Documents by the values of one field.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::server) struct FacetDto {
    /// The field.
    field: String,
    /// Its values, the one with the most passages first; at most 1,000.
    values: Vec<FacetValueDto>,
    /// Further values.
    others: usize,
}

/// A value, and who has it.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct FacetValueDto {
    value: String,
    /// Documents that have it.
    documents: usize,
    /// Their passages.
    passages: usize,
}

/// The values of some fields.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::server) struct FacetResponse {
    pub(in crate::server) facets: Vec<FacetDto>,
    /// What produced this answer.
    pub(in crate::server) provenance: Provenance,
}

/// What finding the hits took.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Explanation {
    /// Rows of the graph whose links were followed; 0 where all were compared.
    visited: usize,
    /// Products of query and passage.
    evaluations: usize,
    /// Passages that were scored exactly after that.
    rescored: usize,
    /// Passages among which the hits were chosen.
    candidates: usize,
    /// Passages that the filter lets through; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    filtered: Option<u64>,
}

/// The parameters of a search, given or not.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct EffectiveParameters {
    mode: SearchMode,
    limit: usize,
    offset: usize,
    /// Candidates kept while the graph is walked.
    ef: usize,
    exact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_score: Option<f32>,
    /// Of a hybrid ranking.
    #[serde(skip_serializing_if = "Option::is_none")]
    semantic_weight: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_by: Option<GroupByField>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diversity: Option<f32>,
    /// Where hits are hybrid, grouped or diverse: how many of each kind they were chosen among.
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<usize>,
}

/// An answer in its wire shape, without what stands around it.
fn result_page(
    snapshot: &Snapshot,
    query: &Query,
    answer: SearchResults,
) -> Result<ResultPage, Problem> {
    let parts = query.params();
    let cursor_scope = CursorScope::for_search(snapshot, parts);
    let after = parts.offset + parts.limit;
    let more = answer.has_more && query.allows_offset(after);
    let next = more.then(|| cursor_scope.encode_after(after));
    let explain = parts.include.explain.then_some(Explanation {
        visited: answer.stats.nodes_visited,
        evaluations: answer.stats.distance_computations,
        rescored: answer.stats.rows_rescored,
        candidates: answer.candidate_count,
        filtered: answer.filtered_count,
    });
    let hits: Vec<HitDto> = answer.hits.into_iter().map(HitDto::from).collect();
    Ok(ResultPage {
        hits: to_raw_value(&hits).map_err(|error| failed(&error))?,
        facets: answer.facets.into_iter().map(FacetDto::from).collect(),
        next_cursor: next,
        explain,
        parameters: EffectiveParameters::new(snapshot, query),
    })
}

/// The answer to a search in its wire shape; the command line prints the same with `--json`.
///
/// # Errors
///
/// If the hits cannot be written as JSON.
pub fn search_response(
    snapshot: &Snapshot,
    query: &Query,
    answer: SearchResults,
    queue: Duration,
    start: Instant,
) -> Result<SearchResponse, Problem> {
    let (serialize_start, stages) = (Instant::now(), answer.times);
    let result = result_page(snapshot, query, answer)?;
    Ok(SearchResponse {
        result,
        timing_ms: TimingMs::new(queue, stages, serialize_start.elapsed(), start),
        provenance: Provenance::from_snapshot(snapshot),
    })
}

/// Answers to several searches; those that could not be checked have none.
pub(in crate::server) fn batch_response(
    snapshot: &Snapshot,
    answers: Vec<Result<(Query, SearchResults), Problem>>,
    stages: StageTimes,
    queue: Duration,
    start: Instant,
) -> Result<BatchResponse, Problem> {
    let serialize_start = Instant::now();
    let one = |answer: Result<(Query, SearchResults), Problem>| match answer
        .and_then(|(query, answer)| result_page(snapshot, &query, answer))
    {
        Ok(result) => Ok(BatchSearchResult::Answer(result)),
        Err(problem) => Ok(BatchSearchResult::Problem {
            problem: to_raw_value(&problem.body()).map_err(|error| failed(&error))?,
        }),
    };
    let results = answers
        .into_iter()
        .map(one)
        .collect::<Result<_, Problem>>()?;
    Ok(BatchResponse {
        results,
        timing_ms: TimingMs::new(queue, stages, serialize_start.elapsed(), start),
        provenance: Provenance::from_snapshot(snapshot),
    })
}

impl EffectiveParameters {
    fn new(snapshot: &Snapshot, query: &Query) -> Self {
        let parts = query.params();
        Self {
            mode: parts.mode.into(),
            limit: parts.limit,
            offset: parts.offset,
            ef: parts.ef.unwrap_or(snapshot.default_ef()),
            exact: parts.exact,
            min_score: parts.min_score,
            semantic_weight: (parts.mode == Mode::Hybrid).then_some(parts.semantic_weight),
            group_by: parts.group.map(|group| group.by.into()),
            group_size: parts.group.map(|group| group.size),
            diversity: parts.diversity,
            candidates: query.uses_candidate_pool().then_some(CANDIDATE_POOL_SIZE),
        }
    }
}

impl From<Hit> for HitDto {
    fn from(hit: Hit) -> Self {
        Self {
            rank: hit.rank,
            score: hit.score,
            semantic: hit.semantic.map(ListRankDto::from),
            keyword: hit.keyword.map(ListRankDto::from),
            group: hit.group,
            url: passage_url(&hit.passage),
            passage: hit.passage.id(),
            start: hit.passage.range.start,
            end: hit.passage.range.end,
            text: hit.passage.text,
            sentence: hit.sentence.map(SentenceDto::from),
            highlights: hit.highlights.into_iter().map(CharRange::from).collect(),
            context: hit.context.map(|context| HitContext {
                previous: context.previous.map(PassageDto::from),
                next: context.next.map(PassageDto::from),
            }),
            embedding: hit.embedding,
            document: DocumentDto::from(&*hit.document),
        }
    }
}

impl From<ListRank> for ListRankDto {
    fn from(ListRank { rank, score }: ListRank) -> Self {
        Self { rank, score }
    }
}

impl From<Evidence> for SentenceDto {
    fn from(evidence: Evidence) -> Self {
        Self {
            text: evidence.text,
            start: evidence.range.start,
            end: evidence.range.end,
            score: evidence.score,
        }
    }
}

impl From<Facet> for FacetDto {
    fn from(facet: Facet) -> Self {
        let values = facet.values.into_iter().map(|value| FacetValueDto {
            value: value.value,
            documents: value.documents,
            passages: value.passages,
        });
        Self {
            field: facet.field,
            values: values.collect(),
            others: facet.other_values,
        }
    }
}
