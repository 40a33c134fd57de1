//! The queue of writes, one at a time.
//!
//! Writes take seconds where searches take milliseconds, so they do not wait in the admission queue.
//! They are served in order of arrival, a stream batch by batch. The number of waiting requests and the
//! number of streams are bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_web::web;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::server::admission::{record_duration, retry_after_seconds};
use crate::server::problem::{Problem, failed};

/// Maximum number of concurrent upload streams: each may have two lines in memory.
const MAX_STREAMS: usize = 8;

/// Runs writes one at a time, in order of arrival.
pub(in crate::server) struct WriteQueue {
    write_lock: Arc<Semaphore>,
    stream_permits: Arc<Semaphore>,
    /// Waiting requests, without the batches of streams; at most `capacity`.
    waiting_requests: AtomicUsize,
    capacity: usize,
    /// Everything that waits for the write lock, including batches of streams.
    depth: AtomicUsize,
    /// Duration of a write in nanoseconds, as an exponentially weighted moving average.
    mean_turn_nanos: Arc<AtomicU64>,
}

impl WriteQueue {
    pub(in crate::server) fn new(capacity: usize) -> Self {
        Self {
            write_lock: Arc::new(Semaphore::new(1)),
            stream_permits: Arc::new(Semaphore::new(MAX_STREAMS)),
            waiting_requests: AtomicUsize::new(0),
            capacity,
            depth: AtomicUsize::new(0),
            mean_turn_nanos: Arc::default(),
        }
    }

    /// Runs `work` on a blocking thread when it is its turn; rejects it if the queue is full.
    pub(in crate::server) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let position = self.enqueue()?;
        let turn = self.acquire_turn().await?;
        drop(position);
        self.run_with_permit(turn, work).await
    }

    /// Runs another batch of a request or stream that was admitted before.
    pub(in crate::server) async fn run_admitted<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.acquire_turn().await?;
        self.run_with_permit(turn, work).await
    }

    /// Admits a stream until its permit is dropped.
    pub(in crate::server) fn acquire_stream(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.stream_permits)
            .try_acquire_owned()
            .map_err(|_| {
                Problem::overloaded(format!(
                    "{MAX_STREAMS} upload streams are active, the maximum; try again later"
                ))
                // The end of a stream is not predictable; this is the time until each has had a turn.
                .retry_after(self.retry_after_turns(self.waiting() + MAX_STREAMS))
                .shed("streams_full")
            })
    }

    /// Returns the number of waiting writes, including batches of streams.
    pub(in crate::server) fn waiting(&self) -> usize {
        self.depth.load(Ordering::Relaxed)
    }

    /// Estimates the seconds that a number of writes take.
    fn retry_after_turns(&self, turns: usize) -> u32 {
        let mean = Duration::from_nanos(self.mean_turn_nanos.load(Ordering::Relaxed));
        retry_after_seconds(mean.saturating_mul(u32::try_from(turns).unwrap_or(u32::MAX)))
    }

    async fn acquire_turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.depth.fetch_add(1, Ordering::Relaxed);
        let _position = QueuePosition(&self.depth);
        let turn = Arc::clone(&self.write_lock).acquire_owned();
        turn.await.map_err(|e| failed(&e))
    }

    fn enqueue(&self) -> Result<QueuePosition<'_>, Problem> {
        let waiting = self.waiting_requests.fetch_add(1, Ordering::Relaxed);
        let position = QueuePosition(&self.waiting_requests);
        // A request that gets the free write lock at once does not count as waiting.
        if waiting >= self.capacity + self.write_lock.available_permits() {
            return Err(Problem::overloaded(format!(
                "the write queue is full ({waiting} waiting); try again later"
            ))
            // The waiting writes and the running one.
            .retry_after(self.retry_after_turns(self.waiting() + 1))
            .shed("write_queue_full"));
        }
        Ok(position)
    }

    /// Runs `work`, which holds the write lock until it is done, even if the client has disconnected.
    async fn run_with_permit<T: Send + 'static>(
        &self,
        turn: OwnedSemaphorePermit,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let mean = Arc::clone(&self.mean_turn_nanos);
        let task = web::block(move || {
            let start = Instant::now();
            let result = work();
            record_duration(&mean, start.elapsed());
            drop(turn);
            result
        });
        task.await.map_err(|e| failed(&e))?
    }
}

/// Counts a waiting write until it is dropped.
struct QueuePosition<'a>(&'a AtomicUsize);

impl Drop for QueuePosition<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_writer_beyond_capacity_is_rejected() {
        let queue = WriteQueue::new(1);
        let turn = queue.acquire_turn().await.unwrap();
        let waiting = queue.run(|| Ok(1));
        let rejected = queue.run(|| Ok(2));
        let stream_batch = queue.run_admitted(|| Ok(3));
        let release = async { drop(turn) };
        let (first, second, third, ()) = tokio::join!(waiting, rejected, stream_batch, release);
        assert_eq!((first, third), (Ok(1), Ok(3)));
        assert_eq!(second.unwrap_err().code(), "overloaded");
        assert_eq!(queue.run(|| Ok(4)).await, Ok(4));
    }

    #[actix_web::test]
    async fn retry_after_covers_the_writers_ahead() {
        let queue = WriteQueue::new(2);
        // The average duration of a write is three seconds.
        record_duration(&queue.mean_turn_nanos, Duration::from_secs(3));
        let turn = queue.acquire_turn().await.unwrap();
        let first = queue.run(|| Ok(()));
        let second = queue.run(|| Ok(()));
        let third = async {
            assert_eq!(queue.waiting(), 2);
            let rejected = queue.run(|| Ok(())).await;
            drop(turn);
            rejected
        };
        let (first, second, third) = tokio::join!(first, second, third);
        assert!(first.is_ok() && second.is_ok());
        let response = third.unwrap_err().response().finish();
        assert_eq!(response.headers().get("retry-after").unwrap(), "9");
        assert_eq!(queue.waiting(), 0);
    }

    #[actix_web::test]
    async fn streams_are_bounded() {
        let queue = WriteQueue::new(1);
        let permits: Vec<_> = (0..MAX_STREAMS)
            .map(|_| queue.acquire_stream().unwrap())
            .collect();
        assert_eq!(queue.acquire_stream().unwrap_err().code(), "overloaded");
        drop(permits);
        assert!(queue.acquire_stream().is_ok());
    }
}
