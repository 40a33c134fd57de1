//! All numbers of a task: of the pairs that are judged, and where the right answers stand.
//!
//! Rows of numbers are made one at a time on every thread and forgotten, so memory grows with the
//! number of texts, not with its square.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::super::Calibration;
use super::Progress;
use super::bm25::Bm25;
use super::scores::Place;
use super::signals::{self, DIRECT, MARGINS, Neighbours, Numbers, Signal};
use super::task::{Kind, Task};

/// What was measured.
pub(super) struct Measured {
    pub(super) items: Vec<Item>,
    /// By row, where there is one right answer.
    pub(super) places: Vec<[Place; Signal::ALL.len()]>,
}

/// A pair that is judged.
pub(super) struct Item {
    /// Its number, or its row's: what decides in which half it is.
    pub(super) number: usize,
    pub(super) source: usize,
    pub(super) target: usize,
    pub(super) same: bool,
    pub(super) numbers: Numbers,
}

/// What a part of the sources gave.
struct Part {
    items: Vec<Item>,
    places: Vec<[Place; DIRECT]>,
    /// Neighbourhoods of these sources: `[source][margin]`.
    own: Vec<[Neighbours; MARGINS.len()]>,
    /// Neighbourhoods of all targets, as far as these sources are concerned.
    theirs: Vec<[Neighbours; MARGINS.len()]>,
}

const ALONE: [Neighbours; MARGINS.len()] = [Neighbours::NONE; MARGINS.len()];

pub(super) fn measure(task: &Task, calibration: &Calibration, progress: Progress<'_>) -> Measured {
    let (sources, targets) = (task.sources.len(), task.targets().len());
    let words: Vec<&[u64]> = (0..targets)
        .map(|place| task.targets().words(place))
        .collect();
    let bm25 = Bm25::of(&words);
    let asked = matches!(task.kind, Kind::Versions { .. });
    let all = if asked { 2 * sources } else { sources };
    let done = AtomicUsize::new(0);
    let step = || progress("comparing", 1 + done.fetch_add(1, Ordering::Relaxed), all);

    // Each part holds something for every target, so there are few.
    let size = sources.div_ceil(4 * rayon::current_num_threads()).max(1);
    let parts: Vec<Range<usize>> = (0..sources)
        .step_by(size)
        .map(|from| from..sources.min(from + size))
        .collect();
    let parts: Vec<Part> = parts
        .into_par_iter()
        .map(|rows| part(task, rows, &bm25, calibration, &step))
        .collect();

    let mut theirs = vec![ALONE; targets];
    let (mut items, mut places, mut own) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        for (known, new) in theirs.iter_mut().zip(part.theirs) {
            known
                .iter_mut()
                .zip(new)
                .for_each(|(known, new)| known.join(&new));
        }
        items.extend(part.items);
        places.extend(part.places);
        own.extend(part.own);
    }
    let means = |of: Vec<[Neighbours; MARGINS.len()]>| -> Vec<[f32; MARGINS.len()]> {
        of.iter()
            .map(|n| n.each_ref().map(Neighbours::mean))
            .collect()
    };
    let (own, theirs) = (means(own), means(theirs));
    for item in &mut items {
        let (own, theirs) = (own[item.source], theirs[item.target]);
        for (k, (of, place)) in MARGINS.into_iter().enumerate() {
            item.numbers[place] = signals::margin(item.numbers[of], own[k], theirs[k]);
        }
    }
    let places = places
        .into_par_iter()
        .enumerate()
        .map(|(source, direct)| {
            let row = signals::row_of_margins(task, source, calibration);
            let margins: [Place; MARGINS.len()] = std::array::from_fn(|k| {
                let margins = row[k].iter().zip(&theirs);
                let margins =
                    margins.map(|(x, theirs)| signals::margin(*x, own[source][k], theirs[k]));
                place(task, source, &margins.collect::<Vec<_>>())
            });
            step();
            let mut places = [margins[0]; Signal::ALL.len()];
            places[..DIRECT].copy_from_slice(&direct);
            for (k, (_, place)) in MARGINS.into_iter().enumerate() {
                places[place] = margins[k];
            }
            places
        })
        .collect();
    Measured { items, places }
}

fn part(
    task: &Task,
    sources: Range<usize>,
    bm25: &Bm25,
    calibration: &Calibration,
    step: &(dyn Fn() + Sync),
) -> Part {
    let mut part = Part {
        items: Vec::new(),
        places: Vec::new(),
        own: vec![ALONE; sources.len()],
        theirs: vec![ALONE; task.targets().len()],
    };
    for (source, own) in sources.zip(0..) {
        let row = signals::row(task, source, bm25, calibration);
        for (target, theirs) in part.theirs.iter_mut().enumerate() {
            if task.is_one_set() && source == target {
                continue;
            }
            for (k, (of, _)) in MARGINS.into_iter().enumerate() {
                theirs[k].add(row[of][target]);
                part.own[own][k].add(row[of][target]);
            }
        }
        for (number, target, same) in judged(task, source, &row[MARGINS[0].0]) {
            let mut numbers = [0.0; Signal::ALL.len()];
            for (number, row) in numbers.iter_mut().zip(&row) {
                *number = row[target];
            }
            part.items.push(Item {
                number,
                source,
                target,
                same,
                numbers,
            });
        }
        if matches!(task.kind, Kind::Versions { .. }) {
            let places = std::array::from_fn(|signal| place(task, source, &row[signal]));
            part.places.push(places);
        }
        step();
    }
    part
}

/// The targets with which a source is judged: the number, the target, and whether it says the same.
fn judged(task: &Task, source: usize, cosines: &[f32]) -> Vec<(usize, usize, bool)> {
    if let Kind::Labelled(pairs) = &task.kind {
        let from = pairs.partition_point(|pair| pair.source < source);
        let own = pairs[from..]
            .iter()
            .take_while(|pair| pair.source == source);
        return own
            .map(|pair| (pair.number, pair.target, pair.same))
            .collect();
    }
    let right = task.counterparts(source);
    let mut nearest: Vec<usize> = (0..cosines.len())
        .filter(|target| !task.is_repeat(source, *target))
        .collect();
    let nearer = |a: &usize, b: &usize| cosines[*b].total_cmp(&cosines[*a]).then(a.cmp(b));
    if task.nearest() < nearest.len() {
        nearest.select_nth_unstable_by(task.nearest(), nearer);
        nearest.truncate(task.nearest());
    }
    nearest.extend(right.iter().copied());
    nearest.sort_unstable();
    nearest.dedup();
    let judged = nearest.into_iter();
    judged
        .map(|target| (source, target, right.contains(&target)))
        .collect()
}

/// Where a source's own counterpart stands in a row of numbers.
fn place(task: &Task, source: usize, row: &[f32]) -> Place {
    let wrong = row
        .iter()
        .enumerate()
        .filter(|(target, _)| *target != source && !task.is_repeat(source, *target));
    let right = row.get(source).copied().unwrap_or(f32::NEG_INFINITY);
    Place::among(right, wrong.map(|(_, number)| *number))
}
