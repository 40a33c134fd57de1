//! Where in its source a text stands: pages, times or lines.

use std::fmt;

use super::normalization::normalize_text;

/// The places of a document's text in its source. Offsets are bytes of [`Document::text`](super::Document::text),
/// ascending; a place holds up to the next one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Anchors {
    /// The source has no pages, times or lines to cite.
    #[default]
    None,
    /// The text is the file's, line by line; the number of its first line, from 1.
    Lines(u32),
    /// The number of the page that starts at an offset, from 1.
    Pages(Vec<(usize, u32)>),
    /// The start and end, in milliseconds, of the caption that starts at an offset.
    Times(Vec<(usize, TimeSpan)>),
}

/// A span of time in a recording, in milliseconds from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSpan {
    /// Its start.
    pub start_ms: u64,
    /// Its end.
    pub end_ms: u64,
}

/// A place that a reader can look up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SourcePlace {
    /// The page of the file, from 1.
    pub page: Option<u32>,
    /// The line of the file, from 1.
    pub line: Option<u32>,
    /// The time in the recording.
    pub time: Option<TimeSpan>,
}

impl SourcePlace {
    /// Whether the source has a place to look up.
    #[must_use]
    pub fn is_known(&self) -> bool {
        *self != Self::default()
    }

    /// Whether readers of the source itself would cite this place: lines are those of a file.
    #[must_use]
    pub fn is_page_or_time(&self) -> bool {
        self.page.is_some() || self.time.is_some()
    }
}

/// `page 12`, `line 340` or `0:41:07`.
impl fmt::Display for SourcePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(page) = self.page {
            return write!(f, "page {page}");
        }
        if let Some(time) = self.time {
            let seconds = time.start_ms / 1000;
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            return write!(f, "{hours}:{minutes:02}:{:02}", seconds % 60);
        }
        self.line.map_or(Ok(()), |line| write!(f, "line {line}"))
    }
}

impl Anchors {
    /// Returns the place of the part of `text` between two byte offsets; `text` is the whole text of the
    /// document.
    #[must_use]
    pub fn place(&self, text: &str, start: usize, end: usize) -> SourcePlace {
        match self {
            Self::None => SourcePlace::default(),
            Self::Lines(first) => SourcePlace {
                line: Some(first.saturating_add(line_ends(text.get(..start).unwrap_or_default()))),
                ..SourcePlace::default()
            },
            Self::Pages(pages) => SourcePlace {
                page: last_before(pages, start).map(|(_, page)| *page),
                ..SourcePlace::default()
            },
            Self::Times(times) => {
                let first = last_before(times, start).map(|(_, time)| time.start_ms);
                let last = last_before(times, end.saturating_sub(1)).map(|(_, time)| time.end_ms);
                SourcePlace {
                    time: first
                        .zip(last)
                        .map(|(start_ms, end_ms)| TimeSpan { start_ms, end_ms }),
                    ..SourcePlace::default()
                }
            }
        }
    }

    /// Returns the anchors of the normalized text.
    #[must_use]
    pub(super) fn normalized(self, text: &str) -> Self {
        match self {
            Self::None | Self::Lines(_) => self,
            Self::Pages(points) => Self::Pages(normalized_points(points, text)),
            Self::Times(points) => Self::Times(normalized_points(points, text)),
        }
    }

    /// Returns the anchors of the part of `text` between two byte offsets.
    #[must_use]
    pub(super) fn slice(&self, text: &str, start: usize, end: usize) -> Self {
        match self {
            Self::None => Self::None,
            Self::Lines(first) => {
                Self::Lines(first.saturating_add(line_ends(text.get(..start).unwrap_or_default())))
            }
            Self::Pages(pages) => Self::Pages(slice_points(pages, start, end)),
            Self::Times(times) => Self::Times(slice_points(times, start, end)),
        }
    }
}

/// Counts line ends as editors do: `\r\n` once, a form feed not at all.
fn line_ends(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let ends = bytes.iter().enumerate().filter(|(index, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(index + 1) != Some(&b'\n'),
        _ => false,
    });
    u32::try_from(ends.count()).unwrap_or(u32::MAX)
}

fn last_before<T>(points: &[(usize, T)], offset: usize) -> Option<&(usize, T)> {
    let after = points.partition_point(|(at, _)| *at <= offset);
    points.get(after.saturating_sub(1))
}

fn normalized_points<T>(points: Vec<(usize, T)>, text: &str) -> Vec<(usize, T)> {
    let (mut before, mut offset) = (0, 0);
    points
        .into_iter()
        .map(|(point, place)| {
            let part = text.get(before..point).unwrap_or_default();
            offset += normalize_text(part).len();
            before = point;
            (offset, place)
        })
        .collect()
}

fn slice_points<T: Copy>(points: &[(usize, T)], start: usize, end: usize) -> Vec<(usize, T)> {
    let first = points
        .partition_point(|(at, _)| *at <= start)
        .saturating_sub(1);
    let slice = points.get(first..).unwrap_or_default().iter();
    slice
        .take_while(|(at, _)| *at < end)
        .map(|(at, value)| (at.saturating_sub(start), *value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_the_first_of_the_text() {
        let text = "one\r\ntwo\nthree\rfour";
        let place = |part: &str| {
            Anchors::Lines(5)
                .place(text, text.find(part).unwrap(), text.len())
                .line
        };
        assert_eq!(place("one"), Some(5));
        assert_eq!(place("two"), Some(6));
        assert_eq!(place("three"), Some(7));
        assert_eq!(place("four"), Some(8));
        assert_eq!(Anchors::Lines(5).slice(text, 5, 9), Anchors::Lines(6));
    }

    #[test]
    fn a_page_holds_until_the_next_and_follows_a_slice() {
        let pages = Anchors::Pages(vec![(0, 1), (10, 2), (20, 3)]);
        assert_eq!(pages.place("", 9, 12).page, Some(1));
        assert_eq!(pages.place("", 10, 12).page, Some(2));
        assert_eq!(
            pages.slice("", 15, 25),
            Anchors::Pages(vec![(0, 2), (5, 3)])
        );
    }

    #[test]
    fn a_time_spans_the_captions_of_a_passage() {
        let span = |start_ms, end_ms| TimeSpan { start_ms, end_ms };
        let times = Anchors::Times(vec![(0, span(0, 5)), (10, span(5, 9)), (20, span(9, 12))]);
        assert_eq!(times.place("", 3, 20).time, Some(span(0, 9)));
        assert_eq!(
            Anchors::Times(Vec::new()).place("", 0, 1),
            SourcePlace::default()
        );
    }
}
