//! Search by row and best sentence: the score of a row is the mean of its own cosine and that of its
//! sentence nearest to the query.
//!
//! Candidates are the `ef` rows nearest by their own cosine, from the graph. A row outside of them can
//! only be among the best if one of its sentences is much nearer to the query than the row is, so the
//! candidates suffice if the scores of the best are far above the cosine of the last candidate
//! ([`graph_suffices`]). Otherwise, as for most single words, all rows and sentences are compared.
//!
//! Both levels are compared by their codes. As in [`candidates`](super::candidates), the error of each
//! score is bounded, and only rows that may be among the best are scored exactly
//! ([`TwoLevelCandidates::rescore`]). Their sentences are in the store, so the caller reads them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::ops::Range;

use rayon::prelude::*;

use super::candidates::{BoundedCandidate, CandidateCollector, TotalF32};
use super::kernels::{SimdLevel, prefetch};
use super::scalar_quantization::{QuantizedQuery, ScalarQuantizer};
use super::scan::{BLOCK_ROWS, dot_products_prefetched};
use super::segment::{RowSet, Segment, SegmentParams};
use super::{IndexError, KnnParams, SearchStats, SegmentedIndex};

/// Rows per task of an exhaustive search, with about four times as many sentences.
const TASK_ROWS: usize = 4096;

/// The rank whose score decides whether the candidates of the graph suffice. Not that of the page, so
/// that all pages have the same candidates.
const DECISIVE_RANK: usize = 10;

/// Candidates ahead of which the sentences of a row are prefetched.
const PREFETCH_DISTANCE: usize = 4;

/// Whether the candidates of a graph search contain nearly always the best ten rows, by the score of the
/// tenth and the lowest cosine of a candidate. Both constants were fitted on questions, words, pairs of
/// words and sentences over the General Debate; docs/decisions/0010 has the figures.
fn graph_suffices(tenth_score: f32, lowest_cosine: f32) -> bool {
    1.4 * tenth_score - lowest_cosine >= 0.32
}

/// A row with its exact score and what it consists of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoLevelNeighbour {
    /// The row.
    pub row: u32,
    /// The mean of both, or the row's own if it has no sentences.
    pub score: f32,
    /// Cosine of query and row.
    pub row_score: f32,
    /// The sentence nearest to the query; the first of several.
    pub sentence: Option<SentenceScore>,
}

/// A sentence of a row and its cosine with the query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SentenceScore {
    /// Its position among the row's sentences, from 0.
    pub index: usize,
    /// Cosine of query and sentence.
    pub score: f32,
}

/// Combines the cosines of a row and of its best sentence.
fn combine(row: f32, sentence: Option<f32>) -> f32 {
    sentence.map_or(row, |sentence| 0.5 * (row + sentence))
}

/// The bounds of the score of a row, known from codes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreBounds {
    /// The row.
    pub row: u32,
    /// The exact score is not below it.
    pub lower: f32,
    /// The exact score is not above it.
    pub upper: f32,
}

impl ScoreBounds {
    /// Returns the score of the codes, which is far nearer to the exact score than the bounds.
    #[must_use]
    pub fn middle(&self) -> f32 {
        f32::midpoint(self.lower, self.upper)
    }
}

/// Rows that may be among the best, before exact scoring.
#[derive(Debug, Clone)]
pub struct TwoLevelCandidates {
    /// The rows, highest upper bound first.
    pub rows: Vec<ScoreBounds>,
    /// Whether all rows were compared.
    pub exhaustive: bool,
    /// The work done.
    pub stats: SearchStats,
}

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

impl SegmentedIndex {
    /// Finds the rows that may be among the `k` best by row and best sentence. With an explicit
    /// [`KnnParams::ef`] the graph is searched with this width, and all rows are compared only where the
    /// graph is no faster; with [`KnnParams::exact`] they always are.
    ///
    /// # Errors
    ///
    /// As [`VectorIndex::search`].
    pub fn search_two_level(
        &self,
        query: &[f32],
        params: &KnnParams<'_>,
    ) -> Result<TwoLevelCandidates, IndexError> {
        let ef = self.check_search(query, params)?;
        let rows = RowSet::new(params.allowed_rows, self.tombstones());
        let quantized = QuantizedQuery::new(query, ScalarQuantizer::new(self.dimension()));
        let mut stats = SearchStats::default();
        if !params.exact && self.has_graph() {
            let width = ef.max(params.k).min(self.live_row_count());
            let segment_params = SegmentParams {
                k: width,
                ef: width,
                exact: false,
                rows: &rows,
            };
            let mut collector = CandidateCollector::new(width);
            for (first, segment) in self.segments_with_offsets() {
                collector =
                    segment.search(first, &quantized, &segment_params, collector, &mut stats);
            }
            let used_graph = stats.nodes_visited > 0;
            if used_graph {
                let nearest = collector.into_candidates();
                let bounds = self.score_candidates(&quantized, &nearest, &mut stats);
                let lowest = nearest.iter().map(BoundedCandidate::middle);
                let lowest = lowest.fold(f32::INFINITY, f32::min);
                if params.ef.is_some()
                    || decisive_score(&bounds).is_some_and(|score| graph_suffices(score, lowest))
                {
                    return Ok(TwoLevelCandidates {
                        rows: bounds,
                        exhaustive: false,
                        stats,
                    });
                }
            }
        }
        let mut collector = CandidateCollector::new(params.k.min(self.live_row_count()));
        for (first, segment) in self.segments_with_offsets() {
            collector = segment.scan_two_level(first, &quantized, &rows, collector, &mut stats);
        }
        let bounds = |candidate: BoundedCandidate| ScoreBounds {
            row: candidate.row,
            lower: candidate.lower,
            upper: candidate.upper,
        };
        Ok(TwoLevelCandidates {
            rows: collector.into_candidates().into_iter().map(bounds).collect(),
            exhaustive: true,
            stats,
        })
    }

    /// Returns the bounds of the scores of these rows.
    ///
    /// # Errors
    ///
    /// If the query has another dimension or a component that is not finite.
    pub fn two_level_bounds(
        &self,
        query: &[f32],
        rows: &[u32],
    ) -> Result<Vec<ScoreBounds>, IndexError> {
        self.check_search(query, &KnnParams::default())?;
        let quantized = QuantizedQuery::new(query, ScalarQuantizer::new(self.dimension()));
        let rows: Vec<BoundedCandidate> = rows
            .iter()
            .map(|row| {
                let (codes, error) = self.row_codes(*row);
                let mut product = [0];
                quantized.dot_products_from(codes, 0, &mut product);
                BoundedCandidate::new(*row, quantized.score(product[0]), quantized.error_bound(error))
            })
            .collect();
        Ok(self.score_candidates(&quantized, &rows, &mut SearchStats::default()))
    }

    /// Computes the bounds of the scores of rows whose own cosines are known.
    fn score_candidates(
        &self,
        query: &QuantizedQuery,
        candidates: &[BoundedCandidate],
        stats: &mut SearchStats,
    ) -> Vec<ScoreBounds> {
        let located = |candidate: &BoundedCandidate| self.locate(candidate.row);
        let mut products = Vec::new();
        candidates
            .iter()
            .enumerate()
            .map(|(position, candidate)| {
                if let Some(ahead) = candidates.get(position + PREFETCH_DISTANCE) {
                    let (segment, row) = located(ahead);
                    prefetch(segment.sentences.parts_of_row(row as usize).0);
                }
                let (segment, row) = located(candidate);
                let sentences = segment.sentences.of_row(row as usize);
                products.resize(sentences.len(), 0);
                let lines = segment.sentences.codes.code_lines();
                query.dot_products_from(lines, sentences.start, &mut products);
                stats.distance_computations += products.len();
                let best = best_sentence(query, segment, sentences, &products);
                combine_bounds(candidate, best)
            })
            .collect()
    }
}

/// Returns the score at the decisive rank; `None` if there are fewer rows.
fn decisive_score(bounds: &[ScoreBounds]) -> Option<f32> {
    let mut scores: Vec<f32> = bounds.iter().map(ScoreBounds::middle).collect();
    let index = DECISIVE_RANK - 1;
    (index < scores.len()).then(|| {
        let (_, score, _) = scores.select_nth_unstable_by(index, |a, b| b.total_cmp(a));
        *score
    })
}

/// Returns the bounds of the cosine of the best sentence, given the dot products of all; `None` without
/// sentences.
fn best_sentence(
    query: &QuantizedQuery,
    segment: &Segment,
    sentences: Range<usize>,
    products: &[i32],
) -> Option<(f32, f32)> {
    let errors = &segment.sentences.codes.quantization_errors()[sentences];
    products
        .iter()
        .zip(errors)
        .map(|(product, error)| {
            let (score, bound) = (query.score(*product), query.error_bound(*error));
            (score - bound, score + bound)
        })
        .reduce(|a, b| (a.0.max(b.0), a.1.max(b.1)))
}

fn combine_bounds(row: &BoundedCandidate, sentence: Option<(f32, f32)>) -> ScoreBounds {
    ScoreBounds {
        row: row.row,
        lower: combine(row.lower, sentence.map(|(lower, _)| lower)),
        upper: combine(row.upper, sentence.map(|(_, upper)| upper)),
    }
}

impl Segment {
    /// Pushes all rows of the set into the collector by the bounds of their two-level scores.
    fn scan_two_level(
        &self,
        first: u32,
        query: &QuantizedQuery,
        rows: &RowSet<'_>,
        collector: CandidateCollector,
        stats: &mut SearchStats,
    ) -> CandidateCollector {
        let k = collector.k();
        let tasks: Vec<Range<usize>> = (0..self.len())
            .step_by(TASK_ROWS)
            .map(|start| start..self.len().min(start + TASK_ROWS))
            .collect();
        let scan = |task: Range<usize>| {
            let mut partial = CandidateCollector::new(k);
            let count = self.scan_two_level_range(first, query, rows, task, &mut partial);
            (partial, count)
        };
        let merge = |(a, m): (CandidateCollector, usize), (b, n)| (a.merge(b), m + n);
        let (found, count) = if tasks.len() <= 1 || rayon::current_num_threads() == 1 {
            let empty = (CandidateCollector::new(k), 0);
            tasks.into_iter().map(scan).fold(empty, merge)
        } else {
            let tasks = tasks.into_par_iter().map(scan);
            tasks.reduce(|| (CandidateCollector::new(k), 0), merge)
        };
        stats.distance_computations += count;
        collector.merge(found)
    }

    /// Returns the number of dot products.
    fn scan_two_level_range(
        &self,
        first: u32,
        query: &QuantizedQuery,
        rows: &RowSet<'_>,
        range: Range<usize>,
        collector: &mut CandidateCollector,
    ) -> usize {
        let mut products = [0; BLOCK_ROWS];
        let (mut sentence_products, mut count) = (Vec::new(), 0);
        for start in range.clone().step_by(BLOCK_ROWS) {
            let block = start..range.end.min(start + BLOCK_ROWS);
            #[allow(clippy::cast_possible_truncation)] // rows are counted in 32 bits
            let row_id = |row: usize| first + row as u32;
            let allowed = rows.count_in(row_id(block.start)..row_id(block.end));
            if allowed == 0 {
                continue;
            }
            let products = &mut products[..block.len()];
            dot_products_prefetched(&self.codes, query, block.start, products);
            let sentences = self.sentences.of_rows(block.clone());
            // Sentences of a block are contiguous; where few rows are allowed, only theirs are compared.
            let compare_all = 2 * allowed > block.len();
            sentence_products.resize(sentences.len(), 0);
            if compare_all {
                let codes = &self.sentences.codes;
                dot_products_prefetched(codes, query, sentences.start, &mut sentence_products);
                count += sentences.len();
            }
            count += block.len();
            for (row, product) in block.clone().zip(&*products) {
                if !rows.contains(row_id(row)) {
                    continue;
                }
                let own = self.sentences.of_row(row);
                let in_block = own.start - sentences.start..own.end - sentences.start;
                let own_products = &mut sentence_products[in_block];
                if !compare_all {
                    let lines = self.sentences.codes.code_lines();
                    query.dot_products_from(lines, own.start, own_products);
                    count += own.len();
                }
                let bound = query.error_bound(self.codes.quantization_errors()[row]);
                let candidate = BoundedCandidate::new(row_id(row), query.score(*product), bound);
                let best = best_sentence(query, self, own, own_products);
                let bounds = combine_bounds(&candidate, best);
                collector.push_bounds(bounds.row, bounds.lower, bounds.upper);
            }
            if !collector.has_threshold() {
                collector.prune();
            }
        }
        count
    }
}
