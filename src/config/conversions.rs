//! The options of each module, derived from the settings.

use std::time::Duration;

use crate::corpus::{ReadOptions, TurnMode};
use crate::engine::{EngineOptions, IndexConfig};
use crate::index::{BuildOptions, HnswParameters};
use crate::server::{ConnectionLimits, TlsFiles, TraceOptions};

use super::{IndexKind, Settings, TurnKind};

impl Settings {
    /// Returns the parameters of HNSW graphs.
    #[must_use]
    pub fn hnsw_parameters(&self) -> HnswParameters {
        HnswParameters {
            m: self.hnsw_m,
            ef_construction: self.hnsw_ef_construction,
            ef_search: self.hnsw_ef_search,
        }
    }

    /// Returns the number of threads to use, at least 1.
    #[must_use]
    pub fn worker_threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }

    /// Returns what the user says about the files of a corpus.
    #[must_use]
    pub fn read_options(&self) -> ReadOptions {
        ReadOptions {
            text_column: self.text_column.clone(),
            // Validated when the settings were loaded.
            columns: self
                .columns
                .iter()
                .filter_map(|column| column.parse().ok())
                .collect(),
            text_path: self.text_path.clone(),
            keep_boilerplate: self.keep_boilerplate,
            turns: match self.turns {
                TurnKind::Auto => TurnMode::Auto,
                TurnKind::On => TurnMode::On,
                TurnKind::Off => TurnMode::Off,
            },
            // This program, if its file can be found.
            pdf_program: std::env::current_exe().ok(),
        }
    }

    /// Returns the options of graph builds.
    #[must_use]
    pub fn build_options(&self) -> BuildOptions {
        BuildOptions {
            deterministic: self.deterministic_index_build,
        }
    }

    /// Returns the limits and timeouts of connections.
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

    /// Returns where to export traces, if an endpoint is set.
    #[must_use]
    pub fn trace_options(&self) -> Option<TraceOptions> {
        Some(TraceOptions {
            endpoint: self.otlp_endpoint.clone()?,
            sample_ratio: self.trace_sample_ratio,
        })
    }

    /// Returns the paths of certificate and key, if HTTPS is enabled.
    #[must_use]
    pub fn tls_files(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_certificate.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { certificate, key })
    }

    /// Returns the engine's options.
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
