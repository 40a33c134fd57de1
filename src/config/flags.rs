//! Settings as flags of every command.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{IndexKind, PrecisionKind};

/// The settings that can be given as flags; what is not given is left to the other places.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Args)]
pub struct Flags {
    /// Folder or file that `serve` reads at its start [default: corpus]
    #[arg(long, global = true, value_name = "PATH")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corpus: Option<PathBuf>,
    /// Where the store lives [default: data]
    #[arg(long, global = true, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// Address and port to serve on [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// A model folder in sentence-transformers layout, instead of the pinned model
    #[arg(long, global = true, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_dir: Option<PathBuf>,
    /// Where fetched models are kept [default: models]
    #[arg(long, global = true, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_cache_dir: Option<PathBuf>,
    /// Never fetch anything
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", require_equals = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline: Option<bool>,
    /// Threads for encoding and indexing; 0 for one a core [default: 0]
    #[arg(long, global = true, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// The encoder's arithmetic [default: int8]
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<PrecisionKind>,
    /// Which index to search [default: auto]
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<IndexKind>,
    /// Build graphs on one thread, so that the same passages give the same graph on every run
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", require_equals = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deterministic_index_build: Option<bool>,
    /// The file that lists the API keys
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys_file: Option<PathBuf>,
    /// Serve other machines although nobody needs a key
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", require_equals = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_anonymous: Option<bool>,
    /// Keep navigation, footers and page furniture in the passages
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", require_equals = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_boilerplate: Option<bool>,
    /// What to log to stderr: error, warn, info, debug or a tracing filter [default: warn,antiphon=info]
    #[arg(long, global = true, value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}
