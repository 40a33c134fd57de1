//! From pairs to parallels: the texts, and the evidence for the match.

use std::sync::Arc;

use crate::passages::TextRange;
use crate::store::HitRecord;

use super::compared_passage::SentenceMatch;
use super::corpus_context::CorpusContext;
use super::document_pair::{PairThresholds, rank_score};
use super::error::ParallelsError;
use super::neighbourhood::LocalDensity;
use super::pair::{MatchUnit, Pair};
use super::parallel::{Parallel, SentencePair, Side};
use super::text_reuse::{TextReuse, WordSequence};
use super::thresholds::Thresholds;

/// Minimum confidence of a sentence pair; pairs with a high alignment score are included as well, and
/// the first pair always.
const MIN_EVIDENCE_CONFIDENCE: f32 = 0.3;

/// Maximum number of sentence pairs of a parallel.
const MAX_SENTENCE_PAIRS: usize = 8;

/// Loads the parallels of pairs.
pub struct ParallelLoader<'a> {
    context: &'a CorpusContext,
    min_formula_documents: usize,
}

impl<'a> ParallelLoader<'a> {
    /// Creates a loader for the snapshot of `context`; the thresholds determine what counts as a
    /// formula.
    #[must_use]
    pub fn new(context: &'a CorpusContext, thresholds: &Thresholds) -> Self {
        let documents = context.snapshot().info().documents;
        Self {
            context,
            min_formula_documents: thresholds.min_formula_documents(documents),
        }
    }

    /// Returns the parallels of these pairs, in their order.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn load(&self, pairs: &[Pair]) -> Result<Vec<Parallel>, ParallelsError> {
        let rows = pairs.iter().flat_map(|pair| [pair.source, pair.target]);
        let rows: Vec<u32> = rows.collect();
        let mut records = self.context.hit_records(&rows)?.into_iter();
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
        let (source_words, target_words) = (words(&source), words(&target));
        let idf_table = self.context.idf_table();
        let sentences =
            self.pair_sentences(pair, (&source, &source_words), (&target, &target_words))?;
        let densities = self.context.local_densities(pair)?;
        let side = |row: u32, hit: HitRecord, shared: Vec<TextRange>, density: LocalDensity| {
            let document = self
                .context
                .snapshot()
                .document_table()
                .document_of_row(row);
            Ok::<_, ParallelsError>(Side {
                passage: hit.passage,
                document: Arc::clone(document.ok_or(ParallelsError::SnapshotMismatch)?),
                shared,
                prevalence: density.prevalence,
            })
        };
        let shared = (
            source_words.shared_ranges(&target_words, idf_table),
            target_words.shared_ranges(&source_words, idf_table),
        );
        let matched = sentences
            .first()
            .filter(|_| pair.matched_by != MatchUnit::Passage);
        Ok(Parallel {
            pair: *pair,
            passage_score: self.context.cosine(pair.source, pair.target)?,
            margin: self.context.margin(pair)?,
            percentile: self
                .context
                .null_distribution(pair.matched_by)?
                .percentile(pair.score),
            text_reuse: matched.map_or_else(
                || TextReuse::classify(&source_words, &target_words),
                |pair| pair.text_reuse,
            ),
            alignment_score: self.context.alignment_score(pair.source, pair.target)?,
            formula: self.context.document_prevalence(pair)? >= self.min_formula_documents,
            source: side(pair.source, source, shared.0, densities.0)?,
            target: side(pair.target, target, shared.1, densities.1)?,
            sentences,
        })
    }

    /// Pairs sentences one to one: the matched pair first, then by rank.
    fn pair_sentences(
        &self,
        pair: &Pair,
        (source, source_words): (&HitRecord, &WordSequence),
        (target, target_words): (&HitRecord, &WordSequence),
    ) -> Result<Vec<SentencePair>, ParallelsError> {
        let calibration = self.context.calibration();
        let (a, b) = (
            self.context.embedded_passage(pair.source)?,
            self.context.embedded_passage(pair.target)?,
        );
        // The matched pair comes first, uninformative sentences last.
        let rank = |found: &SentenceMatch| {
            let is_matched =
                pair.matched_by == MatchUnit::sentence_pair(found.source, found.target);
            let is_informative =
                a.is_informative_sentence(found.source) && b.is_informative_sentence(found.target);
            (!is_matched, !is_informative)
        };
        let all = a.sentence_matches(&b, calibration);
        let mut all: Vec<(SentenceMatch, f32)> = all
            .map(|found| {
                let alignment_score = a.alignment_score(&b, &found);
                (found, alignment_score)
            })
            .collect();
        all.sort_by(|(x, x_alignment), (y, y_alignment)| {
            let ranks = rank(x).cmp(&rank(y));
            let (x, y) = (
                rank_score(x.combined_similarity, *x_alignment),
                rank_score(y.combined_similarity, *y_alignment),
            );
            ranks.then_with(|| y.total_cmp(&x))
        });
        let min_alignment_score = PairThresholds::default().min_alignment_score;
        let range = |hit: &HitRecord, index: usize| hit.passage.sentences.get(index).copied();
        let mut chosen: Vec<SentencePair> = Vec::new();
        for (found, alignment_score) in all {
            let confidence = calibration.confidence(found.combined_similarity);
            let is_evidence = confidence >= MIN_EVIDENCE_CONFIDENCE
                || alignment_score >= min_alignment_score
                || chosen.is_empty();
            let ranges = range(source, found.source).zip(range(target, found.target));
            let Some((source, target)) =
                ranges.filter(|_| is_evidence && chosen.len() < MAX_SENTENCE_PAIRS)
            else {
                continue;
            };
            let is_disjoint = |c: &SentencePair| c.source != source && c.target != target;
            if chosen.iter().all(is_disjoint) {
                chosen.push(SentencePair {
                    source,
                    target,
                    score: found.score,
                    confidence,
                    text_reuse: TextReuse::classify(
                        &source_words.within(source),
                        &target_words.within(target),
                    ),
                });
            }
        }
        Ok(chosen)
    }
}
