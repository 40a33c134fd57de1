//! The stage times of the last searches, without their queries.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::wire::TimingMs;

/// Number of searches that are kept.
const CAPACITY: usize = 40;

/// The stage times of the last searches, by URL or body.
#[derive(Default)]
pub(super) struct RecentTimings(Mutex<VecDeque<TimingMs>>);

impl RecentTimings {
    /// Adds the times of a search, in place of the oldest ones.
    pub(super) fn record(&self, timing: TimingMs) {
        let mut timings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        timings.truncate(CAPACITY - 1);
        timings.push_front(timing);
    }

    /// Returns the times, latest first.
    pub(super) fn latest(&self) -> Vec<TimingMs> {
        let timings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        timings.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::search::StageTimes;

    #[test]
    fn the_latest_searches_are_kept() {
        let recent = RecentTimings::default();
        for milliseconds in 1..=100 {
            let queue = Duration::from_millis(milliseconds);
            recent.record(TimingMs::new(
                queue,
                StageTimes::default(),
                Duration::ZERO,
                Instant::now(),
            ));
        }
        let latest = recent.latest();
        assert_eq!(latest.len(), CAPACITY);
        let queue = |timing: &TimingMs| timing.stages()[0];
        assert_eq!(latest.first().map(queue), Some(("queue", 100.0)));
        assert_eq!(latest.last().map(queue), Some(("queue", 61.0)));
    }
}
