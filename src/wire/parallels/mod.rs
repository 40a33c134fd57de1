//! The JSON of parallels and families.

mod comparison;
mod corpus;
mod families;
mod pair;

use std::time::Instant;

use serde::Serialize;
use utoipa::ToSchema;

use super::{CharRange, DocumentDto, PlaceDto, Provenance, milliseconds, passage_url};
use crate::parallels::{FilteredCounts, FoundPairs, ParallelsError};

pub(crate) use comparison::ParallelsResponse;
pub(crate) use corpus::{CorpusResponse, StreamBegin, StreamEnd, StreamLine, StreamProgress};
pub(crate) use families::{FamiliesResponse, FamilyDto};
pub(crate) use pair::{PairDto, ParallelDto};

/// Counts of filtered pairs, by the first reason that applied.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct FilteredCountsDto {
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

/// Loads the first parallels, up to a limit.
fn load_parallels(found: &FoundPairs, limit: usize) -> Result<Vec<ParallelDto>, ParallelsError> {
    let parallels = found.load(0..limit)?.into_iter();
    Ok(parallels.map(ParallelDto::from).collect())
}
