//! Metrics of one ranking, as `trec_eval` defines them.

use serde::{Deserialize, Serialize};

use super::Grades;

/// How much a hit of a grade is worth to nDCG. Without grades above 1 both are the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gain {
    /// 2 to the power of the grade, minus 1 (Burges et al. 2005).
    #[default]
    Exponential,
    /// The grade, as `trec_eval` and BEIR have it.
    Linear,
}

impl Gain {
    fn of(self, grade: u32) -> f64 {
        match self {
            Self::Exponential => f64::from(grade).exp2() - 1.0,
            Self::Linear => f64::from(grade),
        }
    }
}

/// Returns the normalized discounted cumulative gain of the first `depth` ranks (Järvelin & Kekäläinen
/// 2002), in [0, 1]. The gain of a hit is divided by the logarithm to the base 2 of its rank plus 1;
/// unjudged hits have none. 0 if nothing is relevant.
pub(super) fn ndcg(ranked: &[String], grades: &Grades, gain: Gain, depth: usize) -> f64 {
    let found = ranked
        .iter()
        .map(|id| grades.get(id).copied().unwrap_or_default());
    let mut ideal: Vec<u32> = grades.values().copied().collect();
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    let best = discounted_gain(ideal.into_iter().take(depth), gain);
    if best > 0.0 {
        discounted_gain(found.take(depth), gain) / best
    } else {
        0.0
    }
}

fn discounted_gain(grades: impl Iterator<Item = u32>, gain: Gain) -> f64 {
    (2_u32..)
        .zip(grades)
        .map(|(rank_plus_1, grade)| gain.of(grade) / f64::from(rank_plus_1).log2())
        .sum()
}

/// Returns the share of the relevant ones that are among the first `depth` ranks.
pub(super) fn recall(ranked: &[String], grades: &Grades, min_grade: u32, depth: usize) -> f64 {
    let is_relevant = |grade: &u32| *grade >= min_grade;
    let relevant = grades.values().filter(|grade| is_relevant(grade)).count();
    let found = ranked
        .iter()
        .take(depth)
        .filter(|id| grades.get(*id).is_some_and(is_relevant))
        .count();
    share(found, relevant)
}

/// Returns the reciprocal of the first relevant rank; 0 if there is none.
pub(super) fn reciprocal_rank(ranked: &[String], grades: &Grades, min_grade: u32) -> f64 {
    let is_relevant = |id: &String| grades.get(id).is_some_and(|grade| *grade >= min_grade);
    ranked
        .iter()
        .position(is_relevant)
        .map_or(0.0, |index| share(1, index + 1))
}

/// Returns the share of the first `depth` ranks that are judged; 1 if there are no hits.
pub(super) fn judged_share(ranked: &[String], grades: &Grades, depth: usize) -> f64 {
    let hits = ranked.len().min(depth);
    let judged = ranked.iter().take(depth);
    let judged = judged.filter(|id| grades.contains_key(*id)).count();
    if hits == 0 { 1.0 } else { share(judged, hits) }
}

#[allow(clippy::cast_precision_loss)] // counts of hits
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    fn grades(grades: &[(&str, u32)]) -> Grades {
        let pairs = grades.iter().map(|(id, grade)| ((*id).to_owned(), *grade));
        pairs.collect()
    }

    #[test]
    fn metrics_by_hand() {
        let grades = grades(&[("a", 3), ("b", 1), ("c", 0), ("d", 2)]);
        let ranked = ids(&["x", "b", "c", "a"]);
        // 1 / log2(3) + 3 / log2(5) of 3 + 2 / log2(3) + 1 / log2(4).
        let gained = 1.0 / 3.0_f64.log2() + 3.0 / 5.0_f64.log2();
        let ideal = 3.0 + 2.0 / 3.0_f64.log2() + 0.5;
        let linear = |depth| ndcg(&ranked, &grades, Gain::Linear, depth);
        assert!((linear(10) - gained / ideal).abs() < 1e-12);
        let first_two = (1.0 / 3.0_f64.log2()) / (3.0 + 2.0 / 3.0_f64.log2());
        assert!((linear(2) - first_two).abs() < 1e-12);
        // Gains of 7, 3 and 1 instead of 3, 2 and 1.
        let gained = 1.0 / 3.0_f64.log2() + 7.0 / 5.0_f64.log2();
        let ideal = 7.0 + 3.0 / 3.0_f64.log2() + 0.5;
        let exponential = ndcg(&ranked, &grades, Gain::Exponential, 10);
        assert!((exponential - gained / ideal).abs() < 1e-12);
        assert!((recall(&ranked, &grades, 1, 100) - 2.0 / 3.0).abs() < 1e-12);
        assert!((recall(&ranked, &grades, 2, 100) - 0.5).abs() < 1e-12);
        assert!(recall(&ranked, &grades, 2, 3).abs() < 1e-12);
        assert!((reciprocal_rank(&ranked, &grades, 1) - 0.5).abs() < 1e-12);
        assert!((reciprocal_rank(&ranked, &grades, 2) - 0.25).abs() < 1e-12);
        assert!((judged_share(&ranked, &grades, 10) - 0.75).abs() < 1e-12);
    }

    #[test]
    fn the_ideal_ranking_scores_one_and_an_empty_one_zero() {
        let grades = grades(&[("a", 3), ("b", 1), ("c", 0)]);
        let ideal = ids(&["a", "b"]);
        assert!((ndcg(&ideal, &grades, Gain::Linear, 10) - 1.0).abs() < 1e-12);
        assert!((reciprocal_rank(&ideal, &grades, 1) - 1.0).abs() < 1e-12);
        assert!(ndcg(&[], &grades, Gain::Linear, 10).abs() < 1e-12);
        assert!(reciprocal_rank(&[], &grades, 1).abs() < 1e-12);
        assert!((judged_share(&[], &grades, 10) - 1.0).abs() < 1e-12);
        assert!(ndcg(&ideal, &Grades::new(), Gain::Linear, 10).abs() < 1e-12);
    }
}
