//! Ranking metrics: of the candidates of one query, and of all pairs.
//!
//! Ties count as their average over all orders, so a constant signal is no better than chance.

use serde::Serialize;

/// The rank of the counterpart among all candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rank {
    /// Number of negatives with a higher score.
    pub(super) ahead: usize,
    /// Number of negatives with an equal score.
    pub(super) tied: usize,
}

impl Rank {
    /// Returns the rank of the counterpart's score among those of the negatives.
    pub(super) fn from_scores(counterpart: f32, negatives: impl Iterator<Item = f32>) -> Self {
        let mut rank = Self { ahead: 0, tied: 0 };
        for score in negatives {
            match score.total_cmp(&counterpart) {
                std::cmp::Ordering::Greater => rank.ahead += 1,
                std::cmp::Ordering::Equal => rank.tied += 1,
                std::cmp::Ordering::Less => {}
            }
        }
        rank
    }

    /// Returns how often it is first, on average over ties.
    fn recall_at_1(self) -> f64 {
        if self.ahead == 0 {
            1.0 / to_f64(self.tied + 1)
        } else {
            0.0
        }
    }

    /// Returns the reciprocal rank, on average over ties.
    fn reciprocal_rank(self) -> f64 {
        let ranks = self.ahead + 1..=self.ahead + self.tied + 1;
        ranks.map(|rank| 1.0 / to_f64(rank)).sum::<f64>() / to_f64(self.tied + 1)
    }
}

/// How well counterparts are retrieved.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RetrievalMetrics {
    /// Share of queries whose counterpart is first.
    pub recall_at_1: f64,
    /// Mean reciprocal rank of the counterparts.
    pub mean_reciprocal_rank: f64,
}

impl RetrievalMetrics {
    /// Returns `None` without queries.
    pub(super) fn from_ranks(ranks: &[Rank]) -> Option<Self> {
        let mean = |metric: fn(Rank) -> f64| {
            ranks.iter().map(|rank| metric(*rank)).sum::<f64>() / to_f64(ranks.len())
        };
        (!ranks.is_empty()).then(|| Self {
            recall_at_1: mean(Rank::recall_at_1),
            mean_reciprocal_rank: mean(Rank::reciprocal_rank),
        })
    }
}

/// How well a score separates positive from negative pairs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SeparationMetrics {
    /// Mean precision at the positive pairs.
    pub average_precision: f64,
    /// Probability that a random positive pair has a higher score than a random negative one.
    pub roc_auc: f64,
    /// Best precision at a recall of at least 90 %.
    pub precision_at_recall_90: f64,
    /// Recall at a precision of at least 95 %; 0 if that is never reached.
    pub recall_at_precision_95: f64,
}

impl SeparationMetrics {
    /// Computes the metrics of scores and labels. Returns `None` unless there are pairs of both classes.
    pub(super) fn from_scores(mut pairs: Vec<(f32, bool)>) -> Option<Self> {
        let positives = pairs.iter().filter(|(_, is_positive)| *is_positive).count();
        let negatives = pairs.len() - positives;
        if positives == 0 || negatives == 0 {
            return None;
        }
        pairs.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let mut scores = Self {
            average_precision: 0.0,
            roc_auc: 0.0,
            precision_at_recall_90: 0.0,
            recall_at_precision_95: 0.0,
        };
        let (mut true_positives, mut false_positives) = (0, 0);
        // Equal scores are retrieved together.
        for step in pairs.chunk_by(|(a, _), (b, _)| a.total_cmp(b).is_eq()) {
            let new = step.iter().filter(|(_, is_positive)| *is_positive).count();
            let new_false = step.len() - new;
            let below = to_f64(negatives - false_positives - new_false) + to_f64(new_false) / 2.0;
            true_positives += new;
            false_positives += new_false;
            let precision = to_f64(true_positives) / to_f64(true_positives + false_positives);
            let recall = to_f64(true_positives) / to_f64(positives);
            scores.average_precision += precision * to_f64(new) / to_f64(positives);
            scores.roc_auc += to_f64(new) * below / to_f64(positives) / to_f64(negatives);
            if true_positives * 10 >= positives * 9 {
                scores.precision_at_recall_90 = scores.precision_at_recall_90.max(precision);
            }
            if true_positives * 100 >= (true_positives + false_positives) * 95 {
                scores.recall_at_precision_95 = recall;
            }
        }
        Some(scores)
    }
}

pub(super) fn to_f64(number: usize) -> f64 {
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let number = number as f64;
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn ties_count_as_their_average_rank() {
        let first = Rank::from_scores(0.9, [0.1, 0.2].into_iter());
        let third = Rank::from_scores(0.5, [0.9, 0.6, 0.1].into_iter());
        let tied = Rank::from_scores(0.5, [0.5, 0.1].into_iter());
        let scores = RetrievalMetrics::from_ranks(&[first, third, tied]).unwrap();
        // 1, 0 and one half; 1, one third, and the mean of 1 and one half.
        assert!(close(scores.recall_at_1, 1.5 / 3.0));
        let expected = (1.0 + 1.0 / 3.0 + 0.75) / 3.0;
        assert!(close(scores.mean_reciprocal_rank, expected));
        let nothing = Rank::from_scores(0.0, [0.0; 3].into_iter());
        let chance = RetrievalMetrics::from_ranks(&[nothing]).unwrap();
        assert!(close(chance.recall_at_1, 0.25));
        assert!(RetrievalMetrics::from_ranks(&[]).is_none());
    }

    #[test]
    fn separation_by_hand() {
        let pairs = vec![(0.9, true), (0.8, false), (0.7, true), (0.6, false)];
        let scores = SeparationMetrics::from_scores(pairs).unwrap();
        // Precision 1/1 at the first, 2/3 at the second; 3 of 4 couples are in order.
        assert!(close(
            scores.average_precision,
            f64::midpoint(1.0, 2.0 / 3.0)
        ));
        assert!(close(scores.roc_auc, 0.75));
        assert!(close(scores.precision_at_recall_90, 2.0 / 3.0));
        assert!(close(scores.recall_at_precision_95, 0.5));
    }

    #[test]
    fn tied_scores_are_chance_level() {
        let same = vec![(0.5, true), (0.5, false), (0.5, false), (0.5, false)];
        let scores = SeparationMetrics::from_scores(same).unwrap();
        assert!(close(scores.average_precision, 0.25));
        assert!(close(scores.roc_auc, 0.5));
        assert!(close(scores.recall_at_precision_95, 0.0));
        // Half in order, half equal.
        let half = vec![(0.9, true), (0.5, true), (0.5, false)];
        let scores = SeparationMetrics::from_scores(half).unwrap();
        assert!(close(scores.roc_auc, 0.75));
        assert!(close(
            scores.average_precision,
            f64::midpoint(1.0, 2.0 / 3.0)
        ));
        assert!(SeparationMetrics::from_scores(vec![(0.5, true)]).is_none());
        assert!(SeparationMetrics::from_scores(vec![(0.5, false)]).is_none());
    }
}
