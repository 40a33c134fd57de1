//! `antiphon evaluate`: how good the numbers of parallels are, on pairs of which the truth is known.

mod print;

use std::path::PathBuf;

use clap::Args;

use crate::config::Settings;
use crate::parallels::evaluation::{MAX_PARAGRAPH_SIZE, evaluate};

use super::progress::StepsBar;
use super::{open, output};

/// What to measure on.
#[derive(Debug, Args)]
pub(super) struct EvaluateArguments {
    /// A file of tab-separated UTF-8: lines of score (0 to 5, or 0 and 1), text and text; or a header
    /// "ref" with names and below the same statement in several versions; may be given several times
    #[arg(long, value_name = "FILE", required = true)]
    gold: Vec<PathBuf>,
    /// Fit the numbers behind confidence on one half, and report on the other
    #[arg(long)]
    fit: bool,
    /// Join so many statements to paragraphs that share one, as a harder task; 0 does not
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = parse_paragraph_size)]
    paragraph_size: usize,
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

/// Measures and prints.
pub(super) fn run(settings: &Settings, arguments: &EvaluateArguments) -> anyhow::Result<()> {
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
