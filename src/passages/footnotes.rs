//! Footnotes at the ends of pages, between the halves of a sentence.

use super::DropReason;
use super::line_ends::{ends_statement, starts_lowercase};
use super::lines::SourceLine;
use super::page_furniture::{bare_number, positions};

/// The lines of the footnotes of one page.
const MAX_FOOTNOTE_LINES: usize = 12;
/// The line that a footnote interrupts has at least this length.
const MIN_INTERRUPTED_CHARS: usize = 30;

/// Marks the footnotes of a page together with the page number after them.
///
/// They are numbered from the number of the last page's footnotes on, stand between an unfinished line
/// and its continuation in lower case, and the page ends after them.
pub(super) fn mark_footnotes(lines: &[SourceLine], marks: &mut [Option<DropReason>]) {
    let positions = positions(lines, marks);
    let mut expected = 1;
    let mut nth = 1;
    while nth < positions.len() {
        let before = positions[nth - 1].line;
        let number = footnote_number(&positions[nth].line.text);
        let starts = number.is_some_and(|number| number == expected || number == 1)
            && before.chars >= MIN_INTERRUPTED_CHARS
            && !ends_statement(&before.text);
        let end = if starts {
            (nth + 1..positions.len().min(nth + MAX_FOOTNOTE_LINES)).find(|&end| {
                let ends_page = bare_number(&positions[end - 1].line.text).is_some()
                    || positions[end].line.page_break_before
                    || positions[end].line.blank_lines_before >= 2
                    || positions[end].at_page_break && positions[end - 1].at_page_break;
                ends_page && starts_lowercase(&positions[end].line.text)
            })
        } else {
            None
        };
        let Some(end) = end else {
            nth += 1;
            continue;
        };
        let numbers = positions[nth..end]
            .iter()
            .filter_map(|position| footnote_number(&position.line.text));
        expected = numbers.max().unwrap_or(0) + 1;
        for position in &positions[nth..end] {
            let is_page_number = bare_number(&position.line.text).is_some();
            marks[position.at] = Some(if is_page_number {
                DropReason::PageFurniture
            } else {
                DropReason::Footnote
            });
        }
        nth = end + 1;
    }
}

/// Returns the number that a footnote starts with: `3 The same, p. 15.`, `[3] The same`.
fn footnote_number(text: &str) -> Option<u32> {
    let (number, note) = text.split_once(' ')?;
    let digits = number.trim_matches(['[', ']', '(', ')', '.']);
    let is_number =
        (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let has_words = note.chars().any(char::is_alphabetic);
    (is_number && has_words)
        .then(|| digits.parse().ok())
        .flatten()
}
