//! Tests of the room, by what they are about.
//!
//! - `invariants`: what must hold for any text, by random texts
//! - `layouts`: lines rejoined, parted, mended
//! - `gathering`: lists, salutations, short lines, and paragraphs that are too long
//! - `dropping`: what is not speech, and what only looks like it
//! - `sentences`: boundaries inside a line
//! - `samples`: excerpts of the two speeches that ship with the product
//! - `speed`: texts made to be slow

#![allow(clippy::unwrap_used)]

mod dropping;
mod gathering;
mod invariants;
mod layouts;
mod samples;
mod sentences;
mod speed;

use super::*;

/// Counts a token for every four letters of a word, and two for the ends.
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
