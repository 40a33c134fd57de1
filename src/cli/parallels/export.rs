//! Parallels into a file.

use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;

use crate::cli::output;
use crate::parallels::export::{
    self, Compared, Counts, Csv, Export, Format, Html, Report, Subject, Tei,
};
use crate::parallels::{Comparison, Pair, Reader, Survey, Sweep, Swept};
use crate::server::Jsonl;

use super::Arguments;

/// The formats that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum FormatName {
    /// A JSON object a line, as the service answers
    Jsonl,
    /// A table
    Csv,
    /// TEI P5 with links beside the texts
    Tei,
    /// A page to read and print
    Html,
}

/// What was found, and of what.
pub(super) struct Found<'a> {
    subject: Subject,
    pairs: &'a [Pair],
    counts: Counts,
    closest: Option<Pair>,
}

impl<'a> Found<'a> {
    /// Of two documents.
    pub(super) fn of_two(
        survey: &Survey,
        ids: (&str, &str),
        found: &'a Comparison,
    ) -> anyhow::Result<Self> {
        let document = |id: &str| {
            let document = survey.snapshot().view().document(&id.parse()?)?;
            document.with_context(|| format!("there is no document {id}"))
        };
        Ok(Self {
            subject: Subject::Documents(Box::new([document(ids.0)?, document(ids.1)?])),
            counts: Counts {
                found: found.pairs.len(),
                compared: Compared::Pairs(found.compared),
                unsure: found.compared - found.pairs.len() - found.taken,
                hubs: 0,
                formulas: 0,
                taken: found.taken,
                undated: 0,
                limit: None,
            },
            pairs: &found.pairs,
            closest: found.closest,
        })
    }

    /// Of a corpus.
    pub(super) fn of_all(sweep: &Sweep<'_>, swept: &'a Swept) -> Self {
        Self {
            subject: Subject::Corpus,
            counts: Counts {
                found: swept.pairs.len(),
                compared: Compared::Passages(swept.passages),
                unsure: swept.left_out.unsure,
                hubs: swept.left_out.hubs,
                formulas: swept.left_out.formulas,
                taken: 0,
                undated: sweep.undated(),
                limit: None,
            },
            pairs: &swept.pairs,
            closest: swept.closest,
        }
    }
}

/// Refuses a file without a format before anything is compared.
pub(super) fn check(arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(path) = &arguments.out {
        format_of(path, arguments.format)?;
    }
    Ok(())
}

/// Writes all that was found.
pub(super) fn write(
    path: &Path,
    arguments: &Arguments,
    survey: &Survey,
    reader: &Reader<'_>,
    found: Found<'_>,
) -> anyhow::Result<()> {
    let format = format_of(path, arguments.format)?;
    let Found {
        subject,
        pairs,
        counts,
        closest,
    } = found;
    let asked = parameters(arguments, &subject);
    let report = Report::new(
        survey.snapshot(),
        reader,
        subject,
        asked,
        counts,
        (pairs, closest),
    )?;
    output::write_whole(path, |file| {
        let mut export: Box<dyn Export> = match format {
            FormatName::Jsonl => Box::new(Jsonl::new(file)),
            FormatName::Csv => Box::new(Csv::new(file)),
            FormatName::Tei => Box::new(Tei::new(file)?),
            FormatName::Html => Box::new(Html::new(file)),
        };
        Ok(export::write(export.as_mut(), &report, reader, pairs)?)
    })?;
    output::line(format_args!(
        "{} in {}",
        output::counted(pairs.len(), "pair"),
        path.display()
    ))
}

/// The format that was asked for, or that the file's name asks for.
pub(in crate::cli) fn format_of(
    path: &Path,
    asked: Option<FormatName>,
) -> anyhow::Result<FormatName> {
    if let Some(format) = asked {
        return Ok(format);
    }
    match Format::of_file(path) {
        Some(Format::Jsonl) => Ok(FormatName::Jsonl),
        Some(Format::Csv) => Ok(FormatName::Csv),
        Some(Format::Tei) => Ok(FormatName::Tei),
        Some(Format::Html) => Ok(FormatName::Html),
        None => anyhow::bail!(
            "the name {} says no format; expected one that ends in .jsonl, .csv, .tei, .xml or .html, or --format",
            path.display()
        ),
    }
}

/// What decides the answer, as the command line has it.
fn parameters(arguments: &Arguments, subject: &Subject) -> Vec<(String, String)> {
    let thresholds = &arguments.thresholds;
    let mut all: Vec<(&str, String)> = Vec::new();
    let least = match subject {
        Subject::Documents(both) => {
            let id = |place: usize| both[place].summary.id.to_string();
            all.push(("source", id(0)));
            all.push(("target", id(1)));
            all.push(("many", arguments.many.to_string()));
            all.push(("min_phrase", arguments.min_phrase.to_string()));
            crate::parallels::Enough::default().confidence
        }
        Subject::Corpus => {
            all.extend(arguments.scope.told());
            all.push(("min_score", thresholds.min_score.to_string()));
            all.push(("min_margin", thresholds.min_margin.to_string()));
            all.push(("formulas", thresholds.formulas.name().to_owned()));
            crate::parallels::Thresholds::default().min_confidence
        }
    };
    let least = thresholds.min_confidence.unwrap_or(least);
    all.push(("min_confidence", least.to_string()));
    all.push(("formula_share", thresholds.formula_share.to_string()));
    all.push(("exact", thresholds.exact.to_string()));
    named(all)
}

/// What was asked, by names that are a file's own.
pub(in crate::cli) fn named(all: Vec<(&str, String)>) -> Vec<(String, String)> {
    let all = all.into_iter();
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}
