//! Fitting a [`Calibration`] to labelled pairs.

use super::super::Calibration;
use super::error::EvaluationError;
use super::logistic::{self, Observation};
use super::measure::{EvaluatedPair, TaskMeasurements};
use super::scores::to_f64;
use super::signals::PairScores;
use super::split::Split;
use super::task::{EvaluationTask, GroundTruth};

/// Fits a calibration on the even items of every task, equally weighted.
///
/// First the lexical weight, on whole texts: texts that share one sentence among others say little about
/// it. Then slope and midpoint of the confidence, on the combined similarity that users see, over all
/// tasks. Numbers are rounded as they are printed, so that what is measured is what is pasted.
pub(super) fn fit_calibration(
    tasks: &[(EvaluationTask, TaskMeasurements)],
) -> Result<Calibration, EvaluationError> {
    let mut whole: Vec<Observation<3>> = Vec::new();
    for (task, measured) in tasks {
        if !matches!(task.ground_truth, GroundTruth::Paragraphs { .. }) {
            collect_observations(&mut whole, measured, |item| {
                let [_, cosine, lexical_overlap, ..] = item.signals;
                [f64::from(cosine), f64::from(lexical_overlap), 1.0]
            });
        }
    }
    let [cosine, lexical_overlap, _] =
        logistic::fit_logistic(&whole).ok_or_else(single_class_error)?;
    if cosine <= 0.0 {
        return Err(EvaluationError::Fit(
            "the cosine does not increase with the label",
        ));
    }
    let mut calibration = Calibration {
        lexical_weight: round_to((lexical_overlap / cosine).max(0.0), 100.0),
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
            "the combined similarity does not increase with the label",
        ));
    }
    calibration.slope = round_to(slope, 10.0);
    calibration.midpoint = round_to(-constant / slope, 1000.0);
    Ok(calibration)
}

/// Returns the combined similarity of a pair under another calibration than it was measured with.
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
    EvaluationError::Fit("the even pairs are all of one class")
}

fn round_to(number: f64, parts: f64) -> f32 {
    #[allow(clippy::cast_possible_truncation)] // a few digits
    let number = ((number * parts).round() / parts) as f32;
    number
}
