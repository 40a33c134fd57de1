//! Where the passages of a document stand in its source text.
//!
//! Segmentation drops, rejoins and cleans lines. What it keeps stays in order and keeps its letters, so
//! each passage is found by its first and last letters, searched from where the one before ended.

use super::SegmentedText;

/// Letters by which the beginning of a passage is recognized.
const OPENING_LETTERS: [usize; 2] = [48, 20];

/// Letters by which its end is recognized.
const CLOSING_LETTERS: usize = 24;

/// Returns the start and end of each passage in the source text, in bytes; `None` for one that is not
/// found.
#[must_use]
pub fn source_ranges(source: &str, segmented: &SegmentedText) -> Vec<Option<(usize, usize)>> {
    let letters: Vec<(usize, char)> = source
        .char_indices()
        .filter(|(_, character)| character.is_alphanumeric())
        .collect();
    let mut next = 0;
    let mut ranges = Vec::with_capacity(segmented.passages.len());
    for passage in &segmented.passages {
        let words: Vec<char> = passage
            .text
            .chars()
            .filter(|c| c.is_alphanumeric())
            .collect();
        // A line may have been dropped within the first letters; fewer of them are less certain.
        let found = OPENING_LETTERS.iter().find_map(|count| {
            let opening = words.get(..(*count).min(words.len()))?;
            Some((find(&letters, next, opening)?, opening.len()))
        });
        let Some((first, opening)) = found else {
            ranges.push(None);
            continue;
        };
        // Lines may have been dropped in between, so that the end is searched from where it would be.
        let closing = words.len().saturating_sub(CLOSING_LETTERS);
        let closing = words.get(closing..).unwrap_or_default();
        let from = first + words.len().saturating_sub(closing.len());
        let after =
            find(&letters, from, closing).map_or(first + words.len(), |at| at + closing.len());
        let last = after
            .saturating_sub(1)
            .clamp(first, letters.len().saturating_sub(1).max(first));
        let start = letters.get(first).map_or(0, |(at, _)| *at);
        let end = letters
            .get(last)
            .map_or(source.len(), |(at, c)| at + c.len_utf8());
        ranges.push(Some((start, end)));
        next = first + opening.max(1);
    }
    ranges
}

/// Finds letters from a position on.
fn find(letters: &[(usize, char)], from: usize, wanted: &[char]) -> Option<usize> {
    let first = wanted.first()?;
    (from..letters.len()).find(|at| {
        letters.get(*at).is_some_and(|(_, c)| c == first)
            && letters
                .get(*at..at + wanted.len())
                .is_some_and(|window| window.iter().map(|(_, c)| c).eq(wanted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passages::{Passage, TextRange};

    #[test]
    fn passages_are_found_over_dropped_lines_and_rejoined_words() {
        let source = "Menu\n\nWe have come a long way to-\ngether, and\n17\nwe go on.\n\nWe have come home.\n";
        let texts = [
            "We have come a long way together, and we go on.",
            "We have come home.",
            "Not there.",
        ];
        let passages = texts.iter().map(|text| Passage {
            ordinal: 1,
            text: (*text).to_owned(),
            range: TextRange { start: 0, end: 0 },
            tokens: 0,
            sentences: Vec::new(),
        });
        let segmented = SegmentedText {
            text: String::new(),
            passages: passages.collect(),
            dropped: Vec::new(),
        };
        let found: Vec<_> = source_ranges(source, &segmented)
            .into_iter()
            .map(|range| range.map(|(start, end)| &source[start..end]))
            .collect();
        assert_eq!(found[1], Some("We have come home"));
        assert_eq!(found[2], None);
        // The end is approximate where a line was dropped within the last letters.
        assert!(found[0].is_some_and(|text| text.starts_with("We have come a long")));
    }
}
