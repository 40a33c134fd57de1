//! Lines of wrapped text that are not wrapped: verse, and headings without blank lines around them.

use std::collections::HashMap;

use super::bullets;
use super::layout::TextLayout;
use super::line_ends::{
    ends_incomplete, ends_sentence, ends_statement, first_significant_char, starts_lowercase,
};
use super::lines::SourceLine;

/// Verse is indented by at least this many blanks more than the text around it.
const MIN_VERSE_INDENT: usize = 2;
/// Fewer lines are a quotation or a heading.
const MIN_VERSE_LINES: usize = 3;
/// Lines of verse are shorter than those of prose, in percent of the width.
const MAX_VERSE_PERCENT: usize = 85;
/// Headings are rarely longer.
const MAX_HEADING_CHARS: usize = 70;

/// Marks runs of indented lines that all start with a capital: each is a verse.
pub(super) fn mark_verse(lines: &mut [SourceLine], layout: &TextLayout) {
    let indent = usual_indent(lines);
    let is_verse = |line: &SourceLine| {
        line.indent >= indent + MIN_VERSE_INDENT
            && first_significant_char(&line.text).is_some_and(char::is_uppercase)
            && line.chars * 100 <= layout.width * MAX_VERSE_PERCENT
            && bullets::list_marker(&line.text).is_none()
    };
    let mut from = 0;
    while from < lines.len() {
        let length = lines[from..]
            .iter()
            .take_while(|line| is_verse(line))
            .count();
        // The indented first line of a paragraph goes on without indent, in lower case.
        let goes_on = lines
            .get(from + length)
            .is_some_and(|line| line.blank_lines_before == 0 && starts_lowercase(&line.text));
        let length = length - usize::from(goes_on && length > 0);
        if length >= MIN_VERSE_LINES {
            for line in &mut lines[from..from + length] {
                line.stands_alone = true;
            }
        }
        from += length.max(1);
    }
}

/// Returns the indent of most lines.
fn usual_indent(lines: &[SourceLine]) -> usize {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    for line in lines {
        *counts.entry(line.indent).or_default() += 1;
    }
    let most = counts
        .into_iter()
        .max_by_key(|&(indent, count)| (count, std::cmp::Reverse(indent)));
    most.map_or(0, |(indent, _)| indent)
}

/// Marks lines that end early without punctuation, between the end of a sentence and the start of one.
pub(super) fn mark_headings(lines: &mut [SourceLine], layout: &TextLayout) {
    // In a text of capitals, every line starts with one.
    if !layout.wrapped || layout.all_caps {
        return;
    }
    for nth in 1..lines.len().saturating_sub(1) {
        let (before, line, after) = (&lines[nth - 1], &lines[nth], &lines[nth + 1]);
        lines[nth].stands_alone |= ends_sentence(&before.text)
            && line.chars <= MAX_HEADING_CHARS
            && layout.is_short_line(line, after)
            && !ends_statement(&line.text)
            && !line.text.ends_with([',', '-', '–', '—'])
            && !ends_incomplete(&line.text)
            && first_significant_char(&line.text)
                .is_some_and(|c| c.is_uppercase() || c.is_numeric())
            && first_significant_char(&after.text).is_some_and(char::is_uppercase)
            && bullets::list_marker(&after.text).is_none();
    }
}
