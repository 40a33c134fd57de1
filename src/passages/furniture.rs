//! Finds the lines that are not speech, takes them out and keeps account of them.
//!
//! Losing speech is far worse than keeping a page number, so each rule asks for evidence beyond the
//! look of a line: a form feed beside it, a sentence that it interrupts, others like it.

use std::collections::{HashMap, HashSet};

use super::lines::Line;
use super::terms::{begins_lower, ends_sentence, ends_statement};
use super::{DropReason, Dropped, bullets, navigation};

/// Page numbers and running heads are short.
const LONGEST_HEAD: usize = 90;
/// So many words of a dropped run are reported.
const REPORTED_WORDS: usize = 10;
/// The reported words are cut here, should one be a giant.
const REPORTED_CHARS: usize = 100;

/// Parts the lines of a document into speech and the rest.
pub(super) fn remove(lines: Vec<Line>) -> (Vec<Line>, Vec<Dropped>) {
    let mut marks: Vec<Option<DropReason>> = vec![None; lines.len()];
    mark_separators(&lines, &mut marks);
    navigation::mark(&lines, &mut marks);
    mark_page_furniture(&lines, &mut marks);

    let mut kept: Vec<Line> = Vec::with_capacity(lines.len());
    let mut dropped: Vec<Dropped> = Vec::new();
    let mut last_mark = None;
    // What was dropped leaves a gap behind it for the line that follows.
    let mut gap = 0;
    let mut page_break = false;
    let mut parted = false;
    for (mut line, mark) in lines.into_iter().zip(marks) {
        gap += line.gap;
        page_break |= line.page_break;
        if let Some(reason) = mark {
            let goes_on = last_mark == Some(reason);
            match dropped.last_mut().filter(|_| goes_on) {
                Some(run) => extend(run, &line),
                None => dropped.push(begin(reason, &line)),
            }
            page_break |= reason == DropReason::PageFurniture;
            parted |= reason != DropReason::PageFurniture;
        } else {
            line.gap = gap;
            line.page_break = page_break;
            line.parted = parted;
            kept.push(line);
            (gap, page_break, parted) = (0, false, false);
        }
        last_mark = mark;
    }
    (kept, dropped)
}

fn begin(reason: DropReason, line: &Line) -> Dropped {
    Dropped {
        reason,
        line: line.number,
        lines: 1,
        chars: line.chars,
        first_words: first_words("", &line.text),
    }
}

fn extend(run: &mut Dropped, line: &Line) {
    run.lines += 1;
    run.chars += line.chars;
    run.first_words = first_words(&run.first_words, &line.text);
}

fn first_words(begun: &str, text: &str) -> String {
    let words = begun.split(' ').filter(|word| !word.is_empty());
    let words: Vec<&str> = words.chain(text.split(' ')).take(REPORTED_WORDS).collect();
    words.join(" ").chars().take(REPORTED_CHARS).collect()
}

fn mark_separators(lines: &[Line], marks: &mut [Option<DropReason>]) {
    for (line, mark) in lines.iter().zip(marks) {
        if line.text.chars().all(is_ruling) && !bullets::is_lone_sign(&line.text) {
            *mark = Some(DropReason::Separator);
        }
    }
}

/// Signs that rules and ornaments are made of, in a line that has nothing else.
fn is_ruling(c: char) -> bool {
    c == ' '
        || matches!(
            c,
            '-' | '_' | '=' | '*' | '#' | '~' | '+' | '.' | '|' | '\\' | '<' | '>' | '^'
        )
        || matches!(c, '‐'..='―' | '−' | '·' | '•' | '…' | '†' | '‡' | '§' | '¯' | '\u{2500}'..='\u{259f}')
}

/// A line's place among its neighbours, without what is dropped already.
struct Place<'a> {
    line: &'a Line,
    before: Option<&'a Line>,
    after: Option<&'a Line>,
}

impl Place<'_> {
    /// Whether a page begins or ends here.
    fn at_page_break(&self) -> bool {
        self.line.page_break || self.after.is_some_and(|after| after.page_break)
    }

    /// Whether blank lines, more than between paragraphs, stand on a side.
    fn at_wide_gap(&self) -> bool {
        self.line.gap >= 2 || self.after.is_some_and(|after| after.gap >= 2)
    }

    /// Whether it interrupts a sentence.
    fn interrupts(&self) -> bool {
        self.before.zip(self.after).is_some_and(|(before, after)| {
            !ends_statement(&before.text) && begins_lower(&after.text)
        })
    }
}

fn mark_page_furniture(lines: &[Line], marks: &mut [Option<DropReason>]) {
    let open: Vec<usize> = (0..lines.len()).filter(|&at| marks[at].is_none()).collect();
    let places: Vec<Place> = open
        .iter()
        .enumerate()
        .map(|(nth, &at)| Place {
            line: &lines[at],
            before: nth.checked_sub(1).map(|nth| &lines[open[nth]]),
            after: open.get(nth + 1).map(|&at| &lines[at]),
        })
        .collect();
    let heads = running_heads(&places);
    let counts_up = page_numbers(&places);
    let torn = symbols_in_sentences(&places);
    for (nth, (place, &at)) in places.iter().zip(&open).enumerate() {
        let text = &place.line.text;
        let furniture = if let Some(number) = bare_number(text) {
            place.at_page_break() || place.interrupts() || counts_up.contains(&number)
        } else if is_page_count(text) {
            true
        } else if is_symbol(text) {
            place.at_page_break() || place.interrupts() || torn[nth]
        } else {
            place.line.chars <= LONGEST_HEAD && heads.contains(&shape(text))
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
fn page_numbers(places: &[Place]) -> HashSet<u32> {
    let numbers: Vec<u32> = places
        .iter()
        .filter_map(|p| bare_number(&p.line.text))
        .collect();
    let steps = numbers
        .windows(2)
        .filter(|pair| pair[1] == pair[0] + 1)
        .count();
    if numbers.len() >= 3
        && numbers.len() * 2 <= places.len()
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
    let said = lower
        .strip_prefix("page")
        .or_else(|| lower.strip_prefix("p."));
    let digits =
        |word: &str| (1..=3).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
    let rest = said.unwrap_or(lower).trim();
    let words: Vec<&str> = rest
        .split([' ', '/'])
        .filter(|word| !word.is_empty())
        .collect();
    match words[..] {
        [number] => said.is_some() && digits(number),
        [number, "of", total] => digits(number) && digits(total),
        [number, total] => said.is_some() && rest.contains('/') && digits(number) && digits(total),
        _ => false,
    }
}

/// Document symbols, dates and page counts: `A/70/PV.15 28/09/2015`, `15-29425 31/34`.
fn is_symbol(text: &str) -> bool {
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
fn symbols_in_sentences(places: &[Place]) -> Vec<bool> {
    let mut torn = vec![false; places.len()];
    let mut from = 0;
    while from < places.len() {
        let run = places[from..].iter();
        let length = run.take_while(|place| is_symbol(&place.line.text)).count();
        let unfinished = places[from]
            .before
            .is_some_and(|line| line.chars >= LONGEST_HEAD && !ends_statement(&line.text));
        if (2..=6).contains(&length) && unfinished {
            torn[from..from + length].fill(true);
        }
        from += length.max(1);
    }
    torn
}

/// A line without its digits, under which running heads of different pages are the same.
fn shape(text: &str) -> String {
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
fn running_heads(places: &[Place]) -> HashSet<String> {
    // How often a shape occurs, at a page's edge, and inside a sentence.
    let mut seen: HashMap<String, (usize, usize, usize)> = HashMap::new();
    for place in places {
        let text = &place.line.text;
        let speaks =
            ends_sentence(text) || text.ends_with([',', ':', ';', '!']) || begins_lower(text);
        if place.line.chars > LONGEST_HEAD || speaks || bullets::marker(text).is_some() {
            continue;
        }
        let counts = seen.entry(shape(text)).or_default();
        counts.0 += 1;
        counts.1 += usize::from(place.at_page_break() || place.at_wide_gap());
        counts.2 += usize::from(place.interrupts());
    }
    seen.retain(|_, (all, edges, inside)| {
        *all >= 3 && (*edges * 4 >= *all * 3 && *inside > 0 || *inside * 2 >= *all)
    });
    seen.into_keys().collect()
}
