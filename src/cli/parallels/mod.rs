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
    CorpusComparison, CorpusContext, CorpusMatches, FormulaPolicy, PairThresholds, ParallelLoader,
    Scope, Thresholds, compare,
};
use crate::search::Filter;
use crate::server::{comparison_response, corpus_response};

use super::progress::SweepBar;
use super::{open, output};

/// What to compare.
#[derive(Debug, Args)]
pub(super) struct ParallelsArguments {
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
    many_to_many: bool,
    /// Of two documents, pairs with common wording of this weight are shown however unsure; a rare word
    /// weighs up to 1
    #[arg(long, value_name = "WEIGHT", default_value_t = PairThresholds::default().min_alignment_score, conflicts_with = "all")]
    min_alignment_score: f32,
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
    exclude_same: Vec<String>,
    /// Only documents whose years differ by so many at most
    #[arg(long, value_name = "N")]
    max_year_gap: Option<u32>,
    /// Only from earlier to later documents
    #[arg(long)]
    later_only: bool,
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
    #[arg(long, value_enum, default_value_t = FormulaPolicyName::Exclude)]
    formulas: FormulaPolicyName,
    /// A formula is said in this share of all documents
    #[arg(long, value_name = "SHARE", default_value_t = Thresholds::default().formula_share)]
    formula_share: f32,
    /// Compare everything with everything, so that nothing is missed
    #[arg(long)]
    exact: bool,
}

/// What becomes of formulas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FormulaPolicyName {
    /// They stay
    Include,
    /// They are left out, and counted
    Exclude,
    /// Nothing else is wanted
    Only,
}

impl From<FormulaPolicyName> for FormulaPolicy {
    fn from(name: FormulaPolicyName) -> Self {
        match name {
            FormulaPolicyName::Include => Self::Include,
            FormulaPolicyName::Exclude => Self::Exclude,
            FormulaPolicyName::Only => Self::Only,
        }
    }
}

impl FormulaPolicyName {
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
    pub(super) fn as_parameters(&self) -> [(&'static str, String); 5] {
        let value_or_all =
            |value: &Option<String>| value.clone().unwrap_or_else(|| "all".to_owned());
        let years = self.max_year_gap.map(|years| years.to_string());
        [
            ("source", value_or_all(&self.source)),
            ("target", value_or_all(&self.target)),
            ("apart", self.exclude_same.join(", ")),
            ("years", value_or_all(&years)),
            ("forward", self.later_only.to_string()),
        ]
    }

    pub(super) fn scope(&self) -> anyhow::Result<Scope> {
        let filter = |name: &str, json: &Option<String>| -> anyhow::Result<Filter> {
            let Some(json) = json else {
                return Ok(Filter::All(Vec::new()));
            };
            let value =
                serde_json::from_str(json).with_context(|| format!("--{name} is not JSON"))?;
            Filter::parse_named(name, &value).with_context(|| format!("--{name} is no filter"))
        };
        let scope = Scope {
            source: filter("source", &self.source)?,
            target: filter("target", &self.target)?,
            exclude_same: self.exclude_same.clone(),
            max_year_gap: self.max_year_gap,
            later_only: self.later_only,
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
pub(super) fn run(settings: &Settings, arguments: &ParallelsArguments) -> anyhow::Result<()> {
    export::check_format(arguments)?;
    let survey = open_context(settings, arguments.thresholds.exact)?;
    match (&arguments.source_id, &arguments.target_id) {
        (Some(source), Some(target)) => compare_two(&survey, (source, target), arguments),
        _ => compare_all(&survey, arguments),
    }
}

/// A survey of what is stored now.
pub(super) fn open_context(settings: &Settings, exact: bool) -> anyhow::Result<CorpusContext> {
    Ok(CorpusContext::new(
        Arc::new(open::snapshot(settings)?),
        exact,
    ))
}

fn compare_two(
    survey: &CorpusContext,
    ids: (&str, &str),
    arguments: &ParallelsArguments,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let enough = PairThresholds::default();
    let thresholds = arguments.thresholds.thresholds(enough.min_confidence)?;
    let enough = PairThresholds {
        min_confidence: thresholds.min_confidence,
        min_alignment_score: arguments.min_alignment_score,
    };
    let found = compare(survey, ids, enough, arguments.many_to_many)?;
    let reader = ParallelLoader::new(survey, &thresholds);
    if let Some(out) = &arguments.out {
        let found = export::ExportInput::from_documents(survey, ids, &found)?;
        return export::write(out, arguments, survey, &reader, found);
    }
    let limit = arguments.limit;
    if arguments.json {
        let response = comparison_response(survey, &found, &thresholds, limit, start)?;
        return output::print_json(&response);
    }
    let shown = found.pairs.get(..limit).unwrap_or(&found.pairs);
    print::print_parallels(&reader.load(shown)?)?;
    print::print_comparison_summary(survey, &found, shown.len())
}

fn compare_all(survey: &CorpusContext, arguments: &ParallelsArguments) -> anyhow::Result<()> {
    let start = Instant::now();
    let default_confidence = Thresholds::default().min_confidence;
    let thresholds = arguments.thresholds.thresholds(default_confidence)?;
    let sweep = CorpusComparison::new(survey, &arguments.scope.scope()?, thresholds)?;
    let mut swept = compare_corpus(&sweep)?;
    // Stable: of one confidence in the order of documents.
    swept
        .pairs
        .sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let reader = ParallelLoader::new(survey, &thresholds);
    if let Some(out) = &arguments.out {
        let found = export::ExportInput::from_corpus(&sweep, &swept);
        return export::write(out, arguments, survey, &reader, found);
    }
    let limit = arguments.limit;
    if arguments.json {
        let response = corpus_response(survey, &sweep, &swept, &thresholds, limit, start)?;
        return output::print_json(&response);
    }
    let shown = swept.pairs.get(..limit).unwrap_or(&swept.pairs);
    print::print_parallels(&reader.load(shown)?)?;
    print::print_corpus_summary(survey, &sweep, &swept, shown.len())
}

/// Everything that a sweep finds, with a progress bar; where that is nothing, how close it came.
pub(super) fn compare_corpus(sweep: &CorpusComparison<'_>) -> anyhow::Result<CorpusMatches> {
    let sources = sweep.sources();
    let bar = SweepBar::new(sources.len());
    let mut all = CorpusMatches::default();
    sweep.run(
        &sources,
        |work| work(),
        |_, swept| {
            all.merge(swept);
            bar.done(all.pairs.len());
            Ok(true)
        },
    )?;
    if all.closest.is_none() {
        all.closest = sweep.closest_among(&sources)?;
    }
    Ok(all)
}
