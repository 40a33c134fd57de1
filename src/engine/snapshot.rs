//! One moment, searchable.

use std::path::Path;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::encoder::{Embedding, Fingerprint};
use crate::index::{
    Found, IndexBytes, IndexError, Near, Neighbour, Request, SegmentedIndex, VectorIndex, Vectors,
};
use crate::store::{
    ContentHash, DocumentEntry, DocumentSummary, PassageKey, Term, View, corpus_hash,
};

use super::catalogue::Catalogue;
use super::changes::Changes;
use super::identity::SnapshotIdentity;
use super::rows::Indexed;
use super::words::{Words, WordsError};
use super::{EngineError, IndexChoice, saved};

/// Filters whose rows are kept.
const FILTERS: u64 = 64;

/// One immutable, consistent view of store and index.
pub struct Snapshot {
    view: View,
    pub(super) indexed: Indexed,
    catalogue: Catalogue,
    words: Words,
    /// What filters let through, by the hashes of their identities.
    filters: moka::sync::Cache<ContentHash, Arc<RoaringBitmap>>,
    facts: SnapshotFacts,
}

/// What an answer says about where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFacts {
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
pub struct IndexRows {
    /// All of them, also those that are deleted.
    pub all: usize,
    /// Rows in the second, smaller graph.
    pub folded: usize,
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
    pub fn exact(view: View) -> Result<Self, EngineError> {
        let dimension = view.fingerprint().dimension;
        let empty = Indexed {
            index: SegmentedIndex::new(dimension, IndexChoice::Exact.parameters())?,
            labels: Vec::new(),
        };
        Self::following(&empty, None, view)
    }

    /// A snapshot of a data directory that another process may be writing, with the index that lies
    /// beside the store if it is of use.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::exact`].
    pub fn open(directory: &Path, view: View, index: IndexChoice) -> Result<Self, EngineError> {
        let indexed = saved::open(directory, &view, index)?;
        Self::following(&indexed, None, view)
    }

    /// An index from an earlier moment, brought to that of the view, with what the newest snapshot
    /// knows of the same store.
    pub(super) fn following(
        indexed: &Indexed,
        before: Option<&Self>,
        view: View,
    ) -> Result<Self, EngineError> {
        let entries = view.entries()?;
        let indexed = indexed.brought_to(&view, &entries)?;
        let nothing = Catalogue::default();
        let known = before.map_or(&nothing, |before| &before.catalogue);
        let catalogue = Catalogue::of(&view, &entries, &indexed, known)?;
        let words = before.map_or_else(Words::default, |before| before.words.next());
        Ok(Self::of(
            view,
            indexed,
            catalogue,
            words,
            &entries.documents,
        ))
    }

    /// The snapshot that follows another one of the same store and index: only what has changed is read.
    pub(super) fn after(before: &Self, view: View) -> Result<Self, EngineError> {
        let changes = Changes::since(before, &view)?;
        let catalogue = Catalogue::after(&before.catalogue, &view, &changes)?;
        let indexed = before.indexed.changed(&view, changes.gone, &changes.new)?;
        let words = before.words.next();
        Ok(Self::of(
            view,
            indexed,
            catalogue,
            words,
            &changes.documents,
        ))
    }

    /// A snapshot of these parts, which belong to one moment; `documents` in the order of their ids.
    fn of(
        view: View,
        mut indexed: Indexed,
        catalogue: Catalogue,
        words: Words,
        documents: &[DocumentEntry],
    ) -> Self {
        indexed.index = indexed.index.ordered_by(catalogue.order());
        let corpus_hash = corpus_hash(documents);
        let index = indexed.index.kind();
        let identity = SnapshotIdentity {
            corpus: corpus_hash,
            encoder: view.fingerprint(),
            index,
            build: indexed.index.build(),
        };
        Self {
            facts: SnapshotFacts {
                id: identity.id(),
                documents: documents.len(),
                passages: catalogue.passages(),
                corpus_hash,
                index: index.to_string(),
            },
            view,
            indexed,
            catalogue,
            words,
            filters: moka::sync::Cache::new(FILTERS),
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
    pub fn facts(&self) -> &SnapshotFacts {
        &self.facts
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
    pub fn ef(&self) -> usize {
        self.indexed.index.parameters().ef_search
    }

    /// How the rows of the index lie, and what they take.
    #[must_use]
    pub fn index_rows(&self) -> (IndexRows, IndexBytes) {
        let index = &self.indexed.index;
        let (outside, tail) = index.unsettled();
        let rows = IndexRows {
            all: index.len(),
            folded: outside - tail,
            tail,
            deleted: index.deleted(),
        };
        (rows, index.bytes())
    }

    /// What the lists of who holds a word take in memory.
    #[must_use]
    pub fn word_bytes(&self) -> u64 {
        self.words.bytes()
    }

    /// The index, for whoever compares its answers after this snapshot has been let go.
    #[must_use]
    pub fn index(&self) -> &SegmentedIndex {
        &self.indexed.index
    }

    /// Documents and rows.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The rows of the documents of which this is true. The answer is kept for the next request
    /// with the same filter, of whose identity `filter` is the hash.
    pub fn rows_where(
        &self,
        filter: ContentHash,
        wanted: impl Fn(&DocumentSummary) -> bool,
    ) -> Arc<RoaringBitmap> {
        if let Some(rows) = self.filters.get(&filter) {
            return rows;
        }
        let rows = Arc::new(self.catalogue.rows_where(wanted));
        self.filters.insert(filter, Arc::clone(&rows));
        rows
    }

    /// The rows nearest to a query, best first, with their scores, and what finding them took. Equal
    /// scores come in the order of document id and ordinal.
    ///
    /// # Errors
    ///
    /// If the query has another dimension than the index, or `ef` is out of range.
    pub fn nearest(&self, query: &Embedding, request: &Request<'_>) -> Result<Found, IndexError> {
        self.indexed.index.search(query.as_slice(), request)
    }

    /// Visits the rows whose passages hold the terms, in no order, each with its BM25 score: those with
    /// all phrases and, if there are none, at least one of the words. Gives the terms that were looked
    /// for: of several, words that more than half of all passages hold are none.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or that would take too long.
    pub fn matching(
        &self,
        terms: &[Term],
        visit: impl FnMut(u32, f32),
    ) -> Result<Vec<Term>, WordsError> {
        let passages = self.catalogue.keys();
        self.words.matching(&self.view, passages, terms, visit)
    }

    /// For each of these rows the rows that are near to it, best first.
    #[must_use]
    pub fn near(&self, rows: &[u32], near: &Near<'_>) -> Vec<Vec<Neighbour>> {
        self.indexed.index.near(rows, near)
    }

    /// Rows of the index, deleted ones included.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.indexed.labels.len()
    }

    /// The passage of a row.
    #[must_use]
    pub fn key_of(&self, row: u32) -> Option<PassageKey> {
        self.indexed.key(row)
    }

    /// The embedding of a row's passage.
    #[must_use]
    pub fn vector_of(&self, row: u32) -> Option<&[f32]> {
        let index = &self.indexed.index;
        index.is_live(row).then(|| index.vector(row))
    }
}
