//! Where the time of a request went, for body and header.

use std::time::{Duration, Instant};

use actix_web::HttpResponseBuilder;
use serde::Serialize;
use utoipa::ToSchema;

use crate::search::StageTimes;

/// Milliseconds for each stage of a search.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct TimingMs {
    /// Waiting for a core.
    queue: f64,
    /// Query to tokens.
    tokenize: f64,
    /// Tokens to embedding.
    encode: f64,
    /// Embedding and words to the hits' places.
    search: f64,
    /// Places to passages and sentences.
    fetch: f64,
    /// Hits to JSON.
    serialize: f64,
    /// From the request's arrival in the handler to here.
    total: f64,
}

impl TimingMs {
    pub(super) fn new(
        queue: Duration,
        stages: StageTimes,
        serialize: Duration,
        start: Instant,
    ) -> Self {
        Self {
            queue: milliseconds(queue),
            tokenize: milliseconds(stages.tokenize),
            encode: milliseconds(stages.encode),
            search: milliseconds(stages.search),
            fetch: milliseconds(stages.fetch),
            serialize: milliseconds(serialize),
            total: milliseconds(start.elapsed()),
        }
    }

    /// Adds the `Server-Timing` header (W3C Server Timing: names and durations in milliseconds).
    pub(super) fn describe(&self, response: &mut HttpResponseBuilder) {
        let value = format!(
            "queue;dur={}, tokenize;dur={}, encode;dur={}, search;dur={}, fetch;dur={}, serialize;dur={}, total;dur={}",
            self.queue,
            self.tokenize,
            self.encode,
            self.search,
            self.fetch,
            self.serialize,
            self.total
        );
        response.insert_header(("Server-Timing", value));
    }
}

/// The stages in a `Server-Timing` header that [`TimingMs`] wrote, in milliseconds.
pub(super) fn stages(header: &str) -> impl Iterator<Item = (&str, f64)> {
    header.split(',').filter_map(|metric| {
        let (name, duration) = metric.trim().split_once(";dur=")?;
        Some((name, duration.parse().ok()?))
    })
}

/// To the microsecond.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
