//! Confidence intervals by bootstrap: how much a mean depends on which queries were judged.

use serde::{Deserialize, Serialize};

/// Resamples of the queries.
const RESAMPLES: usize = 10_000;

/// Share of the resamples below and above the interval: a confidence level of 95 %.
const TAIL: f64 = 0.025;

/// Makes the intervals the same in every run.
const SEED: u64 = 19;

/// A mean over queries with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Estimate {
    /// Computes the mean and its percentile bootstrap interval (Efron & Tibshirani 1993); zeros without
    /// values.
    pub(super) fn of(values: &[f64]) -> Self {
        if values.is_empty() {
            return Self {
                mean: 0.0,
                low: 0.0,
                high: 0.0,
            };
        }
        let mut random = fastrand::Rng::with_seed(SEED);
        let mut means: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let drawn = (0..values.len()).map(|_| values[random.usize(..values.len())]);
                mean(drawn, values.len())
            })
            .collect();
        means.sort_unstable_by(f64::total_cmp);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss
        )] // a part of the constant
        let tail = (RESAMPLES as f64 * TAIL) as usize;
        Self {
            mean: mean(values.iter().copied(), values.len()),
            low: means[tail],
            high: means[RESAMPLES - 1 - tail],
        }
    }

    /// Whether the interval contains 0: a difference that may be chance.
    #[must_use]
    pub fn may_be_zero(&self) -> bool {
        self.low <= 0.0 && self.high >= 0.0
    }
}

#[allow(clippy::cast_precision_loss)] // a number of queries
fn mean(values: impl Iterator<Item = f64>, count: usize) -> f64 {
    values.sum::<f64>() / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_contains_the_mean_and_shrinks_with_the_number_of_values() {
        let values = |count: u32| -> Vec<f64> { (0..count).map(|i| f64::from(i % 5)).collect() };
        let (few, many) = (Estimate::of(&values(10)), Estimate::of(&values(1000)));
        for estimate in [few, many] {
            assert!((estimate.mean - 2.0).abs() < 1e-12);
            assert!(estimate.low < 2.0 && estimate.high > 2.0);
        }
        // The standard error of 1,000 values with variance 2 is 0.0447.
        assert!((many.high - many.low - 2.0 * 1.96 * 0.0447).abs() < 0.01);
        assert!(few.high - few.low > 5.0 * (many.high - many.low));
        assert_eq!(few, Estimate::of(&values(10)), "the same in every run");
    }

    #[test]
    fn equal_values_have_no_interval() {
        let estimate = Estimate::of(&[0.5; 7]);
        assert!((estimate.low - 0.5).abs() < 1e-12 && (estimate.high - 0.5).abs() < 1e-12);
        assert!(!estimate.may_be_zero());
        assert!(Estimate::of(&[]).may_be_zero());
        assert!(Estimate::of(&[-1.0, 1.0, 0.0]).may_be_zero());
    }
}
