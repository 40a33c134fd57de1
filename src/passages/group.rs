//! Gathers blocks into units the size of a paragraph: lists with their introductions, headings and
//! salutations with what follows them, runs of short lines with each other.

use std::ops::Range;

use super::TokenCounter;
use super::block_kind::{self, BlockKind};
use super::blocks::TextBlock;
use super::line_ends::last_significant_char;
use super::split::MAX_CHARS_PER_TOKEN;

/// Neighbouring blocks that make one passage, or several if they are too long for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PassageUnit {
    /// Which blocks.
    pub blocks: Range<usize>,
    /// The exact token count, where it is already known.
    pub tokens: Option<usize>,
}

/// From this size on a paragraph stands alone.
const MIN_PARAGRAPH_TOKENS: usize = 32;
/// A run of short lines is long enough at this size.
const SHORT_RUN_TARGET_TOKENS: usize = 96;
/// Merging stops at this size.
const MERGE_LIMIT_TOKENS: usize = 160;
/// What is announced may still join its announcement, and an item its list, up to this size.
const LIST_LIMIT_TOKENS: usize = 200;
/// A run of headings this long is a title page and stands alone.
const MIN_TITLE_PAGE_TOKENS: usize = 24;

/// A unit in the making.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent traits, not states"
)]
struct UnitPart {
    blocks: Range<usize>,
    /// Tokens without the special ones, summed over the blocks.
    content_tokens: usize,
    is_list: bool,
    is_title: bool,
    /// Whether it ends in a colon and waits for what it announces.
    introduces_next: bool,
    attached_to_previous: bool,
}

impl UnitPart {
    fn is_short(&self) -> bool {
        // A list says one thing with its introduction; only the smallest need company.
        self.content_tokens
            < if self.is_list {
                MIN_PARAGRAPH_TOKENS / 2
            } else {
                MIN_PARAGRAPH_TOKENS
            }
    }

    fn is_title_page(&self) -> bool {
        self.is_title && self.content_tokens >= MIN_TITLE_PAGE_TOKENS
    }
}

/// Gathers the blocks of a document.
pub(super) fn group_blocks(blocks: &[TextBlock], counter: &dyn TokenCounter) -> Vec<PassageUnit> {
    let limits = GroupingLimits::new(counter);
    let sizes: Vec<usize> = blocks
        .iter()
        .map(|block| limits.content_tokens(&block.text, counter))
        .collect();
    let parts = merge_short_parts(attach_introductions(blocks, &sizes, &limits), &limits);
    parts
        .into_iter()
        .map(|part| PassageUnit {
            tokens: (part.blocks.len() == 1 && part.content_tokens < limits.oversized_tokens)
                .then_some(part.content_tokens + limits.special_tokens),
            blocks: part.blocks,
        })
        .collect()
}

/// The sizes above, kept within what the encoder takes.
struct GroupingLimits {
    special_tokens: usize,
    /// The size of a block too long to be worth counting, since it must be cut in any case.
    oversized_tokens: usize,
    short_run_target: usize,
    merge_limit: usize,
    list_limit: usize,
    max_content_tokens: usize,
}

impl GroupingLimits {
    fn new(counter: &dyn TokenCounter) -> Self {
        let special = counter.count_tokens("");
        let room = counter.max_tokens().saturating_sub(special);
        Self {
            special_tokens: special,
            oversized_tokens: room.saturating_mul(MAX_CHARS_PER_TOKEN).max(1),
            short_run_target: SHORT_RUN_TARGET_TOKENS.min(room),
            merge_limit: MERGE_LIMIT_TOKENS.min(room),
            list_limit: LIST_LIMIT_TOKENS.min(room),
            max_content_tokens: room,
        }
    }

    fn content_tokens(&self, text: &str, counter: &dyn TokenCounter) -> usize {
        if text.len() > self.oversized_tokens {
            return self.oversized_tokens;
        }
        let size = counter
            .count_tokens(text)
            .saturating_sub(self.special_tokens);
        size.min(self.oversized_tokens)
    }
}

/// Lists with their introductions, leads with what they lead to.
fn attach_introductions(
    blocks: &[TextBlock],
    sizes: &[usize],
    limits: &GroupingLimits,
) -> Vec<UnitPart> {
    let mut parts: Vec<UnitPart> = Vec::new();
    // Headings and salutations that wait for what they lead to.
    let mut lead: Option<UnitPart> = None;
    for (index, (block, &size)) in blocks.iter().zip(sizes).enumerate() {
        let late = (index + 1) * 5 > blocks.len() * 4;
        let kind = block_kind::classify(block, size, late);
        let part = UnitPart {
            blocks: index..index + 1,
            content_tokens: size,
            is_list: kind == BlockKind::ListItem,
            is_title: kind == BlockKind::Heading,
            introduces_next: last_significant_char(&block.text) == Some(':'),
            attached_to_previous: block.attached_to_previous,
        };
        match kind {
            BlockKind::Heading | BlockKind::Salutation => {
                // A salutation after a title page opens the speech.
                let page_over = kind == BlockKind::Salutation
                    && lead
                        .as_ref()
                        .is_some_and(|l| l.is_title && l.content_tokens >= MIN_TITLE_PAGE_TOKENS);
                let full = lead
                    .as_ref()
                    .is_some_and(|l| l.content_tokens + size > limits.merge_limit);
                if page_over || full {
                    parts.extend(lead.take());
                }
                lead = Some(join_parts(lead.take(), part));
            }
            BlockKind::Closing => match (lead.take(), parts.last_mut()) {
                (None, Some(before)) => extend_part(before, &part),
                (waiting, _) => parts.push(join_parts(waiting, part)),
            },
            BlockKind::ListItem => {
                if lead.is_none()
                    && let Some(list) = parts.last_mut()
                    && accepts_item(list, size, limits)
                {
                    extend_part(list, &part);
                    list.is_list = true;
                    continue;
                }
                parts.push(join_parts(lead.take(), part));
            }
            BlockKind::Paragraph => {
                if lead
                    .as_ref()
                    .is_some_and(|l| l.is_title_page() && !l.introduces_next)
                {
                    parts.extend(lead.take());
                }
                let paragraph = join_parts(lead.take(), part);
                match parts.last_mut() {
                    Some(before)
                        if before.introduces_next
                            && before.content_tokens + paragraph.content_tokens
                                <= limits.list_limit =>
                    {
                        extend_part(before, &paragraph);
                    }
                    _ => parts.push(paragraph),
                }
            }
        }
    }
    parts.extend(lead);
    parts
}

/// Whether an item of this size belongs to what stands before it.
fn accepts_item(list: &UnitPart, size: usize, limits: &GroupingLimits) -> bool {
    let introduces =
        list.is_list || list.introduces_next || list.content_tokens <= MIN_PARAGRAPH_TOKENS * 2;
    // Small items stay with their list even where it must be cut later, between items.
    introduces
        && (list.content_tokens + size <= limits.list_limit
            || size <= MIN_PARAGRAPH_TOKENS + MIN_PARAGRAPH_TOKENS / 4)
}

fn join_parts(before: Option<UnitPart>, mut after: UnitPart) -> UnitPart {
    if let Some(before) = before {
        after.blocks.start = before.blocks.start;
        after.content_tokens += before.content_tokens;
        after.is_title &= before.is_title;
        after.attached_to_previous = before.attached_to_previous;
    }
    after
}

fn extend_part(before: &mut UnitPart, after: &UnitPart) {
    before.blocks.end = after.blocks.end;
    before.content_tokens += after.content_tokens;
    before.introduces_next = after.introduces_next;
    before.is_title &= after.is_title;
    before.is_list |= after.is_list;
}

/// Short parts with each other and their neighbours.
///
/// A short line between paragraphs leads to the one after it; among other short lines it is part of
/// a run, which grows to a paragraph's size.
fn merge_short_parts(parts: Vec<UnitPart>, limits: &GroupingLimits) -> Vec<UnitPart> {
    let mut merged: Vec<UnitPart> = Vec::new();
    // Whether the last merged part holds short lines only.
    let mut run = false;
    let mut rest = parts.into_iter().peekable();
    while let Some(part) = rest.next() {
        let short = part.is_short();
        let before_short = rest.peek().is_none_or(UnitPart::is_short);
        if let Some(before) = merged.last_mut()
            && (must_join_next(before, &part, limits)
                || layout_joins(before, &part, limits)
                || run
                    && short
                    && before_short
                    && before.content_tokens + part.content_tokens <= limits.short_run_target)
        {
            extend_part(before, &part);
            run &= short;
        } else {
            run = short;
            merged.push(part);
        }
    }
    // What is still short had nothing after it that it could join.
    let mut grouped: Vec<UnitPart> = Vec::new();
    for part in merged {
        match grouped.last_mut() {
            Some(before)
                if part.is_short()
                    && !part.is_title
                    && !before.is_title_page()
                    && before.content_tokens + part.content_tokens <= limits.max_content_tokens =>
            {
                extend_part(before, &part);
            }
            _ => grouped.push(part),
        }
    }
    grouped
}

/// Whether `before` is too short to stand alone and may go with `after`.
fn must_join_next(before: &UnitPart, after: &UnitPart, limits: &GroupingLimits) -> bool {
    let ceiling = if after.is_short() {
        limits.merge_limit
    } else {
        limits.max_content_tokens
    };
    before.is_short()
        && !before.is_title_page()
        && before.content_tokens + after.content_tokens <= ceiling
}

/// Whether the layout holds the two together and they are small enough for it.
fn layout_joins(before: &UnitPart, after: &UnitPart, limits: &GroupingLimits) -> bool {
    after.attached_to_previous
        && !before.is_list
        && !before.is_title_page()
        && before.content_tokens + after.content_tokens <= limits.short_run_target
}
