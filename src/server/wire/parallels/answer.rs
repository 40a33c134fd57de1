//! The response to the comparison of two documents, or of a passage with all other documents.

use std::time::Instant;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ComparisonTiming, FilteredCountsDto, PairDto, ParallelDto, Provenance, load_parallels,
};
use crate::parallels::{
    CorpusContext, CorpusMatches, DocumentMatches, Pair, ParallelsError, Thresholds,
};

/// The response to the comparison of two documents, or of a passage with all other documents.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParallelsResponse {
    /// The parallels, highest-ranked first.
    parallels: Vec<ParallelDto>,
    /// Number of parallels found; `parallels` contains the first of them up to the limit.
    found: usize,
    /// For two documents: pairs of passages compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<usize>,
    /// For two documents: pairs superseded by higher-ranked pairs of the same passages.
    #[serde(skip_serializing_if = "Option::is_none")]
    superseded: Option<usize>,
    /// For a passage: pairs filtered out, by reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    filtered_counts: Option<FilteredCountsDto>,
    /// The pair with the highest confidence, returned or not.
    closest: Option<PairDto>,
    /// Duration in milliseconds.
    timing_ms: ComparisonTiming,
    /// Model, index and snapshot that produced this response.
    provenance: Provenance,
}

/// Returns the response to a comparison of two documents; the command line prints the same with
/// `--json`.
///
/// # Errors
///
/// If the store cannot be read.
pub fn comparison_response(
    context: &CorpusContext,
    found: &DocumentMatches,
    thresholds: &Thresholds,
    limit: usize,
    start: Instant,
) -> Result<ParallelsResponse, ParallelsError> {
    let (pairs, closest) = (&found.pairs, found.closest);
    let response = ParallelsResponse::new(context, (pairs, closest), thresholds, limit, start)?;
    Ok(ParallelsResponse {
        compared: Some(found.compared_pairs),
        superseded: Some(found.superseded),
        ..response
    })
}

/// Returns the response to a comparison of a passage with all other documents.
pub(in crate::server) fn passage_response(
    context: &CorpusContext,
    found: &CorpusMatches,
    thresholds: &Thresholds,
    limit: usize,
    start: Instant,
) -> Result<ParallelsResponse, ParallelsError> {
    let (pairs, closest) = (&found.pairs, found.closest);
    let response = ParallelsResponse::new(context, (pairs, closest), thresholds, limit, start)?;
    Ok(ParallelsResponse {
        filtered_counts: Some(found.filtered_counts.into()),
        ..response
    })
}

impl ParallelsResponse {
    /// Creates the part that both kinds of response have: the first pairs up to the limit, and the
    /// closest.
    fn new(
        context: &CorpusContext,
        (pairs, closest): (&[Pair], Option<Pair>),
        thresholds: &Thresholds,
        limit: usize,
        start: Instant,
    ) -> Result<Self, ParallelsError> {
        Ok(Self {
            parallels: load_parallels(context, thresholds, pairs.get(..limit).unwrap_or(pairs))?,
            found: pairs.len(),
            compared: None,
            superseded: None,
            filtered_counts: None,
            closest: closest.map(|pair| PairDto::from_pair(context, pair)),
            timing_ms: ComparisonTiming::elapsed_since(start),
            provenance: Provenance::from_snapshot(context.snapshot()),
        })
    }
}
