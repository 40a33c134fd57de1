//! `antiphon evaluate`: quality on data with known answers. With `--gold`, of the measures of parallels;
//! with `--qrels`, of search.

mod print;
mod retrieval;

use std::path::PathBuf;

use clap::Args;

use crate::config::Settings;
use crate::parallels::evaluation::{MAX_PARAGRAPH_SIZE, evaluate};

use super::progress::StepsBar;
use super::{open, output};

/// What to evaluate on.
#[derive(Debug, Args)]
pub(super) struct EvaluateArguments {
    /// Evaluate the measures of parallels on a gold file, tab-separated UTF-8: lines of score (0 to 5, or
    /// 0 and 1), text, text; or a header "ref" followed by version names, with one statement per row;
    /// repeatable
    #[arg(long, value_name = "FILE", required_unless_present = "qrels")]
    gold: Vec<PathBuf>,
    /// Fit the calibration on the even items and report on the odd ones
    #[arg(long, requires = "gold")]
    fit: bool,
    /// Also evaluate on paragraphs of this many statements that share one, a harder task; 0 disables
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = parse_paragraph_size)]
    paragraph_size: usize,
    #[command(flatten)]
    retrieval: retrieval::RetrievalArguments,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

fn parse_paragraph_size(text: &str) -> Result<usize, String> {
    let number = text.parse().ok();
    number
        .filter(|number| *number == 0 || (2..=MAX_PARAGRAPH_SIZE).contains(number))
        .ok_or_else(|| format!("expected 2 to {MAX_PARAGRAPH_SIZE}, or 0 for none"))
}

/// Evaluates and prints the report.
pub(super) fn run(settings: &Settings, arguments: &EvaluateArguments) -> anyhow::Result<()> {
    if let Some(qrels) = &arguments.retrieval.qrels {
        return retrieval::run(settings, &arguments.retrieval, qrels, arguments.json);
    }
    let encoder = open::encoder(settings, &open::no_status)?;
    let bar = StepsBar::new();
    let report = evaluate(
        &arguments.gold,
        encoder.as_ref(),
        arguments.paragraph_size,
        arguments.fit,
        &|what, done, all| bar.update(what, done, all),
    )?;
    drop(bar);
    if arguments.json {
        return output::print_json(&report);
    }
    print::print_evaluation(&report)
}
