//! Owns store, encoder and index, and keeps them in step.
//!
//! [`Engine::ingest`] takes a corpus into the store; [`Engine::publish`] makes what is stored
//! searchable. Requests read a [`Snapshot`]: one moment of the store with an index over exactly
//! its passages. A snapshot never changes; a newer one takes its place between two requests.

mod background;
mod catalogue;
mod changes;
mod condition;
mod disk;
mod encode;
mod identity;
mod ingest;
mod report;
mod rows;
mod saved;
mod snapshot;
mod turns;
mod upkeep;
mod words;
mod write;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;

use crate::encoder::{Call, Encoder, Watched};
use crate::index::{self, BuildOptions, BuildProgress, HnswParameters, IndexError, SegmentedIndex};
use crate::store::{Store, StoreError};

use self::background::Background;

pub use background::{give_way, thread as background_thread};
pub use catalogue::Catalogue;
pub use condition::{Condition, Versions};
pub use disk::OnDisk;
pub use encode::encode_texts;
pub use ingest::{IngestOptions, IngestProgress, IngestState, NoProgress};
pub use report::{DroppedBlock, IngestReport, Remark};
pub use snapshot::{IndexRows, Snapshot, SnapshotFacts};
pub use upkeep::Upkeep;
pub use words::WordsError;
pub use write::{Change, Deleted, Incoming, Outcome, Stored};

use rows::Indexed;
use turns::Turns;

/// The store's remark that it was begun with the default corpus.
const BEGUN_WITH: &str = "corpus";

/// Name of the index's file in the data directory.
const INDEX_FILE: &str = "antiphon.index";

/// The writer of one data directory and the publisher of its snapshots.
pub struct Engine {
    encoder: Arc<Watched>,
    directory: PathBuf,
    /// Goes before the store: only the last one to close a database can move its log, and only a
    /// writer.
    published: ArcSwapOption<Snapshot>,
    store: Mutex<Store>,
    /// Taken by whoever writes documents.
    turns: Turns,
    /// Whether something may be stored that is not published.
    behind: AtomicBool,
    /// Keep navigation and page furniture of documents that clients send.
    keep_all: bool,
    /// Held by whoever builds a graph: one at a time.
    compaction: Mutex<()>,
    /// Where documents are read, once there is a snapshot.
    readers: Background,
    /// Where everything else that is long is done: documents do not wait for it.
    background: Background,
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

/// Rows outside of all graphs that are not worth a graph: comparing so many takes as long as a walk.
const SMALL_TAIL: usize = 4096;

/// What would make an index faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    /// One graph over all rows.
    Whole,
    /// A graph over the rows outside of the large one.
    Fold,
}

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

    /// What is wanted of an index: a graph, if there should be one and there is none, or a quarter of
    /// all rows are outside of it, or a fifth deleted; a smaller one for what came since.
    fn wants(self, index: &SegmentedIndex) -> Option<Remedy> {
        let live = index.live();
        let wanted = match self {
            Self::Exact => false,
            Self::Hnsw(_) => live > 0,
            Self::Auto { exact_up_to, .. } => live > exact_up_to,
        };
        let (outside, tail) = index.unsettled();
        if !wanted {
            None
        } else if !index.has_graph()
            || outside > SMALL_TAIL.max(live / 4)
            || index.deleted() > live / 5
        {
            Some(Remedy::Whole)
        } else if tail > SMALL_TAIL {
            Some(Remedy::Fold)
        } else {
            None
        }
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
            encoder: Arc::new(Watched::new(encoder)),
            directory: directory.to_owned(),
            store: Mutex::new(store),
            published: ArcSwapOption::empty(),
            turns: Turns::default(),
            behind: AtomicBool::new(false),
            keep_all: false,
            compaction: Mutex::new(()),
            readers: Background::new("reader"),
            background: Background::new("background"),
            options,
        })
    }

    /// The same engine, keeping navigation and page furniture of documents that clients send, or not.
    #[must_use]
    pub fn keeping_all(self, keep_all: bool) -> Self {
        Self { keep_all, ..self }
    }

    /// The encoder that made the embeddings and must make those of queries.
    #[must_use]
    pub fn encoder(&self) -> &dyn Encoder {
        self.encoder.as_ref()
    }

    /// The same encoder, for whoever outlives this reference.
    #[must_use]
    pub fn shared_encoder(&self) -> Arc<dyn Encoder> {
        Arc::clone(&self.encoder) as Arc<dyn Encoder>
    }

    /// Has `watch` told of all that is encoded from now on, whatever for; the first one that asks
    /// for it stays.
    pub fn watch_encoder(&self, watch: impl Fn(Call) + Send + Sync + 'static) {
        self.encoder.tell(watch);
    }

    /// What the files of the data directory take.
    #[must_use]
    pub fn on_disk(&self) -> OnDisk {
        OnDisk::of(&self.directory)
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
        let snapshot = self.publish_from(&mut store)?;
        // The snapshot before this one is let go now, but this one keeps its part of the log: the
        // same moment once more keeps none.
        if !store.has_long_log() {
            return Ok(snapshot);
        }
        let again = match store.move_log() {
            Ok(true) => self.publish_from(&mut store),
            Ok(false) => return Ok(snapshot),
            Err(error) => Err(error.into()),
        };
        again.or_else(|error| {
            // What was to be published is. The next one tries again.
            tracing::warn!("the store's log gets longer, as it cannot begin anew: {error}");
            Ok(snapshot)
        })
    }

    /// Publishes while the store is locked, so that an older moment never replaces a newer one.
    fn publish_from(&self, store: &mut Store) -> Result<Arc<Snapshot>, EngineError> {
        let view = store.view(self.options.readers)?;
        let snapshot = if let Some(before) = self.snapshot() {
            Snapshot::after(&before, view)?
        } else {
            let saved = saved::open(store.directory(), &view, self.options.index)?;
            Snapshot::following(&saved, None, view)?
        };
        let snapshot = Arc::new(snapshot);
        self.published.store(Some(Arc::clone(&snapshot)));
        self.behind.store(false, Ordering::Relaxed);
        Ok(snapshot)
    }

    /// Whether a graph is wanted and too much lies outside of it.
    #[must_use]
    pub fn wants_compaction(&self) -> bool {
        self.snapshot()
            .is_some_and(|snapshot| self.options.index.wants(&snapshot.indexed.index).is_some())
    }

    /// Runs something long on threads that give way to searches, and waits for it.
    pub fn in_background<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.background.run(work)
    }

    /// Builds a graph if one is wanted and too much lies outside of what is there, and publishes it
    /// with all that has changed meanwhile; a whole one is written beside the store. Searches and
    /// writes go on. Whether it did.
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
        // Not the snapshot: one that is held keeps the store's log from shrinking.
        let Some(old) = self.snapshot().map(|snapshot| snapshot.indexed.clone()) else {
            return Ok(false);
        };
        let compacted = match self.options.index.wants(&old.index) {
            None => return Ok(false),
            Some(Remedy::Whole) => self.whole(old, options, progress)?,
            Some(Remedy::Fold) => {
                let (index, rows) = old.index.folded(options, progress)?;
                let labels = old.labels_of(&rows);
                Indexed { index, labels }
            }
        };
        let mut store = self.store();
        let view = store.view(self.options.readers)?;
        let snapshot = Snapshot::following(&compacted, self.snapshot().as_deref(), view)?;
        self.published.store(Some(Arc::new(snapshot)));
        Ok(true)
    }

    /// One graph over all rows, in its file.
    fn whole(
        &self,
        old: Indexed,
        options: BuildOptions,
        progress: &dyn BuildProgress,
    ) -> Result<Indexed, EngineError> {
        let Some(built) = index::Compaction::of(&old.index, options, progress)? else {
            return Ok(old);
        };
        let labels = old.labels_of(built.rows());
        drop(old);
        let mut store = self.store();
        let (directory, moment) = (store.directory().to_owned(), store.view(1)?);
        drop(store);
        saved::write(&directory, &moment, built, labels, self.options.index)
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
