//! From pairs to parallels: the texts, and what carries the match.

use std::sync::Arc;

use crate::passages::TextRange;
use crate::store::HitRecord;

use super::wording::Words;
use super::{Pair, Parallel, ParallelsError, SentencePair, Side, Survey, Thresholds, Wording};

/// Sentence pairs of at least this confidence are shown; the surest is shown in any case.
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
        let side = |row: u32, hit: HitRecord, shared: Vec<TextRange>| {
            let document = self.survey.snapshot().catalogue().document_of(row);
            Ok::<_, ParallelsError>(Side {
                passage: hit.passage,
                document: Arc::clone(document.ok_or(ParallelsError::OtherSnapshot)?),
                shared,
                common: self.survey.neighbourhood(row)?.common,
            })
        };
        let source = side(pair.source, source, own.shared_with(&theirs, lexicon))?;
        let target = side(pair.target, target, theirs.shared_with(&own, lexicon))?;
        let common = source.common.documents.max(target.common.documents);
        Ok(Parallel {
            pair: *pair,
            margin: self.survey.margin(pair)?,
            percentile: self.survey.background().percentile(pair.score),
            wording: Wording::of(&own, &theirs),
            phrase: self.survey.wording(pair.source, pair.target)?,
            formula: common >= self.formula_from,
            source,
            target,
            sentences,
        })
    }

    /// Sentences paired one to one, the surest first.
    fn sentences(
        &self,
        pair: &Pair,
        (source, own): (&HitRecord, &Words),
        (target, theirs): (&HitRecord, &Words),
    ) -> Result<Vec<SentencePair>, ParallelsError> {
        let calibration = self.survey.calibration();
        let (a, b) = (
            self.survey.statement(pair.source)?,
            self.survey.statement(pair.target)?,
        );
        let range = |hit: &HitRecord, place: usize| hit.passage.sentences.get(place).copied();
        let mut all: Vec<_> = a
            .sentence_pairs(&b, calibration)
            .filter_map(|found| {
                let source = range(source, found.source)?;
                let target = range(target, found.target)?;
                Some((source, target, found))
            })
            .collect();
        // What carries the match comes first, then what everybody says.
        all.sort_by(|(.., a), (.., b)| {
            let counts = b.counts.cmp(&a.counts);
            counts.then_with(|| b.confidence.total_cmp(&a.confidence))
        });
        let mut chosen: Vec<SentencePair> = Vec::new();
        for (source, target, found) in all {
            let enough = found.confidence >= SURE || chosen.is_empty();
            if chosen.len() == MOST || !enough {
                continue;
            }
            if chosen
                .iter()
                .all(|c| c.source != source && c.target != target)
            {
                chosen.push(SentencePair {
                    source,
                    target,
                    score: found.score,
                    confidence: found.confidence,
                    wording: Wording::of(&own.within(source), &theirs.within(target)),
                });
            }
        }
        Ok(chosen)
    }
}
