//! The report of an evaluation.

use serde::Serialize;

use super::super::Calibration;
use super::calibration_fit::combined_similarity;
use super::measure::{EvaluatedPair, TaskMeasurements};
use super::reliability::{Reliability, ScoredPair};
use super::scores::{Rank, RetrievalMetrics, SeparationMetrics, to_f64};
use super::signals::Signal;
use super::split::Split;
use super::task::{EvaluationTask, GroundTruth};

/// The quality of signals and confidence on gold files.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Name of the model.
    pub model: String,
    /// Its revision.
    pub revision: String,
    /// Precision of its arithmetic.
    pub precision: String,
    /// The default calibration, which all tasks are measured with.
    pub shipped: Calibration,
    /// The fitted calibration, if requested.
    pub fitted: Option<Calibration>,
    /// The reported items: the held-out ones if a calibration was fitted.
    pub items: Split,
    /// The tasks, in the order of the files.
    pub tasks: Vec<TaskReport>,
    /// The reliability of confidence over all tasks, equally weighted.
    pub together: Pooled,
    /// Skipped tasks, with the reason.
    pub left_out: Vec<String>,
}

/// The reliability of confidence over all tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pooled {
    /// With the default calibration.
    pub shipped: Option<Reliability>,
    /// With the fitted calibration.
    pub fitted: Option<Reliability>,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskReport {
    /// Its name: that of the file, or of two versions.
    pub name: String,
    /// Its kind.
    pub asks: TaskKind,
    /// Number of texts on the source side, or of all texts if there is one set.
    pub sources: usize,
    /// Number of texts on the target side; `None` if there is one set.
    pub targets: Option<usize>,
    /// Number of texts truncated to the model's maximum length.
    pub truncated: usize,
    /// Number of evaluated pairs.
    pub pairs: usize,
    /// Number of positive pairs.
    pub same: usize,
    /// Number of pairs of the file without a clear label.
    pub undecided: usize,
    /// The signals, baselines first.
    pub signals: Vec<SignalReport>,
    /// Combined similarity and confidence with the default calibration.
    pub shipped: Quality,
    /// The same with the fitted calibration.
    pub fitted: Option<Quality>,
}

/// The kind of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Labelled pairs.
    Labels,
    /// Retrieval of the other version of a statement.
    Versions,
    /// Paragraphs that share one statement.
    Paragraphs,
}

/// The quality of one signal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SignalReport {
    /// The signal.
    pub signal: Signal,
    /// How well it ranks the counterpart among all texts, if there is one.
    pub retrieval: Option<RetrievalMetrics>,
    /// How well it separates positive from negative pairs.
    pub separation: Option<SeparationMetrics>,
}

/// The quality of combined similarity and confidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// How well the combined similarity separates pairs.
    pub separation: Option<SeparationMetrics>,
    /// How well the confidence is calibrated.
    pub reliability: Option<Reliability>,
}

/// Returns the report of a task.
pub(super) fn task_report(
    (task, measured): &(EvaluationTask, TaskMeasurements),
    fitted: Option<&Calibration>,
    split: Split,
) -> TaskReport {
    let items = || {
        measured
            .items
            .iter()
            .filter(|item| split.contains(item.number))
    };
    let signals = Signal::ALL.iter().enumerate().map(|(index, signal)| {
        let ranks = measured.ranks.iter().enumerate();
        let ranks = ranks.filter(|(row, _)| split.contains(*row));
        let ranks: Vec<Rank> = ranks.map(|(_, ranks)| ranks[index]).collect();
        let pairs = items().map(|item| (item.signals[index], item.is_positive));
        SignalReport {
            signal: *signal,
            retrieval: RetrievalMetrics::from_ranks(&ranks),
            separation: SeparationMetrics::from_scores(pairs.collect()),
        }
    });
    TaskReport {
        name: task.name.clone(),
        asks: match task.ground_truth {
            GroundTruth::Labelled(_) => TaskKind::Labels,
            GroundTruth::Versions { .. } => TaskKind::Versions,
            GroundTruth::Paragraphs { .. } => TaskKind::Paragraphs,
        },
        sources: task.sources.len(),
        targets: (!task.is_one_set()).then(|| task.targets().len()),
        truncated: task.sources.truncated
            + if task.is_one_set() {
                0
            } else {
                task.targets().truncated
            },
        pairs: items().count(),
        same: items().filter(|item| item.is_positive).count(),
        undecided: task.undecided,
        signals: signals.collect(),
        shipped: quality(task, &Calibration::DEFAULT, items()),
        fitted: fitted.map(|fitted| quality(task, fitted, items())),
    }
}

fn quality<'a>(
    task: &EvaluationTask,
    calibration: &Calibration,
    items: impl Iterator<Item = &'a EvaluatedPair>,
) -> Quality {
    let similarities: Vec<(f32, bool)> = items
        .map(|item| {
            (
                combined_similarity(task, item, calibration),
                item.is_positive,
            )
        })
        .collect();
    let scored = similarities
        .iter()
        .map(|(similarity, is_positive)| ScoredPair {
            confidence: calibration.confidence(*similarity),
            is_positive: *is_positive,
            weight: 1.0,
        });
    Quality {
        reliability: Reliability::from_pairs(scored),
        separation: SeparationMetrics::from_scores(similarities),
    }
}

/// The reliability of confidence over all tasks.
pub(super) fn pooled_reliability(
    tasks: &[(EvaluationTask, TaskMeasurements)],
    calibration: &Calibration,
    split: Split,
) -> Option<Reliability> {
    let all = tasks.iter().flat_map(|(task, measured)| {
        let items = move || {
            measured
                .items
                .iter()
                .filter(move |item| split.contains(item.number))
        };
        let weight = 1.0 / to_f64(items().count().max(1));
        items().map(move |item| ScoredPair {
            confidence: calibration.confidence(combined_similarity(task, item, calibration)),
            is_positive: item.is_positive,
            weight,
        })
    });
    Reliability::from_pairs(all)
}
