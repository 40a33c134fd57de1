//! The queue before the CPU.
//!
//! As many requests are computed at a time as there are cores; so many more may wait, and the
//! next one is told at once that the service is busy. Back-pressure comes before work. The cores take
//! from the queue by themselves: however busy the threads of the network are with turning requests
//! away, those that were let in are worked on.

mod full;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::cores::{Cores, Ticket};
use super::problem::{Problem, failed};
pub(super) use full::{Full, retry_after};

/// A request is turned away at once if it would probably wait longer.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Of what jobs took before, so much counts after the next one.
const MEMORY: u64 = 31;

/// Lets requests to the CPU, a bounded number at a time.
pub(super) struct Admission {
    cores: Cores,
    number_of_cores: usize,
    most_waiting: usize,
    state: Arc<State>,
}

/// What is known of the queue.
#[derive(Default)]
struct State {
    waiting: AtomicUsize,
    computing: AtomicUsize,
    /// What a job takes, in nanoseconds: a mean in which the latest weigh most.
    job: AtomicU64,
}

impl Admission {
    pub(super) fn new(cores: usize, most_waiting: usize) -> Self {
        let cores = cores.max(1);
        Self {
            cores: Cores::new(cores),
            number_of_cores: cores,
            most_waiting,
            state: Arc::default(),
        }
    }

    /// Waits for a core, then runs `work` on it; gives its result and the time waited.
    ///
    /// A request that is dropped while it waits gives up its place, and its work is not begun. One
    /// that is dropped while it is computed keeps its core until the work is done: work cannot be
    /// called back, and the number of jobs must not exceed the cores.
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
        let place = Arc::new(self.wait_in_queue()?);
        let patience = patience.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        let (tell, mut told) = oneshot::channel();
        let (own, state) = (Arc::clone(&place), Arc::clone(&self.state));
        let ticket = self.cores.run(move || {
            if !own.leave() || tell.is_closed() {
                return;
            }
            let waited = start.elapsed();
            let computing = Computing::begin(&state);
            let begun = Instant::now();
            let result = work();
            note(&state.job, begun.elapsed());
            // Whoever is answered may count on the core.
            drop(computing);
            // Whoever asked may be gone.
            let _ = tell.send(result.map(|result| (result, waited)));
        });
        let queued = Queued {
            place: &place,
            cores: &self.cores,
            ticket,
        };
        if let Ok(told) = tokio::time::timeout(patience, &mut told).await {
            return told.map_err(|e| failed(&e))?;
        }
        if queued.give_up() {
            return Err(self.too_late(patience));
        }
        told.await.map_err(|e| failed(&e))?
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.state.waiting.load(Ordering::Relaxed)
    }

    /// Why one more request would be turned away now, if it would: it need not be read then.
    pub(super) fn full(&self) -> Option<Full> {
        self.turned_away(self.waiting())
    }

    fn wait_in_queue(&self) -> Result<Place, Problem> {
        let place = Place::take(&self.state);
        match self.turned_away(place.before) {
            Some(full) => Err(full.problem()),
            None => Ok(place),
        }
    }

    /// Why a request with so many before it is turned away, if it is.
    fn turned_away(&self, before: usize) -> Option<Full> {
        let computing = self.state.computing.load(Ordering::Relaxed);
        // Those who need not wait are not held up by those who do.
        let free = self.number_of_cores.saturating_sub(computing);
        let waiting = before.saturating_sub(free);
        let expected = self.expected_wait(waiting);
        if waiting < self.most_waiting && expected <= LONGEST_WAIT {
            return None;
        }
        let bound = if waiting >= self.most_waiting {
            "queue_full"
        } else {
            "wait_too_long"
        };
        Some(Full::new(before, expected, bound))
    }

    /// How long a request waits that has so many before it.
    fn expected_wait(&self, waiting: usize) -> Duration {
        let job = Duration::from_nanos(self.state.job.load(Ordering::Relaxed));
        let rounds = waiting.div_ceil(self.number_of_cores);
        job.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }

    fn too_late(&self, patience: Duration) -> Problem {
        let expected = self.expected_wait(self.waiting());
        let detail = format!(
            "no core was free within {} ms; the work was not begun",
            patience.as_millis()
        );
        let problem = if patience < LONGEST_WAIT {
            Problem::timeout(detail)
                .at("timeout_ms")
                .shed("client_timeout")
        } else {
            Problem::overloaded(detail).shed("waited_too_long")
        };
        problem.retry_after(retry_after(expected))
    }
}

/// Takes a job into the mean.
pub(in crate::server) fn note(mean: &AtomicU64, took: Duration) {
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

/// A place in the queue, left once: by the work that begins, or by whoever gives up.
struct Place {
    state: Arc<State>,
    /// How many were waiting when it was taken.
    before: usize,
    left: AtomicBool,
}

impl Place {
    fn take(state: &Arc<State>) -> Self {
        Self {
            before: state.waiting.fetch_add(1, Ordering::Relaxed),
            state: Arc::clone(state),
            left: AtomicBool::new(false),
        }
    }

    /// Whether it was still taken.
    fn leave(&self) -> bool {
        let first = !self.left.swap(true, Ordering::AcqRel);
        if first {
            self.state.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        first
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A request that waits; gives its place up if it is dropped meanwhile.
struct Queued<'a> {
    place: &'a Place,
    cores: &'a Cores,
    ticket: Ticket,
}

impl Queued<'_> {
    /// Whether the work had not begun, and will not.
    fn give_up(&self) -> bool {
        let first = self.place.leave();
        if first {
            self.cores.give_up(self.ticket);
        }
        first
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// A core at work, also if that panics.
struct Computing<'a>(&'a State);

impl<'a> Computing<'a> {
    fn begin(state: &'a State) -> Self {
        state.computing.fetch_add(1, Ordering::Relaxed);
        Self(state)
    }
}

impl Drop for Computing<'_> {
    fn drop(&mut self) {
        self.0.computing.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Work that goes on until it is told to end.
    fn held() -> (
        mpsc::Sender<()>,
        impl FnOnce() -> Result<i32, Problem> + Send,
    ) {
        let (finish, finished) = mpsc::channel();
        let work = move || {
            let _ = finished.recv();
            Ok(0)
        };
        (finish, work)
    }

    #[actix_web::test]
    async fn one_more_than_may_wait_is_turned_away_at_once() {
        let admission = Admission::new(1, 1);
        let (finish, work) = held();
        let first = admission.run(work);
        let second = async {
            actix_web::rt::time::sleep(Duration::from_millis(10)).await;
            admission.run(|| Ok(1)).await
        };
        let third = async {
            actix_web::rt::time::sleep(Duration::from_millis(20)).await;
            let refused = admission.run(|| Ok(2)).await;
            actix_web::rt::time::sleep(Duration::from_millis(20)).await;
            finish.send(()).unwrap();
            refused
        };
        let (first, second, third) = tokio::join!(first, second, third);
        assert_eq!(first.unwrap().0, 0);
        let (result, waited) = second.unwrap();
        assert_eq!(result, 1);
        assert!(waited >= Duration::from_millis(10));
        assert_eq!(third.unwrap_err().code(), "overloaded");
        assert_eq!(admission.waiting(), 0);
    }

    #[actix_web::test]
    async fn abandoned_work_keeps_its_core_until_it_is_done() {
        let admission = Admission::new(1, 1);
        let (finish, work) = held();
        let given_up = actix_web::rt::time::timeout(Duration::from_millis(20), admission.run(work));
        assert!(given_up.await.is_err());
        assert_eq!(admission.state.computing.load(Ordering::Relaxed), 1);
        finish.send(()).unwrap();
        assert!(admission.run(|| Ok(())).await.is_ok());
    }

    #[actix_web::test]
    async fn what_is_given_up_while_it_waits_is_not_begun() {
        let admission = Admission::new(1, 8);
        let (finish, work) = held();
        let (begun, wait) = (Arc::new(AtomicUsize::new(0)), Duration::from_millis(20));
        let count = || {
            let begun = Arc::clone(&begun);
            move || {
                begun.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        };
        let first = admission.run(work);
        let others = async {
            actix_web::rt::time::sleep(wait).await;
            let hung_up = actix_web::rt::time::timeout(wait, admission.run(count())).await;
            assert!(hung_up.is_err());
            assert_eq!(admission.waiting(), 0);
            let late = admission.run_within(Some(wait), count()).await;
            finish.send(()).unwrap();
            late
        };
        let (first, late) = tokio::join!(first, others);
        assert!(first.is_ok());
        assert_eq!(late.unwrap_err().code(), "timeout");
        assert!(admission.run(count()).await.is_ok());
        assert_eq!(begun.load(Ordering::Relaxed), 1, "only the last");
    }

    #[actix_web::test]
    async fn a_flood_of_those_who_hang_up_leaves_nothing_in_the_queue() {
        let admission = Admission::new(1, 8);
        let (finish, work) = held();
        let first = admission.run(work);
        let flood = async {
            actix_web::rt::time::sleep(Duration::from_millis(10)).await;
            let carried = Arc::new(());
            for _ in 0..1000 {
                let own = Arc::clone(&carried);
                let mut asked = std::pin::pin!(admission.run(move || {
                    drop(own);
                    Ok(())
                }));
                // Asked for, and hung up at once.
                std::future::poll_fn(|context| {
                    assert!(asked.as_mut().poll(context).is_pending());
                    std::task::Poll::Ready(())
                })
                .await;
                assert_eq!(admission.cores.queued(), 1);
            }
            assert_eq!(admission.cores.queued(), 0);
            assert_eq!(Arc::strong_count(&carried), 1, "what they held is free");
            finish.send(()).unwrap();
        };
        assert!(tokio::join!(first, flood).0.is_ok());
    }

    #[actix_web::test]
    async fn a_panic_in_the_work_is_an_error_and_frees_its_core() {
        let admission = Admission::new(1, 1);
        let result: Result<((), _), _> = admission.run(|| panic!("on purpose")).await;
        assert_eq!(result.unwrap_err().code(), "internal");
        assert_eq!(admission.run(|| Ok(3)).await.unwrap().0, 3);
        assert_eq!(admission.state.computing.load(Ordering::Relaxed), 0);
    }
}
