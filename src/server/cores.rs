//! Threads that compute, apart from those that read and write.
//!
//! As many as there are cores, of the process's own priority; the threads of the network have a lower
//! one. So when more is asked than can be done, what is turned away takes its time from what is
//! left, and not from what is being answered.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

type Job = Box<dyn FnOnce() + Send>;

/// The threads; they end when this is dropped.
pub(super) struct Cores {
    queue: Arc<Queue>,
}

/// A job that waits, for whoever would give it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

#[derive(Default)]
struct Queue(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// By their tickets, whose order is that in which they came. One that is given up is taken out:
    /// what only stayed behind until its turn could pile up without bound.
    jobs: BTreeMap<Ticket, Job>,
    next: u64,
    /// Threads without work. The last one to have had some goes first: what it needs is still in the
    /// cache of its processor.
    idle: Vec<Thread>,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cores {
    pub(super) fn new(count: usize) -> Self {
        let queue = Arc::new(Queue::default());
        for number in 0..count {
            let own = Arc::clone(&queue);
            let started = thread::Builder::new()
                .name(format!("core {number}"))
                .spawn(move || work_off(&own));
            if let Err(error) = started {
                tracing::error!("a thread to compute on cannot be started: {error}");
            }
        }
        Self { queue }
    }

    /// Has `work` run on one of the threads, in the order in which it came.
    pub(super) fn run(&self, work: impl FnOnce() + Send + 'static) -> Ticket {
        let job = Box::new(work);
        let mut waiting = self.queue.lock();
        let ticket = Ticket(waiting.next);
        waiting.next += 1;
        waiting.jobs.insert(ticket, job);
        let idle = waiting.idle.pop();
        drop(waiting);
        if let Some(thread) = idle {
            thread.unpark();
        }
        ticket
    }

    /// Drops the work that waits under this ticket, with all that it holds, unless it has begun.
    pub(super) fn give_up(&self, ticket: Ticket) {
        let job = self.queue.lock().jobs.remove(&ticket);
        // Not while the queue is locked.
        drop(job);
    }

    /// How many jobs are in the queue.
    #[cfg(test)]
    pub(super) fn queued(&self) -> usize {
        self.queue.lock().jobs.len()
    }
}

impl Drop for Cores {
    fn drop(&mut self) {
        let mut waiting = self.queue.lock();
        waiting.closed = true;
        for thread in waiting.idle.drain(..) {
            thread.unpark();
        }
    }
}

fn work_off(queue: &Queue) {
    let own = thread::current();
    loop {
        let mut waiting = queue.lock();
        // Whoever woke up for no reason still stands there.
        waiting.idle.retain(|thread| thread.id() != own.id());
        if let Some((_, job)) = waiting.jobs.pop_first() {
            drop(waiting);
            // A panic has been reported where it happened; the thread goes on.
            let _ = catch_unwind(AssertUnwindSafe(job));
        } else if waiting.closed {
            return;
        } else {
            waiting.idle.push(own.clone());
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
    fn all_threads_work_a_panic_ends_none_and_all_end_with_it() {
        let cores = Cores::new(3);
        let (tell, told) = channel();
        for number in 0..200 {
            let tell = tell.clone();
            cores.run(move || {
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
