//! The queue before the CPU.
//!
//! As many requests are computed at a time as there are cores; so many more may wait, and the
//! next one is told at once that the service is busy. Back-pressure comes before work. The cores take
//! from the queue by themselves: however busy the threads of the network are with turning requests
//! away, those that were let in are worked on.

mod queue_full;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::problem::{Problem, failed};
use super::worker_pool::{JobHandle, WorkerPool};
pub(super) use queue_full::{QueueFull, retry_after_seconds};

/// A request is turned away at once if it would probably wait longer.
const MAX_QUEUE_WAIT: Duration = Duration::from_secs(2);

/// Of what jobs took before, so much counts after the next one.
const EWMA_WINDOW: u64 = 31;

/// Lets requests to the CPU, a bounded number at a time.
pub(super) struct Admission {
    workers: WorkerPool,
    worker_count: usize,
    queue_capacity: usize,
    state: Arc<QueueState>,
}

/// What is known of the queue.
#[derive(Default)]
struct QueueState {
    waiting: AtomicUsize,
    running: AtomicUsize,
    /// What a job takes, in nanoseconds: a mean in which the latest weigh most.
    mean_job_nanos: AtomicU64,
}

impl Admission {
    pub(super) fn new(cores: usize, most_waiting: usize) -> Self {
        let cores = cores.max(1);
        Self {
            workers: WorkerPool::new(cores),
            worker_count: cores,
            queue_capacity: most_waiting,
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
        max_wait: Option<Duration>,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<(T, Duration), Problem> {
        let start = Instant::now();
        let slot = Arc::new(self.enqueue()?);
        let max_wait = max_wait.unwrap_or(MAX_QUEUE_WAIT).min(MAX_QUEUE_WAIT);
        let (tx, mut rx) = oneshot::channel();
        let (job_slot, state) = (Arc::clone(&slot), Arc::clone(&self.state));
        let ticket = self.workers.submit(move || {
            if !job_slot.release() || tx.is_closed() {
                return;
            }
            let waited = start.elapsed();
            let computing = RunningJob::start(&state);
            let begun = Instant::now();
            let result = work();
            record_duration(&state.mean_job_nanos, begun.elapsed());
            // Whoever is answered may count on the core.
            drop(computing);
            // Whoever asked may be gone.
            let _ = tx.send(result.map(|result| (result, waited)));
        });
        let queued = QueuedRequest {
            slot: &slot,
            workers: &self.workers,
            job: ticket,
        };
        if let Ok(reply) = tokio::time::timeout(max_wait, &mut rx).await {
            return reply.map_err(|e| failed(&e))?;
        }
        if queued.cancel() {
            return Err(self.deadline_exceeded(max_wait));
        }
        rx.await.map_err(|e| failed(&e))?
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.state.waiting.load(Ordering::Relaxed)
    }

    /// Why one more request would be turned away now, if it would: it need not be read then.
    pub(super) fn queue_full(&self) -> Option<QueueFull> {
        self.rejection_reason(self.waiting())
    }

    fn enqueue(&self) -> Result<QueueSlot, Problem> {
        let slot = QueueSlot::acquire(&self.state);
        match self.rejection_reason(slot.ahead) {
            Some(full) => Err(full.problem()),
            None => Ok(slot),
        }
    }

    /// Why a request with so many before it is turned away, if it is.
    fn rejection_reason(&self, before: usize) -> Option<QueueFull> {
        let computing = self.state.running.load(Ordering::Relaxed);
        // Those who need not wait are not held up by those who do.
        let free = self.worker_count.saturating_sub(computing);
        let waiting = before.saturating_sub(free);
        let expected = self.expected_wait(waiting);
        if waiting < self.queue_capacity && expected <= MAX_QUEUE_WAIT {
            return None;
        }
        let bound = if waiting >= self.queue_capacity {
            "queue_full"
        } else {
            "wait_too_long"
        };
        Some(QueueFull::new(before, expected, bound))
    }

    /// How long a request waits that has so many before it.
    fn expected_wait(&self, waiting: usize) -> Duration {
        let job = Duration::from_nanos(self.state.mean_job_nanos.load(Ordering::Relaxed));
        let rounds = waiting.div_ceil(self.worker_count);
        job.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }

    fn deadline_exceeded(&self, max_wait: Duration) -> Problem {
        let expected = self.expected_wait(self.waiting());
        let detail = format!(
            "no core was free within {} ms; the work was not begun",
            max_wait.as_millis()
        );
        let problem = if max_wait < MAX_QUEUE_WAIT {
            Problem::timeout(detail)
                .at("timeout_ms")
                .shed("client_timeout")
        } else {
            Problem::overloaded(detail).shed("waited_too_long")
        };
        problem.retry_after(retry_after_seconds(expected))
    }
}

/// Takes a job into the mean.
pub(in crate::server) fn record_duration(mean: &AtomicU64, took: Duration) {
    let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / (EWMA_WINDOW + 1);
    // Two that are noted at once may lose one of them: it is a mean.
    let before = mean.load(Ordering::Relaxed);
    let after = if before == 0 {
        took.saturating_mul(EWMA_WINDOW + 1)
    } else {
        before / (EWMA_WINDOW + 1) * EWMA_WINDOW + took
    };
    mean.store(after, Ordering::Relaxed);
}

/// A place in the queue, left once: by the work that begins, or by whoever gives up.
struct QueueSlot {
    state: Arc<QueueState>,
    /// How many were waiting when it was taken.
    ahead: usize,
    released: AtomicBool,
}

impl QueueSlot {
    fn acquire(state: &Arc<QueueState>) -> Self {
        Self {
            ahead: state.waiting.fetch_add(1, Ordering::Relaxed),
            state: Arc::clone(state),
            released: AtomicBool::new(false),
        }
    }

    /// Whether it was still taken.
    fn release(&self) -> bool {
        let first = !self.released.swap(true, Ordering::AcqRel);
        if first {
            self.state.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        first
    }
}

impl Drop for QueueSlot {
    fn drop(&mut self) {
        self.release();
    }
}

/// A request that waits; gives its place up if it is dropped meanwhile.
struct QueuedRequest<'a> {
    slot: &'a QueueSlot,
    workers: &'a WorkerPool,
    job: JobHandle,
}

impl QueuedRequest<'_> {
    /// Whether the work had not begun, and will not.
    fn cancel(&self) -> bool {
        let first = self.slot.release();
        if first {
            self.workers.cancel(self.job);
        }
        first
    }
}

impl Drop for QueuedRequest<'_> {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// A core at work, also if that panics.
struct RunningJob<'a>(&'a QueueState);

impl<'a> RunningJob<'a> {
    fn start(state: &'a QueueState) -> Self {
        state.running.fetch_add(1, Ordering::Relaxed);
        Self(state)
    }
}

impl Drop for RunningJob<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Work that goes on until it is told to end.
    fn blocking_job() -> (
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
    async fn a_request_beyond_capacity_is_rejected_immediately() {
        let admission = Admission::new(1, 1);
        let (finish, work) = blocking_job();
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
    async fn abandoned_work_keeps_its_worker_until_it_is_done() {
        let admission = Admission::new(1, 1);
        let (finish, work) = blocking_job();
        let given_up = actix_web::rt::time::timeout(Duration::from_millis(20), admission.run(work));
        assert!(given_up.await.is_err());
        assert_eq!(admission.state.running.load(Ordering::Relaxed), 1);
        finish.send(()).unwrap();
        assert!(admission.run(|| Ok(())).await.is_ok());
    }

    #[actix_web::test]
    async fn a_cancelled_queued_job_is_not_started() {
        let admission = Admission::new(1, 8);
        let (finish, work) = blocking_job();
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
    async fn disconnecting_clients_leave_no_queued_jobs() {
        let admission = Admission::new(1, 8);
        let (finish, work) = blocking_job();
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
                assert_eq!(admission.workers.queued_jobs(), 1);
            }
            assert_eq!(admission.workers.queued_jobs(), 0);
            assert_eq!(Arc::strong_count(&carried), 1, "what they held is free");
            finish.send(()).unwrap();
        };
        assert!(tokio::join!(first, flood).0.is_ok());
    }

    #[actix_web::test]
    async fn a_panicking_job_is_an_error_and_frees_its_worker() {
        let admission = Admission::new(1, 1);
        let result: Result<((), _), _> = admission.run(|| panic!("on purpose")).await;
        assert_eq!(result.unwrap_err().code(), "internal");
        assert_eq!(admission.run(|| Ok(3)).await.unwrap().0, 3);
        assert_eq!(admission.state.running.load(Ordering::Relaxed), 0);
    }
}
