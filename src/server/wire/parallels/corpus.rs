//! Responses with the parallels of a corpus: a stream of lines, or one object.

use std::time::Instant;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ComparisonTiming, FilteredCountsDto, PairDto, ParallelDto, Provenance, load_parallels,
};
use crate::parallels::{
    CorpusComparison, CorpusContext, CorpusMatches, FormulaPolicy, ParallelsError, Thresholds,
};

/// A line of a stream of parallels: an object with exactly one of these keys.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamLine {
    /// First line: what is compared.
    Begin(Box<StreamBegin>),
    /// A pair.
    Parallel(Box<ParallelDto>),
    /// Progress; the cursor resumes after all pairs before this line.
    Progress(StreamProgress),
    /// Last line: what was found and filtered out.
    End(Box<StreamEnd>),
    /// Last line if the stream failed.
    #[schema(value_type = Object)]
    Error(serde_json::Value),
}

/// What is compared.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StreamBegin {
    /// Number of source documents.
    sources: usize,
    /// Number of target documents.
    targets: usize,
    /// Documents excluded because they have no date.
    undated: usize,
    /// The effective parameters.
    parameters: ThresholdsDto,
    /// Model, index and snapshot that produce this response.
    provenance: Provenance,
}

/// Thresholds applied to the pairs.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct ThresholdsDto {
    min_score: f32,
    min_confidence: f32,
    min_margin: f32,
    formulas: FormulaPolicy,
    formula_share: f32,
    /// Number of documents from which a statement counts as a formula.
    formula_documents: usize,
    exact: bool,
}

/// Progress of a stream.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StreamProgress {
    /// Number of source documents that are done.
    pub(in crate::server) done: usize,
    /// Number of all source documents.
    pub(in crate::server) sources: usize,
    /// Cursor that resumes the stream here.
    pub(in crate::server) cursor: String,
}

/// Counts of a stream, from its cursor on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StreamEnd {
    /// Number of pairs in this stream.
    found: usize,
    /// Filtered pairs, by reason.
    filtered_counts: FilteredCountsDto,
    /// Number of compared passages.
    passages: usize,
    /// The pair with the highest confidence, returned or filtered out.
    closest: Option<PairDto>,
    /// Whether all source documents were compared; if not, the limit was reached or the service is
    /// shutting down.
    complete: bool,
    /// Cursor that resumes the stream, if it is incomplete.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The parallels of a corpus as one object, as printed by the command line.
#[derive(Debug, Clone, Serialize)]
pub struct CorpusResponse {
    #[serde(flatten)]
    begin: StreamBegin,
    /// By descending confidence.
    parallels: Vec<ParallelDto>,
    #[serde(flatten)]
    end: StreamEnd,
    timing_ms: ComparisonTiming,
}

/// Returns the parallels of a corpus: the first pairs up to a limit, in the given order.
///
/// # Errors
///
/// If the store cannot be read.
pub fn corpus_response(
    context: &CorpusContext,
    comparison: &CorpusComparison<'_>,
    matches: &CorpusMatches,
    thresholds: &Thresholds,
    limit: usize,
    start: Instant,
) -> Result<CorpusResponse, ParallelsError> {
    let shown = matches.pairs.get(..limit).unwrap_or(&matches.pairs);
    Ok(CorpusResponse {
        begin: StreamBegin::new(context, comparison, thresholds),
        parallels: load_parallels(context, thresholds, shown)?,
        end: StreamEnd::new(context, matches, matches.pairs.len(), None),
        timing_ms: ComparisonTiming::elapsed_since(start),
    })
}

impl StreamBegin {
    pub(in crate::server) fn new(
        context: &CorpusContext,
        comparison: &CorpusComparison<'_>,
        thresholds: &Thresholds,
    ) -> Self {
        Self {
            sources: comparison.sources().len(),
            targets: comparison.targets(),
            undated: comparison.undated(),
            parameters: ThresholdsDto::new(context, thresholds),
            provenance: Provenance::from_snapshot(context.snapshot()),
        }
    }
}

impl StreamEnd {
    pub(in crate::server) fn new(
        context: &CorpusContext,
        matches: &CorpusMatches,
        found: usize,
        next_cursor: Option<String>,
    ) -> Self {
        Self {
            found,
            filtered_counts: matches.filtered_counts.into(),
            passages: matches.passages,
            closest: matches
                .closest
                .map(|pair| PairDto::from_pair(context, pair)),
            complete: next_cursor.is_none(),
            next_cursor,
        }
    }
}

impl ThresholdsDto {
    fn new(context: &CorpusContext, thresholds: &Thresholds) -> Self {
        Self {
            min_score: thresholds.min_score,
            min_confidence: thresholds.min_confidence,
            min_margin: thresholds.min_margin,
            formulas: thresholds.formulas,
            formula_share: thresholds.formula_share,
            formula_documents: thresholds
                .min_formula_documents(context.snapshot().info().documents),
            exact: context.is_exact(),
        }
    }
}
