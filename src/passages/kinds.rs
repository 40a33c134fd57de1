//! What a block is for in a speech: to be said, to introduce, to greet, to close.

use super::blocks::Block;
use super::terms::{first_mark, is_title_like, is_wrapper, last_mark};

/// The part a block plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Speech.
    Paragraph,
    /// A list item.
    Item,
    /// A greeting of the audience: goes with what follows.
    Salutation,
    /// A heading, a line of a title page, a signature: goes with what follows, if anything does.
    Heading,
    /// Thanks at the end: goes with what precedes.
    Closing,
}

/// A list item longer than this many tokens is a paragraph with a number before it.
const LONGEST_NUMBERED_ITEM: usize = 60;

const LONGEST_SALUTATION: usize = 110;
const LONGEST_HEADING: usize = 110;
const LONGEST_TITLE: usize = 240;
const LONGEST_CLOSING: usize = 70;

/// Tells what a block is. `late` says that the document is nearly over.
pub(super) fn of(block: &Block, tokens: usize, late: bool) -> Kind {
    if block.marker > 0 {
        return if block.numbered && tokens > LONGEST_NUMBERED_ITEM {
            Kind::Paragraph
        } else {
            Kind::Item
        };
    }
    let chars = block.text.chars().count();
    let text = block.text.trim_matches(|c| is_wrapper(c) || c == ' ');
    if late && chars <= LONGEST_CLOSING && is_closing(text) {
        return Kind::Closing;
    }
    if chars <= LONGEST_SALUTATION && is_salutation(text) {
        return Kind::Salutation;
    }
    let open = !last_mark(text).is_some_and(|c| ".!?…;,。！？；，".contains(c));
    let brief = chars <= LONGEST_HEADING || chars <= LONGEST_TITLE && is_title_like(text);
    if brief && open && !first_mark(text).is_some_and(char::is_lowercase) {
        return Kind::Heading;
    }
    Kind::Paragraph
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
const GREETED: [&str; 41] = [
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
    if end == Some('?') || first_mark(text).is_some_and(char::is_lowercase) {
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
        if word.chars().count() > 3 || GREETED.contains(&word.as_str()) {
            words += 1;
            greeted += usize::from(GREETED.contains(&word.as_str()));
        }
    }
    // "Mr. President of the 79th Session of the General Assembly," greets; "I thank the President." not.
    let comma = matches!(end, Some(',' | ';' | ':'));
    greeted > 0 && (greeted * 2 >= words || comma && greeted * 5 >= words)
}
