//! Numbers for Prometheus, in the text format of `OpenMetrics`.

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

/// The media type of what [`Metrics::scrape`] gives.
pub(in crate::server) const MEDIA_TYPE: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the histograms' buckets in seconds.
const BUCKETS: [f64; 17] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0,
];

/// Statuses of requests that were turned away rather than answered.
const TURNED_AWAY: &[u16] = &[401, 403, 408, 413, 429, 503];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// All metrics of a service.
pub(in crate::server) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Histograms<RouteLabels>,
    stage_seconds: Histograms<StageLabels>,
    rejected: Family<ReasonLabels, Counter>,
    shed: Family<ReasonLabels, Counter>,
    encoder_texts: Histogram,
    encoder_tokens: Histogram,
    gauges: SnapshotMetrics,
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
            request_seconds: Family::new_with_constructor(histogram),
            stage_seconds: Family::new_with_constructor(histogram),
            rejected: Family::default(),
            shed: Family::default(),
            encoder_texts: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            encoder_tokens: Histogram::new(exponential_buckets(4.0, 2.0, 14)),
            gauges: SnapshotMetrics::default(),
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let to = &mut self.registry;
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        to.register("build", "The program", Info::new(version));
        to.register("requests", "Requests answered", self.requests.clone());
        to.register(
            "request_seconds",
            "From a request's head to the last byte of its answer",
            self.request_seconds.clone(),
        );
        to.register(
            "stage_seconds",
            "The stages of answers, as in their Server-Timing header",
            self.stage_seconds.clone(),
        );
        to.register(
            "rejected",
            "Requests turned away, by the code of their problem",
            self.rejected.clone(),
        );
        to.register(
            "shed",
            "Requests turned away by a bound of the service, by that bound",
            self.shed.clone(),
        );
        to.register(
            "encoder_texts",
            "Texts encoded together, a call of the encoder each",
            self.encoder_texts.clone(),
        );
        to.register(
            "encoder_tokens",
            "Tokens encoded together, a call of the encoder each",
            self.encoder_tokens.clone(),
        );
        self.gauges.register(to);
        self
    }

    /// Counts a request that is over.
    pub(super) fn request(
        &self,
        method: &Method,
        route: Option<&str>,
        status: u16,
        code: Option<&'static str>,
        took: Duration,
    ) {
        // Patterns only: a label for each path that somebody tries would grow without end.
        let route = route.unwrap_or("other");
        self.requests
            .get_or_create(&RequestLabels {
                method: known(method),
                route: route.to_owned(),
                status: status.into(),
            })
            .inc();
        self.request_seconds
            .get_or_create(&RouteLabels {
                route: route.to_owned(),
            })
            .observe(took.as_secs_f64());
        if TURNED_AWAY.contains(&status) {
            let reason = code.unwrap_or("other");
            self.rejected.get_or_create(&ReasonLabels { reason }).inc();
        }
    }

    /// Counts a request that a full queue turned away.
    pub(super) fn turned_away(
        &self,
        method: &Method,
        route: &'static str,
        bound: &'static str,
        took: Duration,
    ) {
        self.request(method, Some(route), 503, Some("overloaded"), took);
        self.shed(bound);
    }

    /// Counts a stage of an answer.
    pub(super) fn stage(&self, stage: &'static str, milliseconds: f64) {
        self.stage_seconds
            .get_or_create(&StageLabels { stage })
            .observe(milliseconds / 1e3);
    }

    /// Counts a request that a bound of the service turned away.
    pub(super) fn shed(&self, bound: &'static str) {
        let labels = ReasonLabels { reason: bound };
        self.shed.get_or_create(&labels).inc();
    }

    /// Counts calls of an encoder, wherever they are made.
    pub(in crate::server) fn of_calls(&self) -> impl Fn(EncodeStats) + Send + Sync + 'static {
        let (texts, tokens) = (self.encoder_texts.clone(), self.encoder_tokens.clone());
        #[allow(clippy::cast_precision_loss)] // counts of what is in memory
        move |call| {
            texts.observe(call.texts as f64);
            tokens.observe(call.tokens as f64);
        }
    }

    /// All metrics as text.
    pub(in crate::server) fn scrape(
        &self,
        now: &MetricsSnapshot,
    ) -> Result<String, std::fmt::Error> {
        self.gauges.set(now);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// The method's name, if it is one of the usual: clients may make up others.
fn known(method: &Method) -> &'static str {
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
    fn what_is_counted_can_be_read() {
        let metrics = Metrics::new();
        let took = Duration::from_micros(300);
        metrics.request(&Method::GET, Some("/v1/search"), 200, None, took);
        metrics.request(&Method::GET, None, 503, Some("overloaded"), took);
        let strange = Method::from_bytes(b"BREW").unwrap();
        metrics.request(&strange, None, 405, Some("method_not_allowed"), took);
        metrics.stage("encode", 2.0);
        metrics.shed("queue_full");
        let call = metrics.of_calls();
        call(EncodeStats {
            texts: 3,
            tokens: 40,
        });
        let text = metrics.scrape(&MetricsSnapshot::default()).unwrap();
        for line in [
            "antiphon_requests_total{method=\"GET\",route=\"/v1/search\",status=\"200\"} 1",
            "antiphon_requests_total{method=\"other\",route=\"other\",status=\"405\"} 1",
            "antiphon_request_seconds_bucket{le=\"0.00025\",route=\"/v1/search\"} 0",
            "antiphon_request_seconds_bucket{le=\"0.0005\",route=\"/v1/search\"} 1",
            "antiphon_stage_seconds_bucket{le=\"0.0025\",stage=\"encode\"} 1",
            "antiphon_rejected_total{reason=\"overloaded\"} 1",
            "antiphon_shed_total{reason=\"queue_full\"} 1",
            "antiphon_encoder_texts_bucket{le=\"2.0\"} 0",
            "antiphon_encoder_texts_bucket{le=\"4.0\"} 1",
            "antiphon_encoder_tokens_sum 40.0",
            "antiphon_ready 0",
            "antiphon_build_info{version=\"0.1.0\"} 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in:\n{text}");
        }
        assert!(!text.contains("method_not_allowed"));
    }
}
