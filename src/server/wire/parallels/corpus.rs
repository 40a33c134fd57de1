//! The parallels of a corpus: as a stream of lines, and in one piece.

use std::time::Instant;

use serde::Serialize;
use utoipa::ToSchema;

use super::{ComparedMs, FormulasName, LeftOutBody, PairBody, ParallelBody, Provenance, read};
use crate::parallels::{ParallelsError, Survey, Sweep, Swept, Thresholds};

/// A line of a stream of parallels: exactly one of these.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamLine {
    /// First: what is compared.
    Begin(Box<BeginBody>),
    /// A pair.
    Parallel(Box<ParallelBody>),
    /// How far it is; a cursor continues after all pairs before this line.
    Progress(ProgressBody),
    /// Last: what was found and left out.
    End(Box<EndBody>),
    /// Last, where it broke off.
    #[schema(value_type = Object)]
    Error(serde_json::Value),
}

/// What is compared.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BeginBody {
    /// Source documents.
    sources: usize,
    /// Target documents.
    targets: usize,
    /// Documents that are not compared because it is not known when they were made.
    undated: usize,
    /// The parameters that are used.
    parameters: ThresholdsBody,
    /// What produces this answer.
    provenance: Provenance,
}

/// What a pair must have.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct ThresholdsBody {
    min_score: f32,
    min_confidence: f32,
    min_margin: f32,
    formulas: FormulasName,
    formula_share: f32,
    /// A formula is said in so many documents.
    formula_documents: usize,
    exact: bool,
}

/// How far a stream is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProgressBody {
    /// Source documents that are done.
    pub(in crate::server) done: usize,
    /// All of them.
    pub(in crate::server) sources: usize,
    /// Continues here.
    pub(in crate::server) cursor: String,
}

/// What a stream found, from its cursor on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EndBody {
    /// Pairs in this stream.
    found: usize,
    /// Pairs that were left out.
    left_out: LeftOutBody,
    /// Passages that were compared.
    passages: usize,
    /// The surest pair that was seen, given or left out.
    closest: Option<PairBody>,
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
    begin: BeginBody,
    /// The surest first.
    parallels: Vec<ParallelBody>,
    #[serde(flatten)]
    end: EndBody,
    timing_ms: ComparedMs,
}

/// The parallels of a corpus; of the pairs, which come in the order in which they are wanted, the first
/// up to a limit.
///
/// # Errors
///
/// If the store cannot be read.
pub fn corpus_response(
    survey: &Survey,
    sweep: &Sweep<'_>,
    swept: &Swept,
    thresholds: &Thresholds,
    limit: usize,
    start: Instant,
) -> Result<CorpusResponse, ParallelsError> {
    let shown = swept.pairs.get(..limit).unwrap_or(&swept.pairs);
    Ok(CorpusResponse {
        begin: BeginBody::of(survey, sweep, thresholds),
        parallels: read(survey, thresholds, shown)?,
        end: EndBody::of(survey, swept, swept.pairs.len(), None),
        timing_ms: ComparedMs::since(start),
    })
}

impl BeginBody {
    pub(in crate::server) fn of(
        survey: &Survey,
        sweep: &Sweep<'_>,
        thresholds: &Thresholds,
    ) -> Self {
        Self {
            sources: sweep.sources().len(),
            targets: sweep.targets(),
            undated: sweep.undated(),
            parameters: ThresholdsBody::of(survey, thresholds),
            provenance: Provenance::of(survey.snapshot()),
        }
    }
}

impl EndBody {
    pub(in crate::server) fn of(
        survey: &Survey,
        swept: &Swept,
        found: usize,
        next_cursor: Option<String>,
    ) -> Self {
        Self {
            found,
            left_out: swept.left_out.into(),
            passages: swept.passages,
            closest: swept.closest.map(|pair| PairBody::of(survey, pair)),
            complete: next_cursor.is_none(),
            next_cursor,
        }
    }
}

impl ThresholdsBody {
    fn of(survey: &Survey, thresholds: &Thresholds) -> Self {
        Self {
            min_score: thresholds.min_score,
            min_confidence: thresholds.min_confidence,
            min_margin: thresholds.min_margin,
            formulas: thresholds.formulas.into(),
            formula_share: thresholds.formula_share,
            formula_documents: thresholds.formula_from(survey.snapshot().facts().documents),
            exact: survey.is_exact(),
        }
    }
}
