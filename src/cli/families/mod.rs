//! `antiphon families`.

mod export;
mod print;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use crate::config::Settings;
use crate::parallels::{CorpusComparison, FamilyOptions, Thresholds, cluster_families};
use crate::server::families_response;

use super::output::{self, count_of, with_thousands};
use super::parallels::export::FormatName;
use super::parallels::{FormulaPolicyName, ScopeArguments, compare_corpus, open_context};

/// Which families.
#[derive(Debug, Args)]
pub(super) struct FamiliesArguments {
    #[command(flatten)]
    scope: ScopeArguments,
    /// Pairs of this confidence bring families together, 0.3 to 1
    #[arg(long, value_name = "P", default_value_t = FamilyOptions::default().min_confidence)]
    min_confidence: f32,
    /// Every two members are alike with at least this confidence, 0.3 to 1
    #[arg(long, value_name = "P", default_value_t = FamilyOptions::default().cohesion)]
    cohesion: f32,
    /// Fewest members
    #[arg(long, value_name = "N", default_value_t = FamilyOptions::default().min_members)]
    min_members: usize,
    /// Passages and sentences of fewer words are no members
    #[arg(long, value_name = "N", default_value_t = FamilyOptions::default().min_words)]
    min_words: usize,
    /// Count the values of this field beside speaker and country; may be given several times
    #[arg(long, value_name = "FIELD")]
    count: Vec<String>,
    /// What becomes of what nearly everybody says
    #[arg(long, value_enum, default_value_t = FormulaPolicyName::Exclude)]
    formulas: FormulaPolicyName,
    /// A formula is said in this share of all documents
    #[arg(long, value_name = "SHARE", default_value_t = Thresholds::default().formula_share)]
    formula_share: f32,
    /// Most families to print, the largest first; files hold all
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    /// Write all families to a file, whole or not at all
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The file's format [default: as the end of its name says]
    #[arg(long, value_enum, requires = "out")]
    format: Option<FormatName>,
}

/// Gathers the families of what is stored.
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
        formulas: arguments.formulas.into(),
        formula_share: arguments.formula_share,
        ..options.thresholds()
    };
    let survey = open_context(settings, false)?;
    options.check_fields(survey.snapshot().document_table())?;
    let sweep = CorpusComparison::new(&survey, &arguments.scope.scope()?, thresholds)?
        .with_all_match_units();
    let swept = compare_corpus(&sweep)?;
    let found = cluster_families(&survey, &swept.pairs, &options)?;
    if let Some((out, format)) = format {
        let report = export::report(&survey, arguments, (&sweep, &swept), &found)?;
        return export::write(out, format, &survey, &report, &found);
    }
    if arguments.json {
        let parameters = (&thresholds, &options);
        let page = (0, arguments.limit);
        return output::print_json(&families_response(
            &survey, &swept, &found, parameters, page, start,
        )?);
    }
    print::print_families(&survey, &found, arguments.limit)?;
    output::print_line(format_args!(
        "{} of at least {} members, {} smaller, {} of sentences within others; made of {}, {} formulas left out",
        count_of_families(found.families.len()),
        options.min_members,
        with_thousands(found.small),
        with_thousands(found.nested),
        count_of(swept.pairs.len(), "pair"),
        with_thousands(swept.filtered_counts.formulas),
    ))
}

fn count_of_families(count: usize) -> String {
    match count {
        1 => "1 family".to_owned(),
        count => format!("{} families", with_thousands(count)),
    }
}
