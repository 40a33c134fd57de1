//! What each room is told of the settings.

use std::time::Duration;

use crate::engine::{EngineOptions, IndexChoice};
use crate::index::{BuildOptions, HnswParameters};
use crate::server::{Bounds, TlsFiles, TraceOptions};

use super::{IndexKind, Settings};

impl Settings {
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
