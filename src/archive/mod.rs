//! The archive: one facade of all that the command line, the HTTP API and the page do.
//!
//! A call is awaited. It waits for capacity, reads one snapshot from start to end, and returns domain
//! types or an [`ArchiveError`]; callers know neither `SQLite` nor segments nor snapshots. What a call
//! promises:
//!
//! - **Visible**: a document is found by every call that starts after its [`put`](Archive::put) has
//!   returned, and by none after its [`delete`](Archive::delete) has.
//! - **Durable**: what `put` and `delete` have returned survives a crash and a power loss.
//! - **Consistent**: all parts of a result come from one snapshot, which its
//!   [`Provenance`] names. A cursor continues in the same snapshot or is refused.
//! - **Bounded**: a call that cannot start soon is refused with a [`Rejection`] before any work is done.
//! - **Cancelled when dropped**: a call that is still queued is removed. A long comparison ends soon; other
//!   running work is finished and its result dropped.
//!
//! This implementation is embedded: it owns the [`Engine`] of one data directory, or reads one that
//! another process may be writing. Searches and reads run on the threads of the worker pool
//! ([`admission`]), writes take turns on blocking threads ([`write_queue`]), long comparisons run on
//! low-priority threads. Where a caller passes `render`, it runs on the thread of the call, which keeps the
//! making of large results off the caller's thread.

mod admission;
mod cursor;
mod documents;
mod embeddings;
mod error;
mod open;
mod parallel_stream;
mod parallels;
mod parallels_context;
mod recall_monitor;
mod search;
mod worker_pool;
mod write_queue;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;

use crate::encoder::Encoder;
use crate::engine::{DiskUsage, Engine, IndexRowCounts, Provenance, Snapshot};
use crate::index::IndexBytes;
use crate::search::{CacheStats, QueryEncoder};
use crate::store::WriteObstacle;

use admission::Admission;
use parallels::ComparisonLimiter;
use parallels_context::ContextCache;
use recall_monitor::RecallMonitor;
use write_queue::WriteQueue;

pub use admission::QueueFull;
pub use documents::{DocumentPage, DocumentVersion, PassageInContext};
pub use embeddings::{EmbedInput, Embedded};
pub use error::{ArchiveError, CursorError, EmbedError, EmbedErrorKind, Rejection};
pub use parallel_stream::{CorpusCall, ParallelEvent, ParallelSink};
pub use parallels::{FamiliesCall, FamiliesPage};
pub use recall_monitor::RecallCounts;
pub use search::{BatchOfPages, SearchCall};
pub use write_queue::UploadPermit;

/// The limits of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Calls processed at the same time.
    pub workers: usize,
    /// Calls that may wait for a worker, and writes that may wait for their turn.
    pub queue_capacity: usize,
    /// The recall of one in this many graph searches is measured in the background; of none if 0.
    pub recall_sample_every: u64,
}

/// A searchable archive of documents.
pub struct Archive {
    /// Dropped before the engine, which must be the last to close the store.
    contexts: Arc<ContextCache>,
    source: OnceLock<Source>,
    query_encoder: OnceLock<Arc<QueryEncoder>>,
    startup_status: ArcSwap<String>,
    admission: Admission,
    write_queue: WriteQueue,
    comparison_limiter: ComparisonLimiter,
    recall_monitor: Arc<RecallMonitor>,
}

/// Where snapshots come from.
enum Source {
    /// The engine that owns the data directory.
    Engine(Arc<Engine>),
    /// The state of a data directory when it was opened for reading.
    ReadOnly {
        snapshot: Arc<Snapshot>,
        /// Absent for calls that encode nothing.
        encoder: Option<Arc<dyn Encoder>>,
    },
}

/// The names of the attributes of all documents, shared with the archive.
pub struct AttributeNames(Arc<Snapshot>);

impl Deref for AttributeNames {
    type Target = BTreeSet<String>;

    fn deref(&self) -> &BTreeSet<String> {
        self.0.document_table().attribute_names()
    }
}

/// Sizes of an archive, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveSizes {
    /// Documents in the current snapshot.
    pub documents: usize,
    /// Passages in the current snapshot.
    pub passages: usize,
    /// Rows of the index.
    pub rows: IndexRowCounts,
    /// Memory of the index.
    pub index_bytes: IndexBytes,
    /// Memory of the cached posting lists.
    pub posting_bytes: u64,
    /// Files of the data directory.
    pub disk: DiskUsage,
}

/// Counters and gauges of an archive, for metrics.
#[derive(Debug, Clone, Copy, Default)]
pub struct ArchiveStats {
    /// Calls waiting for a worker.
    pub queue_depth: usize,
    /// Writes waiting for their turn, including batches of streams.
    pub write_queue_depth: usize,
    /// Absent until the archive is ready.
    pub sizes: Option<ArchiveSizes>,
    /// The cache of query embeddings.
    pub query_cache: CacheStats,
    /// The measured recall of graph searches.
    pub recall: RecallCounts,
}

impl Archive {
    /// Creates an archive that is not ready: calls fail until it has an engine.
    #[must_use]
    pub fn new(limits: ArchiveLimits) -> Self {
        Self {
            contexts: Arc::default(),
            source: OnceLock::new(),
            query_encoder: OnceLock::new(),
            startup_status: ArcSwap::from_pointee("initializing".to_owned()),
            admission: Admission::new(limits.workers, limits.queue_capacity),
            write_queue: WriteQueue::new(limits.queue_capacity),
            comparison_limiter: ComparisonLimiter::default(),
            recall_monitor: Arc::new(RecallMonitor::new(limits.recall_sample_every)),
        }
    }

    /// Sets the current start-up step, which callers see until the archive is ready.
    pub fn set_startup_status(&self, status: impl Into<String>) {
        self.startup_status.store(Arc::new(status.into()));
    }

    /// Sets the engine; further calls are ignored. The archive is ready once the engine has published a
    /// snapshot.
    pub fn set_engine(&self, engine: Arc<Engine>) {
        let contexts = Arc::downgrade(&self.contexts);
        engine.set_publication_observer(move |snapshot| {
            if let Some(contexts) = contexts.upgrade() {
                contexts.drop_stale(snapshot);
            }
        });
        self.source.get_or_init(|| Source::Engine(engine));
    }

    /// Returns why the store cannot be written, as far as is known.
    #[must_use]
    pub fn write_obstacle(&self) -> Option<WriteObstacle> {
        match self.source.get() {
            Some(Source::Engine(engine)) => engine.write_obstacle(),
            Some(Source::ReadOnly { .. }) => Some(WriteObstacle::ReadOnly),
            None => None,
        }
    }

    /// Returns the provenance of results.
    ///
    /// # Errors
    ///
    /// If the archive is not ready.
    pub fn provenance(&self) -> Result<Provenance, ArchiveError> {
        Ok(self.snapshot()?.provenance())
    }

    /// Returns the name of the encoder's kernel.
    ///
    /// # Errors
    ///
    /// If the archive is not ready.
    pub fn kernel(&self) -> Result<&'static str, ArchiveError> {
        Ok(self.encoder()?.kernel())
    }

    /// Returns the names of all attributes that documents have, besides the built-in fields.
    ///
    /// # Errors
    ///
    /// If the archive is not ready.
    pub fn attribute_names(&self) -> Result<AttributeNames, ArchiveError> {
        Ok(AttributeNames(self.snapshot()?))
    }

    /// Returns counters and gauges, also while the archive is not ready.
    #[must_use]
    pub fn stats(&self) -> ArchiveStats {
        let encoder = self.query_encoder.get();
        ArchiveStats {
            queue_depth: self.admission.waiting(),
            write_queue_depth: self.write_queue.waiting(),
            sizes: self.sizes(),
            query_cache: encoder.map(|e| e.cache_stats()).unwrap_or_default(),
            recall: self.recall_monitor.counts(),
        }
    }

    /// Returns the reason why a search would be rejected now, if it would be: it need not be read.
    #[must_use]
    pub fn queue_full(&self) -> Option<QueueFull> {
        self.admission.queue_full()
    }

    /// Occupies a worker.
    #[cfg(test)]
    pub(crate) async fn run_on_worker(
        &self,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), ArchiveError> {
        let work = move || {
            work();
            Ok(())
        };
        self.admission.run(work).await
    }

    fn sizes(&self) -> Option<ArchiveSizes> {
        let Some(Source::Engine(engine)) = self.source.get() else {
            return None;
        };
        let snapshot = engine.snapshot()?;
        let (rows, index_bytes) = snapshot.index_stats();
        Some(ArchiveSizes {
            documents: snapshot.info().documents,
            passages: snapshot.info().passages,
            rows,
            index_bytes,
            posting_bytes: snapshot.posting_bytes(),
            disk: engine.disk_usage(),
        })
    }

    /// Returns the current snapshot.
    fn snapshot(&self) -> Result<Arc<Snapshot>, ArchiveError> {
        let snapshot = match self.source.get() {
            Some(Source::Engine(engine)) => engine.snapshot(),
            Some(Source::ReadOnly { snapshot, .. }) => Some(Arc::clone(snapshot)),
            None => None,
        };
        snapshot.ok_or_else(|| self.not_ready())
    }

    /// Returns the engine for a write, which the archive is ready for once it can be searched.
    fn engine(&self) -> Result<&Arc<Engine>, ArchiveError> {
        match self.source.get() {
            Some(Source::Engine(engine)) if engine.snapshot().is_some() => Ok(engine),
            Some(Source::ReadOnly { .. }) => Err(ArchiveError::ReadOnly),
            _ => Err(self.not_ready()),
        }
    }

    fn encoder(&self) -> Result<Arc<dyn Encoder>, ArchiveError> {
        match self.source.get() {
            Some(Source::Engine(engine)) if engine.snapshot().is_some() => {
                Ok(engine.shared_encoder())
            }
            Some(Source::ReadOnly {
                encoder: Some(encoder),
                ..
            }) => Ok(Arc::clone(encoder)),
            _ => Err(self.not_ready()),
        }
    }

    fn query_encoder(&self) -> Result<Arc<QueryEncoder>, ArchiveError> {
        let encoder = self.encoder()?;
        let new_encoder = || Arc::new(QueryEncoder::new(encoder));
        Ok(Arc::clone(self.query_encoder.get_or_init(new_encoder)))
    }

    fn not_ready(&self) -> ArchiveError {
        ArchiveError::NotReady {
            status: self.startup_status.load().to_string(),
        }
    }
}
