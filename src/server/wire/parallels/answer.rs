//! What two documents, or a passage and all others, have in common.

use std::time::Instant;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ComparisonTiming, FilteredCountsDto, PairDto, ParallelDto, Provenance, load_parallels,
};
use crate::parallels::{
    CorpusContext, CorpusMatches, DocumentMatches, Pair, ParallelsError, Thresholds,
};

/// What two documents, or a passage and all others, have in common.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParallelsResponse {
    /// The parallels, the most telling first.
    parallels: Vec<ParallelDto>,
    /// How many there are; `parallels` holds the first of them up to the limit.
    found: usize,
    /// Of two documents, pairs that were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<usize>,
    /// Of two documents, pairs that are left out because their passages are in better ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    superseded: Option<usize>,
    /// Of a passage, what was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    filtered_counts: Option<FilteredCountsDto>,
    /// The surest pair, given or not.
    closest: Option<PairDto>,
    /// Milliseconds that it took.
    timing_ms: ComparisonTiming,
    /// What produced this answer.
    provenance: Provenance,
}

/// What two documents have in common, in its wire shape; the command line prints the same with `--json`.
///
/// # Errors
///
/// If the store cannot be read.
pub fn comparison_response(
    survey: &CorpusContext,
    found: &DocumentMatches,
    thresholds: &Thresholds,
    limit: usize,
    start: Instant,
) -> Result<ParallelsResponse, ParallelsError> {
    let (pairs, closest) = (&found.pairs, found.closest);
    let response = ParallelsResponse::new(survey, (pairs, closest), thresholds, limit, start)?;
    Ok(ParallelsResponse {
        compared: Some(found.compared_pairs),
        superseded: Some(found.superseded),
        ..response
    })
}

/// What a passage has in common with all others.
pub(in crate::server) fn passage_response(
    survey: &CorpusContext,
    found: &CorpusMatches,
    thresholds: &Thresholds,
    limit: usize,
    start: Instant,
) -> Result<ParallelsResponse, ParallelsError> {
    let (pairs, closest) = (&found.pairs, found.closest);
    let response = ParallelsResponse::new(survey, (pairs, closest), thresholds, limit, start)?;
    Ok(ParallelsResponse {
        filtered_counts: Some(found.filtered_counts.into()),
        ..response
    })
}

impl ParallelsResponse {
    /// What both kinds of answers have: the first pairs up to the limit, and the closest.
    fn new(
        survey: &CorpusContext,
        (pairs, closest): (&[Pair], Option<Pair>),
        thresholds: &Thresholds,
        limit: usize,
        start: Instant,
    ) -> Result<Self, ParallelsError> {
        Ok(Self {
            parallels: load_parallels(survey, thresholds, pairs.get(..limit).unwrap_or(pairs))?,
            found: pairs.len(),
            compared: None,
            superseded: None,
            filtered_counts: None,
            closest: closest.map(|pair| PairDto::from_pair(survey, pair)),
            timing_ms: ComparisonTiming::elapsed_since(start),
            provenance: Provenance::from_snapshot(survey.snapshot()),
        })
    }
}
