//! Measurements of a document's layout, used for rejoining its lines.

use super::bullets;
use super::line_ends::{ends_statement, starts_lowercase};
use super::lines::SourceLine;

/// The layout of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent measurements, not states"
)]
pub(super) struct TextLayout {
    /// Whether lines are hard-wrapped, rather than one paragraph per line.
    pub wrapped: bool,
    /// The length of full lines in characters. Meaningful if `wrapped`.
    pub width: usize,
    /// The length that a line and the next line's first word have together where the word did not fit.
    /// Meaningful if `wrapped`.
    pub wrap_extent: usize,
    /// Whether blank lines also occur inside sentences, and so do not separate paragraphs.
    pub blanks_inside_sentences: bool,
    /// Whether some lines are separated by blank lines and others not, so that adjacent lines are
    /// grouped.
    pub informative_blanks: bool,
    /// Whether the text is in capitals.
    pub all_caps: bool,
    /// Whether a letter o is used as a bullet.
    pub letter_bullets: bool,
}

/// Shorter lines are ignored when the width is measured.
const MIN_INFORMATIVE_CHARS: usize = 25;

/// At least this many lines that go on in lower case show where the document breaks its lines.
const MIN_WRAP_SAMPLES: usize = 6;
/// Lines of proportional type are shorter than this share of the width, in percent, only at the end of a
/// paragraph.
const MIN_FULL_PERCENT: usize = 84;

/// Lines that end at this share of the width, in percent, were ended deliberately.
const MAX_SHORT_PERCENT: usize = 72;

/// Pages are rarely wider than this; paragraphs mostly are.
const MAX_RAGGED_PAGE_CHARS: usize = 132;
const MAX_EVEN_PAGE_CHARS: usize = 260;

/// Measures the layout of a document.
pub(super) fn measure(lines: &[SourceLine]) -> TextLayout {
    let mut lengths: Vec<usize> = lines
        .iter()
        .map(|line| line.chars)
        .filter(|&chars| chars >= MIN_INFORMATIVE_CHARS)
        .collect();
    lengths.sort_unstable();
    let median = percentile(&lengths, 50);
    let width = percentile(&lengths, 85);
    let widest = percentile(&lengths, 92);
    let unfinished = lines
        .windows(2)
        .filter(|pair| pair[0].chars >= MIN_INFORMATIVE_CHARS && !ends_statement(&pair[0].text))
        .count();
    let paged = widest <= MAX_RAGGED_PAGE_CHARS
        || (widest <= MAX_EVEN_PAGE_CHARS && widest * 10 <= median * 12 && lengths.len() >= 12);
    let wrapped = lengths.len() >= 3 && paged && unfinished * 10 >= lengths.len() * 4;

    let boundaries = lines.len().saturating_sub(1);
    let gaps = lines
        .iter()
        .skip(1)
        .filter(|line| line.blank_lines_before > 0)
        .count();
    let inside_sentences = lines
        .windows(2)
        .filter(|pair| {
            pair[1].blank_lines_before > 0
                && starts_lowercase(&pair[1].text)
                && bullets::list_marker(&pair[1].text).is_none()
        })
        .count();
    let (upper, lower) = count_letter_cases(lines);
    TextLayout {
        wrapped,
        width,
        wrap_extent: measure_wrap_extent(lines, width),
        blanks_inside_sentences: gaps >= 4 && inside_sentences * 5 >= gaps,
        informative_blanks: gaps * 12 >= boundaries && (boundaries - gaps) * 8 >= boundaries,
        all_caps: upper > lower * 2,
        letter_bullets: lines
            .iter()
            .filter(|line| line.text.starts_with("o "))
            .count()
            >= 2,
    }
}

/// Measures where lines are broken: nearly all that go on in lower case reach it with the next word. In
/// a text of fixed width that is the width; with proportional type it is less.
fn measure_wrap_extent(lines: &[SourceLine], width: usize) -> usize {
    let mut extents: Vec<usize> = lines
        .windows(2)
        .filter(|pair| {
            pair[0].chars >= MIN_INFORMATIVE_CHARS
                && !ends_statement(&pair[0].text)
                && starts_lowercase(&pair[1].text)
                && !pair[0].text.ends_with('-')
                && bullets::list_marker(&pair[1].text).is_none()
        })
        .map(|pair| extent(&pair[0], &pair[1]))
        .collect();
    extents.sort_unstable();
    let lenient = width * MIN_FULL_PERCENT / 100 + 1;
    if extents.len() < MIN_WRAP_SAMPLES {
        return lenient;
    }
    percentile(&extents, 3).max(lenient)
}

/// Returns the length of a line with the first word of the next.
fn extent(line: &SourceLine, next: &SourceLine) -> usize {
    let word = next.text.split(' ').next().map_or(0, |w| w.chars().count());
    line.chars + 1 + word
}

/// Returns a percentile by the rank rounded down. A different rank would be a different segmentation.
fn percentile(sorted: &[usize], percent: usize) -> usize {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or(0)
}

fn count_letter_cases(lines: &[SourceLine]) -> (usize, usize) {
    let mut upper = 0;
    let mut lower = 0;
    for c in lines.iter().flat_map(|line| line.text.chars()) {
        upper += usize::from(c.is_uppercase());
        lower += usize::from(c.is_lowercase());
    }
    (upper, lower)
}

impl TextLayout {
    /// Returns whether `line` was wrapped because the first word of `next` did not fit. Tolerant, since
    /// letters of most typefaces differ in width.
    pub(super) fn is_full_line(&self, line: &SourceLine, next: &SourceLine) -> bool {
        extent(line, next) * 100 > self.width * MIN_FULL_PERCENT
    }

    /// Returns the same by where the document's lines are broken, for lines that may end a paragraph.
    pub(super) fn reaches_wrap(&self, line: &SourceLine, next: &SourceLine) -> bool {
        extent(line, next) >= self.wrap_extent
    }

    /// Returns whether `line` was ended although much more would have fit.
    pub(super) fn is_short_line(&self, line: &SourceLine, next: &SourceLine) -> bool {
        extent(line, next) * 100 <= self.width * MAX_SHORT_PERCENT
    }
}
