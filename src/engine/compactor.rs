//! Who builds graphs while the service runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::index::{BuildOptions, BuildProgress, IndexError};

use super::{Engine, EngineError, low_priority_pool};

/// How often it looks whether there is something to do.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How long it leaves a graph alone that could not be built.
const RETRY_DELAY: Duration = Duration::from_mins(1);

/// A thread that folds what has come and gone into the graph, as long as this is held. Searches go
/// first: the work is done by threads that give way to them.
pub struct CompactionWorker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl CompactionWorker {
    /// Begins; `watch` gives somebody to watch each graph being built.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub fn start(
        engine: Arc<Engine>,
        options: BuildOptions,
        new_progress: impl Fn() -> Box<dyn BuildProgress> + Send + 'static,
    ) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("upkeep".to_owned())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    thread::park_timeout(compact_if_needed(
                        &engine,
                        options,
                        &new_progress,
                        &stopped,
                    ));
                }
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for CompactionWorker {
    /// A build that goes on is given up.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It has no result, and what it panicked about has been said.
            let _ = thread.join();
        }
    }
}

/// Does what there is to do; how long to wait before the next look.
fn compact_if_needed(
    engine: &Engine,
    options: BuildOptions,
    new_progress: &impl Fn() -> Box<dyn BuildProgress>,
    stop: &AtomicBool,
) -> Duration {
    if !engine.needs_compaction() {
        return POLL_INTERVAL;
    }
    let start = Instant::now();
    let progress = CancellableProgress {
        progress: new_progress(),
        stop,
    };
    // Threads are made for one graph and gone with it: there are hours between two.
    let built = low_priority_pool::build_pool("graph")
        .map(|pool| pool.install(|| engine.compact(options, &progress)));
    match built {
        Ok(Ok(_)) => {
            let seconds = start.elapsed().as_secs_f64();
            tracing::info!("the graph has been built anew in {seconds:.1} s");
            POLL_INTERVAL
        }
        Ok(Err(EngineError::Index(IndexError::Cancelled))) => POLL_INTERVAL,
        Ok(Err(error)) => {
            tracing::error!(
                "the graph cannot be built anew, passages outside of it are compared one by one: {error}"
            );
            RETRY_DELAY
        }
        Err(error) => {
            tracing::error!("there are no threads to build the graph: {error}");
            RETRY_DELAY
        }
    }
}

struct CancellableProgress<'a> {
    progress: Box<dyn BuildProgress>,
    stop: &'a AtomicBool,
}

impl BuildProgress for CancellableProgress<'_> {
    fn update(&self, done: usize, all: usize) {
        self.progress.update(done, all);
    }

    fn is_cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.progress.is_cancelled()
    }
}
