//! What all handlers share.

use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::admission::Admission;
use super::documents::Writers;
use super::guard::Guard;
use super::parallels::Comparisons;
use super::problem::Problem;
use super::recheck::Recheck;
use crate::engine::{Engine, Snapshot};
use crate::parallels::{Sentences, Survey};
use crate::search::{CacheUse, QueryEncoder};

/// Seconds after which a client may ask again while the service starts.
const STARTING_RETRY_SECONDS: u32 = 2;

/// The bounds of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests computed at the same time.
    pub cores: usize,
    /// Requests that may wait.
    pub queue: usize,
    /// Largest body in bytes.
    pub max_body_bytes: usize,
}

/// The engine once it is there, what is awaited until then, and the queue before it.
pub struct Service {
    /// Of the newest snapshot, if anybody has asked for parallels in it. Goes before the engine, which
    /// must be the last to close the store.
    survey: ArcSwapOption<Survey>,
    engine: OnceLock<Arc<Engine>>,
    queries: OnceLock<Arc<QueryEncoder>>,
    waiting_for: ArcSwap<String>,
    admission: Admission,
    writers: Writers,
    /// The sentences that the last survey had read, for the next one.
    sentences: ArcSwapOption<Sentences>,
    comparisons: Comparisons,
    recheck: Arc<Recheck>,
    limits: Limits,
    guard: Guard,
}

impl Service {
    /// A service without an engine: alive, not ready.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            engine: OnceLock::new(),
            queries: OnceLock::new(),
            waiting_for: ArcSwap::from_pointee("starting".to_owned()),
            admission: Admission::new(limits.cores, limits.queue),
            writers: Writers::new(limits.queue),
            survey: ArcSwapOption::empty(),
            sentences: ArcSwapOption::empty(),
            comparisons: Comparisons::default(),
            recheck: Arc::new(Recheck::new(0)),
            limits,
            guard: Guard::default(),
        }
    }

    /// Puts a guard before the service, in place of one that lets everyone in.
    #[must_use]
    pub fn guarded(mut self, guard: Guard) -> Self {
        self.guard = guard;
        self
    }

    /// Repeats one of so many searches by graph exactly, in the background, and counts what they
    /// found; none of 0.
    #[must_use]
    pub fn rechecking(mut self, every: u64) -> Self {
        self.recheck = Arc::new(Recheck::new(every));
        self
    }

    /// Keys, TLS, logs and metrics.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Says what is being done until the service is ready.
    pub fn waiting_for(&self, what: impl Into<String>) {
        self.waiting_for.store(Arc::new(what.into()));
    }

    /// Gives the service its engine; a second one is ignored.
    pub fn attach(&self, engine: Arc<Engine>) {
        self.watch(&engine);
        self.engine.get_or_init(|| engine);
    }

    /// Counts what is encoded from now on, also before the engine is attached.
    pub fn watch(&self, engine: &Engine) {
        engine.watch_encoder(self.guard.metrics().of_calls());
    }

    /// The bounds of the service.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn admission(&self) -> &Admission {
        &self.admission
    }

    /// The encoder of queries and the snapshot, or why there is none yet.
    pub(super) fn ready_to_search(&self) -> Result<(Arc<QueryEncoder>, Arc<Snapshot>), Problem> {
        let (engine, snapshot) = self.ready()?;
        let queries = || Arc::new(QueryEncoder::new(engine.shared_encoder()));
        Ok((Arc::clone(self.queries.get_or_init(queries)), snapshot))
    }

    /// What is known of the passages of a snapshot, kept for those who ask next.
    pub(super) fn survey(&self, snapshot: &Arc<Snapshot>) -> Arc<Survey> {
        if let Some(known) = self.survey.load_full()
            && Arc::ptr_eq(known.snapshot(), snapshot)
        {
            return known;
        }
        let new = Arc::new(self.new_survey(snapshot, false));
        self.survey.store(Some(Arc::clone(&new)));
        new
    }

    /// The same; one that compares everything with everything is made for the one who asks.
    pub(super) fn survey_for(&self, snapshot: &Arc<Snapshot>, exact: bool) -> Arc<Survey> {
        if exact {
            Arc::new(self.new_survey(snapshot, true))
        } else {
            self.survey(snapshot)
        }
    }

    /// A survey that takes sentences from the last one.
    fn new_survey(&self, snapshot: &Arc<Snapshot>, exact: bool) -> Survey {
        self.keep_sentences();
        Survey::after(Arc::clone(snapshot), exact, self.sentences.load_full())
    }

    /// Keeps the sentences that the last survey has read.
    fn keep_sentences(&self) {
        let known = self.survey.load();
        if let Some(sentences) = known.as_ref().and_then(|known| known.known_sentences()) {
            self.sentences.store(Some(sentences));
        }
    }

    /// Lets go of what is known of a snapshot that a newer one has replaced: it keeps the store's log
    /// from shrinking.
    fn forget(&self, snapshot: &Arc<Snapshot>) {
        let known = self.survey.load();
        let old = known
            .as_ref()
            .is_some_and(|known| !Arc::ptr_eq(known.snapshot(), snapshot));
        if old {
            self.keep_sentences();
            self.survey.store(None);
        }
    }

    pub(super) fn comparisons(&self) -> &Comparisons {
        &self.comparisons
    }

    pub(super) fn recheck(&self) -> &Arc<Recheck> {
        &self.recheck
    }

    /// How the memory of queries has been used.
    pub(super) fn cache_use(&self) -> CacheUse {
        let queries = self.queries.get();
        queries
            .map(|queries| queries.cache_use())
            .unwrap_or_default()
    }

    pub(super) fn writers(&self) -> &Writers {
        &self.writers
    }

    /// Engine and snapshot, or why there is none yet.
    pub(super) fn ready(&self) -> Result<(Arc<Engine>, Arc<Snapshot>), Problem> {
        let engine = self.engine.get();
        match engine.and_then(|e| Some((Arc::clone(e), e.snapshot()?))) {
            Some(ready) => {
                self.forget(&ready.1);
                Ok(ready)
            }
            None => Err(Problem::starting(format!(
                "the service is not ready: {}",
                self.waiting_for.load()
            ))
            .retry_after(STARTING_RETRY_SECONDS)),
        }
    }
}
