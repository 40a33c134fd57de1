//! Metrics for Prometheus, in the text format of `OpenMetrics`.

use std::time::Duration;

use actix_web::http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::metrics_snapshot::{MetricsSnapshot, SnapshotMetrics};
use crate::encoder::EncodeStats;

/// The media type of [`Metrics::scrape`].
pub(in crate::server) const MEDIA_TYPE: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the histograms' buckets in seconds.
const BUCKETS: [f64; 17] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0,
];

/// Statuses of requests that were rejected before they were processed.
const REJECTED_STATUSES: &[u16] = &[401, 403, 408, 413, 429, 503];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// All metrics of a service.
pub(in crate::server) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_duration: Histograms<RouteLabels>,
    stage_duration: Histograms<StageLabels>,
    rejected: Family<ReasonLabels, Counter>,
    shed: Family<ReasonLabels, Counter>,
    encoder_batch_texts: Histogram,
    encoder_batch_tokens: Histogram,
    snapshot: SnapshotMetrics,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let metrics = Self {
            registry: Registry::with_prefix("antiphon"),
            requests: Family::default(),
            request_duration: Family::new_with_constructor(histogram),
            stage_duration: Family::new_with_constructor(histogram),
            rejected: Family::default(),
            shed: Family::default(),
            encoder_batch_texts: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            encoder_batch_tokens: Histogram::new(exponential_buckets(4.0, 2.0, 14)),
            snapshot: SnapshotMetrics::default(),
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "Build information", Info::new(version));
        registry.register("requests", "HTTP requests completed", self.requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time from the request's header to the last byte of the response",
            self.request_duration.clone(),
        );
        registry.register(
            "stage_duration_seconds",
            "Time per stage of a response, as in its Server-Timing header",
            self.stage_duration.clone(),
        );
        registry.register(
            "rejected",
            "Requests rejected before they were processed, by problem code",
            self.rejected.clone(),
        );
        registry.register(
            "shed",
            "Requests shed because the service was at a limit, by that limit; each is also counted in rejected",
            self.shed.clone(),
        );
        registry.register(
            "encoder_batch_texts",
            "Texts per encoder call",
            self.encoder_batch_texts.clone(),
        );
        registry.register(
            "encoder_batch_tokens",
            "Tokens per encoder call",
            self.encoder_batch_tokens.clone(),
        );
        self.snapshot.register(registry);
        self
    }

    /// Counts a completed request.
    pub(super) fn record_request(
        &self,
        method: &Method,
        route: Option<&str>,
        status: u16,
        code: Option<&'static str>,
        duration: Duration,
    ) {
        // The route pattern: a label for every requested path would grow without bound.
        let route = route.unwrap_or("other");
        self.requests
            .get_or_create(&RequestLabels {
                method: method_label(method),
                route: route.to_owned(),
                status: status.into(),
            })
            .inc();
        self.request_duration
            .get_or_create(&RouteLabels {
                route: route.to_owned(),
            })
            .observe(duration.as_secs_f64());
        if REJECTED_STATUSES.contains(&status) {
            let reason = code.unwrap_or("other");
            self.rejected.get_or_create(&ReasonLabels { reason }).inc();
        }
    }

    /// Counts a request that was rejected because the queue was full.
    pub(super) fn record_rejected(
        &self,
        method: &Method,
        route: &'static str,
        limit: &'static str,
        duration: Duration,
    ) {
        self.record_request(method, Some(route), 503, Some("overloaded"), duration);
        self.record_shed(limit);
    }

    /// Records the time of a stage.
    pub(super) fn record_stage(&self, stage: &'static str, milliseconds: f64) {
        self.stage_duration
            .get_or_create(&StageLabels { stage })
            .observe(milliseconds / 1e3);
    }

    /// Counts a request that was shed because the service was at a limit.
    pub(super) fn record_shed(&self, limit: &'static str) {
        let labels = ReasonLabels { reason: limit };
        self.shed.get_or_create(&labels).inc();
    }

    /// Returns an observer that records every call of an encoder.
    pub(in crate::server) fn encode_observer(
        &self,
    ) -> impl Fn(EncodeStats) + Send + Sync + 'static {
        let texts = self.encoder_batch_texts.clone();
        let tokens = self.encoder_batch_tokens.clone();
        #[allow(clippy::cast_precision_loss)] // counts of what is in memory
        move |stats| {
            texts.observe(stats.texts as f64);
            tokens.observe(stats.tokens as f64);
        }
    }

    /// Returns all metrics as text.
    pub(in crate::server) fn scrape(
        &self,
        snapshot: &MetricsSnapshot,
    ) -> Result<String, std::fmt::Error> {
        self.snapshot.set(snapshot);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Returns the label of a method; unknown ones share a label, as clients may invent any number of them.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_values_are_scraped() {
        let metrics = Metrics::new();
        let duration = Duration::from_micros(300);
        metrics.record_request(&Method::GET, Some("/v1/search"), 200, None, duration);
        metrics.record_request(&Method::GET, None, 503, Some("overloaded"), duration);
        let unknown = Method::from_bytes(b"BREW").unwrap();
        metrics.record_request(&unknown, None, 405, Some("method_not_allowed"), duration);
        metrics.record_stage("encode", 2.0);
        metrics.record_shed("queue_full");
        let observer = metrics.encode_observer();
        observer(EncodeStats {
            texts: 3,
            tokens: 40,
        });
        let text = metrics.scrape(&MetricsSnapshot::default()).unwrap();
        for line in [
            "antiphon_requests_total{method=\"GET\",route=\"/v1/search\",status=\"200\"} 1",
            "antiphon_requests_total{method=\"other\",route=\"other\",status=\"405\"} 1",
            "antiphon_http_request_duration_seconds_bucket{le=\"0.00025\",route=\"/v1/search\"} 0",
            "antiphon_http_request_duration_seconds_bucket{le=\"0.0005\",route=\"/v1/search\"} 1",
            "antiphon_stage_duration_seconds_bucket{le=\"0.0025\",stage=\"encode\"} 1",
            "antiphon_rejected_total{reason=\"overloaded\"} 1",
            "antiphon_shed_total{reason=\"queue_full\"} 1",
            "antiphon_encoder_batch_texts_bucket{le=\"2.0\"} 0",
            "antiphon_encoder_batch_texts_bucket{le=\"4.0\"} 1",
            "antiphon_encoder_batch_tokens_sum 40.0",
            "antiphon_ready 0",
            "antiphon_build_info{version=\"0.1.0\"} 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in:\n{text}");
        }
        assert!(!text.contains("method_not_allowed"));
    }
}
