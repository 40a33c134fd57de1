//! Parallels: pairs of passages of different documents that say the same thing.
//!
//! A [`Pair`] is two passages with the measures that compare them; a [`Parallel`] is a pair as it is
//! returned, with its texts, its corresponding sentences and the words that both passages share.
//! [`compare`] pairs the passages of two documents, [`CorpusComparison`] those of a corpus. Both read a
//! [`CorpusContext`], which knows for each passage its terms and their IDF ([`tf_idf`]), its nearest
//! neighbours, and how many documents restate it ([`corpus_context`]). [`calibration`] turns similarity
//! into confidence, [`evidence`] loads texts and picks sentences, [`mod@families`] clusters pairs into
//! restatements of one statement, and [`evaluation`] measures the quality of all this on a gold standard.
//! [`FoundPairs`] and [`FoundFamilies`] are the results that the archive returns. `docs/parallels.md` explains every measure to readers.

mod all_pairs;
mod calibration;
mod canonical;
mod compared_passage;
mod corpus_context;
mod document_pair;
mod error;
pub mod evaluation;
mod evidence;
mod families;
mod family_texts;
mod found_families;
mod found_pairs;
mod neighbourhood;
mod null_distribution;
mod pair;
mod parallel;
mod scope;
mod sentence_index;
mod text_reuse;
mod tf_idf;
mod thresholds;

pub use all_pairs::{
    ComparisonStep, CorpusComparison, CorpusMatches, CorpusObserver, CorpusProgress,
    FilteredCounts, NoCorpusObserver,
};
pub use calibration::Calibration;
pub use corpus_context::CorpusContext;
pub use document_pair::{DocumentMatches, PairThresholds, compare, compare_cancellable};
pub use error::{ParallelsError, ShouldContinue};
pub use evidence::ParallelLoader;
pub use families::{Families, Family, FamilyMember, FamilyOptions, ValueCounts, cluster_families};
pub use family_texts::{FamilyTexts, MemberText};
pub use found_families::{FamilyCounts, FoundFamilies};
pub use found_pairs::{
    ComparedDocuments, CorpusTotals, DocumentComparison, EffectiveThresholds, Extent, FoundPairs,
    PairIds, PassageComparison, Subject,
};
pub use neighbourhood::{LocalDensity, MIN_COSINE, Neighbourhood, Prevalence};
pub use null_distribution::NullDistribution;
pub use pair::{MatchUnit, Pair, TextUnit};
pub use parallel::{Parallel, SentencePair, Side};
pub use scope::Scope;
pub use sentence_index::SentenceIndex;
pub use text_reuse::TextReuse;
pub use thresholds::{FormulaPolicy, MIN_FORMULA_DOCUMENTS, Thresholds};
