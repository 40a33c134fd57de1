//! `antiphon index`.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;

use crate::config::Settings;
use crate::engine::IngestOptions;

use super::{open, output, report};

/// Arguments of `antiphon index`.
#[derive(Debug, Args)]
pub(super) struct IndexArgs {
    /// Files and folders: texts, tables, web pages, office documents, PDF, TEI, captions, archives
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Remove stored documents that are not under these paths
    #[arg(long)]
    prune: bool,
    /// Print every remark of the report
    #[arg(long)]
    verbose: bool,
    /// Print the whole report as JSON
    #[arg(long)]
    json: bool,
}

/// Indexes the paths and prints the report.
pub(super) fn run(settings: &Settings, arguments: &IndexArgs) -> anyhow::Result<()> {
    let corpus = open::corpus(settings, &arguments.paths)?;
    let engine = open::engine(settings, &open::no_status)?;
    let options = IngestOptions {
        keep_boilerplate: settings.keep_boilerplate,
        prune: arguments.prune,
    };
    let result = open::ingest(&engine, &corpus, options, &open::no_status)?;
    if arguments.json {
        output::print_json(&result)?;
    } else {
        report::print(&result, arguments.verbose, &mut anstream::stdout().lock())?;
    }
    ensure!(
        result.read > 0 || result.skipped.is_empty(),
        "no document could be read; see the report"
    );
    Ok(())
}
