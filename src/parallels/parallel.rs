//! Parallels: pairs with texts and evidence.

use std::sync::Arc;

use crate::passages::TextRange;
use crate::store::{DocumentSummary, PassageRecord};

use super::neighbourhood::Prevalence;
use super::pair::{MatchUnit, Pair};
use super::text_reuse::TextReuse;

/// A pair of passages of different documents that say the same thing, with texts and evidence.
#[derive(Debug, Clone)]
pub struct Parallel {
    /// The pair and its measures.
    pub pair: Pair,
    /// Cosine of the whole passages, whichever unit matches.
    pub passage_score: f32,
    /// Combined similarity divided by the mean of both neighbourhoods; `None` if one has no neighbours.
    pub margin: Option<f32>,
    /// Percentage of random pairs of the corpus, of passages or sentences as matched, with a lower
    /// cosine.
    pub percentile: Option<f64>,
    /// Text reuse in the matched text.
    pub text_reuse: TextReuse,
    /// Local alignment score of the whole passages; a rare shared word adds up to 1.
    pub alignment_score: f32,
    /// Whether the matched text is a formula.
    pub formula: bool,
    /// The source passage.
    pub source: Side,
    /// The target passage.
    pub target: Side,
    /// Corresponding sentences, each in at most one pair: the matched pair first, if sentences match,
    /// then by combined similarity and alignment score.
    pub sentences: Vec<SentencePair>,
}

impl Parallel {
    /// Returns the matched sentences; `None` if whole passages match.
    #[must_use]
    pub fn matched_sentence_pair(&self) -> Option<&SentencePair> {
        match self.pair.matched_by {
            MatchUnit::Passage => None,
            MatchUnit::Sentence { .. } => self.sentences.first(),
        }
    }
}

/// One passage of a parallel.
#[derive(Debug, Clone)]
pub struct Side {
    /// The passage.
    pub passage: PassageRecord,
    /// Its document, without the text.
    pub document: Arc<DocumentSummary>,
    /// Ranges shared with the other passage, in characters of the document.
    pub shared: Vec<TextRange>,
    /// How widely the matched text of this side is restated in the corpus.
    pub prevalence: Prevalence,
}

/// A pair of corresponding sentences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SentencePair {
    /// Range in the source document, in characters.
    pub source: TextRange,
    /// Range in the target document.
    pub target: TextRange,
    /// Cosine of their embeddings.
    pub score: f32,
    /// Estimated probability that the two sentences alone say the same thing.
    pub confidence: f32,
    /// Text reuse in the two sentences.
    pub text_reuse: TextReuse,
}
