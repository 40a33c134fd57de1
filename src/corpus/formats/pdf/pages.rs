//! What concerns several pages: running heads, page numbers, notes, and the numbers of pages.

use std::collections::HashMap;

use super::{FORMAT, MIN_CHARS_PER_PAGE, Message, Page, PageLine};
use crate::corpus::anchors::Anchors;
use crate::corpus::error::SkipReason;
use crate::corpus::events::DocumentNote;
use crate::corpus::parsed::ParsedDocument;

/// Lines at the top and at the bottom of a page that may be its head or foot.
const EDGE_LINES: usize = 3;

/// Two lines at the same height, in points.
const SAME_HEIGHT: f64 = 4.0;

/// The part of the height of all text, at its top and at its bottom, in which heads and feet stand. A
/// refrain further in is text.
const EDGE_BAND: f64 = 0.12;

/// Pages that repeat a running head at least.
const MIN_REPEATS: usize = 3;

/// Running heads and feet are not longer.
const MAX_HEAD_CHARS: usize = 120;

/// Joins the pages of a file to a document.
pub(super) fn document(
    messages: Vec<Message>,
    keep_boilerplate: bool,
) -> Result<ParsedDocument, SkipReason> {
    let mut document = ParsedDocument::default();
    let mut pages = Vec::new();
    let mut expected = 0;
    for message in messages {
        match message {
            Message::Info {
                title,
                author,
                pages,
            } => {
                expected = pages;
                document.heading = title.filter(|title| !is_file_name(title));
                if let Some(author) = author {
                    let _ = document.metadata.set_if_absent("author", author.into());
                }
            }
            Message::Page(page) => pages.push(page),
            Message::Failed(problem) => {
                return Err(SkipReason::Malformed {
                    format: FORMAT,
                    problem,
                });
            }
        }
    }
    let chars: usize = pages
        .iter()
        .flat_map(|page| &page.lines)
        .map(|line| line.text.chars().count())
        .sum();
    let unread: Vec<&Page> = pages.iter().filter(|page| page.problem.is_some()).collect();
    if chars < pages.len() * MIN_CHARS_PER_PAGE {
        if let Some(problem) = unread.first().and_then(|page| page.problem.clone()) {
            return Err(SkipReason::Malformed {
                format: FORMAT,
                problem,
            });
        }
        return Err(SkipReason::ScannedPages { pages: pages.len() });
    }
    let missing = expected.saturating_sub(pages.len()) + unread.len();
    if missing > 0 {
        document
            .notes
            .push(DocumentNote::PagesNotRead { pages: missing });
    }
    let sideways: usize = pages.iter().map(|page| page.sideways).sum();
    if sideways > 0 {
        document.notes.push(DocumentNote::SidewaysText {
            characters: sideways,
        });
    }
    if !keep_boilerplate {
        let dropped = drop_heads(&mut pages);
        if dropped > 0 {
            document.notes.push(DocumentNote::PartsLeftOut {
                parts: vec![("running heads and page numbers", dropped)],
            });
        }
    }
    write(&pages, &mut document);
    Ok(document)
}

/// Returns whether a title is one that programs make up.
fn is_file_name(title: &str) -> bool {
    title.starts_with("Microsoft Word")
        || title.to_lowercase().ends_with(".doc")
        || title.to_lowercase().ends_with(".docx")
        || title.eq_ignore_ascii_case("untitled")
}

/// Drops running heads and feet, and page numbers; returns their number of characters.
fn drop_heads(pages: &mut [Page]) -> usize {
    let mut counts: HashMap<(String, i64), usize> = HashMap::new();
    for page in pages.iter() {
        for index in edge_lines(page) {
            if let Some(line) = page.lines.get(index) {
                for height in heights(line) {
                    *counts
                        .entry((without_numbers(&line.text), height))
                        .or_default() += 1;
                }
            }
        }
    }
    let enough = MIN_REPEATS.max(pages.len() / 5);
    let heights_of = || pages.iter().flat_map(|page| &page.lines).map(|line| line.y);
    let top = heights_of().fold(f64::MAX, f64::min);
    let bottom = heights_of().fold(f64::MIN, f64::max);
    let band = (bottom - top) * EDGE_BAND;
    let at_edge = |line: &PageLine| line.y <= top + band || line.y >= bottom - band;
    let mut dropped = 0;
    for page in pages {
        let edges = edge_lines(page);
        let recurs = |line: &PageLine| {
            let text = without_numbers(&line.text);
            let most = heights(line)
                .iter()
                .filter_map(|height| counts.get(&(text.clone(), *height)))
                .max()
                .copied();
            line.text.chars().count() <= MAX_HEAD_CHARS && most.unwrap_or(0) >= enough
        };
        let (first, last) = (0, page.lines.len().saturating_sub(1));
        let mut remove: Vec<usize> = edges
            .into_iter()
            .filter(|index| {
                page.lines.get(*index).is_some_and(|line| {
                    at_edge(line) && recurs(line)
                        || ((*index == first || *index == last) && is_page_number(&line.text))
                })
            })
            .collect();
        remove.sort_unstable();
        remove.dedup();
        for index in remove.into_iter().rev() {
            dropped += page.lines.remove(index).text.chars().count();
        }
    }
    dropped
}

/// Returns the first and the last lines of a page by height: the reading order may begin elsewhere.
fn edge_lines(page: &Page) -> Vec<usize> {
    let mut by_height: Vec<usize> = (0..page.lines.len()).collect();
    by_height.sort_by(|a, b| {
        let y = |index: &usize| page.lines.get(*index).map_or(0.0, |line| line.y);
        y(a).total_cmp(&y(b))
    });
    let first = by_height.iter().take(EDGE_LINES);
    let last = by_height.iter().rev().take(EDGE_LINES);
    first.chain(last).copied().collect()
}

/// Returns the height of a line in steps, twice: lines at nearly the same height share one of them.
fn heights(line: &PageLine) -> [i64; 2] {
    #[allow(clippy::cast_possible_truncation)] // saturates
    let step = |offset: f64| ((line.y + offset) / SAME_HEIGHT).floor() as i64;
    [step(0.0) * 2, step(SAME_HEIGHT / 2.0) * 2 + 1]
}

fn without_numbers(text: &str) -> String {
    let mut pattern = String::new();
    for character in text.chars() {
        if !character.is_numeric() {
            pattern.push(character);
        } else if !pattern.ends_with('#') {
            pattern.push('#');
        }
    }
    pattern
}

/// Returns whether a line is a number, alone or as in "- 3 -", "3/12" or "Page 3 of 12".
fn is_page_number(text: &str) -> bool {
    let mut numbers = 0;
    text.chars().count() <= 24
        && text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .all(|word| {
                let number = word.len() <= 4 && word.chars().all(|c| c.is_ascii_digit());
                numbers += usize::from(number);
                number
                    || matches!(
                        word.to_lowercase().as_str(),
                        "page" | "of" | "p" | "seite" | "von" | "página" | "de" | "sur"
                    )
                    || word.len() <= 6 && word.chars().all(|c| matches!(c, 'i' | 'v' | 'x'))
            })
        && (numbers > 0 || text.chars().all(|c| matches!(c, 'i' | 'v' | 'x')))
        && !text.is_empty()
}

/// Writes the lines of the pages, and after them the notes from the feet of the pages.
fn write(pages: &[Page], document: &mut ParsedDocument) {
    let body = body_size(pages);
    let mut text = String::new();
    let mut anchors = Vec::new();
    let mut notes: Vec<(u32, Vec<&PageLine>)> = Vec::new();
    for page in pages {
        let first_note = first_note_line(page, body);
        let lines = page.lines.get(..first_note).unwrap_or_default();
        if !text.is_empty() && !lines.is_empty() {
            text.push('\u{c}');
        }
        if !lines.is_empty() {
            anchors.push((text.len(), page.number));
        }
        for (index, line) in lines.iter().enumerate() {
            if line.apart && index > 0 {
                text.push('\n');
            }
            text.push_str(&line.text);
            text.push('\n');
        }
        let foot = page.lines.get(first_note..).unwrap_or_default();
        if !foot.is_empty() {
            notes.push((page.number, foot.iter().collect()));
        }
    }
    for (page, lines) in notes {
        text.push('\n');
        anchors.push((text.len(), page));
        for line in lines {
            if starts_note(&line.text) {
                text.push('\n');
            }
            text.push_str(&line.text);
            text.push('\n');
        }
    }
    document.text = text;
    document.anchors = Anchors::Pages(anchors);
}

/// Returns the size of most characters of a file.
fn body_size(pages: &[Page]) -> f64 {
    let mut sizes: HashMap<i64, usize> = HashMap::new();
    for line in pages.iter().flat_map(|page| &page.lines) {
        #[allow(clippy::cast_possible_truncation)] // sizes in quarters of a point
        let quarter = (line.size * 4.0).round() as i64;
        *sizes.entry(quarter).or_default() += line.text.chars().count();
    }
    let most = sizes
        .into_iter()
        .max_by_key(|(quarter, chars)| (*chars, *quarter));
    #[allow(clippy::cast_precision_loss)] // sizes of fonts are small
    most.map_or(0.0, |(quarter, _)| quarter as f64 / 4.0)
}

/// Returns the line from which on a page has notes only: smaller than the text, the first with its mark.
fn first_note_line(page: &Page, body: f64) -> usize {
    let small = |line: &PageLine| line.size <= body * 0.92;
    let notes = page
        .lines
        .iter()
        .rev()
        .take_while(|line| small(line))
        .count();
    let start = page.lines.len() - notes;
    let foot = page.lines.get(start..).unwrap_or_default();
    let offset = foot.iter().position(|line| starts_note(&line.text));
    match offset {
        Some(offset) if start + offset > 0 => start + offset,
        _ => page.lines.len(),
    }
}

/// Returns whether a line starts with the mark of a note: a number or a star, and words.
fn starts_note(text: &str) -> bool {
    let rest =
        text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '*' | '†' | '‡'));
    let mark = text.len() - rest.len();
    (1..=4).contains(&mark)
        && rest
            .trim_start_matches(['.', ')', ' '])
            .starts_with(char::is_alphabetic)
}
