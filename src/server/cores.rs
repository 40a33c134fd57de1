//! Threads that compute, apart from those that read and write.
//!
//! As many as there are cores, of the process's own priority; the threads of the network have a lower
//! one. So when more is asked than can be done, what is turned away takes its time from what is
//! left, and not from what is being answered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

type Job = Box<dyn FnOnce() + Send>;

/// The threads; they end when this is dropped.
pub(super) struct Cores {
    jobs: Sender<Job>,
}

impl Cores {
    pub(super) fn new(count: usize) -> Self {
        let (jobs, queue) = channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..count {
            let queue = Arc::clone(&queue);
            let started = thread::Builder::new()
                .name(format!("core {number}"))
                .spawn(move || work_off(&queue));
            if let Err(error) = started {
                tracing::error!("a thread to compute on cannot be started: {error}");
            }
        }
        Self { jobs }
    }

    /// Has `work` run on one of the threads, in the order in which it came. If no thread could be
    /// started it is dropped.
    pub(super) fn run(&self, work: impl FnOnce() + Send + 'static) {
        // Threads listen as long as this lives.
        let _ = self.jobs.send(Box::new(work));
    }
}

fn work_off(queue: &Mutex<Receiver<Job>>) {
    loop {
        // A job that panics does so outside of the lock.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // The panic has been reported where it happened; the thread goes on.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}
