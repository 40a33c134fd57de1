//! What is told of an evaluation.

use serde::Serialize;

use super::super::Calibration;
use super::Split;
use super::calibration_fit::combined_similarity;
use super::measure::{EvaluatedPair, TaskMeasurements};
use super::reliability::{Reliability, ScoredPair};
use super::scores::{Rank, RetrievalMetrics, SeparationMetrics, to_f64};
use super::signals::Signal;
use super::task::{EvaluationTask, GroundTruth};

/// How good the numbers are on gold files.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// The model.
    pub model: String,
    /// Its revision.
    pub revision: String,
    /// Its arithmetic.
    pub precision: String,
    /// The numbers that were measured with.
    pub shipped: Calibration,
    /// The numbers that were fitted.
    pub fitted: Option<Calibration>,
    /// The items that are reported: those on which nothing was fitted, where something was.
    pub items: Split,
    /// The tasks, in the order of the files.
    pub tasks: Vec<TaskReport>,
    /// The confidence over all tasks, each weighing the same.
    pub together: Pooled,
    /// What could not be asked, and why.
    pub left_out: Vec<String>,
}

/// The confidence over all tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pooled {
    /// By the numbers that are shipped.
    pub shipped: Option<Reliability>,
    /// By those that were fitted.
    pub fitted: Option<Reliability>,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskReport {
    /// Its name, of the file or of two versions.
    pub name: String,
    /// What is asked.
    pub asks: TaskKind,
    /// Texts on one side, or of all pairs together.
    pub sources: usize,
    /// Texts on the other side; none where pairs are of one set.
    pub targets: Option<usize>,
    /// Texts of which the model does not read the end.
    pub truncated: usize,
    /// Pairs that are judged.
    pub pairs: usize,
    /// Those that say the same.
    pub same: usize,
    /// Pairs of the file whose judges were of two minds.
    pub undecided: usize,
    /// Each signal, the peers first.
    pub signals: Vec<SignalReport>,
    /// The likeness and confidence that are shown.
    pub shipped: Quality,
    /// The same by the numbers that were fitted.
    pub fitted: Option<Quality>,
}

/// What a task asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Whether somebody said that both say the same.
    Labels,
    /// Whether both are versions of one statement.
    Versions,
    /// Whether both hold one statement, among others.
    Paragraphs,
}

/// How good one signal is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SignalReport {
    /// The signal.
    pub signal: Signal,
    /// How well it finds the counterpart among all, where there is one.
    pub retrieval: Option<RetrievalMetrics>,
    /// How well it parts the pairs that are judged.
    pub separation: Option<SeparationMetrics>,
}

/// How good likeness and confidence are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// How well the likeness parts pairs.
    pub separation: Option<SeparationMetrics>,
    /// How far the confidence can be relied upon.
    pub reliability: Option<Reliability>,
}

/// A task with what was measured of it.
pub(super) fn task_report(
    (task, measured): &(EvaluationTask, TaskMeasurements),
    fitted: Option<&Calibration>,
    half: Split,
) -> TaskReport {
    let items = || {
        measured
            .items
            .iter()
            .filter(|item| half.contains(item.number))
    };
    let signals = Signal::ALL.iter().enumerate().map(|(place, signal)| {
        let places = measured.ranks.iter().enumerate();
        let places = places.filter(|(row, _)| half.contains(*row));
        let places: Vec<Rank> = places.map(|(_, places)| places[place]).collect();
        let pairs = items().map(|item| (item.signals[place], item.is_positive));
        SignalReport {
            signal: *signal,
            retrieval: RetrievalMetrics::from_ranks(&places),
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
    let alike: Vec<(f32, bool)> = items
        .map(|item| {
            (
                combined_similarity(task, item, calibration),
                item.is_positive,
            )
        })
        .collect();
    let judged = alike.iter().map(|(likeness, same)| ScoredPair {
        confidence: calibration.confidence(*likeness),
        is_positive: *same,
        weight: 1.0,
    });
    Quality {
        reliability: Reliability::from_pairs(judged),
        separation: SeparationMetrics::from_scores(alike),
    }
}

/// The confidence over all tasks.
pub(super) fn pooled_reliability(
    tasks: &[(EvaluationTask, TaskMeasurements)],
    calibration: &Calibration,
    half: Split,
) -> Option<Reliability> {
    let all = tasks.iter().flat_map(|(task, measured)| {
        let items = move || {
            measured
                .items
                .iter()
                .filter(move |item| half.contains(item.number))
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
