//! The queue before the CPU.
//!
//! As many requests are computed at a time as there are cores; so many more may wait, and the
//! next one is told at once that the service is busy. Back-pressure comes before work.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_web::web;
use tokio::sync::Semaphore;

use super::problem::{Problem, failed};

/// Seconds after which a client that was turned away may try again.
const BUSY_RETRY_SECONDS: u32 = 1;

/// Lets requests to the CPU, a bounded number at a time.
pub(super) struct Admission {
    cores: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
}

impl Admission {
    pub(super) fn new(cores: usize, most_waiting: usize) -> Self {
        Self {
            cores: Arc::new(Semaphore::new(cores.max(1))),
            waiting: AtomicUsize::new(0),
            most_waiting,
        }
    }

    /// Waits for a core, then runs `work` on it; gives its result and the time waited.
    ///
    /// A request that is dropped while it waits gives up its place. One that is dropped while it
    /// is computed keeps its core until the work is done: work cannot be called back, and the
    /// number of jobs must not exceed the cores.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<(T, Duration), Problem> {
        let start = Instant::now();
        let place = self.wait_in_queue()?;
        let permit = Arc::clone(&self.cores)
            .acquire_owned()
            .await
            .map_err(|e| failed(&e))?;
        drop(place);
        let waited = start.elapsed();
        let result = web::block(move || {
            let result = work();
            drop(permit);
            result
        })
        .await
        .map_err(|e| failed(&e))??;
        Ok((result, waited))
    }

    /// How many wait, or are about to be let in.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn wait_in_queue(&self) -> Result<Place<'_>, Problem> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place(&self.waiting);
        // Those who need not wait are not held up by those who do.
        if before >= self.most_waiting + self.cores.available_permits() {
            return Err(Problem::overloaded(format!(
                "{before} requests are waiting already, the most that may; try again later"
            ))
            .retry_after(BUSY_RETRY_SECONDS));
        }
        Ok(place)
    }
}

/// A place in the queue, given up when dropped.
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
    async fn one_more_than_may_wait_is_turned_away_at_once() {
        let admission = Admission::new(1, 1);
        let held = admission.cores.acquire().await.unwrap();
        let waits = admission.run(|| Ok(1));
        let too_many = async {
            // Polled after `waits` has taken the only place.
            admission.run(|| Ok(2)).await.map(|(n, _)| n)
        };
        let release = async {
            actix_web::rt::time::sleep(Duration::from_millis(20)).await;
            drop(held);
        };
        let (first, second, ()) = tokio::join!(waits, too_many, release);
        let (first, waited) = first.unwrap();
        assert_eq!(first, 1);
        assert!(waited >= Duration::from_millis(10));
        assert_eq!(second.unwrap_err().code(), "overloaded");
        assert_eq!(admission.waiting.load(Ordering::Relaxed), 0);
    }

    #[actix_web::test]
    async fn abandoned_work_keeps_its_core_until_it_is_done() {
        let admission = Admission::new(1, 1);
        let (finish, finished) = std::sync::mpsc::channel::<()>();
        let work = admission.run(move || {
            let _ = finished.recv();
            Ok(())
        });
        let given_up = actix_web::rt::time::timeout(Duration::from_millis(20), work).await;
        assert!(given_up.is_err());
        assert_eq!(admission.cores.available_permits(), 0);
        finish.send(()).unwrap();
        assert!(admission.run(|| Ok(())).await.is_ok());
    }

    #[actix_web::test]
    async fn a_panic_in_the_work_is_an_error_and_frees_its_core() {
        let admission = Admission::new(1, 1);
        let result: Result<((), _), _> = admission.run(|| panic!("on purpose")).await;
        assert_eq!(result.unwrap_err().code(), "internal");
        assert_eq!(admission.run(|| Ok(3)).await.unwrap().0, 3);
    }
}
