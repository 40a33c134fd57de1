//! Classification of blocks by their function in a speech.

use super::blocks::TextBlock;
use super::line_ends::{first_significant_char, is_title_case, is_wrapper, last_significant_char};
use super::salutations::is_salutation;

/// The function of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    /// Running text.
    Paragraph,
    ListItem,
    /// A greeting of the audience: merged with what follows.
    Salutation,
    /// A heading, a line of a title page, a signature: merged with what follows, if anything.
    Heading,
    /// Thanks at the end: merged with what precedes.
    Closing,
}

/// A longer numbered item is a numbered paragraph.
const MAX_NUMBERED_ITEM_TOKENS: usize = 60;

const MAX_SALUTATION_CHARS: usize = 110;
const MAX_HEADING_CHARS: usize = 110;
const MAX_TITLE_CHARS: usize = 240;
/// Longer numbered lines are items.
const MAX_SHORT_TITLE_WORDS: usize = 8;
const MAX_CLOSING_CHARS: usize = 70;

/// Classifies a block. `near_end` is true in the last fifth of the document.
pub(super) fn classify(block: &TextBlock, tokens: usize, near_end: bool) -> BlockKind {
    if block.marker_bytes > 0 {
        return if block.numbered && tokens > MAX_NUMBERED_ITEM_TOKENS {
            BlockKind::Paragraph
        } else {
            BlockKind::ListItem
        };
    }
    let chars = block.text.chars().count();
    let text = block.text.trim_matches(|c| is_wrapper(c) || c == ' ');
    if near_end && chars <= MAX_CLOSING_CHARS && is_closing(text) {
        return BlockKind::Closing;
    }
    if chars <= MAX_SALUTATION_CHARS && is_salutation(text) {
        return BlockKind::Salutation;
    }
    if is_heading(text) {
        return BlockKind::Heading;
    }
    BlockKind::Paragraph
}

/// Returns whether a line without a list marker reads as a heading.
pub(super) fn is_heading(text: &str) -> bool {
    let chars = text.chars().count();
    let unpunctuated = !last_significant_char(text).is_some_and(|c| ".!?…;,。！？；，".contains(c));
    let brief = chars <= MAX_HEADING_CHARS || chars <= MAX_TITLE_CHARS && is_title_case(text);
    brief && unpunctuated && !first_significant_char(text).is_some_and(char::is_lowercase)
}

/// Returns whether a line is a title of a few words.
pub(super) fn is_short_title(text: &str) -> bool {
    text.split(' ').count() <= MAX_SHORT_TITLE_WORDS && is_title_case(text)
}

/// Returns whether a line is in capitals.
pub(super) fn is_capitals(text: &str) -> bool {
    text.chars().filter(|c| c.is_uppercase()).count() > 1 && !text.chars().any(char::is_lowercase)
}

fn is_closing(text: &str) -> bool {
    let text = text.to_lowercase();
    let thanks = [
        "thank",
        "i thank",
        "many thanks",
        "god bless",
        "merci",
        "gracias",
    ];
    thanks.iter().any(|start| text.starts_with(start))
}
