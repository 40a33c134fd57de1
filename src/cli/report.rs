//! Prints the report of indexing as text.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::engine::{DroppedBlock, IngestReport, IngestWarning};

use super::memory;
use super::output::{count_of, strip_control_chars, with_thousands};

/// Prints the report: a line for each kind of remark, or every remark.
pub(super) fn print(report: &IngestReport, verbose: bool, out: &mut impl Write) -> io::Result<()> {
    print_summary(report, out)?;
    print_dropped(&report.dropped, verbose, out)?;
    print_warnings("Skipped", &report.skipped, verbose, out)?;
    print_warnings("Notes", &report.notes, verbose, out)?;
    let removed: Vec<IngestWarning> = report
        .removed
        .iter()
        .map(|id| IngestWarning {
            origin: id.clone(),
            text: "no longer in the corpus".to_owned(),
        })
        .collect();
    print_warnings("Removed", &removed, verbose, out)?;
    let remarks = report.dropped.len() + report.skipped.len() + report.notes.len();
    if remarks > 0 && !verbose {
        writeln!(out, "--verbose lists every remark, --json has them as data")?;
    }
    out.flush()
}

/// Prints the first lines of the report.
pub(super) fn print_summary(report: &IngestReport, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "Read {} in {:.1} s: {} new, {} changed, {} with new metadata, {} unchanged; {} skipped, {} removed",
        count_of(report.read, "document"),
        report.seconds,
        with_thousands(report.added),
        with_thousands(report.updated),
        with_thousands(report.metadata_updated),
        with_thousands(report.unchanged),
        with_thousands(report.skipped.len()),
        with_thousands(report.removed.len()),
    )?;
    if report.tokens > 0 {
        #[allow(clippy::cast_precision_loss)] // a rate for the eye
        let rate = report.tokens as f64 / report.encode_seconds.max(1e-9);
        writeln!(
            out,
            "Wrote {} with {}; encoded {} at {rate:.0} tokens/s{}",
            count_of(report.passages, "passage"),
            count_of(report.sentences, "sentence"),
            count_of(report.tokens, "token"),
            memory::peak_bytes().map_or(String::new(), |bytes| format!(
                "; peak memory {} MB",
                bytes >> 20
            )),
        )?;
    }
    Ok(())
}

fn print_dropped(blocks: &[DroppedBlock], verbose: bool, out: &mut impl Write) -> io::Result<()> {
    let mut by_reason: BTreeMap<String, Vec<&DroppedBlock>> = BTreeMap::new();
    for dropped in blocks {
        let reason = dropped.block.reason.to_string();
        by_reason.entry(reason).or_default().push(dropped);
    }
    if !by_reason.is_empty() {
        writeln!(out, "Boilerplate removed (--keep-boilerplate keeps it):")?;
    }
    for (reason, blocks) in by_reason {
        let lines: usize = blocks.iter().map(|b| b.block.lines).sum();
        writeln!(
            out,
            "  {reason}: {}, {}",
            count_of(blocks.len(), "block"),
            count_of(lines, "line")
        )?;
        for dropped in blocks.iter().filter(|_| verbose) {
            writeln!(
                out,
                "    {} line {}: {}",
                dropped.document, dropped.block.line, dropped.block.first_words
            )?;
        }
    }
    Ok(())
}

fn print_warnings(
    title: &str,
    warnings: &[IngestWarning],
    verbose: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    if warnings.is_empty() {
        return Ok(());
    }
    writeln!(out, "{title}: {}", with_thousands(warnings.len()))?;
    if verbose {
        for warning in warnings {
            print_warning(warning, "", out)?;
        }
        return Ok(());
    }
    // In the order in which the kinds occur first, each with its first remark.
    let mut kinds: Vec<(&IngestWarning, usize)> = Vec::new();
    let mut positions: BTreeMap<String, usize> = BTreeMap::new();
    for warning in warnings {
        let position = *positions
            .entry(kind_of(&warning.text))
            .or_insert(kinds.len());
        match kinds.get_mut(position) {
            Some((_, count)) => *count += 1,
            None => kinds.push((warning, 1)),
        }
    }
    for (first, count) in &kinds {
        let more = match count {
            1 => String::new(),
            count => format!(" (and {} more of this kind)", with_thousands(count - 1)),
        };
        print_warning(first, &more, out)?;
    }
    Ok(())
}

fn print_warning(warning: &IngestWarning, more: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "    {}: {}{more}",
        strip_control_chars(&warning.origin),
        strip_control_chars(&warning.text)
    )
}

/// Returns a remark without its quotations and numbers, in which remarks of one kind differ. It groups
/// lines for the eye, nothing else.
fn kind_of(text: &str) -> String {
    let mut kind = String::new();
    let mut quoted = false;
    for character in text.chars() {
        match character {
            '"' => quoted = !quoted,
            _ if quoted || character.is_numeric() => {}
            _ => kind.push(character),
        }
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(origin: &str, text: &str) -> IngestWarning {
        IngestWarning {
            origin: origin.to_owned(),
            text: text.to_owned(),
        }
    }

    fn printed(verbose: bool) -> String {
        let report = IngestReport {
            notes: vec![
                warning("a", "the text contains 3 control characters"),
                warning("b", "the text contains 12 control characters"),
                warning("c", "date ignored: expected a date, received \"soon\""),
            ],
            ..IngestReport::default()
        };
        let mut out = Vec::new();
        print(&report, verbose, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn remarks_of_one_kind_are_one_line_unless_all_are_asked_for() {
        let short = printed(false);
        assert!(
            short.contains("a: the text contains 3 control characters (and 1 more of this kind)\n")
        );
        assert!(!short.contains("b: ") && short.contains("c: date") && short.contains("--verbose"));
        let long = printed(true);
        assert!(long.contains("b: the text") && !long.contains("more of this kind"));
    }
}
