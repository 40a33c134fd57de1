//! A whole corpus, document by document.

use std::borrow::Cow;

use rayon::prelude::*;
use roaring::RoaringBitmap;

use crate::index::{Neighbour, RangeQuery};

use super::scope::{Scope, ScopePlan};
use super::{
    CorpusContext, FormulaPolicy, MIN_COSINE, MIN_EQUIVALENT_CONFIDENCE, Pair, ParallelsError,
    ShouldContinue, Thresholds,
};

/// Documents that are compared between one answer and the next.
const DOCUMENTS_PER_STEP: usize = 32;

/// From so many sources on the whole vocabulary is read at once.
const PRELOAD_IDF_FROM_SOURCES: usize = 64;

/// All pairs of a scope, in the order of source documents and their passages; those of one passage come
/// the surest first. Each pair is found once: where it would be found from both sides, from the
/// document whose id comes first.
pub struct CorpusComparison<'a> {
    context: &'a CorpusContext,
    plan: ScopePlan,
    thresholds: Thresholds,
    min_formula_documents: usize,
    all_match_units: bool,
    should_continue: ShouldContinue<'a>,
}

/// What was found from one document, or from several.
#[derive(Debug, Clone, Default)]
pub struct CorpusMatches {
    /// The pairs.
    pub pairs: Vec<Pair>,
    /// What was left out.
    pub filtered_counts: FilteredCounts,
    /// The surest pair of all, left out or not.
    pub closest: Option<Pair>,
    /// Passages that were compared with their targets.
    pub passages: usize,
}

/// Pairs that were left out, by what speaks first against their surest carrier: of those that say nearly the
/// same (cosine at least [`NEAR`] and the least score, confidence at least [`EQUIVALENT`]), or less where less
/// was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FilteredCounts {
    /// Not sure enough.
    pub low_confidence: usize,
    /// Sure enough, but near to so much else that it says little.
    pub low_margin: usize,
    /// Formulas; or what is none, where formulas are wanted only.
    pub formulas: usize,
}

/// Why a pair is not wanted.
#[derive(Debug, Clone, Copy)]
enum RejectionReason {
    LowConfidence,
    LowMargin,
    Formula,
}

impl<'a> CorpusComparison<'a> {
    /// Checks what is asked.
    ///
    /// # Errors
    ///
    /// If a value is out of range, or a field is not known.
    pub fn new(
        survey: &'a CorpusContext,
        scope: &Scope,
        thresholds: Thresholds,
    ) -> Result<Self, ParallelsError> {
        thresholds.check()?;
        let snapshot = survey.snapshot();
        Ok(Self {
            plan: ScopePlan::new(scope, snapshot.document_table())?,
            min_formula_documents: thresholds.min_formula_documents(snapshot.info().documents),
            thresholds,
            context: survey,
            all_match_units: false,
            should_continue: &|| true,
        })
    }

    /// For somebody who may go away meanwhile: it is looked for them with every passage and every pair, and
    /// what was begun ends as [`ParallelsError::Cancelled`].
    #[must_use]
    pub fn with_cancellation(self, should_continue: ShouldContinue<'a>) -> Self {
        Self {
            should_continue,
            ..self
        }
    }

    /// Gives of two passages not only the surest pair that is wanted, but one for everything that carries
    /// a wanted pair: families are made of these.
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

    /// Places of source documents, in order.
    #[must_use]
    pub fn sources(&self) -> Vec<usize> {
        self.plan.sources().collect()
    }

    /// Number of target documents.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.plan.targets().count()
    }

    /// Documents that are not compared because it is not known when they were made.
    #[must_use]
    pub fn undated(&self) -> usize {
        self.plan.undated()
    }

    /// The pairs of one document.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn compare_document(&self, place: usize) -> Result<CorpusMatches, ParallelsError> {
        let rows = self
            .context
            .snapshot()
            .document_table()
            .rows_of_document(place);
        self.compare_rows(place, rows, true)
    }

    /// The pairs of one passage, whichever side of them it is.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn compare_passage(&self, row: u32) -> Result<CorpusMatches, ParallelsError> {
        let place = self
            .context
            .snapshot()
            .document_table()
            .location_of_row(row);
        let (place, _) = place.ok_or(ParallelsError::SnapshotMismatch)?;
        self.compare_rows(place as usize, &[row], false)
    }

    fn compare_rows(
        &self,
        place: usize,
        rows: &[u32],
        skip_mirrored: bool,
    ) -> Result<CorpusMatches, ParallelsError> {
        let catalogue = self.context.snapshot().document_table();
        let mut swept = CorpusMatches {
            passages: rows.len(),
            ..CorpusMatches::default()
        };
        for row in rows {
            self.check_cancelled()?;
            let first = swept.pairs.len();
            let candidates = self.candidates(place, *row)?;
            for carriers in candidates.chunk_by(|a, b| a.target == b.target) {
                self.check_cancelled()?;
                let other = catalogue.location_of_row(carriers[0].target);
                let (other, _) = other.ok_or(ParallelsError::SnapshotMismatch)?;
                let (other, repeated) =
                    (other as usize, |other| self.plan.is_mirrored(place, other));
                if self.plan.is_compared(place, other) && !(skip_mirrored && repeated(other)) {
                    swept.update_closest(carriers[0]);
                    self.accept_candidates(carriers, &mut swept)?;
                }
            }
            swept.pairs[first..].sort_by(|a, b| {
                let surer = b.confidence.total_cmp(&a.confidence);
                surer.then_with(|| catalogue.compare_rows(a.target, b.target))
            });
        }
        Ok(swept)
    }

    /// All that may carry a wanted pair of a passage, perhaps more, that of one target together. What
    /// says nearly the same a survey knows; for less the indexes are asked again.
    fn candidates(&self, place: usize, row: u32) -> Result<Cow<'_, [Pair]>, ParallelsError> {
        let Thresholds {
            min_score,
            min_confidence,
            ..
        } = self.thresholds;
        if min_score >= MIN_COSINE && min_confidence >= MIN_EQUIVALENT_CONFIDENCE {
            return Ok(Cow::Borrowed(&self.context.neighbourhood(row)?.equivalents));
        }
        let near = self.range_search(place, &[row], min_score, 0);
        let wholes = near.iter().flatten().map(|neighbour| {
            let (target, score) = (neighbour.row, neighbour.score);
            self.context.score_whole_passages(row, target, score)
        });
        let mut pairs = wholes.collect::<Result<Vec<_>, _>>()?;
        pairs.extend(self.context.sentence_pairs_in_range(row, min_score)?);
        let catalogue = self.context.snapshot().document_table();
        pairs.sort_by(|a, b| a.by_target(b, catalogue));
        Ok(Cow::Owned(pairs))
    }

    /// Rows near to these of one document, among those with which it is compared.
    fn range_search(
        &self,
        place: usize,
        rows: &[u32],
        min_score: f32,
        min_neighbours: usize,
    ) -> Vec<Vec<Neighbour>> {
        let snapshot = self.context.snapshot();
        let catalogue = snapshot.document_table();
        let own: RoaringBitmap = catalogue.rows_of_document(place).iter().copied().collect();
        let partner_rows = self.plan.partner_rows(place, catalogue);
        let near = RangeQuery {
            min_score,
            min_neighbours,
            exact: self.context.is_exact(),
            allowed_rows: partner_rows.as_deref(),
            excluded_rows: &own,
        };
        snapshot.range_search(rows, &near)
    }

    /// The surest pair among the nearest of each passage of a document, however unsure: what can be said
    /// where nothing was found.
    fn closest_of_document(&self, place: usize) -> Result<Option<Pair>, ParallelsError> {
        self.check_cancelled()?;
        let rows = self
            .context
            .snapshot()
            .document_table()
            .rows_of_document(place);
        let mut closest = CorpusMatches::default();
        let near = self.range_search(place, rows, f32::INFINITY, 1);
        for (row, neighbours) in rows.iter().zip(near) {
            for neighbour in neighbours {
                let (target, score) = (neighbour.row, neighbour.score);
                closest.update_closest(self.context.score_whole_passages(*row, target, score)?);
            }
        }
        Ok(closest.closest)
    }

    /// Takes the surest of the carriers of one pair that is wanted, or all that are, or counts why the
    /// surest is not.
    fn accept_candidates(
        &self,
        carriers: &[Pair],
        swept: &mut CorpusMatches,
    ) -> Result<(), ParallelsError> {
        let (mut first, mut is_taken) = (None, false);
        for pair in carriers
            .iter()
            .filter(|p| p.score >= self.thresholds.min_score)
        {
            if let Some(reason) = self.rejection_reason(pair)? {
                first.get_or_insert(reason);
                continue;
            }
            swept.pairs.push(*pair);
            is_taken = true;
            if !self.all_match_units {
                break;
            }
        }
        match first.filter(|_| !is_taken) {
            Some(RejectionReason::LowConfidence) => swept.filtered_counts.low_confidence += 1,
            Some(RejectionReason::LowMargin) => swept.filtered_counts.low_margin += 1,
            Some(RejectionReason::Formula) => swept.filtered_counts.formulas += 1,
            None => {}
        }
        Ok(())
    }

    /// Why a pair is not wanted, if it is not.
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

    /// Goes through source documents and shows what is found of each, in order, until `show` says no:
    /// whether it came to the end. `compute` runs what takes long, on the threads that it likes.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or `show` fails.
    pub fn run(
        &self,
        sources: &[usize],
        compute: impl Fn(ComparisonStep<'_>) -> Result<Vec<CorpusMatches>, ParallelsError>,
        mut show: impl FnMut(usize, CorpusMatches) -> Result<bool, ParallelsError>,
    ) -> Result<bool, ParallelsError> {
        if sources.len() >= PRELOAD_IDF_FROM_SOURCES {
            self.context.preload_idf()?;
        }
        for step in sources.chunks(DOCUMENTS_PER_STEP) {
            let work = || {
                let swept = step.par_iter().map(|place| self.compare_document(*place));
                swept.collect::<Result<Vec<_>, _>>()
            };
            for (place, swept) in step.iter().zip(compute(&work)?) {
                if !show(*place, swept)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// All pairs of all source documents at once, on the threads of the current pool.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn compare_all(&self) -> Result<CorpusMatches, ParallelsError> {
        let mut all = CorpusMatches::default();
        self.run(
            &self.sources(),
            |work| work(),
            |_, swept| {
                all.merge(swept);
                Ok(true)
            },
        )?;
        Ok(all)
    }

    /// The surest pair of these documents, however unsure, on the threads of the current pool.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn closest_among(&self, sources: &[usize]) -> Result<Option<Pair>, ParallelsError> {
        let closest = sources
            .par_iter()
            .map(|place| self.closest_of_document(*place));
        let closest: Vec<Option<Pair>> = closest.collect::<Result<_, _>>()?;
        let mut best = CorpusMatches::default();
        for pair in closest.into_iter().flatten() {
            best.update_closest(pair);
        }
        Ok(best.closest)
    }
}

/// What takes long of a step through a corpus.
pub type ComparisonStep<'a> = &'a (dyn Fn() -> Result<Vec<CorpusMatches>, ParallelsError> + Sync);

impl CorpusMatches {
    /// Adds what was found from another document.
    pub fn merge(&mut self, other: Self) {
        self.pairs.extend(other.pairs);
        self.add_counts(&other.filtered_counts, other.passages, other.closest);
    }

    /// Adds what another document gave but its pairs.
    pub fn add_counts(
        &mut self,
        left_out: &FilteredCounts,
        passages: usize,
        closest: Option<Pair>,
    ) {
        self.filtered_counts.low_confidence += left_out.low_confidence;
        self.filtered_counts.low_margin += left_out.low_margin;
        self.filtered_counts.formulas += left_out.formulas;
        self.passages += passages;
        if let Some(closest) = closest {
            self.update_closest(closest);
        }
    }

    /// Remembers the surest pair, of equals the first.
    fn update_closest(&mut self, pair: Pair) {
        let surer = self
            .closest
            .is_none_or(|best| pair.confidence > best.confidence);
        if surer {
            self.closest = Some(pair);
        }
    }
}
