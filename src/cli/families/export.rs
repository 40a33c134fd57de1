//! Export of families to a file.

use std::path::Path;

use super::FamiliesArguments;
use crate::cli::output;
use crate::cli::parallels::export::{owned_parameters, resolve_format};
use crate::parallels::export::{
    Csv, ExportFamilies, ExportFormat, ExportProvenance, FamiliesReport, Html, Tei, write_families,
};
use crate::parallels::{CorpusComparison, CorpusContext, CorpusMatches, Families};
use crate::server::Jsonl;

/// Returns the requested file and its format; rejects one without a known format before anything is
/// compared.
pub(super) fn format(
    arguments: &FamiliesArguments,
) -> anyhow::Result<Option<(&Path, ExportFormat)>> {
    let path = arguments.out.as_deref();
    let format = path.map(|path| Ok((path, resolve_format(path, arguments.format)?)));
    format.transpose()
}

/// Creates the report of the file.
pub(super) fn report(
    context: &CorpusContext,
    arguments: &FamiliesArguments,
    (comparison, matches): (&CorpusComparison<'_>, &CorpusMatches),
    found: &Families,
) -> anyhow::Result<FamiliesReport> {
    let provenance = ExportProvenance::from_snapshot(context.snapshot(), parameters(arguments))?;
    Ok(FamiliesReport::new(
        provenance, context, comparison, matches, found,
    ))
}

/// Writes all families.
pub(super) fn write(
    path: &Path,
    format: ExportFormat,
    context: &CorpusContext,
    report: &FamiliesReport,
    found: &Families,
) -> anyhow::Result<()> {
    output::write_atomically(path, |file| {
        let mut export: Box<dyn ExportFamilies> = match format {
            ExportFormat::Csv => Box::new(Csv::new(file)),
            ExportFormat::Html => Box::new(Html::new(file)),
            ExportFormat::Jsonl => Box::new(Jsonl::new(file)),
            ExportFormat::Tei => Box::new(Tei::new(file)?),
        };
        Ok(write_families(
            export.as_mut(),
            report,
            context,
            &found.families,
        )?)
    })?;
    output::print_line(format_args!(
        "{} written to {}",
        super::count_of_families(found.families.len()),
        path.display()
    ))
}

/// Returns the parameters that determine the result, named as on the command line.
fn parameters(arguments: &FamiliesArguments) -> Vec<(String, String)> {
    let mut parameters = arguments.scope.as_parameters().to_vec();
    parameters.extend([
        ("min_confidence", arguments.min_confidence.to_string()),
        ("cohesion", arguments.cohesion.to_string()),
        ("min_members", arguments.min_members.to_string()),
        ("min_words", arguments.min_words.to_string()),
        ("count", arguments.count.join(", ")),
        ("formulas", arguments.formulas.name().to_owned()),
        ("formula_share", arguments.formula_share.to_string()),
    ]);
    owned_parameters(parameters)
}
