//! Admission of writes: bounds how many wait for their turn.
//!
//! Writes take seconds where searches take milliseconds, so they do not wait in the admission queue.
//! The engine's write lock serves them in order of arrival, a stream batch by batch. The number of waiting
//! requests and the number of streams are bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::admission::{record_duration, retry_after_seconds};
use super::error::{ArchiveError, Rejection};
use crate::engine::{Engine, WriteTurn};

/// Maximum number of concurrent upload streams: each may have two lines in memory.
const MAX_STREAMS: usize = 8;

/// Admits writes, which run one at a time in order of arrival.
pub(super) struct WriteQueue {
    stream_permits: Arc<Semaphore>,
    /// Waiting requests, without the batches of streams; at most `capacity`.
    waiting_requests: AtomicUsize,
    capacity: usize,
    /// Everything that waits for the write lock, including batches of streams.
    depth: AtomicUsize,
    /// Duration of a write in nanoseconds, as an exponentially weighted moving average.
    mean_turn_nanos: Arc<AtomicU64>,
}

/// The permit of an upload stream or of a list of several batches, whose batches are not counted as
/// waiting requests.
#[derive(Debug)]
pub struct UploadPermit(
    #[expect(dead_code, reason = "held until it is dropped")] OwnedSemaphorePermit,
);

impl WriteQueue {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            stream_permits: Arc::new(Semaphore::new(MAX_STREAMS)),
            waiting_requests: AtomicUsize::new(0),
            capacity,
            depth: AtomicUsize::new(0),
            mean_turn_nanos: Arc::default(),
        }
    }

    /// Runs `work` on a blocking thread when it is its turn; rejects it if the queue is full.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        engine: &Arc<Engine>,
        work: impl FnOnce(&Engine, &WriteTurn) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let position = self.enqueue(engine.is_write_lock_free())?;
        let turn = self.wait_for_turn(engine).await;
        drop(position);
        self.run_in_turn(Arc::clone(engine), turn, work).await
    }

    /// Runs another batch of a request or stream that was admitted before.
    pub(super) async fn run_admitted<T: Send + 'static>(
        &self,
        engine: &Arc<Engine>,
        work: impl FnOnce(&Engine, &WriteTurn) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let turn = self.wait_for_turn(engine).await;
        self.run_in_turn(Arc::clone(engine), turn, work).await
    }

    /// Admits a stream until its permit is dropped.
    pub(super) fn acquire_stream(&self) -> Result<UploadPermit, Rejection> {
        let permit = Arc::clone(&self.stream_permits).try_acquire_owned();
        permit
            .map(UploadPermit)
            .map_err(|_| Rejection::StreamsFull {
                maximum: MAX_STREAMS,
                // The end of a stream is not predictable; this is the time until each has had a turn.
                retry_after_seconds: self.retry_after_turns(self.waiting() + MAX_STREAMS),
            })
    }

    /// Returns whether no further stream would be admitted.
    pub(super) fn streams_are_full(&self) -> bool {
        self.stream_permits.available_permits() == 0
    }

    /// Returns the number of waiting writes, including batches of streams.
    pub(super) fn waiting(&self) -> usize {
        self.depth.load(Ordering::Relaxed)
    }

    /// Estimates the seconds that a number of writes take.
    fn retry_after_turns(&self, turns: usize) -> u32 {
        let mean = Duration::from_nanos(self.mean_turn_nanos.load(Ordering::Relaxed));
        retry_after_seconds(mean.saturating_mul(u32::try_from(turns).unwrap_or(u32::MAX)))
    }

    async fn wait_for_turn(&self, engine: &Engine) -> WriteTurn {
        self.depth.fetch_add(1, Ordering::Relaxed);
        let _position = QueuePosition(&self.depth);
        engine.write_turn().await
    }

    fn enqueue(&self, is_lock_free: bool) -> Result<QueuePosition<'_>, Rejection> {
        let waiting = self.waiting_requests.fetch_add(1, Ordering::Relaxed);
        let position = QueuePosition(&self.waiting_requests);
        // A request that gets the free write lock at once does not count as waiting.
        if waiting >= self.capacity + usize::from(is_lock_free) {
            return Err(Rejection::WriteQueueFull {
                waiting,
                // The waiting writes and the running one.
                retry_after_seconds: self.retry_after_turns(self.waiting() + 1),
            });
        }
        Ok(position)
    }

    /// Runs `work`, whose turn lasts until it is done, even if the client has disconnected.
    async fn run_in_turn<T: Send + 'static>(
        &self,
        engine: Arc<Engine>,
        turn: WriteTurn,
        work: impl FnOnce(&Engine, &WriteTurn) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let mean = Arc::clone(&self.mean_turn_nanos);
        let task = tokio::task::spawn_blocking(move || {
            let start = Instant::now();
            let result = work(&engine, &turn);
            record_duration(&mean, start.elapsed());
            drop(turn);
            result
        });
        task.await.map_err(|_| ArchiveError::Aborted)?
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

    #[test]
    fn a_writer_beyond_capacity_is_rejected() {
        let queue = WriteQueue::new(1);
        let first = queue.enqueue(true).unwrap();
        let second = queue.enqueue(true).unwrap();
        assert!(matches!(
            queue.enqueue(true).err(),
            Some(Rejection::WriteQueueFull { waiting: 2, .. })
        ));
        drop((first, second));
        let waiting = queue.enqueue(false).unwrap();
        assert!(queue.enqueue(false).is_err());
        drop(waiting);
        assert!(queue.enqueue(false).is_ok());
    }

    #[test]
    fn retry_after_covers_the_writers_ahead() {
        let queue = WriteQueue::new(2);
        // The average duration of a write is three seconds.
        record_duration(&queue.mean_turn_nanos, Duration::from_secs(3));
        let _both = (queue.enqueue(false).unwrap(), queue.enqueue(false).unwrap());
        queue.depth.store(2, Ordering::Relaxed);
        let rejection = queue.enqueue(false).err().unwrap();
        assert_eq!(rejection.retry_after_seconds(), 9);
    }

    #[test]
    fn streams_are_bounded() {
        let queue = WriteQueue::new(1);
        let permits: Vec<_> = (0..MAX_STREAMS)
            .map(|_| queue.acquire_stream().unwrap())
            .collect();
        assert!(matches!(
            queue.acquire_stream().err(),
            Some(Rejection::StreamsFull { .. })
        ));
        assert!(queue.streams_are_full());
        drop(permits);
        assert!(queue.acquire_stream().is_ok() && !queue.streams_are_full());
    }
}
