//! The reading order of a page: characters to lines, over columns.

use super::PageLine;

/// A character and its place: points from the left and the top of the page.
#[derive(Debug, Clone)]
pub(super) struct Glyph {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) size: f64,
    pub(super) text: String,
}

/// A run of characters on one line without a large gap.
#[derive(Debug, Clone)]
struct Segment {
    left: f64,
    right: f64,
    y: f64,
    size: f64,
    text: String,
}

/// Gaps in widths of a character's height: above the first a space is missing, above the second another
/// column begins.
const WORD_GAP: f64 = 0.18;
const COLUMN_GAP: f64 = 1.8;

/// Rows with text on both sides that two columns have at least.
const MIN_COLUMN_ROWS: usize = 4;

/// Characters of a line of a column, in the median; cells of tables have fewer.
const MIN_COLUMN_CHARS: usize = 18;

/// Columns within columns that are looked for.
const MAX_DEPTH: usize = 4;

/// Returns the lines of a page in reading order.
pub(super) fn lines(glyphs: &[Glyph]) -> Vec<PageLine> {
    let mut segments = segments(glyphs);
    segments.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.left.total_cmp(&b.left)));
    let mut lines = Vec::new();
    order(&segments, 0, &mut lines);
    mark_gaps(&mut lines);
    lines
}

/// Joins characters that follow each other on a line.
fn segments(glyphs: &[Glyph]) -> Vec<Segment> {
    // In the order of lines and not of the file, which may draw words in any order.
    let mut rows: Vec<Vec<&Glyph>> = Vec::new();
    for glyph in glyphs {
        let row = rows.iter_mut().rev().take(8).find(|row| {
            row.last().is_some_and(|last| {
                (last.y - glyph.y).abs() < 0.5 * last.size.min(glyph.size.max(last.size * 0.5))
            })
        });
        match row {
            Some(row) => row.push(glyph),
            None => rows.push(vec![glyph]),
        }
    }
    let mut segments = Vec::new();
    for row in &mut rows {
        row.sort_by(|a, b| a.x.total_cmp(&b.x));
        let size = most_common_size(row);
        let mut current: Option<Segment> = None;
        for glyph in row.iter() {
            // A small raised number refers to a note.
            let raised = glyph.size < size * 0.78 && glyph.text.chars().all(|c| c.is_ascii_digit());
            if raised
                && current
                    .as_ref()
                    .is_some_and(|segment| segment.text.chars().any(char::is_alphabetic))
            {
                continue;
            }
            if let Some(segment) = &mut current {
                let gap = glyph.x - segment.right;
                // Bold text may be drawn twice, a little apart.
                if gap < -0.7 * glyph.width
                    && segment.text.ends_with(&glyph.text)
                    && glyph.width > 0.0
                {
                    continue;
                }
                if gap < COLUMN_GAP * size {
                    let spaced = segment.text.ends_with(char::is_whitespace)
                        || glyph.text.starts_with(char::is_whitespace);
                    if gap > WORD_GAP * size && !spaced {
                        segment.text.push(' ');
                    }
                    segment.text.push_str(&glyph.text);
                    segment.right = segment.right.max(glyph.x + glyph.width);
                    continue;
                }
            }
            segments.extend(current.take());
            // Blanks between columns belong to neither.
            if !glyph.text.trim().is_empty() {
                current = Some(Segment {
                    left: glyph.x,
                    right: glyph.x + glyph.width,
                    y: glyph.y,
                    size,
                    text: glyph.text.clone(),
                });
            }
        }
        segments.extend(current);
    }
    for segment in &mut segments {
        segment.text = segment
            .text
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
    }
    segments.retain(|segment| !segment.text.is_empty());
    segments
}

/// Returns the size that most characters of a row have.
fn most_common_size(row: &[&Glyph]) -> f64 {
    let mut sizes: Vec<f64> = row.iter().map(|glyph| glyph.size).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.get(sizes.len() / 2).copied().unwrap_or(10.0)
}

/// Writes segments, which are sorted by height, in reading order.
fn order(segments: &[Segment], depth: usize, lines: &mut Vec<PageLine>) {
    let rows = rows(segments);
    let mut at = 0;
    while at < rows.len() {
        if let Some((end, gutter)) = columns_from(&rows, at).filter(|_| depth < MAX_DEPTH) {
            let block = rows
                .get(at..end)
                .unwrap_or_default()
                .iter()
                .flatten()
                .copied()
                .cloned();
            let (left, right): (Vec<Segment>, Vec<Segment>) =
                block.partition(|segment| segment.left < gutter);
            order(&left, depth + 1, lines);
            order(&right, depth + 1, lines);
            at = end;
            continue;
        }
        if let Some(row) = rows.get(at) {
            let text: Vec<&str> = row.iter().map(|segment| segment.text.as_str()).collect();
            lines.push(PageLine {
                text: text.join(" "),
                y: row.first().map_or(0.0, |segment| segment.y),
                size: row.first().map_or(0.0, |segment| segment.size),
                apart: false,
            });
        }
        at += 1;
    }
}

/// Groups segments of one height, from left to right.
fn rows(segments: &[Segment]) -> Vec<Vec<&Segment>> {
    let mut rows: Vec<Vec<&Segment>> = Vec::new();
    for segment in segments {
        match rows.last_mut() {
            Some(row)
                if row
                    .first()
                    .is_some_and(|first| (segment.y - first.y).abs() < 0.5 * first.size) =>
            {
                row.push(segment);
            }
            _ => rows.push(vec![segment]),
        }
    }
    for row in &mut rows {
        row.sort_by(|a, b| a.left.total_cmp(&b.left));
    }
    rows
}

/// Returns the end of the run of rows from `start` that has two columns, and the middle of the gap between
/// them.
fn columns_from(rows: &[Vec<&Segment>], start: usize) -> Option<(usize, f64)> {
    // The first row with two sides proposes the gaps; each further row narrows them.
    let mut gaps: Vec<(f64, f64)> = vec![(f64::MIN, f64::MAX)];
    let mut best = None;
    let (mut two_sided, mut left_chars, mut right_chars) = (0, Vec::new(), Vec::new());
    for (index, row) in rows.iter().enumerate().skip(start) {
        let size = row.first().map_or(10.0, |segment| segment.size);
        let mut narrowed = Vec::new();
        for (from, to) in &gaps {
            let mut from = *from;
            for segment in row {
                if segment.left - from > 0.6 * size {
                    narrowed.push((from, segment.left.min(*to)));
                }
                from = from.max(segment.right);
            }
            narrowed.push((from, *to));
        }
        narrowed.retain(|(from, to)| to - from > 0.6 * size);
        gaps = narrowed;
        let inner = gaps
            .iter()
            .find(|(from, to)| *from > f64::MIN && *to < f64::MAX);
        let Some((from, to)) = inner.copied() else {
            // Rows on one side only may come first.
            if gaps.is_empty() || two_sided > 0 {
                break;
            }
            continue;
        };
        let gutter = f64::midpoint(from, to);
        let sides = row
            .iter()
            .partition::<Vec<&Segment>, _>(|segment| segment.left < gutter);
        let chars = |side: &[&Segment]| {
            side.iter()
                .map(|segment| segment.text.chars().count())
                .sum::<usize>()
        };
        if !sides.0.is_empty() && !sides.1.is_empty() {
            two_sided += 1;
            left_chars.push(chars(&sides.0));
            right_chars.push(chars(&sides.1));
        }
        if two_sided >= MIN_COLUMN_ROWS
            && median(&mut left_chars) >= MIN_COLUMN_CHARS
            && median(&mut right_chars) >= MIN_COLUMN_CHARS
        {
            best = Some((index + 1, gutter));
        }
    }
    best
}

fn median(numbers: &mut [usize]) -> usize {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or(0)
}

/// Marks lines with more than the usual distance to the line above.
fn mark_gaps(lines: &mut [PageLine]) {
    let mut distances: Vec<f64> = lines
        .iter()
        .zip(lines.iter().skip(1))
        .map(|(above, line)| line.y - above.y)
        .filter(|distance| *distance > 0.0)
        .collect();
    distances.sort_by(f64::total_cmp);
    // The smaller half: paragraphs of one line have large distances only.
    let usual = distances.get(distances.len() / 3).copied().unwrap_or(0.0);
    let mut above: Option<f64> = None;
    for line in lines {
        // A line higher up begins another column.
        line.apart =
            above.is_some_and(|y| line.y - y > usual * 1.35 && line.y - y > line.size * 1.5);
        above = Some(line.y);
    }
}
