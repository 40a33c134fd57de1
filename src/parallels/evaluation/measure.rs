//! All signals of the evaluated pairs of a task, and the ranks of the counterparts.
//!
//! Rows of signals are computed in parallel and dropped, so memory grows with the number of texts, not
//! with its square.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::super::Calibration;
use super::bm25::Bm25Baseline;
use super::error::EvaluationProgress;
use super::scores::Rank;
use super::signals::{self, DIRECT_SIGNALS, MARGIN_SIGNALS, Signal, SignalValues, TopNeighbours};
use super::task::{EvaluationTask, GroundTruth};

pub(super) struct TaskMeasurements {
    pub(super) items: Vec<EvaluatedPair>,
    /// By row, if each row has one counterpart.
    pub(super) ranks: Vec<[Rank; Signal::ALL.len()]>,
}

pub(super) struct EvaluatedPair {
    /// Its number, or that of its row: determines its split.
    pub(super) number: usize,
    pub(super) source: usize,
    pub(super) target: usize,
    pub(super) is_positive: bool,
    pub(super) signals: SignalValues,
}

/// The measurements of a chunk of sources.
struct ChunkMeasurements {
    items: Vec<EvaluatedPair>,
    direct_ranks: Vec<[Rank; DIRECT_SIGNALS]>,
    /// Neighbours of these sources: `[source][margin]`.
    source_neighbours: Vec<[TopNeighbours; MARGIN_SIGNALS.len()]>,
    /// Neighbours of all targets among these sources.
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
    let terms: Vec<&[u64]> = (0..targets)
        .map(|target| task.targets().term_hashes(target))
        .collect();
    let bm25 = Bm25Baseline::from_texts(&terms);
    let has_counterparts = matches!(task.ground_truth, GroundTruth::Versions { .. });
    let all = if has_counterparts {
        2 * sources
    } else {
        sources
    };
    let done = AtomicUsize::new(0);
    let step = || progress("comparing", 1 + done.fetch_add(1, Ordering::Relaxed), all);

    // Each chunk has data for every target, so chunks are few.
    let size = sources.div_ceil(4 * rayon::current_num_threads()).max(1);
    let chunks: Vec<Range<usize>> = (0..sources)
        .step_by(size)
        .map(|from| from..sources.min(from + size))
        .collect();
    let chunks: Vec<ChunkMeasurements> = chunks
        .into_par_iter()
        .map(|rows| measure_chunk(task, rows, &bm25, calibration, &step))
        .collect();

    let mut target_neighbours = vec![NO_NEIGHBOURS; targets];
    let (mut items, mut direct_ranks, mut source_neighbours) = (Vec::new(), Vec::new(), Vec::new());
    for chunk in chunks {
        for (merged, new) in target_neighbours.iter_mut().zip(chunk.target_neighbours) {
            merged
                .iter_mut()
                .zip(new)
                .for_each(|(merged, new)| merged.merge(&new));
        }
        items.extend(chunk.items);
        direct_ranks.extend(chunk.direct_ranks);
        source_neighbours.extend(chunk.source_neighbours);
    }
    let means =
        |of: Vec<[TopNeighbours; MARGIN_SIGNALS.len()]>| -> Vec<[f32; MARGIN_SIGNALS.len()]> {
            of.iter()
                .map(|n| n.each_ref().map(TopNeighbours::mean))
                .collect()
        };
    let (source_means, target_means) = (means(source_neighbours), means(target_neighbours));
    for item in &mut items {
        let (source, target) = (source_means[item.source], target_means[item.target]);
        for (k, (signal, margin)) in MARGIN_SIGNALS.into_iter().enumerate() {
            item.signals[margin] = signals::margin(item.signals[signal], source[k], target[k]);
        }
    }
    let ranks = direct_ranks
        .into_par_iter()
        .enumerate()
        .map(|(source, direct)| {
            let row = signals::margin_row(task, source, calibration);
            let margins: [Rank; MARGIN_SIGNALS.len()] = std::array::from_fn(|k| {
                let margins = row[k].iter().zip(&target_means);
                let margins = margins.map(|(score, target_mean)| {
                    signals::margin(*score, source_means[source][k], target_mean[k])
                });
                rank_of_counterpart(task, source, &margins.collect::<Vec<_>>())
            });
            step();
            let mut ranks = [margins[0]; Signal::ALL.len()];
            ranks[..DIRECT_SIGNALS].copy_from_slice(&direct);
            for (k, (_, margin)) in MARGIN_SIGNALS.into_iter().enumerate() {
                ranks[margin] = margins[k];
            }
            ranks
        })
        .collect();
    TaskMeasurements { items, ranks }
}

fn measure_chunk(
    task: &EvaluationTask,
    sources: Range<usize>,
    bm25: &Bm25Baseline,
    calibration: &Calibration,
    step: &(dyn Fn() + Sync),
) -> ChunkMeasurements {
    let mut chunk = ChunkMeasurements {
        items: Vec::new(),
        direct_ranks: Vec::new(),
        source_neighbours: vec![NO_NEIGHBOURS; sources.len()],
        target_neighbours: vec![NO_NEIGHBOURS; task.targets().len()],
    };
    for (source, offset) in sources.zip(0..) {
        let row = signals::direct_row(task, source, bm25, calibration);
        for (target, neighbours) in chunk.target_neighbours.iter_mut().enumerate() {
            if task.is_one_set() && source == target {
                continue;
            }
            for (k, (signal, _)) in MARGIN_SIGNALS.into_iter().enumerate() {
                neighbours[k].add(row[signal][target]);
                chunk.source_neighbours[offset][k].add(row[signal][target]);
            }
        }
        for (number, target, is_positive) in
            evaluated_targets(task, source, &row[MARGIN_SIGNALS[0].0])
        {
            let mut signals = [0.0; Signal::ALL.len()];
            for (signal, row) in signals.iter_mut().zip(&row) {
                *signal = row[target];
            }
            chunk.items.push(EvaluatedPair {
                number,
                source,
                target,
                is_positive,
                signals,
            });
        }
        if matches!(task.ground_truth, GroundTruth::Versions { .. }) {
            let ranks =
                std::array::from_fn(|signal| rank_of_counterpart(task, source, &row[signal]));
            chunk.direct_ranks.push(ranks);
        }
        step();
    }
    chunk
}

/// Returns the targets that a source is evaluated with: the number, the target, and whether it is
/// positive.
fn evaluated_targets(
    task: &EvaluationTask,
    source: usize,
    cosines: &[f32],
) -> Vec<(usize, usize, bool)> {
    if let GroundTruth::Labelled(pairs) = &task.ground_truth {
        let from = pairs.partition_point(|pair| pair.source < source);
        let pairs = pairs[from..]
            .iter()
            .take_while(|pair| pair.source == source);
        return pairs
            .map(|pair| (pair.number, pair.target, pair.is_positive))
            .collect();
    }
    let counterparts = task.counterparts(source);
    let mut nearest: Vec<usize> = (0..cosines.len())
        .filter(|target| !task.is_duplicate(source, *target))
        .collect();
    let nearer = |a: &usize, b: &usize| cosines[*b].total_cmp(&cosines[*a]).then(a.cmp(b));
    if task.target_depth() < nearest.len() {
        nearest.select_nth_unstable_by(task.target_depth(), nearer);
        nearest.truncate(task.target_depth());
    }
    nearest.extend(counterparts.iter().copied());
    nearest.sort_unstable();
    nearest.dedup();
    nearest
        .into_iter()
        .map(|target| (source, target, counterparts.contains(&target)))
        .collect()
}

/// Returns the rank of a source's counterpart in a row of scores.
fn rank_of_counterpart(task: &EvaluationTask, source: usize, row: &[f32]) -> Rank {
    let negatives = row
        .iter()
        .enumerate()
        .filter(|(target, _)| *target != source && !task.is_duplicate(source, *target));
    let counterpart = row.get(source).copied().unwrap_or(f32::NEG_INFINITY);
    Rank::from_scores(counterpart, negatives.map(|(_, score)| *score))
}
