//! What is told of an evaluation.

use serde::Serialize;

use super::super::Calibration;
use super::Half;
use super::fit::likeness;
use super::measure::{Item, Measured};
use super::reliability::{Judged, Reliability};
use super::scores::{Place, Retrieval, Separation, count};
use super::signals::Signal;
use super::task::{Kind, Task};

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
    pub items: Half,
    /// The tasks, in the order of the files.
    pub tasks: Vec<TaskReport>,
    /// The confidence over all tasks, each weighing the same.
    pub together: Together,
    /// What could not be asked, and why.
    pub left_out: Vec<String>,
}

/// The confidence over all tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Together {
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
    pub asks: Asks,
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
pub enum Asks {
    /// Whether somebody said that both say the same.
    Labels,
    /// Whether both are versions of one statement.
    Versions,
    /// Whether both hold one statement, among others.
    Joined,
}

/// How good one signal is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SignalReport {
    /// The signal.
    pub signal: Signal,
    /// How well it finds the counterpart among all, where there is one.
    pub retrieval: Option<Retrieval>,
    /// How well it parts the pairs that are judged.
    pub separation: Option<Separation>,
}

/// How good likeness and confidence are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// How well the likeness parts pairs.
    pub separation: Option<Separation>,
    /// How far the confidence can be relied upon.
    pub reliability: Option<Reliability>,
}

/// A task with what was measured of it.
pub(super) fn task(
    (task, measured): &(Task, Measured),
    fitted: Option<&Calibration>,
    half: Half,
) -> TaskReport {
    let items = || measured.items.iter().filter(|item| half.holds(item.number));
    let signals = Signal::ALL.iter().enumerate().map(|(place, signal)| {
        let places = measured.places.iter().enumerate();
        let places = places.filter(|(row, _)| half.holds(*row));
        let places: Vec<Place> = places.map(|(_, places)| places[place]).collect();
        let pairs = items().map(|item| (item.numbers[place], item.same));
        SignalReport {
            signal: *signal,
            retrieval: Retrieval::of(&places),
            separation: Separation::of(pairs.collect()),
        }
    });
    TaskReport {
        name: task.name.clone(),
        asks: match task.kind {
            Kind::Labelled(_) => Asks::Labels,
            Kind::Versions { .. } => Asks::Versions,
            Kind::Joined { .. } => Asks::Joined,
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
        same: items().filter(|item| item.same).count(),
        undecided: task.undecided,
        signals: signals.collect(),
        shipped: quality(task, &Calibration::SHIPPED, items()),
        fitted: fitted.map(|fitted| quality(task, fitted, items())),
    }
}

fn quality<'a>(
    task: &Task,
    calibration: &Calibration,
    items: impl Iterator<Item = &'a Item>,
) -> Quality {
    let alike: Vec<(f32, bool)> = items
        .map(|item| (likeness(task, item, calibration), item.same))
        .collect();
    let judged = alike.iter().map(|(likeness, same)| Judged {
        confidence: calibration.confidence(*likeness),
        same: *same,
        weight: 1.0,
    });
    Quality {
        reliability: Reliability::of(judged),
        separation: Separation::of(alike),
    }
}

/// The confidence over all tasks.
pub(super) fn together(
    tasks: &[(Task, Measured)],
    calibration: &Calibration,
    half: Half,
) -> Option<Reliability> {
    let all = tasks.iter().flat_map(|(task, measured)| {
        let items = move || {
            measured
                .items
                .iter()
                .filter(move |item| half.holds(item.number))
        };
        let weight = 1.0 / count(items().count().max(1));
        items().map(move |item| Judged {
            confidence: calibration.confidence(likeness(task, item, calibration)),
            same: item.same,
            weight,
        })
    });
    Reliability::of(all)
}
