//! Families into a file.

use std::path::Path;

use super::FamiliesArguments;
use crate::cli::output;
use crate::cli::parallels::export::{FormatName, owned_parameters, resolve_format};
use crate::parallels::export::{
    Csv, ExportFamilies, ExportProvenance, FamiliesReport, Html, Tei, write_families,
};
use crate::parallels::{CorpusComparison, CorpusContext, CorpusMatches, Families};
use crate::server::Jsonl;

/// The file that is asked for, and its format; one without is refused before anything is compared.
pub(super) fn format(arguments: &FamiliesArguments) -> anyhow::Result<Option<(&Path, FormatName)>> {
    let path = arguments.out.as_deref();
    let format = path.map(|path| Ok((path, resolve_format(path, arguments.format)?)));
    format.transpose()
}

/// What the file says beside the families.
pub(super) fn report(
    survey: &CorpusContext,
    arguments: &FamiliesArguments,
    (sweep, swept): (&CorpusComparison<'_>, &CorpusMatches),
    found: &Families,
) -> anyhow::Result<FamiliesReport> {
    let origin = ExportProvenance::from_snapshot(survey.snapshot(), parameters(arguments))?;
    Ok(FamiliesReport::new(origin, survey, sweep, swept, found))
}

/// Writes all that was found.
pub(super) fn write(
    path: &Path,
    format: FormatName,
    survey: &CorpusContext,
    report: &FamiliesReport,
    found: &Families,
) -> anyhow::Result<()> {
    output::write_atomically(path, |file| {
        let mut export: Box<dyn ExportFamilies> = match format {
            FormatName::Csv => Box::new(Csv::new(file)),
            FormatName::Html => Box::new(Html::new(file)),
            FormatName::Jsonl => Box::new(Jsonl::new(file)),
            FormatName::Tei => Box::new(Tei::new(file)?),
        };
        Ok(write_families(
            export.as_mut(),
            report,
            survey,
            &found.families,
        )?)
    })?;
    output::print_line(format_args!(
        "{} in {}",
        super::count_of_families(found.families.len()),
        path.display()
    ))
}

/// What decides the answer, as the command line has it.
fn parameters(arguments: &FamiliesArguments) -> Vec<(String, String)> {
    let mut all = arguments.scope.as_parameters().to_vec();
    all.extend([
        ("min_confidence", arguments.min_confidence.to_string()),
        ("cohesion", arguments.cohesion.to_string()),
        ("min_members", arguments.min_members.to_string()),
        ("min_words", arguments.min_words.to_string()),
        ("count", arguments.count.join(", ")),
        ("formulas", arguments.formulas.name().to_owned()),
        ("formula_share", arguments.formula_share.to_string()),
    ]);
    owned_parameters(all)
}
