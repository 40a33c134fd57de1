//! Cuts a unit that is too long for the encoder into parts of about the same size, in the least
//! harmful places: between list items, between sentences, at clauses, between words, and only then
//! inside a word.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::TokenCounter;
use super::blocks::TextBlock;
use super::line_ends::is_unspaced_script;
use super::{block_kind, trim_range};

/// The cost of cutting after an atom, on the scale of [`Atom::after`].
mod harm {
    pub const LINE: f64 = 0.0;
    pub const SENTENCE: f64 = 0.02;
    pub const CLAUSE: f64 = 0.6;
    pub const WORD: f64 = 1.5;
    pub const GRAPHEME: f64 = 3.0;
    /// Between an introduction and what it introduces.
    pub const INTRODUCTION: f64 = 1.0;
}

/// Tokens alone do not bound a text: the tokenizer takes a giant word for one unknown token.
pub(super) const MAX_CHARS_PER_TOKEN: usize = 16;

/// Nothing that a reader would call one letter has more characters.
const MAX_GRAPHEME_CHARS: usize = 32;

/// What the cutter does not take apart.
struct Piece {
    range: Range<usize>,
    content_tokens: usize,
    /// How much harm a cut after it does.
    cut_cost: f64,
}

struct Splitter<'a> {
    text: &'a str,
    counter: &'a dyn TokenCounter,
    special_tokens: usize,
}

/// Parts of a unit of clean text that fit the encoder, each with its token count.
///
/// `tokens` is the unit's token count where it is known; `sentences` are the unit's sentences.
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
        // A text this long is not counted whole only to learn that it must be cut.
        None if fits_in_chars => counter.count_tokens(&text[unit.clone()]),
        None => usize::MAX,
    };
    if tokens <= max && fits_in_chars {
        return vec![(unit, tokens)];
    }
    let cutter = Splitter {
        text,
        counter,
        special_tokens: counter.count_tokens(""),
    };
    let room = max.saturating_sub(cutter.special_tokens).max(1);
    let atoms = cutter.unit_pieces(&unit, sentences, blocks, room);
    let mut parts = Vec::new();
    for part in pack_evenly(&atoms, room) {
        cutter.finalize(trim_range(text, part), room, &mut parts);
    }
    parts
}

impl Splitter<'_> {
    fn content_tokens(&self, range: &Range<usize>) -> usize {
        self.counter
            .count_tokens(&self.text[range.clone()])
            .saturating_sub(self.special_tokens)
    }

    fn too_long(range: &Range<usize>, room: usize) -> bool {
        range.len() > room.saturating_mul(MAX_CHARS_PER_TOKEN)
    }

    /// A unit as sentences, or what is left of those that are too long.
    fn unit_pieces(
        &self,
        unit: &Range<usize>,
        sentences: &[Range<usize>],
        blocks: &[TextBlock],
        room: usize,
    ) -> Vec<Piece> {
        let mut atoms = Vec::new();
        let mut next = 0;
        let mut start = unit.start;
        for (index, block) in blocks.iter().enumerate() {
            let end = start + block.text.len();
            let mut from = start;
            while let Some(sentence) = sentences.get(next).filter(|s| s.end <= end) {
                // From the marker, or the end of the sentence before, so that nothing falls between.
                self.sentence_pieces(from..sentence.end, room, &mut atoms);
                from = sentence.end;
                next += 1;
            }
            if from < end {
                self.sentence_pieces(from..end, room, &mut atoms);
            }
            if let Some(last) = atoms.last_mut() {
                last.cut_cost = match blocks.get(index + 1) {
                    Some(following) if introduces(block, following) => harm::INTRODUCTION,
                    _ => harm::LINE,
                };
            }
            start = end + 1;
        }
        atoms
    }

    fn sentence_pieces(&self, range: Range<usize>, room: usize, atoms: &mut Vec<Piece>) {
        self.split_pieces(range, room, Granularity::Sentence, atoms);
    }

    /// `range` as one atom if it fits, or else as the atoms of the next finer grain.
    fn split_pieces(
        &self,
        range: Range<usize>,
        room: usize,
        grain: Granularity,
        atoms: &mut Vec<Piece>,
    ) {
        let range = trim_range(self.text, range);
        if range.is_empty() {
            return;
        }
        let finer = grain.finer();
        let size = if Self::too_long(&range, room) {
            usize::MAX
        } else {
            self.content_tokens(&range)
        };
        let Some(finer) = finer.filter(|_| size > room) else {
            atoms.push(Piece {
                range,
                content_tokens: size,
                cut_cost: grain.cut_penalty(),
            });
            return;
        };
        for piece in finer.split(self.text, &range, room) {
            self.split_pieces(piece, room, finer, atoms);
        }
        if let Some(last) = atoms.last_mut() {
            last.cut_cost = grain.cut_penalty();
        }
    }

    /// Counts a part for certain, and cuts further where the sum of its atoms was too low.
    fn finalize(&self, part: Range<usize>, room: usize, parts: &mut Vec<(Range<usize>, usize)>) {
        if part.is_empty() {
            return;
        }
        let tokens = self.counter.count_tokens(&self.text[part.clone()]);
        let single = self.text[part.clone()].chars().nth(1).is_none();
        if tokens <= self.counter.max_tokens() || single {
            parts.push((part, tokens));
            return;
        }
        let tighter = room * 3 / 4;
        let mut atoms = Vec::new();
        if tighter == 0 {
            // A counter that finds a single atom too long leaves only its halves.
            let midpoint = midpoint_boundary(self.text, &part);
            self.finalize(trim_range(self.text, part.start..midpoint), 0, parts);
            self.finalize(trim_range(self.text, midpoint..part.end), 0, parts);
            return;
        }
        self.split_pieces(part, tighter, Granularity::Clause, &mut atoms);
        for part in pack_evenly(&atoms, tighter) {
            self.finalize(trim_range(self.text, part), tighter, parts);
        }
    }
}

/// The character boundary in the middle of a range of at least two characters.
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

/// Whether a block leads to the next, so that a cut between them would part what belongs together.
fn introduces(block: &TextBlock, following: &TextBlock) -> bool {
    let starts_list = following.marker_bytes > 0 && block.marker_bytes == 0;
    starts_list
        || matches!(
            block_kind::classify(block, 0, false),
            block_kind::BlockKind::Heading | block_kind::BlockKind::Salutation
        )
        || block.text.ends_with(':')
}

/// What a text is cut into, from coarse to fine.
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
            Self::Sentence => harm::SENTENCE,
            Self::Clause => harm::CLAUSE,
            Self::WordGroups | Self::Word => harm::WORD,
            Self::Graphemes => harm::GRAPHEME,
        }
    }

    /// Neighbouring pieces that together make up `range`.
    fn split(self, text: &str, range: &Range<usize>, room: usize) -> Vec<Range<usize>> {
        let slice = &text[range.clone()];
        let mut ends: Vec<usize> = match self {
            Self::Sentence => Vec::new(),
            Self::Clause => clause_ends(slice),
            // Words are counted in small groups: one by one would cost too much in a long text.
            Self::WordGroups => every_nth(slice.match_indices(' ').map(|(at, _)| at), 8),
            Self::Word => slice.match_indices(' ').map(|(at, _)| at).collect(),
            Self::Graphemes => {
                let step = (room / 2).max(1);
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

fn every_nth(places: impl Iterator<Item = usize>, step: usize) -> Vec<usize> {
    places.skip(step - 1).step_by(step).collect()
}

/// Where clauses end: after a comma, semicolon, colon or dash that a blank follows.
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

/// Puts neighbouring atoms together into parts of about the same size that have room.
fn pack_evenly(atoms: &[Piece], room: usize) -> Vec<Range<usize>> {
    let total: usize = atoms.iter().map(|atom| atom.content_tokens.min(room)).sum();
    let target = as_f64(total) / as_f64(total.div_ceil((room * 4 / 5).max(1)).max(1));
    // best[i] is the least cost of packing the first i atoms, and where their last part begins.
    let mut best: Vec<(f64, usize)> = vec![(0.0, 0)];
    for end in 1..=atoms.len() {
        let mut cheapest = (f64::INFINITY, end - 1);
        let mut size = 0;
        for start in (0..end).rev() {
            size += atoms[start].content_tokens.clamp(1, room);
            let bytes = atoms[end - 1].range.end - atoms[start].range.start;
            if start + 1 < end && (size > room || bytes > room.saturating_mul(MAX_CHARS_PER_TOKEN))
            {
                break;
            }
            let deviation = (as_f64(size) - target) / target.max(1.0);
            let cut = if end < atoms.len() {
                atoms[end - 1].cut_cost
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
    let mut end = atoms.len();
    while end > 0 {
        let start = best[end].1;
        parts.push(atoms[start].range.start..atoms[end - 1].range.end);
        end = start;
    }
    parts.reverse();
    parts
}

/// Token counts are far below the sizes that `f64` rounds.
#[allow(clippy::cast_precision_loss)]
fn as_f64(count: usize) -> f64 {
    count as f64
}
