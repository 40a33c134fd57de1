//! Owns store, encoder and index, and keeps them consistent.
//!
//! [`Engine::ingest`] writes a corpus to the store; [`Engine::publish`] makes the stored documents
//! searchable. Requests read a [`Snapshot`]: the store at one point in time with an index over exactly
//! its passages. Snapshots are immutable; a newer one replaces the current one between two requests.

mod compactor;
mod disk_usage;
mod document_table;
mod encode;
mod identity;
mod index_cache;
mod ingest;
mod low_priority_pool;
mod passage_index;
mod precondition;
mod provenance;
mod report;
mod snapshot;
mod snapshot_diff;
mod write;
mod write_lock;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwapOption;

use crate::atomic_file;
use crate::encoder::{EncodeStats, Encoder, InstrumentedEncoder};
use crate::index::{self, BuildOptions, BuildProgress, HnswParameters, IndexError, SegmentedIndex};
use crate::store::{DATABASE_FILE, Store, StoreError, WriteObstacle};

use self::low_priority_pool::LowPriorityPool;

pub use compactor::CompactionWorker;
pub use disk_usage::DiskUsage;
pub use document_table::DocumentTable;
pub use encode::encode_texts;
pub use ingest::{IngestOptions, IngestProgress, IngestState, NoIngestProgress};
pub use low_priority_pool::{lower_thread_priority, spawn_low_priority_thread};
pub use precondition::{EntityTags, Precondition};
pub use provenance::Provenance;
pub use report::{DroppedBlock, IngestReport, IngestWarning};
pub use snapshot::{IndexRowCounts, PassageScorer, Snapshot, SnapshotInfo};
pub use write::{ChangeKind, DeleteOutcome, PutOutcome, PutRequest, PutResult};
pub use write_lock::WriteTurn;

use passage_index::PassageIndex;
use write_lock::WriteLock;

/// Marks a store that was created with the default corpus.
const CORPUS_META_KEY: &str = "corpus";

/// Name of the index file in the data directory.
const INDEX_FILE: &str = "antiphon.index";

/// The writer of one data directory and the publisher of its snapshots.
pub struct Engine {
    encoder: Arc<InstrumentedEncoder>,
    directory: PathBuf,
    /// Called with each published snapshot.
    publication_observer: OnceLock<PublicationObserver>,
    /// Dropped before the store: `SQLite` removes the WAL when the last connection closes, if that one
    /// may write.
    published: ArcSwapOption<Snapshot>,
    /// Locked for moments: by a writer in its turn, and by publication and compaction.
    store: Mutex<Store>,
    /// Held by one writer of documents at a time, from the comparison with the stored versions to the
    /// publication.
    write_lock: WriteLock,
    /// Whether the store may contain changes that are not published.
    snapshot_is_stale: AtomicBool,
    /// Why the last write failed, if the store could not be written.
    write_obstacle: Mutex<Option<WriteObstacle>>,
    /// Keep navigation and page furniture of uploaded documents.
    keep_boilerplate: bool,
    /// Allows one graph build at a time.
    compaction_lock: Mutex<()>,
    /// Segments and encodes documents, once a snapshot is published.
    ingest_pool: LowPriorityPool,
    /// Runs all other long work, so that documents do not wait for it.
    background_pool: LowPriorityPool,
    options: EngineOptions,
}

/// Called with each snapshot when it is published, while the store is locked.
type PublicationObserver = Box<dyn Fn(&Arc<Snapshot>) + Send + Sync>;

/// Options of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineOptions {
    /// Requests that can read a snapshot concurrently.
    pub reader_connections: usize,
    /// The index to search.
    pub index: IndexConfig,
}

/// The kind of index, with its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexConfig {
    /// An exact scan of all passages.
    Exact,
    /// A graph.
    Hnsw(HnswParameters),
    /// An exact scan up to a number of passages, a graph above it.
    Auto {
        /// Most passages for an exact scan.
        exact_threshold: usize,
        /// The graph's parameters.
        hnsw: HnswParameters,
    },
}

/// Rows outside of all graphs that are not worth a graph: a scan of them costs as much as a graph search.
const MIN_TAIL_ROWS_TO_COMPACT: usize = 4096;

/// The kind of compaction that an index needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CompactionKind {
    /// One graph over all rows.
    Full,
    /// A graph over the rows outside of the large one.
    Delta,
}

impl IndexConfig {
    /// Returns the parameters of graphs, if any are built.
    pub(super) fn hnsw_parameters(self) -> HnswParameters {
        match self {
            Self::Exact => HnswParameters::default(),
            Self::Hnsw(parameters)
            | Self::Auto {
                hnsw: parameters, ..
            } => parameters,
        }
    }

    /// Returns the compaction that an index needs. Full: the graph is missing, rows outside of it exceed a
    /// quarter of the live rows, or deleted rows a fifth. Delta: many rows are in no graph.
    fn compaction_needed(self, index: &SegmentedIndex) -> Option<CompactionKind> {
        let live = index.live_row_count();
        let wants_graph = match self {
            Self::Exact => false,
            Self::Hnsw(_) => live > 0,
            Self::Auto {
                exact_threshold, ..
            } => live > exact_threshold,
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

/// A failure of the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was written cannot be searched yet.
    #[error(
        "the write is stored, but the store cannot be read again to make it searchable ({0}); it becomes searchable once that works, at the latest with the next write"
    )]
    NotPublished(Box<EngineError>),
    /// The index could not be built.
    #[error("cannot build the index: {0}")]
    Index(#[from] IndexError),
}

/// Rejects an empty database next to an index: it has lost its documents, and is not a new store.
fn reject_emptied_database(directory: &Path) -> Result<(), StoreError> {
    let path = directory.join(DATABASE_FILE);
    let length = |path: &Path| path.metadata().map(|file| file.len());
    let mut wal = path.clone().into_os_string();
    wal.push("-wal");
    let has_wal = length(Path::new(&wal)).is_ok_and(|bytes| bytes > 0);
    let is_empty = length(&path).is_ok_and(|bytes| bytes == 0);
    if is_empty && !has_wal && directory.join(INDEX_FILE).exists() {
        return Err(StoreError::InvalidDatabase {
            path,
            reason: format!("it is empty, but {INDEX_FILE} next to it is that of a store"),
        });
    }
    Ok(())
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
        reject_emptied_database(directory)?;
        let store = Store::open(directory, encoder.fingerprint())?;
        // A build that was killed has left its file, which takes as much room as the index.
        if let Err(error) = atomic_file::remove_interrupted(&directory.join(INDEX_FILE)) {
            tracing::warn!("cannot remove an incomplete index file: {error}");
        }
        Ok(Self {
            encoder: Arc::new(InstrumentedEncoder::new(encoder)),
            directory: directory.to_owned(),
            store: Mutex::new(store),
            publication_observer: OnceLock::new(),
            published: ArcSwapOption::empty(),
            write_lock: WriteLock::default(),
            snapshot_is_stale: AtomicBool::new(false),
            write_obstacle: Mutex::default(),
            keep_boilerplate: false,
            compaction_lock: Mutex::new(()),
            ingest_pool: LowPriorityPool::new("ingest"),
            background_pool: LowPriorityPool::new("background"),
            options,
        })
    }

    /// Sets whether navigation and page furniture of uploaded documents are kept.
    #[must_use]
    pub fn with_keep_boilerplate(self, keep_boilerplate: bool) -> Self {
        Self {
            keep_boilerplate,
            ..self
        }
    }

    /// Returns the encoder, which must also encode the queries.
    #[must_use]
    pub fn encoder(&self) -> &dyn Encoder {
        self.encoder.as_ref()
    }

    /// Returns a shared handle to the encoder.
    #[must_use]
    pub fn shared_encoder(&self) -> Arc<dyn Encoder> {
        Arc::clone(&self.encoder) as Arc<dyn Encoder>
    }

    /// Sets the observer of all encoding from now on, of queries and documents. Only the first call has an
    /// effect.
    pub fn set_encode_observer(&self, observer: impl Fn(EncodeStats) + Send + Sync + 'static) {
        self.encoder.set_observer(observer);
    }

    /// Sets the observer of publications, which must not use the engine. Only the first call has an effect.
    ///
    /// An observer that drops what it keeps of the previous snapshot lets the WAL be checkpointed.
    pub fn set_publication_observer(
        &self,
        observer: impl Fn(&Arc<Snapshot>) + Send + Sync + 'static,
    ) {
        self.publication_observer.get_or_init(|| Box::new(observer));
    }

    /// Waits for the turns of earlier writers.
    pub async fn write_turn(&self) -> WriteTurn {
        self.write_lock.acquire().await
    }

    /// Returns whether a writer would get its turn at once.
    #[must_use]
    pub fn is_write_lock_free(&self) -> bool {
        self.write_lock.is_free()
    }

    /// Returns why the store cannot be written, as far as the last write has shown. Every write tries again.
    #[must_use]
    pub fn write_obstacle(&self) -> Option<WriteObstacle> {
        *self
            .write_obstacle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps whether a write has failed for want of room or permission, and logs when that changes.
    fn observe_write<T>(&self, outcome: &Result<T, EngineError>) {
        let obstacle = match outcome {
            Ok(_) => None,
            Err(EngineError::Store(error)) => match error.write_obstacle() {
                Some(obstacle) => Some(obstacle),
                None => return,
            },
            Err(_) => return,
        };
        let mut current = self
            .write_obstacle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *current != obstacle {
            if let Some(obstacle) = obstacle {
                tracing::error!("read-only: {obstacle}");
            } else {
                tracing::info!("the store can be written again");
            }
            *current = obstacle;
        }
    }

    /// Measures the files of the data directory.
    #[must_use]
    pub fn disk_usage(&self) -> DiskUsage {
        DiskUsage::measure(&self.directory)
    }

    /// Returns the current snapshot; `None` before the first one is published.
    #[must_use]
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.published.load_full()
    }

    /// Publishes a snapshot of the store, so that all stored documents are searchable. Applies the changes
    /// since the current snapshot to its index; the first time, to the index on disk.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn publish(&self) -> Result<Arc<Snapshot>, EngineError> {
        let mut store = self.lock_store();
        let snapshot = self.publish_locked(&mut store)?;
        // The previous snapshot is dropped by now, but the new one still reads the WAL. A second
        // snapshot of the same state, taken after the checkpoint, does not.
        if !store.wal_needs_checkpoint() {
            return Ok(snapshot);
        }
        let republished = match store.checkpoint_wal() {
            Ok(true) => self.publish_locked(&mut store),
            Ok(false) => return Ok(snapshot),
            Err(error) => Err(error.into()),
        };
        republished.or_else(|error| {
            // The snapshot is published regardless; the next publication tries again.
            tracing::warn!("WAL checkpoint failed; the WAL keeps growing: {error}");
            Ok(snapshot)
        })
    }

    /// Publishes while the store is locked, so that an older state never replaces a newer one.
    fn publish_locked(&self, store: &mut Store) -> Result<Arc<Snapshot>, EngineError> {
        let view = store.view(self.options.reader_connections)?;
        let snapshot = if let Some(previous) = self.snapshot() {
            Snapshot::incremental_from(&previous, view)?
        } else {
            let cached = index_cache::load_or_empty(store.directory(), &view, self.options.index)?;
            Snapshot::from_index(&cached, None, view)?
        };
        let snapshot = Arc::new(snapshot);
        self.replace_snapshot(&snapshot);
        self.snapshot_is_stale.store(false, Ordering::Relaxed);
        Ok(snapshot)
    }

    /// Makes a snapshot the current one.
    fn replace_snapshot(&self, snapshot: &Arc<Snapshot>) {
        self.published.store(Some(Arc::clone(snapshot)));
        if let Some(observer) = self.publication_observer.get() {
            observer(snapshot);
        }
    }

    /// Returns whether the current index needs compaction.
    #[must_use]
    pub fn needs_compaction(&self) -> bool {
        self.snapshot().is_some_and(|snapshot| {
            self.options
                .index
                .compaction_needed(&snapshot.passage_index.index)
                .is_some()
        })
    }

    /// Runs long work on low-priority threads and waits for it.
    pub fn run_in_background<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.background_pool.run(work)
    }

    /// Compacts the index if it needs it, and publishes it with all changes made meanwhile; a full
    /// compaction also rewrites the index file. Does not block searches or writes. Returns whether it
    /// compacted.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or the build is cancelled. A file that cannot be written is only
    /// logged: the next start builds the graph again.
    pub fn compact(
        &self,
        options: BuildOptions,
        progress: &dyn BuildProgress,
    ) -> Result<bool, EngineError> {
        let guard = self.compaction_lock.lock();
        let _guard = guard.unwrap_or_else(PoisonError::into_inner);
        // Not the snapshot, which would keep the WAL from being checkpointed.
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
        self.replace_snapshot(&Arc::new(snapshot));
        Ok(true)
    }

    /// Builds one graph over all live rows and writes it to the index file.
    fn compact_full(
        &self,
        old: PassageIndex,
        options: BuildOptions,
        progress: &dyn BuildProgress,
    ) -> Result<PassageIndex, EngineError> {
        let Some(compaction) = index::Compaction::build(&old.index, options, progress)? else {
            return Ok(old);
        };
        let labels = old.labels_of(compaction.source_rows());
        drop(old);
        let mut store = self.lock_store();
        let (directory, view) = (store.directory().to_owned(), store.view(1)?);
        drop(store);
        index_cache::write_and_reload(&directory, &view, compaction, labels, self.options.index)
    }

    /// Returns whether the store is empty.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn is_empty(&self) -> Result<bool, EngineError> {
        Ok(self.lock_store().document_ids()?.is_empty())
    }

    /// Returns whether the default corpus may be ingested into this store: if the store is empty, which
    /// marks it, or was created with that corpus. Keeps an archive from being mixed with sample documents
    /// of the working directory.
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
        // A writer that panicked rolled its transaction back, so the store is consistent.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
