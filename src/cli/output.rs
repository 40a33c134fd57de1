//! Writes results to stdout and to files.

use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use crate::atomic_file::{self, NewFileMode};
use crate::corpus::SourcePlace;
use crate::store::DocumentSummary;

/// Writes a line and flushes it.
pub(super) fn print_line(text: fmt::Arguments<'_>) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
}

/// Writes a value as indented JSON.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print_line(format_args!("{}", serde_json::to_string_pretty(value)?))
}

/// Writes a file completely or not at all.
pub(super) fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    atomic_file::replace(path, NewFileMode::Umask, |file| {
        let mut writer = BufWriter::new(file);
        write(&mut writer)?;
        writer.flush()?;
        anyhow::Ok(())
    })
    .with_context(|| format!("cannot write {}", path.display()))
}

/// Wraps a text at blanks to lines of at most `width` characters.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        let mut length = 0;
        for word in paragraph.split_whitespace() {
            let word_length = word.chars().count();
            if length > 0 && length + 1 + word_length > width {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            line.push_str(word);
            length += word_length;
        }
        lines.push(line);
    }
    lines
}

/// Replaces control characters, which a terminal would interpret.
pub(super) fn strip_control_chars(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// Returns the page or time of a passage, to follow its byline.
pub(super) fn place(place: SourcePlace) -> String {
    if place.is_page_or_time() {
        return format!(" · {place}");
    }
    String::new()
}

/// Joins speaker, date and title of a document, as far as they are known.
pub(super) fn byline(document: &DocumentSummary) -> String {
    let metadata = &document.metadata;
    let date = metadata.date.map(|d| d.to_string());
    [
        metadata.speaker.as_ref(),
        date.as_ref(),
        metadata.title.as_ref(),
    ]
    .into_iter()
    .flatten()
    .map(String::as_str)
    .collect::<Vec<_>>()
    .join(" · ")
}

/// Formats a number with thousands separators: `1,234,567`.
pub(super) fn with_thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a count: `1 document`, `2 documents`.
pub(super) fn count_of(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", with_thousands(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_at_blanks_only() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable word", 4), ["unbreakable", "word"]);
        assert_eq!(wrap("a\nb", 10), ["a", "b"]);
    }

    #[test]
    fn counts_are_pluralized() {
        assert_eq!(count_of(1, "document"), "1 document");
        assert_eq!(count_of(1_938, "document"), "1,938 documents");
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!(with_thousands(0), "0");
        assert_eq!(with_thousands(999), "999");
        assert_eq!(with_thousands(1_000), "1,000");
        assert_eq!(with_thousands(1_234_567), "1,234,567");
    }
}
