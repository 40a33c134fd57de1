//! The requests that are being answered, and the end of the service.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How often it is looked whether the last request is done.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Counts running requests, and lets no more in once the service stops.
#[derive(Debug, Clone, Default)]
pub(super) struct Running(Arc<State>);

#[derive(Debug, Default)]
struct State {
    count: AtomicUsize,
    stopping: AtomicBool,
    stop: Notify,
}

/// A running request.
#[derive(Debug)]
pub(super) struct Place(Running);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.count.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Running {
    /// Lets a request in, unless the service stops.
    pub(super) fn enter(&self) -> Option<Place> {
        // Counted before it is looked: a request is either seen by the one who stops, or sees it.
        self.0.count.fetch_add(1, Ordering::SeqCst);
        let place = Place(self.clone());
        (!self.is_stopping()).then_some(place)
    }

    pub(super) fn count(&self) -> usize {
        self.0.count.load(Ordering::SeqCst)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }

    /// Lets no more requests in.
    pub(super) fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
        self.0.stop.notify_waiters();
    }

    /// Waits until the service stops.
    pub(super) async fn stopped(&self) {
        let mut told = std::pin::pin!(self.0.stop.notified());
        // Whoever is told from here on need not have been waiting already.
        told.as_mut().enable();
        if !self.is_stopping() {
            told.await;
        }
    }

    /// Waits until all are done; how many are left after the limit.
    pub(super) async fn done(&self, limit: Duration) -> usize {
        let start = Instant::now();
        while self.count() > 0 && start.elapsed() < limit {
            actix_web::rt::time::sleep(LOOK_EVERY).await;
        }
        self.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn who_is_in_may_finish_and_nobody_else_comes_in() {
        let running = Running::default();
        let place = running.enter().unwrap();
        let told = running.stopped();
        let stop = async { running.stop() };
        tokio::join!(told, stop);
        running.stopped().await;
        assert!(running.enter().is_none());
        assert_eq!(running.done(Duration::from_millis(20)).await, 1);
        drop(place);
        assert_eq!(running.done(Duration::from_secs(5)).await, 0);
    }
}
