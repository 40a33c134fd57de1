//! A passage as it is compared: its words in order, their profile, its sentences.

use std::ops::Range;
use std::sync::Arc;

use crate::index::similarity;
use crate::passages::{TextRange, Word};

use super::Calibration;
use super::words::{Lexicon, Profile};

/// Sentences of fewer words carry nothing: everybody says "Thank you, Mr. President".
const FEWEST_WORDS: usize = 5;

/// What a word that is in one text only takes from wording that both have.
const GAP: f32 = 0.2;

/// A passage as it is compared.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    /// Words in order, each with what it tells.
    words: Box<[(u64, f32)]>,
    profile: Profile,
    sentences: Box<[Sentence]>,
}

#[derive(Debug, Clone)]
struct Sentence {
    profile: Profile,
    /// Which of the passage's words are its.
    words: Range<usize>,
}

impl Statement {
    /// A passage by its words and the ranges of its sentences in the same coordinates.
    pub(super) fn new(words: &[Word], sentences: &[TextRange], lexicon: &Lexicon) -> Self {
        let weighed = lexicon.weights(words);
        let sentence = |range: &TextRange| {
            let from = words.partition_point(|word| word.range.start < range.start);
            let to = words.partition_point(|word| word.range.end <= range.end);
            let to = to.max(from);
            Sentence {
                profile: Profile::of(weighed[from..to].iter().copied()),
                words: from..to,
            }
        };
        Self {
            profile: Profile::of(weighed.iter().copied()),
            sentences: sentences.iter().map(sentence).collect(),
            words: weighed.into(),
        }
    }

    /// Bytes that it takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.words.len() * (16 + 12 + 12) + self.sentences.len() * 64 + 128
    }

    /// Whether the whole has enough words to say something.
    pub(super) fn says_something(&self) -> bool {
        self.words.len() >= FEWEST_WORDS
    }

    /// How many words a sentence has, or the whole.
    pub(super) fn words(&self, sentence: Option<u16>) -> usize {
        sentence.map_or(self.words.len(), |place| {
            let sentence = self.sentences.get(usize::from(place));
            sentence.map_or(0, |sentence| sentence.words.len())
        })
    }

    /// Whether a sentence has enough words to carry something.
    pub(super) fn counts(&self, sentence: usize) -> bool {
        let sentence = self.sentences.get(sentence);
        sentence.is_some_and(|sentence| sentence.words.len() >= FEWEST_WORDS)
    }

    /// How many of the words that tell both passages have, in [0, 1].
    pub(super) fn words_in_common(&self, other: &Self) -> f32 {
        self.profile.common(&other.profile)
    }

    /// How many of the words that tell two sentences have, in [0, 1].
    pub(super) fn words_of_sentences(&self, own: usize, other: &Self, theirs: usize) -> f32 {
        let both = self.sentences.get(own).zip(other.sentences.get(theirs));
        both.map_or(0.0, |(own, theirs)| own.profile.common(&theirs.profile))
    }

    /// What no wording that both passages have can weigh more than: all words that the other has as well.
    pub(super) fn most_wording(&self, other: &Self) -> f32 {
        let common = self
            .words
            .iter()
            .filter(|(word, _)| other.profile.holds(*word));
        common.map(|(_, tells)| tells).sum()
    }

    /// Weight of the longest wording that two sentences have.
    fn wording_of_sentences(&self, own: usize, other: &Self, theirs: usize) -> f32 {
        let words = |statement: &Self, place: usize| {
            let sentence = statement.sentences.get(place);
            sentence.map_or(0..0, |sentence| sentence.words.clone())
        };
        let (own, theirs) = (words(self, own), words(other, theirs));
        wording_in_common(&self.words[own], &other.words[theirs])
    }

    /// Weight of the longest wording that both passages have.
    pub(super) fn wording(&self, other: &Self) -> f32 {
        wording_in_common(&self.words, &other.words)
    }
}

/// A passage beside the embeddings of its sentences.
pub(super) struct Embedded<'a> {
    statement: Arc<Statement>,
    vectors: Vec<&'a [f32]>,
}

/// Two sentences, compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alike {
    /// Place of one among the sentences of its passage.
    pub(super) source: usize,
    pub(super) target: usize,
    pub(super) score: f32,
    pub(super) words: f32,
    pub(super) likeness: f32,
}

impl<'a> Embedded<'a> {
    pub(super) fn new(statement: Arc<Statement>, vectors: Vec<&'a [f32]>) -> Self {
        Self { statement, vectors }
    }

    /// The passage.
    pub(super) fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Whether a sentence has enough words to carry something.
    pub(super) fn counts(&self, sentence: usize) -> bool {
        self.statement.counts(sentence)
    }

    /// The most alike sentences that count, if they are more alike than this.
    pub(super) fn best_sentences(
        &self,
        other: &Self,
        calibration: &Calibration,
        floor: f32,
    ) -> Option<Alike> {
        let (mut best, mut found) = (floor, None);
        for (source, x) in self.counted() {
            for (target, y) in other.counted() {
                let score = similarity(x, y);
                // Not even with all words in common.
                if calibration.likeness(score, 1.0) <= best {
                    continue;
                }
                let pair = self.pair(other, (source, target), score, calibration);
                if pair.likeness > best {
                    (best, found) = (pair.likeness, Some(pair));
                }
            }
        }
        found
    }

    /// Weight of the longest wording that two sentences of these passages have.
    pub(super) fn wording(&self, other: &Self, found: &Alike) -> f32 {
        let (own, theirs) = (found.source, found.target);
        self.statement
            .wording_of_sentences(own, &other.statement, theirs)
    }

    /// Every sentence beside every sentence of another passage.
    pub(super) fn sentence_pairs(
        &self,
        other: &Self,
        calibration: &Calibration,
    ) -> impl Iterator<Item = Alike> {
        let own = (0..).zip(&self.vectors);
        own.flat_map(move |(source, x)| {
            let theirs = (0..).zip(&other.vectors);
            theirs.map(move |(target, y)| {
                self.pair(other, (source, target), similarity(x, y), calibration)
            })
        })
    }

    fn pair(
        &self,
        other: &Self,
        (source, target): (usize, usize),
        score: f32,
        calibration: &Calibration,
    ) -> Alike {
        let words = self
            .statement
            .words_of_sentences(source, &other.statement, target);
        Alike {
            source,
            target,
            score,
            words,
            likeness: calibration.likeness(score, words),
        }
    }

    /// The sentences that have enough words.
    fn counted(&self) -> impl Iterator<Item = (usize, &'a [f32])> {
        let all = (0..).zip(self.vectors.iter().copied());
        all.filter(|(place, _)| self.statement.counts(*place))
    }
}

/// The greatest weight of a run of words that both texts have in the same order, gaps allowed at a
/// price: the local alignment of Smith & Waterman (1981), a match worth what the word tells.
fn wording_in_common(a: &[(u64, f32)], b: &[(u64, f32)]) -> f32 {
    let mut best = 0.0_f32;
    let mut row = vec![0.0_f32; b.len() + 1];
    for (word, tells) in a {
        let (mut diagonal, mut left) = (0.0_f32, 0.0_f32);
        for ((other, _), cell) in b.iter().zip(&mut row[1..]) {
            let above = *cell;
            let step = if word == other { *tells } else { -GAP };
            let value = (diagonal + step).max(above.max(left) - GAP).max(0.0);
            best = best.max(value);
            diagonal = above;
            left = value;
            *cell = value;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<(u64, f32)> {
        let words = crate::passages::words(text).into_iter();
        words
            .map(|w| (super::super::words::hash(&w.text), 1.0))
            .collect()
    }

    #[test]
    fn wording_is_what_stands_in_the_same_order_with_few_gaps() {
        let weigh = |a: &str, b: &str| wording_in_common(&words(a), &words(b));
        let close = |x: f32, y: f32| (x - y).abs() < 1e-5;
        assert!(close(weigh("a b c d", "x a b c y"), 3.0));
        assert!(close(weigh("a b z c d", "a b c d"), 3.8));
        assert!(close(weigh("a b c", "c b a"), 1.0));
        assert!(close(weigh("a b c", "d e"), 0.0));
        assert!(close(weigh("", "a"), 0.0));
        let (a, b) = (
            "we want a peaceful and secure space",
            "a peaceful secure open space",
        );
        assert!(close(weigh(a, b), weigh(b, a)));
    }
}
