//! From pairs to parallels: the texts, and what carries the match.

use std::sync::Arc;

use crate::passages::TextRange;
use crate::store::HitRecord;

use super::compared_passage::SentenceMatch;
use super::document_pair::rank_score;
use super::text_reuse::WordSequence;
use super::{
    CorpusContext, LocalDensity, MatchUnit, Pair, PairThresholds, Parallel, ParallelsError,
    SentencePair, Side, TextReuse, Thresholds,
};

/// Sentence pairs of at least this confidence are shown, and those with enough wording in common; the
/// first is shown in any case.
const MIN_EVIDENCE_CONFIDENCE: f32 = 0.3;

/// Most sentence pairs of a parallel.
const MAX_SENTENCE_PAIRS: usize = 8;

/// Reads what pairs stand for.
pub struct ParallelLoader<'a> {
    survey: &'a CorpusContext,
    min_formula_documents: usize,
}

impl<'a> ParallelLoader<'a> {
    /// Reads from the snapshot of a survey; what is a formula the thresholds say.
    #[must_use]
    pub fn new(survey: &'a CorpusContext, thresholds: &Thresholds) -> Self {
        let documents = survey.snapshot().info().documents;
        Self {
            survey,
            min_formula_documents: thresholds.min_formula_documents(documents),
        }
    }

    /// The parallels of these pairs, in their order.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn load(&self, pairs: &[Pair]) -> Result<Vec<Parallel>, ParallelsError> {
        let rows = pairs.iter().flat_map(|pair| [pair.source, pair.target]);
        let rows: Vec<u32> = rows.collect();
        let mut records = self.survey.hit_records(&rows)?.into_iter();
        let mut parallels = Vec::with_capacity(pairs.len());
        for pair in pairs {
            if let (Some(source), Some(target)) = (records.next(), records.next()) {
                parallels.push(self.build_parallel(pair, source, target)?);
            }
        }
        Ok(parallels)
    }

    fn build_parallel(
        &self,
        pair: &Pair,
        source: HitRecord,
        target: HitRecord,
    ) -> Result<Parallel, ParallelsError> {
        let words =
            |hit: &HitRecord| WordSequence::from_text(&hit.passage.text, hit.passage.range.start);
        let (own, theirs) = (words(&source), words(&target));
        let lexicon = self.survey.idf_table();
        let sentences = self.pair_sentences(pair, (&source, &own), (&target, &theirs))?;
        let around = self.survey.local_densities(pair)?;
        let side = |row: u32, hit: HitRecord, shared: Vec<TextRange>, around: LocalDensity| {
            let document = self.survey.snapshot().document_table().document_of_row(row);
            Ok::<_, ParallelsError>(Side {
                passage: hit.passage,
                document: Arc::clone(document.ok_or(ParallelsError::SnapshotMismatch)?),
                shared,
                prevalence: around.prevalence,
            })
        };
        let shared = (
            own.shared_ranges(&theirs, lexicon),
            theirs.shared_ranges(&own, lexicon),
        );
        let carried = sentences
            .first()
            .filter(|_| pair.matched_by != MatchUnit::Passage);
        Ok(Parallel {
            pair: *pair,
            passage_score: self.survey.cosine(pair.source, pair.target)?,
            margin: self.survey.margin(pair)?,
            percentile: self
                .survey
                .null_distribution(pair.matched_by)?
                .percentile(pair.score),
            text_reuse: carried.map_or_else(
                || TextReuse::classify(&own, &theirs),
                |pair| pair.text_reuse,
            ),
            alignment_score: self.survey.alignment_score(pair.source, pair.target)?,
            formula: self.survey.document_prevalence(pair)? >= self.min_formula_documents,
            source: side(pair.source, source, shared.0, around.0)?,
            target: side(pair.target, target, shared.1, around.1)?,
            sentences,
        })
    }

    /// Sentences paired one to one: those that carry the pair, then the most telling.
    fn pair_sentences(
        &self,
        pair: &Pair,
        (source, own): (&HitRecord, &WordSequence),
        (target, theirs): (&HitRecord, &WordSequence),
    ) -> Result<Vec<SentencePair>, ParallelsError> {
        let calibration = self.survey.calibration();
        let (a, b) = (
            self.survey.embedded_passage(pair.source)?,
            self.survey.embedded_passage(pair.target)?,
        );
        // What carries the match comes first, what everybody says last.
        let rank = |found: &SentenceMatch| {
            let carries = pair.matched_by == MatchUnit::sentence_pair(found.source, found.target);
            let counts =
                a.is_informative_sentence(found.source) && b.is_informative_sentence(found.target);
            (!carries, !counts)
        };
        let all = a.sentence_matches(&b, calibration);
        let mut all: Vec<(SentenceMatch, f32)> = all
            .map(|found| {
                let phrase = a.alignment_score(&b, &found);
                (found, phrase)
            })
            .collect();
        all.sort_by(|(x, own), (y, other)| {
            let ranks = rank(x).cmp(&rank(y));
            let (x, y) = (
                rank_score(x.combined_similarity, *own),
                rank_score(y.combined_similarity, *other),
            );
            ranks.then_with(|| y.total_cmp(&x))
        });
        let min_alignment_score = PairThresholds::default().min_alignment_score;
        let range = |hit: &HitRecord, place: usize| hit.passage.sentences.get(place).copied();
        let mut chosen: Vec<SentencePair> = Vec::new();
        for (found, phrase) in all {
            let confidence = calibration.confidence(found.combined_similarity);
            let enough = confidence >= MIN_EVIDENCE_CONFIDENCE
                || phrase >= min_alignment_score
                || chosen.is_empty();
            let ranges = range(source, found.source).zip(range(target, found.target));
            let Some((source, target)) =
                ranges.filter(|_| enough && chosen.len() < MAX_SENTENCE_PAIRS)
            else {
                continue;
            };
            let free = |c: &SentencePair| c.source != source && c.target != target;
            if chosen.iter().all(free) {
                chosen.push(SentencePair {
                    source,
                    target,
                    score: found.score,
                    confidence,
                    text_reuse: TextReuse::classify(&own.within(source), &theirs.within(target)),
                });
            }
        }
        Ok(chosen)
    }
}
