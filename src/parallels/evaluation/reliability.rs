//! Whether what is said to be sure is right.

use serde::Serialize;

/// Bins of a reliability diagram.
const BINS: u8 = 10;

/// How far confidence can be relied upon.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reliability {
    /// Mean distance of a bin's confidence to what is right in it, bins weighing as much as they hold.
    pub expected_calibration_error: f64,
    /// Mean square of the distance of a pair's confidence to the truth.
    pub brier_score: f64,
    /// From the least sure to the surest; those that hold nothing are left out.
    pub bins: Vec<Bin>,
}

/// Pairs of about the same confidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bin {
    /// The least confidence.
    pub from: f64,
    /// The first confidence of the next bin.
    pub to: f64,
    /// Pairs.
    pub pairs: usize,
    /// Mean confidence.
    pub confidence: f64,
    /// Share of the pairs that say the same.
    pub right: f64,
}

/// A pair that was judged: how sure we were, whether it says the same, what it weighs.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScoredPair {
    pub(super) confidence: f32,
    pub(super) is_positive: bool,
    pub(super) weight: f64,
}

impl Reliability {
    /// `None` where there are no pairs.
    pub(super) fn from_pairs(pairs: impl Iterator<Item = ScoredPair>) -> Option<Self> {
        let mut bins = vec![BinSums::default(); usize::from(BINS)];
        let (mut square, mut weight) = (0.0, 0.0);
        for pair in pairs {
            let confidence = f64::from(pair.confidence);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // in (0, 1)
            let place = (confidence * f64::from(BINS)) as usize;
            let right = f64::from(u8::from(pair.is_positive));
            square += pair.weight * (confidence - right).powi(2);
            weight += pair.weight;
            let last = bins.len() - 1;
            if let Some(bin) = bins.get_mut(place.min(last)) {
                bin.pairs += 1;
                bin.weight += pair.weight;
                bin.confidence += pair.weight * confidence;
                bin.right += pair.weight * right;
            }
        }
        if weight <= 0.0 {
            return None;
        }
        let apart = |bin: &BinSums| (bin.confidence - bin.right).abs();
        Some(Self {
            expected_calibration_error: bins.iter().map(apart).sum::<f64>() / weight,
            brier_score: square / weight,
            bins: (0..BINS)
                .zip(&bins)
                .filter(|(_, bin)| bin.pairs > 0)
                .map(|(place, bin)| Bin {
                    from: f64::from(place) / f64::from(BINS),
                    to: f64::from(place + 1) / f64::from(BINS),
                    pairs: bin.pairs,
                    confidence: bin.confidence / bin.weight,
                    right: bin.right / bin.weight,
                })
                .collect(),
        })
    }
}

/// What falls into a bin.
#[derive(Debug, Clone, Default)]
struct BinSums {
    pairs: usize,
    weight: f64,
    confidence: f64,
    right: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(pairs: &[(f32, bool, f64)]) -> Reliability {
        let pairs = pairs.iter().map(|(confidence, same, weight)| ScoredPair {
            confidence: *confidence,
            is_positive: *same,
            weight: *weight,
        });
        Reliability::from_pairs(pairs).unwrap()
    }

    #[test]
    fn errors_by_hand() {
        let found = judged(&[
            (0.25, false, 1.0),
            (0.25, true, 1.0),
            (0.75, true, 1.0),
            (1.0, true, 1.0),
        ]);
        // |.25 - .5| over two pairs, |.75 - 1| and 0 over one each.
        assert!((found.expected_calibration_error - 0.75 / 4.0).abs() < 1e-7);
        let square = (0.0625 + 0.5625 + 0.0625) / 4.0;
        assert!((found.brier_score - square).abs() < 1e-7);
        let pairs: Vec<_> = found.bins.iter().map(|bin| bin.pairs).collect();
        assert_eq!(pairs, [2, 1, 1]);
        assert!((found.bins[0].right - 0.5).abs() < 1e-9);
        assert!((found.bins[2].to - 1.0).abs() < 1e-9);
        assert!(Reliability::from_pairs(std::iter::empty()).is_none());
    }

    #[test]
    fn a_pair_counts_what_it_weighs() {
        let found = judged(&[(0.5, false, 3.0), (0.5, true, 1.0)]);
        assert!((found.expected_calibration_error - 0.25).abs() < 1e-7);
        assert!((found.bins[0].right - 0.25).abs() < 1e-7);
    }
}
