//! A key's share of the service.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A bucket of tokens: one is taken by each request, and they flow in at a steady rate. It holds
/// one second's worth, at least one, so a burst of that size passes.
#[derive(Debug)]
pub(super) struct TokenBucket {
    per_second: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    counted: Instant,
}

impl TokenBucket {
    pub(super) fn new(per_second: f64) -> Self {
        Self {
            per_second,
            state: Mutex::new(State {
                tokens: per_second.max(1.0),
                counted: Instant::now(),
            }),
        }
    }

    pub(super) fn has_rate(&self, per_second: f64) -> bool {
        self.per_second.to_bits() == per_second.to_bits()
    }

    /// The rate in requests a second.
    pub(super) fn per_second(&self) -> f64 {
        self.per_second
    }

    /// Takes a token, or says when there will be one.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = now.saturating_duration_since(state.counted).as_secs_f64();
        state.tokens = elapsed
            .mul_add(self.per_second, state.tokens)
            .min(self.per_second.max(1.0));
        state.counted = state.counted.max(now);
        if state.tokens >= 1.0 {
            state.tokens -= 1.0;
            return Ok(());
        }
        let wait = (1.0 - state.tokens) / self.per_second;
        Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        // However long it rests, it holds no more than a second's worth.
        let later = start + Duration::from_hours(1);
        assert_eq!((0..10).filter(|_| bucket.take(later).is_ok()).count(), 4);
    }

    #[test]
    fn slow_rates_and_clocks_that_stand_still_are_no_trouble() {
        let bucket = TokenBucket::new(0.1);
        let start = Instant::now();
        assert!(bucket.take(start).is_ok());
        let wait = bucket.take(start).unwrap_err();
        assert!(wait > Duration::from_secs(9) && wait <= Duration::from_secs(10));
        assert!(bucket.take(start).is_err());
        assert!(bucket.take(start + Duration::from_secs(11)).is_ok());
        // A time before the last one gives no tokens and takes none.
        assert!(bucket.take(start).is_err());
    }
}
