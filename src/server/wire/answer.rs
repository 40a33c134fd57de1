//! The shapes of answers to searches.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use super::request::{GroupName, ModeName};
use super::{DocumentBody, PassageBody, Provenance, RangeBody, passage_url};
use crate::engine::Snapshot;
use crate::search::{Answer, CANDIDATES, Evidence, Facet, Hit, Mode, Placed, Query, StageTimes};
use crate::server::cursor::Asked;
use crate::server::problem::{Problem, ProblemBody, failed};
use crate::server::timing::TimingMs;

/// The answer to a search.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SearchResponse {
    #[serde(flatten)]
    result: SearchResult,
    /// Where the time went, in milliseconds.
    pub(in crate::server) timing_ms: TimingMs,
    /// What produced this answer.
    provenance: Provenance,
}

/// The answers to searches that were answered together.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::server) struct BatchResponse {
    /// An answer or a problem for each search, in their order.
    pub(in crate::server) results: Vec<BatchResult>,
    /// Where the time of all of them went, in milliseconds.
    pub(in crate::server) timing_ms: TimingMs,
    /// What produced these answers.
    pub(in crate::server) provenance: Provenance,
}

/// One of several answers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::server) enum BatchResult {
    /// An answer.
    Answer(SearchResult),
    /// Why there is none.
    Problem {
        /// The problem, as a search alone would be answered.
        #[schema(value_type = ProblemBody)]
        problem: Box<RawValue>,
    },
}

/// What was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::server) struct SearchResult {
    /// The hits, best first; groups stand together.
    #[schema(value_type = Vec<HitBody>)]
    hits: Box<RawValue>,
    /// Counts of values, for the fields that were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    facets: Vec<FacetBody>,
    /// Gives the next page as `cursor`, as long as the snapshot is the newest; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// What finding the hits took.
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<ExplainBody>,
    /// The parameters that were used.
    parameters: ParametersBody,
}

/// A passage that answers a search.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HitBody {
    /// Place in the ranking, from 1.
    rank: usize,
    /// By meaning the cosine of query and passage, in [-1, 1]; by words BM25; in a hybrid ranking the
    /// weighted sum of reciprocal ranks.
    score: f32,
    /// In a hybrid ranking, its place and score by meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    semantic: Option<PlacedBody>,
    /// In a hybrid ranking, its place and score by words.
    #[serde(skip_serializing_if = "Option::is_none")]
    keyword: Option<PlacedBody>,
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
    sentence: Option<SentenceBody>,
    /// Where the passage holds words of the query, in characters of the document's clean text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    highlights: Vec<RangeBody>,
    /// The passages before and after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<ContextBody>,
    /// Its embedding.
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<Vec<f32>>,
    /// The document.
    document: DocumentBody,
    /// Path of the passage in its context.
    url: String,
}

/// A place in one of the lists that a hybrid ranking is made of.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct PlacedBody {
    /// From 1.
    rank: usize,
    /// Cosine, or BM25.
    score: f32,
}

/// The sentence that carries a hit.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SentenceBody {
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
struct ContextBody {
    /// The passage before it in the document.
    previous: Option<PassageBody>,
    /// The passage after it.
    next: Option<PassageBody>,
}

/// Documents by the values of one field.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::server) struct FacetBody {
    /// The field.
    field: String,
    /// Its values, the one with the most passages first; at most 1,000.
    values: Vec<FacetValueBody>,
    /// Further values.
    others: usize,
}

/// A value, and who has it.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct FacetValueBody {
    value: String,
    /// Documents that have it.
    documents: usize,
    /// Their passages.
    passages: usize,
}

/// The values of some fields.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::server) struct FacetResponse {
    pub(in crate::server) facets: Vec<FacetBody>,
    /// What produced this answer.
    pub(in crate::server) provenance: Provenance,
}

/// What finding the hits took.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct ExplainBody {
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
struct ParametersBody {
    mode: ModeName,
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
    group_by: Option<GroupName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diversity: Option<f32>,
    /// Where hits are hybrid, grouped or diverse: how many of each kind they were chosen among.
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<usize>,
}

/// An answer in its wire shape, without what stands around it.
fn result(snapshot: &Snapshot, query: &Query, answer: Answer) -> Result<SearchResult, Problem> {
    let parts = query.parts();
    let asked = Asked::search(snapshot, parts);
    let after = parts.offset + parts.limit;
    let more = answer.more && query.reaches(after);
    let next = more.then(|| asked.after(after));
    let explain = parts.include.explain.then_some(ExplainBody {
        visited: answer.work.visited,
        evaluations: answer.work.evaluations,
        rescored: answer.work.rescored,
        candidates: answer.considered,
        filtered: answer.allowed,
    });
    let hits: Vec<HitBody> = answer.hits.into_iter().map(HitBody::from).collect();
    Ok(SearchResult {
        hits: to_raw_value(&hits).map_err(|error| failed(&error))?,
        facets: answer.facets.into_iter().map(FacetBody::from).collect(),
        next_cursor: next,
        explain,
        parameters: ParametersBody::of(snapshot, query),
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
    answer: Answer,
    queue: Duration,
    start: Instant,
) -> Result<SearchResponse, Problem> {
    let (begun, stages) = (Instant::now(), answer.times);
    let result = result(snapshot, query, answer)?;
    Ok(SearchResponse {
        result,
        timing_ms: TimingMs::new(queue, stages, begun.elapsed(), start),
        provenance: Provenance::of(snapshot),
    })
}

/// Answers to several searches; those that could not be checked have none.
pub(in crate::server) fn batch_response(
    snapshot: &Snapshot,
    answers: Vec<Result<(Query, Answer), Problem>>,
    stages: StageTimes,
    queue: Duration,
    start: Instant,
) -> Result<BatchResponse, Problem> {
    let begun = Instant::now();
    let one = |answer: Result<(Query, Answer), Problem>| match answer
        .and_then(|(query, answer)| result(snapshot, &query, answer))
    {
        Ok(result) => Ok(BatchResult::Answer(result)),
        Err(problem) => Ok(BatchResult::Problem {
            problem: to_raw_value(&problem.body()).map_err(|error| failed(&error))?,
        }),
    };
    let results = answers
        .into_iter()
        .map(one)
        .collect::<Result<_, Problem>>()?;
    Ok(BatchResponse {
        results,
        timing_ms: TimingMs::new(queue, stages, begun.elapsed(), start),
        provenance: Provenance::of(snapshot),
    })
}

impl ParametersBody {
    fn of(snapshot: &Snapshot, query: &Query) -> Self {
        let parts = query.parts();
        Self {
            mode: parts.mode.into(),
            limit: parts.limit,
            offset: parts.offset,
            ef: parts.ef.unwrap_or(snapshot.ef()),
            exact: parts.exact,
            min_score: parts.min_score,
            semantic_weight: (parts.mode == Mode::Hybrid).then_some(parts.semantic_weight),
            group_by: parts.group.map(|group| group.by.into()),
            group_size: parts.group.map(|group| group.size),
            diversity: parts.diversity,
            candidates: query.is_chosen().then_some(CANDIDATES),
        }
    }
}

impl From<Hit> for HitBody {
    fn from(hit: Hit) -> Self {
        Self {
            rank: hit.rank,
            score: hit.score,
            semantic: hit.semantic.map(PlacedBody::from),
            keyword: hit.keyword.map(PlacedBody::from),
            group: hit.group,
            url: passage_url(&hit.passage),
            passage: hit.passage.id(),
            start: hit.passage.range.start,
            end: hit.passage.range.end,
            text: hit.passage.text,
            sentence: hit.sentence.map(SentenceBody::from),
            highlights: hit.highlights.into_iter().map(RangeBody::from).collect(),
            context: hit.context.map(|context| ContextBody {
                previous: context.previous.map(PassageBody::from),
                next: context.next.map(PassageBody::from),
            }),
            embedding: hit.embedding,
            document: DocumentBody::from(&*hit.document),
        }
    }
}

impl From<Placed> for PlacedBody {
    fn from(Placed { rank, score }: Placed) -> Self {
        Self { rank, score }
    }
}

impl From<Evidence> for SentenceBody {
    fn from(evidence: Evidence) -> Self {
        Self {
            text: evidence.text,
            start: evidence.range.start,
            end: evidence.range.end,
            score: evidence.score,
        }
    }
}

impl From<Facet> for FacetBody {
    fn from(facet: Facet) -> Self {
        let values = facet.values.into_iter().map(|value| FacetValueBody {
            value: value.value,
            documents: value.documents,
            passages: value.passages,
        });
        Self {
            field: facet.field,
            values: values.collect(),
            others: facet.others,
        }
    }
}
