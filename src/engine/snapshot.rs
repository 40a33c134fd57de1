//! One moment, searchable.

use std::path::Path;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::encoder::{Embedding, Fingerprint};
use crate::index::{
    IndexBytes, IndexError, KnnParams, Neighbour, RangeQuery, SegmentedIndex, TopK, VectorIndex,
    Vectors,
};
use crate::store::{
    ContentHash, DocumentEntry, DocumentSummary, PassageKey, QueryTerm, View, corpus_hash,
};

use super::document_table::DocumentTable;
use super::identity::SnapshotIdentity;
use super::keyword::{Bm25Index, KeywordError};
use super::passage_index::PassageIndex;
use super::snapshot_diff::SnapshotDiff;
use super::{EngineError, IndexConfig, index_cache};

/// Filters whose rows are kept.
const MAX_CACHED_FILTERS: u64 = 64;

/// One immutable, consistent view of store and index.
pub struct Snapshot {
    view: View,
    pub(super) passage_index: PassageIndex,
    document_table: DocumentTable,
    keyword_index: Bm25Index,
    /// What filters let through, by the hashes of their identities.
    filter_cache: moka::sync::Cache<ContentHash, Arc<RoaringBitmap>>,
    info: SnapshotInfo,
}

/// What an answer says about where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Names this snapshot: equal where content, encoder and index are equal.
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

/// How the rows of an index lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexRowCounts {
    /// All of them, also those that are deleted.
    pub total: usize,
    /// Rows in the second, smaller graph.
    pub delta: usize,
    /// Rows in no graph.
    pub tail: usize,
    /// Rows that are not found any more and still have their place.
    pub deleted: usize,
}

impl Snapshot {
    /// A snapshot searched by exact scan.
    ///
    /// # Errors
    ///
    /// If the view cannot be read or holds an embedding that is none.
    pub fn new_exact(view: View) -> Result<Self, EngineError> {
        let dimension = view.fingerprint().dimension;
        let empty = PassageIndex {
            index: SegmentedIndex::new(dimension, IndexConfig::Exact.hnsw_parameters())?,
            labels: Vec::new(),
        };
        Self::from_index(&empty, None, view)
    }

    /// A snapshot of a data directory that another process may be writing, with the index that lies
    /// beside the store if it is of use.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::exact`].
    pub fn open(directory: &Path, view: View, index: IndexConfig) -> Result<Self, EngineError> {
        let indexed = index_cache::load_or_empty(directory, &view, index)?;
        Self::from_index(&indexed, None, view)
    }

    /// An index from an earlier moment, brought to that of the view, with what the newest snapshot
    /// knows of the same store.
    pub(super) fn from_index(
        indexed: &PassageIndex,
        before: Option<&Self>,
        view: View,
    ) -> Result<Self, EngineError> {
        let entries = view.manifest()?;
        let indexed = indexed.caught_up_to(&view, &entries)?;
        let nothing = DocumentTable::default();
        let known = before.map_or(&nothing, |before| &before.document_table);
        let catalogue = DocumentTable::build(&view, &entries, &indexed, known)?;
        let words = before.map_or_else(Bm25Index::default, |before| {
            before.keyword_index.next_generation()
        });
        Ok(Self::assemble(
            view,
            indexed,
            catalogue,
            words,
            &entries.documents,
        ))
    }

    /// The snapshot that follows another one of the same store and index: only what has changed is read.
    pub(super) fn incremental_from(before: &Self, view: View) -> Result<Self, EngineError> {
        let changes = SnapshotDiff::compute(before, &view)?;
        let catalogue = DocumentTable::apply_diff(&before.document_table, &view, &changes)?;
        let indexed = before.passage_index.with_changes(
            &view,
            changes.deleted_rows,
            &changes.added_passages,
        )?;
        let words = before.keyword_index.next_generation();
        Ok(Self::assemble(
            view,
            indexed,
            catalogue,
            words,
            &changes.documents,
        ))
    }

    /// A snapshot of these parts, which belong to one moment; `documents` in the order of their ids.
    fn assemble(
        view: View,
        mut indexed: PassageIndex,
        catalogue: DocumentTable,
        words: Bm25Index,
        documents: &[DocumentEntry],
    ) -> Self {
        indexed.index = indexed.index.with_tie_breaker(catalogue.tie_breaker());
        let corpus_hash = corpus_hash(documents);
        let index = indexed.index.kind();
        let identity = SnapshotIdentity {
            corpus: corpus_hash,
            encoder: view.fingerprint(),
            index,
            build: indexed.index.build_id(),
        };
        Self {
            info: SnapshotInfo {
                id: identity.id(),
                documents: documents.len(),
                passages: catalogue.passage_count(),
                corpus_hash,
                index: index.to_string(),
            },
            view,
            passage_index: indexed,
            document_table: catalogue,
            keyword_index: words,
            filter_cache: moka::sync::Cache::new(MAX_CACHED_FILTERS),
        }
    }

    /// The stored documents of this moment.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The encoder that made the embeddings.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        self.view.fingerprint()
    }

    /// Counts, hash and index.
    #[must_use]
    pub fn info(&self) -> &SnapshotInfo {
        &self.info
    }

    /// The embeddings, row by row in the order of [`View::passage_ids`].
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

    /// Candidates kept while the graph is walked where a request does not say.
    #[must_use]
    pub fn default_ef(&self) -> usize {
        self.passage_index.index.parameters().ef_search
    }

    /// How the rows of the index lie, and what they take.
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

    /// What the lists of who holds a word take in memory.
    #[must_use]
    pub fn posting_bytes(&self) -> u64 {
        self.keyword_index.posting_bytes()
    }

    /// The index, for whoever compares its answers after this snapshot has been let go.
    #[must_use]
    pub fn index(&self) -> &SegmentedIndex {
        &self.passage_index.index
    }

    /// Documents and rows.
    #[must_use]
    pub fn document_table(&self) -> &DocumentTable {
        &self.document_table
    }

    /// The rows of the documents of which this is true. The answer is kept for the next request
    /// with the same filter, of whose identity `filter` is the hash.
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

    /// The rows nearest to a query, best first, with their scores, and what finding them took. Equal
    /// scores come in the order of document id and ordinal.
    ///
    /// # Errors
    ///
    /// If the query has another dimension than the index, or `ef` is out of range.
    pub fn nearest(&self, query: &Embedding, request: &KnnParams<'_>) -> Result<TopK, IndexError> {
        self.passage_index.index.search(query.as_slice(), request)
    }

    /// Visits the rows whose passages hold the terms, in no order, each with its BM25 score: those with
    /// all phrases and, if there are none, at least one of the words. Gives the terms that were looked
    /// for: of several, words that more than half of all passages hold are none.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or that would take too long.
    pub fn keyword_search(
        &self,
        terms: &[QueryTerm],
        visit: impl FnMut(u32, f32),
    ) -> Result<Vec<QueryTerm>, KeywordError> {
        let passages = self.document_table.rows_by_key();
        self.keyword_index
            .search(&self.view, passages, terms, visit)
    }

    /// For each of these rows the rows that are near to it, best first.
    #[must_use]
    pub fn range_search(&self, rows: &[u32], near: &RangeQuery<'_>) -> Vec<Vec<Neighbour>> {
        self.passage_index.index.range_search(rows, near)
    }

    /// Rows of the index, deleted ones included.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.passage_index.labels.len()
    }

    /// The passage of a row.
    #[must_use]
    pub fn key_of(&self, row: u32) -> Option<PassageKey> {
        self.passage_index.passage_key(row)
    }

    /// The embedding of a row's passage.
    #[must_use]
    pub fn vector_of(&self, row: u32) -> Option<&[f32]> {
        let index = &self.passage_index.index;
        index.is_live(row).then(|| index.vector(row))
    }
}
