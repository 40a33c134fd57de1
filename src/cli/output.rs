//! Writes results to stdout and to files.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::{fmt, fs};

use anyhow::Context;
use serde::Serialize;
use tempfile::NamedTempFile;

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

/// Writes a temporary file in the same folder and renames it once it is complete. A new file gets the
/// mode of the umask; an existing one keeps its mode.
pub(super) fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut NamedTempFile>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let context = || format!("cannot write {}", path.display());
    let mut file = temp_file_in(folder).with_context(context)?;
    let mut writer = BufWriter::new(&mut file);
    write(&mut writer).with_context(context)?;
    writer.flush().with_context(context)?;
    drop(writer);
    if let Ok(existing) = fs::metadata(path) {
        let file = file.as_file();
        file.set_permissions(existing.permissions())
            .with_context(context)?;
    }
    file.as_file().sync_all().with_context(context)?;
    file.persist(path).with_context(context)?;
    Ok(())
}

/// Creates a temporary file with the mode of an ordinary new file.
fn temp_file_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The umask is applied to it.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
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

    #[cfg(unix)]
    #[test]
    fn a_new_file_follows_the_umask_and_an_existing_one_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| {
            let metadata = fs::metadata(folder.path().join(name)).unwrap();
            metadata.permissions().mode() & 0o7777
        };
        let write = |name: &str| {
            write_atomically(
                &folder.path().join(name),
                |file| Ok(file.write_all(b"all")?),
            )
            .unwrap();
        };
        fs::write(folder.path().join("usual"), "").unwrap();
        write("new");
        assert_eq!(mode("new"), mode("usual"));
        for kept in [0o600, 0o664] {
            let permissions = fs::Permissions::from_mode(kept);
            fs::set_permissions(folder.path().join("usual"), permissions).unwrap();
            write("usual");
            assert_eq!(mode("usual"), kept);
        }
        assert_eq!(fs::read(folder.path().join("usual")).unwrap(), b"all");
    }

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
