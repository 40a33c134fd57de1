//! What each room is told of the settings.

use std::time::Duration;

use crate::engine::{EngineOptions, IndexConfig};
use crate::index::{BuildOptions, HnswParameters};
use crate::server::{ConnectionLimits, TlsFiles, TraceOptions};

use super::{IndexKind, Settings};

impl Settings {
    /// How graphs are built and searched.
    #[must_use]
    pub fn hnsw_parameters(&self) -> HnswParameters {
        HnswParameters {
            m: self.hnsw_m,
            ef_construction: self.hnsw_ef_construction,
            ef_search: self.hnsw_ef_search,
        }
    }

    /// Threads to use, at least 1.
    #[must_use]
    pub fn worker_threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }

    /// How the work of building a graph is done.
    #[must_use]
    pub fn build_options(&self) -> BuildOptions {
        BuildOptions {
            deterministic: self.deterministic_index_build,
        }
    }

    /// The bounds of connections.
    #[must_use]
    pub fn connection_limits(&self) -> ConnectionLimits {
        ConnectionLimits {
            max_connections: self.max_connections,
            header_timeout: Duration::from_secs(self.header_timeout_seconds),
            body_timeout: Duration::from_secs(self.body_timeout_seconds),
            stream_idle_timeout: Duration::from_secs(self.stream_idle_timeout_seconds),
            keep_alive_timeout: Duration::from_secs(self.keep_alive_timeout_seconds),
            shutdown_grace: Duration::from_secs(self.shutdown_grace_seconds),
        }
    }

    /// Where traces go, if they are wanted.
    #[must_use]
    pub fn trace_options(&self) -> Option<TraceOptions> {
        Some(TraceOptions {
            endpoint: self.otlp_endpoint.clone()?,
            sample_ratio: self.trace_sample_ratio,
        })
    }

    /// Where certificate and key are, if HTTPS is to be spoken.
    #[must_use]
    pub fn tls_files(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_certificate.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { certificate, key })
    }

    /// What the engine needs of the settings.
    #[must_use]
    pub fn engine_options(&self) -> EngineOptions {
        EngineOptions {
            reader_connections: self.worker_threads(),
            index: match self.index {
                IndexKind::Exact => IndexConfig::Exact,
                IndexKind::Hnsw => IndexConfig::Hnsw(self.hnsw_parameters()),
                IndexKind::Auto => IndexConfig::Auto {
                    exact_threshold: self.exact_threshold,
                    hnsw: self.hnsw_parameters(),
                },
            },
        }
    }
}
