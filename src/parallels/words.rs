//! The words of passages, weighed by how much they tell.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use crate::passages::Word;
use crate::store::{StoreError, View};

/// A passage's words as a unit vector: each counts `(1 + ln n)` times what it tells where it stands `n`
/// times. Words are known by a hash of 64 bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    hashes: Box<[u64]>,
    weights: Box<[f32]>,
}

impl Profile {
    /// Words by their hashes and what each tells; equals stand for several occurrences of a word.
    pub(super) fn of(words: impl Iterator<Item = (u64, f32)>) -> Self {
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
            hashes: counted.iter().map(|(hash, ..)| *hash).collect(),
            weights: counted.iter().map(|word| weigh(word) / length).collect(),
        }
    }

    /// Whether a word is among them, by its hash.
    pub(super) fn holds(&self, word: u64) -> bool {
        self.hashes.binary_search(&word).is_ok()
    }

    /// How many of the words that tell are in both, in [0, 1]: the cosine of the two vectors.
    #[must_use]
    pub fn common(&self, other: &Self) -> f32 {
        let (mut a, mut b, mut sum) = (0, 0, 0.0);
        while let (Some(x), Some(y)) = (self.hashes.get(a), other.hashes.get(b)) {
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
pub(super) fn hash(word: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    word.bytes().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What a word tells that stands in `holding` of `all` passages: BM25's
/// `ln(1 + (all - holding + 0.5) / (holding + 0.5))`.
pub(super) fn idf(holding: usize, all: usize) -> f32 {
    #[allow(clippy::cast_precision_loss)] // a ratio
    let (holding, all) = (holding.min(all) as f32, all as f32);
    ((all - holding + 0.5) / (holding + 0.5)).ln_1p()
}

/// How much each word of a corpus tells.
pub(super) struct Lexicon {
    passages: usize,
    /// Passages that hold a word; read when it is first asked for.
    holding: RwLock<HashMap<u64, usize>>,
}

impl Lexicon {
    pub(super) fn new(passages: usize) -> Self {
        Self {
            passages,
            holding: RwLock::default(),
        }
    }

    /// A lexicon of a few texts that are in no store.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a [Word]>) -> Self {
        let (mut passages, mut holding) = (0, HashMap::new());
        for words in texts {
            passages += 1;
            let hashes: HashSet<u64> = words.iter().map(|word| hash(&word.text)).collect();
            for hash in hashes {
                *holding.entry(hash).or_default() += 1;
            }
        }
        Self {
            passages,
            holding: RwLock::new(holding),
        }
    }

    /// Reads all words at once, for whoever will need most of them.
    pub(super) fn read_all(&self, view: &View) -> Result<(), StoreError> {
        let mut all = HashMap::new();
        view.for_each_word(|word, holding| {
            all.insert(hash(word), holding);
        })?;
        let mut holding = self.holding.write().unwrap_or_else(PoisonError::into_inner);
        holding.extend(all);
        Ok(())
    }

    /// Reads what is not known yet of these words.
    pub(super) fn read(&self, view: &View, words: &[Word]) -> Result<(), StoreError> {
        let missing: HashSet<&str> = {
            let holding = self.holding.read().unwrap_or_else(PoisonError::into_inner);
            let words = words.iter().map(|word| word.text.as_str());
            words
                .filter(|word| !holding.contains_key(&hash(word)))
                .collect()
        };
        if !missing.is_empty() {
            let missing: Vec<&str> = missing.into_iter().collect();
            let found = view.frequencies(&missing)?;
            let mut holding = self.holding.write().unwrap_or_else(PoisonError::into_inner);
            holding.extend(missing.iter().map(|word| hash(word)).zip(found));
        }
        Ok(())
    }

    /// What each of these words tells, from 0, for one that every passage holds, to about 1: BM25's
    /// weight of it over that of a word that no passage holds.
    pub(super) fn weights(&self, words: &[Word]) -> Vec<(u64, f32)> {
        let holding = self.holding.read().unwrap_or_else(PoisonError::into_inner);
        let most = idf(0, self.passages);
        let weight = |word: &Word| {
            let hash = hash(&word.text);
            let holding = holding.get(&hash).copied().unwrap_or(0);
            (hash, idf(holding, self.passages) / most)
        };
        words.iter().map(weight).collect()
    }

    /// Whether so few passages hold a word that it tells something by itself.
    pub(super) fn tells(&self, word: u64) -> bool {
        let holding = self.holding.read().unwrap_or_else(PoisonError::into_inner);
        let holding = holding.get(&word).copied().unwrap_or(0);
        holding <= (self.passages / COMMON).max(FEW)
    }
}

/// A word in more than one passage of so many tells little by itself.
const COMMON: usize = 8;

/// In a corpus of a few passages it takes so many that hold a word to make it common.
const FEW: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passages;

    fn profile(text: &str) -> Profile {
        let words = passages::words(text).into_iter();
        Profile::of(words.map(|word| {
            let tells = if word.text == "the" { 0.05 } else { 1.0 };
            (hash(&word.text), tells)
        }))
    }

    #[test]
    fn what_is_common_is_a_cosine_of_telling_words() {
        let own = profile("The sea rises, the islands sink.");
        assert!((own.common(&own) - 1.0).abs() < 1e-6);
        let other = profile("Islands sink where the SEA rises");
        assert!(own.common(&other) > 0.8);
        assert!((own.common(&other) - other.common(&own)).abs() < 1e-7);
        let apart = profile("The treaty was signed by the parties.");
        assert!(own.common(&apart) < 0.05);
        assert!(own.common(&profile("")).abs() < 1e-9);
    }

    #[test]
    fn rare_words_tell_more() {
        assert!(idf(1, 1000) > idf(10, 1000) && idf(10, 1000) > idf(999, 1000));
        assert!(idf(1000, 1000) >= 0.0 && idf(0, 0) > 0.0);
        let texts = ["the sea", "the land", "the sea and the land", "a b"];
        let texts: Vec<Vec<Word>> = texts.iter().map(|text| passages::words(text)).collect();
        let lexicon = Lexicon::of(texts.iter().map(Vec::as_slice));
        let weights = lexicon.weights(&passages::words("the sea unheard"));
        assert!(weights[0].1 < weights[1].1 && weights[1].1 < weights[2].1);
        assert!((weights[2].1 - 1.0).abs() < 1e-6);
    }
}
