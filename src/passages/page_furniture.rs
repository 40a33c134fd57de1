//! Page furniture: what repeats on every page, such as page numbers, document symbols and running heads.

use std::collections::{HashMap, HashSet};

use super::line_ends::{ends_incomplete, ends_sentence, ends_statement, starts_lowercase};
use super::lines::SourceLine;
use super::{DropReason, bullets};

/// Document symbols stand after lines of at least this length.
const MIN_BODY_CHARS: usize = 90;
/// Running heads are mostly short.
const MAX_SHORT_HEAD_CHARS: usize = 90;
/// Addresses at the foot of a page may be longer.
const MAX_LONG_HEAD_CHARS: usize = 200;
/// A sentence is interrupted after at least this many characters of a line.
const MIN_INTERRUPTED_CHARS: usize = 30;

/// A line with its neighbours among the lines that are not marked.
pub(super) struct LinePosition<'a> {
    /// Its index.
    pub at: usize,
    pub line: &'a SourceLine,
    pub before: Option<&'a SourceLine>,
    pub after: Option<&'a SourceLine>,
    /// Whether a form feed or other page furniture is between it and a neighbour.
    pub at_page_break: bool,
    /// Whether there are at least two blank lines between it and a neighbour.
    pub at_wide_gap: bool,
}

impl LinePosition<'_> {
    /// Returns whether it interrupts a sentence.
    fn interrupts_sentence(&self) -> bool {
        self.before.zip(self.after).is_some_and(|(before, after)| {
            !ends_statement(&before.text) && starts_lowercase(&after.text)
        })
    }
}

/// Returns the lines that are not marked, with their neighbours.
pub(super) fn positions<'a>(
    lines: &'a [SourceLine],
    marks: &[Option<DropReason>],
) -> Vec<LinePosition<'a>> {
    let unmarked: Vec<usize> = (0..lines.len()).filter(|&at| marks[at].is_none()).collect();
    // Of the gap before each unmarked line: whether a page ends in it, and whether it is wide.
    let mut gaps = Vec::with_capacity(unmarked.len() + 1);
    let mut from = 0;
    for &at in unmarked.iter().chain([&lines.len()]) {
        let furniture = marks[from..at]
            .iter()
            .any(|mark| matches!(mark, Some(DropReason::PageFurniture)));
        let between = &lines[from..(at + 1).min(lines.len())];
        gaps.push((
            furniture || between.iter().any(|line| line.page_break_before),
            between.iter().any(|line| line.blank_lines_before >= 2),
        ));
        from = at + 1;
    }
    unmarked
        .iter()
        .enumerate()
        .map(|(nth, &at)| {
            let (before, after) = (gaps[nth], gaps[nth + 1]);
            LinePosition {
                at,
                line: &lines[at],
                before: nth.checked_sub(1).map(|nth| &lines[unmarked[nth]]),
                after: unmarked.get(nth + 1).map(|&at| &lines[at]),
                at_page_break: before.0 || after.0,
                at_wide_gap: before.1 || after.1,
            }
        })
        .collect()
}

/// Marks page numbers and symbols, then the running heads around them.
pub(super) fn mark_page_furniture(lines: &[SourceLine], marks: &mut [Option<DropReason>]) {
    mark_numbers_and_symbols(&positions(lines, marks), marks);
    mark_running_heads(&positions(lines, marks), marks);
    // A head between a page number and the text hides that the number interrupts a sentence.
    mark_numbers_and_symbols(&positions(lines, marks), marks);
}

fn mark_numbers_and_symbols(positions: &[LinePosition], marks: &mut [Option<DropReason>]) {
    let page_numbers = sequential_page_numbers(positions);
    let interrupting = symbols_in_sentences(positions);
    for (nth, position) in positions.iter().enumerate() {
        let text = &position.line.text;
        let furniture = if let Some(number) = bare_number(text) {
            position.at_page_break
                || position.interrupts_sentence()
                || page_numbers.contains(&number)
        } else if is_page_count(text) {
            true
        } else {
            is_document_symbol(text)
                && (position.at_page_break || position.interrupts_sentence() || interrupting[nth])
        };
        if furniture {
            marks[position.at] = Some(DropReason::PageFurniture);
        }
    }
}

fn mark_running_heads(positions: &[LinePosition], marks: &mut [Option<DropReason>]) {
    let heads = running_heads(positions);
    for position in positions {
        if position.line.chars <= MAX_LONG_HEAD_CHARS
            && heads.contains(&mask_digits(&position.line.text))
        {
            marks[position.at] = Some(DropReason::PageFurniture);
        }
    }
}

/// Parses a line that is only a number of at most three digits: `7`, `- 7 -`, `[7]`.
pub(super) fn bare_number(text: &str) -> Option<u32> {
    let digits = text.trim_matches(|c: char| " -–—[]()|.".contains(c));
    let number =
        !digits.is_empty() && digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit());
    // "3." and "(3)" number a paragraph whose text is on the next line.
    let enumerates = text.ends_with(['.', ')']);
    (number && !enumerates)
        .then(|| digits.parse().ok())
        .flatten()
}

/// Returns the bare numbers of the document if they mostly increase by one, as page numbers do.
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

/// Recognizes `Page 3`, `Page 3 of 12`, `3 of 12`, `Page 3/12`.
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

/// Recognizes document symbols, dates and page counts: `A/70/PV.15 28/09/2015`, `15-29425 31/34`.
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

/// Marks runs of two or more document symbols after a long line that ends in mid-sentence.
fn symbols_in_sentences(positions: &[LinePosition]) -> Vec<bool> {
    let mut interrupting = vec![false; positions.len()];
    let mut from = 0;
    while from < positions.len() {
        let run = positions[from..].iter();
        let length = run
            .take_while(|position| is_document_symbol(&position.line.text))
            .count();
        let unfinished = positions[from]
            .before
            .is_some_and(|line| line.chars >= MIN_BODY_CHARS && !ends_statement(&line.text));
        if (2..=6).contains(&length) && unfinished {
            interrupting[from..from + length].fill(true);
        }
        from += length.max(1);
    }
    interrupting
}

/// Replaces runs of digits by `#`, so that the running heads of different pages are equal.
fn mask_digits(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for c in text.chars() {
        if !c.is_ascii_digit() {
            masked.push(c);
        } else if !masked.ends_with('#') {
            masked.push('#');
        }
    }
    masked
}

/// How often a masked line occurs, and where.
#[derive(Default)]
struct Recurrence {
    all: usize,
    /// At the edge of a page.
    at_edges: usize,
    /// At the edge of a page in the middle of a sentence.
    inside_at_edges: usize,
}

impl Recurrence {
    /// Returns whether this is a running head: at the edges of pages, over which sentences flow on. A
    /// refrain recurs as well, but without a page's edge, or without interrupting anything.
    fn is_running_head(&self) -> bool {
        self.all >= 3 && self.at_edges * 4 >= self.all * 3 && self.inside_at_edges > 0
    }
}

/// Returns the masked lines that repeat where pages end.
fn running_heads(positions: &[LinePosition]) -> HashSet<String> {
    let mut seen: HashMap<String, Recurrence> = HashMap::new();
    for position in positions {
        let text = &position.line.text;
        if position.line.chars > MAX_LONG_HEAD_CHARS
            || position.line.stands_alone
            || reads_as_prose(text)
            || bullets::list_marker(text).is_some()
        {
            continue;
        }
        let at_edge = position.at_page_break || position.at_wide_gap;
        // Only a line of prose is interrupted; a refrain is none.
        let inside = position.interrupts_sentence()
            && position
                .before
                .is_some_and(|before| before.chars >= MIN_INTERRUPTED_CHARS);
        // What is as long as a line of prose is a foot only next to a page number.
        let at_edge =
            at_edge && (position.line.chars <= MAX_SHORT_HEAD_CHARS || position.at_page_break);
        let recurrence = seen.entry(mask_digits(text)).or_default();
        recurrence.all += 1;
        recurrence.at_edges += usize::from(at_edge);
        recurrence.inside_at_edges += usize::from(inside && at_edge);
    }
    seen.retain(|_, recurrence| recurrence.is_running_head());
    seen.into_keys().collect()
}

fn reads_as_prose(text: &str) -> bool {
    ends_sentence(text)
        || text.ends_with([',', ':', ';', '!'])
        || starts_lowercase(text)
        || ends_incomplete(text)
}
