//! Prints the report of indexing as text.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::engine::{DroppedBlock, IngestReport, IngestWarning};

use super::memory;
use super::output::{count_of, strip_control_chars, with_thousands};

/// Maximum number of lines shown of a list; the JSON report has all.
const MAX_LISTED: usize = 10;

/// Prints the whole report.
pub(super) fn print(report: &IngestReport, out: &mut impl Write) -> io::Result<()> {
    print_summary(report, out)?;
    print_dropped(&report.dropped, out)?;
    print_warnings("Skipped", &report.skipped, out)?;
    print_warnings("Notes", &report.notes, out)?;
    let removed: Vec<IngestWarning> = report
        .removed
        .iter()
        .map(|id| IngestWarning {
            origin: id.clone(),
            text: "no longer in the corpus".to_owned(),
        })
        .collect();
    print_warnings("Removed", &removed, out)?;
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

fn print_dropped(blocks: &[DroppedBlock], out: &mut impl Write) -> io::Result<()> {
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
        for dropped in blocks.iter().take(MAX_LISTED) {
            writeln!(
                out,
                "    {} line {}: {}",
                dropped.document, dropped.block.line, dropped.block.first_words
            )?;
        }
        print_remaining(blocks.len(), out)?;
    }
    Ok(())
}

fn print_warnings(title: &str, warnings: &[IngestWarning], out: &mut impl Write) -> io::Result<()> {
    if warnings.is_empty() {
        return Ok(());
    }
    writeln!(out, "{title}: {}", with_thousands(warnings.len()))?;
    for warning in warnings.iter().take(MAX_LISTED) {
        writeln!(
            out,
            "    {}: {}",
            strip_control_chars(&warning.origin),
            strip_control_chars(&warning.text)
        )?;
    }
    print_remaining(warnings.len(), out)
}

fn print_remaining(count: usize, out: &mut impl Write) -> io::Result<()> {
    match count.checked_sub(MAX_LISTED) {
        Some(rest @ 1..) => writeln!(
            out,
            "    … and {} more; --json lists all",
            with_thousands(rest)
        ),
        _ => Ok(()),
    }
}
