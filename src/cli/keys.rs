//! `antiphon keys`.

use clap::Subcommand;
use serde_json::json;

use crate::config::Settings;
use crate::server::{GeneratedKey, KeyScope};

use super::output;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Make a key, show it once, and add its entry to the keys file if one is set
    New {
        /// Whose key it is
        #[arg(long)]
        name: String,
        /// What it allows; may be given several times
        #[arg(long = "scope", required = true, value_name = "SCOPE")]
        scopes: Vec<KeyScope>,
        /// How many requests it may send a second [default: as many as it likes]
        #[arg(long, value_name = "N")]
        requests_per_second: Option<f64>,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Makes a key, files what the service needs to know of it, and shows it.
pub(super) fn run(settings: &Settings, command: &KeysCommand) -> anyhow::Result<()> {
    let KeysCommand::New {
        name,
        scopes,
        requests_per_second,
        json,
    } = command;
    let minted = GeneratedKey::generate(name, scopes, *requests_per_second)?;
    let file = settings.keys_file.as_deref();
    if let Some(file) = file {
        minted.append_to(file)?;
    }
    if *json {
        return output::print_json(&json!({
            "key": minted.key,
            "entry": minted.entry,
            "keys_file": file,
        }));
    }
    let filed = match file {
        Some(file) => format!(
            "Its hash stands in {} now; a running service knows it after SIGHUP.",
            output::strip_control_chars(&file.display().to_string())
        ),
        None => format!(
            "Add this to the file that the setting keys_file names:\n\n{}",
            minted.to_toml().trim_end()
        ),
    };
    output::print_line(format_args!(
        "{}\n\nThis is the key; it is shown once and kept nowhere. {filed}",
        minted.key
    ))
}
