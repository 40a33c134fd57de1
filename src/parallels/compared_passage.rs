//! A passage as it is compared: its words in order, their profile, its sentences.

use std::ops::Range;
use std::sync::Arc;

use crate::index::similarity;
use crate::passages::{TextRange, WordToken};

use super::Calibration;
use super::tf_idf::{IdfTable, TfIdfVector};

/// Sentences of fewer words carry nothing: everybody says "Thank you, Mr. President".
const MIN_INFORMATIVE_WORDS: usize = 5;

/// What a word that is in one text only takes from wording that both have.
const GAP_PENALTY: f32 = 0.2;

/// A passage as it is compared.
#[derive(Debug, Clone)]
pub(super) struct ComparedPassage {
    /// Words in order, each with what it tells.
    weighted_terms: Box<[(u64, f32)]>,
    tf_idf: TfIdfVector,
    sentences: Box<[ComparedSentence]>,
}

#[derive(Debug, Clone)]
struct ComparedSentence {
    tf_idf: TfIdfVector,
    /// Which of the passage's words are its.
    term_range: Range<usize>,
}

impl ComparedPassage {
    /// A passage by its words and the ranges of its sentences in the same coordinates.
    pub(super) fn new(words: &[WordToken], sentences: &[TextRange], lexicon: &IdfTable) -> Self {
        let weighed = lexicon.term_weights(words);
        let sentence = |range: &TextRange| {
            let from = words.partition_point(|word| word.range.start < range.start);
            let to = words.partition_point(|word| word.range.end <= range.end);
            let to = to.max(from);
            ComparedSentence {
                tf_idf: TfIdfVector::from_weighted_terms(weighed[from..to].iter().copied()),
                term_range: from..to,
            }
        };
        Self {
            tf_idf: TfIdfVector::from_weighted_terms(weighed.iter().copied()),
            sentences: sentences.iter().map(sentence).collect(),
            weighted_terms: weighed.into(),
        }
    }

    /// Bytes that it takes, roughly.
    pub(super) fn estimated_bytes(&self) -> usize {
        self.weighted_terms.len() * (16 + 12 + 12) + self.sentences.len() * 64 + 128
    }

    /// Whether the whole has enough words to say something.
    pub(super) fn is_informative(&self) -> bool {
        self.weighted_terms.len() >= MIN_INFORMATIVE_WORDS
    }

    /// How many words a sentence has, or the whole.
    pub(super) fn term_count(&self, sentence: Option<u16>) -> usize {
        sentence.map_or(self.weighted_terms.len(), |place| {
            let sentence = self.sentences.get(usize::from(place));
            sentence.map_or(0, |sentence| sentence.term_range.len())
        })
    }

    /// Whether a sentence has enough words to carry something.
    pub(super) fn is_informative_sentence(&self, sentence: usize) -> bool {
        let sentence = self.sentences.get(sentence);
        sentence.is_some_and(|sentence| sentence.term_range.len() >= MIN_INFORMATIVE_WORDS)
    }

    /// How many of the words that tell both passages have, in [0, 1].
    pub(super) fn lexical_overlap(&self, other: &Self) -> f32 {
        self.tf_idf.cosine(&other.tf_idf)
    }

    /// How many of the words that tell two sentences have, in [0, 1].
    pub(super) fn sentence_lexical_overlap(&self, own: usize, other: &Self, theirs: usize) -> f32 {
        let both = self.sentences.get(own).zip(other.sentences.get(theirs));
        both.map_or(0.0, |(own, theirs)| own.tf_idf.cosine(&theirs.tf_idf))
    }

    /// What no wording that both passages have can weigh more than: all words that the other has as well.
    pub(super) fn max_alignment_score(&self, other: &Self) -> f32 {
        let common = self
            .weighted_terms
            .iter()
            .filter(|(word, _)| other.tf_idf.contains(*word));
        common.map(|(_, tells)| tells).sum()
    }

    /// Weight of the longest wording that two sentences have.
    fn sentence_alignment_score(&self, own: usize, other: &Self, theirs: usize) -> f32 {
        let words = |statement: &Self, place: usize| {
            let sentence = statement.sentences.get(place);
            sentence.map_or(0..0, |sentence| sentence.term_range.clone())
        };
        let (own, theirs) = (words(self, own), words(other, theirs));
        local_alignment_score(&self.weighted_terms[own], &other.weighted_terms[theirs])
    }

    /// Weight of the longest wording that both passages have.
    pub(super) fn alignment_score(&self, other: &Self) -> f32 {
        local_alignment_score(&self.weighted_terms, &other.weighted_terms)
    }
}

/// A passage beside the embeddings of its sentences.
pub(super) struct EmbeddedPassage<'a> {
    passage: Arc<ComparedPassage>,
    sentence_vectors: Vec<&'a [f32]>,
}

/// Two sentences, compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct SentenceMatch {
    /// Place of one among the sentences of its passage.
    pub(super) source: usize,
    pub(super) target: usize,
    pub(super) score: f32,
    pub(super) lexical_overlap: f32,
    pub(super) combined_similarity: f32,
}

impl<'a> EmbeddedPassage<'a> {
    pub(super) fn new(statement: Arc<ComparedPassage>, vectors: Vec<&'a [f32]>) -> Self {
        Self {
            passage: statement,
            sentence_vectors: vectors,
        }
    }

    /// The passage.
    pub(super) fn passage(&self) -> &ComparedPassage {
        &self.passage
    }

    /// Whether a sentence has enough words to carry something.
    pub(super) fn is_informative_sentence(&self, sentence: usize) -> bool {
        self.passage.is_informative_sentence(sentence)
    }

    /// The most alike sentences that count, if they are more alike than this.
    pub(super) fn best_sentence_match(
        &self,
        other: &Self,
        calibration: &Calibration,
        min_similarity: f32,
    ) -> Option<SentenceMatch> {
        let (mut best, mut found) = (min_similarity, None);
        for (source, x) in self.informative_sentences() {
            for (target, y) in other.informative_sentences() {
                let score = similarity(x, y);
                // Not even with all words in common.
                if calibration.combined_similarity(score, 1.0) <= best {
                    continue;
                }
                let pair = self.match_sentences(other, (source, target), score, calibration);
                if pair.combined_similarity > best {
                    (best, found) = (pair.combined_similarity, Some(pair));
                }
            }
        }
        found
    }

    /// Weight of the longest wording that two sentences of these passages have.
    pub(super) fn alignment_score(&self, other: &Self, found: &SentenceMatch) -> f32 {
        let (own, theirs) = (found.source, found.target);
        self.passage
            .sentence_alignment_score(own, &other.passage, theirs)
    }

    /// Every sentence beside every sentence of another passage.
    pub(super) fn sentence_matches(
        &self,
        other: &Self,
        calibration: &Calibration,
    ) -> impl Iterator<Item = SentenceMatch> {
        let own = (0..).zip(&self.sentence_vectors);
        own.flat_map(move |(source, x)| {
            let theirs = (0..).zip(&other.sentence_vectors);
            theirs.map(move |(target, y)| {
                self.match_sentences(other, (source, target), similarity(x, y), calibration)
            })
        })
    }

    fn match_sentences(
        &self,
        other: &Self,
        (source, target): (usize, usize),
        score: f32,
        calibration: &Calibration,
    ) -> SentenceMatch {
        let words = self
            .passage
            .sentence_lexical_overlap(source, &other.passage, target);
        SentenceMatch {
            source,
            target,
            score,
            lexical_overlap: words,
            combined_similarity: calibration.combined_similarity(score, words),
        }
    }

    /// The sentences that have enough words.
    fn informative_sentences(&self) -> impl Iterator<Item = (usize, &'a [f32])> {
        let all = (0..).zip(self.sentence_vectors.iter().copied());
        all.filter(|(place, _)| self.passage.is_informative_sentence(*place))
    }
}

/// The greatest weight of a run of words that both texts have in the same order, gaps allowed at a
/// price: the local alignment of Smith & Waterman (1981), a match worth what the word tells.
fn local_alignment_score(a: &[(u64, f32)], b: &[(u64, f32)]) -> f32 {
    let mut best = 0.0_f32;
    let mut row = vec![0.0_f32; b.len() + 1];
    for (word, tells) in a {
        let (mut diagonal, mut left) = (0.0_f32, 0.0_f32);
        for ((other, _), cell) in b.iter().zip(&mut row[1..]) {
            let above = *cell;
            let step = if word == other { *tells } else { -GAP_PENALTY };
            let value = (diagonal + step)
                .max(above.max(left) - GAP_PENALTY)
                .max(0.0);
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
        let words = crate::passages::tokenize_words(text).into_iter();
        words
            .map(|w| (super::super::tf_idf::term_hash(&w.text), 1.0))
            .collect()
    }

    #[test]
    fn alignment_scores_order_and_gaps() {
        let weigh = |a: &str, b: &str| local_alignment_score(&words(a), &words(b));
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
