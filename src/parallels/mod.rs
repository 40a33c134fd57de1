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

mod background;
mod calibration;
mod canonical;
mod documents;
mod evidence;
pub mod export;
mod families;
pub mod gold;
mod neighbourhood;
mod scope;
mod sentences;
mod statement;
mod survey;
mod sweep;
mod texts;
mod wording;
mod words;

use std::cmp::Ordering;
use std::sync::Arc;

use crate::engine::Catalogue;
use crate::index::IndexError;
use crate::passages::TextRange;
use crate::search::SearchError;
use crate::store::{DocumentSummary, PassageRecord, StoreError};

pub use background::Background;
pub use calibration::Calibration;
pub use documents::{Comparison, Enough, compare, compare_while};
pub use evidence::Reader;
pub use families::{Families, Family, FamilyOptions, Member, Spread, families};
pub use neighbourhood::{Around, Commonness, Neighbourhood};
pub use scope::Scope;
pub use sentences::Sentences;
pub use survey::{EQUIVALENT, NEAR, NEIGHBOURS, Survey};
pub use sweep::{LeftOut, Step, Sweep, Swept};
pub use texts::{FamilyTexts, MemberText};
pub use wording::Wording;

/// Two passages, compared. Rows are those of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The row of one.
    pub source: u32,
    /// The row of the other.
    pub target: u32,
    /// What says the same; the numbers are its.
    pub carrier: Carrier,
    /// Cosine of the embeddings, in [-1, 1].
    pub score: f32,
    /// How many of the words that tell both have, in [0, 1].
    pub words: f32,
    /// Mean of cosine and words in common.
    pub likeness: f32,
    /// How sure it is that both say the same thing, in [0, 1).
    pub confidence: f32,
}

impl Pair {
    /// What carries it on each side.
    #[must_use]
    pub fn units(&self) -> (Unit, Unit) {
        let (own, theirs) = match self.carrier {
            Carrier::Passages => (None, None),
            Carrier::Sentences { source, target } => (Some(source), Some(target)),
        };
        let unit = |row, sentence| Unit { row, sentence };
        (unit(self.source, own), unit(self.target, theirs))
    }

    /// The surer one first; of equals that of whole passages, then that of earlier sentences.
    fn surer(&self, other: &Self) -> Ordering {
        let confidence = other.confidence.total_cmp(&self.confidence);
        confidence.then_with(|| self.carrier.cmp(&other.carrier))
    }

    /// In the order of targets, those of one target the surest first.
    fn before(&self, other: &Self, catalogue: &Catalogue) -> Ordering {
        let targets = catalogue.compare(self.target, other.target);
        targets.then_with(|| self.surer(other))
    }
}

/// The name of [`Carrier::Passages`] in files and answers.
const PASSAGES: &str = "passages";

/// The name of [`Carrier::Sentences`].
const SENTENCES: &str = "sentences";

/// What of two passages says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carrier {
    /// All that they say.
    Passages,
    /// A sentence of each, by its place in the passage, from 0.
    Sentences {
        /// Place in one.
        source: u16,
        /// Place in the other.
        target: u16,
    },
}

impl Carrier {
    fn sentences(source: usize, target: usize) -> Self {
        // A passage has at most a few hundred word pieces.
        let place = |place| u16::try_from(place).unwrap_or(u16::MAX);
        Self::Sentences {
            source: place(source),
            target: place(target),
        }
    }

    /// Its name in files and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Passages => PASSAGES,
            Self::Sentences { .. } => SENTENCES,
        }
    }

    /// The same in a sentence that says whose a number is.
    #[must_use]
    pub fn said(self) -> &'static str {
        match self {
            Self::Passages => "the whole passages",
            Self::Sentences { .. } => "a sentence of each",
        }
    }
}

/// A passage, or a sentence of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    /// The passage's row.
    pub row: u32,
    /// The sentence's place in the passage, from 0; `None` for the whole passage.
    pub sentence: Option<u16>,
}

impl Unit {
    /// In the order of documents and their passages, the whole before its sentences.
    fn compare(self, other: Self, catalogue: &Catalogue) -> Ordering {
        let rows = catalogue.compare(self.row, other.row);
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
    pub formulas: Formulas,
    /// A statement is a formula if nearly the same is said in this share of all documents, and in at
    /// least [`FEWEST_FORMULA`].
    pub formula_share: f32,
}

/// In fewer documents nothing is a formula.
pub const FEWEST_FORMULA: usize = 5;

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            min_score: NEAR,
            min_confidence: 0.8,
            min_margin: 0.9,
            formulas: Formulas::Exclude,
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
        for (name, received, least, most) in checks {
            if !(least..=most).contains(&received) {
                return Err(ParallelsError::Parameter {
                    name,
                    expected: format!("{least} to {most}"),
                    received: received.to_string(),
                });
            }
        }
        Ok(())
    }

    /// The number of documents from which on what they all say is a formula.
    #[must_use]
    pub fn formula_from(&self, documents: usize) -> usize {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let share = (documents as f32 * self.formula_share).ceil() as usize;
        share.max(FEWEST_FORMULA)
    }
}

/// What becomes of what nearly everybody says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Formulas {
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
    pub wording: Wording,
    /// Weight of the longest wording that both have: a word that is in few passages counts up to 1.
    pub phrase: f32,
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
    pub fn carrying(&self) -> Option<&SentencePair> {
        match self.pair.carrier {
            Carrier::Passages => None,
            Carrier::Sentences { .. } => self.sentences.first(),
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
    pub common: Commonness,
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
    pub wording: Wording,
}

/// Says whether anybody still waits for what is being done.
pub type IsAwaited<'a> = &'a (dyn Fn() -> bool + Sync);

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
    Parameter {
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
        at: &'static str,
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
    OtherSnapshot,
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
