//! Rate limits of keys.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A token bucket: each request takes a token, and tokens are added at a constant rate. Its capacity is the
/// number of tokens per second, at least one, which is the size of the largest burst.
#[derive(Debug)]
pub(super) struct TokenBucket {
    per_second: f64,
    state: Mutex<BucketState>,
}

#[derive(Debug)]
struct BucketState {
    tokens: f64,
    updated: Instant,
}

impl TokenBucket {
    pub(super) fn new(per_second: f64) -> Self {
        Self {
            per_second,
            state: Mutex::new(BucketState {
                tokens: per_second.max(1.0),
                updated: Instant::now(),
            }),
        }
    }

    pub(super) fn has_rate(&self, per_second: f64) -> bool {
        self.per_second.to_bits() == per_second.to_bits()
    }

    /// Returns the rate in requests per second.
    pub(super) fn per_second(&self) -> f64 {
        self.per_second
    }

    /// Takes a token, or returns the time until one is available.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = now.saturating_duration_since(state.updated).as_secs_f64();
        state.tokens = elapsed
            .mul_add(self.per_second, state.tokens)
            .min(self.per_second.max(1.0));
        state.updated = state.updated.max(now);
        if state.tokens >= 1.0 {
            state.tokens -= 1.0;
            return Ok(());
        }
        let wait = (1.0 - state.tokens) / self.per_second;
        Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX))
    }

    /// Takes tokens that may be missing: the next request waits until they were added.
    pub(super) fn charge(&self, tokens: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // A batch has at most a hundred searches, which f64 represents exactly.
        state.tokens -= u32::try_from(tokens).map_or(f64::MAX, f64::from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_contains_is_charged_to_the_next() {
        let bucket = TokenBucket::new(10.0);
        let start = Instant::now();
        bucket.take(start).unwrap();
        bucket.charge(99);
        // 100 requests take ten seconds; the bucket was full with the requests of one.
        let wait = bucket.take(start).unwrap_err();
        assert!((9.05..=9.15).contains(&wait.as_secs_f64()), "{wait:?}");
        assert!(bucket.take(start + Duration::from_secs(9)).is_err());
        assert!(bucket.take(start + Duration::from_millis(9150)).is_ok());
    }

    #[test]
    fn a_burst_passes_and_the_next_waits_for_its_token() {
        let bucket = TokenBucket::new(4.0);
        let start = Instant::now();
        for _ in 0..4 {
            assert!(bucket.take(start).is_ok());
        }
        let wait = bucket.take(start).unwrap_err();
        assert!(wait <= Duration::from_millis(250), "{wait:?}");
        assert!(bucket.take(start + Duration::from_millis(260)).is_ok());
        assert!(bucket.take(start + Duration::from_millis(260)).is_err());
        // After any pause there is at most one second's worth of tokens.
        let later = start + Duration::from_hours(1);
        assert_eq!((0..10).filter(|_| bucket.take(later).is_ok()).count(), 4);
    }

    #[test]
    fn slow_rates_and_clocks_that_do_not_advance_are_handled() {
        let bucket = TokenBucket::new(0.1);
        let start = Instant::now();
        assert!(bucket.take(start).is_ok());
        let wait = bucket.take(start).unwrap_err();
        assert!(wait > Duration::from_secs(9) && wait <= Duration::from_secs(10));
        assert!(bucket.take(start).is_err());
        assert!(bucket.take(start + Duration::from_secs(11)).is_ok());
        // A time before the last update neither adds nor removes tokens.
        assert!(bucket.take(start).is_err());
    }
}
