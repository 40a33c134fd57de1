//! Splits a unit that is too long for the encoder into parts of similar size, at the least harmful
//! boundaries: between list items, between sentences, at clauses, between words, and only then inside
//! a word.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::TokenCounter;
use super::blocks::TextBlock;
use super::line_ends::is_unspaced_script;
use super::{block_kind, trim_range};

/// Costs of a cut after a piece, as in `Piece::cut_cost`.
mod cost {
    pub(super) const LINE: f64 = 0.0;
    pub(super) const SENTENCE: f64 = 0.02;
    pub(super) const CLAUSE: f64 = 0.6;
    pub(super) const WORD: f64 = 1.5;
    pub(super) const GRAPHEME: f64 = 3.0;
    /// Between an introduction and what it introduces.
    pub(super) const INTRODUCTION: f64 = 1.0;
}

/// Bound on the characters of a part: the tokenizer maps a very long word to one unknown token.
pub(super) const MAX_CHARS_PER_TOKEN: usize = 16;

/// Longer grapheme clusters may be split; none occurs in real text.
const MAX_GRAPHEME_CHARS: usize = 32;

/// A range that is not split further.
struct Piece {
    range: Range<usize>,
    content_tokens: usize,
    /// The cost of a cut after it.
    cut_cost: f64,
}

struct Splitter<'a> {
    text: &'a str,
    counter: &'a dyn TokenCounter,
    special_tokens: usize,
}

/// Splits a unit of clean text into parts that fit the encoder, each with its token count.
///
/// `tokens` is the unit's token count, if known; `sentences` are the unit's sentences.
pub(super) fn split_to_fit(
    text: &str,
    unit: Range<usize>,
    tokens: Option<usize>,
    sentences: &[Range<usize>],
    blocks: &[TextBlock],
    counter: &dyn TokenCounter,
) -> Vec<(Range<usize>, usize)> {
    let max = counter.max_tokens();
    let fits_in_chars = unit.len() <= max * MAX_CHARS_PER_TOKEN;
    let tokens = match tokens {
        Some(tokens) => tokens,
        // A text this long must be split in any case, so it is not tokenized as a whole.
        None if fits_in_chars => counter.count_tokens(&text[unit.clone()]),
        None => usize::MAX,
    };
    if tokens <= max && fits_in_chars {
        return vec![(unit, tokens)];
    }
    let splitter = Splitter {
        text,
        counter,
        special_tokens: counter.count_tokens(""),
    };
    let max_content = max.saturating_sub(splitter.special_tokens).max(1);
    let pieces = splitter.unit_pieces(&unit, sentences, blocks, max_content);
    let mut parts = Vec::new();
    for part in pack_evenly(&pieces, max_content) {
        splitter.finalize(trim_range(text, part), max_content, &mut parts);
    }
    parts
}

impl Splitter<'_> {
    fn content_tokens(&self, range: &Range<usize>) -> usize {
        self.counter
            .count_tokens(&self.text[range.clone()])
            .saturating_sub(self.special_tokens)
    }

    fn too_long(range: &Range<usize>, max_content: usize) -> bool {
        range.len() > max_content.saturating_mul(MAX_CHARS_PER_TOKEN)
    }

    /// Returns the pieces of a unit: sentences, or parts of those that are too long.
    fn unit_pieces(
        &self,
        unit: &Range<usize>,
        sentences: &[Range<usize>],
        blocks: &[TextBlock],
        max_content: usize,
    ) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut next = 0;
        let mut start = unit.start;
        for (index, block) in blocks.iter().enumerate() {
            let end = start + block.text.len();
            let mut from = start;
            while let Some(sentence) = sentences.get(next).filter(|s| s.end <= end) {
                // From the list marker or the end of the previous sentence, so that the pieces cover the
                // text.
                self.sentence_pieces(from..sentence.end, max_content, &mut pieces);
                from = sentence.end;
                next += 1;
            }
            if from < end {
                self.sentence_pieces(from..end, max_content, &mut pieces);
            }
            if let Some(last) = pieces.last_mut() {
                last.cut_cost = match blocks.get(index + 1) {
                    Some(following) if introduces(block, following) => cost::INTRODUCTION,
                    _ => cost::LINE,
                };
            }
            start = end + 1;
        }
        pieces
    }

    fn sentence_pieces(&self, range: Range<usize>, max_content: usize, pieces: &mut Vec<Piece>) {
        self.split_pieces(range, max_content, Granularity::Sentence, pieces);
    }

    /// Appends `range` as one piece if it fits, otherwise as pieces of the next finer granularity.
    fn split_pieces(
        &self,
        range: Range<usize>,
        max_content: usize,
        granularity: Granularity,
        pieces: &mut Vec<Piece>,
    ) {
        let range = trim_range(self.text, range);
        if range.is_empty() {
            return;
        }
        let finer = granularity.finer();
        let size = if Self::too_long(&range, max_content) {
            usize::MAX
        } else {
            self.content_tokens(&range)
        };
        let Some(finer) = finer.filter(|_| size > max_content) else {
            pieces.push(Piece {
                range,
                content_tokens: size,
                cut_cost: granularity.cut_penalty(),
            });
            return;
        };
        for piece in finer.split(self.text, &range, max_content) {
            self.split_pieces(piece, max_content, finer, pieces);
        }
        if let Some(last) = pieces.last_mut() {
            last.cut_cost = granularity.cut_penalty();
        }
    }

    /// Counts the tokens of a part, and splits it further if it has more than the sum of its pieces.
    fn finalize(
        &self,
        part: Range<usize>,
        max_content: usize,
        parts: &mut Vec<(Range<usize>, usize)>,
    ) {
        if part.is_empty() {
            return;
        }
        let tokens = self.counter.count_tokens(&self.text[part.clone()]);
        let single = self.text[part.clone()].chars().nth(1).is_none();
        if tokens <= self.counter.max_tokens() || single {
            parts.push((part, tokens));
            return;
        }
        let tighter = max_content * 3 / 4;
        let mut pieces = Vec::new();
        if tighter == 0 {
            // If the counter rejects even single pieces, only halving is left.
            let midpoint = midpoint_boundary(self.text, &part);
            self.finalize(trim_range(self.text, part.start..midpoint), 0, parts);
            self.finalize(trim_range(self.text, midpoint..part.end), 0, parts);
            return;
        }
        self.split_pieces(part, tighter, Granularity::Clause, &mut pieces);
        for part in pack_evenly(&pieces, tighter) {
            self.finalize(trim_range(self.text, part), tighter, parts);
        }
    }
}

/// Returns the character boundary in the middle of a range of at least two characters.
fn midpoint_boundary(text: &str, range: &Range<usize>) -> usize {
    let mut midpoint = range.start + range.len() / 2;
    while !text.is_char_boundary(midpoint) {
        midpoint += 1;
    }
    if midpoint >= range.end {
        midpoint = text[range.clone()]
            .char_indices()
            .next_back()
            .map_or(range.end, |(at, _)| range.start + at);
    }
    midpoint
}

/// Returns whether a block introduces the next, so that a cut between them should be avoided.
fn introduces(block: &TextBlock, following: &TextBlock) -> bool {
    let starts_list = following.marker_bytes > 0 && block.marker_bytes == 0;
    starts_list
        || matches!(
            block_kind::classify(block, 0, false),
            block_kind::BlockKind::Heading | block_kind::BlockKind::Salutation
        )
        || block.text.ends_with(':')
}

/// The units of splitting, from coarse to fine.
#[derive(Clone, Copy)]
enum Granularity {
    Sentence,
    Clause,
    WordGroups,
    Word,
    Graphemes,
}

impl Granularity {
    fn finer(self) -> Option<Self> {
        match self {
            Self::Sentence => Some(Self::Clause),
            Self::Clause => Some(Self::WordGroups),
            Self::WordGroups => Some(Self::Word),
            Self::Word => Some(Self::Graphemes),
            Self::Graphemes => None,
        }
    }

    fn cut_penalty(self) -> f64 {
        match self {
            Self::Sentence => cost::SENTENCE,
            Self::Clause => cost::CLAUSE,
            Self::WordGroups | Self::Word => cost::WORD,
            Self::Graphemes => cost::GRAPHEME,
        }
    }

    /// Splits `range` into adjacent pieces that cover it.
    fn split(self, text: &str, range: &Range<usize>, max_content: usize) -> Vec<Range<usize>> {
        let slice = &text[range.clone()];
        let mut ends: Vec<usize> = match self {
            Self::Sentence => Vec::new(),
            Self::Clause => clause_ends(slice),
            // Words are counted in groups: one by one would be too slow in a long text.
            Self::WordGroups => every_nth(slice.match_indices(' ').map(|(at, _)| at), 8),
            Self::Word => slice.match_indices(' ').map(|(at, _)| at).collect(),
            Self::Graphemes => {
                let step = (max_content / 2).max(1);
                let mut chars = 0;
                let mut ends = Vec::new();
                for (at, grapheme) in slice.grapheme_indices(true) {
                    for (nth, (within, _)) in grapheme.char_indices().enumerate() {
                        if chars >= step && nth % MAX_GRAPHEME_CHARS == 0 {
                            ends.push(at + within);
                            chars = 0;
                        }
                        chars += 1;
                    }
                }
                ends
            }
        };
        ends.push(slice.len());
        let mut start = 0;
        ends.into_iter()
            .map(|end| {
                let piece = range.start + start..range.start + end;
                start = end;
                piece
            })
            .collect()
    }
}

fn every_nth(offsets: impl Iterator<Item = usize>, step: usize) -> Vec<usize> {
    offsets.skip(step - 1).step_by(step).collect()
}

/// Returns the ends of clauses: after a comma, semicolon, colon or dash before a blank.
fn clause_ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let wide = matches!(c, '，' | '、' | '；' | '：' | '。');
        let blank_next = chars.peek().is_some_and(|(_, next)| *next == ' ');
        let narrow = matches!(c, ',' | ';' | ':' | '—' | '–' | ')') && blank_next;
        if wide && is_unspaced_script(c) || narrow {
            ends.push(at + c.len_utf8());
        }
    }
    ends
}

/// Merges adjacent pieces into parts of similar size, each of at most `max_content` tokens, with the
/// least total cost (dynamic programming).
fn pack_evenly(pieces: &[Piece], max_content: usize) -> Vec<Range<usize>> {
    let total: usize = pieces
        .iter()
        .map(|piece| piece.content_tokens.min(max_content))
        .sum();
    let target = as_f64(total) / as_f64(total.div_ceil((max_content * 4 / 5).max(1)).max(1));
    // best[i] is the least cost of packing the first i pieces, and the start of their last part.
    let mut best: Vec<(f64, usize)> = vec![(0.0, 0)];
    for end in 1..=pieces.len() {
        let mut cheapest = (f64::INFINITY, end - 1);
        let mut size = 0;
        for start in (0..end).rev() {
            size += pieces[start].content_tokens.clamp(1, max_content);
            let bytes = pieces[end - 1].range.end - pieces[start].range.start;
            if start + 1 < end
                && (size > max_content || bytes > max_content.saturating_mul(MAX_CHARS_PER_TOKEN))
            {
                break;
            }
            let deviation = (as_f64(size) - target) / target.max(1.0);
            let cut = if end < pieces.len() {
                pieces[end - 1].cut_cost
            } else {
                0.0
            };
            let cost = best[start].0 + deviation * deviation + cut;
            if cost < cheapest.0 {
                cheapest = (cost, start);
            }
        }
        best.push(cheapest);
    }
    let mut parts = Vec::new();
    let mut end = pieces.len();
    while end > 0 {
        let start = best[end].1;
        parts.push(pieces[start].range.start..pieces[end - 1].range.end);
        end = start;
    }
    parts.reverse();
    parts
}

/// Converts a token count, which is far below the range where `f64` rounds.
#[allow(clippy::cast_precision_loss)]
fn as_f64(count: usize) -> f64 {
    count as f64
}
