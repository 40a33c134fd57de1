//! The reason why a request is not admitted.

use std::fmt;
use std::time::Duration;

/// A queue that is full or too slow. It is cheap to create and compare: under overload most requests are
/// rejected with one, and consecutive ones are mostly equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFull {
    waiting: usize,
    /// The expected wait of one more request, in tenths of a second.
    expected_wait_tenths: u128,
    retry_after_seconds: u32,
    limit: &'static str,
}

impl QueueFull {
    pub(super) fn new(waiting: usize, expected_wait: Duration, limit: &'static str) -> Self {
        Self {
            waiting,
            expected_wait_tenths: (expected_wait.as_millis() + 50) / 100,
            retry_after_seconds: retry_after_seconds(expected_wait),
            limit,
        }
    }

    /// Returns the limit that was reached, as the metrics label it.
    #[must_use]
    pub fn which_limit(&self) -> &'static str {
        self.limit
    }

    /// Returns the seconds after which the client may retry.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u32 {
        self.retry_after_seconds
    }
}

impl fmt::Display for QueueFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            waiting,
            expected_wait_tenths: tenths,
            ..
        } = self;
        write!(
            f,
            "{waiting} requests are queued; the expected wait is {}.{} seconds; try again later",
            tenths / 10,
            tenths % 10
        )
    }
}

/// Rounds an expected wait up to whole seconds, at least one, for the header `Retry-After`.
pub(in crate::archive) fn retry_after_seconds(expected_wait: Duration) -> u32 {
    let seconds = expected_wait.as_millis().div_ceil(1000);
    u32::try_from(seconds).unwrap_or(u32::MAX).max(1)
}
