//! Authentication, observability and limits, between the network and the handlers.
//!
//! Two layers wrap every handler. The outer one, [`outer_middleware`], assigns the request its id, rejects
//! it during shutdown, and records metrics, log lines and traces after the last byte of the response. The
//! inner one, [`authorize`], checks key, scope and rate limit, and rejects requests for which the admission
//! queue is full. The outer layer already rejects most of these, at a lower cost; both take the checks from
//! `decide` in `access`, so their order is the same. CORS is between the two, as a browser's preflight
//! request has no key. Handlers know nothing about any of this.

mod access;
mod access_log;
mod api_keys;
mod connections;
mod cors;
mod early_reject;
mod in_flight;
mod load_shedding;
mod metrics;
mod metrics_snapshot;
mod new_key;
mod observe;
mod rate_limit;
mod request_id;
mod response_budget;
mod signals;
mod tls;
mod traces;
mod write_progress;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub(super) use access::{authorize, charge_rate};
pub use access_log::LogSink;
pub use api_keys::{KeyEntry, KeyScope};
pub(super) use connections::{SURPLUS_CONNECTIONS, on_connect, spawn_connection_reaper};
pub(super) use cors::layer as cors;
pub(super) use metrics::MEDIA_TYPE as METRICS_MEDIA_TYPE;
pub(super) use metrics_snapshot::MetricsSnapshot;
pub use new_key::GeneratedKey;
pub(super) use observe::outer_middleware;
pub(super) use response_budget::bound_response;
pub(super) use signals::handle_signals;
pub use tls::TlsFiles;
pub use traces::TraceOptions;

use access_log::AccessLogger;
use api_keys::ApiKeys;
use connections::Connections;
use in_flight::InFlight;
use metrics::Metrics;
use response_budget::ResponseBudget;
use tls::Tls;
use traces::{SpanCounts, Traces};

/// Options of the middleware.
#[derive(Debug, Default)]
pub struct MiddlewareOptions {
    /// The file that lists the API keys; without it no key is required.
    pub keys_file: Option<PathBuf>,
    /// Certificate and key; without them the service uses plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Origins whose pages may use the service from a browser; `*` for all.
    pub cors_origins: Vec<String>,
    /// Receives a line of JSON for each request.
    pub access_log: Option<LogSink>,
    /// Returns how many lines the log has lost, for the metrics.
    pub lost_log_lines: Option<fn() -> u64>,
    /// Requests that take at least this long are logged as slow.
    pub slow_threshold: Option<Duration>,
    /// Export of traces; without it none are created.
    pub traces: Option<TraceOptions>,
    /// The limits of connections.
    pub connection_limits: ConnectionLimits,
}

/// The limits of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Maximum number of connections; further ones are answered 503, except for probes.
    pub max_connections: usize,
    /// Time for the header of a request to arrive.
    pub header_timeout: Duration,
    /// Time for a body to arrive, and for a client to take the next 64 KB of a response.
    pub body_timeout: Duration,
    /// How long the client of a stream may neither send nor read.
    pub stream_idle_timeout: Duration,
    /// How long a connection may be idle between two requests.
    pub keep_alive_timeout: Duration,
    /// Time for requests in flight when the service shuts down.
    pub shutdown_grace: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            max_connections: 1000,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(30),
            stream_idle_timeout: Duration::from_mins(1),
            // Longer than the 60 seconds after which most load balancers close idle connections.
            keep_alive_timeout: Duration::from_secs(75),
            shutdown_grace: Duration::from_secs(10),
        }
    }
}

/// The state of the middleware: keys, TLS, logs, traces, metrics and connections.
pub struct MiddlewareState {
    keys: Option<ApiKeys>,
    tls: Option<Tls>,
    cors_origins: Vec<String>,
    access_log: AccessLogger,
    lost_log_lines: Option<fn() -> u64>,
    traces: Option<Traces>,
    metrics: Metrics,
    in_flight: InFlight,
    connections: Connections,
    response_budget: ResponseBudget,
    connection_limits: ConnectionLimits,
}

/// Why the middleware cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ServerSetupError {
    /// A file cannot be read or written.
    #[error("cannot use {}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An API key cannot be created with these values.
    #[error("{reason}")]
    KeyEntry {
        /// What is wrong.
        reason: String,
    },
    /// An origin of the setting `cors_origins` is invalid.
    #[error(
        "{received:?} is not an origin; expected a scheme and a host, such as https://example.org, or *"
    )]
    Origin {
        /// The invalid origin.
        received: String,
    },
    /// Traces cannot be exported.
    #[error("cannot export traces to {endpoint:?}: {reason}")]
    Traces {
        /// The address of the collector.
        endpoint: String,
        /// What is wrong.
        reason: String,
    },
    /// Other machines could connect, and no key would be required.
    #[error(
        "{address} is reachable from other machines and no API keys are configured: create one with `antiphon keys new` and set keys_file, or pass --allow-anonymous"
    )]
    AnonymousAccess {
        /// The address to listen on.
        address: SocketAddr,
    },
    /// The operating system has no random bytes.
    #[error("cannot obtain random bytes: {0}")]
    RandomBytes(String),
}

impl Default for MiddlewareState {
    /// Allows anonymous access and logs nothing.
    fn default() -> Self {
        Self {
            keys: None,
            tls: None,
            cors_origins: Vec::new(),
            access_log: AccessLogger::default(),
            lost_log_lines: None,
            traces: None,
            metrics: Metrics::new(),
            in_flight: InFlight::default(),
            connections: Connections::default(),
            response_budget: ResponseBudget::default(),
            connection_limits: ConnectionLimits::default(),
        }
    }
}

impl MiddlewareState {
    /// Reads the files that the options name.
    ///
    /// # Errors
    ///
    /// If one of them cannot be used, or an origin is invalid.
    pub fn open(options: MiddlewareOptions) -> Result<Self, ServerSetupError> {
        cors::validate_origins(&options.cors_origins)?;
        Ok(Self {
            keys: options.keys_file.map(ApiKeys::open).transpose()?,
            tls: options.tls.map(Tls::open).transpose()?,
            cors_origins: options.cors_origins,
            access_log: AccessLogger::new(options.access_log, options.slow_threshold),
            lost_log_lines: options.lost_log_lines,
            traces: options.traces.as_ref().map(Traces::start).transpose()?,
            metrics: Metrics::new(),
            in_flight: InFlight::default(),
            connections: Connections::default(),
            response_budget: ResponseBudget::default(),
            connection_limits: options.connection_limits,
        })
    }

    /// Reloads keys and certificate. Both are replaced, or neither if one of them cannot be read.
    ///
    /// # Errors
    ///
    /// If a file cannot be used.
    pub fn reload(&self) -> Result<ReloadOutcome, ServerSetupError> {
        let keys = self.keys.as_ref().map(ApiKeys::read).transpose()?;
        let tls = self.tls.as_ref().map(Tls::read).transpose()?;
        let reloaded = ReloadOutcome {
            keys: keys.as_ref().map_or(0, Vec::len),
            tls: tls.is_some(),
        };
        if let (Some(current), Some(keys)) = (&self.keys, keys) {
            current.replace(keys);
        }
        if let (Some(current), Some(certificate)) = (&self.tls, tls) {
            current.replace(certificate);
        }
        Ok(reloaded)
    }

    /// Checks an address to listen on: without keys it must be a loopback address, unless anonymous access
    /// is allowed.
    ///
    /// # Errors
    ///
    /// If other machines could connect without a key; the error names both remedies.
    pub fn check_listen_address(
        &self,
        address: SocketAddr,
        allow_anonymous: bool,
    ) -> Result<(), ServerSetupError> {
        if self.keys.is_some() || allow_anonymous || address.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        Err(ServerSetupError::AnonymousAccess { address })
    }

    /// Returns `https` if a certificate is configured, otherwise `http`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Returns whether there is a file to reload.
    pub(super) fn can_reload(&self) -> bool {
        self.keys.is_some() || self.tls.is_some()
    }

    pub(super) fn tls_config(&self) -> Result<Option<rustls::ServerConfig>, rustls::Error> {
        self.tls.as_ref().map(Tls::server_config).transpose()
    }

    pub(super) fn connection_limits(&self) -> ConnectionLimits {
        self.connection_limits
    }

    /// Returns the number of requests in flight.
    pub(super) fn requests_in_flight(&self) -> usize {
        self.in_flight.count()
    }

    /// Exports the remaining traces; called once the service has stopped.
    pub fn flush_traces(&self) {
        if let Some(traces) = &self.traces {
            traces.close();
        }
    }

    /// Returns whether the shutdown has begun.
    pub(super) fn is_shutting_down(&self) -> bool {
        self.in_flight.is_shutting_down()
    }

    /// Waits until the shutdown begins.
    pub(super) async fn shutdown_begun(&self) {
        self.in_flight.shutdown_begun().await;
    }

    /// Returns how many lines the log has lost.
    pub(super) fn lost_log_lines(&self) -> u64 {
        self.lost_log_lines.map_or(0, |lost| lost())
    }

    /// Returns the counts of trace spans.
    pub(super) fn span_counts(&self) -> SpanCounts {
        self.traces.as_ref().map(Traces::counts).unwrap_or_default()
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// The result of a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReloadOutcome {
    /// Number of keys.
    pub keys: usize,
    /// Whether a certificate was reloaded.
    pub tls: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_keys_only_loopback_is_allowed() {
        let middleware = MiddlewareState::default();
        for (address, is_allowed) in [
            ("127.0.0.1:80", true),
            ("127.9.9.9:80", true),
            ("[::1]:80", true),
            ("[::ffff:127.0.0.1]:80", true),
            ("0.0.0.0:80", false),
            ("[::]:80", false),
            ("192.168.1.7:80", false),
        ] {
            let address: SocketAddr = address.parse().unwrap();
            let outcome = middleware.check_listen_address(address, false);
            assert_eq!(outcome.is_ok(), is_allowed, "{address}");
            if let Err(error) = outcome {
                let error = error.to_string();
                assert!(error.contains("keys new") && error.contains("--allow-anonymous"));
            }
            assert!(middleware.check_listen_address(address, true).is_ok());
        }
    }
}
