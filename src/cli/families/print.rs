//! Families for a person.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::cli::output::{self, count_of};
use crate::parallels::{CorpusContext, Families, Family, FamilyTexts, ParallelsError};

const LINE_WIDTH: usize = 96;

/// Members of a family that are listed.
const MAX_LISTED: usize = 12;

/// Each with its representative, and who said it when.
pub(super) fn print_families(
    survey: &CorpusContext,
    found: &Families,
    limit: usize,
) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    for (place, family) in (1..).zip(found.families.iter().take(limit)) {
        print_family(survey, place, family, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn print_family(
    survey: &CorpusContext,
    place: usize,
    family: &Family,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (strong, dim) = (Style::new().bold(), Style::new().dimmed());
    let name = AnsiColor::Cyan.on_default();
    let years: Vec<String> = family
        .years
        .iter()
        .map(|(year, count)| format!("{year}: {count}"))
        .collect();
    writeln!(
        out,
        "{strong}{place:>3}  {}{strong:#}{dim}  confidence {:.2} to each other, at least {:.2}  {}{dim:#}",
        count_of(family.members.len(), "document"),
        family.mean_confidence,
        family.min_confidence,
        years.join("  "),
    )?;
    for spread in family
        .value_counts
        .iter()
        .filter(|spread| !spread.values.is_empty())
    {
        let values = spread.values.iter().take(MAX_LISTED);
        let values: Vec<String> = values
            .map(|(value, count)| match count {
                1 => value.clone(),
                count => format!("{value} ({count})"),
            })
            .collect();
        let others = spread.values.len().saturating_sub(MAX_LISTED);
        let others = if others > 0 {
            format!(" and {others} others")
        } else {
            String::new()
        };
        writeln!(
            out,
            "     {dim}{}: {}{others}{dim:#}",
            spread.field,
            values.join(", ")
        )?;
    }
    let texts = FamilyTexts::load(survey, family)?;
    let representative = texts.representative();
    let representative = representative.ok_or(ParallelsError::SnapshotMismatch)?;
    let of = if family.is_sentence_family() {
        "a sentence of "
    } else {
        ""
    };
    writeln!(
        out,
        "     {dim}{of}{dim:#}{name}{}{name:#}  {dim}{}{dim:#}",
        representative.passage.id(),
        output::byline(&representative.document)
    )?;
    let said = representative.text().replace('\n', " ");
    for line in output::wrap(&output::strip_control_chars(&said), LINE_WIDTH) {
        writeln!(out, "     {line}")?;
    }
    let ids = texts.members.iter().map(|member| member.passage.id());
    let firsts: Vec<String> = ids.clone().take(family.first_count).collect();
    if !firsts.is_empty() {
        writeln!(out, "     {dim}first: {}{dim:#}", firsts.join(", "))?;
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
        writeln!(out, "     {dim}then: {shown}{others}{dim:#}")?;
    }
    writeln!(out)?;
    Ok(())
}
