//! Finds the lines that are not speech, takes them out and keeps account of them.
//!
//! Losing speech is far worse than keeping a page number, so each rule asks for evidence beyond the
//! look of a line: a form feed beside it, a sentence that it interrupts, others like it.

use std::collections::{HashMap, HashSet};

use super::line_ends::{ends_sentence, ends_statement, starts_lowercase};
use super::lines::SourceLine;
use super::{DropReason, DroppedLines, bullets, navigation};

/// Page numbers and running heads are short.
const MAX_RUNNING_HEAD_CHARS: usize = 90;
/// So many words of a dropped run are reported.
const MAX_REPORTED_WORDS: usize = 10;
/// The reported words are cut here, should one be a giant.
const MAX_REPORTED_CHARS: usize = 100;

/// Parts the lines of a document into speech and the rest.
pub(super) fn remove_boilerplate(lines: Vec<SourceLine>) -> (Vec<SourceLine>, Vec<DroppedLines>) {
    let mut marks: Vec<Option<DropReason>> = vec![None; lines.len()];
    mark_separators(&lines, &mut marks);
    navigation::mark_navigation(&lines, &mut marks);
    mark_page_furniture(&lines, &mut marks);

    let mut kept: Vec<SourceLine> = Vec::with_capacity(lines.len());
    let mut dropped: Vec<DroppedLines> = Vec::new();
    let mut last_mark = None;
    // What was dropped leaves a gap behind it for the line that follows.
    let mut gap = 0;
    let mut page_break = false;
    let mut parted = false;
    for (mut line, mark) in lines.into_iter().zip(marks) {
        gap += line.blank_lines_before;
        page_break |= line.page_break_before;
        if let Some(reason) = mark {
            let same_run = last_mark == Some(reason);
            match dropped.last_mut().filter(|_| same_run) {
                Some(run) => extend_run(run, &line),
                None => dropped.push(start_run(reason, &line)),
            }
            page_break |= reason == DropReason::PageFurniture;
            parted |= reason != DropReason::PageFurniture;
        } else {
            line.blank_lines_before = gap;
            line.page_break_before = page_break;
            line.separated_before = parted;
            kept.push(line);
            (gap, page_break, parted) = (0, false, false);
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

fn first_words(begun: &str, text: &str) -> String {
    let words = begun.split(' ').filter(|word| !word.is_empty());
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

/// Signs that rules and ornaments are made of, in a line that has nothing else.
fn is_rule_char(c: char) -> bool {
    c == ' '
        || matches!(
            c,
            '-' | '_' | '=' | '*' | '#' | '~' | '+' | '.' | '|' | '\\' | '<' | '>' | '^'
        )
        || matches!(c, '‐'..='―' | '−' | '·' | '•' | '…' | '†' | '‡' | '§' | '¯' | '\u{2500}'..='\u{259f}')
}

/// A line's place among its neighbours, without what is dropped already.
struct LinePosition<'a> {
    line: &'a SourceLine,
    before: Option<&'a SourceLine>,
    after: Option<&'a SourceLine>,
}

impl LinePosition<'_> {
    /// Whether a page begins or ends here.
    fn at_page_break(&self) -> bool {
        self.line.page_break_before || self.after.is_some_and(|after| after.page_break_before)
    }

    /// Whether blank lines, more than between paragraphs, stand on a side.
    fn at_wide_gap(&self) -> bool {
        self.line.blank_lines_before >= 2
            || self
                .after
                .is_some_and(|after| after.blank_lines_before >= 2)
    }

    /// Whether it interrupts a sentence.
    fn interrupts_sentence(&self) -> bool {
        self.before.zip(self.after).is_some_and(|(before, after)| {
            !ends_statement(&before.text) && starts_lowercase(&after.text)
        })
    }
}

fn mark_page_furniture(lines: &[SourceLine], marks: &mut [Option<DropReason>]) {
    let unmarked: Vec<usize> = (0..lines.len()).filter(|&at| marks[at].is_none()).collect();
    let positions: Vec<LinePosition> = unmarked
        .iter()
        .enumerate()
        .map(|(nth, &at)| LinePosition {
            line: &lines[at],
            before: nth.checked_sub(1).map(|nth| &lines[unmarked[nth]]),
            after: unmarked.get(nth + 1).map(|&at| &lines[at]),
        })
        .collect();
    let heads = running_heads(&positions);
    let counts_up = sequential_page_numbers(&positions);
    let interrupting = symbols_in_sentences(&positions);
    for (nth, (place, &at)) in positions.iter().zip(&unmarked).enumerate() {
        let text = &place.line.text;
        let furniture = if let Some(number) = bare_number(text) {
            place.at_page_break() || place.interrupts_sentence() || counts_up.contains(&number)
        } else if is_page_count(text) {
            true
        } else if is_document_symbol(text) {
            place.at_page_break() || place.interrupts_sentence() || interrupting[nth]
        } else {
            place.line.chars <= MAX_RUNNING_HEAD_CHARS && heads.contains(&mask_digits(text))
        };
        if furniture {
            marks[at] = Some(DropReason::PageFurniture);
        }
    }
}

/// `7`, `- 7 -`, `[7]`: a number of at most three digits and nothing else.
fn bare_number(text: &str) -> Option<u32> {
    let digits = text.trim_matches(|c: char| " -–—[]()|.".contains(c));
    let number =
        !digits.is_empty() && digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit());
    // "3." and "(3)" number a paragraph whose text is on the next line.
    let lists = text.ends_with(['.', ')']);
    (number && !lists).then(|| digits.parse().ok()).flatten()
}

/// Bare numbers that follow one another through the document, as those of pages do.
fn sequential_page_numbers(positions: &[LinePosition]) -> HashSet<u32> {
    let numbers: Vec<u32> = positions
        .iter()
        .filter_map(|p| bare_number(&p.line.text))
        .collect();
    let steps = numbers
        .windows(2)
        .filter(|pair| pair[1] == pair[0] + 1)
        .count();
    if numbers.len() >= 3
        && numbers.len() * 2 <= positions.len()
        && steps * 4 >= (numbers.len() - 1) * 3
    {
        numbers.into_iter().collect()
    } else {
        HashSet::new()
    }
}

/// `Page 3`, `Page 3 of 12`, `3 of 12`, `3/12`.
fn is_page_count(text: &str) -> bool {
    let lower = text.to_lowercase();
    let lower = lower.trim_matches(|c: char| !c.is_alphanumeric());
    let after_label = lower
        .strip_prefix("page")
        .or_else(|| lower.strip_prefix("p."));
    let digits =
        |word: &str| (1..=3).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
    let rest = after_label.unwrap_or(lower).trim();
    let words: Vec<&str> = rest
        .split([' ', '/'])
        .filter(|word| !word.is_empty())
        .collect();
    match words[..] {
        [number] => after_label.is_some() && digits(number),
        [number, "of", total] => digits(number) && digits(total),
        [number, total] => {
            after_label.is_some() && rest.contains('/') && digits(number) && digits(total)
        }
        _ => false,
    }
}

/// Document symbols, dates and page counts: `A/70/PV.15 28/09/2015`, `15-29425 31/34`.
fn is_document_symbol(text: &str) -> bool {
    text.len() <= 40
        && text.split(' ').count() <= 4
        && text
            .split(' ')
            .all(|word| word.bytes().any(|b| b.is_ascii_digit()))
        && text.contains(['/', '-'])
        && text
            .split(' ')
            .all(|word| word.contains('/') || !word.contains(char::is_lowercase))
}

/// Which lines are symbols that, two or more together, stand where a long line stops unfinished.
fn symbols_in_sentences(positions: &[LinePosition]) -> Vec<bool> {
    let mut interrupting = vec![false; positions.len()];
    let mut from = 0;
    while from < positions.len() {
        let run = positions[from..].iter();
        let length = run
            .take_while(|place| is_document_symbol(&place.line.text))
            .count();
        let unfinished = positions[from].before.is_some_and(|line| {
            line.chars >= MAX_RUNNING_HEAD_CHARS && !ends_statement(&line.text)
        });
        if (2..=6).contains(&length) && unfinished {
            interrupting[from..from + length].fill(true);
        }
        from += length.max(1);
    }
    interrupting
}

/// A line without its digits, under which running heads of different pages are the same.
fn mask_digits(text: &str) -> String {
    let mut shape = String::with_capacity(text.len());
    for c in text.chars() {
        if !c.is_ascii_digit() {
            shape.push(c);
        } else if !shape.ends_with('#') {
            shape.push('#');
        }
    }
    shape
}

/// Shapes that come again and again where pages end.
fn running_heads(positions: &[LinePosition]) -> HashSet<String> {
    // How often a shape occurs, at a page's edge, and inside a sentence.
    let mut seen: HashMap<String, (usize, usize, usize)> = HashMap::new();
    for place in positions {
        let text = &place.line.text;
        let reads_as_prose =
            ends_sentence(text) || text.ends_with([',', ':', ';', '!']) || starts_lowercase(text);
        if place.line.chars > MAX_RUNNING_HEAD_CHARS
            || reads_as_prose
            || bullets::list_marker(text).is_some()
        {
            continue;
        }
        let counts = seen.entry(mask_digits(text)).or_default();
        counts.0 += 1;
        counts.1 += usize::from(place.at_page_break() || place.at_wide_gap());
        counts.2 += usize::from(place.interrupts_sentence());
    }
    seen.retain(|_, (all, edges, inside)| {
        *all >= 3 && (*edges * 4 >= *all * 3 && *inside > 0 || *inside * 2 >= *all)
    });
    seen.into_keys().collect()
}
