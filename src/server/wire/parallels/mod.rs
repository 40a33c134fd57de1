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

use super::{DocumentBody, Provenance, RangeBody, passage_url};
use crate::parallels::{LeftOut, Pair, ParallelsError, Reader, Survey, Thresholds};
use crate::server::timing::milliseconds;

pub(in crate::server) use answer::passage_response;
pub use answer::{ParallelsResponse, comparison_response};
pub use corpus::{BeginBody, CorpusResponse, EndBody, ProgressBody, StreamLine, corpus_response};
use families::FamilyBody;
pub use families::{FamiliesResponse, families_response};
pub use file::Jsonl;
pub use pair::{PairBody, ParallelBody};
pub use request::FormulasName;
pub(in crate::server) use request::{
    ComparisonParameters, FamiliesRequest, ParallelsRequest, PassageParameters,
};

/// Pairs that were left out, by the first reason.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct LeftOutBody {
    /// Nearly the same, but not sure enough.
    unsure: usize,
    /// Near to so much else that it says little.
    hubs: usize,
    /// Formulas; or what is none, where formulas are wanted only.
    formulas: usize,
}

/// Where the time went, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct ComparedMs {
    total: f64,
}

impl ComparedMs {
    fn since(start: Instant) -> Self {
        Self {
            total: milliseconds(start.elapsed()),
        }
    }
}

impl From<LeftOut> for LeftOutBody {
    fn from(left_out: LeftOut) -> Self {
        Self {
            unsure: left_out.unsure,
            hubs: left_out.hubs,
            formulas: left_out.formulas,
        }
    }
}

/// What these pairs stand for, in their order.
fn read(
    survey: &Survey,
    thresholds: &Thresholds,
    pairs: &[Pair],
) -> Result<Vec<ParallelBody>, ParallelsError> {
    let parallels = Reader::new(survey, thresholds).read(pairs)?;
    Ok(parallels.into_iter().map(ParallelBody::from).collect())
}
