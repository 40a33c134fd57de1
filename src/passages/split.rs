//! Cuts a unit that is too long for the encoder into parts of about the same size, in the least
//! harmful places: between list items, between sentences, at clauses, between words, and only then
//! inside a word.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::TokenCounter;
use super::blocks::Block;
use super::terms::is_unspaced;
use super::{kinds, trimmed};

/// The cost of cutting after an atom, on the scale of [`Atom::after`].
mod harm {
    pub const LINE: f64 = 0.0;
    pub const SENTENCE: f64 = 0.02;
    pub const CLAUSE: f64 = 0.6;
    pub const WORD: f64 = 1.5;
    pub const LETTER: f64 = 3.0;
    /// Between an introduction and what it introduces.
    pub const INTRODUCTION: f64 = 1.0;
}

/// Tokens alone do not bound a text: the tokenizer takes a giant word for one unknown token.
pub(super) const CHARS_PER_TOKEN: usize = 16;

/// Nothing that a reader would call one letter has more characters.
const LONGEST_GRAPHEME: usize = 32;

/// What the cutter does not take apart.
struct Atom {
    range: Range<usize>,
    size: usize,
    /// How much harm a cut after it does.
    after: f64,
}

struct Cutter<'a> {
    text: &'a str,
    counter: &'a dyn TokenCounter,
    special: usize,
}

/// Parts of a unit of clean text that fit the encoder, each with its token count.
///
/// `tokens` is the unit's token count where it is known; `sentences` are the unit's sentences.
pub(super) fn fit(
    text: &str,
    unit: Range<usize>,
    tokens: Option<usize>,
    sentences: &[Range<usize>],
    blocks: &[Block],
    counter: &dyn TokenCounter,
) -> Vec<(Range<usize>, usize)> {
    let max = counter.max_tokens();
    let roomy = unit.len() <= max * CHARS_PER_TOKEN;
    let tokens = match tokens {
        Some(tokens) => tokens,
        // A text this long is not counted whole only to learn that it must be cut.
        None if roomy => counter.count_tokens(&text[unit.clone()]),
        None => usize::MAX,
    };
    if tokens <= max && roomy {
        return vec![(unit, tokens)];
    }
    let cutter = Cutter {
        text,
        counter,
        special: counter.count_tokens(""),
    };
    let room = max.saturating_sub(cutter.special).max(1);
    let atoms = cutter.unit_atoms(&unit, sentences, blocks, room);
    let mut parts = Vec::new();
    for part in pack(&atoms, room) {
        cutter.settle(trimmed(text, part), room, &mut parts);
    }
    parts
}

impl Cutter<'_> {
    fn size(&self, range: &Range<usize>) -> usize {
        self.counter
            .count_tokens(&self.text[range.clone()])
            .saturating_sub(self.special)
    }

    fn too_long(range: &Range<usize>, room: usize) -> bool {
        range.len() > room.saturating_mul(CHARS_PER_TOKEN)
    }

    /// A unit as sentences, or what is left of those that are too long.
    fn unit_atoms(
        &self,
        unit: &Range<usize>,
        sentences: &[Range<usize>],
        blocks: &[Block],
        room: usize,
    ) -> Vec<Atom> {
        let mut atoms = Vec::new();
        let mut next = 0;
        let mut start = unit.start;
        for (place, block) in blocks.iter().enumerate() {
            let end = start + block.text.len();
            let mut from = start;
            while let Some(sentence) = sentences.get(next).filter(|s| s.end <= end) {
                // From the marker, or the end of the sentence before, so that nothing falls between.
                self.sentence_atoms(from..sentence.end, room, &mut atoms);
                from = sentence.end;
                next += 1;
            }
            if from < end {
                self.sentence_atoms(from..end, room, &mut atoms);
            }
            if let Some(last) = atoms.last_mut() {
                last.after = match blocks.get(place + 1) {
                    Some(following) if leads(block, following) => harm::INTRODUCTION,
                    _ => harm::LINE,
                };
            }
            start = end + 1;
        }
        atoms
    }

    fn sentence_atoms(&self, range: Range<usize>, room: usize, atoms: &mut Vec<Atom>) {
        self.atoms(range, room, Grain::Sentence, atoms);
    }

    /// `range` as one atom if it fits, or else as the atoms of the next finer grain.
    fn atoms(&self, range: Range<usize>, room: usize, grain: Grain, atoms: &mut Vec<Atom>) {
        let range = trimmed(self.text, range);
        if range.is_empty() {
            return;
        }
        let finer = grain.finer();
        let size = if Self::too_long(&range, room) {
            usize::MAX
        } else {
            self.size(&range)
        };
        let Some(finer) = finer.filter(|_| size > room) else {
            atoms.push(Atom {
                range,
                size,
                after: grain.harm(),
            });
            return;
        };
        for piece in finer.pieces(self.text, &range, room) {
            self.atoms(piece, room, finer, atoms);
        }
        if let Some(last) = atoms.last_mut() {
            last.after = grain.harm();
        }
    }

    /// Counts a part for certain, and cuts further where the sum of its atoms was too low.
    fn settle(&self, part: Range<usize>, room: usize, parts: &mut Vec<(Range<usize>, usize)>) {
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
            let middle = half(self.text, &part);
            self.settle(trimmed(self.text, part.start..middle), 0, parts);
            self.settle(trimmed(self.text, middle..part.end), 0, parts);
            return;
        }
        self.atoms(part, tighter, Grain::Clause, &mut atoms);
        for part in pack(&atoms, tighter) {
            self.settle(trimmed(self.text, part), tighter, parts);
        }
    }
}

/// The character boundary in the middle of a range of at least two characters.
fn half(text: &str, range: &Range<usize>) -> usize {
    let mut middle = range.start + range.len() / 2;
    while !text.is_char_boundary(middle) {
        middle += 1;
    }
    if middle >= range.end {
        middle = text[range.clone()]
            .char_indices()
            .next_back()
            .map_or(range.end, |(at, _)| range.start + at);
    }
    middle
}

/// Whether a block leads to the next, so that a cut between them would part what belongs together.
fn leads(block: &Block, following: &Block) -> bool {
    let starts_list = following.marker > 0 && block.marker == 0;
    starts_list
        || matches!(
            kinds::of(block, 0, false),
            kinds::Kind::Heading | kinds::Kind::Salutation
        )
        || block.text.ends_with(':')
}

/// What a text is cut into, from coarse to fine.
#[derive(Clone, Copy)]
enum Grain {
    Sentence,
    Clause,
    Words,
    Word,
    Graphemes,
}

impl Grain {
    fn finer(self) -> Option<Self> {
        match self {
            Self::Sentence => Some(Self::Clause),
            Self::Clause => Some(Self::Words),
            Self::Words => Some(Self::Word),
            Self::Word => Some(Self::Graphemes),
            Self::Graphemes => None,
        }
    }

    fn harm(self) -> f64 {
        match self {
            Self::Sentence => harm::SENTENCE,
            Self::Clause => harm::CLAUSE,
            Self::Words | Self::Word => harm::WORD,
            Self::Graphemes => harm::LETTER,
        }
    }

    /// Neighbouring pieces that together make up `range`.
    fn pieces(self, text: &str, range: &Range<usize>, room: usize) -> Vec<Range<usize>> {
        let slice = &text[range.clone()];
        let mut ends: Vec<usize> = match self {
            Self::Sentence => Vec::new(),
            Self::Clause => clause_ends(slice),
            // Words are counted in small groups: one by one would cost too much in a long text.
            Self::Words => every(slice.match_indices(' ').map(|(at, _)| at), 8),
            Self::Word => slice.match_indices(' ').map(|(at, _)| at).collect(),
            Self::Graphemes => {
                let step = (room / 2).max(1);
                let mut chars = 0;
                let mut ends = Vec::new();
                for (at, grapheme) in slice.grapheme_indices(true) {
                    for (nth, (within, _)) in grapheme.char_indices().enumerate() {
                        if chars >= step && nth % LONGEST_GRAPHEME == 0 {
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

fn every(places: impl Iterator<Item = usize>, step: usize) -> Vec<usize> {
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
        if wide && is_unspaced(c) || narrow {
            ends.push(at + c.len_utf8());
        }
    }
    ends
}

/// Puts neighbouring atoms together into parts of about the same size that have room.
fn pack(atoms: &[Atom], room: usize) -> Vec<Range<usize>> {
    let total: usize = atoms.iter().map(|atom| atom.size.min(room)).sum();
    let target = as_f64(total) / as_f64(total.div_ceil((room * 4 / 5).max(1)).max(1));
    // best[i] is the least cost of packing the first i atoms, and where their last part begins.
    let mut best: Vec<(f64, usize)> = vec![(0.0, 0)];
    for end in 1..=atoms.len() {
        let mut least = (f64::INFINITY, end - 1);
        let mut size = 0;
        for start in (0..end).rev() {
            size += atoms[start].size.clamp(1, room);
            let bytes = atoms[end - 1].range.end - atoms[start].range.start;
            if start + 1 < end && (size > room || bytes > room.saturating_mul(CHARS_PER_TOKEN)) {
                break;
            }
            let off = (as_f64(size) - target) / target.max(1.0);
            let cut = if end < atoms.len() {
                atoms[end - 1].after
            } else {
                0.0
            };
            let cost = best[start].0 + off * off + cut;
            if cost < least.0 {
                least = (cost, start);
            }
        }
        best.push(least);
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
