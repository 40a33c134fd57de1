//! The shapes of parallels and families.

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
pub use request::FormulaPolicyDto;
pub(in crate::server) use request::{
    ComparisonParameters, FamiliesRequest, ParallelsRequest, PassageParameters,
};

/// Pairs that were left out, by the first reason.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct FilteredCountsDto {
    /// Nearly the same, but not sure enough.
    low_confidence: usize,
    /// Near to so much else that it says little.
    low_margin: usize,
    /// Formulas; or what is none, where formulas are wanted only.
    formulas: usize,
}

/// Where the time went, in milliseconds.
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
    fn from(left_out: FilteredCounts) -> Self {
        Self {
            low_confidence: left_out.low_confidence,
            low_margin: left_out.low_margin,
            formulas: left_out.formulas,
        }
    }
}

/// What these pairs stand for, in their order.
fn load_parallels(
    survey: &CorpusContext,
    thresholds: &Thresholds,
    pairs: &[Pair],
) -> Result<Vec<ParallelDto>, ParallelsError> {
    let parallels = ParallelLoader::new(survey, thresholds).load(pairs)?;
    Ok(parallels.into_iter().map(ParallelDto::from).collect())
}
