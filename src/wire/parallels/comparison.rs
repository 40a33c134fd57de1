//! The response to the comparison of two documents, or of a passage with all other documents.

use std::time::Instant;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ComparisonTiming, FilteredCountsDto, PairDto, ParallelDto, Provenance, load_parallels,
};
use crate::parallels::{FoundPairs, ParallelsError, Subject};

/// The response to the comparison of two documents, or of a passage with all other documents.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ParallelsResponse {
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

impl ParallelsResponse {
    /// Loads the first pairs up to a limit.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(crate) fn load(
        found: &FoundPairs,
        limit: usize,
        start: Instant,
    ) -> Result<Self, ParallelsError> {
        let extent = found.extent();
        let is_of_documents = matches!(extent.subject, Subject::Documents(_));
        Ok(Self {
            parallels: load_parallels(found, limit)?,
            found: found.pairs().len(),
            compared: extent.compared_pairs,
            superseded: is_of_documents.then_some(extent.superseded),
            filtered_counts: (!is_of_documents).then(|| extent.filtered_counts.into()),
            closest: found.closest()?.as_ref().map(PairDto::from),
            timing_ms: ComparisonTiming::elapsed_since(start),
            provenance: Provenance::from(found.snapshot().provenance()),
        })
    }
}
