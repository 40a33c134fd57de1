//! All numbers of a task: of the pairs that are judged, and where the right answers stand.
//!
//! Rows of numbers are made one at a time on every thread and forgotten, so memory grows with the
//! number of texts, not with its square.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::super::Calibration;
use super::EvaluationProgress;
use super::bm25::Bm25Baseline;
use super::scores::Rank;
use super::signals::{self, DIRECT_SIGNALS, MARGIN_SIGNALS, Signal, SignalValues, TopNeighbours};
use super::task::{EvaluationTask, GroundTruth};

/// What was measured.
pub(super) struct TaskMeasurements {
    pub(super) items: Vec<EvaluatedPair>,
    /// By row, where there is one right answer.
    pub(super) ranks: Vec<[Rank; Signal::ALL.len()]>,
}

/// A pair that is judged.
pub(super) struct EvaluatedPair {
    /// Its number, or its row's: what decides in which half it is.
    pub(super) number: usize,
    pub(super) source: usize,
    pub(super) target: usize,
    pub(super) is_positive: bool,
    pub(super) signals: SignalValues,
}

/// What a part of the sources gave.
struct ChunkMeasurements {
    items: Vec<EvaluatedPair>,
    direct_ranks: Vec<[Rank; DIRECT_SIGNALS]>,
    /// Neighbourhoods of these sources: `[source][margin]`.
    source_neighbours: Vec<[TopNeighbours; MARGIN_SIGNALS.len()]>,
    /// Neighbourhoods of all targets, as far as these sources are concerned.
    target_neighbours: Vec<[TopNeighbours; MARGIN_SIGNALS.len()]>,
}

const NO_NEIGHBOURS: [TopNeighbours; MARGIN_SIGNALS.len()] =
    [TopNeighbours::EMPTY; MARGIN_SIGNALS.len()];

pub(super) fn measure(
    task: &EvaluationTask,
    calibration: &Calibration,
    progress: EvaluationProgress<'_>,
) -> TaskMeasurements {
    let (sources, targets) = (task.sources.len(), task.targets().len());
    let words: Vec<&[u64]> = (0..targets)
        .map(|place| task.targets().term_hashes(place))
        .collect();
    let bm25 = Bm25Baseline::from_texts(&words);
    let has_counterparts = matches!(task.ground_truth, GroundTruth::Versions { .. });
    let all = if has_counterparts {
        2 * sources
    } else {
        sources
    };
    let done = AtomicUsize::new(0);
    let step = || progress("comparing", 1 + done.fetch_add(1, Ordering::Relaxed), all);

    // Each part holds something for every target, so there are few.
    let size = sources.div_ceil(4 * rayon::current_num_threads()).max(1);
    let parts: Vec<Range<usize>> = (0..sources)
        .step_by(size)
        .map(|from| from..sources.min(from + size))
        .collect();
    let parts: Vec<ChunkMeasurements> = parts
        .into_par_iter()
        .map(|rows| measure_chunk(task, rows, &bm25, calibration, &step))
        .collect();

    let mut theirs = vec![NO_NEIGHBOURS; targets];
    let (mut items, mut places, mut own) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        for (known, new) in theirs.iter_mut().zip(part.target_neighbours) {
            known
                .iter_mut()
                .zip(new)
                .for_each(|(known, new)| known.merge(&new));
        }
        items.extend(part.items);
        places.extend(part.direct_ranks);
        own.extend(part.source_neighbours);
    }
    let means =
        |of: Vec<[TopNeighbours; MARGIN_SIGNALS.len()]>| -> Vec<[f32; MARGIN_SIGNALS.len()]> {
            of.iter()
                .map(|n| n.each_ref().map(TopNeighbours::mean))
                .collect()
        };
    let (own, theirs) = (means(own), means(theirs));
    for item in &mut items {
        let (own, theirs) = (own[item.source], theirs[item.target]);
        for (k, (of, place)) in MARGIN_SIGNALS.into_iter().enumerate() {
            item.signals[place] = signals::margin(item.signals[of], own[k], theirs[k]);
        }
    }
    let places = places
        .into_par_iter()
        .enumerate()
        .map(|(source, direct)| {
            let row = signals::margin_row(task, source, calibration);
            let margins: [Rank; MARGIN_SIGNALS.len()] = std::array::from_fn(|k| {
                let margins = row[k].iter().zip(&theirs);
                let margins =
                    margins.map(|(x, theirs)| signals::margin(*x, own[source][k], theirs[k]));
                rank_of_counterpart(task, source, &margins.collect::<Vec<_>>())
            });
            step();
            let mut places = [margins[0]; Signal::ALL.len()];
            places[..DIRECT_SIGNALS].copy_from_slice(&direct);
            for (k, (_, place)) in MARGIN_SIGNALS.into_iter().enumerate() {
                places[place] = margins[k];
            }
            places
        })
        .collect();
    TaskMeasurements {
        items,
        ranks: places,
    }
}

fn measure_chunk(
    task: &EvaluationTask,
    sources: Range<usize>,
    bm25: &Bm25Baseline,
    calibration: &Calibration,
    step: &(dyn Fn() + Sync),
) -> ChunkMeasurements {
    let mut part = ChunkMeasurements {
        items: Vec::new(),
        direct_ranks: Vec::new(),
        source_neighbours: vec![NO_NEIGHBOURS; sources.len()],
        target_neighbours: vec![NO_NEIGHBOURS; task.targets().len()],
    };
    for (source, own) in sources.zip(0..) {
        let row = signals::direct_row(task, source, bm25, calibration);
        for (target, theirs) in part.target_neighbours.iter_mut().enumerate() {
            if task.is_one_set() && source == target {
                continue;
            }
            for (k, (of, _)) in MARGIN_SIGNALS.into_iter().enumerate() {
                theirs[k].add(row[of][target]);
                part.source_neighbours[own][k].add(row[of][target]);
            }
        }
        for (number, target, same) in judged_targets(task, source, &row[MARGIN_SIGNALS[0].0]) {
            let mut numbers = [0.0; Signal::ALL.len()];
            for (number, row) in numbers.iter_mut().zip(&row) {
                *number = row[target];
            }
            part.items.push(EvaluatedPair {
                number,
                source,
                target,
                is_positive: same,
                signals: numbers,
            });
        }
        if matches!(task.ground_truth, GroundTruth::Versions { .. }) {
            let places =
                std::array::from_fn(|signal| rank_of_counterpart(task, source, &row[signal]));
            part.direct_ranks.push(places);
        }
        step();
    }
    part
}

/// The targets with which a source is judged: the number, the target, and whether it says the same.
fn judged_targets(
    task: &EvaluationTask,
    source: usize,
    cosines: &[f32],
) -> Vec<(usize, usize, bool)> {
    if let GroundTruth::Labelled(pairs) = &task.ground_truth {
        let from = pairs.partition_point(|pair| pair.source < source);
        let own = pairs[from..]
            .iter()
            .take_while(|pair| pair.source == source);
        return own
            .map(|pair| (pair.number, pair.target, pair.is_positive))
            .collect();
    }
    let right = task.counterparts(source);
    let mut nearest: Vec<usize> = (0..cosines.len())
        .filter(|target| !task.is_duplicate(source, *target))
        .collect();
    let nearer = |a: &usize, b: &usize| cosines[*b].total_cmp(&cosines[*a]).then(a.cmp(b));
    if task.target_depth() < nearest.len() {
        nearest.select_nth_unstable_by(task.target_depth(), nearer);
        nearest.truncate(task.target_depth());
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
fn rank_of_counterpart(task: &EvaluationTask, source: usize, row: &[f32]) -> Rank {
    let wrong = row
        .iter()
        .enumerate()
        .filter(|(target, _)| *target != source && !task.is_duplicate(source, *target));
    let right = row.get(source).copied().unwrap_or(f32::NEG_INFINITY);
    Rank::from_scores(right, wrong.map(|(_, number)| *number))
}
