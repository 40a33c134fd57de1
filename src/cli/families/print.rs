//! Printing of families.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::cli::output::{self, count_of};
use crate::parallels::{FamilyTexts, FoundFamilies, ParallelsError};

const LINE_WIDTH: usize = 96;

/// Maximum number of listed members or values.
const MAX_LISTED: usize = 12;

/// Prints each with its representative, its speakers and dates.
pub(super) fn print_families(found: &FoundFamilies, limit: usize) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    for (number, texts) in (1..).zip(found.load(0..limit)?) {
        print_family(number, &texts, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn print_family(number: usize, texts: &FamilyTexts, out: &mut impl Write) -> anyhow::Result<()> {
    let family = &texts.family;
    let (strong, dim) = (Style::new().bold(), Style::new().dimmed());
    let name = AnsiColor::Cyan.on_default();
    let years: Vec<String> = family
        .years
        .iter()
        .map(|(year, count)| format!("{year}: {count}"))
        .collect();
    writeln!(
        out,
        "{strong}{number:>3}  {}{strong:#}{dim}  mean confidence {:.2}, minimum {:.2}  {}{dim:#}",
        count_of(family.members.len(), "document"),
        family.mean_confidence,
        family.min_confidence,
        years.join("  "),
    )?;
    for counts in family
        .value_counts
        .iter()
        .filter(|counts| !counts.values.is_empty())
    {
        let values = counts.values.iter().take(MAX_LISTED);
        let values: Vec<String> = values
            .map(|(value, count)| match count {
                1 => value.clone(),
                count => format!("{value} ({count})"),
            })
            .collect();
        let others = counts.values.len().saturating_sub(MAX_LISTED);
        let others = if others > 0 {
            format!(" and {others} others")
        } else {
            String::new()
        };
        writeln!(
            out,
            "     {dim}{}: {}{others}{dim:#}",
            counts.field,
            values.join(", ")
        )?;
    }
    let representative = texts.representative();
    let representative = representative.ok_or(ParallelsError::SnapshotMismatch)?;
    let unit = if family.is_sentence_family() {
        "a sentence of "
    } else {
        ""
    };
    writeln!(
        out,
        "     {dim}{unit}{dim:#}{name}{}{name:#}  {dim}{}{dim:#}",
        representative.passage.id(),
        output::byline(&representative.document)
    )?;
    let text = representative.text().replace('\n', " ");
    for line in output::wrap(&output::strip_control_chars(&text), LINE_WIDTH) {
        writeln!(out, "     {line}")?;
    }
    let ids = texts.members.iter().map(|member| member.passage.id());
    let earliest: Vec<String> = ids.clone().take(family.first_count).collect();
    if !earliest.is_empty() {
        writeln!(out, "     {dim}earliest: {}{dim:#}", earliest.join(", "))?;
    }
    let later: Vec<String> = ids.skip(family.first_count).collect();
    if !later.is_empty() {
        let others = later.len().saturating_sub(MAX_LISTED);
        let others = if others > 0 {
            format!(" and {others} others")
        } else {
            String::new()
        };
        let shown = later.get(..MAX_LISTED).unwrap_or(&later).join(", ");
        writeln!(out, "     {dim}later: {shown}{others}{dim:#}")?;
    }
    writeln!(out)?;
    Ok(())
}
