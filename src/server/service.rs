//! The state that all handlers share.

use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::admission::Admission;
use super::documents::WriteQueue;
use super::middleware::MiddlewareState;
use super::parallels::ComparisonLimiter;
use super::problem::Problem;
use super::recall_monitor::RecallMonitor;
use crate::engine::{Engine, Snapshot};
use crate::parallels::{CorpusContext, SentenceIndex};
use crate::search::{CacheStats, QueryEncoder};

/// Seconds after which a client may retry while the service starts up.
const INITIALIZING_RETRY_SECONDS: u32 = 2;

/// The limits of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceLimits {
    /// Requests processed at the same time.
    pub workers: usize,
    /// Requests that may wait in the admission queue.
    pub queue_capacity: usize,
    /// Maximum size of a request body.
    pub max_body_bytes: usize,
}

/// The engine once it is ready, the start-up status before, the queues, and the middleware's state.
pub struct Service {
    /// Context of the current snapshot, if parallels were requested. Declared before the engine and so
    /// dropped before it, as the engine must be the last to close the store.
    corpus_context: ArcSwapOption<CorpusContext>,
    engine: OnceLock<Arc<Engine>>,
    query_encoder: OnceLock<Arc<QueryEncoder>>,
    startup_status: ArcSwap<String>,
    admission: Admission,
    write_queue: WriteQueue,
    /// The sentences of the previous context, which the next one reuses.
    sentences: ArcSwapOption<SentenceIndex>,
    comparison_limiter: ComparisonLimiter,
    recall_monitor: Arc<RecallMonitor>,
    limits: ServiceLimits,
    middleware: MiddlewareState,
}

impl Service {
    /// Creates a service without an engine: alive, but not ready.
    #[must_use]
    pub fn new(limits: ServiceLimits) -> Self {
        Self {
            engine: OnceLock::new(),
            query_encoder: OnceLock::new(),
            startup_status: ArcSwap::from_pointee("initializing".to_owned()),
            admission: Admission::new(limits.workers, limits.queue_capacity),
            write_queue: WriteQueue::new(limits.queue_capacity),
            corpus_context: ArcSwapOption::empty(),
            sentences: ArcSwapOption::empty(),
            comparison_limiter: ComparisonLimiter::default(),
            recall_monitor: Arc::new(RecallMonitor::new(0)),
            limits,
            middleware: MiddlewareState::default(),
        }
    }

    /// Sets the state of the middleware; the default allows anonymous access and logs nothing.
    #[must_use]
    pub fn with_middleware(mut self, middleware: MiddlewareState) -> Self {
        self.middleware = middleware;
        self
    }

    /// Measures the recall of one in `sample_every` graph searches in the background; of none if 0.
    #[must_use]
    pub fn with_recall_monitor(mut self, sample_every: u64) -> Self {
        self.recall_monitor = Arc::new(RecallMonitor::new(sample_every));
        self
    }

    /// Returns keys, TLS, logs and metrics.
    #[must_use]
    pub fn middleware(&self) -> &MiddlewareState {
        &self.middleware
    }

    /// Sets the current start-up step, which clients see until the service is ready.
    pub fn set_startup_status(&self, status: impl Into<String>) {
        self.startup_status.store(Arc::new(status.into()));
    }

    /// Sets the engine; further calls are ignored.
    pub fn set_engine(&self, engine: Arc<Engine>) {
        self.observe_encoder(&engine);
        self.engine.get_or_init(|| engine);
    }

    /// Counts the calls of the engine's encoder from now on, even before [`Self::set_engine`].
    pub fn observe_encoder(&self, engine: &Engine) {
        engine.set_encode_observer(self.middleware.metrics().encode_observer());
    }

    /// Returns the limits of the service.
    #[must_use]
    pub fn limits(&self) -> ServiceLimits {
        self.limits
    }

    pub(super) fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Returns the query encoder and the current snapshot, or a problem while the service starts up.
    pub(super) fn encoder_and_snapshot(
        &self,
    ) -> Result<(Arc<QueryEncoder>, Arc<Snapshot>), Problem> {
        let (engine, snapshot) = self.engine_and_snapshot()?;
        let new_encoder = || Arc::new(QueryEncoder::new(engine.shared_encoder()));
        Ok((
            Arc::clone(self.query_encoder.get_or_init(new_encoder)),
            snapshot,
        ))
    }

    /// Returns the corpus context of a snapshot, which is cached for the following requests.
    pub(super) fn corpus_context(&self, snapshot: &Arc<Snapshot>) -> Arc<CorpusContext> {
        if let Some(cached) = self.corpus_context.load_full()
            && Arc::ptr_eq(cached.snapshot(), snapshot)
        {
            return cached;
        }
        let new = Arc::new(self.new_corpus_context(snapshot, false));
        self.corpus_context.store(Some(Arc::clone(&new)));
        new
    }

    /// Returns the corpus context of a snapshot; one for exact comparisons is not cached.
    pub(super) fn corpus_context_for(
        &self,
        snapshot: &Arc<Snapshot>,
        exact: bool,
    ) -> Arc<CorpusContext> {
        if exact {
            Arc::new(self.new_corpus_context(snapshot, true))
        } else {
            self.corpus_context(snapshot)
        }
    }

    /// Creates a context that reuses the sentences of the previous one.
    fn new_corpus_context(&self, snapshot: &Arc<Snapshot>, exact: bool) -> CorpusContext {
        self.cache_sentences();
        CorpusContext::reusing_sentences(Arc::clone(snapshot), exact, self.sentences.load_full())
    }

    /// Keeps the sentences that the cached context has read, for the next context.
    fn cache_sentences(&self) {
        let cached = self.corpus_context.load();
        if let Some(sentences) = cached
            .as_ref()
            .and_then(|context| context.cached_sentence_index())
        {
            self.sentences.store(Some(sentences));
        }
    }

    /// Drops the cached context if its snapshot has been replaced: its read transaction keeps the WAL from
    /// being truncated.
    fn drop_stale_context(&self, snapshot: &Arc<Snapshot>) {
        let cached = self.corpus_context.load();
        let is_stale = cached
            .as_ref()
            .is_some_and(|context| !Arc::ptr_eq(context.snapshot(), snapshot));
        if is_stale {
            self.cache_sentences();
            self.corpus_context.store(None);
        }
    }

    pub(super) fn comparison_limiter(&self) -> &ComparisonLimiter {
        &self.comparison_limiter
    }

    pub(super) fn recall_monitor(&self) -> &Arc<RecallMonitor> {
        &self.recall_monitor
    }

    /// Returns the statistics of the cache of query embeddings.
    pub(super) fn cache_stats(&self) -> CacheStats {
        let encoder = self.query_encoder.get();
        encoder
            .map(|encoder| encoder.cache_stats())
            .unwrap_or_default()
    }

    pub(super) fn write_queue(&self) -> &WriteQueue {
        &self.write_queue
    }

    /// Returns the engine and the current snapshot, or a problem while the service starts up.
    ///
    /// Also drops the corpus context of a snapshot that has been replaced.
    pub(super) fn engine_and_snapshot(&self) -> Result<(Arc<Engine>, Arc<Snapshot>), Problem> {
        let engine = self.engine.get();
        match engine.and_then(|e| Some((Arc::clone(e), e.snapshot()?))) {
            Some(ready) => {
                self.drop_stale_context(&ready.1);
                Ok(ready)
            }
            None => Err(Problem::initializing(format!(
                "the service is not ready: {}",
                self.startup_status.load()
            ))
            .retry_after(INITIALIZING_RETRY_SECONDS)),
        }
    }
}
