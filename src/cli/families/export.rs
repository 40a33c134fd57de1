//! Families into a file.

use std::path::Path;

use super::Arguments;
use crate::cli::output;
use crate::cli::parallels::export::{FormatName, format_of, named};
use crate::parallels::export::{
    Csv, ExportFamilies, FamiliesReport, Html, Origin, Tei, write_families,
};
use crate::parallels::{Families, Survey, Sweep, Swept};
use crate::server::Jsonl;

/// The file that is asked for, and its format; one without is refused before anything is compared.
pub(super) fn format(arguments: &Arguments) -> anyhow::Result<Option<(&Path, FormatName)>> {
    let path = arguments.out.as_deref();
    let format = path.map(|path| Ok((path, format_of(path, arguments.format)?)));
    format.transpose()
}

/// What the file says beside the families.
pub(super) fn report(
    survey: &Survey,
    arguments: &Arguments,
    (sweep, swept): (&Sweep<'_>, &Swept),
    found: &Families,
) -> anyhow::Result<FamiliesReport> {
    let origin = Origin::of(survey.snapshot(), parameters(arguments))?;
    Ok(FamiliesReport::new(origin, survey, sweep, swept, found))
}

/// Writes all that was found.
pub(super) fn write(
    path: &Path,
    format: FormatName,
    survey: &Survey,
    report: &FamiliesReport,
    found: &Families,
) -> anyhow::Result<()> {
    output::write_whole(path, |file| {
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
    output::line(format_args!(
        "{} in {}",
        super::families_of(found.families.len()),
        path.display()
    ))
}

/// What decides the answer, as the command line has it.
fn parameters(arguments: &Arguments) -> Vec<(String, String)> {
    let mut all = arguments.scope.told().to_vec();
    all.extend([
        ("min_confidence", arguments.min_confidence.to_string()),
        ("cohesion", arguments.cohesion.to_string()),
        ("min_members", arguments.min_members.to_string()),
        ("min_words", arguments.min_words.to_string()),
        ("count", arguments.count.join(", ")),
        ("formulas", arguments.formulas.name().to_owned()),
        ("formula_share", arguments.formula_share.to_string()),
    ]);
    named(all)
}
