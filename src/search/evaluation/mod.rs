//! Quality of search on graded judgements: queries, and how relevant which passages or documents are to
//! each.
//!
//! [`judgements`] reads test collections in BEIR's layout or as JSON Lines, [`judged_passages`] finds
//! their passages in the store, [`metrics`] scores a ranking, and [`bootstrap`] says how far a mean over
//! so few queries can be trusted. [`report`] is the result; [`comparison`] sets two of them side by side.

mod bootstrap;
mod comparison;
mod error;
mod judged_passages;
mod judgements;
mod metrics;
mod report;

use std::collections::HashMap;

use crate::engine::Snapshot;

use super::{CacheMode, Mode, Query, QueryEncoder, QueryParams, SearchResults, search};

pub use bootstrap::Estimate;
pub use comparison::compare;
pub use error::RetrievalError;
pub use judgements::{JudgedQuery, JudgedUnit, Judgements};
pub use metrics::Gain;
pub use report::{MetricChange, ModeChange, ModeReport, QueryReport, QueryScores, RetrievalReport};

/// Hits per query that are evaluated: the depth of recall@100 and of the reciprocal rank.
pub const EVALUATION_DEPTH: usize = 100;

/// Options of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct RetrievalOptions {
    /// The modes to evaluate.
    pub modes: Vec<Mode>,
    /// The lowest grade that counts as relevant, for recall and reciprocal rank.
    pub min_grade: u32,
    /// The gain of nDCG.
    pub gain: Gain,
    /// Scan all passages instead of searching the graph.
    pub exact: bool,
    /// Weight of the semantic list in hybrid mode.
    pub semantic_weight: f32,
}

impl Default for RetrievalOptions {
    fn default() -> Self {
        let params = QueryParams::default();
        Self {
            modes: Mode::ALL.to_vec(),
            min_grade: 1,
            gain: Gain::default(),
            exact: params.exact,
            semantic_weight: params.semantic_weight,
        }
    }
}

/// Searches a snapshot for every judged query in every mode, and scores the hits.
///
/// `progress` receives the queries done and all queries.
///
/// # Errors
///
/// If no judged passage or document is in the store, or a search fails.
pub fn evaluate_retrieval(
    snapshot: &Snapshot,
    encoder: &QueryEncoder,
    judgements: Judgements,
    options: &RetrievalOptions,
    progress: &dyn Fn(usize, usize),
) -> Result<RetrievalReport, RetrievalError> {
    let judgements = judged_passages::match_to_store(snapshot, judgements)?;
    let (with_relevant, without): (Vec<_>, Vec<_>) = judgements
        .queries
        .into_iter()
        .partition(|query| query.has_relevant(options.min_grade));
    if with_relevant.is_empty() {
        return Err(RetrievalError::NothingRelevant {
            min_grade: options.min_grade,
        });
    }
    let mut queries = Vec::with_capacity(with_relevant.len());
    for (done, query) in with_relevant.iter().enumerate() {
        progress(done, with_relevant.len());
        let mut scores = Vec::with_capacity(options.modes.len());
        for mode in &options.modes {
            let ranked = ranked_ids(snapshot, encoder, query, judgements.unit, *mode, options)?;
            scores.push((
                mode.name().to_owned(),
                QueryScores::of_ranking(&ranked, &query.grades, options.gain, options.min_grade),
            ));
        }
        queries.push(QueryReport {
            id: query.id.clone(),
            query: query.text.clone(),
            scores: scores.into_iter().collect(),
        });
    }
    let info = snapshot.info();
    Ok(RetrievalReport {
        judgements: judgements.name,
        unit: judgements.unit,
        judged: with_relevant.iter().map(|query| query.grades.len()).sum(),
        missing: judgements.missing,
        queries_without_relevant: without.len(),
        min_grade: options.min_grade,
        gain: options.gain,
        passages: info.passages,
        snapshot: info.id.clone(),
        index: info.index.clone(),
        semantic_weight: options.semantic_weight,
        exact: options.exact,
        modes: options
            .modes
            .iter()
            .map(|mode| ModeReport::of_queries(mode.name(), &queries))
            .collect(),
        queries,
        changes: Vec::new(),
    })
}

/// Returns the ids of the hits in their order: of passages, or of documents by their best passage.
fn ranked_ids(
    snapshot: &Snapshot,
    encoder: &QueryEncoder,
    query: &JudgedQuery,
    unit: JudgedUnit,
    mode: Mode,
    options: &RetrievalOptions,
) -> Result<Vec<String>, RetrievalError> {
    let params = QueryParams {
        text: Some(query.text.clone()),
        mode,
        limit: EVALUATION_DEPTH,
        exact: options.exact,
        semantic_weight: options.semantic_weight,
        group: unit.grouping(),
        ..QueryParams::default()
    };
    let failed = |source| RetrievalError::Search {
        query: query.id.clone(),
        source: Box::new(source),
    };
    let parsed = Query::new(params).map_err(failed)?;
    let results = search(snapshot, encoder, &parsed, CacheMode::ReadWrite).map_err(failed)?;
    Ok(ids_of(results, unit))
}

fn ids_of(results: SearchResults, unit: JudgedUnit) -> Vec<String> {
    let id = |hit: super::Hit| match unit {
        JudgedUnit::Passage => hit.passage.id(),
        JudgedUnit::Document => hit.document.id.to_string(),
    };
    results.hits.into_iter().map(id).collect()
}

/// Grades by the id of a passage or document.
pub(super) type Grades = HashMap<String, u32>;
