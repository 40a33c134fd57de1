//! The queue before the CPU.
//!
//! As many requests are computed at a time as there are cores; so many more may wait, and the
//! next one is told at once that the service is busy. Back-pressure comes before work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_web::web;
use tokio::sync::Semaphore;

use super::problem::{Problem, failed};

/// A request is turned away at once if it would probably wait longer.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Of what jobs took before, so much counts after the next one.
const MEMORY: u64 = 31;

/// Lets requests to the CPU, a bounded number at a time.
pub(super) struct Admission {
    cores: Arc<Semaphore>,
    number_of_cores: u32,
    waiting: AtomicUsize,
    most_waiting: usize,
    /// What a job takes, in nanoseconds: a mean in which the latest weigh most.
    job: Arc<AtomicU64>,
}

impl Admission {
    pub(super) fn new(cores: usize, most_waiting: usize) -> Self {
        let cores = cores.max(1);
        Self {
            cores: Arc::new(Semaphore::new(cores)),
            number_of_cores: u32::try_from(cores).unwrap_or(u32::MAX),
            waiting: AtomicUsize::new(0),
            most_waiting,
            job: Arc::new(AtomicU64::new(0)),
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
        self.run_within(None, work).await
    }

    /// The same for a client that waits so long: what could only begin later is not begun.
    pub(super) async fn run_within<T: Send + 'static>(
        &self,
        patience: Option<Duration>,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<(T, Duration), Problem> {
        let start = Instant::now();
        let place = self.wait_in_queue()?;
        let patience = patience.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        let permit = tokio::time::timeout(patience, Arc::clone(&self.cores).acquire_owned())
            .await
            .map_err(|_| self.too_late(patience))?
            .map_err(|e| failed(&e))?;
        drop(place);
        let waited = start.elapsed();
        let job = Arc::clone(&self.job);
        let result = web::block(move || {
            let begun = Instant::now();
            let result = work();
            note(&job, begun.elapsed());
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
        let waiting = before.saturating_sub(self.cores.available_permits());
        let expected = self.expected_wait(waiting);
        if waiting >= self.most_waiting || expected > LONGEST_WAIT {
            return Err(Problem::overloaded(format!(
                "{before} requests are waiting already, one more would wait {:.1} seconds; try again later",
                expected.as_secs_f64()
            ))
            .retry_after(retry_after(expected)));
        }
        Ok(place)
    }

    /// How long a request waits that has so many before it.
    fn expected_wait(&self, waiting: usize) -> Duration {
        let job = Duration::from_nanos(self.job.load(Ordering::Relaxed));
        job.saturating_mul(u32::try_from(waiting).unwrap_or(u32::MAX)) / self.number_of_cores
    }

    fn too_late(&self, patience: Duration) -> Problem {
        let expected = self.expected_wait(self.waiting.load(Ordering::Relaxed));
        let detail = format!(
            "no core was free within {} ms; the work was not begun",
            patience.as_millis()
        );
        let problem = if patience < LONGEST_WAIT {
            Problem::timeout(detail).at("timeout_ms")
        } else {
            Problem::overloaded(detail)
        };
        problem.retry_after(retry_after(expected))
    }
}

/// Seconds until those who wait now will have had their turn.
fn retry_after(expected: Duration) -> u32 {
    let seconds = expected.as_millis().div_ceil(1000);
    u32::try_from(seconds).unwrap_or(u32::MAX).max(1)
}

/// Takes a job into the mean.
fn note(mean: &AtomicU64, took: Duration) {
    let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / (MEMORY + 1);
    // Two that are noted at once may lose one of them: it is a mean.
    let before = mean.load(Ordering::Relaxed);
    let after = if before == 0 {
        took.saturating_mul(MEMORY + 1)
    } else {
        before / (MEMORY + 1) * MEMORY + took
    };
    mean.store(after, Ordering::Relaxed);
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
