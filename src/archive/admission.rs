//! Admission control: the bounded queue in front of the worker pool.
//!
//! One request runs per worker, a bounded number of others wait, and the next one is rejected at once:
//! back-pressure comes before work. Workers take jobs from the queue themselves, so admitted requests are
//! processed however busy the network threads are with rejecting others.

mod queue_full;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::error::{ArchiveError, Rejection};
use super::worker_pool::{JobHandle, WorkerPool};
pub use queue_full::QueueFull;
pub(super) use queue_full::retry_after_seconds;

/// A request is rejected at once if its expected wait is longer.
const MAX_QUEUE_WAIT: Duration = Duration::from_secs(2);

/// Window of the moving average of job durations: a new duration has the weight 1 / (window + 1).
const EWMA_WINDOW: u64 = 31;

/// Admits requests to the worker pool.
pub(super) struct Admission {
    workers: WorkerPool,
    worker_count: usize,
    queue_capacity: usize,
    state: Arc<QueueState>,
}

#[derive(Default)]
struct QueueState {
    waiting: AtomicUsize,
    running: AtomicUsize,
    /// Duration of a job in nanoseconds, as an exponentially weighted moving average.
    mean_job_nanos: AtomicU64,
}

impl Admission {
    pub(super) fn new(worker_count: usize, queue_capacity: usize) -> Self {
        let worker_count = worker_count.max(1);
        Self {
            workers: WorkerPool::new(worker_count),
            worker_count,
            queue_capacity,
            state: Arc::default(),
        }
    }

    /// Runs `work` on a worker; returns its result.
    ///
    /// If the future is dropped while the job is queued, the job is removed. If it is dropped while the job
    /// runs, the worker finishes it: running work cannot be interrupted, and the number of running jobs must
    /// not exceed the number of workers.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        self.run_within(None, |_| work()).await
    }

    /// Runs `work` on a worker, unless it cannot start within `max_wait`; it receives the time in the
    /// queue.
    pub(super) async fn run_within<T: Send + 'static>(
        &self,
        max_wait: Option<Duration>,
        work: impl FnOnce(Duration) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let start = Instant::now();
        let slot = Arc::new(self.enqueue()?);
        let max_wait = max_wait.unwrap_or(MAX_QUEUE_WAIT).min(MAX_QUEUE_WAIT);
        let (tx, mut rx) = oneshot::channel();
        let (job_slot, state) = (Arc::clone(&slot), Arc::clone(&self.state));
        let job = self.workers.submit(move || {
            if !job_slot.release() || tx.is_closed() {
                return;
            }
            let waited = start.elapsed();
            let running = RunningJob::start(&state);
            let work_start = Instant::now();
            let result = work(waited);
            record_duration(&state.mean_job_nanos, work_start.elapsed());
            // Before the result is sent: a client's next request must find the worker free.
            drop(running);
            // Fails if the request was dropped in the meantime.
            let _ = tx.send(result);
        });
        let queued = QueuedRequest {
            slot: &slot,
            workers: &self.workers,
            job,
        };
        if let Ok(reply) = tokio::time::timeout(max_wait, &mut rx).await {
            return reply.map_err(|_| ArchiveError::Aborted)?;
        }
        if queued.cancel() {
            return Err(self.deadline_exceeded(max_wait).into());
        }
        rx.await.map_err(|_| ArchiveError::Aborted)?
    }

    /// Returns the number of queued requests.
    pub(super) fn waiting(&self) -> usize {
        self.state.waiting.load(Ordering::Relaxed)
    }

    /// Returns the reason why a request would be rejected now, if it would be: its body need not be read.
    pub(super) fn queue_full(&self) -> Option<QueueFull> {
        self.rejection_reason(self.waiting())
    }

    fn enqueue(&self) -> Result<QueueSlot, Rejection> {
        let slot = QueueSlot::acquire(&self.state);
        match self.rejection_reason(slot.ahead) {
            Some(full) => Err(Rejection::QueueFull(full)),
            None => Ok(slot),
        }
    }

    /// Returns the reason to reject a request with `ahead` others in front of it, if there is one.
    fn rejection_reason(&self, ahead: usize) -> Option<QueueFull> {
        let running = self.state.running.load(Ordering::Relaxed);
        // Requests that free workers are about to take do not count as waiting.
        let free = self.worker_count.saturating_sub(running);
        let waiting = ahead.saturating_sub(free);
        let expected_wait = self.expected_wait(waiting);
        if waiting < self.queue_capacity && expected_wait <= MAX_QUEUE_WAIT {
            return None;
        }
        let limit = if waiting >= self.queue_capacity {
            "queue_full"
        } else {
            "expected_wait_too_long"
        };
        Some(QueueFull::new(ahead, expected_wait, limit))
    }

    /// Estimates the wait of a request behind `waiting` others.
    fn expected_wait(&self, waiting: usize) -> Duration {
        let job = Duration::from_nanos(self.state.mean_job_nanos.load(Ordering::Relaxed));
        let rounds = waiting.div_ceil(self.worker_count);
        job.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }

    fn deadline_exceeded(&self, max_wait: Duration) -> Rejection {
        let expected = self.expected_wait(self.waiting());
        Rejection::NotStarted {
            max_wait,
            by_client: max_wait < MAX_QUEUE_WAIT,
            retry_after_seconds: retry_after_seconds(expected),
        }
    }
}

/// Adds a duration to a moving average in nanoseconds.
pub(super) fn record_duration(mean: &AtomicU64, duration: Duration) {
    let share = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX) / (EWMA_WINDOW + 1);
    // Of two concurrent updates one may be lost, which does not matter in an average.
    let before = mean.load(Ordering::Relaxed);
    let after = if before == 0 {
        share.saturating_mul(EWMA_WINDOW + 1)
    } else {
        before / (EWMA_WINDOW + 1) * EWMA_WINDOW + share
    };
    mean.store(after, Ordering::Relaxed);
}

/// A position in the queue. It is released once: by the job when it starts, or by a cancellation.
struct QueueSlot {
    state: Arc<QueueState>,
    /// Number of requests that were queued when it was acquired.
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

    /// Releases the slot; returns whether it was still held.
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

/// A queued request, cancelled when it is dropped.
struct QueuedRequest<'a> {
    slot: &'a QueueSlot,
    workers: &'a WorkerPool,
    job: JobHandle,
}

impl QueuedRequest<'_> {
    /// Removes the job from the queue; returns whether it had not started.
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

/// Counts a running job, also if it panics.
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

    /// Returns a job that runs until the sender sends or is dropped.
    fn blocking_job() -> (
        mpsc::Sender<()>,
        impl FnOnce() -> Result<i32, ArchiveError> + Send,
    ) {
        let (finish, finished) = mpsc::channel();
        let work = move || {
            let _ = finished.recv();
            Ok(0)
        };
        (finish, work)
    }

    #[tokio::test]
    async fn a_request_beyond_capacity_is_rejected_immediately() {
        let admission = Admission::new(1, 1);
        let (finish, work) = blocking_job();
        let first = admission.run(work);
        let second = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            admission.run_within(None, Ok).await
        };
        let third = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let rejected = admission.run(|| Ok(2)).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            finish.send(()).unwrap();
            rejected
        };
        let (first, second, third) = tokio::join!(first, second, third);
        assert_eq!(first.unwrap(), 0);
        assert!(second.unwrap() >= Duration::from_millis(10));
        let rejection = third.unwrap_err();
        assert!(matches!(
            rejection,
            ArchiveError::Rejected(Rejection::QueueFull(_))
        ));
        assert_eq!(admission.waiting(), 0);
    }

    #[tokio::test]
    async fn abandoned_work_keeps_its_worker_until_it_is_done() {
        let admission = Admission::new(1, 1);
        let (finish, work) = blocking_job();
        let given_up = tokio::time::timeout(Duration::from_millis(20), admission.run(work));
        assert!(given_up.await.is_err());
        assert_eq!(admission.state.running.load(Ordering::Relaxed), 1);
        finish.send(()).unwrap();
        assert!(admission.run(|| Ok(())).await.is_ok());
    }

    #[tokio::test]
    async fn a_cancelled_queued_job_is_not_started() {
        let admission = Admission::new(1, 8);
        let (finish, work) = blocking_job();
        let (started, wait) = (Arc::new(AtomicUsize::new(0)), Duration::from_millis(20));
        let count = || {
            let started = Arc::clone(&started);
            move || {
                started.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        };
        let first = admission.run(work);
        let others = async {
            tokio::time::sleep(wait).await;
            let disconnected = tokio::time::timeout(wait, admission.run(count())).await;
            assert!(disconnected.is_err());
            assert_eq!(admission.waiting(), 0);
            let late = admission
                .run_within(Some(wait), {
                    let count = count();
                    move |_| count()
                })
                .await;
            finish.send(()).unwrap();
            late
        };
        let (first, late) = tokio::join!(first, others);
        assert!(first.is_ok());
        assert!(matches!(
            late.unwrap_err(),
            ArchiveError::Rejected(Rejection::NotStarted {
                by_client: true,
                ..
            })
        ));
        assert!(admission.run(count()).await.is_ok());
        assert_eq!(started.load(Ordering::Relaxed), 1, "only the last");
    }

    #[tokio::test]
    async fn disconnecting_clients_leave_no_queued_jobs() {
        let admission = Admission::new(1, 8);
        let (finish, work) = blocking_job();
        let first = admission.run(work);
        let flood = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let captured = Arc::new(());
            for _ in 0..1000 {
                let own = Arc::clone(&captured);
                let mut request = std::pin::pin!(admission.run(move || {
                    drop(own);
                    Ok(())
                }));
                // Queued, then dropped at once.
                std::future::poll_fn(|context| {
                    assert!(request.as_mut().poll(context).is_pending());
                    std::task::Poll::Ready(())
                })
                .await;
                assert_eq!(admission.workers.queued_jobs(), 1);
            }
            assert_eq!(admission.workers.queued_jobs(), 0);
            assert_eq!(Arc::strong_count(&captured), 1, "captured values are freed");
            finish.send(()).unwrap();
        };
        assert!(tokio::join!(first, flood).0.is_ok());
    }

    #[tokio::test]
    async fn a_panicking_job_is_an_error_and_frees_its_worker() {
        let admission = Admission::new(1, 1);
        let result: Result<(), _> = admission.run(|| panic!("on purpose")).await;
        assert!(matches!(result.unwrap_err(), ArchiveError::Aborted));
        assert_eq!(admission.run(|| Ok(3)).await.unwrap(), 3);
        assert_eq!(admission.state.running.load(Ordering::Relaxed), 0);
    }
}
