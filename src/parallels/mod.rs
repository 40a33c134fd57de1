//! Who said the same thing, where, when, and how sure we are.
//!
//! A [`Pair`] is two passages of different documents with the numbers that compare them; a
//! [`Parallel`] is one that is answered with: texts, the sentences that carry it, the words that both
//! have. [`compare`] pairs two documents, [`Sweep`] a whole corpus; both ask a [`Survey`], which knows
//! each passage's place among all others: its words ([`words`]), who is near to it and how common it
//! is ([`survey`]). [`calibration`] makes a confidence of that, [`evidence`] says what carries it,
//! [`mod@families`] gathers pairs into statements that were made again and again, [`export`] writes
//! files, [`gold`] measures how good the numbers are. `docs/parallels.md`
//! explains every number for those who read them.

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

/// Two passages, compared. Rows are those of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The row of one.
    pub source: u32,
    /// The row of the other.
    pub target: u32,
    /// What says the same; the numbers are its.
    pub matched_by: MatchUnit,
    /// Cosine of the embeddings, in [-1, 1].
    pub score: f32,
    /// How many of the words that tell both have, in [0, 1].
    pub lexical_overlap: f32,
    /// Mean of cosine and words in common.
    pub combined_similarity: f32,
    /// How sure it is that both say the same thing, in [0, 1).
    pub confidence: f32,
}

impl Pair {
    /// What carries it on each side.
    #[must_use]
    pub fn text_units(&self) -> (TextUnit, TextUnit) {
        let (own, theirs) = match self.matched_by {
            MatchUnit::Passage => (None, None),
            MatchUnit::Sentence { source, target } => (Some(source), Some(target)),
        };
        let unit = |row, sentence| TextUnit { row, sentence };
        (unit(self.source, own), unit(self.target, theirs))
    }

    /// The surer one first; of equals that of whole passages, then that of earlier sentences.
    fn by_confidence(&self, other: &Self) -> Ordering {
        let confidence = other.confidence.total_cmp(&self.confidence);
        confidence.then_with(|| self.matched_by.cmp(&other.matched_by))
    }

    /// In the order of targets, those of one target the surest first.
    fn by_target(&self, other: &Self, catalogue: &DocumentTable) -> Ordering {
        let targets = catalogue.compare_rows(self.target, other.target);
        targets.then_with(|| self.by_confidence(other))
    }
}

/// The name of [`Carrier::Passages`] in files and answers.
const PASSAGES_NAME: &str = "passages";

/// The name of [`Carrier::Sentences`].
const SENTENCES_NAME: &str = "sentences";

/// What of two passages says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchUnit {
    /// All that they say.
    Passage,
    /// A sentence of each, by its place in the passage, from 0.
    Sentence {
        /// Place in one.
        source: u16,
        /// Place in the other.
        target: u16,
    },
}

impl MatchUnit {
    fn sentence_pair(source: usize, target: usize) -> Self {
        // A passage has at most a few hundred word pieces.
        let place = |place| u16::try_from(place).unwrap_or(u16::MAX);
        Self::Sentence {
            source: place(source),
            target: place(target),
        }
    }

    /// Its name in files and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Passage => PASSAGES_NAME,
            Self::Sentence { .. } => SENTENCES_NAME,
        }
    }

    /// The same in a sentence that says whose a number is.
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
    /// The passage's row.
    pub row: u32,
    /// The sentence's place in the passage, from 0; `None` for the whole passage.
    pub sentence: Option<u16>,
}

impl TextUnit {
    /// In the order of documents and their passages, the whole before its sentences.
    fn compare(self, other: Self, catalogue: &DocumentTable) -> Ordering {
        let rows = catalogue.compare_rows(self.row, other.row);
        rows.then_with(|| self.sentence.cmp(&other.sentence))
    }
}

/// What a pair must have to be answered with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// The least cosine of what carries a pair: what is below is not looked at.
    pub min_score: f32,
    /// The least confidence.
    pub min_confidence: f32,
    /// The least margin: a passage that is near to everything is near to nothing.
    pub min_margin: f32,
    /// What becomes of formulas.
    pub formulas: FormulaPolicy,
    /// A statement is a formula if nearly the same is said in this share of all documents, and in at
    /// least [`FEWEST_FORMULA`].
    pub formula_share: f32,
}

/// In fewer documents nothing is a formula.
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
    /// Refuses what is out of range.
    ///
    /// # Errors
    ///
    /// Names the value at fault and its range.
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

    /// The number of documents from which on what they all say is a formula.
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

/// What becomes of what nearly everybody says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FormulaPolicy {
    /// It is left out, and counted.
    #[default]
    Exclude,
    /// It stays, and is marked.
    Include,
    /// Nothing else is wanted.
    Only,
}

/// A pair of passages of different documents that say the same thing.
#[derive(Debug, Clone)]
pub struct Parallel {
    /// The numbers.
    pub pair: Pair,
    /// Cosine of the whole passages, whatever carries the pair.
    pub passage_score: f32,
    /// How far it stands out from the neighbourhoods of both passages.
    pub margin: Option<f32>,
    /// Of 100 random pairs of the corpus, of passages or of sentences as the carrier is, how many are less
    /// alike.
    pub percentile: Option<f64>,
    /// How near the words of what carries it are.
    pub text_reuse: TextReuse,
    /// Weight of the longest wording that both have: a word that is in few passages counts up to 1.
    pub alignment_score: f32,
    /// Whether what carries it is a formula.
    pub formula: bool,
    /// One passage.
    pub source: Side,
    /// The other.
    pub target: Side,
    /// The sentences that say the same: first those that carry it, then the most telling, by
    /// likeness and common wording; each stands in one pair.
    pub sentences: Vec<SentencePair>,
}

impl Parallel {
    /// The sentences that carry it; none where whole passages do.
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
    /// Where it holds words that the other has as well, in characters of the document.
    pub shared: Vec<TextRange>,
    /// In how much of the corpus is said nearly what carries the pair here.
    pub prevalence: Prevalence,
}

/// Two sentences that answer each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SentencePair {
    /// Where one stands, in characters of its document.
    pub source: TextRange,
    /// Where the other stands.
    pub target: TextRange,
    /// Cosine of their embeddings.
    pub score: f32,
    /// How sure it is that they say the same thing, if nothing else is read.
    pub confidence: f32,
    /// How near their words are.
    pub text_reuse: TextReuse,
}

/// Says whether anybody still waits for what is being done.
pub type ShouldContinue<'a> = &'a (dyn Fn() -> bool + Sync);

/// Why there are no parallels.
#[derive(Debug, thiserror::Error)]
pub enum ParallelsError {
    /// A document is not there.
    #[error("there is no document {id}")]
    NoSuchDocument {
        /// Its id.
        id: String,
    },
    /// A passage is not there.
    #[error("there is no passage {id}")]
    NoSuchPassage {
        /// Its id.
        id: String,
    },
    /// Both documents are the same.
    #[error("{id} is compared with itself; expected two documents")]
    SameDocument {
        /// Its id.
        id: String,
    },
    /// A value is out of range.
    #[error("{name} is {received}; expected {expected}")]
    OutOfRange {
        /// The value's name.
        name: &'static str,
        /// Its range.
        expected: String,
        /// The value received.
        received: String,
    },
    /// A field is not known.
    #[error("{received} is no field; known fields: {known}")]
    UnknownField {
        /// What named it.
        parameter: &'static str,
        /// The name received.
        received: String,
        /// Those that there are.
        known: String,
    },
    /// A filter is wrong.
    #[error(transparent)]
    Filter(SearchError),
    /// A row belongs to another snapshot.
    #[error("a passage of another snapshot was asked for")]
    SnapshotMismatch,
    /// Whoever asked does not wait any more.
    #[error("the comparison was cancelled")]
    Cancelled,
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
