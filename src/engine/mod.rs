//! Owns store, encoder and index, and keeps them in step.
//!
//! [`Engine::ingest`] takes a corpus into the store; [`Engine::publish`] makes what is stored
//! searchable. Requests read a [`Snapshot`]: one moment of the store with an index over exactly
//! its passages. A snapshot never changes; a newer one takes its place between two requests.

mod compactor;
mod disk_usage;
mod document_table;
mod encode;
mod fair_lock;
mod identity;
mod index_cache;
mod ingest;
mod keyword;
mod low_priority_pool;
mod passage_index;
mod precondition;
mod report;
mod snapshot;
mod snapshot_diff;
mod write;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;

use crate::encoder::{EncodeStats, Encoder, InstrumentedEncoder};
use crate::index::{self, BuildOptions, BuildProgress, HnswParameters, IndexError, SegmentedIndex};
use crate::store::{Store, StoreError};

use self::low_priority_pool::LowPriorityPool;

pub use compactor::CompactionWorker;
pub use disk_usage::DiskUsage;
pub use document_table::DocumentTable;
pub use encode::encode_texts;
pub use ingest::{IngestOptions, IngestProgress, IngestState, NoIngestProgress};
pub use keyword::KeywordError;
pub use low_priority_pool::{
    lower_thread_priority, spawn_low_priority_thread as background_thread,
};
pub use precondition::{EntityTags, Precondition};
pub use report::{DroppedBlock, IngestReport, IngestWarning};
pub use snapshot::{IndexRowCounts, Snapshot, SnapshotInfo};
pub use write::{ChangeKind, DeleteOutcome, PutOutcome, PutRequest, PutResult};

use fair_lock::TicketLock;
use passage_index::PassageIndex;

/// The store's remark that it was begun with the default corpus.
const CORPUS_META_KEY: &str = "corpus";

/// Name of the index's file in the data directory.
const INDEX_FILE: &str = "antiphon.index";

/// The writer of one data directory and the publisher of its snapshots.
pub struct Engine {
    encoder: Arc<InstrumentedEncoder>,
    directory: PathBuf,
    /// Goes before the store: only the last one to close a database can move its log, and only a
    /// writer.
    published: ArcSwapOption<Snapshot>,
    store: Mutex<Store>,
    /// Taken by whoever writes documents.
    write_lock: TicketLock,
    /// Whether something may be stored that is not published.
    snapshot_is_stale: AtomicBool,
    /// Keep navigation and page furniture of documents that clients send.
    keep_boilerplate: bool,
    /// Held by whoever builds a graph: one at a time.
    compaction_lock: Mutex<()>,
    /// Where documents are read, once there is a snapshot.
    ingest_pool: LowPriorityPool,
    /// Where everything else that is long is done: documents do not wait for it.
    background_pool: LowPriorityPool,
    options: EngineOptions,
}

/// How an engine reads and searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineOptions {
    /// Requests that may read a snapshot at the same time.
    pub reader_connections: usize,
    /// Which index to search.
    pub index: IndexConfig,
}

/// Which index to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexConfig {
    /// Compare with every passage.
    Exact,
    /// Walk a graph.
    Hnsw(HnswParameters),
    /// Exact up to so many passages, a graph above.
    Auto {
        /// Most passages for an exact scan.
        exact_threshold: usize,
        /// The graph's parameters.
        hnsw: HnswParameters,
    },
}

/// Rows outside of all graphs that are not worth a graph: comparing so many takes as long as a walk.
const MIN_TAIL_ROWS_TO_COMPACT: usize = 4096;

/// What would make an index faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CompactionKind {
    /// One graph over all rows.
    Full,
    /// A graph over the rows outside of the large one.
    Delta,
}

impl IndexConfig {
    /// How graphs are built and searched, where there are any.
    pub(super) fn hnsw_parameters(self) -> HnswParameters {
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
    fn compaction_needed(self, index: &SegmentedIndex) -> Option<CompactionKind> {
        let live = index.live_row_count();
        let wants_graph = match self {
            Self::Exact => false,
            Self::Hnsw(_) => live > 0,
            Self::Auto {
                exact_threshold: exact_up_to,
                ..
            } => live > exact_up_to,
        };
        let (outside, tail) = index.uncompacted_rows();
        if !wants_graph {
            None
        } else if !index.has_graph()
            || outside > MIN_TAIL_ROWS_TO_COMPACT.max(live / 4)
            || index.deleted_row_count() > live / 5
        {
            Some(CompactionKind::Full)
        } else if tail > MIN_TAIL_ROWS_TO_COMPACT {
            Some(CompactionKind::Delta)
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
            encoder: Arc::new(InstrumentedEncoder::new(encoder)),
            directory: directory.to_owned(),
            store: Mutex::new(store),
            published: ArcSwapOption::empty(),
            write_lock: TicketLock::default(),
            snapshot_is_stale: AtomicBool::new(false),
            keep_boilerplate: false,
            compaction_lock: Mutex::new(()),
            ingest_pool: LowPriorityPool::new("reader"),
            background_pool: LowPriorityPool::new("background"),
            options,
        })
    }

    /// The same engine, keeping navigation and page furniture of documents that clients send, or not.
    #[must_use]
    pub fn with_keep_boilerplate(self, keep_boilerplate: bool) -> Self {
        Self {
            keep_boilerplate,
            ..self
        }
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
    pub fn set_encode_observer(&self, observer: impl Fn(EncodeStats) + Send + Sync + 'static) {
        self.encoder.set_observer(observer);
    }

    /// What the files of the data directory take.
    #[must_use]
    pub fn disk_usage(&self) -> DiskUsage {
        DiskUsage::measure(&self.directory)
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
        let mut store = self.lock_store();
        let snapshot = self.publish_locked(&mut store)?;
        // The snapshot before this one is let go now, but this one keeps its part of the log: the
        // same moment once more keeps none.
        if !store.wal_needs_checkpoint() {
            return Ok(snapshot);
        }
        let republished = match store.checkpoint_wal() {
            Ok(true) => self.publish_locked(&mut store),
            Ok(false) => return Ok(snapshot),
            Err(error) => Err(error.into()),
        };
        republished.or_else(|error| {
            // What was to be published is. The next one tries again.
            tracing::warn!("the store's log gets longer, as it cannot begin anew: {error}");
            Ok(snapshot)
        })
    }

    /// Publishes while the store is locked, so that an older moment never replaces a newer one.
    fn publish_locked(&self, store: &mut Store) -> Result<Arc<Snapshot>, EngineError> {
        let view = store.view(self.options.reader_connections)?;
        let snapshot = if let Some(before) = self.snapshot() {
            Snapshot::incremental_from(&before, view)?
        } else {
            let saved = index_cache::load_or_empty(store.directory(), &view, self.options.index)?;
            Snapshot::from_index(&saved, None, view)?
        };
        let snapshot = Arc::new(snapshot);
        self.published.store(Some(Arc::clone(&snapshot)));
        self.snapshot_is_stale.store(false, Ordering::Relaxed);
        Ok(snapshot)
    }

    /// Whether a graph is wanted and too much lies outside of it.
    #[must_use]
    pub fn needs_compaction(&self) -> bool {
        self.snapshot().is_some_and(|snapshot| {
            self.options
                .index
                .compaction_needed(&snapshot.passage_index.index)
                .is_some()
        })
    }

    /// Runs something long on threads that give way to searches, and waits for it.
    pub fn run_in_background<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.background_pool.run(work)
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
        let one = self.compaction_lock.lock();
        let _one = one.unwrap_or_else(PoisonError::into_inner);
        // Not the snapshot: one that is held keeps the store's log from shrinking.
        let Some(old) = self
            .snapshot()
            .map(|snapshot| snapshot.passage_index.clone())
        else {
            return Ok(false);
        };
        let compacted = match self.options.index.compaction_needed(&old.index) {
            None => return Ok(false),
            Some(CompactionKind::Full) => self.compact_full(old, options, progress)?,
            Some(CompactionKind::Delta) => {
                let (index, rows) = old.index.delta_compacted(options, progress)?;
                let labels = old.labels_of(&rows);
                PassageIndex { index, labels }
            }
        };
        let mut store = self.lock_store();
        let view = store.view(self.options.reader_connections)?;
        let snapshot = Snapshot::from_index(&compacted, self.snapshot().as_deref(), view)?;
        self.published.store(Some(Arc::new(snapshot)));
        Ok(true)
    }

    /// One graph over all rows, in its file.
    fn compact_full(
        &self,
        old: PassageIndex,
        options: BuildOptions,
        progress: &dyn BuildProgress,
    ) -> Result<PassageIndex, EngineError> {
        let Some(built) = index::Compaction::build(&old.index, options, progress)? else {
            return Ok(old);
        };
        let labels = old.labels_of(built.source_rows());
        drop(old);
        let mut store = self.lock_store();
        let (directory, view) = (store.directory().to_owned(), store.view(1)?);
        drop(store);
        index_cache::write_and_reload(&directory, &view, built, labels, self.options.index)
    }

    /// Whether nothing is stored yet.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn is_empty(&self) -> Result<bool, EngineError> {
        Ok(self.lock_store().document_ids()?.is_empty())
    }

    /// Whether the default corpus may be read into this store: where nothing is stored yet, or
    /// where it was begun with that corpus. An archive is not mixed with the samples that happen
    /// to lie in the folder that the program is started from.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or written.
    pub fn allow_default_corpus(&self) -> Result<bool, EngineError> {
        let mut store = self.lock_store();
        if store.get_meta(CORPUS_META_KEY)?.is_some() {
            return Ok(true);
        }
        if !store.document_ids()?.is_empty() {
            return Ok(false);
        }
        store.set_meta(CORPUS_META_KEY, "default")?;
        Ok(true)
    }

    fn lock_store(&self) -> MutexGuard<'_, Store> {
        // A writer that panicked has left its transaction rolled back: the store is whole.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
