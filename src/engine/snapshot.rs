//! Immutable, consistent views of store and index, which requests read.

use std::path::Path;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::encoder::{Embedding, Fingerprint};
use crate::index::{
    ExactScorer, IndexBytes, IndexError, KnnParams, Neighbour, RangeQuery, ScoreBounds,
    SegmentedIndex, TopK, TwoLevelCandidates, VectorIndex, Vectors,
};
use crate::keyword::{Bm25Index, KeywordError, QueryTerm};
use crate::store::{
    ContentHash, DocumentEntry, DocumentSummary, PassageKey, StoreError, View, corpus_hash,
};

use super::document_table::DocumentTable;
use super::identity::SnapshotIdentity;
use super::passage_index::PassageIndex;
use super::provenance::Provenance;
use super::snapshot_diff::SnapshotDiff;
use super::{EngineError, IndexConfig, index_cache};

/// Reads the vectors of a row's sentences into a buffer.
type SentenceReader<'r> = &'r mut dyn FnMut(u32, &mut Vec<f32>) -> Result<(), StoreError>;

/// Scores passages by their own embeddings and those of their sentences.
pub type PassageScorer<'a, 'r> = ExactScorer<'a, SentenceReader<'r>>;

/// Filters whose rows are cached.
const MAX_CACHED_FILTERS: u64 = 64;

/// One immutable, consistent view of store and index.
pub struct Snapshot {
    view: View,
    pub(super) passage_index: PassageIndex,
    document_table: DocumentTable,
    keyword_index: Bm25Index,
    /// The rows that match a filter, by the hash of the filter's identity.
    filter_cache: moka::sync::Cache<ContentHash, Arc<RoaringBitmap>>,
    info: SnapshotInfo,
}

/// Identity and counts of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Equal for snapshots of equal content, encoder and index.
    pub id: String,
    /// Number of documents.
    pub documents: usize,
    /// Number of passages.
    pub passages: usize,
    /// Hash over the content of all documents.
    pub corpus_hash: ContentHash,
    /// Name and parameters of the index.
    pub index: String,
}

/// Rows of an index by segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexRowCounts {
    /// All rows, deleted ones included.
    pub total: usize,
    /// Rows of the delta segment.
    pub delta: usize,
    /// Rows of the append buffer, in no graph.
    pub tail: usize,
    /// Tombstones: deleted rows that have not been compacted away.
    pub deleted: usize,
}

impl Snapshot {
    /// Creates a snapshot that is searched by exact scan.
    ///
    /// # Errors
    ///
    /// If the view cannot be read or contains an invalid embedding.
    pub fn new_exact(view: View) -> Result<Self, EngineError> {
        let dimension = view.fingerprint().dimension;
        let empty = PassageIndex {
            index: SegmentedIndex::new(dimension, IndexConfig::Exact.hnsw_parameters())?,
            labels: Vec::new(),
        };
        Self::from_index(&empty, None, view)
    }

    /// Creates a snapshot of a data directory that another process may be writing, with its index file if
    /// that is usable.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::new_exact`].
    pub fn open(directory: &Path, view: View, index: IndexConfig) -> Result<Self, EngineError> {
        let passage_index = index_cache::load_or_empty(directory, &view, index)?;
        Self::from_index(&passage_index, None, view)
    }

    /// Creates a snapshot from an index of an earlier state of the store, which it updates to the view.
    /// Metadata and posting lists are shared with the previous snapshot.
    pub(super) fn from_index(
        passage_index: &PassageIndex,
        previous: Option<&Self>,
        view: View,
    ) -> Result<Self, EngineError> {
        let manifest = view.manifest()?;
        let passage_index = passage_index.caught_up_to(&view, &manifest)?;
        let empty = DocumentTable::default();
        let previous_table = previous.map_or(&empty, |previous| &previous.document_table);
        let document_table =
            DocumentTable::build(&view, &manifest, &passage_index, previous_table)?;
        let keyword_index = previous.map_or_else(Bm25Index::default, |previous| {
            previous.keyword_index.next_generation()
        });
        Ok(Self::assemble(
            view,
            passage_index,
            document_table,
            keyword_index,
            &manifest.documents,
        ))
    }

    /// Creates the successor of a snapshot of the same store and index; reads only what has changed.
    pub(super) fn incremental_from(previous: &Self, view: View) -> Result<Self, EngineError> {
        let documents = previous.document_table.entries();
        let changes = SnapshotDiff::compute(documents, &previous.passage_index, &view)?;
        let document_table = DocumentTable::apply_diff(&previous.document_table, &view, &changes)?;
        let passage_index = previous.passage_index.with_changes(
            &view,
            changes.deleted_rows,
            &changes.added_passages,
        )?;
        let keyword_index = previous.keyword_index.next_generation();
        Ok(Self::assemble(
            view,
            passage_index,
            document_table,
            keyword_index,
            &changes.documents,
        ))
    }

    /// Assembles a snapshot from consistent parts; `documents` must be in id order.
    fn assemble(
        view: View,
        mut passage_index: PassageIndex,
        document_table: DocumentTable,
        keyword_index: Bm25Index,
        documents: &[DocumentEntry],
    ) -> Self {
        passage_index.index = passage_index
            .index
            .with_tie_breaker(document_table.tie_breaker());
        let corpus_hash = corpus_hash(documents);
        let index = passage_index.index.kind();
        let identity = SnapshotIdentity {
            corpus: corpus_hash,
            encoder: view.fingerprint(),
            index,
            build: passage_index.index.build_id(),
        };
        Self {
            info: SnapshotInfo {
                id: identity.id(),
                documents: documents.len(),
                passages: document_table.passage_count(),
                corpus_hash,
                index: index.to_string(),
            },
            view,
            passage_index,
            document_table,
            keyword_index,
            filter_cache: moka::sync::Cache::new(MAX_CACHED_FILTERS),
        }
    }

    /// Returns the store as of this snapshot.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Returns the fingerprint of the encoder that produced the embeddings.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        self.view.fingerprint()
    }

    /// Returns counts, corpus hash and index parameters.
    #[must_use]
    pub fn info(&self) -> &SnapshotInfo {
        &self.info
    }

    /// Returns the provenance of results.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        let (info, encoder) = (&self.info, self.fingerprint());
        Provenance {
            model: encoder.model.clone(),
            revision: encoder.revision.clone(),
            precision: encoder.precision.clone(),
            snapshot: info.id.clone(),
            index: info.index.clone(),
            documents: info.documents,
            passages: info.passages,
            corpus_hash: info.corpus_hash,
        }
    }

    /// Returns all embeddings, in the order of [`View::passage_ids`].
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn vectors(&self) -> Result<Vectors, EngineError> {
        let mut vectors = Vectors::new(self.fingerprint().dimension)?;
        self.view.for_each_vector(|stored| {
            vectors.push(stored.vector)?;
            Ok::<_, EngineError>(())
        })?;
        Ok(vectors)
    }

    /// Returns the width of the graph search for requests without `ef`.
    #[must_use]
    pub fn default_ef(&self) -> usize {
        self.passage_index.index.parameters().ef_search
    }

    /// Returns the rows of the index by segment, and its size.
    #[must_use]
    pub fn index_stats(&self) -> (IndexRowCounts, IndexBytes) {
        let index = &self.passage_index.index;
        let (outside, tail) = index.uncompacted_rows();
        let rows = IndexRowCounts {
            total: index.len(),
            delta: outside - tail,
            tail,
            deleted: index.deleted_row_count(),
        };
        (rows, index.bytes())
    }

    /// Returns the memory of the cached posting lists.
    #[must_use]
    pub fn posting_bytes(&self) -> u64 {
        self.keyword_index.posting_bytes()
    }

    /// Returns the index; a clone of it can be searched after the snapshot is dropped.
    #[must_use]
    pub fn index(&self) -> &SegmentedIndex {
        &self.passage_index.index
    }

    /// Returns the table of documents and rows.
    #[must_use]
    pub fn document_table(&self) -> &DocumentTable {
        &self.document_table
    }

    /// Returns the rows of the documents that satisfy a predicate, and caches them by `filter`, the hash
    /// of the filter's identity.
    pub fn filter_rows(
        &self,
        filter: ContentHash,
        predicate: impl Fn(&DocumentSummary) -> bool,
    ) -> Arc<RoaringBitmap> {
        if let Some(rows) = self.filter_cache.get(&filter) {
            return rows;
        }
        let rows = Arc::new(self.document_table.filter_rows(predicate));
        self.filter_cache.insert(filter, Arc::clone(&rows));
        rows
    }

    /// Returns the nearest rows to a query, best first, with scores and search statistics. Equal scores
    /// are ordered by document id and ordinal.
    ///
    /// # Errors
    ///
    /// If the query has another dimension than the index, or `ef` is out of range.
    pub fn nearest(&self, query: &Embedding, params: &KnnParams<'_>) -> Result<TopK, IndexError> {
        self.passage_index.index.search(query.as_slice(), params)
    }

    /// Finds the rows that may be among the best by passage and best sentence; [`Snapshot::with_scorer`]
    /// scores them exactly.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::nearest`].
    pub fn nearest_passages(
        &self,
        query: &Embedding,
        params: &KnnParams<'_>,
    ) -> Result<TwoLevelCandidates, IndexError> {
        let index = &self.passage_index.index;
        index.search_two_level(query.as_slice(), params)
    }

    /// Returns the bounds of the scores of these rows by passage and best sentence.
    ///
    /// # Errors
    ///
    /// If the query has another dimension than the index.
    pub fn score_bounds(
        &self,
        query: &Embedding,
        rows: &[u32],
    ) -> Result<Vec<ScoreBounds>, IndexError> {
        let index = &self.passage_index.index;
        index.two_level_bounds(query.as_slice(), rows)
    }

    /// Calls `work` with a scorer of passages, which reads their sentences from the store.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn with_scorer<T>(
        &self,
        query: &Embedding,
        work: impl FnOnce(&mut PassageScorer<'_, '_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.view.with_sentence_reader(|read| {
            let mut read_row = |row: u32, vectors: &mut Vec<f32>| {
                if let Some(key) = self.key_of(row) {
                    return read(key, vectors);
                }
                vectors.clear();
                Ok(())
            };
            let index = &self.passage_index.index;
            let read_row: SentenceReader<'_> = &mut read_row;
            work(&mut ExactScorer::new(index, query.as_slice(), read_row))
        })
    }

    /// Visits the rows that match the terms, in no order, each with its BM25 score: those with all phrases
    /// or, if there are no phrases, with at least one word or prefix. Returns the terms searched for:
    /// stop terms are left out, unless all are.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or the query exceeds its time budget.
    pub fn keyword_search(
        &self,
        terms: &[QueryTerm],
        visit: impl FnMut(u32, f32),
    ) -> Result<Vec<QueryTerm>, KeywordError> {
        let passages = self.document_table.rows_by_key();
        self.keyword_index
            .search(&self.view, passages, terms, visit)
    }

    /// Returns, for each of these rows, the rows within range, best first.
    #[must_use]
    pub fn range_search(&self, rows: &[u32], query: &RangeQuery<'_>) -> Vec<Vec<Neighbour>> {
        self.passage_index.index.range_search(rows, query)
    }

    /// Returns the number of rows of the index, deleted ones included.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.passage_index.labels.len()
    }

    /// Returns the passage of a row.
    #[must_use]
    pub fn key_of(&self, row: u32) -> Option<PassageKey> {
        self.passage_index.passage_key(row)
    }

    /// Returns the embedding of a row's passage; `None` for a deleted row.
    #[must_use]
    pub fn vector_of(&self, row: u32) -> Option<&[f32]> {
        let index = &self.passage_index.index;
        index.is_live(row).then(|| index.vector(row))
    }
}
