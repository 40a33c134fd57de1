//! Threads that compute, apart from those that read and write.
//!
//! As many as there are cores, of the process's own priority; the threads of the network have a lower
//! one. So when more is asked than can be done, what is turned away takes its time from what is
//! left, and not from what is being answered.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

type BoxedJob = Box<dyn FnOnce() + Send>;

/// The threads; they end when this is dropped.
pub(super) struct WorkerPool {
    queue: Arc<JobQueue>,
}

/// A job that waits, for whoever would give it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct JobHandle(u64);

#[derive(Default)]
struct JobQueue(Mutex<PoolState>);

#[derive(Default)]
struct PoolState {
    /// By their tickets, whose order is that in which they came. One that is given up is taken out:
    /// what only stayed behind until its turn could pile up without bound.
    jobs: BTreeMap<JobHandle, BoxedJob>,
    next_id: u64,
    /// Threads without work. The last one to have had some goes first: what it needs is still in the
    /// cache of its processor.
    idle_threads: Vec<Thread>,
    closed: bool,
}

impl JobQueue {
    fn lock(&self) -> MutexGuard<'_, PoolState> {
        // Nothing panics while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WorkerPool {
    pub(super) fn new(count: usize) -> Self {
        let queue = Arc::new(JobQueue::default());
        for index in 0..count {
            let worker_queue = Arc::clone(&queue);
            let started = thread::Builder::new()
                .name(format!("core {index}"))
                .spawn(move || worker_loop(&worker_queue));
            if let Err(error) = started {
                tracing::error!("a thread to compute on cannot be started: {error}");
            }
        }
        Self { queue }
    }

    /// Has `work` run on one of the threads, in the order in which it came.
    pub(super) fn submit(&self, work: impl FnOnce() + Send + 'static) -> JobHandle {
        let job = Box::new(work);
        let mut waiting = self.queue.lock();
        let ticket = JobHandle(waiting.next_id);
        waiting.next_id += 1;
        waiting.jobs.insert(ticket, job);
        let idle = waiting.idle_threads.pop();
        drop(waiting);
        if let Some(thread) = idle {
            thread.unpark();
        }
        ticket
    }

    /// Drops the work that waits under this ticket, with all that it holds, unless it has begun.
    pub(super) fn cancel(&self, ticket: JobHandle) {
        let job = self.queue.lock().jobs.remove(&ticket);
        // Not while the queue is locked.
        drop(job);
    }

    /// How many jobs are in the queue.
    #[cfg(test)]
    pub(super) fn queued_jobs(&self) -> usize {
        self.queue.lock().jobs.len()
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        let mut waiting = self.queue.lock();
        waiting.closed = true;
        for thread in waiting.idle_threads.drain(..) {
            thread.unpark();
        }
    }
}

fn worker_loop(queue: &JobQueue) {
    let current_thread = thread::current();
    loop {
        let mut waiting = queue.lock();
        // Whoever woke up for no reason still stands there.
        waiting
            .idle_threads
            .retain(|thread| thread.id() != current_thread.id());
        if let Some((_, job)) = waiting.jobs.pop_first() {
            drop(waiting);
            // A panic has been reported where it happened; the thread goes on.
            let _ = catch_unwind(AssertUnwindSafe(job));
        } else if waiting.closed {
            return;
        } else {
            waiting.idle_threads.push(current_thread.clone());
            drop(waiting);
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
        let cores = WorkerPool::new(3);
        let (tell, told) = channel();
        for number in 0..200 {
            let tell = tell.clone();
            cores.submit(move || {
                assert!(number % 10 != 0, "on purpose");
                tell.send(number).unwrap();
            });
        }
        drop(tell);
        let mut done: Vec<i32> = told.iter().collect();
        done.sort_unstable();
        assert_eq!(done.len(), 180);
        let queue = Arc::clone(&cores.queue);
        drop(cores);
        while Arc::strong_count(&queue) > 1 {
            thread::sleep(Duration::from_millis(1));
        }
    }
}
