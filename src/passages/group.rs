//! Merges blocks into units of a paragraph's size: lists with their introductions, headings and
//! salutations with what follows, short lines with each other.

use std::ops::Range;

use super::TokenCounter;
use super::block_kind::{self, BlockKind};
use super::blocks::TextBlock;
use super::line_ends::last_significant_char;
use super::split::MAX_CHARS_PER_TOKEN;

/// Adjacent blocks that form one passage, or several if they are too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PassageUnit {
    /// The indices of the blocks.
    pub blocks: Range<usize>,
    /// The exact token count, if known.
    pub tokens: Option<usize>,
}

/// A paragraph of at least this size is not merged with others.
const MIN_PARAGRAPH_TOKENS: usize = 32;
/// Short lines are merged up to this size.
const SHORT_RUN_TARGET_TOKENS: usize = 96;
/// Headings and short parts are merged up to this size.
const MERGE_LIMIT_TOKENS: usize = 160;
/// Introductions and lists are merged with what they introduce up to this size.
const LIST_LIMIT_TOKENS: usize = 200;
/// Headings of at least this size in total are a title page and form a unit of their own.
const MIN_TITLE_PAGE_TOKENS: usize = 24;

/// A unit under construction.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent traits, not states"
)]
struct UnitPart {
    blocks: Range<usize>,
    /// The sum of the blocks' tokens, without special tokens.
    content_tokens: usize,
    is_list: bool,
    is_title: bool,
    /// Whether it ends in a colon.
    introduces_next: bool,
    attached_to_previous: bool,
    /// Whether it begins with a heading, and so a passage begins with it.
    starts_section: bool,
}

impl UnitPart {
    fn is_short(&self) -> bool {
        // A list with its introduction is self-contained; only very short ones are merged.
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

/// Groups the blocks of a document into units.
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

/// The limits above, capped by the encoder's maximum length.
struct GroupingLimits {
    special_tokens: usize,
    /// The size assigned to blocks that must be split in any case and are not counted.
    oversized_tokens: usize,
    short_run_target: usize,
    merge_limit: usize,
    list_limit: usize,
    max_content_tokens: usize,
}

impl GroupingLimits {
    fn new(counter: &dyn TokenCounter) -> Self {
        let special = counter.count_tokens("");
        let max_content = counter.max_tokens().saturating_sub(special);
        Self {
            special_tokens: special,
            oversized_tokens: max_content.saturating_mul(MAX_CHARS_PER_TOKEN).max(1),
            short_run_target: SHORT_RUN_TARGET_TOKENS.min(max_content),
            merge_limit: MERGE_LIMIT_TOKENS.min(max_content),
            list_limit: LIST_LIMIT_TOKENS.min(max_content),
            max_content_tokens: max_content,
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

/// Merges lists with their introductions, and headings and salutations with what follows.
fn attach_introductions(
    blocks: &[TextBlock],
    sizes: &[usize],
    limits: &GroupingLimits,
) -> Vec<UnitPart> {
    let mut parts: Vec<UnitPart> = Vec::new();
    // Headings and salutations to be merged with what follows.
    let mut lead: Option<UnitPart> = None;
    for (index, (block, &size)) in blocks.iter().zip(sizes).enumerate() {
        let near_end = (index + 1) * 5 > blocks.len() * 4;
        let kind = if is_numbered_heading(blocks, index) {
            BlockKind::Heading
        } else {
            block_kind::classify(block, size, near_end)
        };
        let part = UnitPart {
            blocks: index..index + 1,
            content_tokens: size,
            is_list: kind == BlockKind::ListItem,
            is_title: kind == BlockKind::Heading,
            introduces_next: last_significant_char(&block.text) == Some(':'),
            attached_to_previous: block.attached_to_previous,
            starts_section: kind == BlockKind::Heading && !block.text.ends_with([':', '—', '–']),
        };
        match kind {
            BlockKind::Heading | BlockKind::Salutation => {
                // A salutation after a title page opens the speech.
                let ends_title_page = kind == BlockKind::Salutation
                    && lead
                        .as_ref()
                        .is_some_and(|l| l.is_title && l.content_tokens >= MIN_TITLE_PAGE_TOKENS);
                let full = lead
                    .as_ref()
                    .is_some_and(|l| l.content_tokens + size > limits.merge_limit);
                if ends_title_page || full {
                    parts.extend(lead.take());
                }
                lead = Some(join_parts(lead.take(), part));
            }
            BlockKind::Closing => match (lead.take(), parts.last_mut()) {
                (None, Some(previous)) => extend_part(previous, &part),
                (lead, _) => parts.push(join_parts(lead, part)),
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

/// Returns whether a numbered item is the heading of a section: in capitals, or followed by text.
fn is_numbered_heading(blocks: &[TextBlock], index: usize) -> bool {
    let block = &blocks[index];
    if !block.numbered {
        return false;
    }
    let title = &block.text[block.marker_bytes..];
    let is_item = |nth: Option<usize>| {
        nth.and_then(|nth| blocks.get(nth))
            .is_some_and(|block| block.marker_bytes > 0)
    };
    let next_is_text = index + 1 < blocks.len() && !is_item(Some(index + 1));
    next_is_text
        && block_kind::is_heading(title)
        && (block_kind::is_capitals(title)
            || block_kind::is_short_title(title) && !is_item(index.checked_sub(1)))
}

/// Returns whether a list item of this size is merged with the part before it.
fn accepts_item(list: &UnitPart, size: usize, limits: &GroupingLimits) -> bool {
    let introduces =
        list.is_list || list.introduces_next || list.content_tokens <= MIN_PARAGRAPH_TOKENS * 2;
    // Small items stay with their list even if it must be split later, between items.
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
        after.starts_section = before.starts_section;
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

/// Merges short parts with each other and with their neighbours.
///
/// A short line between paragraphs is merged with the next; several short lines are merged up to a
/// paragraph's size.
fn merge_short_parts(parts: Vec<UnitPart>, limits: &GroupingLimits) -> Vec<UnitPart> {
    let mut merged: Vec<UnitPart> = Vec::new();
    // Whether the last merged part consists of short lines only.
    let mut run = false;
    let mut rest = parts.into_iter().peekable();
    while let Some(part) = rest.next() {
        let short = part.is_short();
        let next_short = rest.peek().is_none_or(UnitPart::is_short);
        if let Some(before) = merged.last_mut()
            && (must_join_next(before, &part, limits)
                || layout_joins(before, &part, limits)
                || run
                    && short
                    && next_short
                    && may_precede(before, &part)
                    && before.content_tokens + part.content_tokens <= limits.short_run_target)
        {
            extend_part(before, &part);
            run &= short;
        } else {
            run = short;
            merged.push(part);
        }
    }
    // Parts that are still short could not be merged with what follows.
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

/// Returns whether the passage of `before` may go on with `after`: a heading begins a passage, except
/// after the first lines of a document, which have nothing else to join.
fn may_precede(before: &UnitPart, after: &UnitPart) -> bool {
    !after.starts_section || before.is_title || before.blocks.start == 0
}

/// Returns whether `before` is too short for a unit of its own and fits with `after`.
fn must_join_next(before: &UnitPart, after: &UnitPart, limits: &GroupingLimits) -> bool {
    let limit = if after.is_short() {
        limits.merge_limit
    } else {
        limits.max_content_tokens
    };
    before.is_short()
        && !before.is_title_page()
        && may_precede(before, after)
        && before.content_tokens + after.content_tokens <= limit
}

/// Returns whether the layout groups the two parts and they are small enough.
fn layout_joins(before: &UnitPart, after: &UnitPart, limits: &GroupingLimits) -> bool {
    after.attached_to_previous
        && !before.is_list
        && may_precede(before, after)
        && !before.is_title_page()
        && before.content_tokens + after.content_tokens <= limits.short_run_target
}
