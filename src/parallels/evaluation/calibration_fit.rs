//! The numbers of a [`Calibration`], fitted to labelled pairs.

use super::super::Calibration;
use super::logistic::{self, Observation};
use super::measure::{EvaluatedPair, TaskMeasurements};
use super::scores::to_f64;
use super::signals::PairScores;
use super::task::{EvaluationTask, GroundTruth};
use super::{EvaluationError, Split};

/// Fits on the even items of every task, each task weighing the same.
///
/// First the weight of words beside the cosine, on texts as they are: where texts share one sentence
/// among others these numbers say little. Then slope and middle, on the likeness that is shown, over
/// all tasks. The numbers are rounded as they are printed, so what is measured is what is pasted.
pub(super) fn fit_calibration(
    tasks: &[(EvaluationTask, TaskMeasurements)],
) -> Result<Calibration, EvaluationError> {
    let mut whole: Vec<Observation<3>> = Vec::new();
    for (task, measured) in tasks {
        if !matches!(task.ground_truth, GroundTruth::Paragraphs { .. }) {
            collect_observations(&mut whole, measured, |item| {
                let [_, cosine, words, ..] = item.signals;
                [f64::from(cosine), f64::from(words), 1.0]
            });
        }
    }
    let [cosine, words, _] = logistic::fit_logistic(&whole).ok_or_else(single_class_error)?;
    if cosine <= 0.0 {
        return Err(EvaluationError::Fit(
            "the cosine does not grow with what says the same",
        ));
    }
    let mut calibration = Calibration {
        lexical_weight: round_to((words / cosine).max(0.0), 100.0),
        ..Calibration::DEFAULT
    };
    let mut all: Vec<Observation<2>> = Vec::new();
    for (task, measured) in tasks {
        collect_observations(&mut all, measured, |item| {
            [
                f64::from(combined_similarity(task, item, &calibration)),
                1.0,
            ]
        });
    }
    let [slope, constant] = logistic::fit_logistic(&all).ok_or_else(single_class_error)?;
    if slope <= 0.0 {
        return Err(EvaluationError::Fit(
            "the likeness does not grow with what says the same",
        ));
    }
    calibration.slope = round_to(slope, 10.0);
    calibration.midpoint = round_to(-constant / slope, 1000.0);
    Ok(calibration)
}

/// The likeness of a pair under other numbers than those with which it was measured.
pub(super) fn combined_similarity(
    task: &EvaluationTask,
    item: &EvaluatedPair,
    calibration: &Calibration,
) -> f32 {
    PairScores::new(task, (item.source, item.target), calibration).combined_similarity()
}

fn collect_observations<const N: usize>(
    all: &mut Vec<Observation<N>>,
    measured: &TaskMeasurements,
    features: impl Fn(&EvaluatedPair) -> [f64; N],
) {
    let items = || {
        measured
            .items
            .iter()
            .filter(|item| Split::Even.contains(item.number))
    };
    let weight = 1.0 / to_f64(items().count().max(1));
    all.extend(items().map(|item| (features(item), item.is_positive, weight)));
}

fn single_class_error() -> EvaluationError {
    EvaluationError::Fit("the even pairs are not of both kinds")
}

fn round_to(number: f64, parts: f64) -> f32 {
    #[allow(clippy::cast_possible_truncation)] // a few digits
    let number = ((number * parts).round() / parts) as f32;
    number
}
