//! Counts and latencies of requests.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::http::header::HeaderValue;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::client::RequestOutcome;

/// Range of recorded times in nanoseconds: a microsecond to an hour.
const MIN_TIME_NANOS: u64 = 1_000;
const MAX_TIME_NANOS: u64 = 3_600_000_000_000;

/// Decimal digits of precision of a recorded time.
const SIGNIFICANT_DIGITS: u8 = 3;

/// The stage that includes all others.
const TOTAL_STAGE: &str = "total";

/// A histogram of times with high dynamic range.
#[derive(Debug)]
struct LatencyHistogram(Histogram<u64>);

/// Percentiles of times, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct LatencySummary {
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) p99_9: f64,
    pub(super) max: f64,
    pub(super) mean: f64,
}

/// A stage of the server, from `Server-Timing`, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct StageLatency {
    pub(super) name: String,
    pub(super) p50: f64,
    pub(super) p99: f64,
}

/// Counts and times of all requests.
#[derive(Debug)]
pub(super) struct Tally {
    /// Successful requests.
    pub(super) answered: u64,
    /// Rejected requests, by status: 429 and 503.
    pub(super) shed: BTreeMap<u16, u64>,
    /// All others, by status or kind of failure.
    pub(super) errors: BTreeMap<String, u64>,
    /// The error of the last failed connection.
    pub(super) last_error: Option<String>,
    latency: LatencyHistogram,
    shed_latency: LatencyHistogram,
    delay: LatencyHistogram,
    outside: LatencyHistogram,
    stages: Vec<(String, LatencyHistogram)>,
}

/// When a request was due, sent and completed, since the start.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestTimes {
    pub(super) intended: Duration,
    pub(super) sent: Duration,
    pub(super) done: Duration,
}

impl LatencyHistogram {
    fn new() -> anyhow::Result<Self> {
        Ok(Self(Histogram::new_with_bounds(
            MIN_TIME_NANOS,
            MAX_TIME_NANOS,
            SIGNIFICANT_DIGITS,
        )?))
    }

    fn record(&mut self, time: Duration) {
        self.0
            .saturating_record(u64::try_from(time.as_nanos()).unwrap_or(MAX_TIME_NANOS));
    }

    #[allow(clippy::cast_precision_loss)] // at most an hour
    fn quantile_ms(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e6
    }

    #[allow(clippy::cast_precision_loss)] // at most an hour
    fn summary(&self) -> Option<LatencySummary> {
        (!self.0.is_empty()).then(|| LatencySummary {
            p50: self.quantile_ms(0.5),
            p90: self.quantile_ms(0.9),
            p99: self.quantile_ms(0.99),
            p99_9: self.quantile_ms(0.999),
            max: self.0.max() as f64 / 1e6,
            mean: self.0.mean() / 1e6,
        })
    }
}

impl Tally {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            answered: 0,
            shed: BTreeMap::new(),
            errors: BTreeMap::new(),
            last_error: None,
            latency: LatencyHistogram::new()?,
            shed_latency: LatencyHistogram::new()?,
            delay: LatencyHistogram::new()?,
            outside: LatencyHistogram::new()?,
            stages: Vec::new(),
        })
    }

    /// Records a request. Its latency is measured from the time at which it was due, and so includes
    /// waiting for a connection.
    pub(super) fn record(
        &mut self,
        times: RequestTimes,
        outcome: RequestOutcome,
    ) -> anyhow::Result<()> {
        let RequestTimes {
            intended,
            sent,
            done,
        } = times;
        self.delay.record(sent.saturating_sub(intended));
        let latency = done.saturating_sub(intended);
        match outcome {
            RequestOutcome::Answered {
                status: 200..=299,
                timing,
            } => {
                self.answered += 1;
                self.latency.record(latency);
                if let Some(timing) = timing {
                    self.record_stages(&timing, done.saturating_sub(sent))?;
                }
            }
            RequestOutcome::Answered {
                status: status @ (429 | 503),
                ..
            } => {
                *self.shed.entry(status).or_default() += 1;
                self.shed_latency.record(latency);
            }
            RequestOutcome::Answered { status, .. } => self.record_error(&status.to_string()),
            RequestOutcome::TimedOut => self.record_error("timeout"),
            RequestOutcome::ConnectionFailed(why) => {
                self.record_error("connection");
                self.last_error = Some(why);
            }
        }
        Ok(())
    }

    /// Counts a failure of a kind.
    pub(super) fn record_error(&mut self, kind: &str) {
        *self.errors.entry(kind.to_owned()).or_default() += 1;
    }

    fn record_stages(&mut self, header: &HeaderValue, served: Duration) -> anyhow::Result<()> {
        for (name, time) in parse_server_timing(header.to_str().unwrap_or("")) {
            if name == TOTAL_STAGE {
                self.outside.record(served.saturating_sub(time));
            }
            if let Some((_, times)) = self.stages.iter_mut().find(|(stage, _)| stage == name) {
                times.record(time);
            } else {
                let mut times = LatencyHistogram::new()?;
                times.record(time);
                self.stages.push((name.to_owned(), times));
            }
        }
        Ok(())
    }

    /// Returns the latency of successful requests, from the due time to the last byte.
    pub(super) fn latency(&self) -> Option<LatencySummary> {
        self.latency.summary()
    }

    /// Returns the latency of rejected requests, likewise.
    pub(super) fn shed_latency(&self) -> Option<LatencySummary> {
        self.shed_latency.summary()
    }

    /// Returns the delay between the due time and sending, which is caused by the client.
    pub(super) fn delay(&self) -> Option<LatencySummary> {
        self.delay.summary()
    }

    /// Returns the time from sending to the last byte, minus the total that the server reports.
    pub(super) fn outside(&self) -> Option<LatencySummary> {
        self.outside.summary()
    }

    /// Returns the server's stages, in its order.
    pub(super) fn stages(&self) -> Vec<StageLatency> {
        let stage = |(name, times): &(String, LatencyHistogram)| StageLatency {
            name: name.clone(),
            p50: times.quantile_ms(0.5),
            p99: times.quantile_ms(0.99),
        };
        self.stages.iter().map(stage).collect()
    }
}

/// Parses the durations of a `Server-Timing` header: `queue;dur=0.1, encode;desc="x";dur=2`. Metrics
/// without a duration are ignored.
fn parse_server_timing(header: &str) -> impl Iterator<Item = (&str, Duration)> {
    header.split(',').filter_map(|metric| {
        let mut parts = metric.split(';').map(str::trim);
        let name = parts.next()?;
        let milliseconds: f64 = parts
            .find_map(|part| part.strip_prefix("dur="))?
            .trim_matches('"')
            .parse()
            .ok()?;
        Some((name, Duration::try_from_secs_f64(milliseconds / 1e3).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(intended: u64, sent: u64, done: u64) -> RequestTimes {
        RequestTimes {
            intended: Duration::from_millis(intended),
            sent: Duration::from_millis(sent),
            done: Duration::from_millis(done),
        }
    }

    fn answered(status: u16, timing: Option<&'static str>) -> RequestOutcome {
        RequestOutcome::Answered {
            status,
            timing: timing.map(HeaderValue::from_static),
        }
    }

    #[test]
    fn latency_is_measured_from_the_due_time() {
        let mut tally = Tally::new().unwrap();
        let timing = Some("encode;dur=2.5, total;dur=4");
        tally.record(at(10, 40, 50), answered(200, timing)).unwrap();
        let close = |a: f64, b: f64| assert!((a - b).abs() < b * 2e-3, "{a} {b}");
        close(tally.latency().unwrap().p50, 40.0);
        close(tally.delay().unwrap().max, 30.0);
        close(tally.outside().unwrap().p50, 6.0);
        let stages = tally.stages();
        assert_eq!(stages[0].name, "encode");
        close(stages[0].p99, 2.5);
        assert!(tally.shed_latency().is_none());
    }

    #[test]
    fn every_request_is_counted_once() {
        let mut tally = Tally::new().unwrap();
        for status in [200, 429, 503, 503, 400, 500] {
            tally.record(at(0, 0, 1), answered(status, None)).unwrap();
        }
        tally.record(at(0, 0, 1), RequestOutcome::TimedOut).unwrap();
        tally
            .record(
                at(0, 0, 1),
                RequestOutcome::ConnectionFailed("refused".into()),
            )
            .unwrap();
        assert_eq!(tally.answered, 1);
        assert_eq!(tally.shed, BTreeMap::from([(429, 1), (503, 2)]));
        let errors: Vec<_> = tally.errors.iter().map(|(k, n)| (k.as_str(), *n)).collect();
        assert_eq!(
            errors,
            [("400", 1), ("500", 1), ("connection", 1), ("timeout", 1)]
        );
    }

    #[test]
    fn unknown_server_timing_metrics_are_tolerated() {
        let read: Vec<_> =
            parse_server_timing("cache, db;desc=\"a b\";dur=\"1.5\", x;dur=-1, y;dur=NaN")
                .collect();
        assert_eq!(read, [("db", Duration::from_micros(1500))]);
    }
}
