//! Responses to searches.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use super::{CharRange, DocumentDto, PassageDto, PlaceDto, Provenance, TimingMs, passage_url};
use crate::search::{
    CANDIDATE_POOL_SIZE, Evidence, Facet, GroupBy, Hit, ListScore, Mode, SearchPage,
};

/// The response to a search.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SearchResponse {
    #[serde(flatten)]
    result: ResultPage,
    /// Time per stage in milliseconds.
    pub(crate) timing_ms: TimingMs,
    /// What produced this response.
    provenance: Provenance,
}

/// A page of hits.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ResultPage {
    /// The hits, best first; hits of a group are adjacent.
    #[schema(value_type = Vec<HitDto>)]
    hits: Box<RawValue>,
    /// Counts of values, for the requested fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    facets: Vec<FacetDto>,
    /// Pass as `cursor` for the next page while the snapshot is current; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// Cost of the search.
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Explanation>,
    /// Effective parameters.
    parameters: EffectiveParameters,
}

/// A passage found by a search.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Hit)]
struct HitDto {
    /// Rank, from 1.
    rank: usize,
    /// In semantic mode the mean of `passage_score` and `sentence.score`, in [-1, 1]; in keyword mode BM25; in
    /// hybrid mode the weighted mean of both, each divided by the best score of the query, in [0, 1].
    score: f32,
    /// Cosine of query and passage, in [-1, 1] (semantic and hybrid mode).
    #[serde(skip_serializing_if = "Option::is_none")]
    passage_score: Option<f32>,
    /// The semantic score and its part of the score (hybrid mode).
    #[serde(skip_serializing_if = "Option::is_none")]
    semantic: Option<ListScoreDto>,
    /// The keyword score and its part of the score (hybrid mode, if the passage matches).
    #[serde(skip_serializing_if = "Option::is_none")]
    keyword: Option<ListScoreDto>,
    /// Document id or speaker by which it is grouped.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// The passage's id, `{document}#p{ordinal}`.
    passage: String,
    /// The passage's text.
    text: String,
    /// Start of the passage in the document's clean text, in characters.
    start: usize,
    /// End of the passage.
    end: usize,
    #[serde(flatten)]
    place: PlaceDto,
    /// The sentence nearest to the query (semantic and hybrid mode).
    sentence: Option<SentenceDto>,
    /// Ranges of query terms in the passage, in characters of the document's clean text.
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
    /// Path of the passage.
    url: String,
}

/// A score of a hybrid search and its part of the score of the hit.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = ListScore)]
struct ListScoreDto {
    /// The score of a semantic or keyword search.
    score: f32,
    /// The weight of the list, times the score divided by the best score of the query.
    contribution: f32,
}

/// The sentence of a hit that is nearest to the query.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Sentence)]
struct SentenceDto {
    /// Its text.
    text: String,
    /// Start in the document's clean text, in characters.
    start: usize,
    /// End of the sentence.
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

/// Counts of one field's values.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Facet)]
pub(crate) struct FacetDto {
    /// The field.
    field: String,
    /// Its values, the one with the most passages first; at most 1,000.
    values: Vec<FacetValueDto>,
    /// Number of further values.
    others: usize,
}

/// A value with its counts.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = FacetValue)]
struct FacetValueDto {
    value: String,
    /// Number of documents with this value.
    documents: usize,
    /// Number of their passages.
    passages: usize,
}

/// Counts of field values.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FacetResponse {
    pub(crate) facets: Vec<FacetDto>,
    /// What produced this response.
    pub(crate) provenance: Provenance,
}

/// Cost of a search.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Explanation {
    /// Graph nodes visited; 0 for an exact scan.
    visited: usize,
    /// Distance computations.
    evaluations: usize,
    /// Candidates that were rescored exactly.
    rescored: usize,
    /// Candidates from which the hits were chosen.
    candidates: usize,
    /// Passages matching the filter; absent without a filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    filtered: Option<u64>,
}

/// Effective parameters, defaults included.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct EffectiveParameters {
    mode: Mode,
    limit: usize,
    offset: usize,
    /// Width of the graph search (`ef`).
    ef: usize,
    exact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_score: Option<f32>,
    /// Weight of the semantic score (hybrid mode).
    #[serde(skip_serializing_if = "Option::is_none")]
    semantic_weight: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_by: Option<GroupBy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diversity: Option<f32>,
    /// Number of candidates per list (if hits are hybrid, grouped or diverse).
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<usize>,
}

impl SearchResponse {
    /// Creates the response to a search; `queue` is its time in the queue.
    ///
    /// # Errors
    ///
    /// If the hits cannot be serialized.
    pub(crate) fn new(
        page: SearchPage,
        queue: Duration,
        start: Instant,
    ) -> Result<Self, serde_json::Error> {
        let (serialize_start, stages) = (Instant::now(), page.results.times);
        let provenance = Provenance::from(page.provenance.clone());
        let result = ResultPage::new(page)?;
        Ok(Self {
            result,
            timing_ms: TimingMs::new(queue, stages, serialize_start.elapsed(), start),
            provenance,
        })
    }
}

impl ResultPage {
    /// Creates the part of a response that belongs to one search.
    ///
    /// # Errors
    ///
    /// If the hits cannot be serialized.
    pub(crate) fn new(page: SearchPage) -> Result<Self, serde_json::Error> {
        let parameters = EffectiveParameters::from(&page);
        let results = page.results;
        let explain = page.query.params().include.explain;
        let explain = explain.then_some(Explanation {
            visited: results.stats.nodes_visited,
            evaluations: results.stats.distance_computations,
            rescored: results.stats.rows_rescored,
            candidates: results.candidate_count,
            filtered: results.filtered_count,
        });
        let hits: Vec<HitDto> = results.hits.into_iter().map(HitDto::from).collect();
        Ok(Self {
            hits: to_raw_value(&hits)?,
            facets: results.facets.into_iter().map(FacetDto::from).collect(),
            next_cursor: page.next_cursor,
            explain,
            parameters,
        })
    }
}

impl From<&SearchPage> for EffectiveParameters {
    fn from(page: &SearchPage) -> Self {
        let (query, params) = (&page.query, page.query.params());
        Self {
            mode: params.mode,
            limit: params.limit,
            offset: params.offset,
            ef: params.ef.unwrap_or(page.default_ef),
            exact: params.exact,
            min_score: params.min_score,
            semantic_weight: (params.mode == Mode::Hybrid).then_some(params.semantic_weight),
            group_by: params.group.map(|group| group.by),
            group_size: params.group.map(|group| group.size),
            diversity: params.diversity,
            candidates: query.uses_candidate_pool().then_some(CANDIDATE_POOL_SIZE),
        }
    }
}

impl From<Hit> for HitDto {
    fn from(hit: Hit) -> Self {
        Self {
            rank: hit.rank,
            score: hit.score,
            passage_score: hit.passage_score,
            semantic: hit.semantic.map(ListScoreDto::from),
            keyword: hit.keyword.map(ListScoreDto::from),
            group: hit.group,
            url: passage_url(&hit.passage),
            passage: hit.passage.id(),
            start: hit.passage.range.start,
            end: hit.passage.range.end,
            place: hit.passage.place.into(),
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

impl From<ListScore> for ListScoreDto {
    fn from(list: ListScore) -> Self {
        Self {
            score: list.score,
            contribution: list.contribution,
        }
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
