//! Exact scores of the rows that may be among the best.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use antiphon_kernels::dot::SimdLevel;

use super::{ScoreBounds, SentenceScore, TwoLevelNeighbour, combine};
use crate::index::SegmentedIndex;
use crate::index::candidates::TotalF32;

/// Scores rows exactly, each once.
pub struct ExactScorer<'a, R> {
    index: &'a SegmentedIndex,
    query: &'a [f32],
    read_sentences: R,
    buffer: Vec<f32>,
    scored: HashMap<u32, TwoLevelNeighbour>,
}

impl<'a, E, R: FnMut(u32, &mut Vec<f32>) -> Result<(), E>> ExactScorer<'a, R> {
    /// Creates a scorer; `read_sentences` replaces the content of the buffer with the vectors of the
    /// sentences of a row, `[sentences, dimension]`.
    pub fn new(index: &'a SegmentedIndex, query: &'a [f32], read_sentences: R) -> Self {
        Self {
            index,
            query,
            read_sentences,
            buffer: Vec::new(),
            scored: HashMap::new(),
        }
    }

    /// Returns the number of rows scored.
    #[must_use]
    pub fn count(&self) -> usize {
        self.scored.len()
    }

    /// Scores a row.
    ///
    /// # Errors
    ///
    /// If its sentences cannot be read.
    pub fn score(&mut self, row: u32) -> Result<TwoLevelNeighbour, E> {
        if let Some(scored) = self.scored.get(&row) {
            return Ok(*scored);
        }
        (self.read_sentences)(row, &mut self.buffer)?;
        let simd = SimdLevel::best();
        let row_score = simd.dot_f32(self.query, self.index.vector(row));
        let sentences = self.buffer.chunks_exact(self.query.len());
        let sentence = sentences
            .map(|sentence| simd.dot_f32(self.query, sentence))
            .enumerate()
            .map(|(index, score)| SentenceScore { index, score })
            .reduce(|best, next| if next.score > best.score { next } else { best });
        let neighbour = TwoLevelNeighbour {
            row,
            score: combine(row_score, sentence.map(|sentence| sentence.score)),
            row_score,
            sentence,
        };
        self.scored.insert(row, neighbour);
        Ok(neighbour)
    }

    /// Returns the `k` best of these candidates by `score`, which increases with the exact score of a row;
    /// bounds are bounds of `score`. Equal scores are in the index's order.
    ///
    /// # Errors
    ///
    /// If the sentences of a row cannot be read.
    pub fn best(
        &mut self,
        mut candidates: Vec<ScoreBounds>,
        k: usize,
        score: impl Fn(&TwoLevelNeighbour) -> f32,
    ) -> Result<Vec<(TwoLevelNeighbour, f32)>, E> {
        if let Some(index) = k.checked_sub(1).filter(|index| *index < candidates.len()) {
            let by_lower = |a: &ScoreBounds, b: &ScoreBounds| b.lower.total_cmp(&a.lower);
            let (_, kth, _) = candidates.select_nth_unstable_by(index, by_lower);
            let min_upper = kth.lower;
            candidates.retain(|candidate| candidate.upper >= min_upper);
        }
        candidates.sort_unstable_by(|a, b| b.upper.total_cmp(&a.upper));
        let mut best = BinaryHeap::with_capacity(k.min(candidates.len()) + 1);
        let mut scored = Vec::new();
        for candidate in candidates {
            let kth = best.peek().map(|Reverse(TotalF32(kth))| *kth);
            if best.len() == k && kth.is_none_or(|kth| candidate.upper < kth) {
                break;
            }
            let neighbour = self.score(candidate.row)?;
            let score = score(&neighbour);
            scored.push((neighbour, score));
            best.push(Reverse(TotalF32(score)));
            if best.len() > k {
                best.pop();
            }
        }
        scored.sort_unstable_by(|(a, x), (b, y)| {
            y.total_cmp(x)
                .then_with(|| self.index.compare_ties(a.row, b.row))
        });
        scored.truncate(k);
        Ok(scored)
    }
}
