//! Export of families to a file.

use std::path::Path;

use super::FamiliesArguments;
use crate::cli::output;
use crate::cli::parallels::export::{owned_parameters, resolve_format};
use crate::export::ExportFormat;
use crate::parallels::FoundFamilies;

/// Returns the requested file and its format; rejects one without a known format before anything is
/// compared.
pub(super) fn format(
    arguments: &FamiliesArguments,
) -> anyhow::Result<Option<(&Path, ExportFormat)>> {
    let path = arguments.out.as_deref();
    let format = path.map(|path| Ok((path, resolve_format(path, arguments.format)?)));
    format.transpose()
}

/// Writes all families.
pub(super) fn write(
    path: &Path,
    format: ExportFormat,
    arguments: &FamiliesArguments,
    found: &FoundFamilies,
) -> anyhow::Result<()> {
    output::write_atomically(path, |file| {
        Ok(format.write_families(found, parameters(arguments), file)?)
    })?;
    output::print_line(format_args!(
        "{} written to {}",
        super::count_of_families(found.families().families.len()),
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
