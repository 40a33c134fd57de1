//! Settings as flags of every command.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{IndexKind, PrecisionKind, TurnKind};

/// Settings with a flag. An unset flag leaves the value of the other sources.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Args)]
pub struct Flags {
    /// Folder or file that `serve` reads at startup [default: corpus]
    #[arg(long, global = true, value_name = "PATH")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corpus: Option<PathBuf>,
    /// Data directory of the store [default: data]
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
    /// Model cache directory [default: models]
    #[arg(long, global = true, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_cache_dir: Option<PathBuf>,
    /// Never download anything
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", require_equals = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline: Option<bool>,
    /// Threads for encoding and indexing; 0 for one per core [default: 0]
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
    /// Build graphs on one thread, for reproducible graphs
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", require_equals = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deterministic_index_build: Option<bool>,
    /// The file that lists the API keys
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys_file: Option<PathBuf>,
    /// Accept requests from other machines without API keys
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", require_equals = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_anonymous: Option<bool>,
    /// Keep boilerplate (navigation, footers, page furniture) in the passages
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", require_equals = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_boilerplate: Option<bool>,
    /// The column of tables, or the field of JSON, that has the texts [default: found by name]
    #[arg(long, global = true, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_column: Option<String>,
    /// A column that holds a field under another name, such as speaker=Name; repeatable
    #[arg(long = "column", global = true, value_name = "FIELD=COLUMN")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// The path of the texts in JSON files, such as speeches[].transcript [default: found by name]
    #[arg(long, global = true, value_name = "PATH")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_path: Option<String>,
    /// Whether transcripts are split into the turns of their speakers [default: auto]
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turns: Option<TurnKind>,
    /// What is logged to stderr: error, warn, info, debug or a tracing filter [default: warn,antiphon=info]
    #[arg(long, global = true, value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}
