//! Rejoins lines into paragraphs, headings and list items.

use super::bullets::{self, ListMarker};
use super::hyphenation::{LineJoin, WordCounts};
use super::layout::{self, TextLayout};
use super::line_ends::{
    ends_incomplete, ends_sentence, ends_statement, is_title_case, is_unspaced_script,
    last_significant_char, starts_lowercase,
};
use super::lines::SourceLine;
use super::lone_lines;
use super::salutations::is_salutation;
use super::sentences::starts_like_sentence;

/// A paragraph, heading, salutation or list item: one line of the clean text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextBlock {
    /// Its text, on one line.
    pub text: String,
    /// The length in bytes of its list marker and the blank after it; 0 if it is not a list item.
    pub marker_bytes: usize,
    /// Whether its marker is a number or a letter, which whole paragraphs may also have.
    pub numbered: bool,
    /// Whether the layout groups it with the block before it.
    pub attached_to_previous: bool,
    /// The number of source lines it was joined from.
    line_count: usize,
}

/// A line of prose of this length that does not end in punctuation is probably broken.
const MIN_CUT_PROSE_CHARS: usize = 180;

/// Salutations and headings are rarely longer.
const MAX_SHORT_LINE_CHARS: usize = 70;

/// Endings of the first words of a preamble's clauses: "Recalling", "Considérant".
const CLAUSE_ENDINGS: [&str; 3] = ["ing", "ant", "ando"];

/// Rejoins lines into blocks.
pub(super) fn assemble(mut lines: Vec<SourceLine>) -> Vec<TextBlock> {
    let layout = layout::measure(&lines);
    lone_lines::mark_verse(&mut lines, &layout);
    lone_lines::mark_headings(&mut lines, &layout);
    let words = WordCounts::collect(&lines);
    let mut blocks: Vec<TextBlock> = Vec::new();
    let mut last: Option<SourceLine> = None;
    for line in lines {
        let marker = trusted_marker(&line, last.as_ref(), blocks.last(), &layout);
        if let (Some(before), Some(block)) = (&last, blocks.last_mut()) {
            let lone_bullet = bullets::is_lone_bullet(&block.text);
            let opens = marker.is_some() || bullets::is_lone_bullet(&line.text);
            if (lone_bullet && !line.separated_before)
                || (!opens && continues_block(block, before, &line, &layout))
            {
                append_line(block, before, &line.text, &words);
                if lone_bullet {
                    block.marker_bytes =
                        bullets::list_marker(&block.text).map_or(0, |(_, length)| length);
                }
                last = Some(line);
                continue;
            }
        }
        blocks.push(TextBlock {
            text: line.text.clone(),
            marker_bytes: marker.map_or(0, |(_, length)| length),
            numbered: marker.is_some_and(|(kind, _)| kind == ListMarker::Enumerator),
            attached_to_previous: layout.informative_blanks
                && !layout.wrapped
                && line.blank_lines_before == 0
                && !line.separated_before
                && !line.page_break_before,
            line_count: 1,
        });
        last = Some(line);
    }
    blocks
}

/// Returns the line's list marker, unless it probably belongs to the sentence before it.
fn trusted_marker(
    line: &SourceLine,
    before: Option<&SourceLine>,
    block: Option<&TextBlock>,
    layout: &TextLayout,
) -> Option<(ListMarker, usize)> {
    let (kind, length) = bullets::list_marker(&line.text)?;
    if line.text.starts_with("o ") && !layout.letter_bullets {
        return None;
    }
    let (Some(before), Some(block)) = (before, block) else {
        return Some((kind, length));
    };
    let opens = kind == ListMarker::Bullet
        || block.marker_bytes > 0
        || ends_statement(&before.text)
        || (line.blank_lines_before > 0 && !layout.blanks_inside_sentences)
        || last_significant_char(&before.text) == Some(',') && !layout.wrapped
        || block.line_count == 1 && before.chars < MAX_SHORT_LINE_CHARS && !layout.wrapped;
    opens.then_some((kind, length))
}

/// Returns whether `line` continues the block that ends with the line `before`.
fn continues_block(
    block: &TextBlock,
    before: &SourceLine,
    line: &SourceLine,
    layout: &TextLayout,
) -> bool {
    if line.separated_before || line.stands_alone || before.stands_alone {
        return false;
    }
    if before.ends_in_soft_hyphen {
        return true;
    }
    let ended = ends_sentence(&before.text);
    if starts_lowercase(&line.text) && !ended {
        let lists = last_significant_char(&before.text).is_some_and(|c| matches!(c, ':' | ';'));
        return !lists || layout.wrapped;
    }
    if !line.text.chars().any(char::is_alphanumeric) && line.chars <= 2 {
        // A closing quote or bracket on a line of its own.
        return line.blank_lines_before == 0;
    }
    let apart = line.page_break_before
        || line.blank_lines_before > usize::from(layout.blanks_inside_sentences);
    if !layout.wrapped {
        // A blank line separates paragraphs; the end of a page or column may break one.
        let may_break = !apart
            || line.page_break_before
            || ends_incomplete(&before.text)
            || before
                .text
                .ends_with(|c: char| c.is_alphabetic() || c == ',')
                && !starts_paragraph(block, &line.text);
        return !ended && may_break && ends_mid_sentence(block, before, line);
    }
    let full = layout.is_full_line(before, line);
    if apart {
        let page_may_end = line.page_break_before || line.blank_lines_before >= 2;
        return !ends_statement(&before.text)
            && full
            && (page_may_end || ends_incomplete(&before.text))
            && (layout.all_caps || block.line_count > 1 || !is_title_case(&before.text));
    }
    if line.blank_lines_before > 0 && ended {
        // Blank lines do not separate paragraphs in this layout, but one after a full stop might.
        return full && before.chars * 10 >= layout.width * 9;
    }
    if ended {
        return layout.reaches_wrap(before, line) || starts_lowercase(&line.text);
    }
    if full {
        return true;
    }
    let unfinished =
        ends_incomplete(&before.text) || before.text.ends_with(',') && !is_salutation(&before.text);
    if layout.is_short_line(before, line) && !unfinished && !layout.all_caps {
        return starts_lowercase(&line.text);
    }
    // A short line that does not end a sentence: a salutation or heading, or a ragged page.
    let stands_alone = block.line_count == 1
        && before.chars < MAX_SHORT_LINE_CHARS
        && (last_significant_char(&before.text).is_some_and(|c| matches!(c, ',' | ':' | ';'))
            || !layout.all_caps && is_title_case(&before.text));
    !(stands_alone || ends_statement(&before.text))
}

/// Returns whether a line after a blank one starts a paragraph although the block before it has no full
/// stop: like a sentence, or like the block, as in a preamble of clauses.
fn starts_paragraph(block: &TextBlock, next: &str) -> bool {
    let first = |text: &str| text.split(' ').next().unwrap_or_default().to_lowercase();
    starts_like_sentence(next)
        || first(next) == first(&block.text)
        || CLAUSE_ENDINGS
            .iter()
            .any(|ending| first(next).ends_with(ending))
}

/// Returns whether a one-line paragraph stops in mid-sentence although the next line starts with a
/// capital.
fn ends_mid_sentence(block: &TextBlock, before: &SourceLine, line: &SourceLine) -> bool {
    if ends_statement(&before.text) || is_title_case(&before.text) {
        return false;
    }
    if ends_incomplete(&before.text) {
        return true;
    }
    let letters =
        last_significant_char(&before.text).is_some_and(|c| c.is_alphanumeric() || c == ',');
    // At the end of a page, an unfinished line is more likely broken.
    let long = if line.page_break_before {
        MAX_SHORT_LINE_CHARS
    } else {
        MIN_CUT_PROSE_CHARS
    };
    letters && block.marker_bytes == 0 && before.chars >= long && line.chars >= MAX_SHORT_LINE_CHARS
}

fn append_line(block: &mut TextBlock, before: &SourceLine, next: &str, words: &WordCounts) {
    let join = if before.ends_in_soft_hyphen {
        LineJoin::NoSpace
    } else {
        words.join_with(&block.text, next)
    };
    match join {
        LineJoin::NoSpace => {}
        LineJoin::Dehyphenated => {
            block.text.pop();
        }
        LineJoin::Space => {
            let unspaced = block
                .text
                .chars()
                .next_back()
                .is_some_and(is_unspaced_script)
                && next.chars().next().is_some_and(is_unspaced_script);
            if !unspaced {
                block.text.push(' ');
            }
        }
    }
    block.text.push_str(next);
    block.line_count += 1;
}
