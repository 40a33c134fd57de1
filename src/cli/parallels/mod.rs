//! `antiphon parallels`.

pub(super) mod export;
mod print;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use clap::Args;

use crate::archive::Archive;
use crate::config::Settings;
use crate::export::ExportFormat;
use crate::parallels::{DocumentComparison, FormulaPolicy, PairThresholds, Scope, Thresholds};
use crate::search::Filter;
use crate::wire::{CorpusResponse, ParallelsResponse};

use super::block_on::block_on;
use super::progress::ComparisonBar;
use super::{open, output};

/// What to compare.
#[derive(Debug, Args)]
pub(super) struct ParallelsArguments {
    /// Id of the source document
    #[arg(required_unless_present = "all")]
    source_id: Option<String>,
    /// Id of the target document
    #[arg(required_unless_present = "all")]
    target_id: Option<String>,
    /// Compare all documents of the corpus
    #[arg(long, conflicts_with_all = ["source_id", "target_id"])]
    all: bool,
    #[command(flatten)]
    scope: ScopeArguments,
    #[command(flatten)]
    thresholds: ThresholdArguments,
    /// Allow a passage in more than one pair
    #[arg(long, conflicts_with = "all")]
    many_to_many: bool,
    /// For two documents: also show pairs with at least this alignment score, whatever their confidence;
    /// a rare shared word adds up to 1
    #[arg(long, value_name = "WEIGHT", default_value_t = PairThresholds::default().min_alignment_score, conflicts_with = "all")]
    min_alignment_score: f32,
    /// Maximum number of pairs to print, highest confidence first; files contain all
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Write all pairs to a file, atomically
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// File format [default: by file extension]
    #[arg(long, value_enum, requires = "out")]
    format: Option<ExportFormat>,
}

/// Which documents are compared.
#[derive(Debug, Args)]
pub(super) struct ScopeArguments {
    /// Source documents: a JSON filter, e.g. `{"country": "FRA"}`
    #[arg(long, value_name = "JSON")]
    source: Option<String>,
    /// Target documents: a JSON filter
    #[arg(long, value_name = "JSON")]
    target: Option<String>,
    /// Do not compare documents with the same value of this field, e.g. speaker; repeatable
    #[arg(long, value_name = "FIELD")]
    exclude_same: Vec<String>,
    /// Maximum difference between the years of two documents
    #[arg(long, value_name = "N")]
    max_year_gap: Option<u32>,
    /// Only pairs whose target is later than the source
    #[arg(long)]
    later_only: bool,
}

/// Thresholds of the pairs.
#[derive(Debug, Args)]
pub(super) struct ThresholdArguments {
    /// Minimum confidence, 0 to 1 [default: 0.8; 0.15 for two documents]
    #[arg(long, value_name = "P")]
    min_confidence: Option<f32>,
    /// Minimum cosine of the matched text, -1 to 1; lower ones are not examined
    #[arg(long, value_name = "COS", default_value_t = Thresholds::default().min_score)]
    min_score: f32,
    /// Minimum margin of the matched text
    #[arg(long, value_name = "RATIO", default_value_t = Thresholds::default().min_margin)]
    min_margin: f32,
    /// How to treat formulaic text
    #[arg(long, value_enum, default_value_t = FormulaPolicy::Exclude)]
    formulas: FormulaPolicy,
    /// Share of all documents from which a statement counts as a formula
    #[arg(long, value_name = "SHARE", default_value_t = Thresholds::default().formula_share)]
    formula_share: f32,
    /// Compare exhaustively instead of by index (no pair is missed)
    #[arg(long)]
    exact: bool,
}

impl ScopeArguments {
    /// Returns the parameters, for a file.
    pub(super) fn as_parameters(&self) -> [(&'static str, String); 5] {
        let value_or_all =
            |value: &Option<String>| value.clone().unwrap_or_else(|| "all".to_owned());
        let max_year_gap = self.max_year_gap.map(|years| years.to_string());
        [
            ("source", value_or_all(&self.source)),
            ("target", value_or_all(&self.target)),
            ("exclude_same", self.exclude_same.join(", ")),
            ("max_year_gap", value_or_all(&max_year_gap)),
            ("later_only", self.later_only.to_string()),
        ]
    }

    pub(super) fn scope(&self) -> anyhow::Result<Scope> {
        let filter = |name: &str, json: &Option<String>| -> anyhow::Result<Filter> {
            let Some(json) = json else {
                return Ok(Filter::All(Vec::new()));
            };
            let value = serde_json::from_str(json)
                .with_context(|| format!("--{name} is not valid JSON"))?;
            Filter::parse_named(name, &value).with_context(|| format!("invalid filter in --{name}"))
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
            formulas: self.formulas,
            formula_share: self.formula_share,
        };
        thresholds.check()?;
        Ok(thresholds)
    }
}

/// Compares the stored documents.
pub(super) fn run(settings: &Settings, arguments: &ParallelsArguments) -> anyhow::Result<()> {
    export::check_format(arguments)?;
    let archive = open::archive(settings)?;
    match (&arguments.source_id, &arguments.target_id) {
        (Some(source), Some(target)) => compare_two(&archive, (source, target), arguments),
        _ => compare_all(&archive, arguments),
    }
}

fn compare_two(
    archive: &Archive,
    (source, target): (&str, &str),
    arguments: &ParallelsArguments,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let thresholds = &arguments.thresholds;
    let default_confidence = PairThresholds::default().min_confidence;
    let id = |id: &str| {
        id.parse()
            .with_context(|| format!("invalid document id {id:?}"))
    };
    let comparison = DocumentComparison {
        source: id(source)?,
        target: id(target)?,
        thresholds: PairThresholds {
            min_confidence: thresholds.min_confidence.unwrap_or(default_confidence),
            min_alignment_score: arguments.min_alignment_score,
        },
        formula_share: thresholds.formula_share,
        many_to_many: arguments.many_to_many,
        exact: thresholds.exact,
    };
    thresholds.thresholds(default_confidence)?;
    let found = block_on(archive.compare_documents(comparison, Ok))?;
    if let Some(out) = &arguments.out {
        return export::write(out, arguments, &found);
    }
    let limit = arguments.limit;
    if arguments.json {
        return output::print_json(&ParallelsResponse::load(&found, limit, start)?);
    }
    let shown = found.load(0..limit)?;
    print::print_parallels(&shown)?;
    print::print_comparison_summary(&found, shown.len())
}

fn compare_all(archive: &Archive, arguments: &ParallelsArguments) -> anyhow::Result<()> {
    let start = Instant::now();
    let default_confidence = Thresholds::default().min_confidence;
    let thresholds = arguments.thresholds.thresholds(default_confidence)?;
    let (scope, exact) = (arguments.scope.scope()?, arguments.thresholds.exact);
    let bar = ComparisonBar::new();
    let progress = move |progress| bar.update(progress);
    let found = block_on(archive.compare_corpus(scope, thresholds, exact, progress))?;
    if let Some(out) = &arguments.out {
        return export::write(out, arguments, &found);
    }
    let limit = arguments.limit;
    if arguments.json {
        return output::print_json(&CorpusResponse::load(&found, limit, start)?);
    }
    let shown = found.load(0..limit)?;
    print::print_parallels(&shown)?;
    print::print_corpus_summary(&found, shown.len())
}
