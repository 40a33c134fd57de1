//! The terms of passages, weighted by TF-IDF.

use std::collections::{HashMap, HashSet};
use std::hash::Hasher;
use std::sync::{PoisonError, RwLock};

use fnv::FnvHasher;

use crate::passages::WordToken;
use crate::store::{StoreError, View};

/// The terms of a text as a unit vector: a term that occurs `n` times counts `(1 + ln n)` times its IDF.
/// Terms are identified by a hash of 64 bits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TfIdfVector {
    term_hashes: Box<[u64]>,
    weights: Box<[f32]>,
}

impl TfIdfVector {
    /// Creates a vector from the hashes and IDF weights of all occurrences of terms.
    pub(super) fn from_weighted_terms(words: impl Iterator<Item = (u64, f32)>) -> Self {
        let mut words: Vec<(u64, f32)> = words.collect();
        words.sort_unstable_by_key(|(hash, _)| *hash);
        let mut counts: Vec<(u64, f32, f32)> = Vec::with_capacity(words.len());
        for (hash, weight) in words {
            match counts.last_mut().filter(|(last, ..)| *last == hash) {
                Some((.., count)) => *count += 1.0,
                None => counts.push((hash, weight, 1.0)),
            }
        }
        let weighted = |(_, weight, count): &(u64, f32, f32)| (1.0 + count.ln()) * weight;
        let square = |word| weighted(word).powi(2);
        let length = counts.iter().map(square).sum::<f32>().sqrt();
        let length = if length > 0.0 { length } else { 1.0 };
        Self {
            term_hashes: counts.iter().map(|(hash, ..)| *hash).collect(),
            weights: counts.iter().map(|word| weighted(word) / length).collect(),
        }
    }

    /// Returns whether the text contains a term, given by its hash.
    pub(super) fn contains(&self, word: u64) -> bool {
        self.term_hashes.binary_search(&word).is_ok()
    }

    /// Returns the cosine of two vectors, in [0, 1]: the lexical overlap.
    #[must_use]
    pub(super) fn cosine(&self, other: &Self) -> f32 {
        let (mut a, mut b, mut sum) = (0, 0, 0.0);
        while let (Some(x), Some(y)) = (self.term_hashes.get(a), other.term_hashes.get(b)) {
            match x.cmp(y) {
                std::cmp::Ordering::Less => a += 1,
                std::cmp::Ordering::Greater => b += 1,
                std::cmp::Ordering::Equal => {
                    sum += self.weights[a] * other.weights[b];
                    (a, b) = (a + 1, b + 1);
                }
            }
        }
        sum.clamp(0.0, 1.0)
    }
}

/// Returns the hash of a term (FNV-1a, 64 bits), which is the same on every machine.
pub(super) fn term_hash(word: &str) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(word.as_bytes());
    hasher.finish()
}

/// Returns the inverse document frequency of BM25: `ln(1 + (N - n + 0.5) / (n + 0.5))` for a term that
/// `n` of `N` passages contain.
pub(super) fn idf(document_frequency: usize, passage_count: usize) -> f32 {
    #[allow(clippy::cast_precision_loss)] // a ratio
    let (containing, all) = (
        document_frequency.min(passage_count) as f32,
        passage_count as f32,
    );
    ((all - containing + 0.5) / (containing + 0.5)).ln_1p()
}

/// The document frequencies of the terms of a corpus; documents are passages here.
pub(super) struct IdfTable {
    passage_count: usize,
    /// Number of passages that contain a term; read on first use.
    document_frequencies: RwLock<HashMap<u64, usize>>,
}

impl IdfTable {
    pub(super) fn new(passage_count: usize) -> Self {
        Self {
            passage_count,
            document_frequencies: RwLock::default(),
        }
    }

    /// Creates a table of a few texts that are not in a store.
    pub(super) fn from_texts<'a>(texts: impl Iterator<Item = &'a [WordToken]>) -> Self {
        let (mut passage_count, mut frequencies) = (0, HashMap::new());
        for words in texts {
            passage_count += 1;
            let hashes: HashSet<u64> = words.iter().map(|word| term_hash(&word.text)).collect();
            for hash in hashes {
                *frequencies.entry(hash).or_default() += 1;
            }
        }
        Self {
            passage_count,
            document_frequencies: RwLock::new(frequencies),
        }
    }

    /// Reads the whole vocabulary, for callers that need most of it.
    pub(super) fn load_all(&self, view: &View) -> Result<(), StoreError> {
        let mut all = HashMap::new();
        view.for_each_term(|word, passages| {
            all.insert(term_hash(word), passages);
        })?;
        let mut frequencies = self
            .document_frequencies
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        frequencies.extend(all);
        Ok(())
    }

    /// Reads the document frequencies of those words that are not known yet.
    pub(super) fn load_missing(&self, view: &View, words: &[WordToken]) -> Result<(), StoreError> {
        let missing: HashSet<&str> = {
            let frequencies = self
                .document_frequencies
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            let words = words.iter().map(|word| word.text.as_str());
            words
                .filter(|word| !frequencies.contains_key(&term_hash(word)))
                .collect()
        };
        if !missing.is_empty() {
            let missing: Vec<&str> = missing.into_iter().collect();
            let found = view.document_frequencies(&missing)?;
            let mut frequencies = self
                .document_frequencies
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            frequencies.extend(missing.iter().map(|word| term_hash(word)).zip(found));
        }
        Ok(())
    }

    /// Returns the hash and weight of each word: its IDF relative to that of a term in no passage, from
    /// about 0, if all passages contain it, to 1.
    pub(super) fn term_weights(&self, words: &[WordToken]) -> Vec<(u64, f32)> {
        let frequencies = self
            .document_frequencies
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let max_idf = idf(0, self.passage_count);
        let weight = |word: &WordToken| {
            let hash = term_hash(&word.text);
            let passages = frequencies.get(&hash).copied().unwrap_or(0);
            (hash, idf(passages, self.passage_count) / max_idf)
        };
        words.iter().map(weight).collect()
    }

    /// Returns whether a term is rare enough to be informative by itself.
    pub(super) fn is_informative(&self, word: u64) -> bool {
        let frequencies = self
            .document_frequencies
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let passages = frequencies.get(&word).copied().unwrap_or(0);
        passages <= (self.passage_count / COMMON_TERM_DIVISOR).max(MIN_COMMON_TERM_PASSAGES)
    }
}

/// A term is common if more than one in this many passages contains it.
const COMMON_TERM_DIVISOR: usize = 8;

/// Number of passages that may contain a term before it is common, however small the corpus.
const MIN_COMMON_TERM_PASSAGES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passages;

    fn vector(text: &str) -> TfIdfVector {
        let words = passages::tokenize_words(text).into_iter();
        TfIdfVector::from_weighted_terms(words.map(|word| {
            let weight = if word.text == "the" { 0.05 } else { 1.0 };
            (term_hash(&word.text), weight)
        }))
    }

    #[test]
    fn tf_idf_cosine_weights_informative_terms() {
        let a = vector("The sea rises, the islands sink.");
        assert!((a.cosine(&a) - 1.0).abs() < 1e-6);
        let b = vector("Islands sink where the SEA rises");
        assert!(a.cosine(&b) > 0.8);
        assert!((a.cosine(&b) - b.cosine(&a)).abs() < 1e-7);
        let unrelated = vector("The treaty was signed by the parties.");
        assert!(a.cosine(&unrelated) < 0.05);
        assert!(a.cosine(&vector("")).abs() < 1e-9);
    }

    #[test]
    fn idf_grows_with_rarity() {
        assert!(idf(1, 1000) > idf(10, 1000) && idf(10, 1000) > idf(999, 1000));
        assert!(idf(1000, 1000) >= 0.0 && idf(0, 0) > 0.0);
        let texts = ["the sea", "the land", "the sea and the land", "a b"];
        let texts: Vec<Vec<WordToken>> = texts
            .iter()
            .map(|text| passages::tokenize_words(text))
            .collect();
        let idf_table = IdfTable::from_texts(texts.iter().map(Vec::as_slice));
        let weights = idf_table.term_weights(&passages::tokenize_words("the sea unheard"));
        assert!(weights[0].1 < weights[1].1 && weights[1].1 < weights[2].1);
        assert!((weights[2].1 - 1.0).abs() < 1e-6);
    }
}
