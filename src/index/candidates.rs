//! Candidates for the `k` best rows, and their exact scores.
//!
//! The score of a row in codes differs from its exact score by at most a known error bound, so every
//! exact score is within an interval. A row whose upper bound is below the `k`-th best lower bound
//! cannot be among the `k` best. The others are scored exactly, highest upper bound first, until no
//! remaining one can be among the `k` best. If all rows were pushed, the result is therefore exact.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use antiphon_kernels::dot::{SimdLevel, prefetch};

use super::Neighbour;

/// Candidates beyond twice `k` that are collected before they are pruned.
const SLACK: usize = 1024;

/// How many candidates ahead of its use an exact vector is prefetched.
const PREFETCH_DISTANCE: usize = 8;

/// A row and the bounds of its exact score.
#[derive(Debug, Clone, Copy)]
pub(super) struct BoundedCandidate {
    pub(super) lower: f32,
    pub(super) upper: f32,
    pub(super) row: u32,
}

impl BoundedCandidate {
    /// Creates a row whose exact score is within `bound` of `score`.
    #[inline]
    pub(super) fn new(row: u32, score: f32, bound: f32) -> Self {
        Self {
            lower: score - bound,
            upper: score + bound,
            row,
        }
    }

    /// Returns the score of the codes.
    pub(super) fn middle(&self) -> f32 {
        f32::midpoint(self.lower, self.upper)
    }
}

/// Collects candidates for the `k` best rows, and optionally for all rows above a minimum score.
#[derive(Debug)]
pub(super) struct CandidateCollector {
    k: usize,
    /// Rows of at least this score are kept even beyond `k`.
    range_min_score: f32,
    candidates: Vec<BoundedCandidate>,
    threshold: f32,
    /// Number of candidates at which they are pruned.
    prune_at: usize,
}

impl CandidateCollector {
    pub(super) fn new(k: usize) -> Self {
        Self::with_range(k, f32::INFINITY)
    }

    /// Collects the `k` best rows, and all others whose score is at least `range_min_score`.
    pub(super) fn with_range(k: usize, range_min_score: f32) -> Self {
        Self {
            k,
            range_min_score,
            candidates: Vec::new(),
            threshold: if k == 0 { range_min_score } else { f32::MIN },
            prune_at: 2 * k + SLACK,
        }
    }

    /// Returns how many rows are wanted.
    pub(super) fn k(&self) -> usize {
        self.k
    }

    /// Returns the rows that may be among the `k` best, highest upper bound first.
    pub(super) fn into_candidates(mut self) -> Vec<BoundedCandidate> {
        self.prune();
        self.candidates
            .sort_unstable_by(|a, b| b.upper.total_cmp(&a.upper).then(a.row.cmp(&b.row)));
        self.candidates
    }

    /// A lower bound of the scores in the result.
    #[inline]
    pub(super) fn threshold(&self) -> f32 {
        self.threshold
    }

    /// Whether a lower bound is known yet.
    pub(super) fn has_threshold(&self) -> bool {
        self.threshold > f32::MIN
    }

    /// Adds a row whose exact score is within `bound` of `score`, unless it is below the threshold.
    #[inline]
    pub(super) fn push(&mut self, row: u32, score: f32, bound: f32) {
        self.push_bounds(row, score - bound, score + bound);
    }

    /// Adds a row whose exact score is from `lower` to `upper`, unless it is below the threshold.
    #[inline]
    pub(super) fn push_bounds(&mut self, row: u32, lower: f32, upper: f32) {
        if upper >= self.threshold {
            self.candidates.push(BoundedCandidate { lower, upper, row });
            if self.candidates.len() >= self.prune_at {
                self.prune();
            }
        }
    }

    /// Raises the threshold to the `k`-th best lower bound, or to the range's minimum score if that is
    /// lower, and drops the candidates below it.
    pub(super) fn prune(&mut self) {
        if let Some(index) = self.k.checked_sub(1).filter(|i| *i < self.candidates.len()) {
            let by_lower = |a: &BoundedCandidate, b: &BoundedCandidate| b.lower.total_cmp(&a.lower);
            let (_, kth, _) = self.candidates.select_nth_unstable_by(index, by_lower);
            self.threshold = self.threshold.max(kth.lower.min(self.range_min_score));
        }
        let threshold = self.threshold;
        self.candidates.retain(|c| c.upper >= threshold);
        self.prune_at = 2 * self.candidates.len().max(self.k) + SLACK;
    }

    /// Merges the candidates of two collectors.
    pub(super) fn merge(mut self, other: Self) -> Self {
        self.threshold = self.threshold.max(other.threshold);
        self.candidates.extend(other.candidates);
        self.prune();
        self
    }

    /// Scores candidates exactly until no remaining one can be in the result. Returns at least the
    /// `k` best in no particular order; the caller sorts them, breaks ties and truncates.
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
        let mut scored = Vec::with_capacity(candidates.len().min(4 * self.k));
        let mut best = BinaryHeap::with_capacity(self.k.min(candidates.len()) + 1);
        for (i, candidate) in candidates.iter().enumerate() {
            let kth = best
                .peek()
                .map_or(f32::INFINITY, |Reverse(TotalF32(kth))| *kth);
            if best.len() == self.k && candidate.upper < kth.min(self.range_min_score) {
                break;
            }
            if let Some(ahead) = candidates.get(i + PREFETCH_DISTANCE) {
                prefetch(vector(ahead.row));
            }
            let score = SimdLevel::best().dot_f32(query, vector(candidate.row));
            scored.push(Neighbour {
                row: candidate.row,
                score,
            });
            best.push(Reverse(TotalF32(score)));
            if best.len() > self.k {
                best.pop();
            }
        }
        scored
    }
}

/// `f32` in the order of [`f32::total_cmp`].
#[derive(PartialEq)]
pub(super) struct TotalF32(pub(super) f32);

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
