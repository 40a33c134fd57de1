//! How good an order is: of the answers to one question, and of all pairs.
//!
//! Equal numbers have no order of their own. What depends on it counts as it would on average over all
//! orders, so a signal that says the same of everything is no better than chance.

use serde::Serialize;

/// Where the right answer stands among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rank {
    /// Wrong answers that come before it.
    pub(super) ahead: usize,
    /// Wrong answers that are as good.
    pub(super) tied: usize,
}

impl Rank {
    /// The place of a number among those of the wrong answers.
    pub(super) fn from_scores(right: f32, wrong: impl Iterator<Item = f32>) -> Self {
        let mut place = Self { ahead: 0, tied: 0 };
        for number in wrong {
            match number.total_cmp(&right) {
                std::cmp::Ordering::Greater => place.ahead += 1,
                std::cmp::Ordering::Equal => place.tied += 1,
                std::cmp::Ordering::Less => {}
            }
        }
        place
    }

    /// How often it comes first.
    fn recall_at_1(self) -> f64 {
        if self.ahead == 0 {
            1.0 / to_f64(self.tied + 1)
        } else {
            0.0
        }
    }

    /// One over its rank.
    fn reciprocal_rank(self) -> f64 {
        let ranks = self.ahead + 1..=self.ahead + self.tied + 1;
        ranks.map(|rank| 1.0 / to_f64(rank)).sum::<f64>() / to_f64(self.tied + 1)
    }
}

/// How well right answers are found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RetrievalMetrics {
    /// Share of questions whose right answer comes first.
    pub recall_at_1: f64,
    /// Mean of one over the rank of the right answer.
    pub mean_reciprocal_rank: f64,
}

impl RetrievalMetrics {
    /// `None` where nothing was asked.
    pub(super) fn from_ranks(places: &[Rank]) -> Option<Self> {
        let mean = |of: fn(Rank) -> f64| {
            places.iter().map(|place| of(*place)).sum::<f64>() / to_f64(places.len())
        };
        (!places.is_empty()).then(|| Self {
            recall_at_1: mean(Rank::recall_at_1),
            mean_reciprocal_rank: mean(Rank::reciprocal_rank),
        })
    }
}

/// How well a number parts the pairs that say the same from the others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SeparationMetrics {
    /// Mean precision at the pairs that say the same.
    pub average_precision: f64,
    /// How often one that says the same has the greater number of the two, if one of each kind is drawn.
    pub roc_auc: f64,
    /// Best precision where nine of ten that say the same are found.
    pub precision_at_recall_90: f64,
    /// Share of those that say the same that is found where 95 of 100 found are right; 0 where it is
    /// never so.
    pub recall_at_precision_95: f64,
}

impl SeparationMetrics {
    /// Of numbers, and whether each pair says the same. `None` unless there are pairs of both kinds.
    pub(super) fn from_scores(mut pairs: Vec<(f32, bool)>) -> Option<Self> {
        let all = pairs.iter().filter(|(_, same)| *same).count();
        let others = pairs.len() - all;
        if all == 0 || others == 0 {
            return None;
        }
        pairs.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let mut scores = Self {
            average_precision: 0.0,
            roc_auc: 0.0,
            precision_at_recall_90: 0.0,
            recall_at_precision_95: 0.0,
        };
        let (mut right, mut wrong) = (0, 0);
        // What is equal is found together.
        for step in pairs.chunk_by(|(a, _), (b, _)| a.total_cmp(b).is_eq()) {
            let new = step.iter().filter(|(_, same)| *same).count();
            let new_wrong = step.len() - new;
            let behind = to_f64(others - wrong - new_wrong) + to_f64(new_wrong) / 2.0;
            (right, wrong) = (right + new, wrong + new_wrong);
            let precision = to_f64(right) / to_f64(right + wrong);
            let recall = to_f64(right) / to_f64(all);
            scores.average_precision += precision * to_f64(new) / to_f64(all);
            scores.roc_auc += to_f64(new) * behind / to_f64(all) / to_f64(others);
            if right * 10 >= all * 9 {
                scores.precision_at_recall_90 = scores.precision_at_recall_90.max(precision);
            }
            if right * 100 >= (right + wrong) * 95 {
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
