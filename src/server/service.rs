//! What all handlers share.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;

use super::admission::Admission;
use super::documents::Writers;
use super::problem::Problem;
use crate::engine::{Engine, Snapshot};

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
    engine: OnceLock<Arc<Engine>>,
    waiting_for: ArcSwap<String>,
    admission: Admission,
    writers: Writers,
    limits: Limits,
}

impl Service {
    /// A service without an engine: alive, not ready.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            engine: OnceLock::new(),
            waiting_for: ArcSwap::from_pointee("starting".to_owned()),
            admission: Admission::new(limits.cores, limits.queue),
            writers: Writers::new(limits.queue),
            limits,
        }
    }

    /// Says what is being done until the service is ready.
    pub fn waiting_for(&self, what: impl Into<String>) {
        self.waiting_for.store(Arc::new(what.into()));
    }

    /// Gives the service its engine; a second one is ignored.
    pub fn attach(&self, engine: Arc<Engine>) {
        // Only start-up attaches, and it does so once.
        let _ = self.engine.set(engine);
    }

    /// The bounds of the service.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn admission(&self) -> &Admission {
        &self.admission
    }

    pub(super) fn writers(&self) -> &Writers {
        &self.writers
    }

    /// Engine and snapshot, or why there is none yet.
    pub(super) fn ready(&self) -> Result<(Arc<Engine>, Arc<Snapshot>), Problem> {
        let engine = self.engine.get();
        match engine.and_then(|e| Some((Arc::clone(e), e.snapshot()?))) {
            Some(ready) => Ok(ready),
            None => Err(Problem::starting(format!(
                "the service is not ready: {}",
                self.waiting_for.load()
            ))
            .retry_after(STARTING_RETRY_SECONDS)),
        }
    }
}
