//! Threads that give way to searches.

use std::io;
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// As many threads as the current pool has, of the lowest priority that is left to them: they take
/// what searches leave of the processor.
pub(super) fn build_pool(name: &'static str) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(rayon::current_num_threads())
        .thread_name(move |number| format!("{name} {number}"))
        .start_handler(|_| lower_thread_priority(MAX_NICE))
        .build()
}

/// The same threads, started when they are first needed.
pub(super) struct LowPriorityPool {
    name: &'static str,
    pool: OnceLock<Option<ThreadPool>>,
}

impl LowPriorityPool {
    /// Nothing is started yet; the threads will have this name.
    pub(super) fn new(name: &'static str) -> Self {
        let pool = OnceLock::new();
        Self { name, pool }
    }

    /// Does this on them and waits for it; here, if they cannot be started.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let pool = self.pool.get_or_init(|| {
            let pool = build_pool(self.name);
            pool.inspect_err(|error| tracing::warn!("no threads for the background: {error}"))
                .ok()
        });
        match pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

/// One thread of that priority, and of that name, which does this.
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

/// The lowest priority of Linux.
const MAX_NICE: i32 = 19;

/// Makes the current thread give way to those of lower `niceness`, 0 to 19. Linux keeps a priority for
/// each thread; elsewhere it belongs to the whole process and stays.
#[cfg(target_os = "linux")]
pub fn lower_thread_priority(niceness: i32) {
    if let Err(error) = rustix::process::setpriority_process(None, niceness) {
        tracing::debug!("the priority of a thread stays: {error}");
    }
}

/// Does nothing: only Linux keeps a priority for each thread.
#[cfg(not(target_os = "linux"))]
pub fn give_way(_niceness: i32) {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn pools_do_not_wait_for_each_other() {
        let (one, other) = (LowPriorityPool::new("one"), LowPriorityPool::new("other"));
        let (tell, told) = std::sync::mpsc::channel();
        let told = std::sync::Mutex::new(told);
        let wait = || told.lock().unwrap().recv_timeout(Duration::from_mins(1));
        let threads = rayon::current_num_threads();
        thread::scope(|scope| {
            // All threads of one wait for what the other does.
            let waiting = scope.spawn(|| one.run(|| rayon::broadcast(|_| wait().is_ok())));
            for _ in 0..threads {
                other.run(|| tell.send(()).unwrap());
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
        let (tell, told) = std::sync::mpsc::channel();
        let one = spawn_low_priority_thread("test", move || tell.send(nice()).unwrap()).unwrap();
        assert_eq!(told.recv().unwrap(), 19);
        one.join().unwrap();
        assert_eq!(nice(), before, "the caller keeps its own");
    }
}
