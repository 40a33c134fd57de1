//! Similarity, confidence and margin of pairs.

use crate::index::{Neighbour, similarity};
use crate::parallels::compared_passage::{ComparedPassage, EmbeddedPassage};
use crate::parallels::error::ParallelsError;
use crate::parallels::neighbourhood::{LocalDensity, Neighbourhood};
use crate::parallels::pair::{MatchUnit, Pair};

use super::CorpusContext;

impl CorpusContext {
    /// Scores two whole passages of a known cosine. A passage of too few words has no confidence.
    pub(in crate::parallels) fn score_whole_passages(
        &self,
        source: u32,
        target: u32,
        score: f32,
    ) -> Result<Pair, ParallelsError> {
        let (source_passage, target_passage) = (
            self.compared_passage(source)?,
            self.compared_passage(target)?,
        );
        Ok(self.score_compared_passages(
            (source, &source_passage),
            (target, &target_passage),
            score,
        ))
    }

    fn score_compared_passages(
        &self,
        (source, source_passage): (u32, &ComparedPassage),
        (target, target_passage): (u32, &ComparedPassage),
        score: f32,
    ) -> Pair {
        let lexical_overlap = source_passage.lexical_overlap(target_passage);
        let combined_similarity = self.calibration.combined_similarity(score, lexical_overlap);
        let is_informative = source_passage.is_informative() && target_passage.is_informative();
        Pair {
            source,
            target,
            matched_by: MatchUnit::Passage,
            score,
            lexical_overlap,
            combined_similarity,
            confidence: if is_informative {
                self.calibration.confidence(combined_similarity)
            } else {
                0.0
            },
        }
    }

    /// Scores a sentence and one of its neighbours as a match of their passages; returns `None` if the
    /// neighbour has too few words.
    pub(in crate::parallels) fn score_sentences(
        &self,
        sentence: u32,
        neighbour: Neighbour,
    ) -> Result<Option<Pair>, ParallelsError> {
        let sentences = self.sentence_index()?;
        let owners = sentences
            .locate(sentence)
            .zip(sentences.locate(neighbour.row));
        let ((source, source_sentence), (target, target_sentence)) =
            owners.ok_or(ParallelsError::SnapshotMismatch)?;
        let (source_passage, target_passage) = (
            self.compared_passage(source)?,
            self.compared_passage(target)?,
        );
        if !target_passage.is_informative_sentence(target_sentence) {
            return Ok(None);
        }
        let lexical_overlap = source_passage.sentence_lexical_overlap(
            source_sentence,
            &target_passage,
            target_sentence,
        );
        let combined_similarity = self
            .calibration
            .combined_similarity(neighbour.score, lexical_overlap);
        Ok(Some(Pair {
            source,
            target,
            matched_by: MatchUnit::sentence_pair(source_sentence, target_sentence),
            score: neighbour.score,
            lexical_overlap,
            combined_similarity,
            confidence: self.calibration.confidence(combined_similarity),
        }))
    }

    /// Compares two passages as wholes and by their sentences; the unit with the higher similarity
    /// matches.
    ///
    /// # Errors
    ///
    /// If there is no such passage, or the store cannot be read.
    pub fn compare(&self, source: u32, target: u32) -> Result<Pair, ParallelsError> {
        let (source_passage, target_passage) = (
            self.embedded_passage(source)?,
            self.embedded_passage(target)?,
        );
        self.compare_embedded((source, &source_passage), (target, &target_passage))
    }

    /// Returns a passage with the embeddings of its sentences, for callers that compare it with many.
    pub(in crate::parallels) fn embedded_passage(
        &self,
        row: u32,
    ) -> Result<EmbeddedPassage<'_>, ParallelsError> {
        let vectors = self.sentence_index()?.vectors(row);
        Ok(EmbeddedPassage::new(self.compared_passage(row)?, vectors))
    }

    /// Compares like [`CorpusContext::compare`] two passages that are already loaded.
    pub(in crate::parallels) fn compare_embedded(
        &self,
        (source, source_passage): (u32, &EmbeddedPassage<'_>),
        (target, target_passage): (u32, &EmbeddedPassage<'_>),
    ) -> Result<Pair, ParallelsError> {
        let score = self.cosine(source, target)?;
        let whole = self.score_compared_passages(
            (source, source_passage.passage()),
            (target, target_passage.passage()),
            score,
        );
        let min_similarity = if whole.confidence > 0.0 {
            whole.combined_similarity
        } else {
            f32::MIN
        };
        let best =
            source_passage.best_sentence_match(target_passage, &self.calibration, min_similarity);
        Ok(best.map_or(whole, |best| Pair {
            matched_by: MatchUnit::sentence_pair(best.source, best.target),
            score: best.score,
            lexical_overlap: best.lexical_overlap,
            combined_similarity: best.combined_similarity,
            confidence: self.calibration.confidence(best.combined_similarity),
            ..whole
        }))
    }

    /// Returns the cosine of two passages.
    ///
    /// # Errors
    ///
    /// If there is no such passage.
    pub fn cosine(&self, source: u32, target: u32) -> Result<f32, ParallelsError> {
        let vector = |row| {
            let vector = self.snapshot.vector_of(row);
            vector.ok_or(ParallelsError::SnapshotMismatch)
        };
        Ok(similarity(vector(source)?, vector(target)?))
    }

    /// Returns the local density around the matched text of a pair, on both sides.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn local_densities(
        &self,
        pair: &Pair,
    ) -> Result<(LocalDensity, LocalDensity), ParallelsError> {
        let (source, target) = (
            self.neighbourhood(pair.source)?,
            self.neighbourhood(pair.target)?,
        );
        let MatchUnit::Sentence {
            source: source_sentence,
            target: target_sentence,
        } = pair.matched_by
        else {
            return Ok((source.whole, target.whole));
        };
        let density = |neighbourhood: &Neighbourhood, sentence: u16| {
            let density = neighbourhood.sentences.get(usize::from(sentence));
            density.copied().unwrap_or_default()
        };
        Ok((
            density(source, source_sentence),
            density(target, target_sentence),
        ))
    }

    /// Returns the local alignment score of two passages: a shared word adds up to 1 if few passages
    /// contain it and 0 if all do; gaps subtract.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn alignment_score(&self, source: u32, target: u32) -> Result<f32, ParallelsError> {
        Ok(self
            .compared_passage(source)?
            .alignment_score(&*self.compared_passage(target)?))
    }

    /// Returns the number of documents that restate the matched text, on the side where it is greater.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn document_prevalence(&self, pair: &Pair) -> Result<usize, ParallelsError> {
        let (source, target) = self.local_densities(pair)?;
        Ok(source.prevalence.documents.max(target.prevalence.documents))
    }

    /// Returns the margin of a pair: its combined similarity divided by the mean of both neighbourhoods.
    /// At 1, a pair is no more similar than both sides are to their nearest neighbours.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn margin(&self, pair: &Pair) -> Result<Option<f32>, ParallelsError> {
        let (source, target) = self.local_densities(pair)?;
        let both = source.mean_similarity.zip(target.mean_similarity);
        let mean = both.map(|(a, b)| f32::midpoint(a, b));
        let mean = mean.filter(|mean| *mean > 0.0);
        Ok(mean.map(|mean| pair.combined_similarity / mean))
    }
}
