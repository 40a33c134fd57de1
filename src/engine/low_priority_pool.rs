//! Low-priority threads, which leave the CPU to searches.

use std::io;
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Builds a pool of as many threads as the current one has, at the lowest priority.
pub(super) fn build_pool(name: &'static str) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(rayon::current_num_threads())
        .thread_name(move |number| format!("{name} {number}"))
        .start_handler(|_| lower_thread_priority(MAX_NICE))
        .build()
}

/// A pool of low-priority threads, started at first use.
pub(super) struct LowPriorityPool {
    name: &'static str,
    pool: OnceLock<Option<ThreadPool>>,
}

impl LowPriorityPool {
    /// Creates a pool without starting its threads, which will have this name.
    pub(super) fn new(name: &'static str) -> Self {
        let pool = OnceLock::new();
        Self { name, pool }
    }

    /// Runs work in the pool and waits for it; on the calling thread if the pool cannot be started.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let pool = self.pool.get_or_init(|| {
            let pool = build_pool(self.name);
            pool.inspect_err(|error| tracing::warn!("cannot start the background pool: {error}"))
                .ok()
        });
        match pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

/// Starts a single thread of the lowest priority.
///
/// # Errors
///
/// If it cannot be started.
pub fn spawn_low_priority_thread(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        lower_thread_priority(MAX_NICE);
        work();
    })
}

/// The lowest priority on Linux.
const MAX_NICE: i32 = 19;

/// Lowers the priority of the current thread to a niceness of 0 to 19. Only Linux has a niceness per
/// thread; elsewhere it belongs to the process and is left alone.
#[cfg(target_os = "linux")]
pub fn lower_thread_priority(niceness: i32) {
    if let Err(error) = rustix::process::setpriority_process(None, niceness) {
        tracing::debug!("cannot lower thread priority: {error}");
    }
}

/// Does nothing: only Linux has a niceness per thread.
#[cfg(not(target_os = "linux"))]
pub fn lower_thread_priority(_niceness: i32) {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn pools_do_not_wait_for_each_other() {
        let (one, other) = (LowPriorityPool::new("one"), LowPriorityPool::new("other"));
        let (sender, receiver) = std::sync::mpsc::channel();
        let receiver = std::sync::Mutex::new(receiver);
        let wait = || {
            receiver
                .lock()
                .unwrap()
                .recv_timeout(Duration::from_mins(1))
        };
        let threads = rayon::current_num_threads();
        thread::scope(|scope| {
            // All threads of the first pool wait for work in the second.
            let waiting = scope.spawn(|| one.run(|| rayon::broadcast(|_| wait().is_ok())));
            for _ in 0..threads {
                other.run(|| sender.send(()).unwrap());
            }
            assert_eq!(waiting.join().unwrap(), vec![true; threads]);
        });
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn pool_threads_have_the_lowest_priority() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();
        let pool = build_pool("test").unwrap();
        assert_eq!(pool.install(nice), 19);
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread =
            spawn_low_priority_thread("test", move || sender.send(nice()).unwrap()).unwrap();
        assert_eq!(receiver.recv().unwrap(), 19);
        thread.join().unwrap();
        assert_eq!(nice(), before, "the caller's priority is unchanged");
    }
}
