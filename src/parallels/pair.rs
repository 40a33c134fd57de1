//! A pair of passages, and the unit of both that matches.

use std::cmp::Ordering;

use crate::engine::DocumentTable;

/// Two passages and the measures that compare them. Rows are those of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Row of the source passage.
    pub source: u32,
    /// Row of the target passage.
    pub target: u32,
    /// The unit that matches, which the measures describe.
    pub matched_by: MatchUnit,
    /// Cosine of the embeddings, in [-1, 1].
    pub score: f32,
    /// TF-IDF cosine, in [0, 1].
    pub lexical_overlap: f32,
    /// Weighted mean of cosine and lexical overlap.
    pub combined_similarity: f32,
    /// Estimated probability that both say the same thing, in [0, 1).
    pub confidence: f32,
}

impl Pair {
    /// Returns the matched unit of each side.
    #[must_use]
    pub fn text_units(&self) -> (TextUnit, TextUnit) {
        let (source_sentence, target_sentence) = match self.matched_by {
            MatchUnit::Passage => (None, None),
            MatchUnit::Sentence { source, target } => (Some(source), Some(target)),
        };
        let unit = |row, sentence| TextUnit { row, sentence };
        (
            unit(self.source, source_sentence),
            unit(self.target, target_sentence),
        )
    }

    /// Orders by descending confidence, then whole passages before sentences, then by position.
    pub(super) fn by_confidence(&self, other: &Self) -> Ordering {
        let confidence = other.confidence.total_cmp(&self.confidence);
        confidence.then_with(|| self.matched_by.cmp(&other.matched_by))
    }

    /// Orders by target, then by descending confidence.
    pub(super) fn by_target(&self, other: &Self, table: &DocumentTable) -> Ordering {
        let targets = table.compare_rows(self.target, other.target);
        targets.then_with(|| self.by_confidence(other))
    }
}

/// Name of [`MatchUnit::Passage`] in files and responses.
pub(super) const PASSAGES_NAME: &str = "passages";

/// Name of [`MatchUnit::Sentence`] in files and responses.
pub(super) const SENTENCES_NAME: &str = "sentences";

/// The part of two passages that matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchUnit {
    /// The whole passages.
    Passage,
    /// One sentence of each, by its index in the passage, from 0.
    Sentence {
        /// Index in the source passage.
        source: u16,
        /// Index in the target passage.
        target: u16,
    },
}

impl MatchUnit {
    pub(super) fn sentence_pair(source: usize, target: usize) -> Self {
        // A passage has at most a few hundred word pieces.
        let saturated = |index| u16::try_from(index).unwrap_or(u16::MAX);
        Self::Sentence {
            source: saturated(source),
            target: saturated(target),
        }
    }

    /// Returns its name in files and responses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Passage => PASSAGES_NAME,
            Self::Sentence { .. } => SENTENCES_NAME,
        }
    }

    /// Returns a phrase that names the unit in a sentence.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Passage => "the whole passages",
            Self::Sentence { .. } => "a sentence of each",
        }
    }
}

/// A passage, or a sentence of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextUnit {
    /// Row of the passage.
    pub row: u32,
    /// Index of the sentence in the passage, from 0; `None` for the whole passage.
    pub sentence: Option<u16>,
}

impl TextUnit {
    /// Orders by document, passage and sentence, a whole passage before its sentences.
    pub(super) fn compare(self, other: Self, table: &DocumentTable) -> Ordering {
        let rows = table.compare_rows(self.row, other.row);
        rows.then_with(|| self.sentence.cmp(&other.sentence))
    }
}
