//! What a block is for in a speech: to be said, to introduce, to greet, to close.

use super::blocks::TextBlock;
use super::line_ends::{first_significant_char, is_title_case, is_wrapper, last_significant_char};

/// The part a block plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    /// Speech.
    Paragraph,
    /// A list item.
    ListItem,
    /// A greeting of the audience: goes with what follows.
    Salutation,
    /// A heading, a line of a title page, a signature: goes with what follows, if anything does.
    Heading,
    /// Thanks at the end: goes with what precedes.
    Closing,
}

/// A list item longer than this many tokens is a paragraph with a number before it.
const MAX_NUMBERED_ITEM_TOKENS: usize = 60;

const MAX_SALUTATION_CHARS: usize = 110;
const MAX_HEADING_CHARS: usize = 110;
const MAX_TITLE_CHARS: usize = 240;
const MAX_CLOSING_CHARS: usize = 70;

/// Tells what a block is. `late` says that the document is nearly over.
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
    let open = !last_significant_char(text).is_some_and(|c| ".!?…;,。！？；，".contains(c));
    let brief = chars <= MAX_HEADING_CHARS || chars <= MAX_TITLE_CHARS && is_title_case(text);
    if brief && open && !first_significant_char(text).is_some_and(char::is_lowercase) {
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

/// Whom speakers greet.
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
    let mut greeted = 0_usize;
    for word in text.split([' ', '-']) {
        let word = word
            .trim_matches(|c: char| !c.is_alphanumeric())
            .to_lowercase();
        if word.chars().count() > 3 || SALUTATION_WORDS.contains(&word.as_str()) {
            words += 1;
            greeted += usize::from(SALUTATION_WORDS.contains(&word.as_str()));
        }
    }
    // "Mr. President of the 79th Session of the General Assembly," greets; "I thank the President." not.
    let comma = matches!(end, Some(',' | ';' | ':'));
    greeted > 0 && (greeted * 2 >= words || comma && greeted * 5 >= words)
}
