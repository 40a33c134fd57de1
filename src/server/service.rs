//! The state that all handlers share.

use std::sync::Arc;

use crate::archive::{Archive, ArchiveLimits};
use crate::engine::Engine;

use super::middleware::MiddlewareState;
use super::recent_timings::RecentTimings;

/// The limits of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceLimits {
    /// Requests processed at the same time.
    pub workers: usize,
    /// Requests that may wait in the admission queue, and writes in the write queue.
    pub queue_capacity: usize,
    /// The recall of one in this many graph searches is measured in the background; of none if 0.
    pub recall_sample_every: u64,
    /// Maximum size of a request body.
    pub max_body_bytes: usize,
}

/// The archive, and the middleware's state.
pub struct Service {
    archive: Archive,
    middleware: MiddlewareState,
    recent_timings: RecentTimings,
    max_body_bytes: usize,
}

impl Service {
    /// Creates a service whose archive is not ready: alive, but not ready.
    #[must_use]
    pub fn new(limits: ServiceLimits) -> Self {
        Self {
            archive: Archive::new(ArchiveLimits {
                workers: limits.workers,
                queue_capacity: limits.queue_capacity,
                recall_sample_every: limits.recall_sample_every,
            }),
            middleware: MiddlewareState::default(),
            recent_timings: RecentTimings::default(),
            max_body_bytes: limits.max_body_bytes,
        }
    }

    /// Sets the state of the middleware; the default allows anonymous access and logs nothing.
    #[must_use]
    pub fn with_middleware(mut self, middleware: MiddlewareState) -> Self {
        self.middleware = middleware;
        self
    }

    /// Sets the engine of the archive; further calls are ignored.
    pub fn set_engine(&self, engine: Arc<Engine>) {
        self.observe_encoder(&engine);
        self.archive.set_engine(engine);
    }

    /// Counts the calls of the engine's encoder from now on, even before [`Self::set_engine`].
    pub fn observe_encoder(&self, engine: &Engine) {
        engine.set_encode_observer(self.middleware.metrics().encode_observer());
    }

    /// Returns the archive.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Returns keys, TLS, logs and metrics.
    #[must_use]
    pub fn middleware(&self) -> &MiddlewareState {
        &self.middleware
    }

    /// Returns the stage times of the last searches.
    pub(super) fn recent_timings(&self) -> &RecentTimings {
        &self.recent_timings
    }

    /// Returns the maximum size of a request body.
    pub(super) fn max_body_bytes(&self) -> usize {
        self.max_body_bytes
    }
}
