//! Parallels: pairs of passages of different documents that say the same thing.
//!
//! A [`Pair`] is two passages with the measures that compare them; a [`Parallel`] is a pair as it is
//! returned, with its texts, its corresponding sentences and the words that both passages share.
//! [`compare`] pairs the passages of two documents, [`CorpusComparison`] those of a corpus. Both read a
//! [`CorpusContext`], which knows for each passage its terms and their IDF ([`tf_idf`]), its nearest
//! neighbours, and how many documents restate it ([`corpus_context`]). [`calibration`] turns similarity
//! into confidence, [`evidence`] loads texts and picks sentences, [`mod@families`] clusters pairs into
//! restatements of one statement, [`export`] writes files, and [`evaluation`] measures the quality of
//! all this on a gold standard. `docs/parallels.md` explains every measure to readers.

mod all_pairs;
mod calibration;
mod canonical;
mod compared_passage;
mod corpus_context;
mod document_pair;
pub mod evaluation;
mod evidence;
pub mod export;
mod families;
mod family_texts;
mod neighbourhood;
mod null_distribution;
mod scope;
mod sentence_index;
mod text_reuse;
mod tf_idf;

use std::cmp::Ordering;
use std::sync::Arc;

use crate::engine::DocumentTable;
use crate::index::IndexError;
use crate::passages::TextRange;
use crate::search::SearchError;
use crate::store::{DocumentSummary, PassageRecord, StoreError};

pub use all_pairs::{ComparisonStep, CorpusComparison, CorpusMatches, FilteredCounts};
pub use calibration::Calibration;
pub use corpus_context::{CorpusContext, MARGIN_NEIGHBOURS, MIN_COSINE, MIN_EQUIVALENT_CONFIDENCE};
pub use document_pair::{DocumentMatches, PairThresholds, compare, compare_cancellable};
pub use evidence::ParallelLoader;
pub use families::{Families, Family, FamilyMember, FamilyOptions, ValueCounts, cluster_families};
pub use family_texts::{FamilyTexts, MemberText};
pub use neighbourhood::{LocalDensity, Neighbourhood, Prevalence};
pub use null_distribution::NullDistribution;
pub use scope::Scope;
pub use sentence_index::SentenceIndex;
pub use text_reuse::TextReuse;

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
    fn by_confidence(&self, other: &Self) -> Ordering {
        let confidence = other.confidence.total_cmp(&self.confidence);
        confidence.then_with(|| self.matched_by.cmp(&other.matched_by))
    }

    /// Orders by target, then by descending confidence.
    fn by_target(&self, other: &Self, table: &DocumentTable) -> Ordering {
        let targets = table.compare_rows(self.target, other.target);
        targets.then_with(|| self.by_confidence(other))
    }
}

/// Name of [`MatchUnit::Passage`] in files and responses.
const PASSAGES_NAME: &str = "passages";

/// Name of [`MatchUnit::Sentence`] in files and responses.
const SENTENCES_NAME: &str = "sentences";

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
    fn sentence_pair(source: usize, target: usize) -> Self {
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
    fn compare(self, other: Self, table: &DocumentTable) -> Ordering {
        let rows = table.compare_rows(self.row, other.row);
        rows.then_with(|| self.sentence.cmp(&other.sentence))
    }
}

/// Thresholds that a pair must reach to be returned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Minimum cosine of the matched text; lower ones are not examined.
    pub min_score: f32,
    /// Minimum confidence.
    pub min_confidence: f32,
    /// Minimum margin: a text that is close to everything is close to nothing in particular (hubness).
    pub min_margin: f32,
    /// How to treat formulas.
    pub formulas: FormulaPolicy,
    /// A statement is a formula if this share of all documents restates it, and at least
    /// [`MIN_FORMULA_DOCUMENTS`].
    pub formula_share: f32,
}

/// Minimum number of documents that restate a formula, however small the corpus.
pub const MIN_FORMULA_DOCUMENTS: usize = 5;

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            min_score: MIN_COSINE,
            min_confidence: 0.8,
            min_margin: 0.9,
            formulas: FormulaPolicy::Exclude,
            formula_share: 0.01,
        }
    }
}

impl Thresholds {
    /// Rejects values out of range.
    ///
    /// # Errors
    ///
    /// [`ParallelsError::OutOfRange`] with the name of the value and its range.
    pub fn check(&self) -> Result<(), ParallelsError> {
        let checks = [
            ("min_score", self.min_score, -1.0, 1.0),
            ("min_confidence", self.min_confidence, 0.0, 1.0),
            ("min_margin", self.min_margin, 0.0, 10.0),
            ("formula_share", self.formula_share, 0.0, 1.0),
        ];
        for (name, received, min, max) in checks {
            if !(min..=max).contains(&received) {
                return Err(ParallelsError::OutOfRange {
                    name,
                    expected: format!("{min} to {max}"),
                    received: received.to_string(),
                });
            }
        }
        Ok(())
    }

    /// Returns the number of documents from which a statement counts as a formula.
    #[must_use]
    pub fn min_formula_documents(&self, documents: usize) -> usize {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let share = (documents as f32 * self.formula_share).ceil() as usize;
        share.max(MIN_FORMULA_DOCUMENTS)
    }
}

/// How to treat formulas: formulaic text that a large part of the documents contains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FormulaPolicy {
    /// Excludes and counts them.
    #[default]
    Exclude,
    /// Includes and marks them.
    Include,
    /// Returns nothing else.
    Only,
}

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

/// Cancellation check: returns `false` once nobody waits for the result.
pub type ShouldContinue<'a> = &'a (dyn Fn() -> bool + Sync);

/// An error while parallels are computed.
#[derive(Debug, thiserror::Error)]
pub enum ParallelsError {
    /// A document does not exist.
    #[error("document {id} not found")]
    NoSuchDocument {
        /// Its id.
        id: String,
    },
    /// A passage does not exist.
    #[error("passage {id} not found")]
    NoSuchPassage {
        /// Its id.
        id: String,
    },
    /// A document is compared with itself.
    #[error("{id} compared with itself; expected two different documents")]
    SameDocument {
        /// Its id.
        id: String,
    },
    /// A value is out of range.
    #[error("{name} is {received}; expected {expected}")]
    OutOfRange {
        /// Name of the value.
        name: &'static str,
        /// Its valid range.
        expected: String,
        /// The value received.
        received: String,
    },
    /// A metadata field does not exist in the corpus.
    #[error("unknown field {received}; expected one of: {known}")]
    UnknownField {
        /// Name of the parameter that contains it.
        parameter: &'static str,
        /// The unknown name.
        received: String,
        /// The fields of the corpus.
        known: String,
    },
    /// A filter is invalid.
    #[error(transparent)]
    Filter(SearchError),
    /// A row belongs to another snapshot.
    #[error("passage belongs to another snapshot")]
    SnapshotMismatch,
    /// The caller no longer waits for the result.
    #[error("comparison cancelled")]
    Cancelled,
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
