//! BM25, the baseline that every other signal must beat.

use std::collections::{HashMap, HashSet};

use super::super::tf_idf::idf;
use super::scores::to_f64;

/// Saturation of the term frequency.
const K1: f64 = 1.2;

/// Strength of the length normalization.
const B: f64 = 0.75;

/// An inverted index of a few texts.
pub(super) struct Bm25Baseline {
    /// For each term the texts that contain it, with its weight in each.
    postings: HashMap<u64, Vec<(usize, f32)>>,
    text_count: usize,
}

impl Bm25Baseline {
    /// Indexes texts, given as the hashes of their words.
    pub(super) fn from_texts(texts: &[&[u64]]) -> Self {
        let words: usize = texts.iter().map(|words| words.len()).sum();
        let mean = to_f64(words.max(1)) / to_f64(texts.len().max(1));
        let mut postings: HashMap<u64, Vec<(usize, f32)>> = HashMap::new();
        for (text, words) in texts.iter().enumerate() {
            let mut frequencies: HashMap<u64, usize> = HashMap::new();
            for word in *words {
                *frequencies.entry(*word).or_default() += 1;
            }
            let length = 1.0 - B + B * to_f64(words.len()) / mean;
            for (word, frequency) in frequencies {
                let weight = to_f64(frequency) * (K1 + 1.0) / (to_f64(frequency) + K1 * length);
                #[allow(clippy::cast_possible_truncation)] // at most 2.2
                let weight = weight as f32;
                postings.entry(word).or_default().push((text, weight));
            }
        }
        for list in postings.values_mut() {
            let idf = idf(list.len(), texts.len());
            for (_, weight) in list {
                *weight *= idf;
            }
        }
        Self {
            postings,
            text_count: texts.len(),
        }
    }

    /// Returns the score of every text for the distinct terms of a query.
    pub(super) fn scores(&self, words: &[u64]) -> Vec<f32> {
        let mut scores = vec![0.0; self.text_count];
        let mut seen = HashSet::new();
        // In the order of the words, on which a sum of floats depends.
        for word in words.iter().filter(|word| seen.insert(**word)) {
            for (text, weight) in self.postings.get(word).into_iter().flatten() {
                if let Some(score) = scores.get_mut(*text) {
                    *score += weight;
                }
            }
        }
        scores
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_by_hand() {
        let bm25 = Bm25Baseline::from_texts(&[&[1, 1, 2], &[2]]);
        let found = bm25.scores(&[1, 2, 2, 9]);
        // Mean length 2. Word 1: ln(1 + 1.5 / 1.5); word 2: ln(1 + 0.5 / 2.5).
        let (rare, common) = (2.0_f64.ln(), 1.2_f64.ln());
        let long = 0.25 + 0.75 * 1.5;
        let short = 0.25 + 0.75 * 0.5;
        let first = rare * 2.0 * 2.2 / (2.0 + 1.2 * long) + common * 2.2 / (1.0 + 1.2 * long);
        let second = common * 2.2 / (1.0 + 1.2 * short);
        assert!((f64::from(found[0]) - first).abs() < 1e-6, "{found:?}");
        assert!((f64::from(found[1]) - second).abs() < 1e-6, "{found:?}");
        assert!(Bm25Baseline::from_texts(&[]).scores(&[1]).is_empty());
    }
}
