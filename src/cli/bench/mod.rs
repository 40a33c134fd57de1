//! `antiphon bench`.

mod embed;
mod profile;
mod samples;

use clap::Subcommand;

use crate::config::Settings;

/// What to measure.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Time the encoder on real passages, with its fidelity beside its speed
    Embed(embed::Arguments),
}

/// Measures and prints.
pub(super) fn run(settings: &Settings, command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Embed(arguments) => embed::run(settings, arguments),
    }
}
