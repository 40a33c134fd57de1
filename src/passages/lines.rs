//! Splits a source text into lines, without control characters and with single blanks.

/// A non-blank line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent observations, not states"
)]
pub(super) struct SourceLine {
    /// Its text: trimmed, runs of blanks collapsed to one space.
    pub text: String,
    /// Its length in characters.
    pub chars: usize,
    /// Its number in the source, counted from 1.
    pub number: usize,
    /// The number of blank lines before it.
    pub blank_lines_before: usize,
    /// Whether a page ended between the line before and this one.
    pub page_break_before: bool,
    /// Whether it must not be joined with the line before, since a separator between them was removed.
    pub separated_before: bool,
    /// Whether it must not be joined with any line: a speaker's name, a verse, a heading.
    pub stands_alone: bool,
    /// The number of blanks that it is indented by.
    pub indent: usize,
    /// Whether it ends in a soft hyphen, so that its last word continues on the next line.
    pub ends_in_soft_hyphen: bool,
}

const SOFT_HYPHEN: char = '\u{ad}';

/// Splits a source text into its non-blank lines.
pub(super) fn split_lines(source: &str) -> Vec<SourceLine> {
    let mut lines = Vec::new();
    let mut gap = 0;
    let mut page_break = false;
    let mut number = 1;
    let mut rest = source;
    while !rest.is_empty() {
        let end = rest.find(is_line_break).unwrap_or(rest.len());
        let (raw, tail) = rest.split_at(end);
        let text = clean_line(raw);
        if text.is_empty() {
            let is_soft_hyphen = raw.contains(SOFT_HYPHEN);
            match lines.last_mut() {
                // A soft hyphen on a line of its own belongs to the word before it.
                Some(before) if is_soft_hyphen && gap == 0 && !page_break => {
                    let before: &mut SourceLine = before;
                    before.ends_in_soft_hyphen = true;
                }
                _ => gap += 1,
            }
        } else {
            lines.push(SourceLine {
                chars: text.chars().count(),
                text,
                number,
                blank_lines_before: gap,
                page_break_before: page_break,
                separated_before: false,
                stands_alone: false,
                indent: indent_of(raw),
                ends_in_soft_hyphen: raw.trim_end().ends_with(SOFT_HYPHEN),
            });
            gap = 0;
            page_break = false;
        }
        let mut tail_chars = tail.chars();
        let mut counts_as_line = true;
        match tail_chars.next() {
            Some('\r') if tail_chars.as_str().starts_with('\n') => {
                tail_chars.next();
            }
            Some('\u{2029}') => gap += 1,
            Some('\u{c}') => {
                page_break = true;
                // Editors do not count a form feed as a line of its own.
                counts_as_line = false;
            }
            _ => {}
        }
        number += usize::from(counts_as_line);
        rest = tail_chars.as_str();
    }
    lines
}

/// Returns the number of blanks at the start of a line; a tab counts as four.
fn indent_of(raw: &str) -> usize {
    let blanks = raw.chars().take_while(|c| matches!(c, ' ' | '\t'));
    blanks.map(|c| if c == '\t' { 4 } else { 1 }).sum()
}

fn is_line_break(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

fn clean_line(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    for c in raw.chars() {
        if c.is_whitespace() {
            if !text.is_empty() && !text.ends_with(' ') {
                text.push(' ');
            }
        } else if is_joiner(c) {
            // A joiner affects the letter before it; without one it is noise.
            if text.chars().next_back().is_some_and(|before| before != ' ') {
                text.push(c);
            }
        } else if !is_ignorable(c) {
            text.push(c);
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// Returns whether a character is a zero-width joiner or non-joiner, which spelling in Persian and
/// Hindi needs, and emoji.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Returns whether a character is invisible and without meaning for the text.
pub(super) fn is_ignorable(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(
            c,
            SOFT_HYPHEN
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
        )
}
