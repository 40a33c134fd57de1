//! Measures whether a client takes its response.

use std::time::{Duration, Instant};

/// The least number of bytes that a client takes per second, on average, once it has made the service wait
/// for the timeout.
const MIN_BYTES_PER_SECOND: u64 = 4096;

/// How a client takes the current response: the time in which the service had more to write and the client
/// did not take it. The time in which the response was computed does not count.
#[derive(Debug, Default)]
pub(super) struct WriteProgress {
    waiting_since: Option<Instant>,
    waited: Duration,
    bytes: u64,
}

impl WriteProgress {
    /// Records that a part of the response was handed to the connection, which has yet to take it.
    pub(super) fn handed_over(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.waiting_since.get_or_insert_with(Instant::now);
    }

    /// Records that the connection asks for more.
    pub(super) fn taken(&mut self) {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
    }

    /// Returns whether the client has taken nothing for `timeout`, or less than the minimum rate.
    pub(super) fn is_too_slow(&self, timeout: Duration) -> bool {
        let Some(since) = self.waiting_since else {
            return false;
        };
        let waiting = since.elapsed();
        let waited = self.waited + waiting;
        let expected = u128::from(MIN_BYTES_PER_SECOND) * waited.as_millis() / 1000;
        waiting > timeout || (waited > timeout && u128::from(self.bytes) < expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    fn progress(waiting: Option<u64>, waited: u64, bytes: u64) -> WriteProgress {
        WriteProgress {
            waiting_since: waiting.map(|seconds| {
                Instant::now()
                    .checked_sub(Duration::from_secs(seconds))
                    .unwrap()
            }),
            waited: Duration::from_secs(waited),
            bytes,
        }
    }

    #[test]
    fn a_client_must_take_the_next_part_in_time_and_all_at_the_minimum_rate() {
        for (waiting, waited, bytes, is_too_slow) in [
            (None, 0, 0, false),
            // The service computes.
            (None, 1000, 1, false),
            (Some(29), 0, 65_536, false),
            (Some(31), 0, 100_000_000, true),
            // 4096 bytes per second of waiting.
            (Some(1), 99, 409_600, false),
            (Some(1), 99, 400_000, true),
            (Some(1), 20, 1, false),
        ] {
            assert_eq!(
                progress(waiting, waited, bytes).is_too_slow(TIMEOUT),
                is_too_slow,
                "{waiting:?} {waited} {bytes}"
            );
        }
        let mut taken = progress(Some(31), 0, 1_000_000);
        taken.taken();
        assert!(!taken.is_too_slow(TIMEOUT) && taken.waited >= TIMEOUT);
        taken.handed_over(10);
        assert!(!taken.is_too_slow(TIMEOUT));
    }
}
