//! The report of an evaluation of search.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bootstrap::Estimate;
use super::judgements::JudgedUnit;
use super::metrics::{Gain, judged_share, ndcg, recall, reciprocal_rank};
use super::{EVALUATION_DEPTH, Grades};

/// Ranks that nDCG and the share of judged hits count.
const TOP: usize = 10;

/// The quality of each mode on graded judgements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetrievalReport {
    /// Name of the judgements.
    pub judgements: String,
    /// What is judged.
    pub unit: JudgedUnit,
    /// Number of judgements of the evaluated queries.
    pub judged: usize,
    /// Judged passages or documents that are not in the store; their judgements are left out.
    pub missing: usize,
    /// Queries without a relevant judgement, which are left out.
    pub queries_without_relevant: usize,
    /// The lowest grade that counts as relevant for recall and reciprocal rank.
    pub min_grade: u32,
    /// The gain of nDCG.
    pub gain: Gain,
    /// Number of passages searched.
    pub passages: usize,
    /// Id of the snapshot searched.
    pub snapshot: String,
    /// Name and parameters of the index.
    pub index: String,
    /// Weight of the semantic list in hybrid mode.
    pub semantic_weight: f32,
    /// Whether all passages were scanned.
    pub exact: bool,
    /// The modes.
    pub modes: Vec<ModeReport>,
    /// The queries.
    pub queries: Vec<QueryReport>,
    /// The differences from an earlier report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ModeChange>,
}

/// The quality of one mode over all queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModeReport {
    /// The mode.
    pub mode: String,
    /// Normalized discounted cumulative gain of the first ten hits.
    pub ndcg_at_10: Estimate,
    /// Share of the relevant ones among the first hundred hits.
    pub recall_at_100: Estimate,
    /// Mean reciprocal rank of the first relevant hit.
    pub mrr: Estimate,
    /// Share of the first ten hits that are judged. Unjudged hits count as irrelevant, so a low share
    /// means that the other figures are too low.
    pub judged_at_10: f64,
}

/// The quality of the ranking of one query in every mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryReport {
    /// Its id.
    pub id: String,
    /// Its text.
    pub query: String,
    /// Its scores by mode.
    pub scores: BTreeMap<String, QueryScores>,
}

/// The quality of one ranking.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct QueryScores {
    /// As in [`ModeReport`].
    pub ndcg_at_10: f64,
    /// As in [`ModeReport`].
    pub recall_at_100: f64,
    /// Reciprocal rank of the first relevant hit.
    pub reciprocal_rank: f64,
    /// As in [`ModeReport`].
    pub judged_at_10: f64,
}

/// The change of one mode from an earlier report to a later one, over the queries that both have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModeChange {
    /// The mode.
    pub mode: String,
    /// Number of queries in both reports.
    pub queries: usize,
    /// Change of nDCG@10.
    pub ndcg_at_10: MetricChange,
    /// Change of recall@100.
    pub recall_at_100: MetricChange,
    /// Change of the mean reciprocal rank.
    pub mrr: MetricChange,
}

/// The change of one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricChange {
    /// Mean of the earlier report.
    pub old: f64,
    /// Mean of the later report.
    pub new: f64,
    /// Mean difference per query. Its interval is narrower than those of the means: the queries are the
    /// same.
    pub difference: Estimate,
    /// Number of queries that got better.
    pub better: usize,
    /// Number of queries that got worse.
    pub worse: usize,
}

impl QueryScores {
    /// Scores a ranking.
    pub(super) fn of_ranking(
        ranked: &[String],
        grades: &Grades,
        gain: Gain,
        min_grade: u32,
    ) -> Self {
        Self {
            ndcg_at_10: ndcg(ranked, grades, gain, TOP),
            recall_at_100: recall(ranked, grades, min_grade, EVALUATION_DEPTH),
            reciprocal_rank: reciprocal_rank(ranked, grades, min_grade),
            judged_at_10: judged_share(ranked, grades, TOP),
        }
    }
}

impl ModeReport {
    /// Averages the scores of all queries in one mode.
    pub(super) fn of_queries(mode: &str, queries: &[QueryReport]) -> Self {
        let estimate = |metric: fn(&QueryScores) -> f64| {
            let scores = queries.iter().filter_map(|query| query.scores.get(mode));
            Estimate::of(&scores.map(metric).collect::<Vec<_>>())
        };
        Self {
            mode: mode.to_owned(),
            ndcg_at_10: estimate(|scores| scores.ndcg_at_10),
            recall_at_100: estimate(|scores| scores.recall_at_100),
            mrr: estimate(|scores| scores.reciprocal_rank),
            judged_at_10: estimate(|scores| scores.judged_at_10).mean,
        }
    }
}
