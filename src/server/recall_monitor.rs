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
use crate::search::ApproximateResult;

/// How many times as long as it worked the thread rests: it takes a tenth of a core at most.
const IDLE_FACTOR: u32 = 9;

/// Has searches repeated.
pub(super) struct RecallMonitor {
    /// One of so many; none of 0.
    sample_every: u64,
    seen: AtomicU64,
    tasks: OnceLock<Option<SyncSender<RecallTask>>>,
    counters: Arc<RecallCounters>,
}

struct RecallTask {
    answer: ApproximateResult,
    index: SegmentedIndex,
}

#[derive(Debug, Default)]
struct RecallCounters {
    sampled: AtomicU64,
    skipped: AtomicU64,
    expected: AtomicU64,
    hits: AtomicU64,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RecallCounts {
    /// Searches that were repeated.
    pub(super) sampled: u64,
    /// Searches whose turn it was, but there was no time for them.
    pub(super) skipped: u64,
    /// Passages that were nearest to what was looked for.
    pub(super) expected: u64,
    /// Those of them that had been found.
    pub(super) hits: u64,
}

impl RecallMonitor {
    /// Repeats one of so many searches.
    pub(super) fn new(every: u64) -> Self {
        Self {
            sample_every: every,
            seen: AtomicU64::new(0),
            tasks: OnceLock::new(),
            counters: Arc::default(),
        }
    }

    /// Takes note of an answer; has it repeated if it is its turn and there is time.
    pub(super) fn maybe_sample(&self, snapshot: &Snapshot, answer: ApproximateResult, idle: bool) {
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        if self.sample_every == 0 || !seen.is_multiple_of(self.sample_every) {
            return;
        }
        let tasks = self.tasks.get_or_init(|| self.start());
        // Not the snapshot: one that is held keeps the store's log from shrinking.
        let task = || RecallTask {
            answer,
            index: snapshot.index().clone(),
        };
        let queued = idle
            && tasks
                .as_ref()
                .is_some_and(|tasks| tasks.try_send(task()).is_ok());
        if !queued {
            self.counters.skipped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn start(&self) -> Option<SyncSender<RecallTask>> {
        // A place for one that comes while nobody is at work yet.
        let (sender, tasks) = sync_channel(1);
        let counters = Arc::clone(&self.counters);
        let started = engine::background_thread("recall", move || recall_loop(&tasks, &counters));
        started
            .inspect_err(|error| tracing::warn!("no thread to measure the recall: {error}"))
            .ok()?;
        Some(sender)
    }

    pub(super) fn counts(&self) -> RecallCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RecallCounts {
            sampled: read(&self.counters.sampled),
            skipped: read(&self.counters.skipped),
            expected: read(&self.counters.expected),
            hits: read(&self.counters.hits),
        }
    }
}

/// Until nobody can send any more.
fn recall_loop(tasks: &Receiver<RecallTask>, counters: &RecallCounters) {
    while let Ok(RecallTask { answer, index }) = tasks.recv() {
        let start = Instant::now();
        match answer.recall(&index) {
            Ok(recall) => {
                let add = |counter: &AtomicU64, number: usize| {
                    counter.fetch_add(number as u64, Ordering::Relaxed);
                };
                add(&counters.expected, recall.expected);
                add(&counters.hits, recall.hits);
                add(&counters.sampled, 1);
            }
            Err(error) => tracing::warn!("a search could not be repeated: {error}"),
        }
        drop((answer, index));
        thread::sleep(start.elapsed() * IDLE_FACTOR);
    }
}
