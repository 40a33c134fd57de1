//! `antiphon families`.

mod export;
mod print;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use crate::config::Settings;
use crate::parallels::{FamilyOptions, Sweep, Thresholds, families};
use crate::server::families_response;

use super::output::{self, counted, thousands};
use super::parallels::export::FormatName;
use super::parallels::{FormulasName, ScopeArguments, survey, sweep_all};

/// Which families.
#[derive(Debug, Args)]
pub(super) struct Arguments {
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
    #[arg(long, value_enum, default_value_t = FormulasName::Exclude)]
    formulas: FormulasName,
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
pub(super) fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
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
    let survey = survey(settings, false)?;
    options.check_fields(survey.snapshot().catalogue())?;
    let sweep = Sweep::new(&survey, &arguments.scope.scope()?, thresholds)?.with_every_carrier();
    let swept = sweep_all(&sweep)?;
    let found = families(&survey, &swept.pairs, &options)?;
    if let Some((out, format)) = format {
        let report = export::report(&survey, arguments, (&sweep, &swept), &found)?;
        return export::write(out, format, &survey, &report, &found);
    }
    if arguments.json {
        let asked = (&thresholds, &options);
        let page = (0, arguments.limit);
        return output::json(&families_response(
            &survey, &swept, &found, asked, page, start,
        )?);
    }
    print::families(&survey, &found, arguments.limit)?;
    output::line(format_args!(
        "{} of at least {} members, {} smaller, {} of sentences within others; made of {}, {} formulas left out",
        families_of(found.families.len()),
        options.min_members,
        thousands(found.small),
        thousands(found.nested),
        counted(swept.pairs.len(), "pair"),
        thousands(swept.left_out.formulas),
    ))
}

fn families_of(count: usize) -> String {
    match count {
        1 => "1 family".to_owned(),
        count => format!("{} families", thousands(count)),
    }
}
