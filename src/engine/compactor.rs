//! Background compaction of the index.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::index::{BuildOptions, BuildProgress, IndexError};

use super::{Engine, EngineError, low_priority_pool};

/// Interval between two checks.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Delay after a failed compaction.
const RETRY_DELAY: Duration = Duration::from_mins(1);

/// A thread that compacts the index whenever it needs it, until this is dropped. Graphs are built on
/// low-priority threads, so that searches keep the CPU.
pub struct CompactionWorker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl CompactionWorker {
    /// Starts the thread; `new_progress` makes an observer for each build.
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
        let stop_flag = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("compactor".to_owned())
            .spawn(move || {
                while !stop_flag.load(Ordering::Relaxed) {
                    thread::park_timeout(compact_if_needed(
                        &engine,
                        options,
                        &new_progress,
                        &stop_flag,
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
    /// Cancels a build in progress.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It has no result, and the panic hook has already reported a panic.
            let _ = thread.join();
        }
    }
}

/// Compacts the index if it needs it; returns the delay until the next check.
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
    // The threads live for one build only: hours pass between two.
    let built = low_priority_pool::build_pool("graph build")
        .map(|pool| pool.install(|| engine.compact(options, &progress)));
    match built {
        Ok(Ok(_)) => {
            let seconds = start.elapsed().as_secs_f64();
            tracing::info!("compacted the index in {seconds:.1} s");
            POLL_INTERVAL
        }
        Ok(Err(EngineError::Index(IndexError::Cancelled))) => POLL_INTERVAL,
        Ok(Err(error)) => {
            tracing::error!(
                "index compaction failed; falling back to scanning unindexed passages: {error}"
            );
            RETRY_DELAY
        }
        Err(error) => {
            tracing::error!("cannot start graph build threads: {error}");
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
