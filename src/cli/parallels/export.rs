//! Parallels into a file.

use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;

use crate::cli::output;
use crate::parallels::export::{
    self, ComparedCount, Csv, Export, ExportFormat, Html, PairCounts, ParallelsReport,
    ReportSubject, Tei,
};
use crate::parallels::{
    CorpusComparison, CorpusContext, CorpusMatches, DocumentMatches, Pair, ParallelLoader,
};
use crate::server::Jsonl;

use super::ParallelsArguments;

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
pub(super) struct ExportInput<'a> {
    subject: ReportSubject,
    pairs: &'a [Pair],
    counts: PairCounts,
    closest: Option<Pair>,
}

impl<'a> ExportInput<'a> {
    /// Of two documents.
    pub(super) fn from_documents(
        survey: &CorpusContext,
        ids: (&str, &str),
        found: &'a DocumentMatches,
    ) -> anyhow::Result<Self> {
        let document = |id: &str| {
            let document = survey.snapshot().view().document(&id.parse()?)?;
            document.with_context(|| format!("there is no document {id}"))
        };
        Ok(Self {
            subject: ReportSubject::Documents(Box::new([document(ids.0)?, document(ids.1)?])),
            counts: PairCounts {
                found: found.pairs.len(),
                compared: ComparedCount::Pairs(found.compared_pairs),
                low_confidence: found.compared_pairs - found.pairs.len() - found.superseded,
                low_margin: 0,
                formulas: 0,
                superseded: found.superseded,
                undated: 0,
                limit: None,
            },
            pairs: &found.pairs,
            closest: found.closest,
        })
    }

    /// Of a corpus.
    pub(super) fn from_corpus(sweep: &CorpusComparison<'_>, swept: &'a CorpusMatches) -> Self {
        Self {
            subject: ReportSubject::Corpus,
            counts: PairCounts {
                found: swept.pairs.len(),
                compared: ComparedCount::Passages(swept.passages),
                low_confidence: swept.filtered_counts.low_confidence,
                low_margin: swept.filtered_counts.low_margin,
                formulas: swept.filtered_counts.formulas,
                superseded: 0,
                undated: sweep.undated(),
                limit: None,
            },
            pairs: &swept.pairs,
            closest: swept.closest,
        }
    }
}

/// Refuses a file without a format before anything is compared.
pub(super) fn check_format(arguments: &ParallelsArguments) -> anyhow::Result<()> {
    if let Some(path) = &arguments.out {
        resolve_format(path, arguments.format)?;
    }
    Ok(())
}

/// Writes all that was found.
pub(super) fn write(
    path: &Path,
    arguments: &ParallelsArguments,
    survey: &CorpusContext,
    reader: &ParallelLoader<'_>,
    found: ExportInput<'_>,
) -> anyhow::Result<()> {
    let format = resolve_format(path, arguments.format)?;
    let ExportInput {
        subject,
        pairs,
        counts,
        closest,
    } = found;
    let asked = parameters(arguments, &subject);
    let report = ParallelsReport::new(
        survey.snapshot(),
        reader,
        subject,
        asked,
        counts,
        (pairs, closest),
    )?;
    output::write_atomically(path, |file| {
        let mut export: Box<dyn Export> = match format {
            FormatName::Jsonl => Box::new(Jsonl::new(file)),
            FormatName::Csv => Box::new(Csv::new(file)),
            FormatName::Tei => Box::new(Tei::new(file)?),
            FormatName::Html => Box::new(Html::new(file)),
        };
        Ok(export::write_parallels(
            export.as_mut(),
            &report,
            reader,
            pairs,
        )?)
    })?;
    output::print_line(format_args!(
        "{} in {}",
        output::count_of(pairs.len(), "pair"),
        path.display()
    ))
}

/// The format that was asked for, or that the file's name asks for.
pub(in crate::cli) fn resolve_format(
    path: &Path,
    asked: Option<FormatName>,
) -> anyhow::Result<FormatName> {
    if let Some(format) = asked {
        return Ok(format);
    }
    match ExportFormat::from_path(path) {
        Some(ExportFormat::Jsonl) => Ok(FormatName::Jsonl),
        Some(ExportFormat::Csv) => Ok(FormatName::Csv),
        Some(ExportFormat::Tei) => Ok(FormatName::Tei),
        Some(ExportFormat::Html) => Ok(FormatName::Html),
        None => anyhow::bail!(
            "the name {} says no format; expected one that ends in .jsonl, .csv, .tei, .xml or .html, or --format",
            path.display()
        ),
    }
}

/// What decides the answer, as the command line has it.
fn parameters(arguments: &ParallelsArguments, subject: &ReportSubject) -> Vec<(String, String)> {
    let thresholds = &arguments.thresholds;
    let mut all: Vec<(&str, String)> = Vec::new();
    let default_confidence = match subject {
        ReportSubject::Documents(both) => {
            let id = |place: usize| both[place].summary.id.to_string();
            all.push(("source", id(0)));
            all.push(("target", id(1)));
            all.push(("many", arguments.many_to_many.to_string()));
            all.push(("min_phrase", arguments.min_alignment_score.to_string()));
            crate::parallels::PairThresholds::default().min_confidence
        }
        ReportSubject::Corpus => {
            all.extend(arguments.scope.as_parameters());
            all.push(("min_score", thresholds.min_score.to_string()));
            all.push(("min_margin", thresholds.min_margin.to_string()));
            all.push(("formulas", thresholds.formulas.name().to_owned()));
            crate::parallels::Thresholds::default().min_confidence
        }
    };
    let min_confidence = thresholds.min_confidence.unwrap_or(default_confidence);
    all.push(("min_confidence", min_confidence.to_string()));
    all.push(("formula_share", thresholds.formula_share.to_string()));
    all.push(("exact", thresholds.exact.to_string()));
    owned_parameters(all)
}

/// What was asked, by names that are a file's own.
pub(in crate::cli) fn owned_parameters(all: Vec<(&str, String)>) -> Vec<(String, String)> {
    let all = all.into_iter();
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}
