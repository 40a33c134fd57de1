//! The report of an ingest, for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::engine::{DroppedBlock, IngestReport, Remark};

use super::output::{counted, plain, thousands};

/// Lines shown of a list; the JSON report has them all.
const SHOWN: usize = 10;

/// The whole report.
pub(super) fn print(report: &IngestReport, out: &mut impl Write) -> io::Result<()> {
    summarise(report, out)?;
    dropped(&report.dropped, out)?;
    remarks("Skipped", &report.skipped, out)?;
    remarks("Notes", &report.notes, out)?;
    let removed: Vec<Remark> = report
        .removed
        .iter()
        .map(|id| Remark {
            origin: id.clone(),
            text: "no longer in the corpus".to_owned(),
        })
        .collect();
    remarks("Removed", &removed, out)?;
    out.flush()
}

/// Its first lines.
pub(super) fn summarise(report: &IngestReport, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "Read {} in {:.1} s: {} new, {} changed, {} with new metadata, {} unchanged; {} skipped, {} removed",
        counted(report.read, "document"),
        report.seconds,
        thousands(report.added),
        thousands(report.updated),
        thousands(report.metadata_updated),
        thousands(report.unchanged),
        thousands(report.skipped.len()),
        thousands(report.removed.len()),
    )?;
    if report.tokens > 0 {
        #[allow(clippy::cast_precision_loss)] // a rate for the eye
        let rate = report.tokens as f64 / report.encode_seconds.max(1e-9);
        writeln!(
            out,
            "Wrote {} with {}; encoded {} at {rate:.0} tokens/s{}",
            counted(report.passages, "passage"),
            counted(report.sentences, "sentence"),
            counted(report.tokens, "token"),
            peak_memory().map_or(String::new(), |mb| format!("; peak memory {mb} MB")),
        )?;
    }
    Ok(())
}

fn dropped(blocks: &[DroppedBlock], out: &mut impl Write) -> io::Result<()> {
    let mut by_reason: BTreeMap<String, Vec<&DroppedBlock>> = BTreeMap::new();
    for dropped in blocks {
        let reason = dropped.block.reason.to_string();
        by_reason.entry(reason).or_default().push(dropped);
    }
    if !by_reason.is_empty() {
        writeln!(out, "Left out of the passages (--keep-all keeps it):")?;
    }
    for (reason, blocks) in by_reason {
        let lines: usize = blocks.iter().map(|b| b.block.lines).sum();
        writeln!(
            out,
            "  {reason}: {}, {}",
            counted(blocks.len(), "block"),
            counted(lines, "line")
        )?;
        for dropped in blocks.iter().take(SHOWN) {
            writeln!(
                out,
                "    {} line {}: {}",
                dropped.document, dropped.block.line, dropped.block.first_words
            )?;
        }
        more(blocks.len(), out)?;
    }
    Ok(())
}

fn remarks(title: &str, remarks: &[Remark], out: &mut impl Write) -> io::Result<()> {
    if remarks.is_empty() {
        return Ok(());
    }
    writeln!(out, "{title}: {}", thousands(remarks.len()))?;
    for remark in remarks.iter().take(SHOWN) {
        writeln!(
            out,
            "    {}: {}",
            plain(&remark.origin),
            plain(&remark.text)
        )?;
    }
    more(remarks.len(), out)
}

fn more(count: usize, out: &mut impl Write) -> io::Result<()> {
    match count.checked_sub(SHOWN) {
        Some(rest @ 1..) => writeln!(out, "    … and {} more; --json lists all", thousands(rest)),
        _ => Ok(()),
    }
}

/// The most memory this process has had, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024)
}
