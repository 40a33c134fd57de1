//! Gathers blocks into units the size of a paragraph: lists with their introductions, headings and
//! salutations with what follows them, runs of short lines with each other.

use std::ops::Range;

use super::TokenCounter;
use super::blocks::Block;
use super::kinds::{self, Kind};
use super::split::CHARS_PER_TOKEN;
use super::terms::last_mark;

/// Neighbouring blocks that make one passage, or several if they are too long for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    /// Which blocks.
    pub blocks: Range<usize>,
    /// The exact token count, where it is already known.
    pub tokens: Option<usize>,
}

/// From this size on a paragraph stands alone.
const PARAGRAPH: usize = 32;
/// A run of short lines is long enough at this size.
const RUN: usize = 96;
/// Merging stops at this size.
const CEILING: usize = 160;
/// What is announced may still join its announcement, and an item its list, up to this size.
const STRETCH: usize = 200;
/// A run of headings this long is a title page and stands alone.
const TITLE_PAGE: usize = 24;

/// A unit in the making.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent traits, not states"
)]
struct Part {
    blocks: Range<usize>,
    /// Tokens without the special ones, summed over the blocks.
    size: usize,
    list: bool,
    title: bool,
    /// Whether it ends in a colon and waits for what it announces.
    announces: bool,
    closely: bool,
}

impl Part {
    fn is_short(&self) -> bool {
        // A list says one thing with its introduction; only the smallest need company.
        self.size < if self.list { PARAGRAPH / 2 } else { PARAGRAPH }
    }

    fn is_title_page(&self) -> bool {
        self.title && self.size >= TITLE_PAGE
    }
}

/// Gathers the blocks of a document.
pub(super) fn gather(blocks: &[Block], counter: &dyn TokenCounter) -> Vec<Unit> {
    let limits = Limits::of(counter);
    let sizes: Vec<usize> = blocks
        .iter()
        .map(|block| limits.size(&block.text, counter))
        .collect();
    let parts = merge(introduce(blocks, &sizes, &limits), &limits);
    parts
        .into_iter()
        .map(|part| Unit {
            tokens: (part.blocks.len() == 1 && part.size < limits.unknown)
                .then_some(part.size + limits.special),
            blocks: part.blocks,
        })
        .collect()
}

/// The sizes above, kept within what the encoder takes.
struct Limits {
    special: usize,
    /// The size of a block too long to be worth counting, since it must be cut in any case.
    unknown: usize,
    run: usize,
    ceiling: usize,
    stretch: usize,
    room: usize,
}

impl Limits {
    fn of(counter: &dyn TokenCounter) -> Self {
        let special = counter.count_tokens("");
        let room = counter.max_tokens().saturating_sub(special);
        Self {
            special,
            unknown: room.saturating_mul(CHARS_PER_TOKEN).max(1),
            run: RUN.min(room),
            ceiling: CEILING.min(room),
            stretch: STRETCH.min(room),
            room,
        }
    }

    fn size(&self, text: &str, counter: &dyn TokenCounter) -> usize {
        if text.len() > self.unknown {
            return self.unknown;
        }
        let size = counter.count_tokens(text).saturating_sub(self.special);
        size.min(self.unknown)
    }
}

/// Lists with their introductions, leads with what they lead to.
fn introduce(blocks: &[Block], sizes: &[usize], limits: &Limits) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    // Headings and salutations that wait for what they lead to.
    let mut lead: Option<Part> = None;
    for (place, (block, &size)) in blocks.iter().zip(sizes).enumerate() {
        let late = (place + 1) * 5 > blocks.len() * 4;
        let kind = kinds::of(block, size, late);
        let part = Part {
            blocks: place..place + 1,
            size,
            list: kind == Kind::Item,
            title: kind == Kind::Heading,
            announces: last_mark(&block.text) == Some(':'),
            closely: block.follows_closely,
        };
        match kind {
            Kind::Heading | Kind::Salutation => {
                // A salutation after a title page opens the speech.
                let page_over = kind == Kind::Salutation
                    && lead
                        .as_ref()
                        .is_some_and(|l| l.title && l.size >= TITLE_PAGE);
                let full = lead
                    .as_ref()
                    .is_some_and(|l| l.size + size > limits.ceiling);
                if page_over || full {
                    parts.extend(lead.take());
                }
                lead = Some(join(lead.take(), part));
            }
            Kind::Closing => match (lead.take(), parts.last_mut()) {
                (None, Some(before)) => extend(before, &part),
                (waiting, _) => parts.push(join(waiting, part)),
            },
            Kind::Item => {
                if lead.is_none()
                    && let Some(list) = parts.last_mut()
                    && takes_item(list, size, limits)
                {
                    extend(list, &part);
                    list.list = true;
                    continue;
                }
                parts.push(join(lead.take(), part));
            }
            Kind::Paragraph => {
                if lead
                    .as_ref()
                    .is_some_and(|l| l.is_title_page() && !l.announces)
                {
                    parts.extend(lead.take());
                }
                let whole = join(lead.take(), part);
                match parts.last_mut() {
                    Some(before)
                        if before.announces && before.size + whole.size <= limits.stretch =>
                    {
                        extend(before, &whole);
                    }
                    _ => parts.push(whole),
                }
            }
        }
    }
    parts.extend(lead);
    parts
}

/// Whether an item of this size belongs to what stands before it.
fn takes_item(list: &Part, size: usize, limits: &Limits) -> bool {
    let introduces = list.list || list.announces || list.size <= PARAGRAPH * 2;
    // Small items stay with their list even where it must be cut later, between items.
    introduces && (list.size + size <= limits.stretch || size <= PARAGRAPH + PARAGRAPH / 4)
}

fn join(before: Option<Part>, mut after: Part) -> Part {
    if let Some(before) = before {
        after.blocks.start = before.blocks.start;
        after.size += before.size;
        after.title &= before.title;
        after.closely = before.closely;
    }
    after
}

fn extend(before: &mut Part, after: &Part) {
    before.blocks.end = after.blocks.end;
    before.size += after.size;
    before.announces = after.announces;
    before.title &= after.title;
    before.list |= after.list;
}

/// Short parts with each other and their neighbours.
///
/// A short line between paragraphs leads to the one after it; among other short lines it is part of
/// a run, which grows to a paragraph's size.
fn merge(parts: Vec<Part>, limits: &Limits) -> Vec<Part> {
    let mut merged: Vec<Part> = Vec::new();
    // Whether the last merged part holds short lines only.
    let mut run = false;
    let mut rest = parts.into_iter().peekable();
    while let Some(part) = rest.next() {
        let short = part.is_short();
        let before_short = rest.peek().is_none_or(Part::is_short);
        if let Some(before) = merged.last_mut()
            && (needs(before, &part, limits)
                || held(before, &part, limits)
                || run && short && before_short && before.size + part.size <= limits.run)
        {
            extend(before, &part);
            run &= short;
        } else {
            run = short;
            merged.push(part);
        }
    }
    // What is still short had nothing after it that it could join.
    let mut kept: Vec<Part> = Vec::new();
    for part in merged {
        match kept.last_mut() {
            Some(before)
                if part.is_short()
                    && !part.title
                    && !before.is_title_page()
                    && before.size + part.size <= limits.room =>
            {
                extend(before, &part);
            }
            _ => kept.push(part),
        }
    }
    kept
}

/// Whether `before` is too short to stand alone and may go with `after`.
fn needs(before: &Part, after: &Part, limits: &Limits) -> bool {
    let ceiling = if after.is_short() {
        limits.ceiling
    } else {
        limits.room
    };
    before.is_short() && !before.is_title_page() && before.size + after.size <= ceiling
}

/// Whether the layout holds the two together and they are small enough for it.
fn held(before: &Part, after: &Part, limits: &Limits) -> bool {
    after.closely
        && !before.list
        && !before.is_title_page()
        && before.size + after.size <= limits.run
}
