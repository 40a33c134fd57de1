//! Lines rejoined into the paragraphs, headings and list items that they were torn from.

use super::bullets::{self, Marker};
use super::hyphens::{Seam, Words};
use super::layout::{self, Layout};
use super::lines::Line;
use super::terms::{
    begins_lower, ends_open, ends_sentence, ends_statement, is_title_like, is_unspaced, last_mark,
};

/// A paragraph, heading, salutation or list item: one line of the clean text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// Its text on one line.
    pub text: String,
    /// The length in bytes of its list marker and the blank after it; 0 when it is no list item.
    pub marker: usize,
    /// Whether its marker is a number or a letter, which whole paragraphs may bear too.
    pub numbered: bool,
    /// Whether the layout holds it together with the block before it.
    pub follows_closely: bool,
    /// From how many source lines it was put together.
    lines: usize,
}

/// Prose of this many characters that stops without a full stop has been cut.
const LONG_PROSE: usize = 180;

/// Salutations and headings are hardly longer.
const SHORT_LINE: usize = 70;

/// Rejoins lines into blocks.
pub(super) fn assemble(lines: Vec<Line>) -> Vec<Block> {
    let layout = layout::measure(&lines);
    let words = Words::collect(&lines);
    let mut blocks: Vec<Block> = Vec::new();
    let mut last: Option<Line> = None;
    for line in lines {
        let marker = trusted_marker(&line, last.as_ref(), blocks.last(), &layout);
        if let (Some(before), Some(block)) = (&last, blocks.last_mut()) {
            let lone_sign = bullets::is_lone_sign(&block.text);
            let opens = marker.is_some() || bullets::is_lone_sign(&line.text);
            if (lone_sign && !line.parted) || (!opens && continues(block, before, &line, &layout)) {
                attach(block, before, &line.text, &words);
                if lone_sign {
                    block.marker = bullets::marker(&block.text).map_or(0, |(_, length)| length);
                }
                last = Some(line);
                continue;
            }
        }
        blocks.push(Block {
            text: line.text.clone(),
            marker: marker.map_or(0, |(_, length)| length),
            numbered: marker.is_some_and(|(kind, _)| kind == Marker::Number),
            follows_closely: layout.telling_blanks
                && !layout.wrapped
                && line.gap == 0
                && !line.parted
                && !line.page_break,
            lines: 1,
        });
        last = Some(line);
    }
    blocks
}

/// The line's list marker, unless it is more likely a piece of the sentence before it.
fn trusted_marker(
    line: &Line,
    before: Option<&Line>,
    block: Option<&Block>,
    layout: &Layout,
) -> Option<(Marker, usize)> {
    let (kind, length) = bullets::marker(&line.text)?;
    if line.text.starts_with("o ") && !layout.letter_bullets {
        return None;
    }
    let (Some(before), Some(block)) = (before, block) else {
        return Some((kind, length));
    };
    let opens = kind == Marker::Sign
        || block.marker > 0
        || ends_statement(&before.text)
        || (line.gap > 0 && !layout.stray_blanks)
        || last_mark(&before.text) == Some(',') && !layout.wrapped
        || block.lines == 1 && before.chars < SHORT_LINE && !layout.wrapped;
    opens.then_some((kind, length))
}

/// Whether `line` goes on with the block that ends in the line `before`.
fn continues(block: &Block, before: &Line, line: &Line, layout: &Layout) -> bool {
    if line.parted {
        return false;
    }
    if before.soft_hyphen {
        return true;
    }
    let ended = ends_sentence(&before.text);
    if begins_lower(&line.text) && !ended {
        let lists = last_mark(&before.text).is_some_and(|c| matches!(c, ':' | ';'));
        return !lists || layout.wrapped;
    }
    if !line.text.chars().any(char::is_alphanumeric) && line.chars <= 2 {
        // A closing quote or bracket that lost its line.
        return line.gap == 0;
    }
    let apart = line.page_break || line.gap > usize::from(layout.stray_blanks);
    if !layout.wrapped {
        return !ended && cut_in_prose(block, before, line);
    }
    let full = layout.is_full(before, line);
    if apart {
        return !ends_statement(&before.text)
            && full
            && (layout.capitals || block.lines > 1 || !is_title_like(&before.text));
    }
    if line.gap > 0 && ended {
        // Blank lines do not part paragraphs here, but a full stop before one might.
        return full && before.chars * 10 >= layout.width * 9;
    }
    if ended {
        return full || begins_lower(&line.text);
    }
    if full {
        return true;
    }
    // A short line that does not end a sentence: a salutation or heading, or a ragged page.
    let stands_alone = block.lines == 1
        && before.chars < SHORT_LINE
        && (last_mark(&before.text).is_some_and(|c| matches!(c, ',' | ':' | ';'))
            || !layout.capitals && is_title_like(&before.text));
    !(stands_alone || ends_statement(&before.text))
}

/// Whether a paragraph that fills one line stops in mid-sentence, though the next line has a capital.
fn cut_in_prose(block: &Block, before: &Line, line: &Line) -> bool {
    if ends_statement(&before.text) || is_title_like(&before.text) {
        return false;
    }
    if ends_open(&before.text) {
        return true;
    }
    let letters = last_mark(&before.text).is_some_and(|c| c.is_alphanumeric() || c == ',');
    // At the end of a page a line that stops is more likely cut.
    let long = if line.page_break {
        SHORT_LINE
    } else {
        LONG_PROSE
    };
    letters && block.marker == 0 && before.chars >= long && line.chars >= SHORT_LINE
}

fn attach(block: &mut Block, before: &Line, next: &str, words: &Words) {
    let seam = if before.soft_hyphen {
        Seam::Tight
    } else {
        words.seam(&block.text, next)
    };
    match seam {
        Seam::Tight => {}
        Seam::Mended => {
            block.text.pop();
        }
        Seam::Blank => {
            let unspaced = block.text.chars().next_back().is_some_and(is_unspaced)
                && next.chars().next().is_some_and(is_unspaced);
            if !unspaced {
                block.text.push(' ');
            }
        }
    }
    block.text.push_str(next);
    block.lines += 1;
}
