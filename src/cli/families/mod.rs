//! `antiphon families`.

mod export;
mod print;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use crate::config::Settings;
use crate::parallels::export::ExportFormat;
use crate::parallels::{
    CorpusComparison, FamilyOptions, FormulaPolicy, Thresholds, cluster_families,
};
use crate::server::families_response;

use super::output::{self, count_of, with_thousands};
use super::parallels::{ScopeArguments, compare_corpus, open_context};

/// Which families to compute.
#[derive(Debug, Args)]
pub(super) struct FamiliesArguments {
    #[command(flatten)]
    scope: ScopeArguments,
    /// Minimum confidence of the pairs that start a cluster, 0.3 to 1
    #[arg(long, value_name = "P", default_value_t = FamilyOptions::default().min_confidence)]
    min_confidence: f32,
    /// Minimum confidence between any two members (complete linkage), 0.3 to 1
    #[arg(long, value_name = "P", default_value_t = FamilyOptions::default().cohesion)]
    cohesion: f32,
    /// Minimum number of members
    #[arg(long, value_name = "N", default_value_t = FamilyOptions::default().min_members)]
    min_members: usize,
    /// Minimum number of words of a member
    #[arg(long, value_name = "N", default_value_t = FamilyOptions::default().min_words)]
    min_words: usize,
    /// Also count the values of this field, in addition to speaker and country; repeatable
    #[arg(long, value_name = "FIELD")]
    count: Vec<String>,
    /// How to treat formulaic text
    #[arg(long, value_enum, default_value_t = FormulaPolicy::Exclude)]
    formulas: FormulaPolicy,
    /// Share of all documents from which a statement counts as a formula
    #[arg(long, value_name = "SHARE", default_value_t = Thresholds::default().formula_share)]
    formula_share: f32,
    /// Maximum number of families to print, largest first; files contain all
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Write all families to a file, atomically
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// File format [default: by file extension]
    #[arg(long, value_enum, requires = "out")]
    format: Option<ExportFormat>,
}

/// Computes the families of the stored documents.
pub(super) fn run(settings: &Settings, arguments: &FamiliesArguments) -> anyhow::Result<()> {
    let start = Instant::now();
    let format = export::format(arguments)?;
    let mut options = FamilyOptions {
        min_confidence: arguments.min_confidence,
        cohesion: arguments.cohesion,
        min_members: arguments.min_members,
        min_words: arguments.min_words,
        ..FamilyOptions::default()
    };
    options.fields.extend(arguments.count.iter().cloned());
    options.check()?;
    let thresholds = Thresholds {
        formulas: arguments.formulas,
        formula_share: arguments.formula_share,
        ..options.thresholds()
    };
    let context = open_context(settings, false)?;
    options.check_fields(context.snapshot().document_table())?;
    let comparison = CorpusComparison::new(&context, &arguments.scope.scope()?, thresholds)?
        .with_all_match_units();
    let matches = compare_corpus(&comparison)?;
    let found = cluster_families(&context, &matches.pairs, &options)?;
    if let Some((out, format)) = format {
        let report = export::report(&context, arguments, (&comparison, &matches), &found)?;
        return export::write(out, format, &context, &report, &found);
    }
    if arguments.json {
        let parameters = (&thresholds, &options);
        let page = (0, arguments.limit);
        return output::print_json(&families_response(
            &context, &matches, &found, parameters, page, start,
        )?);
    }
    print::print_families(&context, &found, arguments.limit)?;
    output::print_line(format_args!(
        "{} with at least {} members; {} smaller and {} nested ones filtered; {} clustered, {} formulas filtered",
        count_of_families(found.families.len()),
        options.min_members,
        with_thousands(found.small),
        with_thousands(found.nested),
        count_of(matches.pairs.len(), "pair"),
        with_thousands(matches.filtered_counts.formulas),
    ))
}

fn count_of_families(count: usize) -> String {
    match count {
        1 => "1 family".to_owned(),
        count => format!("{} families", with_thousands(count)),
    }
}
