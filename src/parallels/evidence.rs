//! From pairs to parallels: the texts, and what carries the match.

use std::sync::Arc;

use crate::passages::TextRange;
use crate::store::HitRecord;

use super::documents::telling;
use super::statement::Alike;
use super::wording::Words;
use super::{
    Around, Carrier, Enough, Pair, Parallel, ParallelsError, SentencePair, Side, Survey,
    Thresholds, Wording,
};

/// Sentence pairs of at least this confidence are shown, and those with enough wording in common; the
/// first is shown in any case.
const SURE: f32 = 0.3;

/// Most sentence pairs of a parallel.
const MOST: usize = 8;

/// Reads what pairs stand for.
pub struct Reader<'a> {
    survey: &'a Survey,
    formula_from: usize,
}

impl<'a> Reader<'a> {
    /// Reads from the snapshot of a survey; what is a formula the thresholds say.
    #[must_use]
    pub fn new(survey: &'a Survey, thresholds: &Thresholds) -> Self {
        let documents = survey.snapshot().facts().documents;
        Self {
            survey,
            formula_from: thresholds.formula_from(documents),
        }
    }

    /// The parallels of these pairs, in their order.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn read(&self, pairs: &[Pair]) -> Result<Vec<Parallel>, ParallelsError> {
        let rows = pairs.iter().flat_map(|pair| [pair.source, pair.target]);
        let rows: Vec<u32> = rows.collect();
        let mut records = self.survey.hits(&rows)?.into_iter();
        let mut parallels = Vec::with_capacity(pairs.len());
        for pair in pairs {
            if let (Some(source), Some(target)) = (records.next(), records.next()) {
                parallels.push(self.parallel(pair, source, target)?);
            }
        }
        Ok(parallels)
    }

    fn parallel(
        &self,
        pair: &Pair,
        source: HitRecord,
        target: HitRecord,
    ) -> Result<Parallel, ParallelsError> {
        let words = |hit: &HitRecord| Words::of(&hit.passage.text, hit.passage.range.start);
        let (own, theirs) = (words(&source), words(&target));
        let lexicon = self.survey.lexicon();
        let sentences = self.sentences(pair, (&source, &own), (&target, &theirs))?;
        let around = self.survey.around(pair)?;
        let side = |row: u32, hit: HitRecord, shared: Vec<TextRange>, around: Around| {
            let document = self.survey.snapshot().catalogue().document_of(row);
            Ok::<_, ParallelsError>(Side {
                passage: hit.passage,
                document: Arc::clone(document.ok_or(ParallelsError::OtherSnapshot)?),
                shared,
                common: around.common,
            })
        };
        let shared = (
            own.shared_with(&theirs, lexicon),
            theirs.shared_with(&own, lexicon),
        );
        let carried = sentences
            .first()
            .filter(|_| pair.carrier != Carrier::Passages);
        Ok(Parallel {
            pair: *pair,
            passage_score: self.survey.cosine(pair.source, pair.target)?,
            margin: self.survey.margin(pair)?,
            percentile: self.survey.background(pair.carrier)?.percentile(pair.score),
            wording: carried.map_or_else(|| Wording::of(&own, &theirs), |pair| pair.wording),
            phrase: self.survey.wording(pair.source, pair.target)?,
            formula: self.survey.commonness(pair)? >= self.formula_from,
            source: side(pair.source, source, shared.0, around.0)?,
            target: side(pair.target, target, shared.1, around.1)?,
            sentences,
        })
    }

    /// Sentences paired one to one: those that carry the pair, then the most telling.
    fn sentences(
        &self,
        pair: &Pair,
        (source, own): (&HitRecord, &Words),
        (target, theirs): (&HitRecord, &Words),
    ) -> Result<Vec<SentencePair>, ParallelsError> {
        let calibration = self.survey.calibration();
        let (a, b) = (
            self.survey.embedded(pair.source)?,
            self.survey.embedded(pair.target)?,
        );
        // What carries the match comes first, what everybody says last.
        let rank = |found: &Alike| {
            let carries = pair.carrier == Carrier::sentences(found.source, found.target);
            let counts = a.counts(found.source) && b.counts(found.target);
            (!carries, !counts)
        };
        let all = a.sentence_pairs(&b, calibration);
        let mut all: Vec<(Alike, f32)> = all
            .map(|found| {
                let phrase = a.wording(&b, &found);
                (found, phrase)
            })
            .collect();
        all.sort_by(|(x, own), (y, other)| {
            let ranks = rank(x).cmp(&rank(y));
            let (x, y) = (telling(x.likeness, *own), telling(y.likeness, *other));
            ranks.then_with(|| y.total_cmp(&x))
        });
        let echo = Enough::default().phrase;
        let range = |hit: &HitRecord, place: usize| hit.passage.sentences.get(place).copied();
        let mut chosen: Vec<SentencePair> = Vec::new();
        for (found, phrase) in all {
            let confidence = calibration.confidence(found.likeness);
            let enough = confidence >= SURE || phrase >= echo || chosen.is_empty();
            let ranges = range(source, found.source).zip(range(target, found.target));
            let Some((source, target)) = ranges.filter(|_| enough && chosen.len() < MOST) else {
                continue;
            };
            let free = |c: &SentencePair| c.source != source && c.target != target;
            if chosen.iter().all(free) {
                chosen.push(SentencePair {
                    source,
                    target,
                    score: found.score,
                    confidence,
                    wording: Wording::of(&own.within(source), &theirs.within(target)),
                });
            }
        }
        Ok(chosen)
    }
}
