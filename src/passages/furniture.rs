//! Removes and reports boilerplate: page furniture, separators and navigation.
//!
//! Page furniture is what repeats on every page: page numbers, document symbols, running heads. Losing
//! speech is far worse than keeping a page number, so each rule requires evidence beyond the look of a
//! line: a form feed next to it, a sentence that it interrupts, similar lines elsewhere.

use std::collections::{HashMap, HashSet};

use super::line_ends::{ends_sentence, ends_statement, starts_lowercase};
use super::lines::SourceLine;
use super::{DropReason, DroppedLines, bullets, navigation};

/// Page numbers and running heads are short.
const MAX_RUNNING_HEAD_CHARS: usize = 90;
/// Words of a removed run in the report.
const MAX_REPORTED_WORDS: usize = 10;
/// Maximum length of the reported words, for texts without blanks.
const MAX_REPORTED_CHARS: usize = 100;

/// Separates the lines of a document into speech and boilerplate.
pub(super) fn remove_boilerplate(lines: Vec<SourceLine>) -> (Vec<SourceLine>, Vec<DroppedLines>) {
    let mut marks: Vec<Option<DropReason>> = vec![None; lines.len()];
    mark_separators(&lines, &mut marks);
    navigation::mark_navigation(&lines, &mut marks);
    mark_page_furniture(&lines, &mut marks);

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
            page_break |= reason == DropReason::PageFurniture;
            separated |= reason != DropReason::PageFurniture;
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

/// A line with its neighbours among the lines that are not marked yet.
struct LinePosition<'a> {
    line: &'a SourceLine,
    before: Option<&'a SourceLine>,
    after: Option<&'a SourceLine>,
}

impl LinePosition<'_> {
    /// Returns whether a page starts or ends here.
    fn at_page_break(&self) -> bool {
        self.line.page_break_before || self.after.is_some_and(|after| after.page_break_before)
    }

    /// Returns whether there are at least two blank lines on one side.
    fn at_wide_gap(&self) -> bool {
        self.line.blank_lines_before >= 2
            || self
                .after
                .is_some_and(|after| after.blank_lines_before >= 2)
    }

    /// Returns whether it interrupts a sentence.
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
    let page_numbers = sequential_page_numbers(&positions);
    let interrupting = symbols_in_sentences(&positions);
    for (nth, (position, &at)) in positions.iter().zip(&unmarked).enumerate() {
        let text = &position.line.text;
        let furniture = if let Some(number) = bare_number(text) {
            position.at_page_break()
                || position.interrupts_sentence()
                || page_numbers.contains(&number)
        } else if is_page_count(text) {
            true
        } else if is_document_symbol(text) {
            position.at_page_break() || position.interrupts_sentence() || interrupting[nth]
        } else {
            position.line.chars <= MAX_RUNNING_HEAD_CHARS && heads.contains(&mask_digits(text))
        };
        if furniture {
            marks[at] = Some(DropReason::PageFurniture);
        }
    }
}

/// Parses a line that is only a number of at most three digits: `7`, `- 7 -`, `[7]`.
fn bare_number(text: &str) -> Option<u32> {
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

/// Returns the masked lines that repeat where pages end.
fn running_heads(positions: &[LinePosition]) -> HashSet<String> {
    // Per masked line: occurrences in all, at page breaks, and inside sentences.
    let mut seen: HashMap<String, (usize, usize, usize)> = HashMap::new();
    for position in positions {
        let text = &position.line.text;
        let reads_as_prose =
            ends_sentence(text) || text.ends_with([',', ':', ';', '!']) || starts_lowercase(text);
        if position.line.chars > MAX_RUNNING_HEAD_CHARS
            || reads_as_prose
            || bullets::list_marker(text).is_some()
        {
            continue;
        }
        let counts = seen.entry(mask_digits(text)).or_default();
        counts.0 += 1;
        counts.1 += usize::from(position.at_page_break() || position.at_wide_gap());
        counts.2 += usize::from(position.interrupts_sentence());
    }
    seen.retain(|_, (all, edges, inside)| {
        *all >= 3 && (*edges * 4 >= *all * 3 && *inside > 0 || *inside * 2 >= *all)
    });
    seen.into_keys().collect()
}
