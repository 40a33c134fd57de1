//! Estimates the recall of graph searches in production.
//!
//! One in `sample_every` graph searches is repeated as an exact scan, unless requests are waiting for a
//! worker. One thread of the lowest priority does this and pauses after each for several times as long as
//! it took. A sampled search is skipped while the thread is busy or pausing.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use crate::engine::{self, Snapshot};
use crate::index::SegmentedIndex;
use crate::search::ApproximateResult;

/// The thread pauses this many times as long as it worked, and so uses at most a tenth of a core.
const IDLE_FACTOR: u32 = 9;

/// Samples graph searches and counts their true nearest neighbours.
pub(super) struct RecallMonitor {
    /// One search in this many is sampled; none if 0.
    sample_every: u64,
    seen: AtomicU64,
    tasks: OnceLock<Option<SyncSender<RecallTask>>>,
    counters: Arc<RecallCounters>,
}

struct RecallTask {
    result: ApproximateResult,
    index: SegmentedIndex,
}

#[derive(Debug, Default)]
struct RecallCounters {
    sampled: AtomicU64,
    skipped: AtomicU64,
    expected: AtomicU64,
    hits: AtomicU64,
}

/// The counters at one point in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecallCounts {
    /// Searches that were repeated exactly.
    pub sampled: u64,
    /// Searches that were selected but not repeated, as the thread or the workers were busy.
    pub skipped: u64,
    /// True nearest neighbours of the sampled searches.
    pub expected: u64,
    /// Those of them that the graph search had returned.
    pub hits: u64,
}

impl RecallMonitor {
    /// Creates a monitor that samples one search in `sample_every`; its thread starts on first use.
    pub(super) fn new(sample_every: u64) -> Self {
        Self {
            sample_every,
            seen: AtomicU64::new(0),
            tasks: OnceLock::new(),
            counters: Arc::default(),
        }
    }

    /// Counts a graph search and queues it for the exact scan if it is selected and the service is `idle`.
    pub(super) fn maybe_sample(&self, snapshot: &Snapshot, result: ApproximateResult, idle: bool) {
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        if self.sample_every == 0 || !seen.is_multiple_of(self.sample_every) {
            return;
        }
        let tasks = self.tasks.get_or_init(|| self.start());
        // Not the snapshot: its read transaction would keep the WAL from being truncated.
        let task = || RecallTask {
            result,
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
        // Capacity 1: a search may arrive before the thread waits in `recv`.
        let (sender, tasks) = sync_channel(1);
        let counters = Arc::clone(&self.counters);
        let started =
            engine::spawn_low_priority_thread("recall", move || recall_loop(&tasks, &counters));
        started
            .inspect_err(|error| tracing::warn!("cannot start the recall monitor: {error}"))
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

/// Repeats searches until the monitor is dropped.
fn recall_loop(tasks: &Receiver<RecallTask>, counters: &RecallCounters) {
    while let Ok(RecallTask { result, index }) = tasks.recv() {
        let start = Instant::now();
        match result.recall(&index) {
            Ok(recall) => {
                let add = |counter: &AtomicU64, count: usize| {
                    counter.fetch_add(count as u64, Ordering::Relaxed);
                };
                add(&counters.expected, recall.expected);
                add(&counters.hits, recall.hits);
                add(&counters.sampled, 1);
            }
            Err(error) => tracing::warn!("exact re-run of a sampled search failed: {error}"),
        }
        drop((result, index));
        thread::sleep(start.elapsed() * IDLE_FACTOR);
    }
}
