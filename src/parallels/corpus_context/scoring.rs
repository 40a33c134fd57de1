//! What two passages have in common, and how far that stands out.

use crate::index::{Neighbour, similarity};
use crate::parallels::compared_passage::{ComparedPassage, EmbeddedPassage};
use crate::parallels::{LocalDensity, MatchUnit, Neighbourhood, Pair, ParallelsError};

use super::CorpusContext;

impl CorpusContext {
    /// Two passages of a known cosine, compared as wholes. Passages of too few words say nothing.
    pub(in crate::parallels) fn score_whole_passages(
        &self,
        source: u32,
        target: u32,
        score: f32,
    ) -> Result<Pair, ParallelsError> {
        let (own, theirs) = (
            self.compared_passage(source)?,
            self.compared_passage(target)?,
        );
        Ok(self.score_compared_passages((source, &own), (target, &theirs), score))
    }

    fn score_compared_passages(
        &self,
        (source, own): (u32, &ComparedPassage),
        (target, theirs): (u32, &ComparedPassage),
        score: f32,
    ) -> Pair {
        let words = own.lexical_overlap(theirs);
        let likeness = self.calibration.combined_similarity(score, words);
        let says = own.is_informative() && theirs.is_informative();
        Pair {
            source,
            target,
            matched_by: MatchUnit::Passage,
            score,
            lexical_overlap: words,
            combined_similarity: likeness,
            confidence: if says {
                self.calibration.confidence(likeness)
            } else {
                0.0
            },
        }
    }

    /// A sentence and one that is near to it, as what may carry a pair of their passages; `None` if the
    /// other has too few words.
    pub(in crate::parallels) fn score_sentences(
        &self,
        number: u32,
        neighbour: Neighbour,
    ) -> Result<Option<Pair>, ParallelsError> {
        let sentences = self.sentence_index()?;
        let owners = sentences
            .locate(number)
            .zip(sentences.locate(neighbour.row));
        let ((source, own), (target, theirs)) = owners.ok_or(ParallelsError::SnapshotMismatch)?;
        let (source_words, target_words) = (
            self.compared_passage(source)?,
            self.compared_passage(target)?,
        );
        if !target_words.is_informative_sentence(theirs) {
            return Ok(None);
        }
        let words = source_words.sentence_lexical_overlap(own, &target_words, theirs);
        let likeness = self.calibration.combined_similarity(neighbour.score, words);
        Ok(Some(Pair {
            source,
            target,
            matched_by: MatchUnit::sentence_pair(own, theirs),
            score: neighbour.score,
            lexical_overlap: words,
            combined_similarity: likeness,
            confidence: self.calibration.confidence(likeness),
        }))
    }

    /// Two passages, compared by themselves and by their sentences: whatever is more alike carries them.
    ///
    /// # Errors
    ///
    /// If there is no such passage, or the store cannot be read.
    pub fn compare(&self, source: u32, target: u32) -> Result<Pair, ParallelsError> {
        let (own, theirs) = (
            self.embedded_passage(source)?,
            self.embedded_passage(target)?,
        );
        self.compare_embedded((source, &own), (target, &theirs))
    }

    /// A passage with all that [`Survey::compare`] needs of it, for whoever compares it with many.
    pub(in crate::parallels) fn embedded_passage(
        &self,
        row: u32,
    ) -> Result<EmbeddedPassage<'_>, ParallelsError> {
        let vectors = self.sentence_index()?.vectors(row);
        Ok(EmbeddedPassage::new(self.compared_passage(row)?, vectors))
    }

    /// The same as [`Survey::compare`], of passages that are at hand.
    pub(in crate::parallels) fn compare_embedded(
        &self,
        (source, own): (u32, &EmbeddedPassage<'_>),
        (target, theirs): (u32, &EmbeddedPassage<'_>),
    ) -> Result<Pair, ParallelsError> {
        let score = self.cosine(source, target)?;
        let both = ((source, own.passage()), (target, theirs.passage()));
        let whole = self.score_compared_passages(both.0, both.1, score);
        let min_similarity = if whole.confidence > 0.0 {
            whole.combined_similarity
        } else {
            f32::MIN
        };
        let best = own.best_sentence_match(theirs, &self.calibration, min_similarity);
        Ok(best.map_or(whole, |best| Pair {
            matched_by: MatchUnit::sentence_pair(best.source, best.target),
            score: best.score,
            lexical_overlap: best.lexical_overlap,
            combined_similarity: best.combined_similarity,
            confidence: self.calibration.confidence(best.combined_similarity),
            ..whole
        }))
    }

    /// The cosine of two passages.
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

    /// What is around that which carries a pair, on both sides.
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
            source: own,
            target: theirs,
        } = pair.matched_by
        else {
            return Ok((source.whole, target.whole));
        };
        let around = |of: &Neighbourhood, place: u16| {
            let around = of.sentences.get(usize::from(place)).copied();
            around.unwrap_or_default()
        };
        Ok((around(source, own), around(target, theirs)))
    }

    /// Weight of the longest wording that two passages have in common: a word that is in few passages
    /// counts up to 1, one that is in all 0, one that is in one of the two only takes away.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn alignment_score(&self, source: u32, target: u32) -> Result<f32, ParallelsError> {
        Ok(self
            .compared_passage(source)?
            .alignment_score(&*self.compared_passage(target)?))
    }

    /// In how many documents nearly what carries a pair is said, on the side where that is more.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn document_prevalence(&self, pair: &Pair) -> Result<usize, ParallelsError> {
        let (source, target) = self.local_densities(pair)?;
        Ok(source.prevalence.documents.max(target.prevalence.documents))
    }

    /// How far what carries a pair stands out from its neighbourhoods: the ratio of its likeness to the
    /// mean of theirs. 1 is as alike as each is to its nearest others.
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
