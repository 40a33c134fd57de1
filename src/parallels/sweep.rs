//! A whole corpus, document by document.

use std::borrow::Cow;

use rayon::prelude::*;
use roaring::RoaringBitmap;

use crate::index::{Near, Neighbour};

use super::scope::{Plan, Scope};
use super::{EQUIVALENT, Formulas, IsAwaited, NEAR, Pair, ParallelsError, Survey, Thresholds};

/// Documents that are compared between one answer and the next.
const STEP: usize = 32;

/// From so many sources on the whole vocabulary is read at once.
const MANY: usize = 64;

/// All pairs of a scope, in the order of source documents and their passages; those of one passage come
/// the surest first. Each pair is found once: where it would be found from both sides, from the
/// document whose id comes first.
pub struct Sweep<'a> {
    survey: &'a Survey,
    plan: Plan,
    thresholds: Thresholds,
    formula_from: usize,
    every_carrier: bool,
    is_awaited: IsAwaited<'a>,
}

/// What was found from one document, or from several.
#[derive(Debug, Clone, Default)]
pub struct Swept {
    /// The pairs.
    pub pairs: Vec<Pair>,
    /// What was left out.
    pub left_out: LeftOut,
    /// The surest pair of all, left out or not.
    pub closest: Option<Pair>,
    /// Passages that were compared with their targets.
    pub passages: usize,
}

/// Pairs that were left out, by what speaks first against their surest carrier: of those that say nearly the
/// same (cosine at least [`NEAR`] and the least score, confidence at least [`EQUIVALENT`]), or less where less
/// was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Not sure enough.
    pub unsure: usize,
    /// Sure enough, but near to so much else that it says little.
    pub hubs: usize,
    /// Formulas; or what is none, where formulas are wanted only.
    pub formulas: usize,
}

/// Why a pair is not wanted.
#[derive(Debug, Clone, Copy)]
enum Unwanted {
    Unsure,
    Hub,
    Formula,
}

impl<'a> Sweep<'a> {
    /// Checks what is asked.
    ///
    /// # Errors
    ///
    /// If a value is out of range, or a field is not known.
    pub fn new(
        survey: &'a Survey,
        scope: &Scope,
        thresholds: Thresholds,
    ) -> Result<Self, ParallelsError> {
        thresholds.check()?;
        let snapshot = survey.snapshot();
        Ok(Self {
            plan: Plan::new(scope, snapshot.catalogue())?,
            formula_from: thresholds.formula_from(snapshot.facts().documents),
            thresholds,
            survey,
            every_carrier: false,
            is_awaited: &|| true,
        })
    }

    /// For somebody who may go away meanwhile: it is looked for them with every passage and every pair, and
    /// what was begun ends as [`ParallelsError::Cancelled`].
    #[must_use]
    pub fn while_awaited(self, is_awaited: IsAwaited<'a>) -> Self {
        Self { is_awaited, ..self }
    }

    /// Gives of two passages not only the surest pair that is wanted, but one for everything that carries
    /// a wanted pair: families are made of these.
    #[must_use]
    pub fn with_every_carrier(self) -> Self {
        Self {
            every_carrier: true,
            ..self
        }
    }

    fn go_on(&self) -> Result<(), ParallelsError> {
        if (self.is_awaited)() {
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
    pub fn of_document(&self, place: usize) -> Result<Swept, ParallelsError> {
        let rows = self.survey.snapshot().catalogue().rows_in(place);
        self.of_rows(place, rows, true)
    }

    /// The pairs of one passage, whichever side of them it is.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn of_passage(&self, row: u32) -> Result<Swept, ParallelsError> {
        let place = self.survey.snapshot().catalogue().place_of_row(row);
        let (place, _) = place.ok_or(ParallelsError::OtherSnapshot)?;
        self.of_rows(place as usize, &[row], false)
    }

    fn of_rows(&self, place: usize, rows: &[u32], once: bool) -> Result<Swept, ParallelsError> {
        let catalogue = self.survey.snapshot().catalogue();
        let mut swept = Swept {
            passages: rows.len(),
            ..Swept::default()
        };
        for row in rows {
            self.go_on()?;
            let first = swept.pairs.len();
            let candidates = self.candidates(place, *row)?;
            for carriers in candidates.chunk_by(|a, b| a.target == b.target) {
                self.go_on()?;
                let other = catalogue.place_of_row(carriers[0].target);
                let (other, _) = other.ok_or(ParallelsError::OtherSnapshot)?;
                let (other, repeated) =
                    (other as usize, |other| self.plan.is_repeated(place, other));
                if self.plan.compares(place, other) && !(once && repeated(other)) {
                    swept.note(carriers[0]);
                    self.take(carriers, &mut swept)?;
                }
            }
            swept.pairs[first..].sort_by(|a, b| {
                let surer = b.confidence.total_cmp(&a.confidence);
                surer.then_with(|| catalogue.compare(a.target, b.target))
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
        if min_score >= NEAR && min_confidence >= EQUIVALENT {
            return Ok(Cow::Borrowed(&self.survey.neighbourhood(row)?.equivalents));
        }
        let near = self.near(place, &[row], min_score, 0);
        let wholes = near.iter().flatten().map(|neighbour| {
            let (target, score) = (neighbour.row, neighbour.score);
            self.survey.wholes(row, target, score)
        });
        let mut pairs = wholes.collect::<Result<Vec<_>, _>>()?;
        pairs.extend(self.survey.near_sentences(row, min_score)?);
        let catalogue = self.survey.snapshot().catalogue();
        pairs.sort_by(|a, b| a.before(b, catalogue));
        Ok(Cow::Owned(pairs))
    }

    /// Rows near to these of one document, among those with which it is compared.
    fn near(&self, place: usize, rows: &[u32], floor: f32, least: usize) -> Vec<Vec<Neighbour>> {
        let snapshot = self.survey.snapshot();
        let catalogue = snapshot.catalogue();
        let own: RoaringBitmap = catalogue.rows_in(place).iter().copied().collect();
        let allowed = self.plan.allowed(place, catalogue);
        let near = Near {
            floor,
            least,
            exact: self.survey.is_exact(),
            allowed: allowed.as_deref(),
            excluded: &own,
        };
        snapshot.near(rows, &near)
    }

    /// The surest pair among the nearest of each passage of a document, however unsure: what can be said
    /// where nothing was found.
    fn closest(&self, place: usize) -> Result<Option<Pair>, ParallelsError> {
        self.go_on()?;
        let rows = self.survey.snapshot().catalogue().rows_in(place);
        let mut closest = Swept::default();
        let near = self.near(place, rows, f32::INFINITY, 1);
        for (row, neighbours) in rows.iter().zip(near) {
            for neighbour in neighbours {
                let (target, score) = (neighbour.row, neighbour.score);
                closest.note(self.survey.wholes(*row, target, score)?);
            }
        }
        Ok(closest.closest)
    }

    /// Takes the surest of the carriers of one pair that is wanted, or all that are, or counts why the
    /// surest is not.
    fn take(&self, carriers: &[Pair], swept: &mut Swept) -> Result<(), ParallelsError> {
        let (mut first, mut is_taken) = (None, false);
        for pair in carriers
            .iter()
            .filter(|p| p.score >= self.thresholds.min_score)
        {
            if let Some(reason) = self.unwanted(pair)? {
                first.get_or_insert(reason);
                continue;
            }
            swept.pairs.push(*pair);
            is_taken = true;
            if !self.every_carrier {
                break;
            }
        }
        match first.filter(|_| !is_taken) {
            Some(Unwanted::Unsure) => swept.left_out.unsure += 1,
            Some(Unwanted::Hub) => swept.left_out.hubs += 1,
            Some(Unwanted::Formula) => swept.left_out.formulas += 1,
            None => {}
        }
        Ok(())
    }

    /// Why a pair is not wanted, if it is not.
    fn unwanted(&self, pair: &Pair) -> Result<Option<Unwanted>, ParallelsError> {
        let Thresholds {
            min_confidence,
            min_margin,
            formulas,
            ..
        } = self.thresholds;
        if pair.confidence < min_confidence {
            return Ok(Some(Unwanted::Unsure));
        }
        if min_margin > 0.0 && self.survey.margin(pair)?.is_some_and(|m| m < min_margin) {
            return Ok(Some(Unwanted::Hub));
        }
        let wanted = match formulas {
            Formulas::Include => return Ok(None),
            Formulas::Exclude => false,
            Formulas::Only => true,
        };
        let formula = self.survey.commonness(pair)? >= self.formula_from;
        Ok((formula != wanted).then_some(Unwanted::Formula))
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
        compute: impl Fn(Step<'_>) -> Result<Vec<Swept>, ParallelsError>,
        mut show: impl FnMut(usize, Swept) -> Result<bool, ParallelsError>,
    ) -> Result<bool, ParallelsError> {
        if sources.len() >= MANY {
            self.survey.read_words()?;
        }
        for step in sources.chunks(STEP) {
            let work = || {
                let swept = step.par_iter().map(|place| self.of_document(*place));
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
    pub fn all(&self) -> Result<Swept, ParallelsError> {
        let mut all = Swept::default();
        self.run(
            &self.sources(),
            |work| work(),
            |_, swept| {
                all.add(swept);
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
    pub fn closest_of(&self, sources: &[usize]) -> Result<Option<Pair>, ParallelsError> {
        let closest = sources.par_iter().map(|place| self.closest(*place));
        let closest: Vec<Option<Pair>> = closest.collect::<Result<_, _>>()?;
        let mut best = Swept::default();
        for pair in closest.into_iter().flatten() {
            best.note(pair);
        }
        Ok(best.closest)
    }
}

/// What takes long of a step through a corpus.
pub type Step<'a> = &'a (dyn Fn() -> Result<Vec<Swept>, ParallelsError> + Sync);

impl Swept {
    /// Adds what was found from another document.
    pub fn add(&mut self, other: Self) {
        self.pairs.extend(other.pairs);
        self.count(&other.left_out, other.passages, other.closest);
    }

    /// Adds what another document gave but its pairs.
    pub fn count(&mut self, left_out: &LeftOut, passages: usize, closest: Option<Pair>) {
        self.left_out.unsure += left_out.unsure;
        self.left_out.hubs += left_out.hubs;
        self.left_out.formulas += left_out.formulas;
        self.passages += passages;
        if let Some(closest) = closest {
            self.note(closest);
        }
    }

    /// Remembers the surest pair, of equals the first.
    fn note(&mut self, pair: Pair) {
        let surer = self
            .closest
            .is_none_or(|best| pair.confidence > best.confidence);
        if surer {
            self.closest = Some(pair);
        }
    }
}
