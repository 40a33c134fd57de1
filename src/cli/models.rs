//! `antiphon models`.

use clap::Subcommand;
use serde_json::json;

use crate::config::Settings;
use crate::encoder::model::{Manifest, fetch, open_pinned};

use super::progress::ModelBar;
use super::{open, output};

#[derive(Debug, Subcommand)]
pub(super) enum ModelsCommand {
    /// Download the pinned model and verify every file
    Fetch {
        /// Download again even if present
        #[arg(long)]
        force: bool,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Downloads and verifies the model, and prints its folder.
pub(super) fn run(settings: &Settings, command: &ModelsCommand) -> anyhow::Result<()> {
    let ModelsCommand::Fetch { force, json } = command;
    let manifest = Manifest::built_in()?;
    let options = open::fetch_options(settings, *force);
    let folder = fetch(&manifest, &options, &ModelBar::new(&open::no_status))?;
    let files = open_pinned(&manifest, &folder)?;
    let identity = &files.identity;
    if *json {
        return output::print_json(&json!({
            "folder": folder,
            "model": identity.name,
            "revision": identity.revision,
            "weights_sha256": identity.weights_sha256,
            "tokenizer_sha256": identity.tokenizer_sha256,
        }));
    }
    output::print_line(format_args!(
        "{} at revision {} verified in {}",
        identity.name,
        identity.revision,
        folder.display()
    ))
}
