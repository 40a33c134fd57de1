//! A passage as it is compared: its words in order, their profile, its sentences.

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
    /// `[sentences, dimension]`.
    vectors: Box<[f32]>,
}

#[derive(Debug, Clone)]
struct Sentence {
    profile: Profile,
    words: usize,
}

impl Sentence {
    /// Whether it has enough words to say something.
    fn counts(&self) -> bool {
        self.words >= FEWEST_WORDS
    }
}

impl Statement {
    /// A passage by its words, the ranges of its sentences in the same coordinates, and their vectors.
    pub(super) fn new(
        words: &[Word],
        sentences: &[TextRange],
        vectors: Vec<f32>,
        lexicon: &Lexicon,
    ) -> Self {
        let weighed = lexicon.weights(words);
        let sentence = |range: &TextRange| {
            let from = words.partition_point(|word| word.range.start < range.start);
            let to = words.partition_point(|word| word.range.end <= range.end);
            let own = weighed.get(from..to).unwrap_or_default();
            Sentence {
                profile: Profile::of(own.iter().copied()),
                words: own.len(),
            }
        };
        Self {
            profile: Profile::of(weighed.iter().copied()),
            sentences: sentences.iter().map(sentence).collect(),
            words: weighed.into(),
            vectors: vectors.into(),
        }
    }

    /// Bytes that it takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        let words = self.words.len() * (16 + 16 + 16);
        size_of_val(&*self.vectors) + words + self.sentences.len() * 64 + 128
    }

    /// Compares two passages of a known cosine: their words in common, and their likeness.
    pub(super) fn compare(
        &self,
        other: &Self,
        score: f32,
        calibration: &Calibration,
    ) -> (f32, f32) {
        let words = self.profile.common(&other.profile);
        let whole = calibration.likeness(score, words);
        (words, self.best_sentences(other, calibration, whole))
    }

    /// The likeness of the most alike sentences that count; 0 where there are none.
    pub(super) fn sentence_likeness(&self, other: &Self, calibration: &Calibration) -> f32 {
        self.best_sentences(other, calibration, 0.0)
    }

    /// What no wording that both passages have can weigh more than: all words that the other has as well.
    pub(super) fn most_wording(&self, other: &Self) -> f32 {
        let common = self
            .words
            .iter()
            .filter(|(word, _)| other.profile.holds(*word));
        common.map(|(_, tells)| tells).sum()
    }

    /// Weight of the longest wording that both passages have.
    pub(super) fn wording(&self, other: &Self) -> f32 {
        wording_in_common(&self.words, &other.words)
    }

    /// The likeness of the most alike sentences that count, if it is more than this.
    fn best_sentences(&self, other: &Self, calibration: &Calibration, floor: f32) -> f32 {
        let mut best = floor;
        for (_, own, x) in self.placed().filter(|(_, own, _)| own.counts()) {
            for (_, theirs, y) in other.placed().filter(|(_, theirs, _)| theirs.counts()) {
                let score = similarity(x, y);
                // Not even with all words in common.
                if calibration.likeness(score, 1.0) > best {
                    let words = own.profile.common(&theirs.profile);
                    best = best.max(calibration.likeness(score, words));
                }
            }
        }
        best
    }

    /// Every sentence beside every sentence of another passage.
    pub(super) fn sentence_pairs(
        &self,
        other: &Self,
        calibration: &Calibration,
    ) -> impl Iterator<Item = Sentences> {
        self.placed().flat_map(move |(source, own, x)| {
            other.placed().map(move |(target, theirs, y)| {
                let score = similarity(x, y);
                let words = own.profile.common(&theirs.profile);
                let likeness = calibration.likeness(score, words);
                Sentences {
                    source,
                    target,
                    score,
                    confidence: calibration.confidence(likeness),
                    counts: own.counts() && theirs.counts(),
                }
            })
        })
    }

    /// The sentences with their places and vectors.
    fn placed(&self) -> impl Iterator<Item = (usize, &Sentence, &[f32])> {
        let dimension = self.vectors.len() / self.sentences.len().max(1);
        let vectors = self.vectors.chunks_exact(dimension.max(1));
        let sentences = self.sentences.iter().enumerate().zip(vectors);
        sentences.map(|((place, sentence), vector)| (place, sentence, vector))
    }
}

/// Two sentences, compared.
pub(super) struct Sentences {
    /// Place of one among the sentences of its passage.
    pub(super) source: usize,
    pub(super) target: usize,
    pub(super) score: f32,
    pub(super) confidence: f32,
    /// Whether both have enough words to say something.
    pub(super) counts: bool,
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
