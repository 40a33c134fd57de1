//! The command line.
//!
//! Results go to stdout, logs and progress to stderr; every command that prints results takes
//! `--json`. A failure is one sentence that says what to do, with exit code 1; an invalid command line
//! has exit code 2.

mod bench;
mod block_on;
mod cite;
mod evaluate;
mod export;
mod families;
mod index;
mod keys;
mod log;
mod memory;
mod models;
mod open;
mod output;
mod parallels;
mod progress;
mod report;
mod search;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;
#[cfg(unix)]
use std::sync::Arc;
#[cfg(unix)]
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{Flags, Settings};

/// Semantic search for speeches and statements.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    flags: Flags,
    /// The settings file [default: antiphon.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Index the corpus and serve searches over HTTP
    Serve,
    /// Index files and folders
    Index(index::IndexArgs),
    /// Search passages
    Search(search::SearchArgs),
    /// Cite passages, as text or for a reference manager
    Cite(cite::CiteArgs),
    /// Find the passages that say the same thing, in two documents or in all
    Parallels(Box<parallels::ParallelsArguments>),
    /// Find statements that were made repeatedly
    Families(families::FamiliesArguments),
    /// Evaluate search on graded judgements, or the measures of parallels on labelled pairs
    Evaluate(evaluate::EvaluateArguments),
    /// Benchmark speed, together with quality
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Download or check the model
    #[command(subcommand)]
    Models(models::ModelsCommand),
    /// Create API keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Export stored data for other programs
    #[command(subcommand)]
    Export(export::ExportCommand),
    /// Read a PDF file from stdin and write its pages as lines of JSON; for this program's own use
    #[command(hide = true)]
    ExtractPdf,
}

/// Returns the definition of the command line, with which the commands in `docs/` are tested.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program, which was built from this commit, with the process's arguments.
#[must_use]
pub fn main(commit: &'static str) -> ExitCode {
    // The first one stands: a process is one program.
    let _ = crate::COMMIT.set(commit);
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that closes the pipe early, such as `head`, is not a failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("antiphon: {}", error_chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    // First, as this process limits its memory and needs no settings.
    if matches!(cli.command, Command::ExtractPdf) {
        let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
        return Ok(crate::corpus::extract_pdf(&mut input, &mut output)?);
    }
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let settings = Settings::load(cli.config.as_deref(), environment, &cli.flags)?;
    report_file_size_limits()?;
    let _log = log::start(&settings.log, matches!(cli.command, Command::Serve))?;
    rayon::ThreadPoolBuilder::new()
        .num_threads(settings.worker_threads())
        .build_global()
        .context("cannot start the worker threads")?;
    match cli.command {
        Command::Serve => serve::run(settings),
        Command::Index(arguments) => index::run(&settings, &arguments),
        Command::Search(arguments) => search::run(&settings, &arguments),
        Command::Cite(arguments) => cite::run(&settings, &arguments),
        Command::Parallels(arguments) => parallels::run(&settings, &arguments),
        Command::Families(arguments) => families::run(&settings, &arguments),
        Command::Evaluate(arguments) => evaluate::run(&settings, &arguments),
        Command::Bench(command) => bench::run(&settings, &command),
        Command::Models(command) => models::run(&settings, &command),
        Command::Keys(command) => keys::run(&settings, &command),
        Command::Export(command) => export::run(&settings, &command),
        Command::ExtractPdf => Ok(()),
    }
}

/// Joins an error and its causes, each once: some messages already contain their cause.
fn error_chain(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .fold(String::new(), |mut text, cause| {
            if !text.contains(&cause) {
                if !text.is_empty() {
                    text.push_str(": ");
                }
                text.push_str(&cause);
            }
            text
        })
}

/// Makes writes beyond the limit of file sizes (`ulimit -f`) fail with an error. By default the signal SIGXFSZ
/// would end the process.
#[cfg(unix)]
fn report_file_size_limits() -> anyhow::Result<()> {
    let received = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, received)
        .context("cannot handle SIGXFSZ")?;
    Ok(())
}

/// Does nothing on other systems.
#[cfg(not(unix))]
fn report_file_size_limits() -> anyhow::Result<()> {
    Ok(())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
