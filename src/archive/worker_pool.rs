//! The threads that do the CPU work of requests, separate from the network threads.
//!
//! They keep the process's priority, while network threads run at a lower one. Under overload, rejecting
//! requests therefore takes no CPU time from the requests that were admitted.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

type BoxedJob = Box<dyn FnOnce() + Send>;

/// A pool of threads over one queue. When it is dropped, they finish the queued jobs and end.
pub(super) struct WorkerPool {
    queue: Arc<JobQueue>,
}

/// Identifies a queued job, in order to cancel it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct JobHandle(u64);

#[derive(Default)]
struct JobQueue(Mutex<PoolState>);

#[derive(Default)]
struct PoolState {
    /// Queued jobs in order of arrival. A cancelled job is removed at once: if it stayed until its turn,
    /// requests of disconnecting clients could pile up without bound.
    jobs: BTreeMap<JobHandle, BoxedJob>,
    next_id: u64,
    /// Used as a stack: the thread that was busy last is woken first, as its CPU cache is warm.
    idle_threads: Vec<Thread>,
    closed: bool,
}

impl JobQueue {
    fn lock(&self) -> MutexGuard<'_, PoolState> {
        // No code panics while holding the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WorkerPool {
    pub(super) fn new(count: usize) -> Self {
        let queue = Arc::new(JobQueue::default());
        for index in 0..count {
            let worker_queue = Arc::clone(&queue);
            let started = thread::Builder::new()
                .name(format!("worker {index}"))
                .spawn(move || worker_loop(&worker_queue));
            if let Err(error) = started {
                tracing::error!("cannot start a worker thread: {error}");
            }
        }
        Self { queue }
    }

    /// Queues `work`; jobs start in order of arrival.
    pub(super) fn submit(&self, work: impl FnOnce() + Send + 'static) -> JobHandle {
        let job = Box::new(work);
        let mut state = self.queue.lock();
        let handle = JobHandle(state.next_id);
        state.next_id += 1;
        state.jobs.insert(handle, job);
        let idle = state.idle_threads.pop();
        drop(state);
        if let Some(thread) = idle {
            thread.unpark();
        }
        handle
    }

    /// Removes a job from the queue and drops it, unless it has started.
    pub(super) fn cancel(&self, handle: JobHandle) {
        let job = self.queue.lock().jobs.remove(&handle);
        // Dropped after the lock is released, as dropping a job may take time.
        drop(job);
    }

    /// Returns the number of queued jobs.
    #[cfg(test)]
    pub(super) fn queued_jobs(&self) -> usize {
        self.queue.lock().jobs.len()
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.closed = true;
        for thread in state.idle_threads.drain(..) {
            thread.unpark();
        }
    }
}

fn worker_loop(queue: &JobQueue) {
    let current_thread = thread::current();
    loop {
        let mut state = queue.lock();
        // After a spurious wake-up this thread is still listed as idle.
        state
            .idle_threads
            .retain(|thread| thread.id() != current_thread.id());
        if let Some((_, job)) = state.jobs.pop_first() {
            drop(state);
            // The panic hook has reported a panic; the thread continues with the next job.
            let _ = catch_unwind(AssertUnwindSafe(job));
        } else if state.closed {
            return;
        } else {
            state.idle_threads.push(current_thread.clone());
            drop(state);
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn all_workers_run_survive_panics_and_stop_with_the_pool() {
        let pool = WorkerPool::new(3);
        let (sender, receiver) = channel();
        for number in 0..200 {
            let sender = sender.clone();
            pool.submit(move || {
                assert!(number % 10 != 0, "on purpose");
                sender.send(number).unwrap();
            });
        }
        drop(sender);
        let mut done: Vec<i32> = receiver.iter().collect();
        done.sort_unstable();
        assert_eq!(done.len(), 180);
        let queue = Arc::clone(&pool.queue);
        drop(pool);
        while Arc::strong_count(&queue) > 1 {
            thread::sleep(Duration::from_millis(1));
        }
    }
}
