//! Searches by graph, repeated exactly now and then, so that it is known how much they find.
//!
//! One of so many is repeated, when nobody waits for a core, by one thread of the lowest priority,
//! which rests after each for several times as long as it took. If it is still at work, the next
//! one is left out.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use crate::engine::{self, Snapshot};
use crate::index::SegmentedIndex;
use crate::search::Approximate;

/// How many times as long as it worked the thread rests: it takes a tenth of a core at most.
const REST: u32 = 9;

/// Has searches repeated.
pub(super) struct Recheck {
    /// One of so many; none of 0.
    every: u64,
    seen: AtomicU64,
    tasks: OnceLock<Option<SyncSender<Task>>>,
    counters: Arc<Counters>,
}

struct Task {
    answer: Approximate,
    index: SegmentedIndex,
}

#[derive(Debug, Default)]
struct Counters {
    repeated: AtomicU64,
    left_out: AtomicU64,
    nearest: AtomicU64,
    found: AtomicU64,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RecheckCounts {
    /// Searches that were repeated.
    pub(super) repeated: u64,
    /// Searches whose turn it was, but there was no time for them.
    pub(super) left_out: u64,
    /// Passages that were nearest to what was looked for.
    pub(super) nearest: u64,
    /// Those of them that had been found.
    pub(super) found: u64,
}

impl Recheck {
    /// Repeats one of so many searches.
    pub(super) fn new(every: u64) -> Self {
        Self {
            every,
            seen: AtomicU64::new(0),
            tasks: OnceLock::new(),
            counters: Arc::default(),
        }
    }

    /// Takes note of an answer; has it repeated if it is its turn and there is time.
    pub(super) fn consider(&self, snapshot: &Snapshot, answer: Approximate, quiet: bool) {
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        if self.every == 0 || !seen.is_multiple_of(self.every) {
            return;
        }
        let tasks = self.tasks.get_or_init(|| self.start());
        // Not the snapshot: one that is held keeps the store's log from shrinking.
        let task = || Task {
            answer,
            index: snapshot.index().clone(),
        };
        let taken = quiet
            && tasks
                .as_ref()
                .is_some_and(|tasks| tasks.try_send(task()).is_ok());
        if !taken {
            self.counters.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn start(&self) -> Option<SyncSender<Task>> {
        // A place for one that comes while nobody is at work yet.
        let (sender, tasks) = sync_channel(1);
        let counters = Arc::clone(&self.counters);
        let started = engine::background_thread("recall", move || work_off(&tasks, &counters));
        started
            .inspect_err(|error| tracing::warn!("no thread to measure the recall: {error}"))
            .ok()?;
        Some(sender)
    }

    pub(super) fn counts(&self) -> RecheckCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RecheckCounts {
            repeated: read(&self.counters.repeated),
            left_out: read(&self.counters.left_out),
            nearest: read(&self.counters.nearest),
            found: read(&self.counters.found),
        }
    }
}

/// Until nobody can send any more.
fn work_off(tasks: &Receiver<Task>, counters: &Counters) {
    while let Ok(Task { answer, index }) = tasks.recv() {
        let start = Instant::now();
        match answer.recall(&index) {
            Ok(recall) => {
                let add = |counter: &AtomicU64, number: usize| {
                    counter.fetch_add(number as u64, Ordering::Relaxed);
                };
                add(&counters.nearest, recall.nearest);
                add(&counters.found, recall.found);
                add(&counters.repeated, 1);
            }
            Err(error) => tracing::warn!("a search could not be repeated: {error}"),
        }
        drop((answer, index));
        thread::sleep(start.elapsed() * REST);
    }
}
