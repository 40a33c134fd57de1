//! What stands between the network and the handlers.
//!
//! Two layers lie around every handler. [`receive`] is the outer one: it gives the request its id,
//! turns it away while the service stops, and sees to its metrics and log lines once the last byte
//! of the answer is written. [`admit`] is the inner one: it asks for a key, its scope and its
//! share, and turns away what would wait for a core where too many do. Most of those do not come so
//! far: the outer layer turns them away for less. In which order all this is asked is decided in one
//! place for both (`decide` in `access`). Between the two lies CORS, as a browser's preflight carries no
//! key. Handlers know nothing of all this.

mod access;
mod access_log;
mod api_keys;
mod cors;
mod early_reject;
mod idle_connections;
mod in_flight;
mod load_shedding;
mod metrics;
mod metrics_snapshot;
mod new_key;
mod observe;
mod rate_limit;
mod request_id;
mod signals;
mod tls;
mod traces;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub(super) use access::authorize;
pub use access_log::LogSink;
pub use api_keys::{KeyEntry, KeyScope};
pub(super) use cors::layer as cors;
pub(super) use idle_connections::{on_connect, spawn_idle_reaper};
pub(super) use metrics::MEDIA_TYPE as METRICS_MEDIA_TYPE;
pub(super) use metrics_snapshot::{IndexMetrics, MetricsSnapshot};
pub use new_key::GeneratedKey;
pub(super) use observe::outer_middleware;
pub(super) use signals::obey;
pub use tls::TlsFiles;
pub use traces::TraceOptions;

use access_log::AccessLogger;
use api_keys::ApiKeys;
use idle_connections::IdleTracker;
use in_flight::InFlight;
use metrics::Metrics;
use tls::Tls;
use traces::{SpanCounts, Traces};

/// What the guard is told.
#[derive(Debug, Default)]
pub struct MiddlewareOptions {
    /// The file that lists the keys; without it nobody needs one.
    pub keys_file: Option<PathBuf>,
    /// Certificate and key; without them plain HTTP is spoken.
    pub tls: Option<TlsFiles>,
    /// Origins whose pages may use the service from a browser; `*` for all.
    pub cors_origins: Vec<String>,
    /// Where a line of JSON goes for each request.
    pub access_log: Option<LogSink>,
    /// From when on a request is logged as slow.
    pub slow_threshold: Option<Duration>,
    /// Where traces go; without it none are made.
    pub traces: Option<TraceOptions>,
    /// The bounds of connections.
    pub connection_limits: ConnectionLimits,
}

/// The bounds of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Most connections; more wait until one is closed.
    pub max_connections: usize,
    /// Longest time that the head of a request may take to arrive.
    pub header_timeout: Duration,
    /// Longest time that a body may take to arrive.
    pub body_timeout: Duration,
    /// Longest time that the client of a stream may neither send nor read.
    pub stream_idle_timeout: Duration,
    /// How long a connection may stand idle between two requests.
    pub keep_alive_timeout: Duration,
    /// Longest time that running requests have once the service is told to stop.
    pub shutdown_grace: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            max_connections: 1000,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(30),
            stream_idle_timeout: Duration::from_mins(1),
            // Longer than the 60 seconds after which most load balancers hang up.
            keep_alive_timeout: Duration::from_secs(75),
            shutdown_grace: Duration::from_secs(10),
        }
    }
}

/// Keys, TLS, logs and metrics of a service.
pub struct MiddlewareState {
    keys: Option<ApiKeys>,
    tls: Option<Tls>,
    cors_origins: Vec<String>,
    access_log: AccessLogger,
    traces: Option<Traces>,
    metrics: Metrics,
    in_flight: InFlight,
    connections: IdleTracker,
    connection_limits: ConnectionLimits,
}

/// Why the guard cannot stand.
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
    /// A key cannot be made like this.
    #[error("{reason}")]
    KeyEntry {
        /// What is wrong.
        reason: String,
    },
    /// An origin is none.
    #[error(
        "{received:?} is not an origin; expected a scheme and a host, such as https://example.org, or *"
    )]
    Origin {
        /// What was given.
        received: String,
    },
    /// Traces cannot be sent like this.
    #[error("traces cannot be sent to {endpoint:?}: {reason}")]
    Traces {
        /// Where they were to go.
        endpoint: String,
        /// What is wrong.
        reason: String,
    },
    /// Everyone could connect and nobody needs a key.
    #[error(
        "{address} can be reached from other machines, and no keys are configured: make one with `antiphon keys new` and name its file in the setting keys_file, or let everyone in with --insecure"
    )]
    AnonymousAccess {
        /// The address that was to be listened on.
        address: SocketAddr,
    },
    /// The operating system gives no random numbers.
    #[error("no random numbers can be had: {0}")]
    RandomBytes(String),
}

impl Default for MiddlewareState {
    /// A guard that lets everyone in and logs nothing.
    fn default() -> Self {
        Self {
            keys: None,
            tls: None,
            cors_origins: Vec::new(),
            access_log: AccessLogger::default(),
            traces: None,
            metrics: Metrics::new(),
            in_flight: InFlight::default(),
            connections: IdleTracker::default(),
            connection_limits: ConnectionLimits::default(),
        }
    }
}

impl MiddlewareState {
    /// Reads the files that the options name.
    ///
    /// # Errors
    ///
    /// If one of them cannot be used, or an origin is none.
    pub fn open(options: MiddlewareOptions) -> Result<Self, ServerSetupError> {
        cors::validate_origins(&options.cors_origins)?;
        Ok(Self {
            keys: options.keys_file.map(ApiKeys::open).transpose()?,
            tls: options.tls.map(Tls::open).transpose()?,
            cors_origins: options.cors_origins,
            access_log: AccessLogger::new(options.access_log, options.slow_threshold),
            traces: options.traces.as_ref().map(Traces::start).transpose()?,
            metrics: Metrics::new(),
            in_flight: InFlight::default(),
            connections: IdleTracker::default(),
            connection_limits: options.connection_limits,
        })
    }

    /// Reads keys and certificate anew. Both are taken over or neither is; what came before stays
    /// in use if one cannot be read.
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
        if let (Some(ring), Some(keys)) = (&self.keys, keys) {
            ring.replace(keys);
        }
        if let (Some(current), Some(certificate)) = (&self.tls, tls) {
            current.replace(certificate);
        }
        Ok(reloaded)
    }

    /// Whether the service may listen there: without keys only this machine may connect, unless
    /// everyone is to be let in.
    ///
    /// # Errors
    ///
    /// Names both remedies.
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

    /// `https` where a certificate is used, `http` otherwise.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Whether there is anything to read anew.
    pub(super) fn can_reload(&self) -> bool {
        self.keys.is_some() || self.tls.is_some()
    }

    pub(super) fn tls_config(&self) -> Result<Option<rustls::ServerConfig>, rustls::Error> {
        self.tls.as_ref().map(Tls::server_config).transpose()
    }

    pub(super) fn connection_limits(&self) -> ConnectionLimits {
        self.connection_limits
    }

    /// Requests being answered.
    pub(super) fn requests_in_flight(&self) -> usize {
        self.in_flight.count()
    }

    /// Sends what traces are left; once the service has stopped.
    pub fn flush_traces(&self) {
        if let Some(traces) = &self.traces {
            traces.close();
        }
    }

    /// Whether the service is told to stop.
    pub(super) fn is_shutting_down(&self) -> bool {
        self.in_flight.is_shutting_down()
    }

    /// Waits until the service is told to stop.
    pub(super) async fn shutdown_begun(&self) {
        self.in_flight.shutdown_begun().await;
    }

    /// What has become of spans, if there are any.
    pub(super) fn span_counts(&self) -> SpanCounts {
        self.traces.as_ref().map(Traces::counts).unwrap_or_default()
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// What was read anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReloadOutcome {
    /// How many keys are known now.
    pub keys: usize,
    /// Whether there is a certificate.
    pub tls: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_keys_only_loopback_is_allowed() {
        let guard = MiddlewareState::default();
        for (address, allowed) in [
            ("127.0.0.1:80", true),
            ("127.9.9.9:80", true),
            ("[::1]:80", true),
            ("[::ffff:127.0.0.1]:80", true),
            ("0.0.0.0:80", false),
            ("[::]:80", false),
            ("192.168.1.7:80", false),
        ] {
            let address: SocketAddr = address.parse().unwrap();
            let said = guard.check_listen_address(address, false);
            assert_eq!(said.is_ok(), allowed, "{address}");
            if let Err(error) = said {
                let error = error.to_string();
                assert!(error.contains("keys new") && error.contains("--insecure"));
            }
            assert!(guard.check_listen_address(address, true).is_ok());
        }
    }
}
