//! Stage times of a request.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;
use utoipa::ToSchema;

use crate::search::StageTimes;

/// Milliseconds for each stage of a search.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct TimingMs {
    /// Waiting for a worker.
    queue: f64,
    /// Query to tokens.
    tokenize: f64,
    /// Tokens to embedding.
    encode: f64,
    /// Embedding and terms to the rows of the hits.
    search: f64,
    /// Rows to passages and sentences.
    fetch: f64,
    /// Hits to JSON.
    serialize: f64,
    /// From the start of the handler to the end of the last stage.
    total: f64,
}

impl TimingMs {
    pub(crate) fn new(
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

    /// Returns the stages with their names, in chronological order.
    pub(crate) fn stages(&self) -> [(&'static str, f64); 6] {
        [
            ("queue", self.queue),
            ("tokenize", self.tokenize),
            ("encode", self.encode),
            ("search", self.search),
            ("fetch", self.fetch),
            ("serialize", self.serialize),
        ]
    }

    /// Returns the time of all stages, including the time between them.
    pub(crate) fn total(&self) -> f64 {
        self.total
    }
}

/// The format of W3C Server Timing: names and durations in milliseconds.
impl fmt::Display for TimingMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (stage, duration) in self.stages() {
            write!(f, "{stage};dur={duration}, ")?;
        }
        write!(f, "total;dur={}", self.total)
    }
}

/// Converts a duration to milliseconds, rounded to the microsecond.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
