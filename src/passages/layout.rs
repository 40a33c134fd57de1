//! How a document's lines are laid out, measured once and asked while its lines are rejoined.

use super::bullets;
use super::lines::Line;
use super::terms::{begins_lower, ends_statement};

/// What the measurements say about a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent measurements, not states"
)]
pub(super) struct Layout {
    /// Whether lines end because the page was full, not because a paragraph ended.
    pub wrapped: bool,
    /// The length in characters at which full lines end. Meaningful when `wrapped`.
    pub width: usize,
    /// Whether blank lines stand inside sentences as often as between paragraphs.
    pub stray_blanks: bool,
    /// Whether blank lines part some lines and not others, so that their absence holds lines together.
    pub telling_blanks: bool,
    /// Whether the text is in capitals throughout.
    pub capitals: bool,
    /// Whether a lone letter o stands for a bullet.
    pub letter_bullets: bool,
}

/// Shorter lines say little about where a page ends.
const TELLING_LINE: usize = 25;

/// Pages are rarely wider than this; paragraphs mostly are.
const WIDEST_RAGGED_PAGE: usize = 132;
const WIDEST_EVEN_PAGE: usize = 260;

/// Measures a document.
pub(super) fn measure(lines: &[Line]) -> Layout {
    let mut lengths: Vec<usize> = lines
        .iter()
        .map(|line| line.chars)
        .filter(|&chars| chars >= TELLING_LINE)
        .collect();
    lengths.sort_unstable();
    let median = percentile(&lengths, 50);
    let width = percentile(&lengths, 85);
    let widest = percentile(&lengths, 92);
    let open = lines
        .windows(2)
        .filter(|pair| pair[0].chars >= TELLING_LINE && !ends_statement(&pair[0].text))
        .count();
    let paged = widest <= WIDEST_RAGGED_PAGE
        || (widest <= WIDEST_EVEN_PAGE && widest * 10 <= median * 12 && lengths.len() >= 12);
    let wrapped = lengths.len() >= 3 && paged && open * 10 >= lengths.len() * 4;

    let boundaries = lines.len().saturating_sub(1);
    let gaps = lines.iter().skip(1).filter(|line| line.gap > 0).count();
    let torn = lines
        .windows(2)
        .filter(|pair| {
            pair[1].gap > 0
                && begins_lower(&pair[1].text)
                && bullets::marker(&pair[1].text).is_none()
        })
        .count();
    let (upper, lower) = letters(lines);
    Layout {
        wrapped,
        width,
        stray_blanks: gaps >= 4 && torn * 5 >= gaps,
        telling_blanks: gaps * 12 >= boundaries && (boundaries - gaps) * 8 >= boundaries,
        capitals: upper > lower * 2,
        letter_bullets: lines
            .iter()
            .filter(|line| line.text.starts_with("o "))
            .count()
            >= 2,
    }
}

fn percentile(sorted: &[usize], percent: usize) -> usize {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or(0)
}

fn letters(lines: &[Line]) -> (usize, usize) {
    let mut upper = 0;
    let mut lower = 0;
    for c in lines.iter().flat_map(|line| line.text.chars()) {
        upper += usize::from(c.is_uppercase());
        lower += usize::from(c.is_lowercase());
    }
    (upper, lower)
}

impl Layout {
    /// Whether a full page width stopped `line`, seeing that `next` follows: the next word had no
    /// room. Generous, since the letters of most type are not equally wide.
    pub fn is_full(&self, line: &Line, next: &Line) -> bool {
        let word = next.text.split(' ').next().map_or(0, |w| w.chars().count());
        (line.chars + 1 + word) * 100 > self.width * 84
    }
}
