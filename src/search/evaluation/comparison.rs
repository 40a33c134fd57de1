//! Compares two reports query by query.

use super::bootstrap::Estimate;
use super::error::RetrievalError;
use super::report::{MetricChange, ModeChange, QueryReport, QueryScores, RetrievalReport};

/// Compares a report with an earlier one. Queries are matched by id and text.
///
/// # Errors
///
/// If they have no query and mode in common, or their gain or lowest grade differs.
pub fn compare(
    old: &RetrievalReport,
    new: &RetrievalReport,
) -> Result<Vec<ModeChange>, RetrievalError> {
    let same_metrics = (old.gain, old.min_grade) == (new.gain, new.min_grade);
    let changes: Vec<ModeChange> = new
        .modes
        .iter()
        .filter(|_| same_metrics)
        .filter_map(|mode| mode_change(&mode.mode, old, new))
        .collect();
    if changes.is_empty() {
        return Err(RetrievalError::NothingToCompare);
    }
    Ok(changes)
}

fn mode_change(mode: &str, old: &RetrievalReport, new: &RetrievalReport) -> Option<ModeChange> {
    let of_new = |query: &QueryReport| {
        let same = |other: &&QueryReport| other.id == query.id && other.query == query.query;
        new.queries.iter().find(same)?.scores.get(mode).copied()
    };
    let pairs: Vec<(QueryScores, QueryScores)> = old
        .queries
        .iter()
        .filter_map(|query| Some((*query.scores.get(mode)?, of_new(query)?)))
        .collect();
    (!pairs.is_empty()).then(|| ModeChange {
        mode: mode.to_owned(),
        queries: pairs.len(),
        ndcg_at_10: metric_change(&pairs, |scores| scores.ndcg_at_10),
        recall_at_100: metric_change(&pairs, |scores| scores.recall_at_100),
        mrr: metric_change(&pairs, |scores| scores.reciprocal_rank),
    })
}

fn metric_change(
    pairs: &[(QueryScores, QueryScores)],
    metric: fn(&QueryScores) -> f64,
) -> MetricChange {
    let differences: Vec<f64> = pairs
        .iter()
        .map(|(old, new)| metric(new) - metric(old))
        .collect();
    let mean = |values: Vec<f64>| Estimate::of(&values).mean;
    MetricChange {
        old: mean(pairs.iter().map(|(old, _)| metric(old)).collect()),
        new: mean(pairs.iter().map(|(_, new)| metric(new)).collect()),
        difference: Estimate::of(&differences),
        better: differences.iter().filter(|d| **d > 0.0).count(),
        worse: differences.iter().filter(|d| **d < 0.0).count(),
    }
}
