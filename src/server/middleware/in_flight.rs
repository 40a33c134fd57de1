//! The requests that are being answered, and the end of the service.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How often it is looked whether the last request is done.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Counts running requests, and lets no more in once the service stops.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight(Arc<InFlightState>);

#[derive(Debug, Default)]
struct InFlightState {
    count: AtomicUsize,
    shutting_down: AtomicBool,
    shutdown: Notify,
}

/// A running request.
#[derive(Debug)]
pub(super) struct RequestGuard(InFlight);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.0.count.fetch_sub(1, Ordering::SeqCst);
    }
}

impl InFlight {
    /// Lets a request in, unless the service stops.
    pub(super) fn try_start(&self) -> Option<RequestGuard> {
        // Counted before it is looked: a request is either seen by the one who stops, or sees it.
        self.0.count.fetch_add(1, Ordering::SeqCst);
        let place = RequestGuard(self.clone());
        (!self.is_shutting_down()).then_some(place)
    }

    pub(super) fn count(&self) -> usize {
        self.0.count.load(Ordering::SeqCst)
    }

    pub(super) fn is_shutting_down(&self) -> bool {
        self.0.shutting_down.load(Ordering::SeqCst)
    }

    /// Lets no more requests in.
    pub(super) fn begin_shutdown(&self) {
        self.0.shutting_down.store(true, Ordering::SeqCst);
        self.0.shutdown.notify_waiters();
    }

    /// Waits until the service stops.
    pub(super) async fn shutdown_begun(&self) {
        let mut notified = std::pin::pin!(self.0.shutdown.notified());
        // Whoever is told from here on need not have been waiting already.
        notified.as_mut().enable();
        if !self.is_shutting_down() {
            notified.await;
        }
    }

    /// Waits until all are done; how many are left after the limit.
    pub(super) async fn drained(&self, limit: Duration) -> usize {
        let start = Instant::now();
        while self.count() > 0 && start.elapsed() < limit {
            actix_web::rt::time::sleep(POLL_INTERVAL).await;
        }
        self.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn running_requests_finish_and_new_ones_are_refused() {
        let running = InFlight::default();
        let place = running.try_start().unwrap();
        let told = running.shutdown_begun();
        let stop = async { running.begin_shutdown() };
        tokio::join!(told, stop);
        running.shutdown_begun().await;
        assert!(running.try_start().is_none());
        assert_eq!(running.drained(Duration::from_millis(20)).await, 1);
        drop(place);
        assert_eq!(running.drained(Duration::from_secs(5)).await, 0);
    }
}
