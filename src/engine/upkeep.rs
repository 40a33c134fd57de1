//! Who builds graphs while the service runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::index::{BuildOptions, BuildProgress, IndexError};

use super::{Engine, EngineError, background};

/// How often it looks whether there is something to do.
const EVERY: Duration = Duration::from_millis(500);

/// How long it leaves a graph alone that could not be built.
const AFTER_FAILURE: Duration = Duration::from_mins(1);

/// A thread that folds what has come and gone into the graph, as long as this is held. Searches go
/// first: the work is done by threads that give way to them.
pub struct Upkeep {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Upkeep {
    /// Begins; `watch` gives somebody to watch each graph being built.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub fn start(
        engine: Arc<Engine>,
        options: BuildOptions,
        watch: impl Fn() -> Box<dyn BuildProgress> + Send + 'static,
    ) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("upkeep".to_owned())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    thread::park_timeout(look(&engine, options, &watch, &stopped));
                }
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Upkeep {
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
fn look(
    engine: &Engine,
    options: BuildOptions,
    watch: &impl Fn() -> Box<dyn BuildProgress>,
    stop: &AtomicBool,
) -> Duration {
    if !engine.wants_compaction() {
        return EVERY;
    }
    let start = Instant::now();
    let watched = Stoppable {
        watch: watch(),
        stop,
    };
    // Threads are made for one graph and gone with it: there are hours between two.
    let built =
        background::pool("graph").map(|pool| pool.install(|| engine.compact(options, &watched)));
    match built {
        Ok(Ok(_)) => {
            let seconds = start.elapsed().as_secs_f64();
            tracing::info!("the graph has been built anew in {seconds:.1} s");
            EVERY
        }
        Ok(Err(EngineError::Index(IndexError::Cancelled))) => EVERY,
        Ok(Err(error)) => {
            tracing::error!(
                "the graph cannot be built anew, passages outside of it are compared one by one: {error}"
            );
            AFTER_FAILURE
        }
        Err(error) => {
            tracing::error!("there are no threads to build the graph: {error}");
            AFTER_FAILURE
        }
    }
}

struct Stoppable<'a> {
    watch: Box<dyn BuildProgress>,
    stop: &'a AtomicBool,
}

impl BuildProgress for Stoppable<'_> {
    fn update(&self, done: usize, all: usize) {
        self.watch.update(done, all);
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.watch.cancelled()
    }
}
