//! Rows that may be among the best, and their exact scores.
//!
//! A product of codes is at most a known bound away from the exact score, so every row lies in an
//! interval. A row whose interval ends below the `k`-th best interval's beginning cannot be among
//! the `k` best. The others are scored exactly, the most promising first, until none that is left
//! can matter: where all rows were offered, the `k` best are found by this argument, not by luck.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Neighbour;
use super::kernels::{SimdLevel, prefetch};

/// Candidates are weeded out when there are so many more than wanted.
const SLACK: usize = 1024;

/// How far ahead of its use an exact vector is asked for.
const PREFETCH_DISTANCE: usize = 8;

/// A row's score lies between these.
#[derive(Debug, Clone, Copy)]
struct BoundedCandidate {
    lower: f32,
    upper: f32,
    row: u32,
}

/// Candidates for the `k` best, and what is known of the `k`-th.
#[derive(Debug)]
pub(super) struct CandidateCollector {
    k: usize,
    /// Rows of at least this score are wanted however many they are.
    range_min_score: f32,
    candidates: Vec<BoundedCandidate>,
    threshold: f32,
    /// Weeded out at so many candidates.
    prune_at: usize,
}

impl CandidateCollector {
    pub(super) fn new(k: usize) -> Self {
        Self::with_range(k, f32::INFINITY)
    }

    /// For the `k` best, and all others whose score is at least `reach`.
    pub(super) fn with_range(k: usize, range_min_score: f32) -> Self {
        Self {
            k,
            range_min_score,
            candidates: Vec::new(),
            threshold: if k == 0 { range_min_score } else { f32::MIN },
            prune_at: 2 * k + SLACK,
        }
    }

    /// No row that is wanted has a score below this.
    #[inline]
    pub(super) fn threshold(&self) -> f32 {
        self.threshold
    }

    /// Whether there is such a bound yet.
    pub(super) fn has_threshold(&self) -> bool {
        self.threshold > f32::MIN
    }

    /// Takes a row whose score is at most `bound` away from `score`.
    #[inline]
    pub(super) fn push(&mut self, row: u32, score: f32, bound: f32) {
        let (lower, upper) = (score - bound, score + bound);
        if upper >= self.threshold {
            self.candidates.push(BoundedCandidate { lower, upper, row });
            if self.candidates.len() >= self.prune_at {
                self.prune();
            }
        }
    }

    /// Raises the threshold to the `k`-th best lower bound, or to the reach if that is lower, and drops
    /// what is below it.
    pub(super) fn prune(&mut self) {
        if let Some(place) = self.k.checked_sub(1).filter(|k| *k < self.candidates.len()) {
            let by_lower = |a: &BoundedCandidate, b: &BoundedCandidate| b.lower.total_cmp(&a.lower);
            let (_, kth, _) = self.candidates.select_nth_unstable_by(place, by_lower);
            self.threshold = self.threshold.max(kth.lower.min(self.range_min_score));
        }
        let threshold = self.threshold;
        self.candidates.retain(|c| c.upper >= threshold);
        self.prune_at = 2 * self.candidates.len().max(self.k) + SLACK;
    }

    /// Both fields in one.
    pub(super) fn merge(mut self, other: Self) -> Self {
        self.threshold = self.threshold.max(other.threshold);
        self.candidates.extend(other.candidates);
        self.prune();
        self
    }

    /// Scores exactly until no row that is left can be wanted. More than `k` come back, in no order:
    /// which of equals is the last is for the caller to say.
    pub(super) fn rescore<'a>(
        mut self,
        query: &[f32],
        vector: impl Fn(u32) -> &'a [f32],
    ) -> Vec<Neighbour> {
        self.prune();
        let candidates = &mut self.candidates;
        candidates.sort_unstable_by(|a, b| b.upper.total_cmp(&a.upper));
        candidates
            .iter()
            .take(PREFETCH_DISTANCE)
            .for_each(|c| prefetch(vector(c.row)));
        let mut found = Vec::with_capacity(candidates.len().min(4 * self.k));
        let mut best = BinaryHeap::with_capacity(self.k.min(candidates.len()) + 1);
        for (i, candidate) in candidates.iter().enumerate() {
            let kth = best
                .peek()
                .map_or(f32::INFINITY, |Reverse(TotalF32(kth))| *kth);
            if best.len() == self.k && candidate.upper < kth.min(self.range_min_score) {
                break;
            }
            if let Some(later) = candidates.get(i + PREFETCH_DISTANCE) {
                prefetch(vector(later.row));
            }
            let score = SimdLevel::best().dot_f32(query, vector(candidate.row));
            found.push(Neighbour {
                row: candidate.row,
                score,
            });
            best.push(Reverse(TotalF32(score)));
            if best.len() > self.k {
                best.pop();
            }
        }
        found
    }
}

/// A number in the order of the real numbers.
#[derive(PartialEq)]
struct TotalF32(f32);

impl Eq for TotalF32 {}

impl PartialOrd for TotalF32 {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TotalF32 {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
