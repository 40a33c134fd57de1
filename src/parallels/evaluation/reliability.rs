//! Reliability: whether pairs of confidence `p` are positive with frequency `p`.

use serde::Serialize;

/// Number of bins of a reliability diagram.
const BINS: u8 = 10;

/// How well confidence is calibrated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reliability {
    /// Mean distance of a bin's confidence from its share of positive pairs, weighted by the bins'
    /// contents.
    pub expected_calibration_error: f64,
    /// Mean squared difference of confidence and label.
    pub brier_score: f64,
    /// By ascending confidence, without empty bins.
    pub bins: Vec<Bin>,
}

/// Pairs of about the same confidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bin {
    /// Lower bound of the confidence.
    pub from: f64,
    /// Upper bound of the confidence, exclusive.
    pub to: f64,
    /// Number of pairs.
    pub pairs: usize,
    /// Mean confidence.
    pub confidence: f64,
    /// Share of positive pairs.
    pub right: f64,
}

/// A labelled pair with its confidence and weight.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScoredPair {
    pub(super) confidence: f32,
    pub(super) is_positive: bool,
    pub(super) weight: f64,
}

impl Reliability {
    /// Returns `None` without pairs.
    pub(super) fn from_pairs(pairs: impl Iterator<Item = ScoredPair>) -> Option<Self> {
        let mut bins = vec![BinSums::default(); usize::from(BINS)];
        let (mut square, mut weight) = (0.0, 0.0);
        for pair in pairs {
            let confidence = f64::from(pair.confidence);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // in (0, 1)
            let index = (confidence * f64::from(BINS)) as usize;
            let label = f64::from(u8::from(pair.is_positive));
            square += pair.weight * (confidence - label).powi(2);
            weight += pair.weight;
            let last = bins.len() - 1;
            if let Some(bin) = bins.get_mut(index.min(last)) {
                bin.pairs += 1;
                bin.weight += pair.weight;
                bin.confidence += pair.weight * confidence;
                bin.positive += pair.weight * label;
            }
        }
        if weight <= 0.0 {
            return None;
        }
        let difference = |bin: &BinSums| (bin.confidence - bin.positive).abs();
        Some(Self {
            expected_calibration_error: bins.iter().map(difference).sum::<f64>() / weight,
            brier_score: square / weight,
            bins: (0..BINS)
                .zip(&bins)
                .filter(|(_, bin)| bin.pairs > 0)
                .map(|(index, bin)| Bin {
                    from: f64::from(index) / f64::from(BINS),
                    to: f64::from(index + 1) / f64::from(BINS),
                    pairs: bin.pairs,
                    confidence: bin.confidence / bin.weight,
                    right: bin.positive / bin.weight,
                })
                .collect(),
        })
    }
}

#[derive(Debug, Clone, Default)]
struct BinSums {
    pairs: usize,
    weight: f64,
    confidence: f64,
    positive: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reliability(pairs: &[(f32, bool, f64)]) -> Reliability {
        let pairs = pairs
            .iter()
            .map(|(confidence, is_positive, weight)| ScoredPair {
                confidence: *confidence,
                is_positive: *is_positive,
                weight: *weight,
            });
        Reliability::from_pairs(pairs).unwrap()
    }

    #[test]
    fn errors_by_hand() {
        let found = reliability(&[
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
        let found = reliability(&[(0.5, false, 3.0), (0.5, true, 1.0)]);
        assert!((found.expected_calibration_error - 0.25).abs() < 1e-7);
        assert!((found.bins[0].right - 0.25).abs() < 1e-7);
    }
}
