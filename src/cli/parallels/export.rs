//! Export of parallels to a file.

use std::path::Path;

use anyhow::Context;

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

/// What was found, and in what.
pub(super) struct ExportInput<'a> {
    subject: ReportSubject,
    pairs: &'a [Pair],
    counts: PairCounts,
    closest: Option<Pair>,
}

impl<'a> ExportInput<'a> {
    /// Describes a comparison of two documents.
    pub(super) fn from_documents(
        context: &CorpusContext,
        ids: (&str, &str),
        found: &'a DocumentMatches,
    ) -> anyhow::Result<Self> {
        let document = |id: &str| {
            let document = context.snapshot().view().document(&id.parse()?)?;
            document.with_context(|| format!("document {id} not found"))
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

    /// Describes a comparison of a corpus.
    pub(super) fn from_corpus(
        comparison: &CorpusComparison<'_>,
        matches: &'a CorpusMatches,
    ) -> Self {
        Self {
            subject: ReportSubject::Corpus,
            counts: PairCounts {
                found: matches.pairs.len(),
                compared: ComparedCount::Passages(matches.passages),
                low_confidence: matches.filtered_counts.low_confidence,
                low_margin: matches.filtered_counts.low_margin,
                formulas: matches.filtered_counts.formulas,
                superseded: 0,
                undated: comparison.undated(),
                limit: None,
            },
            pairs: &matches.pairs,
            closest: matches.closest,
        }
    }
}

/// Rejects a file without a known format before anything is compared.
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
    context: &CorpusContext,
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
    let parameters = parameters(arguments, &subject);
    let report = ParallelsReport::new(
        context.snapshot(),
        reader,
        subject,
        parameters,
        counts,
        (pairs, closest),
    )?;
    output::write_atomically(path, |file| {
        let mut export: Box<dyn Export> = match format {
            ExportFormat::Jsonl => Box::new(Jsonl::new(file)),
            ExportFormat::Csv => Box::new(Csv::new(file)),
            ExportFormat::Tei => Box::new(Tei::new(file)?),
            ExportFormat::Html => Box::new(Html::new(file)),
        };
        Ok(export::write_parallels(
            export.as_mut(),
            &report,
            reader,
            pairs,
        )?)
    })?;
    output::print_line(format_args!(
        "{} written to {}",
        output::count_of(pairs.len(), "pair"),
        path.display()
    ))
}

/// Returns the requested format, or that of the file extension.
pub(in crate::cli) fn resolve_format(
    path: &Path,
    requested: Option<ExportFormat>,
) -> anyhow::Result<ExportFormat> {
    if let Some(format) = requested {
        return Ok(format);
    }
    ExportFormat::from_path(path).with_context(|| {
        format!(
            "{} has no known file extension; expected .jsonl, .csv, .tei, .xml or .html, or --format",
            path.display()
        )
    })
}

/// Returns the parameters that determine the result, named as on the command line.
fn parameters(arguments: &ParallelsArguments, subject: &ReportSubject) -> Vec<(String, String)> {
    let thresholds = &arguments.thresholds;
    let mut all: Vec<(&str, String)> = Vec::new();
    let default_confidence = match subject {
        ReportSubject::Documents(both) => {
            let id = |index: usize| both[index].summary.id.to_string();
            all.push(("source", id(0)));
            all.push(("target", id(1)));
            all.push(("many_to_many", arguments.many_to_many.to_string()));
            all.push((
                "min_alignment_score",
                arguments.min_alignment_score.to_string(),
            ));
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

/// Converts parameters to owned pairs of names and values.
pub(in crate::cli) fn owned_parameters(all: Vec<(&str, String)>) -> Vec<(String, String)> {
    let all = all.into_iter();
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}
