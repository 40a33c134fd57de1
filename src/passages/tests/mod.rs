//! Tests of the module, by topic.
//!
//! - `invariants`: properties of any text, tested with random texts
//! - `layouts`: rejoining lines, page breaks, hyphenation
//! - `hyphens`: hyphens at line ends
//! - `gathering`: lists, salutations, short lines, splitting of long paragraphs
//! - `dropping`: boilerplate, and speech that resembles it
//! - `pages`: page furniture, footnotes, contents, time codes
//! - `sentences`: sentence boundaries
//! - `samples`: excerpts of the two bundled speeches
//! - `shared_cases`: kinds of fault in texts that are not part of the repository (ignored)
//! - `speed`: adversarial texts that must not take quadratic time

#![allow(clippy::unwrap_used)]

mod dropping;
mod gathering;
mod hyphens;
mod invariants;
mod layouts;
mod pages;
mod samples;
mod sentences;
mod shared_cases;
mod speed;

use super::*;

/// Counts one token per four characters of a word, and two special tokens.
pub(super) struct FourCharCounter {
    pub max: usize,
}

impl TokenCounter for FourCharCounter {
    fn count_tokens(&self, text: &str) -> usize {
        let words = text.split_whitespace();
        2 + words.map(|w| w.chars().count().div_ceil(4)).sum::<usize>()
    }

    fn max_tokens(&self) -> usize {
        self.max
    }
}

const COUNTER: FourCharCounter = FourCharCounter { max: 256 };

fn cut(text: &str) -> SegmentedText {
    segment(text, &COUNTER, &SegmentOptions::default())
}

fn texts(text: &str) -> Vec<String> {
    cut(text).passages.into_iter().map(|p| p.text).collect()
}

fn reasons(text: &str) -> Vec<(DropReason, usize, usize, String)> {
    let dropped = cut(text).dropped.into_iter();
    dropped
        .map(|d| (d.reason, d.line, d.lines, d.first_words))
        .collect()
}

fn slice(text: &str, range: TextRange) -> String {
    let chars = text.chars().skip(range.start);
    chars.take(range.end - range.start).collect()
}

/// A paragraph of `sentences` sentences, each of about ten tokens.
fn paragraph(topic: &str, sentences: usize) -> String {
    let one = |n| format!("The {topic} of nations calls for measure number {n}.");
    (1..=sentences).map(one).collect::<Vec<_>>().join(" ")
}
