//! The parallels of a corpus: as a stream of lines, and in one piece.

use std::time::Instant;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ComparisonTiming, FilteredCountsDto, FormulaPolicyDto, PairDto, ParallelDto, Provenance,
    load_parallels,
};
use crate::parallels::{
    CorpusComparison, CorpusContext, CorpusMatches, ParallelsError, Thresholds,
};

/// A line of a stream of parallels: exactly one of these.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamLine {
    /// First: what is compared.
    Begin(Box<StreamBegin>),
    /// A pair.
    Parallel(Box<ParallelDto>),
    /// How far it is; a cursor continues after all pairs before this line.
    Progress(StreamProgress),
    /// Last: what was found and left out.
    End(Box<StreamEnd>),
    /// Last, where it broke off.
    #[schema(value_type = Object)]
    Error(serde_json::Value),
}

/// What is compared.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StreamBegin {
    /// Source documents.
    sources: usize,
    /// Target documents.
    targets: usize,
    /// Documents that are not compared because it is not known when they were made.
    undated: usize,
    /// The parameters that are used.
    parameters: ThresholdsDto,
    /// What produces this answer.
    provenance: Provenance,
}

/// What a pair must have.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct ThresholdsDto {
    min_score: f32,
    min_confidence: f32,
    min_margin: f32,
    formulas: FormulaPolicyDto,
    formula_share: f32,
    /// A formula is said in so many documents.
    formula_documents: usize,
    exact: bool,
}

/// How far a stream is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StreamProgress {
    /// Source documents that are done.
    pub(in crate::server) done: usize,
    /// All of them.
    pub(in crate::server) sources: usize,
    /// Continues here.
    pub(in crate::server) cursor: String,
}

/// What a stream found, from its cursor on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StreamEnd {
    /// Pairs in this stream.
    found: usize,
    /// Pairs that were left out.
    filtered_counts: FilteredCountsDto,
    /// Passages that were compared.
    passages: usize,
    /// The surest pair that was seen, given or left out.
    closest: Option<PairDto>,
    /// Whether all is done; if not, the limit was reached or the service stops.
    complete: bool,
    /// Goes on there, if not all is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The parallels of a corpus in one piece, as the command line prints them.
#[derive(Debug, Clone, Serialize)]
pub struct CorpusResponse {
    #[serde(flatten)]
    begin: StreamBegin,
    /// The surest first.
    parallels: Vec<ParallelDto>,
    #[serde(flatten)]
    end: StreamEnd,
    timing_ms: ComparisonTiming,
}

/// The parallels of a corpus; of the pairs, which come in the order in which they are wanted, the first
/// up to a limit.
///
/// # Errors
///
/// If the store cannot be read.
pub fn corpus_response(
    survey: &CorpusContext,
    sweep: &CorpusComparison<'_>,
    swept: &CorpusMatches,
    thresholds: &Thresholds,
    limit: usize,
    start: Instant,
) -> Result<CorpusResponse, ParallelsError> {
    let shown = swept.pairs.get(..limit).unwrap_or(&swept.pairs);
    Ok(CorpusResponse {
        begin: StreamBegin::new(survey, sweep, thresholds),
        parallels: load_parallels(survey, thresholds, shown)?,
        end: StreamEnd::new(survey, swept, swept.pairs.len(), None),
        timing_ms: ComparisonTiming::elapsed_since(start),
    })
}

impl StreamBegin {
    pub(in crate::server) fn new(
        survey: &CorpusContext,
        sweep: &CorpusComparison<'_>,
        thresholds: &Thresholds,
    ) -> Self {
        Self {
            sources: sweep.sources().len(),
            targets: sweep.targets(),
            undated: sweep.undated(),
            parameters: ThresholdsDto::new(survey, thresholds),
            provenance: Provenance::from_snapshot(survey.snapshot()),
        }
    }
}

impl StreamEnd {
    pub(in crate::server) fn new(
        survey: &CorpusContext,
        swept: &CorpusMatches,
        found: usize,
        next_cursor: Option<String>,
    ) -> Self {
        Self {
            found,
            filtered_counts: swept.filtered_counts.into(),
            passages: swept.passages,
            closest: swept.closest.map(|pair| PairDto::from_pair(survey, pair)),
            complete: next_cursor.is_none(),
            next_cursor,
        }
    }
}

impl ThresholdsDto {
    fn new(survey: &CorpusContext, thresholds: &Thresholds) -> Self {
        Self {
            min_score: thresholds.min_score,
            min_confidence: thresholds.min_confidence,
            min_margin: thresholds.min_margin,
            formulas: thresholds.formulas.into(),
            formula_share: thresholds.formula_share,
            formula_documents: thresholds.min_formula_documents(survey.snapshot().info().documents),
            exact: survey.is_exact(),
        }
    }
}
