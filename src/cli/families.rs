//! `antiphon families`.

use std::io::Write;
use std::time::Instant;

use anstyle::{AnsiColor, Style};
use clap::Args;

use crate::config::Settings;
use crate::parallels::{
    Families, Family, FamilyOptions, ParallelsError, Survey, Sweep, Thresholds, families,
};
use crate::server::families_response;

use super::output::{self, counted, thousands};
use super::parallels::{FormulasName, ScopeArguments, survey, sweep_all};

const WIDTH: usize = 96;

/// Members of a family that are listed.
const LISTED: usize = 12;

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
    /// Count the values of this field beside speaker and country; may be given several times
    #[arg(long, value_name = "FIELD")]
    count: Vec<String>,
    /// What becomes of what nearly everybody says
    #[arg(long, value_enum, default_value_t = FormulasName::Exclude)]
    formulas: FormulasName,
    /// A formula is said in this share of all documents
    #[arg(long, value_name = "SHARE", default_value_t = Thresholds::default().formula_share)]
    formula_share: f32,
    /// Most families, the largest first
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// Gathers the families of what is stored.
pub(super) fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut options = FamilyOptions {
        min_confidence: arguments.min_confidence,
        cohesion: arguments.cohesion,
        min_members: arguments.min_members,
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
    let sweep = Sweep::new(&survey, &arguments.scope.scope()?, thresholds)?;
    let swept = sweep_all(&sweep)?;
    let found = families(&survey, &swept.pairs, &options)?;
    if arguments.json {
        let asked = (&thresholds, &options);
        let limit = arguments.limit;
        return output::json(&families_response(
            &survey, &swept, &found, asked, limit, start,
        )?);
    }
    print(&survey, &found, arguments.limit)?;
    output::line(format_args!(
        "{} of at least {} members, {} smaller; made of {}, {} formulas left out",
        families_of(found.families.len()),
        options.min_members,
        thousands(found.small),
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

fn print(survey: &Survey, found: &Families, limit: usize) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    for (place, family) in (1..).zip(found.families.iter().take(limit)) {
        print_family(survey, place, family, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn print_family(
    survey: &Survey,
    place: usize,
    family: &Family,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (strong, dim) = (Style::new().bold(), Style::new().dimmed());
    let name = AnsiColor::Cyan.on_default();
    let years: Vec<String> = family
        .years
        .iter()
        .map(|(year, count)| format!("{year}: {count}"))
        .collect();
    writeln!(
        out,
        "{strong}{place:>3}  {}{strong:#}{dim}  confidence {:.2} to each other, at least {:.2}  {}{dim:#}",
        counted(family.members.len(), "document"),
        family.mean,
        family.least,
        years.join("  "),
    )?;
    for spread in family
        .spread
        .iter()
        .filter(|spread| !spread.values.is_empty())
    {
        let values = spread.values.iter().take(LISTED);
        let values: Vec<String> = values
            .map(|(value, count)| match count {
                1 => value.clone(),
                count => format!("{value} ({count})"),
            })
            .collect();
        let others = spread.values.len().saturating_sub(LISTED);
        let others = if others > 0 {
            format!(" and {others} others")
        } else {
            String::new()
        };
        writeln!(
            out,
            "     {dim}{}: {}{others}{dim:#}",
            spread.field,
            values.join(", ")
        )?;
    }
    let rows: Vec<u32> = family.members.iter().map(|member| member.row).collect();
    let passages = survey.passages(&rows)?;
    let representative = rows.iter().position(|row| *row == family.representative);
    let (passage, document) = passages
        .get(representative.unwrap_or(0))
        .ok_or(ParallelsError::OtherSnapshot)?;
    writeln!(
        out,
        "     {name}{}{name:#}  {dim}{}{dim:#}",
        passage.id(),
        output::byline(document)
    )?;
    for line in output::wrap(&output::plain(&passage.text.replace('\n', " ")), WIDTH) {
        writeln!(out, "     {line}")?;
    }
    let firsts = passages.iter().take(family.first);
    let firsts: Vec<String> = firsts.map(|(passage, _)| passage.id()).collect();
    if !firsts.is_empty() {
        writeln!(out, "     {dim}first: {}{dim:#}", firsts.join(", "))?;
    }
    let later: Vec<String> = passages
        .iter()
        .skip(family.first)
        .map(|(passage, _)| passage.id())
        .collect();
    if !later.is_empty() {
        let others = later.len().saturating_sub(LISTED);
        let others = if others > 0 {
            format!(" and {others} others")
        } else {
            String::new()
        };
        let shown = later.get(..LISTED).unwrap_or(&later).join(", ");
        writeln!(out, "     {dim}then: {shown}{others}{dim:#}")?;
    }
    writeln!(out)?;
    Ok(())
}
