//! The wire types of parallels and families.

mod answer;
mod corpus;
mod families;
mod file;
mod pair;
mod request;

use std::time::Instant;

use serde::Serialize;
use utoipa::ToSchema;

use super::{CharRange, DocumentDto, Provenance, passage_url};
use crate::parallels::{
    CorpusContext, FilteredCounts, Pair, ParallelLoader, ParallelsError, Thresholds,
};
use crate::server::timing::milliseconds;

pub(in crate::server) use answer::passage_response;
pub use answer::{ParallelsResponse, comparison_response};
pub use corpus::{
    CorpusResponse, StreamBegin, StreamEnd, StreamLine, StreamProgress, corpus_response,
};
use families::FamilyDto;
pub use families::{FamiliesResponse, families_response};
pub use file::Jsonl;
pub use pair::{PairDto, ParallelDto};
pub(in crate::server) use request::{
    ComparisonParameters, FamiliesRequest, ParallelsRequest, PassageParameters,
};

/// Counts of filtered pairs, by the first reason that applied.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct FilteredCountsDto {
    /// Equivalent, but below `min_confidence`.
    low_confidence: usize,
    /// Below `min_margin`: close to too many other statements (hubness).
    low_margin: usize,
    /// Formulas; non-formulas where only formulas are requested.
    formulas: usize,
}

/// Duration in milliseconds.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct ComparisonTiming {
    total: f64,
}

impl ComparisonTiming {
    fn elapsed_since(start: Instant) -> Self {
        Self {
            total: milliseconds(start.elapsed()),
        }
    }
}

impl From<FilteredCounts> for FilteredCountsDto {
    fn from(counts: FilteredCounts) -> Self {
        Self {
            low_confidence: counts.low_confidence,
            low_margin: counts.low_margin,
            formulas: counts.formulas,
        }
    }
}

/// Loads the parallels of these pairs, in their order.
fn load_parallels(
    context: &CorpusContext,
    thresholds: &Thresholds,
    pairs: &[Pair],
) -> Result<Vec<ParallelDto>, ParallelsError> {
    let parallels = ParallelLoader::new(context, thresholds).load(pairs)?;
    Ok(parallels.into_iter().map(ParallelDto::from).collect())
}
