//! Splits a body into lines as its chunks arrive.

use std::collections::VecDeque;

/// A line that is not blank.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BodyLine {
    /// Line number in the body, from 1; blank lines are counted.
    pub(super) number: usize,
    /// The contents, or nothing if the line is longer than the limit.
    pub(super) bytes: Option<Vec<u8>>,
}

/// Buffers at most one incomplete line, of bounded length.
#[derive(Debug)]
pub(super) struct LineSplitter {
    limit: usize,
    partial: Vec<u8>,
    too_long: bool,
    number: usize,
    complete_lines: VecDeque<BodyLine>,
}

impl LineSplitter {
    /// Creates a splitter for lines of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            partial: Vec::new(),
            too_long: false,
            number: 0,
            complete_lines: VecDeque::new(),
        }
    }

    /// Adds the next chunk of the body.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        let mut parts = chunk.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            self.too_long = self.too_long || self.partial.len() + part.len() > self.limit;
            if !self.too_long {
                self.partial.extend_from_slice(part);
            }
            if parts.peek().is_some() {
                self.end_line();
            }
        }
    }

    /// Ends the last line, which may have no line end.
    pub(super) fn finish(&mut self) {
        if self.too_long || !self.partial.is_empty() {
            self.end_line();
        }
    }

    /// Returns the next complete line.
    pub(super) fn next_line(&mut self) -> Option<BodyLine> {
        self.complete_lines.pop_front()
    }

    /// Returns the number of lines so far, including blank ones.
    pub(super) fn line_count(&self) -> usize {
        self.number
    }

    fn end_line(&mut self) {
        self.number += 1;
        let too_long = std::mem::take(&mut self.too_long);
        let mut bytes = std::mem::take(&mut self.partial);
        if self.number == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        if too_long || !bytes.trim_ascii().is_empty() {
            self.complete_lines.push_back(BodyLine {
                number: self.number,
                bytes: (!too_long).then_some(bytes),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(chunks: &[&[u8]], limit: usize) -> Vec<(usize, Option<String>)> {
        let mut lines = LineSplitter::new(limit);
        for chunk in chunks {
            lines.push(chunk);
        }
        lines.finish();
        std::iter::from_fn(|| lines.next_line())
            .map(|line| {
                let text = |bytes| String::from_utf8(bytes).unwrap().trim().to_owned();
                (line.number, line.bytes.map(text))
            })
            .collect()
    }

    #[test]
    fn chunk_boundaries_make_no_difference() {
        let body = b"\xef\xbb\xbfone\r\n\n  \ntwo\nthree";
        let whole = split(&[body], 10);
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(split(&bytes, 10), whole);
        let expected = [(1, "one"), (4, "two"), (5, "three")];
        assert_eq!(whole, expected.map(|(n, text)| (n, Some(text.to_owned()))));
    }

    #[test]
    fn a_long_line_is_skipped_without_being_buffered() {
        let mut lines = LineSplitter::new(10);
        for _ in 0..1000 {
            lines.push(b"aaaaaaa");
            assert!(lines.partial.len() <= 10);
        }
        lines.push(b"\nb\n");
        assert_eq!(
            lines.next_line().unwrap(),
            BodyLine {
                number: 1,
                bytes: None
            }
        );
        assert_eq!(lines.next_line().unwrap().bytes.unwrap(), b"b");
        assert_eq!((lines.next_line(), lines.line_count()), (None, 2));
    }
}
