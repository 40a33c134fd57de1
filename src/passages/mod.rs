//! Turns the text of a document, however ragged, into passages.
//!
//! Speeches reach us as web pages saved with their menus, as scans with hard-wrapped lines and page
//! breaks in mid-sentence, as transcripts with one paragraph a line. This room measures how a text
//! is laid out, takes away what is not speech (and says what it took), rejoins what a page had torn
//! apart, and cuts the result into paragraph-sized passages that fit the encoder whole.
//!
//! The way through: `lines` cleans characters, `bullets` knows list markers, `furniture` finds
//! what is not speech, `layout` measures, `blocks` rejoins lines into paragraphs (with
//! `hyphens` for torn words), `group` gathers paragraphs into units, `split` cuts units that
//! are too long, `sentences` finds the sentences inside, and
//! `words` the words as they are compared. The room knows nothing of files,
//! models or stores; it asks a [`TokenCounter`] how long a text is and otherwise works on text alone.

mod block_kind;
mod blocks;
mod bullets;
mod furniture;
mod group;
mod hyphenation;
mod layout;
mod line_ends;
mod lines;
mod navigation;
mod sentences;
mod split;
mod tokenize;

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use sentences::sentences;
pub use tokenize::{WordToken, tokenize_words, tokenize_words_from};

/// Changes whenever the same text would come out cut differently, so that an engine can tell that
/// passages in its store are stale.
pub const SEGMENTER_VERSION: u32 = 1;

/// A half-open range, counted in characters (Unicode scalar values) of a document's clean text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextRange {
    /// The first character inside.
    pub start: usize,
    /// The first character after.
    pub end: usize,
}

impl TextRange {
    /// The part of `text` that this range names, where `text` itself begins at character
    /// `text_start` of the same document. Empty where the two do not overlap.
    #[must_use]
    pub fn slice<'a>(&self, text: &'a str, text_start: usize) -> &'a str {
        let byte_at = |position: usize| {
            text.char_indices()
                .nth(position.saturating_sub(text_start))
                .map_or(text.len(), |(byte, _)| byte)
        };
        text.get(byte_at(self.start)..byte_at(self.end))
            .unwrap_or("")
    }
}

/// A paragraph, or a paragraph-sized run of one: the unit that is embedded and found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Its place in the document, counted from 1.
    pub ordinal: u32,
    /// Its text, exactly as it stands in the clean text.
    pub text: String,
    /// Where it stands in the clean text.
    pub range: TextRange,
    /// How many tokens the encoder sees, special tokens included.
    pub tokens: usize,
    /// Its sentences, in the coordinates of `range`: in order, apart, without bullet markers.
    pub sentences: Vec<TextRange>,
}

impl Passage {
    /// The text of a range that lies inside this passage, such as one of its sentences.
    #[must_use]
    pub fn slice(&self, range: TextRange) -> &str {
        range.slice(&self.text, self.range.start)
    }
}

/// A run of source lines that were not taken for speech.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedLines {
    /// What they were taken for.
    pub reason: DropReason,
    /// The number of the first of them in the source text, counted from 1.
    pub line: usize,
    /// How many lines with text on them were dropped.
    pub lines: usize,
    /// How many characters they held, after cleaning.
    pub chars: usize,
    /// How they begin, for the report.
    pub first_words: String,
}

/// Why lines were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// Menus and breadcrumbs around a web page.
    Navigation,
    /// Copyright notices and sharing links at the end of a web page.
    Footer,
    /// Page numbers, document symbols and running heads.
    PageFurniture,
    /// Lines of asterisks, dashes and the like.
    Separator,
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Navigation => "navigation",
            Self::Footer => "web page footer",
            Self::PageFurniture => "page number or running head",
            Self::Separator => "separator",
        })
    }
}

/// A document's text after cleaning, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentedText {
    /// The clean text, into which every range points.
    pub text: String,
    /// The passages, in the order of the text.
    pub passages: Vec<Passage>,
    /// What was left out, in the order of the source.
    pub dropped: Vec<DroppedLines>,
}

/// What this room needs to know of the tokenizer, which lives downstream.
pub trait TokenCounter {
    /// How many tokens the encoder would see for `text`, special tokens included, before any
    /// truncation.
    fn count_tokens(&self, text: &str) -> usize;

    /// The most tokens a passage may have, special tokens included.
    fn max_tokens(&self) -> usize;
}

/// How to segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SegmentOptions {
    /// Keep navigation, footers, page furniture and separators as if they were speech.
    pub keep_boilerplate: bool,
}

/// Cuts a document's text into passages.
///
/// Never fails and never panics: a text without a word gives no passage. The same text, counter and
/// options give the same result. No passage has more than [`TokenCounter::max_tokens`] tokens,
/// unless a single character does.
///
/// Passages are parted by a blank line in the clean text, except where one paragraph or list was too
/// long and had to be cut: its parts keep what stood between them, a space, a line end or nothing.
#[must_use]
pub fn segment(text: &str, counter: &dyn TokenCounter, options: &SegmentOptions) -> SegmentedText {
    let lines = lines::split_lines(text);
    let (lines, dropped) = if options.keep_boilerplate {
        (lines, Vec::new())
    } else {
        furniture::remove_boilerplate(lines)
    };
    let blocks = blocks::assemble(lines);
    let units = group::group_blocks(&blocks, counter);
    let mut draft = PassageBuilder::default();
    for unit in &units {
        draft.push_unit(&blocks[unit.blocks.clone()], unit.tokens, counter);
    }
    SegmentedText {
        text: draft.text,
        passages: draft.passages,
        dropped,
    }
}

/// The clean text and the passages written so far.
#[derive(Default)]
struct PassageBuilder {
    text: String,
    passages: Vec<Passage>,
    /// `(byte, character)` of a place already walked past, so that counting characters stays linear.
    char_cursor: (usize, usize),
}

impl PassageBuilder {
    fn push_unit(
        &mut self,
        blocks: &[blocks::TextBlock],
        tokens: Option<usize>,
        counter: &dyn TokenCounter,
    ) {
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        let start = self.text.len();
        let mut sentence_bytes = Vec::new();
        for (index, block) in blocks.iter().enumerate() {
            if index > 0 {
                self.text.push('\n');
            }
            let at = self.text.len() + block.marker_bytes;
            sentence_bytes.extend(
                sentences::split_sentences(&block.text[block.marker_bytes..])
                    .into_iter()
                    .map(|s| at + s.start..at + s.end),
            );
            self.text.push_str(&block.text);
        }
        let unit = start..self.text.len();
        let parts = split::split_to_fit(&self.text, unit, tokens, &sentence_bytes, blocks, counter);
        let mut next = 0;
        for (part, tokens) in parts {
            self.push_passage(&part, tokens, &sentence_bytes, &mut next);
        }
    }

    /// `next` is the first sentence that may reach into `part`.
    fn push_passage(
        &mut self,
        part: &Range<usize>,
        tokens: usize,
        sentence_bytes: &[Range<usize>],
        next: &mut usize,
    ) {
        while sentence_bytes
            .get(*next)
            .is_some_and(|s| s.end <= part.start)
        {
            *next += 1;
        }
        let start = self.char_offset(part.start);
        let mut sentences = Vec::new();
        for sentence in &sentence_bytes[*next..] {
            if sentence.start >= part.end {
                break;
            }
            let within = sentence.start.max(part.start)..sentence.end.min(part.end);
            let within = trim_range(&self.text, within);
            if !within.is_empty() {
                let start = self.char_offset(within.start);
                let end = self.char_offset(within.end);
                sentences.push(TextRange { start, end });
            }
        }
        let end = self.char_offset(part.end);
        self.passages.push(Passage {
            ordinal: u32::try_from(self.passages.len() + 1).unwrap_or(u32::MAX),
            text: self.text[part.clone()].to_owned(),
            range: TextRange { start, end },
            tokens,
            sentences,
        });
    }

    /// The character at a byte. Bytes must be asked for in ascending order.
    fn char_offset(&mut self, byte: usize) -> usize {
        let (walked_byte, walked_char) = self.char_cursor;
        let char = walked_char + self.text[walked_byte..byte].chars().count();
        self.char_cursor = (byte, char);
        char
    }
}

/// The range without the blanks at its ends.
fn trim_range(text: &str, range: Range<usize>) -> Range<usize> {
    let slice = &text[range.clone()];
    let start = range.start + (slice.len() - slice.trim_start().len());
    start..start + slice.trim().len()
}
