//! What two passages have in common, and how far that stands out.

use crate::index::{Neighbour, similarity};
use crate::parallels::statement::{Embedded, Statement};
use crate::parallels::{Around, Carrier, Neighbourhood, Pair, ParallelsError};

use super::Survey;

impl Survey {
    /// Two passages of a known cosine, compared as wholes. Passages of too few words say nothing.
    pub(in crate::parallels) fn wholes(
        &self,
        source: u32,
        target: u32,
        score: f32,
    ) -> Result<Pair, ParallelsError> {
        let (own, theirs) = (self.statement(source)?, self.statement(target)?);
        Ok(self.statements((source, &own), (target, &theirs), score))
    }

    fn statements(
        &self,
        (source, own): (u32, &Statement),
        (target, theirs): (u32, &Statement),
        score: f32,
    ) -> Pair {
        let words = own.words_in_common(theirs);
        let likeness = self.calibration.likeness(score, words);
        let says = own.says_something() && theirs.says_something();
        Pair {
            source,
            target,
            carrier: Carrier::Passages,
            score,
            words,
            likeness,
            confidence: if says {
                self.calibration.confidence(likeness)
            } else {
                0.0
            },
        }
    }

    /// A sentence and one that is near to it, as what may carry a pair of their passages; `None` if the
    /// other has too few words.
    pub(in crate::parallels) fn sentence_pair(
        &self,
        number: u32,
        neighbour: Neighbour,
    ) -> Result<Option<Pair>, ParallelsError> {
        let sentences = self.sentences()?;
        let owners = sentences.owner(number).zip(sentences.owner(neighbour.row));
        let ((source, own), (target, theirs)) = owners.ok_or(ParallelsError::OtherSnapshot)?;
        let (source_words, target_words) = (self.statement(source)?, self.statement(target)?);
        if !target_words.counts(theirs) {
            return Ok(None);
        }
        let words = source_words.words_of_sentences(own, &target_words, theirs);
        let likeness = self.calibration.likeness(neighbour.score, words);
        Ok(Some(Pair {
            source,
            target,
            carrier: Carrier::sentences(own, theirs),
            score: neighbour.score,
            words,
            likeness,
            confidence: self.calibration.confidence(likeness),
        }))
    }

    /// Two passages, compared by themselves and by their sentences: whatever is more alike carries them.
    ///
    /// # Errors
    ///
    /// If there is no such passage, or the store cannot be read.
    pub fn compare(&self, source: u32, target: u32) -> Result<Pair, ParallelsError> {
        let (own, theirs) = (self.embedded(source)?, self.embedded(target)?);
        self.compare_embedded((source, &own), (target, &theirs))
    }

    /// A passage with all that [`Survey::compare`] needs of it, for whoever compares it with many.
    pub(in crate::parallels) fn embedded(&self, row: u32) -> Result<Embedded<'_>, ParallelsError> {
        let vectors = self.sentences()?.vectors(row);
        Ok(Embedded::new(self.statement(row)?, vectors))
    }

    /// The same as [`Survey::compare`], of passages that are at hand.
    pub(in crate::parallels) fn compare_embedded(
        &self,
        (source, own): (u32, &Embedded<'_>),
        (target, theirs): (u32, &Embedded<'_>),
    ) -> Result<Pair, ParallelsError> {
        let score = self.cosine(source, target)?;
        let both = ((source, own.statement()), (target, theirs.statement()));
        let whole = self.statements(both.0, both.1, score);
        let floor = if whole.confidence > 0.0 {
            whole.likeness
        } else {
            f32::MIN
        };
        let best = own.best_sentences(theirs, &self.calibration, floor);
        Ok(best.map_or(whole, |best| Pair {
            carrier: Carrier::sentences(best.source, best.target),
            score: best.score,
            words: best.words,
            likeness: best.likeness,
            confidence: self.calibration.confidence(best.likeness),
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
            vector.ok_or(ParallelsError::OtherSnapshot)
        };
        Ok(similarity(vector(source)?, vector(target)?))
    }

    /// What is around that which carries a pair, on both sides.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn around(&self, pair: &Pair) -> Result<(Around, Around), ParallelsError> {
        let (source, target) = (
            self.neighbourhood(pair.source)?,
            self.neighbourhood(pair.target)?,
        );
        let Carrier::Sentences {
            source: own,
            target: theirs,
        } = pair.carrier
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
    pub fn wording(&self, source: u32, target: u32) -> Result<f32, ParallelsError> {
        Ok(self.statement(source)?.wording(&*self.statement(target)?))
    }

    /// In how many documents nearly what carries a pair is said, on the side where that is more.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn commonness(&self, pair: &Pair) -> Result<usize, ParallelsError> {
        let (source, target) = self.around(pair)?;
        Ok(source.common.documents.max(target.common.documents))
    }

    /// How far what carries a pair stands out from its neighbourhoods: the ratio of its likeness to the
    /// mean of theirs. 1 is as alike as each is to its nearest others.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn margin(&self, pair: &Pair) -> Result<Option<f32>, ParallelsError> {
        let (source, target) = self.around(pair)?;
        let both = source.likeness.zip(target.likeness);
        let mean = both.map(|(a, b)| f32::midpoint(a, b));
        let mean = mean.filter(|mean| *mean > 0.0);
        Ok(mean.map(|mean| pair.likeness / mean))
    }
}
