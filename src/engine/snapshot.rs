//! One moment, searchable.

use crate::encoder::{Embedding, Fingerprint};
use crate::index::{Found, IndexError, Request, SegmentedIndex, VectorIndex, Vectors};
use crate::store::{ContentHash, PassageKey, View};

use super::rows::Indexed;
use super::{EngineError, IndexChoice};

/// One immutable, consistent view of store and index.
pub struct Snapshot {
    view: View,
    pub(super) indexed: Indexed,
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
        Self::following(empty, view)
    }

    /// An index from an earlier moment, brought to that of the view.
    pub(super) fn following(indexed: Indexed, view: View) -> Result<Self, EngineError> {
        let indexed = indexed.brought_to(&view)?;
        let (documents, passages, corpus_hash) = view.totals()?;
        let description = indexed.index.description();
        let fingerprint = format!("{:?}", view.fingerprint());
        let id = ContentHash::of_parts([
            corpus_hash.as_bytes().as_slice(),
            fingerprint.as_bytes(),
            description.as_bytes(),
            &indexed.index.build().to_le_bytes(),
        ]);
        Ok(Self {
            facts: SnapshotFacts {
                id: id.to_string().chars().take(16).collect(),
                documents,
                passages,
                corpus_hash,
                index: description,
            },
            view,
            indexed,
        })
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

    /// The passages nearest to a query, best first, with their scores, and what finding them took.
    /// Equal scores come in the order of document id and ordinal.
    ///
    /// # Errors
    ///
    /// If the query has another dimension than the index, or `ef` is out of range.
    pub fn nearest(&self, query: &Embedding, request: &Request<'_>) -> Result<Nearest, IndexError> {
        let Found { neighbours, work } = self.indexed.index.search(query.as_slice(), request)?;
        let passages = neighbours
            .into_iter()
            .filter_map(|n| Some((self.indexed.key(n.row)?, n.score)))
            .collect();
        Ok(Nearest { passages, work })
    }
}

/// Passages that a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// Passages and their scores, best first.
    pub passages: Vec<(PassageKey, f32)>,
    /// What finding them took.
    pub work: crate::index::Work,
}
