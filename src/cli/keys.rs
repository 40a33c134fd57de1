//! `antiphon keys`.

use clap::Subcommand;
use serde_json::json;

use crate::config::Settings;
use crate::server::{GeneratedKey, KeyScope};

use super::output;

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Create a key, print it once, and add it to the keys file if one is set
    New {
        /// Name of the key
        #[arg(long)]
        name: String,
        /// Scope; may be repeated
        #[arg(long = "scope", required = true, value_name = "SCOPE")]
        scopes: Vec<KeyScope>,
        /// Rate limit in requests per second [default: none]
        #[arg(long, value_name = "N")]
        requests_per_second: Option<f64>,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Creates a key, adds its entry to the keys file, and prints it.
pub(super) fn run(settings: &Settings, command: &KeysCommand) -> anyhow::Result<()> {
    let KeysCommand::New {
        name,
        scopes,
        requests_per_second,
        json,
    } = command;
    let generated = GeneratedKey::generate(name, scopes, *requests_per_second)?;
    let file = settings.keys_file.as_deref();
    if let Some(file) = file {
        generated.append_to(file)?;
    }
    if *json {
        return output::print_json(&json!({
            "key": generated.key,
            "entry": generated.entry,
            "keys_file": file,
        }));
    }
    let next_step = match file {
        Some(file) => format!(
            "Its hash was added to {}; send SIGHUP to a running service to reload.",
            output::strip_control_chars(&file.display().to_string())
        ),
        None => format!(
            "Add this to the file set as keys_file:\n\n{}",
            generated.to_toml().trim_end()
        ),
    };
    output::print_line(format_args!(
        "{}\n\nThis is the key. It is shown once and not stored. {next_step}",
        generated.key
    ))
}
