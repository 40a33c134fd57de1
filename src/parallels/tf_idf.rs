//! The words of passages, weighed by how much they tell.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use crate::passages::WordToken;
use crate::store::{StoreError, View};

/// A passage's words as a unit vector: each counts `(1 + ln n)` times what it tells where it stands `n`
/// times. Words are known by a hash of 64 bits.
#[derive(Debug, Clone, PartialEq)]
pub struct TfIdfVector {
    term_hashes: Box<[u64]>,
    weights: Box<[f32]>,
}

impl TfIdfVector {
    /// Words by their hashes and what each tells; equals stand for several occurrences of a word.
    pub(super) fn from_weighted_terms(words: impl Iterator<Item = (u64, f32)>) -> Self {
        let mut words: Vec<(u64, f32)> = words.collect();
        words.sort_unstable_by_key(|(hash, _)| *hash);
        let mut counted: Vec<(u64, f32, f32)> = Vec::with_capacity(words.len());
        for (hash, weight) in words {
            match counted.last_mut().filter(|(last, ..)| *last == hash) {
                Some((.., count)) => *count += 1.0,
                None => counted.push((hash, weight, 1.0)),
            }
        }
        let weigh = |(_, weight, count): &(u64, f32, f32)| (1.0 + count.ln()) * weight;
        let square = |word| weigh(word).powi(2);
        let length = counted.iter().map(square).sum::<f32>().sqrt();
        let length = if length > 0.0 { length } else { 1.0 };
        Self {
            term_hashes: counted.iter().map(|(hash, ..)| *hash).collect(),
            weights: counted.iter().map(|word| weigh(word) / length).collect(),
        }
    }

    /// Whether a word is among them, by its hash.
    pub(super) fn contains(&self, word: u64) -> bool {
        self.term_hashes.binary_search(&word).is_ok()
    }

    /// How many of the words that tell are in both, in [0, 1]: the cosine of the two vectors.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
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

/// FNV-1a, 64 bits: the same on every machine.
pub(super) fn term_hash(word: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    word.bytes().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What a word tells that stands in `holding` of `all` passages: BM25's
/// `ln(1 + (all - holding + 0.5) / (holding + 0.5))`.
pub(super) fn idf(document_frequency: usize, passage_count: usize) -> f32 {
    #[allow(clippy::cast_precision_loss)] // a ratio
    let (holding, all) = (
        document_frequency.min(passage_count) as f32,
        passage_count as f32,
    );
    ((all - holding + 0.5) / (holding + 0.5)).ln_1p()
}

/// How much each word of a corpus tells.
pub(super) struct IdfTable {
    passage_count: usize,
    /// Passages that hold a word; read when it is first asked for.
    document_frequencies: RwLock<HashMap<u64, usize>>,
}

impl IdfTable {
    pub(super) fn new(passages: usize) -> Self {
        Self {
            passage_count: passages,
            document_frequencies: RwLock::default(),
        }
    }

    /// A lexicon of a few texts that are in no store.
    pub(super) fn from_texts<'a>(texts: impl Iterator<Item = &'a [WordToken]>) -> Self {
        let (mut passages, mut holding) = (0, HashMap::new());
        for words in texts {
            passages += 1;
            let hashes: HashSet<u64> = words.iter().map(|word| term_hash(&word.text)).collect();
            for hash in hashes {
                *holding.entry(hash).or_default() += 1;
            }
        }
        Self {
            passage_count: passages,
            document_frequencies: RwLock::new(holding),
        }
    }

    /// Reads all words at once, for whoever will need most of them.
    pub(super) fn load_all(&self, view: &View) -> Result<(), StoreError> {
        let mut all = HashMap::new();
        view.for_each_term(|word, holding| {
            all.insert(term_hash(word), holding);
        })?;
        let mut holding = self
            .document_frequencies
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        holding.extend(all);
        Ok(())
    }

    /// Reads what is not known yet of these words.
    pub(super) fn load_missing(&self, view: &View, words: &[WordToken]) -> Result<(), StoreError> {
        let missing: HashSet<&str> = {
            let holding = self
                .document_frequencies
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            let words = words.iter().map(|word| word.text.as_str());
            words
                .filter(|word| !holding.contains_key(&term_hash(word)))
                .collect()
        };
        if !missing.is_empty() {
            let missing: Vec<&str> = missing.into_iter().collect();
            let found = view.document_frequencies(&missing)?;
            let mut holding = self
                .document_frequencies
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            holding.extend(missing.iter().map(|word| term_hash(word)).zip(found));
        }
        Ok(())
    }

    /// What each of these words tells, from 0, for one that every passage holds, to about 1: BM25's
    /// weight of it over that of a word that no passage holds.
    pub(super) fn term_weights(&self, words: &[WordToken]) -> Vec<(u64, f32)> {
        let holding = self
            .document_frequencies
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let max_idf = idf(0, self.passage_count);
        let weight = |word: &WordToken| {
            let hash = term_hash(&word.text);
            let holding = holding.get(&hash).copied().unwrap_or(0);
            (hash, idf(holding, self.passage_count) / max_idf)
        };
        words.iter().map(weight).collect()
    }

    /// Whether so few passages hold a word that it tells something by itself.
    pub(super) fn is_informative(&self, word: u64) -> bool {
        let holding = self
            .document_frequencies
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let holding = holding.get(&word).copied().unwrap_or(0);
        holding <= (self.passage_count / COMMON_TERM_DIVISOR).max(MIN_COMMON_TERM_PASSAGES)
    }
}

/// A word in more than one passage of so many tells little by itself.
const COMMON_TERM_DIVISOR: usize = 8;

/// In a corpus of a few passages it takes so many that hold a word to make it common.
const MIN_COMMON_TERM_PASSAGES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passages;

    fn profile(text: &str) -> TfIdfVector {
        let words = passages::tokenize_words(text).into_iter();
        TfIdfVector::from_weighted_terms(words.map(|word| {
            let tells = if word.text == "the" { 0.05 } else { 1.0 };
            (term_hash(&word.text), tells)
        }))
    }

    #[test]
    fn tf_idf_cosine_weights_informative_terms() {
        let own = profile("The sea rises, the islands sink.");
        assert!((own.cosine(&own) - 1.0).abs() < 1e-6);
        let other = profile("Islands sink where the SEA rises");
        assert!(own.cosine(&other) > 0.8);
        assert!((own.cosine(&other) - other.cosine(&own)).abs() < 1e-7);
        let apart = profile("The treaty was signed by the parties.");
        assert!(own.cosine(&apart) < 0.05);
        assert!(own.cosine(&profile("")).abs() < 1e-9);
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
        let lexicon = IdfTable::from_texts(texts.iter().map(Vec::as_slice));
        let weights = lexicon.term_weights(&passages::tokenize_words("the sea unheard"));
        assert!(weights[0].1 < weights[1].1 && weights[1].1 < weights[2].1);
        assert!((weights[2].1 - 1.0).abs() < 1e-6);
    }
}
