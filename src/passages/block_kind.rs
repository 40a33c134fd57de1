//! Classification of blocks by their function in a speech.

use super::blocks::TextBlock;
use super::line_ends::{first_significant_char, is_title_case, is_wrapper, last_significant_char};

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
    let unpunctuated = !last_significant_char(text).is_some_and(|c| ".!?…;,。！？；，".contains(c));
    let brief = chars <= MAX_HEADING_CHARS || chars <= MAX_TITLE_CHARS && is_title_case(text);
    if brief && unpunctuated && !first_significant_char(text).is_some_and(char::is_lowercase) {
        return BlockKind::Heading;
    }
    BlockKind::Paragraph
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

/// Words for addressees of a speech.
const SALUTATION_WORDS: [&str; 41] = [
    "ambassadors",
    "audience",
    "brothers",
    "chair",
    "chairman",
    "chairperson",
    "citizens",
    "colleagues",
    "compatriots",
    "delegates",
    "delegations",
    "excellences",
    "excellencies",
    "excellency",
    "friends",
    "gentlemen",
    "government",
    "guests",
    "highness",
    "highnesses",
    "honourable",
    "ladies",
    "leaders",
    "madam",
    "majesties",
    "majesty",
    "members",
    "minister",
    "ministers",
    "mister",
    "mr",
    "mrs",
    "ms",
    "participants",
    "president",
    "representatives",
    "secretary",
    "sir",
    "sirs",
    "sisters",
    "states",
];

fn is_salutation(text: &str) -> bool {
    let end = text.chars().next_back();
    if end == Some('?') || first_significant_char(text).is_some_and(char::is_lowercase) {
        return false;
    }
    if matches!(end, Some(',' | ';')) && text.split(' ').count() <= 6 {
        return true;
    }
    let mut words = 0_usize;
    let mut addressees = 0_usize;
    for word in text.split([' ', '-']) {
        let word = word
            .trim_matches(|c: char| !c.is_alphanumeric())
            .to_lowercase();
        if word.chars().count() > 3 || SALUTATION_WORDS.contains(&word.as_str()) {
            words += 1;
            addressees += usize::from(SALUTATION_WORDS.contains(&word.as_str()));
        }
    }
    // "Mr. President of the 79th Session of the General Assembly," is a salutation; "I thank the President." is not.
    let comma = matches!(end, Some(',' | ';' | ':'));
    addressees > 0 && (addressees * 2 >= words || comma && addressees * 5 >= words)
}
