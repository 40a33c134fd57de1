//! Threads that give way to searches.

use std::io;
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// As many threads as the current pool has, of the lowest priority that is left to them: they take
/// what searches leave of the processor.
pub(super) fn pool(name: &'static str) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(rayon::current_num_threads())
        .thread_name(move |number| format!("{name} {number}"))
        .start_handler(|_| give_way(NICEST))
        .build()
}

/// The same threads, started when they are first needed.
pub(super) struct Background {
    name: &'static str,
    pool: OnceLock<Option<ThreadPool>>,
}

impl Background {
    /// Nothing is started yet; the threads will have this name.
    pub(super) fn new(name: &'static str) -> Self {
        let pool = OnceLock::new();
        Self { name, pool }
    }

    /// Does this on them and waits for it; here, if they cannot be started.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let pool = self.pool.get_or_init(|| {
            let pool = pool(self.name);
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
pub fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        give_way(NICEST);
        work();
    })
}

/// The lowest priority of Linux.
const NICEST: i32 = 19;

/// Makes the current thread give way to those of lower `niceness`, 0 to 19. Linux keeps a priority for
/// each thread; elsewhere it belongs to the whole process and stays.
#[cfg(target_os = "linux")]
pub fn give_way(niceness: i32) {
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
    fn one_background_does_not_wait_for_another() {
        let (one, other) = (Background::new("one"), Background::new("other"));
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
    fn its_threads_are_nicer_than_the_one_that_asks() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();
        let pool = pool("test").unwrap();
        assert_eq!(pool.install(nice), 19);
        let (tell, told) = std::sync::mpsc::channel();
        let one = thread("test", move || tell.send(nice()).unwrap()).unwrap();
        assert_eq!(told.recv().unwrap(), 19);
        one.join().unwrap();
        assert_eq!(nice(), before, "the caller keeps its own");
    }
}
