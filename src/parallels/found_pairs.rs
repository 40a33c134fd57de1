//! The pairs of a comparison, with all that is needed to show them.

use std::ops::Range;
use std::sync::Arc;

use crate::corpus::DocumentId;
use crate::engine::Snapshot;
use crate::search::Filter;
use crate::store::DocumentSummary;

use super::all_pairs::{CorpusComparison, CorpusMatches, CorpusObserver, FilteredCounts};
use super::corpus_context::CorpusContext;
use super::document_pair::{DocumentMatches, PairThresholds, compare_cancellable};
use super::error::{ParallelsError, ShouldContinue};
use super::evidence::ParallelLoader;
use super::pair::Pair;
use super::parallel::Parallel;
use super::scope::Scope;
use super::thresholds::{FormulaPolicy, Thresholds};

/// A comparison of two documents.
#[derive(Debug, Clone)]
pub struct DocumentComparison {
    /// The source document.
    pub source: DocumentId,
    /// The target document.
    pub target: DocumentId,
    /// The thresholds of a pair.
    pub thresholds: PairThresholds,
    /// The share of all documents from which a statement is marked as a formula.
    pub formula_share: f32,
    /// Allow a passage in more than one pair.
    pub many_to_many: bool,
    /// Search neighbourhoods exhaustively instead of by index.
    pub exact: bool,
}

/// A comparison of one passage with all documents but its own.
#[derive(Debug, Clone)]
pub struct PassageComparison {
    /// The document of the passage.
    pub document: DocumentId,
    /// The passage's ordinal in it, from 1.
    pub ordinal: u32,
    /// The documents to compare with.
    pub target: Filter,
    /// Minimum confidence of a pair.
    pub min_confidence: f32,
}

/// The pairs of a comparison, in the order in which they are shown.
///
/// It keeps its snapshot alive, from which the texts of the pairs are loaded on demand.
pub struct FoundPairs {
    context: Arc<CorpusContext>,
    thresholds: Thresholds,
    pairs: Vec<Pair>,
    closest: Option<Pair>,
    extent: Extent,
}

/// What was compared, and how much of it.
#[derive(Debug, Clone)]
pub struct Extent {
    /// What was compared.
    pub subject: Subject,
    /// Numbers of compared documents.
    pub documents: ComparedDocuments,
    /// Number of compared source passages.
    pub passages: usize,
    /// Number of compared pairs of passages, if every passage was compared with every other.
    pub compared_pairs: Option<usize>,
    /// Number of pairs superseded by higher-ranked pairs of the same passages.
    pub superseded: usize,
    /// Numbers of rejected pairs.
    pub filtered_counts: FilteredCounts,
}

/// What was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Every passage of one document with every passage of another: source and target.
    Documents(Box<[DocumentId; 2]>),
    /// A passage with its nearest neighbours in all other documents.
    Passage,
    /// The passages of a corpus, each with its nearest neighbours.
    Corpus,
}

/// Numbers of documents in the comparison of a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComparedDocuments {
    /// Source documents.
    pub sources: usize,
    /// Target documents.
    pub targets: usize,
    /// Documents excluded because they have no date.
    pub undated: usize,
}

/// The thresholds of a comparison and what follows from them for its corpus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectiveThresholds {
    /// The thresholds.
    pub thresholds: Thresholds,
    /// Number of documents from which a statement counts as a formula.
    pub formula_documents: usize,
    /// Whether neighbours were searched exhaustively.
    pub exact: bool,
}

/// The counts of a comparison of a corpus, or of the part of it that was streamed.
#[derive(Debug, Clone, PartialEq)]
pub struct CorpusTotals {
    /// Number of pairs.
    pub found: usize,
    /// Numbers of rejected pairs.
    pub filtered_counts: FilteredCounts,
    /// Number of compared passages.
    pub passages: usize,
    /// The pair with the highest confidence, accepted or not.
    pub closest: Option<PairIds>,
    /// Cursor that resumes the comparison, if it ended early.
    pub next_cursor: Option<String>,
}

/// A pair by the ids of its passages.
#[derive(Debug, Clone, PartialEq)]
pub struct PairIds {
    /// Id of the source passage, `{document}#p{ordinal}`.
    pub source: String,
    /// Id of the target passage.
    pub target: String,
    /// The pair and its measures.
    pub pair: Pair,
}

impl FoundPairs {
    /// Compares two documents.
    ///
    /// # Errors
    ///
    /// If a document does not exist, both are the same, a threshold is out of range, the store cannot be
    /// read, or `should_continue` returns `false`.
    pub fn of_documents(
        context: Arc<CorpusContext>,
        comparison: &DocumentComparison,
        should_continue: ShouldContinue<'_>,
    ) -> Result<Self, ParallelsError> {
        let thresholds = Thresholds {
            min_confidence: comparison.thresholds.min_confidence,
            formula_share: comparison.formula_share,
            ..Thresholds::default()
        };
        thresholds.check()?;
        let both = (comparison.source.as_str(), comparison.target.as_str());
        let DocumentMatches {
            pairs,
            compared_pairs,
            superseded,
            closest,
        } = compare_cancellable(
            &context,
            both,
            comparison.thresholds,
            comparison.many_to_many,
            should_continue,
        )?;
        let table = context.snapshot().document_table();
        let source = table.document_index_of(comparison.source.as_str());
        let ids = [comparison.source.clone(), comparison.target.clone()];
        let extent = Extent {
            subject: Subject::Documents(Box::new(ids)),
            documents: ComparedDocuments {
                sources: 1,
                targets: 1,
                undated: 0,
            },
            passages: source.map_or(0, |source| table.rows_of_document(source).len()),
            compared_pairs: Some(compared_pairs),
            superseded,
            filtered_counts: FilteredCounts {
                low_confidence: compared_pairs - pairs.len() - superseded,
                ..FilteredCounts::default()
            },
        };
        Ok(Self {
            context,
            thresholds,
            pairs,
            closest,
            extent,
        })
    }

    /// Compares a passage with all other documents; formulas are included.
    ///
    /// # Errors
    ///
    /// If the passage or a field does not exist, a threshold is out of range, or the store cannot be read.
    pub fn of_passage(
        context: Arc<CorpusContext>,
        comparison: &PassageComparison,
    ) -> Result<Self, ParallelsError> {
        let PassageComparison {
            document,
            ordinal,
            target,
            min_confidence,
        } = comparison;
        let thresholds = Thresholds {
            min_confidence: *min_confidence,
            min_margin: 0.0,
            formulas: FormulaPolicy::Include,
            ..Thresholds::default()
        };
        let table = context.snapshot().document_table();
        target.check_fields(table).map_err(ParallelsError::Filter)?;
        let row = table.row_at(document.as_str(), *ordinal);
        let row = row.ok_or_else(|| ParallelsError::NoSuchPassage {
            id: format!("{document}#p{ordinal}"),
        })?;
        let scope = Scope {
            target: target.clone(),
            ..Scope::default()
        };
        let comparison = CorpusComparison::new(&context, &scope, thresholds)?;
        let documents = ComparedDocuments {
            sources: 1,
            ..ComparedDocuments::of(&comparison)
        };
        let matches = comparison.compare_passage(row)?;
        let extent = Extent::of_matches(Subject::Passage, documents, &matches);
        Ok(Self::sorted(context, thresholds, matches, extent))
    }

    /// Compares two passages, however little they have in common.
    ///
    /// # Errors
    ///
    /// If a passage does not exist, both are in one document, or the store cannot be read.
    pub fn of_two_passages(
        context: Arc<CorpusContext>,
        source: &(DocumentId, u32),
        target: &(DocumentId, u32),
    ) -> Result<Self, ParallelsError> {
        if source.0 == target.0 {
            let id = source.0.to_string();
            return Err(ParallelsError::SameDocument { id });
        }
        let table = context.snapshot().document_table();
        let row_of = |(document, ordinal): &(DocumentId, u32)| {
            let row = table.row_at(document.as_str(), *ordinal);
            row.ok_or_else(|| ParallelsError::NoSuchPassage {
                id: format!("{document}#p{ordinal}"),
            })
        };
        let (a, b) = (row_of(source)?, row_of(target)?);
        let (embedded_a, embedded_b) = (context.embedded_passage(a)?, context.embedded_passage(b)?);
        let pair = context.compare_embedded((a, &embedded_a), (b, &embedded_b))?;
        let ids = [source.0.clone(), target.0.clone()];
        let extent = Extent {
            subject: Subject::Documents(Box::new(ids)),
            documents: ComparedDocuments {
                sources: 1,
                targets: 1,
                undated: 0,
            },
            passages: 1,
            compared_pairs: Some(1),
            superseded: 0,
            filtered_counts: FilteredCounts::default(),
        };
        Ok(Self {
            thresholds: Thresholds::default(),
            pairs: vec![pair],
            closest: Some(pair),
            context,
            extent,
        })
    }

    /// Compares a corpus; the pairs are sorted by confidence, equal ones in the order of documents. If
    /// there are none, the closest pair is determined, however low its confidence.
    ///
    /// # Errors
    ///
    /// If a value is out of range, a field does not exist, the store cannot be read, or the observer ends
    /// the comparison.
    pub fn of_corpus(
        context: Arc<CorpusContext>,
        scope: &Scope,
        thresholds: Thresholds,
        observer: &dyn CorpusObserver,
    ) -> Result<Self, ParallelsError> {
        let should_continue = || observer.should_continue();
        let comparison =
            CorpusComparison::new(&context, scope, thresholds)?.with_cancellation(&should_continue);
        let documents = ComparedDocuments::of(&comparison);
        let mut matches = comparison.compare_all(observer)?;
        if matches.closest.is_none() {
            matches.closest = comparison.closest_among(&comparison.sources())?;
        }
        let extent = Extent::of_matches(Subject::Corpus, documents, &matches);
        Ok(Self::sorted(context, thresholds, matches, extent))
    }

    /// Sorts pairs by confidence; equal ones stay in the order of documents.
    fn sorted(
        context: Arc<CorpusContext>,
        thresholds: Thresholds,
        matches: CorpusMatches,
        extent: Extent,
    ) -> Self {
        let mut pairs = matches.pairs;
        pairs.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        Self {
            context,
            thresholds,
            pairs,
            closest: matches.closest,
            extent,
        }
    }

    /// Returns the snapshot that was compared.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        self.context.snapshot()
    }

    /// Returns all pairs, without their texts.
    #[must_use]
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// Returns what was compared.
    #[must_use]
    pub fn extent(&self) -> &Extent {
        &self.extent
    }

    /// Returns the thresholds and what follows from them.
    #[must_use]
    pub fn effective_thresholds(&self) -> EffectiveThresholds {
        EffectiveThresholds::new(&self.context, &self.thresholds)
    }

    /// Returns the documents of all pairs, in the order of their ids.
    #[must_use]
    pub fn documents(&self) -> Vec<Arc<DocumentSummary>> {
        let rows = self
            .pairs
            .iter()
            .flat_map(|pair| [pair.source, pair.target]);
        let table = self.context.snapshot().document_table();
        table.documents_of_rows(rows)
    }

    /// Loads the texts and evidence of the pairs in a range, which is cut at their number.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn load(&self, range: Range<usize>) -> Result<Vec<Parallel>, ParallelsError> {
        let end = range.end.min(self.pairs.len());
        let pairs = self.pairs.get(range.start..end).unwrap_or_default();
        ParallelLoader::new(&self.context, &self.thresholds).load(pairs)
    }

    /// Returns the pair with the highest confidence, shown or not.
    ///
    /// # Errors
    ///
    /// If the pair belongs to another snapshot.
    pub fn closest(&self) -> Result<Option<PairIds>, ParallelsError> {
        let closest = self.closest.map(|pair| PairIds::new(&self.context, pair));
        closest.transpose()
    }

    /// Returns the counts.
    ///
    /// # Errors
    ///
    /// If a pair belongs to another snapshot.
    pub fn totals(&self) -> Result<CorpusTotals, ParallelsError> {
        Ok(CorpusTotals {
            found: self.pairs.len(),
            filtered_counts: self.extent.filtered_counts,
            passages: self.extent.passages,
            closest: self.closest()?,
            next_cursor: None,
        })
    }

    /// Loads the texts and evidence of the pair with the highest confidence.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn load_closest(&self) -> Result<Option<Parallel>, ParallelsError> {
        let closest: Vec<Pair> = self.closest.into_iter().collect();
        let loader = ParallelLoader::new(&self.context, &self.thresholds);
        Ok(loader.load(&closest)?.pop())
    }
}

impl Extent {
    fn of_matches(subject: Subject, documents: ComparedDocuments, matches: &CorpusMatches) -> Self {
        Self {
            subject,
            documents,
            passages: matches.passages,
            compared_pairs: None,
            superseded: 0,
            filtered_counts: matches.filtered_counts,
        }
    }
}

impl ComparedDocuments {
    /// Counts the documents of a comparison.
    #[must_use]
    pub fn of(comparison: &CorpusComparison<'_>) -> Self {
        Self {
            sources: comparison.sources().len(),
            targets: comparison.targets(),
            undated: comparison.undated(),
        }
    }
}

impl EffectiveThresholds {
    /// Creates those of a corpus.
    #[must_use]
    pub fn new(context: &CorpusContext, thresholds: &Thresholds) -> Self {
        let documents = context.snapshot().info().documents;
        Self {
            formula_documents: thresholds.min_formula_documents(documents),
            thresholds: *thresholds,
            exact: context.is_exact(),
        }
    }
}

impl PairIds {
    /// Looks up the ids of a pair's passages.
    ///
    /// # Errors
    ///
    /// If the pair belongs to another snapshot.
    pub fn new(context: &CorpusContext, pair: Pair) -> Result<Self, ParallelsError> {
        let id = |row| {
            context
                .passage_id(row)
                .ok_or(ParallelsError::SnapshotMismatch)
        };
        Ok(Self {
            source: id(pair.source)?,
            target: id(pair.target)?,
            pair,
        })
    }
}

impl From<&Parallel> for PairIds {
    fn from(parallel: &Parallel) -> Self {
        Self {
            source: parallel.source.passage.id(),
            target: parallel.target.passage.id(),
            pair: parallel.pair,
        }
    }
}
