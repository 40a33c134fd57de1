//! One moment, searchable.

use std::sync::Arc;
use std::time::SystemTime;

use crate::encoder::{Embedding, Fingerprint};
use crate::index::{ExactScan, Hnsw, HnswParameters, IndexError, VectorIndex, Vectors};
use crate::store::{ContentHash, PassageKey, StoreError, View};

use super::EngineError;

/// One immutable, consistent view of store and index.
pub struct Snapshot {
    contents: Arc<Contents>,
    index: Box<dyn VectorIndex>,
    facts: SnapshotFacts,
}

/// What every index over the same moment shares.
struct Contents {
    view: View,
    /// The passage of each row of the vectors.
    keys: Vec<PassageKey>,
    vectors: Arc<Vectors>,
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
        let mut vectors = Vectors::new(dimension)?;
        let mut keys = Vec::new();
        let mut refused = None;
        view.for_each_vector(|stored| match vectors.push(stored.vector) {
            Ok(()) => keys.push(stored.key),
            Err(e) => refused = Some(e),
        })?;
        if let Some(error) = refused {
            return Err(error.into());
        }
        let vectors = Arc::new(vectors);
        let index = Box::new(ExactScan::new(Arc::clone(&vectors)));
        let contents = Contents {
            view,
            keys,
            vectors,
        };
        Ok(Self::new(Arc::new(contents), index, 0)?)
    }

    /// The same moment searched by a graph.
    ///
    /// # Errors
    ///
    /// If a parameter is out of range.
    pub fn with_graph(&self, parameters: HnswParameters) -> Result<Self, EngineError> {
        let vectors = Arc::clone(&self.contents.vectors);
        let index = Box::new(Hnsw::build(vectors, parameters)?);
        // Threads decide the order in which points are linked, so two graphs over one moment differ.
        let built = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(1, |since| since.as_nanos());
        Ok(Self::new(Arc::clone(&self.contents), index, built)?)
    }

    /// `build` tells indexes apart that are not the same on every run.
    fn new(
        contents: Arc<Contents>,
        index: Box<dyn VectorIndex>,
        build: u128,
    ) -> Result<Self, StoreError> {
        let (documents, passages, corpus_hash) = contents.view.totals()?;
        let description = index.description();
        let fingerprint = format!("{:?}", contents.view.fingerprint());
        let id = ContentHash::of_parts([
            corpus_hash.as_bytes().as_slice(),
            fingerprint.as_bytes(),
            description.as_bytes(),
            &build.to_le_bytes(),
        ]);
        Ok(Self {
            facts: SnapshotFacts {
                id: id.to_string().chars().take(16).collect(),
                documents,
                passages,
                corpus_hash,
                index: description,
            },
            contents,
            index,
        })
    }

    /// The stored documents of this moment.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.contents.view
    }

    /// The encoder that made the embeddings.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        self.view().fingerprint()
    }

    /// Counts, hash and index.
    #[must_use]
    pub fn facts(&self) -> &SnapshotFacts {
        &self.facts
    }

    /// The embeddings, row by row in the order of [`View::passage_ids`].
    #[must_use]
    pub fn vectors(&self) -> &Vectors {
        &self.contents.vectors
    }

    /// The `k` passages nearest to a query, best first, with their scores.
    ///
    /// # Errors
    ///
    /// If the query has another dimension than the index.
    pub fn nearest(
        &self,
        query: &Embedding,
        k: usize,
    ) -> Result<Vec<(PassageKey, f32)>, IndexError> {
        let neighbours = self.index.search(query.as_slice(), k)?;
        Ok(neighbours
            .into_iter()
            .filter_map(|n| Some((*self.contents.keys.get(n.row)?, n.score)))
            .collect())
    }
}
