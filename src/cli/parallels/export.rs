//! Export of parallels to a file.

use std::path::Path;

use anyhow::Context;

use crate::cli::output;
use crate::export::ExportFormat;
use crate::parallels::{FoundPairs, PairThresholds, Subject, Thresholds};

use super::ParallelsArguments;

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
    found: &FoundPairs,
) -> anyhow::Result<()> {
    let format = resolve_format(path, arguments.format)?;
    let parameters = parameters(arguments, &found.extent().subject);
    output::write_atomically(path, |file| {
        Ok(format.write_pairs(found, parameters.clone(), file)?)
    })?;
    output::print_line(format_args!(
        "{} written to {}",
        output::count_of(found.pairs().len(), "pair"),
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
fn parameters(arguments: &ParallelsArguments, subject: &Subject) -> Vec<(String, String)> {
    let thresholds = &arguments.thresholds;
    let mut all: Vec<(&str, String)> = Vec::new();
    let default_confidence = match subject {
        Subject::Documents(both) => {
            all.push(("source", both[0].to_string()));
            all.push(("target", both[1].to_string()));
            all.push(("many_to_many", arguments.many_to_many.to_string()));
            all.push((
                "min_alignment_score",
                arguments.min_alignment_score.to_string(),
            ));
            PairThresholds::default().min_confidence
        }
        Subject::Passage | Subject::Corpus => {
            all.extend(arguments.scope.as_parameters());
            all.push(("min_score", thresholds.min_score.to_string()));
            all.push(("min_margin", thresholds.min_margin.to_string()));
            all.push(("formulas", thresholds.formulas.name().to_owned()));
            Thresholds::default().min_confidence
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
