//! `antiphon parallels`.

pub(super) mod export;
mod print;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::config::Settings;
use crate::parallels::{
    Enough, Formulas, Reader, Scope, Survey, Sweep, Swept, Thresholds, compare,
};
use crate::search::Filter;
use crate::server::{comparison_response, corpus_response};

use super::progress::SweepBar;
use super::{open, output};

/// What to compare.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A document's id
    #[arg(required_unless_present = "all")]
    source_id: Option<String>,
    /// The id of the document that it is compared with
    #[arg(required_unless_present = "all")]
    target_id: Option<String>,
    /// Compare the whole corpus
    #[arg(long, conflicts_with_all = ["source_id", "target_id"])]
    all: bool,
    #[command(flatten)]
    scope: ScopeArguments,
    #[command(flatten)]
    thresholds: ThresholdArguments,
    /// A passage may be in several pairs
    #[arg(long, conflicts_with = "all")]
    many: bool,
    /// Of two documents, pairs with common wording of this weight are shown however unsure; a rare word
    /// weighs up to 1
    #[arg(long, value_name = "WEIGHT", default_value_t = Enough::default().phrase, conflicts_with = "all")]
    min_phrase: f32,
    /// Most pairs to print, the surest first; files hold all
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    /// Write all pairs to a file, whole or not at all
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The file's format [default: as the end of its name says]
    #[arg(long, value_enum, requires = "out")]
    format: Option<export::FormatName>,
}

/// Which documents are compared.
#[derive(Debug, Args)]
pub(super) struct ScopeArguments {
    /// Only passages of these documents, as JSON, e.g. `{"country": "FRA"}`
    #[arg(long, value_name = "JSON")]
    source: Option<String>,
    /// Compared with passages of these documents only, as JSON
    #[arg(long, value_name = "JSON")]
    target: Option<String>,
    /// Not within one value of this field, e.g. speaker; may be given several times
    #[arg(long, value_name = "FIELD")]
    apart: Vec<String>,
    /// Only documents whose years differ by so many at most
    #[arg(long, value_name = "N")]
    years: Option<u32>,
    /// Only from earlier to later documents
    #[arg(long)]
    forward: bool,
}

/// What a pair must have.
#[derive(Debug, Args)]
pub(super) struct ThresholdArguments {
    /// Least confidence, 0 to 1 [default: 0.8; 0.15 for two documents]
    #[arg(long, value_name = "P")]
    min_confidence: Option<f32>,
    /// Least cosine of what carries a pair, -1 to 1: what is below is not looked at
    #[arg(long, value_name = "COS", default_value_t = Thresholds::default().min_score)]
    min_score: f32,
    /// Least margin of what carries a pair over the neighbourhoods of both sides
    #[arg(long, value_name = "RATIO", default_value_t = Thresholds::default().min_margin)]
    min_margin: f32,
    /// What becomes of what nearly everybody says
    #[arg(long, value_enum, default_value_t = FormulasName::Exclude)]
    formulas: FormulasName,
    /// A formula is said in this share of all documents
    #[arg(long, value_name = "SHARE", default_value_t = Thresholds::default().formula_share)]
    formula_share: f32,
    /// Compare everything with everything, so that nothing is missed
    #[arg(long)]
    exact: bool,
}

/// What becomes of formulas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FormulasName {
    /// They stay
    Include,
    /// They are left out, and counted
    Exclude,
    /// Nothing else is wanted
    Only,
}

impl From<FormulasName> for Formulas {
    fn from(name: FormulasName) -> Self {
        match name {
            FormulasName::Include => Self::Include,
            FormulasName::Exclude => Self::Exclude,
            FormulasName::Only => Self::Only,
        }
    }
}

impl FormulasName {
    /// Its name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Include => "include",
            Self::Exclude => "exclude",
            Self::Only => "only",
        }
    }
}

impl ScopeArguments {
    /// What was asked, for a file.
    pub(super) fn told(&self) -> [(&'static str, String); 5] {
        let given = |value: &Option<String>| value.clone().unwrap_or_else(|| "all".to_owned());
        let years = self.years.map(|years| years.to_string());
        [
            ("source", given(&self.source)),
            ("target", given(&self.target)),
            ("apart", self.apart.join(", ")),
            ("years", given(&years)),
            ("forward", self.forward.to_string()),
        ]
    }

    pub(super) fn scope(&self) -> anyhow::Result<Scope> {
        let filter = |name: &str, json: &Option<String>| -> anyhow::Result<Filter> {
            let Some(json) = json else {
                return Ok(Filter::All(Vec::new()));
            };
            let value =
                serde_json::from_str(json).with_context(|| format!("--{name} is not JSON"))?;
            Filter::read_as(name, &value).with_context(|| format!("--{name} is no filter"))
        };
        let scope = Scope {
            source: filter("source", &self.source)?,
            target: filter("target", &self.target)?,
            apart: self.apart.clone(),
            years: self.years,
            forward: self.forward,
        };
        scope.check()?;
        Ok(scope)
    }
}

impl ThresholdArguments {
    pub(super) fn thresholds(&self, default_confidence: f32) -> anyhow::Result<Thresholds> {
        let thresholds = Thresholds {
            min_score: self.min_score,
            min_confidence: self.min_confidence.unwrap_or(default_confidence),
            min_margin: self.min_margin,
            formulas: self.formulas.into(),
            formula_share: self.formula_share,
        };
        thresholds.check()?;
        Ok(thresholds)
    }
}

/// Compares what is stored.
pub(super) fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    export::check(arguments)?;
    let survey = survey(settings, arguments.thresholds.exact)?;
    match (&arguments.source_id, &arguments.target_id) {
        (Some(source), Some(target)) => two(&survey, (source, target), arguments),
        _ => all(&survey, arguments),
    }
}

/// A survey of what is stored now.
pub(super) fn survey(settings: &Settings, exact: bool) -> anyhow::Result<Survey> {
    Ok(Survey::new(Arc::new(open::snapshot(settings)?), exact))
}

fn two(survey: &Survey, ids: (&str, &str), arguments: &Arguments) -> anyhow::Result<()> {
    let start = Instant::now();
    let enough = Enough::default();
    let thresholds = arguments.thresholds.thresholds(enough.confidence)?;
    let enough = Enough {
        confidence: thresholds.min_confidence,
        phrase: arguments.min_phrase,
    };
    let found = compare(survey, ids, enough, arguments.many)?;
    let reader = Reader::new(survey, &thresholds);
    if let Some(out) = &arguments.out {
        let found = export::Found::of_two(survey, ids, &found)?;
        return export::write(out, arguments, survey, &reader, found);
    }
    let limit = arguments.limit;
    if arguments.json {
        let response = comparison_response(survey, &found, &thresholds, limit, start)?;
        return output::json(&response);
    }
    let shown = found.pairs.get(..limit).unwrap_or(&found.pairs);
    print::parallels(&reader.read(shown)?)?;
    print::comparison(survey, &found, shown.len())
}

fn all(survey: &Survey, arguments: &Arguments) -> anyhow::Result<()> {
    let start = Instant::now();
    let least = Thresholds::default().min_confidence;
    let thresholds = arguments.thresholds.thresholds(least)?;
    let sweep = Sweep::new(survey, &arguments.scope.scope()?, thresholds)?;
    let mut swept = sweep_all(&sweep)?;
    // Stable: of one confidence in the order of documents.
    swept
        .pairs
        .sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let reader = Reader::new(survey, &thresholds);
    if let Some(out) = &arguments.out {
        let found = export::Found::of_all(&sweep, &swept);
        return export::write(out, arguments, survey, &reader, found);
    }
    let limit = arguments.limit;
    if arguments.json {
        let response = corpus_response(survey, &sweep, &swept, &thresholds, limit, start)?;
        return output::json(&response);
    }
    let shown = swept.pairs.get(..limit).unwrap_or(&swept.pairs);
    print::parallels(&reader.read(shown)?)?;
    print::corpus(survey, &sweep, &swept, shown.len())
}

/// Everything that a sweep finds, with a progress bar; where that is nothing, how close it came.
pub(super) fn sweep_all(sweep: &Sweep<'_>) -> anyhow::Result<Swept> {
    let sources = sweep.sources();
    let bar = SweepBar::new(sources.len());
    let mut all = Swept::default();
    sweep.run(
        &sources,
        |work| work(),
        |_, swept| {
            all.add(swept);
            bar.done(all.pairs.len());
            Ok(true)
        },
    )?;
    if all.closest.is_none() {
        all.closest = sweep.closest_of(&sources)?;
    }
    Ok(all)
}
