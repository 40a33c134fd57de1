//! Owns store, encoder and index, and keeps them in step.
//!
//! [`Engine::ingest`] takes a corpus into the store; [`Engine::publish`] makes what is stored
//! searchable. Requests read a [`Snapshot`]: one moment of the store with an index over exactly
//! its passages. A snapshot never changes; a newer one takes its place between two requests.

mod encode;
mod ingest;
mod report;
mod snapshot;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;

use crate::encoder::Encoder;
use crate::index::{HnswParameters, IndexError};
use crate::store::{Store, StoreError};

pub use ingest::{IngestOptions, IngestProgress, IngestState, NoProgress};
pub use report::{DroppedBlock, IngestReport, Remark};
pub use snapshot::{Snapshot, SnapshotFacts};

/// The store's remark that it was begun with the default corpus.
const BEGUN_WITH: &str = "corpus";

/// The writer of one data directory and the publisher of its snapshots.
pub struct Engine {
    encoder: Arc<dyn Encoder>,
    store: Mutex<Store>,
    published: ArcSwapOption<Snapshot>,
    options: EngineOptions,
}

/// How an engine reads and searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineOptions {
    /// Requests that may read a snapshot at the same time.
    pub readers: usize,
    /// Which index to search.
    pub index: IndexChoice,
}

/// Which index to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexChoice {
    /// Compare with every passage.
    Exact,
    /// Walk a graph.
    Hnsw(HnswParameters),
    /// Exact up to so many passages, a graph above.
    Auto {
        /// Most passages for an exact scan.
        exact_up_to: usize,
        /// The graph's parameters.
        hnsw: HnswParameters,
    },
}

/// Why the engine could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index could not be built.
    #[error("the index cannot be built: {0}")]
    Index(#[from] IndexError),
}

impl Engine {
    /// Opens a data directory for writing and reading.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open(
        directory: &Path,
        encoder: Arc<dyn Encoder>,
        options: EngineOptions,
    ) -> Result<Self, EngineError> {
        let store = Store::open(directory, encoder.fingerprint())?;
        Ok(Self {
            encoder,
            store: Mutex::new(store),
            published: ArcSwapOption::empty(),
            options,
        })
    }

    /// The encoder that made the embeddings and must make those of queries.
    #[must_use]
    pub fn encoder(&self) -> &dyn Encoder {
        self.encoder.as_ref()
    }

    /// The newest published snapshot, if there is one yet.
    #[must_use]
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.published.load_full()
    }

    /// Makes what is stored now searchable.
    ///
    /// Where a graph is wanted, an exact scan answers until it is built: this returns as soon as
    /// the scan is published, and [`Engine::publish_graph`] does the rest.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn publish(&self) -> Result<Arc<Snapshot>, EngineError> {
        let view = self.store().view(self.options.readers)?;
        let snapshot = Arc::new(Snapshot::exact(view)?);
        self.published.store(Some(Arc::clone(&snapshot)));
        Ok(snapshot)
    }

    /// Builds the graph over a published snapshot, if one is wanted for so many passages, and
    /// publishes it unless a newer snapshot has come meanwhile.
    ///
    /// # Errors
    ///
    /// If a graph parameter is out of range.
    pub fn publish_graph(&self, snapshot: &Arc<Snapshot>) -> Result<(), EngineError> {
        let passages = snapshot.facts().passages;
        let parameters = match self.options.index {
            IndexChoice::Hnsw(parameters) => parameters,
            IndexChoice::Auto { exact_up_to, hnsw } if passages > exact_up_to => hnsw,
            IndexChoice::Exact | IndexChoice::Auto { .. } => return Ok(()),
        };
        let graph = Arc::new(snapshot.with_graph(parameters)?);
        self.published.compare_and_swap(snapshot, Some(graph));
        Ok(())
    }

    /// Whether nothing is stored yet.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn is_empty(&self) -> Result<bool, EngineError> {
        Ok(self.store().document_ids()?.is_empty())
    }

    /// Whether the default corpus may be read into this store: where nothing is stored yet, or
    /// where it was begun with that corpus. An archive is not mixed with the samples that happen
    /// to lie in the folder that the program is started from.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or written.
    pub fn adopt_default_corpus(&self) -> Result<bool, EngineError> {
        let mut store = self.store();
        if store.recall(BEGUN_WITH)?.is_some() {
            return Ok(true);
        }
        if !store.document_ids()?.is_empty() {
            return Ok(false);
        }
        store.remember(BEGUN_WITH, "default")?;
        Ok(true)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // A writer that panicked has left its transaction rolled back: the store is whole.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
