//! Owns store, encoder and index, and keeps them in step.
//!
//! [`Engine::ingest`] takes a corpus into the store; [`Engine::publish`] makes what is stored
//! searchable. Requests read a [`Snapshot`]: one moment of the store with an index over exactly
//! its passages. A snapshot never changes; a newer one takes its place between two requests.

mod encode;
mod ingest;
mod report;
mod rows;
mod saved;
mod snapshot;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;

use crate::encoder::Encoder;
use crate::index::{BuildOptions, BuildProgress, HnswParameters, IndexError};
use crate::store::{Store, StoreError};

pub use ingest::{IngestOptions, IngestProgress, IngestState, NoProgress};
pub use report::{DroppedBlock, IngestReport, Remark};
pub use snapshot::{Nearest, Snapshot, SnapshotFacts};

use rows::Indexed;

/// The store's remark that it was begun with the default corpus.
const BEGUN_WITH: &str = "corpus";

/// Name of the index's file in the data directory.
const INDEX_FILE: &str = "antiphon.index";

/// The writer of one data directory and the publisher of its snapshots.
pub struct Engine {
    encoder: Arc<dyn Encoder>,
    store: Mutex<Store>,
    published: ArcSwapOption<Snapshot>,
    /// Held by whoever builds a graph: one at a time.
    compaction: Mutex<()>,
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

/// Rows outside the graph, below which it is not worth building anew.
const SMALL_TAIL: usize = 4096;

impl IndexChoice {
    /// How graphs are built and searched, where there are any.
    pub(super) fn parameters(self) -> HnswParameters {
        match self {
            Self::Exact => HnswParameters::default(),
            Self::Hnsw(parameters)
            | Self::Auto {
                hnsw: parameters, ..
            } => parameters,
        }
    }

    /// Whether a graph had better be built: one is wanted for so many rows, and there is none, or
    /// a tenth of them are outside of it, or a fifth of all are deleted.
    fn wants_graph(self, has_graph: bool, (tail, deleted, live): (usize, usize, usize)) -> bool {
        let wanted = match self {
            Self::Exact => false,
            Self::Hnsw(_) => live > 0,
            Self::Auto { exact_up_to, .. } => live > exact_up_to,
        };
        wanted && (!has_graph || tail > SMALL_TAIL.max(live / 10) || deleted > live / 5)
    }
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
            compaction: Mutex::new(()),
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

    /// Makes what is stored now searchable, at once: what has changed since the newest snapshot is
    /// added to its index, or to the one on disk.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn publish(&self) -> Result<Arc<Snapshot>, EngineError> {
        let mut store = self.store();
        let view = store.view(self.options.readers)?;
        let before = match self.snapshot() {
            Some(snapshot) => snapshot.indexed.clone(),
            None => saved::open(store.directory(), &view, self.options.index)?,
        };
        let snapshot = Arc::new(Snapshot::following(before, view)?);
        // While the store is locked, so that an older moment never replaces a newer one.
        self.published.store(Some(Arc::clone(&snapshot)));
        Ok(snapshot)
    }

    /// Builds the graph anew if one is wanted and too much lies outside of it, writes it beside the
    /// store, and publishes it with all that has changed meanwhile. Searches and writes go on.
    /// Whether it did.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or the build is cancelled. A file that cannot be written is only
    /// logged: the next start builds again.
    pub fn compact(
        &self,
        options: BuildOptions,
        progress: &dyn BuildProgress,
    ) -> Result<bool, EngineError> {
        let one = self.compaction.lock();
        let _one = one.unwrap_or_else(PoisonError::into_inner);
        let Some(old) = self.snapshot() else {
            return Ok(false);
        };
        let has_graph = old.indexed.index.build() != 0;
        if !self
            .options
            .index
            .wants_graph(has_graph, old.indexed.counts())
        {
            return Ok(false);
        }
        let (index, from) = old.indexed.index.compacted(options, progress)?;
        let labels = from
            .iter()
            .filter_map(|row| old.indexed.labels.get(*row as usize));
        let built = Indexed {
            index,
            labels: labels.copied().collect(),
        };
        drop(old);
        let directory = self.store().directory().to_owned();
        let store_view = || self.store().view(1);
        let saved = saved::write(&directory, &store_view()?, built, self.options.index)?;
        let mut store = self.store();
        let view = store.view(self.options.readers)?;
        let snapshot = Snapshot::following(saved, view)?;
        self.published.store(Some(Arc::new(snapshot)));
        Ok(true)
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
