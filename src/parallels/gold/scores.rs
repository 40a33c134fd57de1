//! How good an order is: of the answers to one question, and of all pairs.
//!
//! Equal numbers have no order of their own. What depends on it counts as it would on average over all
//! orders, so a signal that says the same of everything is no better than chance.

use serde::Serialize;

/// Where the right answer stands among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Wrong answers that come before it.
    pub(super) ahead: usize,
    /// Wrong answers that are as good.
    pub(super) equal: usize,
}

impl Place {
    /// The place of a number among those of the wrong answers.
    pub(super) fn among(right: f32, wrong: impl Iterator<Item = f32>) -> Self {
        let mut place = Self { ahead: 0, equal: 0 };
        for number in wrong {
            match number.total_cmp(&right) {
                std::cmp::Ordering::Greater => place.ahead += 1,
                std::cmp::Ordering::Equal => place.equal += 1,
                std::cmp::Ordering::Less => {}
            }
        }
        place
    }

    /// How often it comes first.
    fn first(self) -> f64 {
        if self.ahead == 0 {
            1.0 / count(self.equal + 1)
        } else {
            0.0
        }
    }

    /// One over its rank.
    fn reciprocal(self) -> f64 {
        let ranks = self.ahead + 1..=self.ahead + self.equal + 1;
        ranks.map(|rank| 1.0 / count(rank)).sum::<f64>() / count(self.equal + 1)
    }
}

/// How well right answers are found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Retrieval {
    /// Share of questions whose right answer comes first.
    pub recall_at_1: f64,
    /// Mean of one over the rank of the right answer.
    pub mean_reciprocal_rank: f64,
}

impl Retrieval {
    /// `None` where nothing was asked.
    pub(super) fn of(places: &[Place]) -> Option<Self> {
        let mean = |of: fn(Place) -> f64| {
            places.iter().map(|place| of(*place)).sum::<f64>() / count(places.len())
        };
        (!places.is_empty()).then(|| Self {
            recall_at_1: mean(Place::first),
            mean_reciprocal_rank: mean(Place::reciprocal),
        })
    }
}

/// How well a number parts the pairs that say the same from the others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Separation {
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

impl Separation {
    /// Of numbers, and whether each pair says the same. `None` unless there are pairs of both kinds.
    pub(super) fn of(mut pairs: Vec<(f32, bool)>) -> Option<Self> {
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
            let behind = count(others - wrong - new_wrong) + count(new_wrong) / 2.0;
            (right, wrong) = (right + new, wrong + new_wrong);
            let precision = count(right) / count(right + wrong);
            let recall = count(right) / count(all);
            scores.average_precision += precision * count(new) / count(all);
            scores.roc_auc += count(new) * behind / count(all) / count(others);
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

pub(super) fn count(number: usize) -> f64 {
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
    fn ranks_are_those_of_an_average_order() {
        let first = Place::among(0.9, [0.1, 0.2].into_iter());
        let third = Place::among(0.5, [0.9, 0.6, 0.1].into_iter());
        let tied = Place::among(0.5, [0.5, 0.1].into_iter());
        let scores = Retrieval::of(&[first, third, tied]).unwrap();
        // 1, 0 and one half; 1, one third, and the mean of 1 and one half.
        assert!(close(scores.recall_at_1, 1.5 / 3.0));
        let expected = (1.0 + 1.0 / 3.0 + 0.75) / 3.0;
        assert!(close(scores.mean_reciprocal_rank, expected));
        let nothing = Place::among(0.0, [0.0; 3].into_iter());
        let chance = Retrieval::of(&[nothing]).unwrap();
        assert!(close(chance.recall_at_1, 0.25));
        assert!(Retrieval::of(&[]).is_none());
    }

    #[test]
    fn separation_by_hand() {
        let pairs = vec![(0.9, true), (0.8, false), (0.7, true), (0.6, false)];
        let scores = Separation::of(pairs).unwrap();
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
    fn equal_numbers_are_chance() {
        let same = vec![(0.5, true), (0.5, false), (0.5, false), (0.5, false)];
        let scores = Separation::of(same).unwrap();
        assert!(close(scores.average_precision, 0.25));
        assert!(close(scores.roc_auc, 0.5));
        assert!(close(scores.recall_at_precision_95, 0.0));
        // Half in order, half equal.
        let half = vec![(0.9, true), (0.5, true), (0.5, false)];
        let scores = Separation::of(half).unwrap();
        assert!(close(scores.roc_auc, 0.75));
        assert!(close(
            scores.average_precision,
            f64::midpoint(1.0, 2.0 / 3.0)
        ));
        assert!(Separation::of(vec![(0.5, true)]).is_none());
        assert!(Separation::of(vec![(0.5, false)]).is_none());
    }
}
