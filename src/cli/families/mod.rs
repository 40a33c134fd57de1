//! `antiphon families`.

mod export;
mod print;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use crate::archive::FamiliesCall;
use crate::config::Settings;
use crate::export::ExportFormat;
use crate::parallels::{FamilyOptions, FormulaPolicy, Thresholds};
use crate::wire::FamiliesResponse;

use super::block_on::block_on;
use super::open;
use super::output::{self, count_of, with_thousands};
use super::parallels::ScopeArguments;
use super::progress::ComparisonBar;

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
    let min_members = options.min_members;
    let call = FamiliesCall {
        scope: arguments.scope.scope()?,
        thresholds,
        options,
        offset: 0,
        limit: arguments.limit,
        cursor: None,
    };
    let archive = open::archive(settings)?;
    let bar = ComparisonBar::new();
    let progress = move |progress| bar.update(progress);
    let found = block_on(archive.families(call, progress, |page| Ok(page.found)))?;
    if let Some((out, format)) = format {
        return export::write(out, format, arguments, &found);
    }
    if arguments.json {
        let page = (0, arguments.limit);
        return output::print_json(&FamiliesResponse::load(&found, page, None, start)?);
    }
    print::print_families(&found, arguments.limit)?;
    let (families, counts) = (found.families(), found.counts());
    output::print_line(format_args!(
        "{} with at least {min_members} members; {} smaller and {} nested ones filtered; {} clustered, {} formulas filtered",
        count_of_families(families.families.len()),
        with_thousands(families.small),
        with_thousands(families.nested),
        count_of(counts.pairs, "pair"),
        with_thousands(counts.filtered_counts.formulas),
    ))
}

fn count_of_families(count: usize) -> String {
    match count {
        1 => "1 family".to_owned(),
        count => format!("{} families", with_thousands(count)),
    }
}
