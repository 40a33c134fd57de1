//! Search by row and best sentence: the score of a row is the mean of its own cosine and that of its
//! sentence nearest to the query.
//!
//! Candidates are the `ef` rows nearest by their own cosine, from the graph. A row outside of them can
//! only be among the best if one of its sentences is much nearer to the query than the row is, so the
//! candidates suffice if the scores of the best are far above the cosine of the last candidate
//! ([`graph_suffices`]). Otherwise, as for most single words, all rows are compared, and the sentences of
//! those rows that are near enough to the query, or far enough from their own sentences
//! ([`Plausibility`]). An exact search compares all sentences.
//!
//! Both levels are compared by their codes. As in [`candidates`](super::candidates), the error of each
//! score is bounded, and only rows that may be among the best are scored exactly
//! ([`ExactScorer`]). Their sentences are in the store, so the caller reads them.

mod exact_scorer;
mod scan;

use std::ops::Range;

use super::candidates::{BoundedCandidate, CandidateCollector};
use super::scalar_quantization::{QuantizedQuery, ScalarQuantizer};
use super::segment::{RowSet, Segment, SegmentParams};
use super::{IndexError, KnnParams, SearchStats, SegmentedIndex};

pub use exact_scorer::ExactScorer;

use antiphon_kernels::dot::prefetch;
use scan::TwoLevelScan;

/// The rank whose score decides whether the candidates of the graph suffice. Not that of the page, so
/// that all pages have the same candidates.
const DECISIVE_RANK: usize = 10;

/// Candidates ahead of which the sentences of a row are prefetched.
const PREFETCH_DISTANCE: usize = 4;

/// Whether the candidates of a graph search contain nearly always the best ten rows, by the score of the
/// tenth and the lowest cosine of a candidate. Both constants were fitted on questions, words, pairs of
/// words and sentences over the General Debate; docs/decisions/0012 has the figures.
fn graph_suffices(tenth_score: f32, lowest_cosine: f32) -> bool {
    1.4 * tenth_score - lowest_cosine >= 0.36
}

/// Decides whose sentences are compared: those of rows that could have at least a score.
///
/// For a query `q`, a row `r` and its sentence `s`, `q·s - q·r = q·(s - r)`. That is at most the distance
/// of `s` from `r`, but in 384 dimensions a query is nearly orthogonal to such a difference, and `q·(s - r)`
/// is nearly always below [`MAX_GAIN`](Self::MAX_GAIN) times it.
#[derive(Clone, Copy)]
struct Plausibility {
    min_score: f32,
}

impl Plausibility {
    /// Fitted like the constants of [`graph_suffices`].
    const MAX_GAIN: f32 = 0.4;

    /// Whether a row with this cosine may have the score, given the distance of its farthest sentence.
    fn allows(self, cosine: f32, spread: f32) -> bool {
        2.0 * (self.min_score - cosine) <= Self::MAX_GAIN * spread
    }
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
    /// Whether all rows and sentences were compared.
    pub exhaustive: bool,
    /// The work done.
    pub stats: SearchStats,
}

impl SegmentedIndex {
    /// Finds the rows that may be among the `k` best by row and best sentence. With an explicit
    /// [`KnnParams::ef`] the graph is searched with this width, and all rows are compared only where the
    /// graph is no faster; with [`KnnParams::exact`] they always are.
    ///
    /// # Errors
    ///
    /// As [`crate::index::VectorIndex::search`].
    pub fn search_two_level(
        &self,
        query: &[f32],
        params: &KnnParams<'_>,
    ) -> Result<TwoLevelCandidates, IndexError> {
        let ef = self.check_search(query, params)?;
        let rows = RowSet::new(params.allowed_rows, self.tombstones());
        let quantized = QuantizedQuery::new(query, ScalarQuantizer::new(self.dimension()));
        let mut stats = SearchStats::default();
        let mut plausibility = None;
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
                let decisive = decisive_score(&bounds);
                plausibility = decisive.map(|min_score| Plausibility { min_score });
                if params.ef.is_some()
                    || decisive.is_some_and(|score| graph_suffices(score, lowest))
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
            let scan = TwoLevelScan {
                segment,
                first,
                query: &quantized,
                rows: &rows,
                plausibility,
            };
            collector = scan.run(collector, &mut stats);
        }
        let bounds = |candidate: BoundedCandidate| ScoreBounds {
            row: candidate.row,
            lower: candidate.lower,
            upper: candidate.upper,
        };
        Ok(TwoLevelCandidates {
            rows: collector
                .into_candidates()
                .into_iter()
                .map(bounds)
                .collect(),
            exhaustive: plausibility.is_none(),
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
                BoundedCandidate::new(
                    *row,
                    quantized.score(product[0]),
                    quantized.error_bound(error),
                )
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
