//! Text reuse: how much of its wording a text shares with another one.

use std::collections::HashSet;
use std::fmt;

use crate::passages::{self, TextRange};

use super::tf_idf::{IdfTable, term_hash};

/// The degree of text reuse, by two Dice coefficients: twice the number of shared words over the sum of
/// both lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextReuse {
    /// At least nine tenths of the words are shared in the same order.
    Verbatim,
    /// At least half of the words are shared in the same order, or three fifths in any order.
    Close,
    /// Anything else.
    Paraphrase,
}

/// Thresholds for the words in order (longest common subsequence).
const MIN_VERBATIM_PERCENT: usize = 90;
const MIN_CLOSE_PERCENT: usize = 50;

/// Threshold for the words in any order.
const MIN_CLOSE_UNORDERED_PERCENT: usize = 60;

/// Length of a run of words that counts as shared even if none of them is informative.
const SHARED_NGRAM_WORDS: usize = 3;

impl TextReuse {
    /// Classifies two texts by their words.
    pub(super) fn classify(a: &WordSequence, b: &WordSequence) -> Self {
        let both = a.hashes.len() + b.hashes.len();
        let share = |shared: usize| (200 * shared).checked_div(both).unwrap_or(0);
        let in_order = share(lcs_length(&a.hashes, &b.hashes));
        if in_order >= MIN_VERBATIM_PERCENT {
            Self::Verbatim
        } else if in_order >= MIN_CLOSE_PERCENT
            || share(shared_term_count(&a.hashes, &b.hashes)) >= MIN_CLOSE_UNORDERED_PERCENT
        {
            Self::Close
        } else {
            Self::Paraphrase
        }
    }

    /// Returns its name in files and responses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Verbatim => "verbatim",
            Self::Close => "close",
            Self::Paraphrase => "paraphrase",
        }
    }
}

impl fmt::Display for TextReuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The words of a text, in order.
pub(super) struct WordSequence {
    hashes: Vec<u64>,
    ranges: Vec<TextRange>,
}

impl WordSequence {
    /// Creates the words of a text that begins at this character of its document.
    pub(super) fn from_text(text: &str, start: usize) -> Self {
        let (mut hashes, mut ranges) = (Vec::new(), Vec::new());
        for word in passages::tokenize_words_from(text, start) {
            hashes.push(term_hash(&word.text));
            ranges.push(word.range);
        }
        Self { hashes, ranges }
    }

    /// Returns the words inside a range of the document.
    pub(super) fn within(&self, range: TextRange) -> Self {
        let from = self.ranges.partition_point(|word| word.start < range.start);
        let to = self.ranges.partition_point(|word| word.end <= range.end);
        let to = to.max(from);
        Self {
            hashes: self.hashes[from..to].to_vec(),
            ranges: self.ranges[from..to].to_vec(),
        }
    }

    /// Returns the ranges shared with another text: informative terms, and runs of any words. Adjacent
    /// words are joined to one range.
    pub(super) fn shared_ranges(&self, other: &Self, idf_table: &IdfTable) -> Vec<TextRange> {
        let other_terms: HashSet<u64> = other.hashes.iter().copied().collect();
        let runs: HashSet<&[u64]> = other.hashes.windows(SHARED_NGRAM_WORDS).collect();
        let is_shared_term =
            |word: &u64| other_terms.contains(word) && idf_table.is_informative(*word);
        let mut marked: Vec<bool> = self.hashes.iter().map(is_shared_term).collect();
        for (start, run) in self.hashes.windows(SHARED_NGRAM_WORDS).enumerate() {
            if runs.contains(run) {
                marked[start..start + SHARED_NGRAM_WORDS].fill(true);
            }
        }
        let mut ranges: Vec<TextRange> = Vec::new();
        let mut is_adjacent = false;
        for (range, marked) in self.ranges.iter().zip(marked) {
            match ranges.last_mut().filter(|_| is_adjacent) {
                Some(last) if marked => last.end = range.end,
                _ if marked => ranges.push(*range),
                _ => {}
            }
            is_adjacent = marked;
        }
        ranges
    }
}

/// Returns the length of the longest common subsequence.
fn lcs_length(a: &[u64], b: &[u64]) -> usize {
    let mut row = vec![0_usize; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        for (column, y) in b.iter().enumerate() {
            let above = row[column + 1];
            row[column + 1] = if x == y {
                diagonal + 1
            } else {
                above.max(row[column])
            };
            diagonal = above;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// Returns the size of the multiset intersection.
fn shared_term_count(a: &[u64], b: &[u64]) -> usize {
    let sorted = |words: &[u64]| {
        let mut words = words.to_vec();
        words.sort_unstable();
        words
    };
    let (a, b) = (sorted(a), sorted(b));
    let (mut i, mut j, mut count) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        match x.cmp(y) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => (i, j, count) = (i + 1, j + 1, count + 1),
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classify(a: &str, b: &str) -> TextReuse {
        TextReuse::classify(
            &WordSequence::from_text(a, 0),
            &WordSequence::from_text(b, 0),
        )
    }

    #[test]
    fn text_reuse_ranges_from_verbatim_to_paraphrase() {
        let text = "We uphold the principle of sovereign equality of all States in cyberspace.";
        assert_eq!(classify(text, &text.to_uppercase()), TextReuse::Verbatim);
        let close =
            "We must uphold the principle of the sovereign equality of States, also online.";
        assert_eq!(classify(text, close), TextReuse::Close);
        let reordered =
            "In cyberspace the sovereign equality of all States, we uphold that principle.";
        assert_eq!(classify(text, reordered), TextReuse::Close);
        let other = "No country should interfere with how another governs its networks.";
        assert_eq!(classify(text, other), TextReuse::Paraphrase);
        assert_eq!(classify("", ""), TextReuse::Paraphrase);
        assert_eq!(classify(text, other), classify(other, text));
    }

    #[test]
    fn shared_words_are_marked_in_place() {
        let text = "So – as we say: a win-win outcome, not a zero-sum game.";
        let (a, b) = (
            WordSequence::from_text(text, 100),
            WordSequence::from_text("zero-sum outcome; as we say", 0),
        );
        let shown: Vec<&str> = a
            .shared_ranges(&b, &IdfTable::new(1000))
            .iter()
            .map(|range| range.slice(text, 100))
            .collect();
        assert_eq!(shown, ["as we say", "outcome", "zero-sum"]);
        let inside = a.within(TextRange {
            start: 103,
            end: 115,
        });
        assert_eq!(inside.hashes.len(), 3);
    }
}
