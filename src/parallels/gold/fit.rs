//! The numbers of a [`Calibration`], fitted to labelled pairs.

use super::super::Calibration;
use super::logistic::{self, Observed};
use super::measure::{Item, Measured};
use super::scores::count;
use super::signals::Compared;
use super::task::{Kind, Task};
use super::{GoldError, Half};

/// Fits on the even items of every task, each task weighing the same.
///
/// First the weight of words beside the cosine, on texts as they are: where texts share one sentence
/// among others these numbers say little. Then slope and middle, on the likeness that is shown, over
/// all tasks. The numbers are rounded as they are printed, so what is measured is what is pasted.
pub(super) fn fit(tasks: &[(Task, Measured)]) -> Result<Calibration, GoldError> {
    let mut whole: Vec<Observed<3>> = Vec::new();
    for (task, measured) in tasks {
        if !matches!(task.kind, Kind::Joined { .. }) {
            observe(&mut whole, measured, |item| {
                let [_, cosine, words, ..] = item.numbers;
                [f64::from(cosine), f64::from(words), 1.0]
            });
        }
    }
    let [cosine, words, _] = logistic::fit(&whole).ok_or_else(too_few)?;
    if cosine <= 0.0 {
        return Err(GoldError::Fit(
            "the cosine does not grow with what says the same",
        ));
    }
    let mut calibration = Calibration {
        words: rounded((words / cosine).max(0.0), 100.0),
        ..Calibration::SHIPPED
    };
    let mut all: Vec<Observed<2>> = Vec::new();
    for (task, measured) in tasks {
        observe(&mut all, measured, |item| {
            [f64::from(likeness(task, item, &calibration)), 1.0]
        });
    }
    let [slope, constant] = logistic::fit(&all).ok_or_else(too_few)?;
    if slope <= 0.0 {
        return Err(GoldError::Fit(
            "the likeness does not grow with what says the same",
        ));
    }
    calibration.slope = rounded(slope, 10.0);
    calibration.middle = rounded(-constant / slope, 1000.0);
    Ok(calibration)
}

/// The likeness of a pair under other numbers than those with which it was measured.
pub(super) fn likeness(task: &Task, item: &Item, calibration: &Calibration) -> f32 {
    Compared::of(task, (item.source, item.target), calibration).likeness()
}

fn observe<const N: usize>(
    all: &mut Vec<Observed<N>>,
    measured: &Measured,
    features: impl Fn(&Item) -> [f64; N],
) {
    let items = || {
        measured
            .items
            .iter()
            .filter(|item| Half::Even.holds(item.number))
    };
    let weight = 1.0 / count(items().count().max(1));
    all.extend(items().map(|item| (features(item), item.same, weight)));
}

fn too_few() -> GoldError {
    GoldError::Fit("the even pairs are not of both kinds")
}

fn rounded(number: f64, parts: f64) -> f32 {
    #[allow(clippy::cast_possible_truncation)] // a few digits
    let number = ((number * parts).round() / parts) as f32;
    number
}
