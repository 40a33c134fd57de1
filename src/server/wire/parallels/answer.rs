//! What two documents, or a passage and all others, have in common.

use std::time::Instant;

use serde::Serialize;
use utoipa::ToSchema;

use super::{ComparedMs, LeftOutBody, PairBody, ParallelBody, Provenance, read};
use crate::parallels::{Comparison, Pair, ParallelsError, Survey, Swept, Thresholds};

/// What two documents, or a passage and all others, have in common.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParallelsResponse {
    /// The parallels, the most telling first.
    parallels: Vec<ParallelBody>,
    /// How many there are; `parallels` holds the first of them up to the limit.
    found: usize,
    /// Of two documents, pairs that were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<usize>,
    /// Of two documents, pairs that are left out because their passages are in better ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<usize>,
    /// Of a passage, what was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<LeftOutBody>,
    /// The surest pair, given or not.
    closest: Option<PairBody>,
    /// Milliseconds that it took.
    timing_ms: ComparedMs,
    /// What produced this answer.
    provenance: Provenance,
}

/// What two documents have in common, in its wire shape; the command line prints the same with `--json`.
///
/// # Errors
///
/// If the store cannot be read.
pub fn comparison_response(
    survey: &Survey,
    found: &Comparison,
    thresholds: &Thresholds,
    limit: usize,
    start: Instant,
) -> Result<ParallelsResponse, ParallelsError> {
    let (pairs, closest) = (&found.pairs, found.closest);
    let response = ParallelsResponse::of(survey, (pairs, closest), thresholds, limit, start)?;
    Ok(ParallelsResponse {
        compared: Some(found.compared),
        taken: Some(found.taken),
        ..response
    })
}

/// What a passage has in common with all others.
pub(in crate::server) fn passage_response(
    survey: &Survey,
    found: &Swept,
    thresholds: &Thresholds,
    limit: usize,
    start: Instant,
) -> Result<ParallelsResponse, ParallelsError> {
    let (pairs, closest) = (&found.pairs, found.closest);
    let response = ParallelsResponse::of(survey, (pairs, closest), thresholds, limit, start)?;
    Ok(ParallelsResponse {
        left_out: Some(found.left_out.into()),
        ..response
    })
}

impl ParallelsResponse {
    /// What both kinds of answers have: the first pairs up to the limit, and the closest.
    fn of(
        survey: &Survey,
        (pairs, closest): (&[Pair], Option<Pair>),
        thresholds: &Thresholds,
        limit: usize,
        start: Instant,
    ) -> Result<Self, ParallelsError> {
        Ok(Self {
            parallels: read(survey, thresholds, pairs.get(..limit).unwrap_or(pairs))?,
            found: pairs.len(),
            compared: None,
            taken: None,
            left_out: None,
            closest: closest.map(|pair| PairBody::of(survey, pair)),
            timing_ms: ComparedMs::since(start),
            provenance: Provenance::of(survey.snapshot()),
        })
    }
}
