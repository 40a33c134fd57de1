//! Rows that may be among the best, and their exact scores.
//!
//! A product of codes is at most a known bound away from the exact score, so every row lies in an
//! interval. A row whose interval ends below the `k`-th best interval's beginning cannot be among
//! the `k` best. The others are scored exactly, the most promising first, until none that is left
//! can matter: where all rows were offered, the `k` best are found by this argument, not by luck.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Neighbour;
use super::kernels::{Path, prefetch};

/// Candidates are weeded out when there are so many more than wanted.
const SPARE: usize = 1024;

/// How far ahead of its use an exact vector is asked for.
const AHEAD: usize = 8;

/// A row's score lies between these.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    lower: f32,
    upper: f32,
    row: u32,
}

/// Candidates for the `k` best, and what is known of the `k`-th.
#[derive(Debug)]
pub(super) struct Field {
    k: usize,
    /// Rows of at least this score are wanted however many they are.
    reach: f32,
    candidates: Vec<Candidate>,
    threshold: f32,
    /// Weeded out at so many candidates.
    full: usize,
}

impl Field {
    pub(super) fn new(k: usize) -> Self {
        Self::reaching(k, f32::INFINITY)
    }

    /// For the `k` best, and all others whose score is at least `reach`.
    pub(super) fn reaching(k: usize, reach: f32) -> Self {
        Self {
            k,
            reach,
            candidates: Vec::new(),
            threshold: if k == 0 { reach } else { f32::MIN },
            full: 2 * k + SPARE,
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
    pub(super) fn offer(&mut self, row: u32, score: f32, bound: f32) {
        let (lower, upper) = (score - bound, score + bound);
        if upper >= self.threshold {
            self.candidates.push(Candidate { lower, upper, row });
            if self.candidates.len() >= self.full {
                self.weed();
            }
        }
    }

    /// Raises the threshold to the `k`-th best lower bound, or to the reach if that is lower, and drops
    /// what is below it.
    pub(super) fn weed(&mut self) {
        if let Some(place) = self.k.checked_sub(1).filter(|k| *k < self.candidates.len()) {
            let by_lower = |a: &Candidate, b: &Candidate| b.lower.total_cmp(&a.lower);
            let (_, kth, _) = self.candidates.select_nth_unstable_by(place, by_lower);
            self.threshold = self.threshold.max(kth.lower.min(self.reach));
        }
        let threshold = self.threshold;
        self.candidates.retain(|c| c.upper >= threshold);
        self.full = 2 * self.candidates.len().max(self.k) + SPARE;
    }

    /// Both fields in one.
    pub(super) fn join(mut self, other: Self) -> Self {
        self.threshold = self.threshold.max(other.threshold);
        self.candidates.extend(other.candidates);
        self.weed();
        self
    }

    /// Scores exactly until no row that is left can be wanted. More than `k` come back, in no order:
    /// which of equals is the last is for the caller to say.
    pub(super) fn rescore<'a>(
        mut self,
        query: &[f32],
        vector: impl Fn(u32) -> &'a [f32],
    ) -> Vec<Neighbour> {
        self.weed();
        let candidates = &mut self.candidates;
        candidates.sort_unstable_by(|a, b| b.upper.total_cmp(&a.upper));
        candidates
            .iter()
            .take(AHEAD)
            .for_each(|c| prefetch(vector(c.row)));
        let mut found = Vec::with_capacity(candidates.len().min(4 * self.k));
        let mut best = BinaryHeap::with_capacity(self.k.min(candidates.len()) + 1);
        for (i, candidate) in candidates.iter().enumerate() {
            let kth = best
                .peek()
                .map_or(f32::INFINITY, |Reverse(Total(kth))| *kth);
            if best.len() == self.k && candidate.upper < kth.min(self.reach) {
                break;
            }
            if let Some(later) = candidates.get(i + AHEAD) {
                prefetch(vector(later.row));
            }
            let score = Path::best().dot_f32(query, vector(candidate.row));
            found.push(Neighbour {
                row: candidate.row,
                score,
            });
            best.push(Reverse(Total(score)));
            if best.len() > self.k {
                best.pop();
            }
        }
        found
    }
}

/// A number in the order of the real numbers.
#[derive(PartialEq)]
struct Total(f32);

impl Eq for Total {}

impl PartialOrd for Total {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Total {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
