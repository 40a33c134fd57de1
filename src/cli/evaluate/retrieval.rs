//! `antiphon evaluate --qrels`: the quality of search on graded judgements.

use std::io::Write;
use std::path::{Path, PathBuf};

use anstyle::Style;
use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::cli::open;
use crate::cli::output::{print_json, strip_control_chars, with_thousands};
use crate::cli::progress::StepsBar;
use crate::config::Settings;
use crate::search::evaluation::{
    Estimate, Gain, Judgements, MetricChange, ModeChange, ModeReport, RetrievalOptions,
    RetrievalReport, compare, evaluate_retrieval,
};
use crate::search::{Mode, QueryEncoder};

/// Options of an evaluation of search.
#[derive(Debug, Args)]
pub(super) struct RetrievalArguments {
    /// Evaluate search over the data directory on graded judgements: a folder in BEIR's layout
    /// (queries.jsonl, qrels/*.tsv; documents are judged), one of its qrels files, or a JSON Lines file of
    /// {"query", "grades": {passage id: grade}}
    #[arg(long, value_name = "PATH", conflicts_with = "gold")]
    pub(super) qrels: Option<PathBuf>,
    /// Mode to evaluate; repeatable [default: all]
    #[arg(long, value_enum, requires = "qrels")]
    mode: Vec<Mode>,
    /// Lowest grade that counts as relevant, for recall and MRR
    #[arg(long, value_name = "GRADE", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    min_grade: u32,
    /// Gain of a grade in nDCG
    #[arg(long, value_enum, default_value_t = GainArg::Exponential)]
    gain: GainArg,
    /// Scan all passages instead of searching the graph
    #[arg(long, requires = "qrels")]
    exact: bool,
    /// Weight of the semantic score in hybrid mode, 0 to 1 [default: that of the API]
    #[arg(long, value_name = "WEIGHT", requires = "qrels")]
    semantic_weight: Option<f32>,
    /// Report of an earlier evaluation (--json) to compare with, query by query
    #[arg(long, value_name = "OLD.json", requires = "qrels")]
    compare: Option<PathBuf>,
}

/// Gains of a grade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GainArg {
    /// 2 to the power of the grade, minus 1
    Exponential,
    /// The grade, as in `trec_eval` and BEIR
    Linear,
}

impl RetrievalArguments {
    fn options(&self) -> RetrievalOptions {
        let defaults = RetrievalOptions::default();
        RetrievalOptions {
            modes: match self.mode.as_slice() {
                [] => defaults.modes,
                modes => modes.to_vec(),
            },
            min_grade: self.min_grade,
            gain: match self.gain {
                GainArg::Exponential => Gain::Exponential,
                GainArg::Linear => Gain::Linear,
            },
            exact: self.exact,
            semantic_weight: self.semantic_weight.unwrap_or(defaults.semantic_weight),
        }
    }
}

/// Evaluates search and prints the report.
pub(super) fn run(
    settings: &Settings,
    arguments: &RetrievalArguments,
    qrels: &Path,
    json: bool,
) -> anyhow::Result<()> {
    // Files are read before the model is loaded, so that a mistake costs nothing.
    let judgements = Judgements::read(qrels)?;
    let old = arguments.compare.as_deref().map(read_report).transpose()?;
    let encoder = open::encoder(settings, &open::no_status)?;
    let snapshot = open::snapshot(settings)?;
    snapshot.view().check_encoder(encoder.fingerprint())?;
    let encoder = QueryEncoder::new(encoder);
    let bar = StepsBar::new();
    let mut report = evaluate_retrieval(
        &snapshot,
        &encoder,
        judgements,
        &arguments.options(),
        &|done, all| bar.update("searching", done, all),
    )?;
    drop(bar);
    if let Some(old) = &old {
        report.changes = compare(old, &report)?;
    }
    if json {
        return print_json(&report);
    }
    print(&report)
}

fn read_report(path: &Path) -> anyhow::Result<RetrievalReport> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{name} is not a report of `antiphon evaluate --qrels --json`"))
}

fn print(report: &RetrievalReport) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    let strong = Style::new().bold();
    writeln!(
        out,
        "{strong}{}{strong:#}: {}, {} judgements of {}",
        strip_control_chars(&report.judgements),
        queries(report.queries.len()),
        with_thousands(report.judged),
        report.unit.plural(),
    )?;
    writeln!(
        out,
        "{} passages, {}, snapshot {}",
        with_thousands(report.passages),
        if report.exact { "exact" } else { &report.index },
        report.snapshot
    )?;
    if report.missing > 0 {
        writeln!(
            out,
            "{} judged {} not in the data directory",
            with_thousands(report.missing),
            report.unit.plural()
        )?;
    }
    if report.queries_without_relevant > 0 {
        let left_out = queries(report.queries_without_relevant);
        writeln!(out, "{left_out} without a relevant judgement left out")?;
    }
    writeln!(
        out,
        "\n{:10}{:24}{:24}{:24}judged@10",
        "", "nDCG@10", "recall@100", "MRR"
    )?;
    for mode in &report.modes {
        print_mode(mode, &mut out)?;
    }
    if !report.changes.is_empty() {
        writeln!(out, "\n{:10}{:24}{:24}{:24}nDCG@10", "change", "", "", "")?;
    }
    for change in &report.changes {
        print_change(change, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn queries(number: usize) -> String {
    let noun = if number == 1 { "query" } else { "queries" };
    format!("{} {noun}", with_thousands(number))
}

fn print_mode(mode: &ModeReport, out: &mut impl Write) -> anyhow::Result<()> {
    let estimates = [mode.ndcg_at_10, mode.recall_at_100, mode.mrr];
    write!(out, "{:10}", mode.mode)?;
    for Estimate { mean, low, high } in estimates {
        write!(out, "{:24}", format!("{mean:.3} [{low:.3}, {high:.3}]"))?;
    }
    writeln!(out, "{:.3}", mode.judged_at_10)?;
    Ok(())
}

fn print_change(change: &ModeChange, out: &mut impl Write) -> anyhow::Result<()> {
    write!(out, "{:10}", change.mode)?;
    for metric in [&change.ndcg_at_10, &change.recall_at_100, &change.mrr] {
        let Estimate { mean, low, high } = metric.difference;
        write!(out, "{:24}", format!("{mean:+.3} [{low:+.3}, {high:+.3}]"))?;
    }
    let MetricChange { better, worse, .. } = change.ndcg_at_10;
    writeln!(out, "{better} of {} better, {worse} worse", change.queries)?;
    Ok(())
}
