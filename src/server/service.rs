//! What all handlers share.

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

/// Seconds after which a client may ask again while the service starts.
const STARTING_RETRY_SECONDS: u32 = 2;

/// The bounds of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceLimits {
    /// Requests computed at the same time.
    pub workers: usize,
    /// Requests that may wait.
    pub queue_capacity: usize,
    /// Largest body in bytes.
    pub max_body_bytes: usize,
}

/// The engine once it is there, what is awaited until then, and the queue before it.
pub struct Service {
    /// Of the newest snapshot, if anybody has asked for parallels in it. Goes before the engine, which
    /// must be the last to close the store.
    corpus_context: ArcSwapOption<CorpusContext>,
    engine: OnceLock<Arc<Engine>>,
    query_encoder: OnceLock<Arc<QueryEncoder>>,
    startup_status: ArcSwap<String>,
    admission: Admission,
    write_queue: WriteQueue,
    /// The sentences that the last survey had read, for the next one.
    sentences: ArcSwapOption<SentenceIndex>,
    comparison_limiter: ComparisonLimiter,
    recall_monitor: Arc<RecallMonitor>,
    limits: ServiceLimits,
    middleware: MiddlewareState,
}

impl Service {
    /// A service without an engine: alive, not ready.
    #[must_use]
    pub fn new(limits: ServiceLimits) -> Self {
        Self {
            engine: OnceLock::new(),
            query_encoder: OnceLock::new(),
            startup_status: ArcSwap::from_pointee("starting".to_owned()),
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

    /// Puts a guard before the service, in place of one that lets everyone in.
    #[must_use]
    pub fn with_middleware(mut self, guard: MiddlewareState) -> Self {
        self.middleware = guard;
        self
    }

    /// Repeats one of so many searches by graph exactly, in the background, and counts what they
    /// found; none of 0.
    #[must_use]
    pub fn with_recall_monitor(mut self, every: u64) -> Self {
        self.recall_monitor = Arc::new(RecallMonitor::new(every));
        self
    }

    /// Keys, TLS, logs and metrics.
    #[must_use]
    pub fn middleware(&self) -> &MiddlewareState {
        &self.middleware
    }

    /// Says what is being done until the service is ready.
    pub fn set_startup_status(&self, what: impl Into<String>) {
        self.startup_status.store(Arc::new(what.into()));
    }

    /// Gives the service its engine; a second one is ignored.
    pub fn set_engine(&self, engine: Arc<Engine>) {
        self.observe_encoder(&engine);
        self.engine.get_or_init(|| engine);
    }

    /// Counts what is encoded from now on, also before the engine is attached.
    pub fn observe_encoder(&self, engine: &Engine) {
        engine.set_encode_observer(self.middleware.metrics().of_calls());
    }

    /// The bounds of the service.
    #[must_use]
    pub fn limits(&self) -> ServiceLimits {
        self.limits
    }

    pub(super) fn admission(&self) -> &Admission {
        &self.admission
    }

    /// The encoder of queries and the snapshot, or why there is none yet.
    pub(super) fn encoder_and_snapshot(
        &self,
    ) -> Result<(Arc<QueryEncoder>, Arc<Snapshot>), Problem> {
        let (engine, snapshot) = self.engine_and_snapshot()?;
        let queries = || Arc::new(QueryEncoder::new(engine.shared_encoder()));
        Ok((
            Arc::clone(self.query_encoder.get_or_init(queries)),
            snapshot,
        ))
    }

    /// What is known of the passages of a snapshot, kept for those who ask next.
    pub(super) fn corpus_context(&self, snapshot: &Arc<Snapshot>) -> Arc<CorpusContext> {
        if let Some(known) = self.corpus_context.load_full()
            && Arc::ptr_eq(known.snapshot(), snapshot)
        {
            return known;
        }
        let new = Arc::new(self.new_corpus_context(snapshot, false));
        self.corpus_context.store(Some(Arc::clone(&new)));
        new
    }

    /// The same; one that compares everything with everything is made for the one who asks.
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

    /// A survey that takes sentences from the last one.
    fn new_corpus_context(&self, snapshot: &Arc<Snapshot>, exact: bool) -> CorpusContext {
        self.cache_sentences();
        CorpusContext::reusing_sentences(Arc::clone(snapshot), exact, self.sentences.load_full())
    }

    /// Keeps the sentences that the last survey has read.
    fn cache_sentences(&self) {
        let known = self.corpus_context.load();
        if let Some(sentences) = known
            .as_ref()
            .and_then(|known| known.cached_sentence_index())
        {
            self.sentences.store(Some(sentences));
        }
    }

    /// Lets go of what is known of a snapshot that a newer one has replaced: it keeps the store's log
    /// from shrinking.
    fn drop_stale_context(&self, snapshot: &Arc<Snapshot>) {
        let known = self.corpus_context.load();
        let old = known
            .as_ref()
            .is_some_and(|known| !Arc::ptr_eq(known.snapshot(), snapshot));
        if old {
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

    /// How the memory of queries has been used.
    pub(super) fn cache_stats(&self) -> CacheStats {
        let queries = self.query_encoder.get();
        queries
            .map(|queries| queries.cache_stats())
            .unwrap_or_default()
    }

    pub(super) fn write_queue(&self) -> &WriteQueue {
        &self.write_queue
    }

    /// Engine and snapshot, or why there is none yet.
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
            .retry_after(STARTING_RETRY_SECONDS)),
        }
    }
}
