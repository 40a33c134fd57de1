//! Segments the text of a document into passages.
//!
//! Inputs are web pages saved with their menus, scans with hard-wrapped lines and page breaks in
//! mid-sentence, and transcripts with one paragraph per line. This module measures the layout of a
//! text, removes and reports boilerplate, rejoins wrapped lines, and splits the result into
//! paragraph-sized passages within the encoder's maximum length.
//!
//! In the order of processing: `lines` cleans characters, `furniture` removes boilerplate (found by
//! `page_furniture`, `footnotes`, `contents`, `time_codes` and `navigation`), `layout` measures, `blocks`
//! rejoins lines into paragraphs (with `hyphenation` and its `word_list` for broken words, `bullets` for
//! list markers, `lone_lines` for verse and headings, `salutations`), `group` merges blocks into units of
//! a paragraph's size (by their `block_kind`), `split` splits units that are too long, and `sentences` finds sentences.
//! `line_ends` has the rules on punctuation, `tokenize` the terms of a text, `places` where
//! passages stand in the source. The module knows nothing
//! about files, models or stores; a [`TokenCounter`] counts tokens.

mod block_kind;
mod blocks;
mod bullets;
mod contents;
mod footnotes;
mod furniture;
mod group;
mod hyphenation;
mod layout;
mod line_ends;
mod lines;
mod lone_lines;
mod navigation;
mod page_furniture;
mod places;
mod salutations;
mod sentences;
mod split;
mod time_codes;
mod tokenize;
mod word_list;

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use places::source_ranges;
pub use sentences::sentences;
pub use tokenize::{WordToken, tokenize_words, tokenize_words_from};

/// The version of the segmentation. It changes with its output, so that stale passages in a store are
/// recognized.
pub const SEGMENTER_VERSION: u32 = 2;

/// A half-open range of characters (Unicode scalar values) in a document's clean text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextRange {
    /// The first character of the range.
    pub start: usize,
    /// The first character after the range.
    pub end: usize,
}

impl TextRange {
    /// Returns the part of `text` in this range, if `text` starts at character `text_start` of the same
    /// document. Empty if the two do not overlap.
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

/// A paragraph, or a paragraph-sized part of one: the unit of embedding and retrieval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Its position in the document, counted from 1.
    pub ordinal: u32,
    /// Its text, verbatim from the clean text.
    pub text: String,
    /// Its range in the clean text.
    pub range: TextRange,
    /// Its number of tokens, including special tokens.
    pub tokens: usize,
    /// Its sentences, as ranges of the clean text: in order, disjoint, without list markers.
    pub sentences: Vec<TextRange>,
}

impl Passage {
    /// Returns the text of a range inside this passage, such as one of its sentences.
    #[must_use]
    pub fn slice(&self, range: TextRange) -> &str {
        range.slice(&self.text, self.range.start)
    }
}

/// A run of source lines that were removed as boilerplate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedLines {
    /// Why they were removed.
    pub reason: DropReason,
    /// The first of them in the source text, counted from 1.
    pub line: usize,
    /// The number of non-blank lines.
    pub lines: usize,
    /// The number of their characters, after cleaning.
    pub chars: usize,
    /// Their first words, for the report.
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
    /// Tables of contents with dot leaders.
    Contents,
    /// Footnotes between the halves of a sentence.
    Footnote,
    /// Times of captions and transcripts.
    TimeCode,
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Navigation => "navigation",
            Self::Footer => "web page footer",
            Self::PageFurniture => "page number or running head",
            Self::Separator => "separator",
            Self::Contents => "table of contents",
            Self::Footnote => "footnote",
            Self::TimeCode => "time code",
        })
    }
}

/// The clean text of a document, its passages, and the removed lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentedText {
    /// The clean text, to which all ranges refer.
    pub text: String,
    /// The passages, in the order of the text.
    pub passages: Vec<Passage>,
    /// The removed lines, in the order of the source.
    pub dropped: Vec<DroppedLines>,
}

/// The tokenizer as far as segmentation needs it; implemented by `encoder`.
pub trait TokenCounter {
    /// Returns the number of tokens of `text`, including special tokens, before any truncation.
    fn count_tokens(&self, text: &str) -> usize;

    /// Returns the maximum number of tokens of a passage, including special tokens.
    fn max_tokens(&self) -> usize;
}

/// Options of the segmentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SegmentOptions {
    /// Keep navigation, footers, page furniture and separators.
    pub keep_boilerplate: bool,
}

/// Segments a document's text into passages.
///
/// Never fails and never panics: a text without words has no passages. The same text, counter and
/// options yield the same result. No passage has more than [`TokenCounter::max_tokens`] tokens, unless
/// a single character does.
///
/// Passages are separated by a blank line in the clean text. Parts of a paragraph or list that was too
/// long keep their original separator: a space, a line end or nothing.
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
    let mut builder = PassageBuilder::default();
    for unit in &units {
        builder.push_unit(&blocks[unit.blocks.clone()], unit.tokens, counter);
    }
    SegmentedText {
        text: builder.text,
        passages: builder.passages,
        dropped,
    }
}

/// The clean text and the passages written so far.
#[derive(Default)]
struct PassageBuilder {
    text: String,
    passages: Vec<Passage>,
    /// The last converted offset as `(byte, character)`, so that converting stays linear.
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

    /// Appends a passage. `next` is the first sentence that may overlap `part`; it is advanced.
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

    /// Converts a byte offset to a character offset. Offsets must be requested in ascending order.
    fn char_offset(&mut self, byte: usize) -> usize {
        let (walked_byte, walked_char) = self.char_cursor;
        let char = walked_char + self.text[walked_byte..byte].chars().count();
        self.char_cursor = (byte, char);
        char
    }
}

/// Trims white space from the ends of a range.
fn trim_range(text: &str, range: Range<usize>) -> Range<usize> {
    let slice = &text[range.clone()];
    let start = range.start + (slice.len() - slice.trim_start().len());
    start..start + slice.trim().len()
}
