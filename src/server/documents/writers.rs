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

use crate::server::admission::{note, retry_after};
use crate::server::problem::{Problem, failed};

/// Streams that are read at the same time: each may hold two lines in memory.
const MOST_STREAMS: usize = 8;

/// Lets writers to the engine, one at a time.
pub(in crate::server) struct Writers {
    turn: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    /// Those whose number is bounded.
    waiting: AtomicUsize,
    most_waiting: usize,
    /// All that wait for a turn, streams too.
    in_line: AtomicUsize,
    /// What a turn takes, in nanoseconds: a mean in which the latest weigh most.
    turn_takes: Arc<AtomicU64>,
}

impl Writers {
    /// So many may wait.
    pub(in crate::server) fn new(most_waiting: usize) -> Self {
        Self {
            turn: Arc::new(Semaphore::new(1)),
            streams: Arc::new(Semaphore::new(MOST_STREAMS)),
            waiting: AtomicUsize::new(0),
            most_waiting,
            in_line: AtomicUsize::new(0),
            turn_takes: Arc::default(),
        }
    }

    /// Waits for a turn, if not too many do so already, then works off the async workers.
    pub(in crate::server) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let place = self.wait()?;
        let turn = self.turn().await?;
        drop(place);
        self.work_on(turn, work).await
    }

    /// Waits for the next turn of somebody who has been let in already.
    pub(in crate::server) async fn go_on<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.turn().await?;
        self.work_on(turn, work).await
    }

    /// Lets a stream in until what is given back is dropped.
    pub(in crate::server) fn let_in(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_| {
            Problem::overloaded(format!(
                "{MOST_STREAMS} streams are being read already, the most that may; try again later"
            ))
            // When a stream ends only its client knows. By then each has had a turn.
            .retry_after(self.until_after(self.waiting() + MOST_STREAMS))
            .shed("streams_full")
        })
    }

    /// How many wait for a turn.
    pub(in crate::server) fn waiting(&self) -> usize {
        self.in_line.load(Ordering::Relaxed)
    }

    /// Seconds until so many turns are over.
    fn until_after(&self, turns: usize) -> u32 {
        let turn = Duration::from_nanos(self.turn_takes.load(Ordering::Relaxed));
        retry_after(turn.saturating_mul(u32::try_from(turns).unwrap_or(u32::MAX)))
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.in_line.fetch_add(1, Ordering::Relaxed);
        let _in_line = Place(&self.in_line);
        let turn = Arc::clone(&self.turn).acquire_owned();
        turn.await.map_err(|e| failed(&e))
    }

    fn wait(&self) -> Result<Place<'_>, Problem> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place(&self.waiting);
        // Who need not wait is not held up by those who do.
        if before >= self.most_waiting + self.turn.available_permits() {
            return Err(Problem::overloaded(format!(
                "{before} writers are waiting already, the most that may; try again later"
            ))
            // Those who wait, and the one at work.
            .retry_after(self.until_after(self.waiting() + 1))
            .shed("writers_full"));
        }
        Ok(place)
    }

    /// Work that has begun keeps the turn until it is done, also when nobody waits for it any more.
    async fn work_on<T: Send + 'static>(
        &self,
        turn: OwnedSemaphorePermit,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn_takes = Arc::clone(&self.turn_takes);
        let done = web::block(move || {
            let begun = Instant::now();
            let result = work();
            note(&turn_takes, begun.elapsed());
            drop(turn);
            result
        });
        done.await.map_err(|e| failed(&e))?
    }
}

/// A place among those who wait, given up when dropped.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn one_more_than_may_wait_is_turned_away() {
        let writers = Writers::new(1);
        let held = writers.turn().await.unwrap();
        let waits = writers.run(|| Ok(1));
        let too_many = writers.run(|| Ok(2));
        let in_a_stream = writers.go_on(|| Ok(3));
        let release = async { drop(held) };
        let (first, second, third, ()) = tokio::join!(waits, too_many, in_a_stream, release);
        assert_eq!((first, third), (Ok(1), Ok(3)));
        assert_eq!(second.unwrap_err().code(), "overloaded");
        assert_eq!(writers.run(|| Ok(4)).await, Ok(4));
    }

    #[actix_web::test]
    async fn who_is_turned_away_comes_back_once_those_before_have_had_their_turn() {
        let writers = Writers::new(2);
        // A mean of turns that took three seconds each.
        note(&writers.turn_takes, Duration::from_secs(3));
        let held = writers.turn().await.unwrap();
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
        let writers = Writers::new(1);
        let inside: Vec<_> = (0..MOST_STREAMS)
            .map(|_| writers.let_in().unwrap())
            .collect();
        assert_eq!(writers.let_in().unwrap_err().code(), "overloaded");
        drop(inside);
        assert!(writers.let_in().is_ok());
    }
}
