//! The requests in flight, and the shutdown that waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Interval between two checks whether the last request is done.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Counts requests in flight, and rejects new ones once the shutdown has begun.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight(Arc<InFlightState>);

#[derive(Debug, Default)]
struct InFlightState {
    count: AtomicUsize,
    shutting_down: AtomicBool,
    shutdown: Notify,
}

/// Counts a request in flight until it is dropped.
#[derive(Debug)]
pub(super) struct RequestGuard(InFlight);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.0.count.fetch_sub(1, Ordering::SeqCst);
    }
}

impl InFlight {
    /// Counts a request, unless the shutdown has begun.
    pub(super) fn try_start(&self) -> Option<RequestGuard> {
        // Counted before the check: either the shutdown waits for this request, or the request is rejected.
        self.0.count.fetch_add(1, Ordering::SeqCst);
        let guard = RequestGuard(self.clone());
        (!self.is_shutting_down()).then_some(guard)
    }

    pub(super) fn count(&self) -> usize {
        self.0.count.load(Ordering::SeqCst)
    }

    pub(super) fn is_shutting_down(&self) -> bool {
        self.0.shutting_down.load(Ordering::SeqCst)
    }

    /// Rejects new requests from now on.
    pub(super) fn begin_shutdown(&self) {
        self.0.shutting_down.store(true, Ordering::SeqCst);
        self.0.shutdown.notify_waiters();
    }

    /// Waits until the shutdown begins.
    pub(super) async fn shutdown_begun(&self) {
        let mut notified = std::pin::pin!(self.0.shutdown.notified());
        // Registered before the check, so that a shutdown between check and wait is not missed.
        notified.as_mut().enable();
        if !self.is_shutting_down() {
            notified.await;
        }
    }

    /// Waits until no request is in flight, at most `grace`; returns the number of those left.
    pub(super) async fn drained(&self, grace: Duration) -> usize {
        let start = Instant::now();
        while self.count() > 0 && start.elapsed() < grace {
            actix_web::rt::time::sleep(POLL_INTERVAL).await;
        }
        self.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn requests_in_flight_finish_and_new_ones_are_rejected() {
        let in_flight = InFlight::default();
        let request = in_flight.try_start().unwrap();
        let begun = in_flight.shutdown_begun();
        let begin = async { in_flight.begin_shutdown() };
        tokio::join!(begun, begin);
        in_flight.shutdown_begun().await;
        assert!(in_flight.try_start().is_none());
        assert_eq!(in_flight.drained(Duration::from_millis(20)).await, 1);
        drop(request);
        assert_eq!(in_flight.drained(Duration::from_secs(5)).await, 0);
    }
}
