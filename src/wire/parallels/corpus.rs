//! Responses with the parallels of a corpus: a stream of lines, or one object.

use std::time::Instant;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ComparisonTiming, FilteredCountsDto, PairDto, ParallelDto, Provenance, load_parallels,
};
use crate::engine;
use crate::parallels::{
    ComparedDocuments, CorpusTotals, EffectiveThresholds, FormulaPolicy, FoundPairs, ParallelsError,
};

/// A line of a stream of parallels: an object with exactly one of these keys.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StreamLine {
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
pub(crate) struct StreamBegin {
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
pub(crate) struct ThresholdsDto {
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
pub(crate) struct StreamProgress {
    /// Number of source documents that are done.
    pub(crate) done: usize,
    /// Number of all source documents.
    pub(crate) sources: usize,
    /// Cursor that resumes the stream here.
    pub(crate) cursor: String,
}

/// Counts of a stream, from its cursor on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct StreamEnd {
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
pub(crate) struct CorpusResponse {
    #[serde(flatten)]
    begin: StreamBegin,
    /// By descending confidence.
    parallels: Vec<ParallelDto>,
    #[serde(flatten)]
    end: StreamEnd,
    timing_ms: ComparisonTiming,
}

impl CorpusResponse {
    /// Loads the first pairs of the comparison of a corpus, up to a limit.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(crate) fn load(
        found: &FoundPairs,
        limit: usize,
        start: Instant,
    ) -> Result<Self, ParallelsError> {
        let documents = &found.extent().documents;
        let provenance = found.snapshot().provenance();
        Ok(Self {
            begin: StreamBegin::new(documents, &found.effective_thresholds(), provenance),
            parallels: load_parallels(found, limit)?,
            end: StreamEnd::from(&found.totals()?),
            timing_ms: ComparisonTiming::elapsed_since(start),
        })
    }
}

impl StreamBegin {
    pub(crate) fn new(
        documents: &ComparedDocuments,
        thresholds: &EffectiveThresholds,
        provenance: engine::Provenance,
    ) -> Self {
        Self {
            sources: documents.sources,
            targets: documents.targets,
            undated: documents.undated,
            parameters: ThresholdsDto::from(thresholds),
            provenance: provenance.into(),
        }
    }
}

impl From<&CorpusTotals> for StreamEnd {
    fn from(totals: &CorpusTotals) -> Self {
        Self {
            found: totals.found,
            filtered_counts: totals.filtered_counts.into(),
            passages: totals.passages,
            closest: totals.closest.as_ref().map(PairDto::from),
            complete: totals.next_cursor.is_none(),
            next_cursor: totals.next_cursor.clone(),
        }
    }
}

impl From<&EffectiveThresholds> for ThresholdsDto {
    fn from(effective: &EffectiveThresholds) -> Self {
        let thresholds = &effective.thresholds;
        Self {
            min_score: thresholds.min_score,
            min_confidence: thresholds.min_confidence,
            min_margin: thresholds.min_margin,
            formulas: thresholds.formulas,
            formula_share: thresholds.formula_share,
            formula_documents: effective.formula_documents,
            exact: effective.exact,
        }
    }
}
