//! Who may write, and who must wait.
//!
//! Writing takes seconds where searching takes milliseconds, so writers do not stand in the queue
//! of the searches. They take turns in the order in which they came, a stream batch by batch; the
//! number of those who wait is bounded, and so is the number of streams.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_web::web;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::server::admission::{record_duration, retry_after_seconds};
use crate::server::problem::{Problem, failed};

/// Streams that are read at the same time: each may hold two lines in memory.
const MAX_STREAMS: usize = 8;

/// Lets writers to the engine, one at a time.
pub(in crate::server) struct WriteQueue {
    write_lock: Arc<Semaphore>,
    stream_permits: Arc<Semaphore>,
    /// Those whose number is bounded.
    waiting_requests: AtomicUsize,
    capacity: usize,
    /// All that wait for a turn, streams too.
    depth: AtomicUsize,
    /// What a turn takes, in nanoseconds: a mean in which the latest weigh most.
    mean_turn_nanos: Arc<AtomicU64>,
}

impl WriteQueue {
    /// So many may wait.
    pub(in crate::server) fn new(most_waiting: usize) -> Self {
        Self {
            write_lock: Arc::new(Semaphore::new(1)),
            stream_permits: Arc::new(Semaphore::new(MAX_STREAMS)),
            waiting_requests: AtomicUsize::new(0),
            capacity: most_waiting,
            depth: AtomicUsize::new(0),
            mean_turn_nanos: Arc::default(),
        }
    }

    /// Waits for a turn, if not too many do so already, then works off the async workers.
    pub(in crate::server) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let position = self.enqueue()?;
        let turn = self.acquire_turn().await?;
        drop(position);
        self.run_with_permit(turn, work).await
    }

    /// Waits for the next turn of somebody who has been let in already.
    pub(in crate::server) async fn run_admitted<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.acquire_turn().await?;
        self.run_with_permit(turn, work).await
    }

    /// Lets a stream in until what is given back is dropped.
    pub(in crate::server) fn acquire_stream(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.stream_permits)
            .try_acquire_owned()
            .map_err(|_| {
                Problem::overloaded(format!(
                "{MAX_STREAMS} streams are being read already, the most that may; try again later"
            ))
            // When a stream ends only its client knows. By then each has had a turn.
            .retry_after(self.retry_after_turns(self.waiting() + MAX_STREAMS))
            .shed("streams_full")
            })
    }

    /// How many wait for a turn.
    pub(in crate::server) fn waiting(&self) -> usize {
        self.depth.load(Ordering::Relaxed)
    }

    /// Seconds until so many turns are over.
    fn retry_after_turns(&self, turns: usize) -> u32 {
        let turn = Duration::from_nanos(self.mean_turn_nanos.load(Ordering::Relaxed));
        retry_after_seconds(turn.saturating_mul(u32::try_from(turns).unwrap_or(u32::MAX)))
    }

    async fn acquire_turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.depth.fetch_add(1, Ordering::Relaxed);
        let _in_line = QueuePosition(&self.depth);
        let turn = Arc::clone(&self.write_lock).acquire_owned();
        turn.await.map_err(|e| failed(&e))
    }

    fn enqueue(&self) -> Result<QueuePosition<'_>, Problem> {
        let before = self.waiting_requests.fetch_add(1, Ordering::Relaxed);
        let position = QueuePosition(&self.waiting_requests);
        // Who need not wait is not held up by those who do.
        if before >= self.capacity + self.write_lock.available_permits() {
            return Err(Problem::overloaded(format!(
                "{before} writers are waiting already, the most that may; try again later"
            ))
            // Those who wait, and the one at work.
            .retry_after(self.retry_after_turns(self.waiting() + 1))
            .shed("writers_full"));
        }
        Ok(position)
    }

    /// Work that has begun keeps the turn until it is done, also when nobody waits for it any more.
    async fn run_with_permit<T: Send + 'static>(
        &self,
        turn: OwnedSemaphorePermit,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn_takes = Arc::clone(&self.mean_turn_nanos);
        let done = web::block(move || {
            let begun = Instant::now();
            let result = work();
            record_duration(&turn_takes, begun.elapsed());
            drop(turn);
            result
        });
        done.await.map_err(|e| failed(&e))?
    }
}

/// A place among those who wait, given up when dropped.
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
        let writers = WriteQueue::new(1);
        let held = writers.acquire_turn().await.unwrap();
        let waits = writers.run(|| Ok(1));
        let too_many = writers.run(|| Ok(2));
        let in_a_stream = writers.run_admitted(|| Ok(3));
        let release = async { drop(held) };
        let (first, second, third, ()) = tokio::join!(waits, too_many, in_a_stream, release);
        assert_eq!((first, third), (Ok(1), Ok(3)));
        assert_eq!(second.unwrap_err().code(), "overloaded");
        assert_eq!(writers.run(|| Ok(4)).await, Ok(4));
    }

    #[actix_web::test]
    async fn retry_after_covers_the_writers_ahead() {
        let writers = WriteQueue::new(2);
        // A mean of turns that took three seconds each.
        record_duration(&writers.mean_turn_nanos, Duration::from_secs(3));
        let held = writers.acquire_turn().await.unwrap();
        let first = writers.run(|| Ok(()));
        let second = writers.run(|| Ok(()));
        let third = async {
            assert_eq!(writers.waiting(), 2);
            let refused = writers.run(|| Ok(())).await;
            drop(held);
            refused
        };
        let (first, second, third) = tokio::join!(first, second, third);
        assert!(first.is_ok() && second.is_ok());
        let response = third.unwrap_err().response().finish();
        assert_eq!(response.headers().get("retry-after").unwrap(), "9");
        assert_eq!(writers.waiting(), 0);
    }

    #[actix_web::test]
    async fn streams_are_counted() {
        let writers = WriteQueue::new(1);
        let inside: Vec<_> = (0..MAX_STREAMS)
            .map(|_| writers.acquire_stream().unwrap())
            .collect();
        assert_eq!(writers.acquire_stream().unwrap_err().code(), "overloaded");
        drop(inside);
        assert!(writers.acquire_stream().is_ok());
    }
}
