//! A queue in which no more may wait.

use std::time::Duration;

use crate::server::problem::Problem;

/// Why a request is turned away. It is cheap to make and to compare: when there are too many
/// requests, most of them meet it, and mostly the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) struct QueueFull {
    waiting: usize,
    /// How long one more would wait, in tenths of a second.
    expected_wait_tenths: u128,
    retry_after_seconds: u32,
    limit: &'static str,
}

impl QueueFull {
    /// So many wait already, and one more would wait so long.
    pub(super) fn new(before: usize, expected: Duration, bound: &'static str) -> Self {
        Self {
            waiting: before,
            expected_wait_tenths: (expected.as_millis() + 50) / 100,
            retry_after_seconds: retry_after_seconds(expected),
            limit: bound,
        }
    }

    /// The bound that is reached, for the metrics.
    pub(in crate::server) fn which_limit(&self) -> &'static str {
        self.limit
    }

    /// Seconds after which to try again.
    pub(in crate::server) fn retry_after_seconds(&self) -> u32 {
        self.retry_after_seconds
    }

    /// What the client is told.
    pub(in crate::server) fn problem(&self) -> Problem {
        let Self {
            waiting: before,
            expected_wait_tenths: tenths,
            ..
        } = self;
        let detail = format!(
            "{before} requests are waiting already, one more would wait {}.{} seconds; try again later",
            tenths / 10,
            tenths % 10
        );
        let problem = Problem::overloaded(detail).retry_after(self.retry_after_seconds);
        problem.shed(self.limit)
    }
}

/// Seconds until those who wait now will have had their turn.
pub(in crate::server) fn retry_after_seconds(expected: Duration) -> u32 {
    let seconds = expected.as_millis().div_ceil(1000);
    u32::try_from(seconds).unwrap_or(u32::MAX).max(1)
}
