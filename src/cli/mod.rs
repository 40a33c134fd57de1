//! The command line.
//!
//! Results go to stdout, logs and progress to stderr; every command that prints results takes
//! `--json`. A failure is one sentence that says what to do, and exit code 1; a command line that
//! cannot be read is exit code 2.

mod bench;
mod evaluate;
mod export;
mod families;
mod index;
mod keys;
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
    /// A settings file [default: antiphon.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the corpus and answer searches over HTTP
    Serve,
    /// Read files and folders into the data directory
    Index(index::IndexArgs),
    /// Find the passages that mean what you ask for
    Search(search::SearchArgs),
    /// Find the passages that say the same thing, in two documents or in all
    Parallels(Box<parallels::ParallelsArguments>),
    /// Find the statements that were made again and again
    Families(families::FamiliesArguments),
    /// Measure how good the numbers of parallels are, on pairs of which the truth is known
    Evaluate(evaluate::EvaluateArguments),
    /// Measure speed, with fidelity beside it
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Fetch or check the model
    #[command(subcommand)]
    Models(models::ModelsCommand),
    /// Make keys for the service's clients
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Write what is stored in a form for other programs
    #[command(subcommand)]
    Export(export::ExportCommand),
}

/// Returns the description of the command line, with which the commands shown in `docs/` are parsed.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that has seen enough, such as `head`, is no failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("antiphon: {}", error_chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(line: Cli) -> anyhow::Result<()> {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let settings = Settings::load(line.config.as_deref(), environment, &line.flags)?;
    start_logging(&settings.log)?;
    rayon::ThreadPoolBuilder::new()
        .num_threads(settings.worker_threads())
        .build_global()
        .context("cannot start the worker threads")?;
    match line.command {
        Command::Serve => serve::run(settings),
        Command::Index(arguments) => index::run(&settings, &arguments),
        Command::Search(arguments) => search::run(&settings, &arguments),
        Command::Parallels(arguments) => parallels::run(&settings, &arguments),
        Command::Families(arguments) => families::run(&settings, &arguments),
        Command::Evaluate(arguments) => evaluate::run(&settings, &arguments),
        Command::Bench(command) => bench::run(&settings, &command),
        Command::Models(command) => models::run(&settings, &command),
        Command::Keys(command) => keys::run(&settings, &command),
        Command::Export(command) => export::run(&settings, &command),
    }
}

/// The error and its causes, each once: some messages hold their cause already.
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

/// A request that cannot be read is an error to actix, a line of the log for anyone who sends one.
const ACTIX_LOG_DIRECTIVE: &str = "actix_http::h1::dispatcher=off";

fn start_logging(filter: &str) -> anyhow::Result<()> {
    // The setting may say otherwise of the same target: what comes later replaces what came before.
    let filter = tracing_subscriber::EnvFilter::try_new(format!("{ACTIX_LOG_DIRECTIVE},{filter}"))
        .with_context(|| format!("setting log is {filter:?}; expected a level such as info, or a filter such as warn,antiphon=debug"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(progress::LogWriter::default)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
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
