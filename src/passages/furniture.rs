//! Removes and reports boilerplate: page furniture, time codes, contents, separators and navigation.
//!
//! Losing speech is far worse than keeping a page number, so each rule requires evidence beyond the look
//! of a line: a form feed next to it, a sentence that it interrupts, similar lines elsewhere.

use super::lines::SourceLine;
use super::{
    DropReason, DroppedLines, bullets, contents, footnotes, navigation, page_furniture, time_codes,
};

/// Words of a removed run in the report.
const MAX_REPORTED_WORDS: usize = 10;
/// Maximum length of the reported words, for texts without blanks.
const MAX_REPORTED_CHARS: usize = 100;

/// Separates the lines of a document into speech and boilerplate.
pub(super) fn remove_boilerplate(lines: Vec<SourceLine>) -> (Vec<SourceLine>, Vec<DroppedLines>) {
    let (lines, mut marks) = time_codes::separate(lines);
    mark_separators(&lines, &mut marks);
    contents::mark_contents(&lines, &mut marks);
    navigation::mark_navigation(&lines, &mut marks);
    page_furniture::mark_page_furniture(&lines, &mut marks);
    footnotes::mark_footnotes(&lines, &mut marks);
    page_furniture::mark_page_furniture(&lines, &mut marks);

    let mut kept: Vec<SourceLine> = Vec::with_capacity(lines.len());
    let mut dropped: Vec<DroppedLines> = Vec::new();
    let mut last_mark = None;
    // The gaps and breaks of removed lines are passed on to the next kept line.
    let mut gap = 0;
    let mut page_break = false;
    let mut separated = false;
    for (mut line, mark) in lines.into_iter().zip(marks) {
        gap += line.blank_lines_before;
        page_break |= line.page_break_before;
        if let Some(reason) = mark {
            let same_run = last_mark == Some(reason);
            match dropped.last_mut().filter(|_| same_run) {
                Some(run) => extend_run(run, &line),
                None => dropped.push(start_run(reason, &line)),
            }
            match reason {
                DropReason::PageFurniture | DropReason::Footnote => page_break = true,
                // The text of captions flows on from cue to cue.
                DropReason::TimeCode if !line.stands_alone => gap = 0,
                _ => separated = true,
            }
        } else {
            line.blank_lines_before = gap;
            line.page_break_before = page_break;
            line.separated_before = separated;
            kept.push(line);
            (gap, page_break, separated) = (0, false, false);
        }
        last_mark = mark;
    }
    (kept, dropped)
}

fn start_run(reason: DropReason, line: &SourceLine) -> DroppedLines {
    DroppedLines {
        reason,
        line: line.number,
        lines: 1,
        chars: line.chars,
        first_words: first_words("", &line.text),
    }
}

fn extend_run(run: &mut DroppedLines, line: &SourceLine) {
    run.lines += 1;
    run.chars += line.chars;
    run.first_words = first_words(&run.first_words, &line.text);
}

fn first_words(previous: &str, text: &str) -> String {
    let words = previous.split(' ').filter(|word| !word.is_empty());
    let words: Vec<&str> = words
        .chain(text.split(' '))
        .take(MAX_REPORTED_WORDS)
        .collect();
    words.join(" ").chars().take(MAX_REPORTED_CHARS).collect()
}

fn mark_separators(lines: &[SourceLine], marks: &mut [Option<DropReason>]) {
    for (line, mark) in lines.iter().zip(marks) {
        if line.text.chars().all(is_rule_char) && !bullets::is_lone_bullet(&line.text) {
            *mark = Some(DropReason::Separator);
        }
    }
}

/// Returns whether a character may be part of a rule or ornament.
fn is_rule_char(c: char) -> bool {
    c == ' '
        || matches!(
            c,
            '-' | '_' | '=' | '*' | '#' | '~' | '+' | '.' | '|' | '\\' | '<' | '>' | '^'
        )
        || matches!(c, '‐'..='―' | '−' | '·' | '•' | '…' | '†' | '‡' | '§' | '¯' | '\u{2500}'..='\u{259f}')
}
