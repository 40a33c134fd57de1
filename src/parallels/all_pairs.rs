//! The comparison of a corpus, document by document.

use std::borrow::Cow;

use rayon::prelude::*;
use roaring::RoaringBitmap;

use crate::index::{Neighbour, RangeQuery};

use super::corpus_context::CorpusContext;
use super::error::{ParallelsError, ShouldContinue};
use super::neighbourhood::{MIN_COSINE, MIN_EQUIVALENT_CONFIDENCE};
use super::pair::Pair;
use super::scope::{Scope, ScopePlan};
use super::thresholds::{FormulaPolicy, Thresholds};

/// Documents per step; the results of a step are passed on before the next one starts.
const DOCUMENTS_PER_STEP: usize = 32;

/// Number of sources from which the whole vocabulary is read at once.
const PRELOAD_IDF_FROM_SOURCES: usize = 64;

/// All pairs of a scope, in the order of source documents and their passages; those of one passage by
/// descending confidence. Each pair is found once: if it would be found from both sides, from the
/// document whose id comes first.
pub struct CorpusComparison<'a> {
    context: &'a CorpusContext,
    plan: ScopePlan,
    thresholds: Thresholds,
    min_formula_documents: usize,
    all_match_units: bool,
    should_continue: ShouldContinue<'a>,
}

/// The result for one or several documents.
#[derive(Debug, Clone, Default)]
pub struct CorpusMatches {
    /// The accepted pairs.
    pub pairs: Vec<Pair>,
    /// Numbers of rejected pairs.
    pub filtered_counts: FilteredCounts,
    /// The pair with the highest confidence, accepted or not.
    pub closest: Option<Pair>,
    /// Number of compared passages.
    pub passages: usize,
}

/// Numbers of rejected pairs, by the first reason that applies to the best match of each. Only
/// near-equivalents are counted (cosine at least [`MIN_COSINE`] and the minimum score, confidence at
/// least [`MIN_EQUIVALENT_CONFIDENCE`]), or weaker pairs if the thresholds admit them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FilteredCounts {
    /// Below the minimum confidence.
    pub low_confidence: usize,
    /// Below the minimum margin.
    pub low_margin: usize,
    /// Formulas; non-formulas if only formulas are requested.
    pub formulas: usize,
}

/// The reason why a pair is rejected.
#[derive(Debug, Clone, Copy)]
enum RejectionReason {
    LowConfidence,
    LowMargin,
    Formula,
}

impl<'a> CorpusComparison<'a> {
    /// Creates a comparison after checking its parameters.
    ///
    /// # Errors
    ///
    /// If a value is out of range, or a field does not exist.
    pub fn new(
        context: &'a CorpusContext,
        scope: &Scope,
        thresholds: Thresholds,
    ) -> Result<Self, ParallelsError> {
        thresholds.check()?;
        let snapshot = context.snapshot();
        Ok(Self {
            plan: ScopePlan::new(scope, snapshot.document_table())?,
            min_formula_documents: thresholds.min_formula_documents(snapshot.info().documents),
            thresholds,
            context,
            all_match_units: false,
            should_continue: &|| true,
        })
    }

    /// Checks for cancellation with every passage and every pair; a cancelled comparison fails with
    /// [`ParallelsError::Cancelled`].
    #[must_use]
    pub fn with_cancellation(self, should_continue: ShouldContinue<'a>) -> Self {
        Self {
            should_continue,
            ..self
        }
    }

    /// Returns every accepted match of two passages instead of the best one only, as families need them.
    #[must_use]
    pub fn with_all_match_units(self) -> Self {
        Self {
            all_match_units: true,
            ..self
        }
    }

    fn check_cancelled(&self) -> Result<(), ParallelsError> {
        if (self.should_continue)() {
            Ok(())
        } else {
            Err(ParallelsError::Cancelled)
        }
    }

    /// Returns the indices of the source documents, in order.
    #[must_use]
    pub fn sources(&self) -> Vec<usize> {
        self.plan.sources().collect()
    }

    /// Returns the number of target documents.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.plan.targets().count()
    }

    /// Returns the number of documents that are excluded because they have no date.
    #[must_use]
    pub fn undated(&self) -> usize {
        self.plan.undated()
    }

    /// Returns the pairs of one document, given by its index.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn compare_document(&self, document: usize) -> Result<CorpusMatches, ParallelsError> {
        let rows = self
            .context
            .snapshot()
            .document_table()
            .rows_of_document(document);
        self.compare_rows(document, rows, true)
    }

    /// Returns the pairs of one passage, whichever side of them it is.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn compare_passage(&self, row: u32) -> Result<CorpusMatches, ParallelsError> {
        let location = self
            .context
            .snapshot()
            .document_table()
            .location_of_row(row);
        let (document, _) = location.ok_or(ParallelsError::SnapshotMismatch)?;
        self.compare_rows(document as usize, &[row], false)
    }

    fn compare_rows(
        &self,
        document: usize,
        rows: &[u32],
        skip_mirrored: bool,
    ) -> Result<CorpusMatches, ParallelsError> {
        let table = self.context.snapshot().document_table();
        let mut matches = CorpusMatches {
            passages: rows.len(),
            ..CorpusMatches::default()
        };
        for row in rows {
            self.check_cancelled()?;
            let first = matches.pairs.len();
            let candidates = self.candidates(document, *row)?;
            for alternatives in candidates.chunk_by(|a, b| a.target == b.target) {
                self.check_cancelled()?;
                let location = table.location_of_row(alternatives[0].target);
                let (other, _) = location.ok_or(ParallelsError::SnapshotMismatch)?;
                let other = other as usize;
                let is_skipped = skip_mirrored && self.plan.is_mirrored(document, other);
                if self.plan.is_compared(document, other) && !is_skipped {
                    matches.update_closest(alternatives[0]);
                    self.accept_candidates(alternatives, &mut matches)?;
                }
            }
            matches.pairs[first..].sort_by(|a, b| {
                let confidence = b.confidence.total_cmp(&a.confidence);
                confidence.then_with(|| table.compare_rows(a.target, b.target))
            });
        }
        Ok(matches)
    }

    /// Returns the candidate matches of a passage, those of one target next to each other.
    /// Near-equivalents are known to the context; for weaker pairs the indexes are searched again.
    fn candidates(&self, document: usize, row: u32) -> Result<Cow<'_, [Pair]>, ParallelsError> {
        let Thresholds {
            min_score,
            min_confidence,
            ..
        } = self.thresholds;
        if min_score >= MIN_COSINE && min_confidence >= MIN_EQUIVALENT_CONFIDENCE {
            return Ok(Cow::Borrowed(&self.context.neighbourhood(row)?.equivalents));
        }
        let neighbours = self.range_search(document, &[row], min_score, 0);
        let wholes = neighbours.iter().flatten().map(|neighbour| {
            let (target, score) = (neighbour.row, neighbour.score);
            self.context.score_whole_passages(row, target, score)
        });
        let mut pairs = wholes.collect::<Result<Vec<_>, _>>()?;
        pairs.extend(self.context.sentence_pairs_in_range(row, min_score)?);
        let table = self.context.snapshot().document_table();
        pairs.sort_by(|a, b| a.by_target(b, table));
        Ok(Cow::Owned(pairs))
    }

    /// Returns the neighbours of rows of one document among those it is compared with.
    fn range_search(
        &self,
        document: usize,
        rows: &[u32],
        min_score: f32,
        min_neighbours: usize,
    ) -> Vec<Vec<Neighbour>> {
        let snapshot = self.context.snapshot();
        let table = snapshot.document_table();
        let own: RoaringBitmap = table.rows_of_document(document).iter().copied().collect();
        let partner_rows = self.plan.partner_rows(document, table);
        let query = RangeQuery {
            min_score,
            min_neighbours,
            exact: self.context.is_exact(),
            allowed_rows: partner_rows.as_deref(),
            excluded_rows: &own,
        };
        snapshot.range_search(rows, &query)
    }

    /// Returns the pair with the highest confidence among the nearest neighbours of a document's
    /// passages, however low: the answer if nothing was found.
    fn closest_of_document(&self, document: usize) -> Result<Option<Pair>, ParallelsError> {
        self.check_cancelled()?;
        let rows = self
            .context
            .snapshot()
            .document_table()
            .rows_of_document(document);
        let mut closest = CorpusMatches::default();
        let neighbours = self.range_search(document, rows, f32::INFINITY, 1);
        for (row, neighbours) in rows.iter().zip(neighbours) {
            for neighbour in neighbours {
                let (target, score) = (neighbour.row, neighbour.score);
                closest.update_closest(self.context.score_whole_passages(*row, target, score)?);
            }
        }
        Ok(closest.closest)
    }

    /// Accepts the best match of one pair of passages that passes the thresholds, or all that do, or
    /// counts why the best one is rejected.
    fn accept_candidates(
        &self,
        alternatives: &[Pair],
        matches: &mut CorpusMatches,
    ) -> Result<(), ParallelsError> {
        let (mut first_reason, mut is_accepted) = (None, false);
        for pair in alternatives
            .iter()
            .filter(|p| p.score >= self.thresholds.min_score)
        {
            if let Some(reason) = self.rejection_reason(pair)? {
                first_reason.get_or_insert(reason);
                continue;
            }
            matches.pairs.push(*pair);
            is_accepted = true;
            if !self.all_match_units {
                break;
            }
        }
        match first_reason.filter(|_| !is_accepted) {
            Some(RejectionReason::LowConfidence) => matches.filtered_counts.low_confidence += 1,
            Some(RejectionReason::LowMargin) => matches.filtered_counts.low_margin += 1,
            Some(RejectionReason::Formula) => matches.filtered_counts.formulas += 1,
            None => {}
        }
        Ok(())
    }

    /// Returns why a pair is rejected, or `None` if it is accepted.
    fn rejection_reason(&self, pair: &Pair) -> Result<Option<RejectionReason>, ParallelsError> {
        let Thresholds {
            min_confidence,
            min_margin,
            formulas,
            ..
        } = self.thresholds;
        if pair.confidence < min_confidence {
            return Ok(Some(RejectionReason::LowConfidence));
        }
        if min_margin > 0.0 && self.context.margin(pair)?.is_some_and(|m| m < min_margin) {
            return Ok(Some(RejectionReason::LowMargin));
        }
        let formula_required = match formulas {
            FormulaPolicy::Include => return Ok(None),
            FormulaPolicy::Exclude => false,
            FormulaPolicy::Only => true,
        };
        let formula = self.context.document_prevalence(pair)? >= self.min_formula_documents;
        Ok((formula != formula_required).then_some(RejectionReason::Formula))
    }

    /// Compares source documents in order and passes each result to `on_document` until that returns
    /// `false`; returns whether it reached the end. `compute` runs the expensive part of a step, on
    /// threads of the caller's choice.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or `on_document` fails.
    pub fn run(
        &self,
        sources: &[usize],
        compute: impl Fn(ComparisonStep<'_>) -> Result<Vec<CorpusMatches>, ParallelsError>,
        mut on_document: impl FnMut(usize, CorpusMatches) -> Result<bool, ParallelsError>,
    ) -> Result<bool, ParallelsError> {
        if sources.len() >= PRELOAD_IDF_FROM_SOURCES {
            self.context.preload_idf()?;
        }
        for step in sources.chunks(DOCUMENTS_PER_STEP) {
            let work = || {
                let matches = step
                    .par_iter()
                    .map(|document| self.compare_document(*document));
                matches.collect::<Result<Vec<_>, _>>()
            };
            for (document, matches) in step.iter().zip(compute(&work)?) {
                if !on_document(*document, matches)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Returns all pairs of all source documents, using the current thread pool.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or the comparison is cancelled.
    pub fn compare_all(
        &self,
        observer: &dyn CorpusObserver,
    ) -> Result<CorpusMatches, ParallelsError> {
        let (mut all, mut done) = (CorpusMatches::default(), 0);
        let sources = self.sources();
        self.run(
            &sources,
            |step| step(),
            |_, matches| {
                all.merge(matches);
                done += 1;
                observer.progress(CorpusProgress {
                    done,
                    sources: sources.len(),
                    pairs: all.pairs.len(),
                });
                Ok(true)
            },
        )?;
        Ok(all)
    }

    /// Returns the pair of these documents with the highest confidence, however low, using the current
    /// thread pool.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn closest_among(&self, sources: &[usize]) -> Result<Option<Pair>, ParallelsError> {
        let closest = sources
            .par_iter()
            .map(|document| self.closest_of_document(*document));
        let closest: Vec<Option<Pair>> = closest.collect::<Result<_, _>>()?;
        let mut best = CorpusMatches::default();
        for pair in closest.into_iter().flatten() {
            best.update_closest(pair);
        }
        Ok(best.closest)
    }
}

/// Observes the comparison of a corpus.
pub trait CorpusObserver: Sync {
    /// Called after each document.
    fn progress(&self, progress: CorpusProgress);

    /// Returns whether the result is still wanted.
    fn should_continue(&self) -> bool;
}

/// Observes nothing and never ends the comparison.
#[derive(Debug, Clone, Copy)]
pub struct NoCorpusObserver;

impl CorpusObserver for NoCorpusObserver {
    fn progress(&self, _: CorpusProgress) {}

    fn should_continue(&self) -> bool {
        true
    }
}

/// Progress of the comparison of a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CorpusProgress {
    /// Number of source documents that are done.
    pub done: usize,
    /// Number of all source documents.
    pub sources: usize,
    /// Number of pairs found so far.
    pub pairs: usize,
}

/// The expensive part of a step of [`CorpusComparison::run`].
pub type ComparisonStep<'a> = &'a (dyn Fn() -> Result<Vec<CorpusMatches>, ParallelsError> + Sync);

impl CorpusMatches {
    /// Adds the result of another document.
    pub fn merge(&mut self, other: Self) {
        self.pairs.extend(other.pairs);
        self.add_counts(&other.filtered_counts, other.passages, other.closest);
    }

    /// Adds the result of another document except for its pairs.
    pub fn add_counts(&mut self, counts: &FilteredCounts, passages: usize, closest: Option<Pair>) {
        self.filtered_counts.low_confidence += counts.low_confidence;
        self.filtered_counts.low_margin += counts.low_margin;
        self.filtered_counts.formulas += counts.formulas;
        self.passages += passages;
        if let Some(closest) = closest {
            self.update_closest(closest);
        }
    }

    /// Keeps the pair with the highest confidence, of equals the first.
    fn update_closest(&mut self, pair: Pair) {
        let is_closer = self
            .closest
            .is_none_or(|best| pair.confidence > best.confidence);
        if is_closer {
            self.closest = Some(pair);
        }
    }
}
