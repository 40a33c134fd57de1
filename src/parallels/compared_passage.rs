//! A passage as it is compared: its terms in order, their TF-IDF vector, its sentences.

use std::ops::Range;
use std::sync::Arc;

use crate::index::similarity;
use crate::passages::{TextRange, WordToken};

use super::calibration::Calibration;
use super::tf_idf::{IdfTable, TfIdfVector};

/// Minimum number of words of a passage or sentence that can match: everybody says "Thank you, Mr.
/// President".
const MIN_INFORMATIVE_WORDS: usize = 5;

/// Penalty of a gap in a local alignment.
const GAP_PENALTY: f32 = 0.2;

/// A passage as it is compared.
#[derive(Debug, Clone)]
pub(super) struct ComparedPassage {
    /// Hashes of the terms in order, each with its weight.
    weighted_terms: Box<[(u64, f32)]>,
    tf_idf: TfIdfVector,
    sentences: Box<[ComparedSentence]>,
}

#[derive(Debug, Clone)]
struct ComparedSentence {
    tf_idf: TfIdfVector,
    /// Its range among the terms of the passage.
    term_range: Range<usize>,
}

impl ComparedPassage {
    /// Creates a passage from its words and the ranges of its sentences, in the same coordinates.
    pub(super) fn new(words: &[WordToken], sentences: &[TextRange], idf_table: &IdfTable) -> Self {
        let weighted = idf_table.term_weights(words);
        let sentence = |range: &TextRange| {
            let from = words.partition_point(|word| word.range.start < range.start);
            let to = words.partition_point(|word| word.range.end <= range.end);
            let to = to.max(from);
            ComparedSentence {
                tf_idf: TfIdfVector::from_weighted_terms(weighted[from..to].iter().copied()),
                term_range: from..to,
            }
        };
        Self {
            tf_idf: TfIdfVector::from_weighted_terms(weighted.iter().copied()),
            sentences: sentences.iter().map(sentence).collect(),
            weighted_terms: weighted.into(),
        }
    }

    /// Returns the approximate memory use, in bytes.
    pub(super) fn estimated_bytes(&self) -> usize {
        self.weighted_terms.len() * (16 + 12 + 12) + self.sentences.len() * 64 + 128
    }

    /// Returns whether the whole passage has enough words to match.
    pub(super) fn is_informative(&self) -> bool {
        self.weighted_terms.len() >= MIN_INFORMATIVE_WORDS
    }

    /// Returns the number of words of a sentence, or of the whole passage.
    pub(super) fn term_count(&self, sentence: Option<u16>) -> usize {
        sentence.map_or(self.weighted_terms.len(), |index| {
            let sentence = self.sentences.get(usize::from(index));
            sentence.map_or(0, |sentence| sentence.term_range.len())
        })
    }

    /// Returns whether a sentence has enough words to match.
    pub(super) fn is_informative_sentence(&self, sentence: usize) -> bool {
        let sentence = self.sentences.get(sentence);
        sentence.is_some_and(|sentence| sentence.term_range.len() >= MIN_INFORMATIVE_WORDS)
    }

    /// Returns the TF-IDF cosine of two passages, in [0, 1].
    pub(super) fn lexical_overlap(&self, other: &Self) -> f32 {
        self.tf_idf.cosine(&other.tf_idf)
    }

    /// Returns the TF-IDF cosine of two sentences, in [0, 1].
    pub(super) fn sentence_lexical_overlap(
        &self,
        sentence: usize,
        other: &Self,
        other_sentence: usize,
    ) -> f32 {
        let both = self
            .sentences
            .get(sentence)
            .zip(other.sentences.get(other_sentence));
        both.map_or(0.0, |(a, b)| a.tf_idf.cosine(&b.tf_idf))
    }

    /// Returns an upper bound of the alignment score: the weight of all terms that the other passage
    /// contains.
    pub(super) fn max_alignment_score(&self, other: &Self) -> f32 {
        let shared = self
            .weighted_terms
            .iter()
            .filter(|(term, _)| other.tf_idf.contains(*term));
        shared.map(|(_, weight)| weight).sum()
    }

    /// Returns the local alignment score of two sentences.
    fn sentence_alignment_score(
        &self,
        sentence: usize,
        other: &Self,
        other_sentence: usize,
    ) -> f32 {
        let terms = |passage: &Self, index: usize| {
            let sentence = passage.sentences.get(index);
            sentence.map_or(0..0, |sentence| sentence.term_range.clone())
        };
        let (range, other_range) = (terms(self, sentence), terms(other, other_sentence));
        local_alignment_score(
            &self.weighted_terms[range],
            &other.weighted_terms[other_range],
        )
    }

    /// Returns the local alignment score of two passages.
    pub(super) fn alignment_score(&self, other: &Self) -> f32 {
        local_alignment_score(&self.weighted_terms, &other.weighted_terms)
    }
}

/// A passage with the embeddings of its sentences.
pub(super) struct EmbeddedPassage<'a> {
    passage: Arc<ComparedPassage>,
    sentence_vectors: Vec<&'a [f32]>,
}

/// Two sentences and the measures that compare them.
#[derive(Debug, Clone, Copy)]
pub(super) struct SentenceMatch {
    /// Index of the sentence in its passage.
    pub(super) source: usize,
    pub(super) target: usize,
    pub(super) score: f32,
    pub(super) lexical_overlap: f32,
    pub(super) combined_similarity: f32,
}

impl<'a> EmbeddedPassage<'a> {
    pub(super) fn new(passage: Arc<ComparedPassage>, sentence_vectors: Vec<&'a [f32]>) -> Self {
        Self {
            passage,
            sentence_vectors,
        }
    }

    /// Returns the passage.
    pub(super) fn passage(&self) -> &ComparedPassage {
        &self.passage
    }

    /// Returns whether a sentence has enough words to match.
    pub(super) fn is_informative_sentence(&self, sentence: usize) -> bool {
        self.passage.is_informative_sentence(sentence)
    }

    /// Returns the most similar informative sentences, if their combined similarity exceeds
    /// `min_similarity`.
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
                // The cosine is too low even for a full lexical overlap.
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

    /// Returns the local alignment score of two sentences of these passages.
    pub(super) fn alignment_score(&self, other: &Self, found: &SentenceMatch) -> f32 {
        self.passage
            .sentence_alignment_score(found.source, &other.passage, found.target)
    }

    /// Compares every sentence with every sentence of another passage.
    pub(super) fn sentence_matches(
        &self,
        other: &Self,
        calibration: &Calibration,
    ) -> impl Iterator<Item = SentenceMatch> {
        let sources = (0..).zip(&self.sentence_vectors);
        sources.flat_map(move |(source, x)| {
            let targets = (0..).zip(&other.sentence_vectors);
            targets.map(move |(target, y)| {
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
        let lexical_overlap = self
            .passage
            .sentence_lexical_overlap(source, &other.passage, target);
        SentenceMatch {
            source,
            target,
            score,
            lexical_overlap,
            combined_similarity: calibration.combined_similarity(score, lexical_overlap),
        }
    }

    /// Returns the sentences with enough words, with their indices and embeddings.
    fn informative_sentences(&self) -> impl Iterator<Item = (usize, &'a [f32])> {
        let all = (0..).zip(self.sentence_vectors.iter().copied());
        all.filter(|(index, _)| self.passage.is_informative_sentence(*index))
    }
}

/// Returns the score of the best local alignment (Smith and Waterman 1981) of two sequences: a match
/// adds the weight of its term, a gap subtracts.
fn local_alignment_score(a: &[(u64, f32)], b: &[(u64, f32)]) -> f32 {
    let mut best = 0.0_f32;
    let mut row = vec![0.0_f32; b.len() + 1];
    for (term, weight) in a {
        let (mut diagonal, mut left) = (0.0_f32, 0.0_f32);
        for ((other, _), cell) in b.iter().zip(&mut row[1..]) {
            let above = *cell;
            let step = if term == other { *weight } else { -GAP_PENALTY };
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

    fn weighted_terms(text: &str) -> Vec<(u64, f32)> {
        let words = crate::passages::tokenize_words(text).into_iter();
        words
            .map(|w| (super::super::tf_idf::term_hash(&w.text), 1.0))
            .collect()
    }

    #[test]
    fn alignment_scores_order_and_gaps() {
        let score =
            |a: &str, b: &str| local_alignment_score(&weighted_terms(a), &weighted_terms(b));
        let close = |x: f32, y: f32| (x - y).abs() < 1e-5;
        assert!(close(score("a b c d", "x a b c y"), 3.0));
        assert!(close(score("a b z c d", "a b c d"), 3.8));
        assert!(close(score("a b c", "c b a"), 1.0));
        assert!(close(score("a b c", "d e"), 0.0));
        assert!(close(score("", "a"), 0.0));
        let (a, b) = (
            "we want a peaceful and secure space",
            "a peaceful secure open space",
        );
        assert!(close(score(a, b), score(b, a)));
    }
}
