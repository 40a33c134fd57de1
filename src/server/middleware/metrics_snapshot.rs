//! Metrics that are collected when they are scraped.

use std::sync::atomic::Ordering;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::traces::SpanCounts;
use crate::archive::ArchiveStats;

/// The values at the time of a scrape.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::server) struct MetricsSnapshot {
    pub(in crate::server) requests_in_flight: usize,
    pub(in crate::server) archive: ArchiveStats,
    pub(in crate::server) lost_log_lines: u64,
    pub(in crate::server) spans: SpanCounts,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartLabels {
    part: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FileLabels {
    file: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// The registered metrics.
#[derive(Default)]
pub(super) struct SnapshotMetrics {
    requests_in_flight: Gauge,
    queue_depth: Gauge,
    write_queue_depth: Gauge,
    ready: Gauge,
    documents: Gauge,
    passages: Gauge,
    rows: Family<StateLabels, Gauge>,
    index_bytes: Family<PartLabels, Gauge>,
    posting_bytes: Gauge,
    store_bytes: Family<FileLabels, Gauge>,
    query_cache: Family<ResultLabels, Counter>,
    recall_searches: Family<OutcomeLabels, Counter>,
    recall_expected: Counter,
    recall_hits: Counter,
    lost_log_lines: Counter,
    spans: Family<OutcomeLabels, Counter>,
}

impl SnapshotMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        for (name, help, gauge) in [
            (
                "http_requests_in_flight",
                "HTTP requests in flight",
                &self.requests_in_flight,
            ),
            (
                "admission_queue_depth",
                "Requests waiting for a worker",
                &self.queue_depth,
            ),
            (
                "write_queue_depth",
                "Writes waiting in the write queue, streams included",
                &self.write_queue_depth,
            ),
            ("ready", "1 if the service is ready to search", &self.ready),
            (
                "snapshot_documents",
                "Documents in the current snapshot",
                &self.documents,
            ),
            (
                "snapshot_passages",
                "Passages in the current snapshot",
                &self.passages,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
        registry.register(
            "index_rows",
            "Rows of the index by segment: main, delta, tail (the append buffer); deleted rows (tombstones) are also counted in their segment",
            self.rows.clone(),
        );
        registry.register_with_unit(
            "index",
            "Memory used by the index, mapped or not",
            Unit::Bytes,
            self.index_bytes.clone(),
        );
        registry.register_with_unit(
            "posting_lists",
            "Memory used by posting lists",
            Unit::Bytes,
            self.posting_bytes.clone(),
        );
        registry.register_with_unit(
            "store",
            "Size of the files in the data directory",
            Unit::Bytes,
            self.store_bytes.clone(),
        );
        registry.register(
            "query_cache_requests",
            "Query embeddings by cache result: hit, miss or bypass",
            self.query_cache.clone(),
        );
        registry.register(
            "recall_searches",
            "Graph searches selected for the recall estimate: sampled or skipped",
            self.recall_searches.clone(),
        );
        registry.register(
            "recall_expected",
            "True nearest neighbours of sampled searches",
            self.recall_expected.clone(),
        );
        registry.register(
            "recall_hits",
            "True nearest neighbours that the graph search had returned",
            self.recall_hits.clone(),
        );
        registry.register(
            "log_lines_lost",
            "Lines that the log has lost because stderr was not read",
            self.lost_log_lines.clone(),
        );
        registry.register(
            "trace_spans",
            "Trace spans created, exported, and failed to export",
            self.spans.clone(),
        );
    }

    pub(super) fn set(&self, snapshot: &MetricsSnapshot) {
        let set = |gauge: &Gauge, value: usize| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.requests_in_flight, snapshot.requests_in_flight);
        set(&self.queue_depth, snapshot.archive.queue_depth);
        set(&self.write_queue_depth, snapshot.archive.write_queue_depth);
        set(&self.ready, usize::from(snapshot.archive.sizes.is_some()));
        if let Some(index) = &snapshot.archive.sizes {
            set(&self.documents, index.documents);
            set(&self.passages, index.passages);
            let rows = &index.rows;
            for (state, count) in [
                ("main", rows.total.saturating_sub(rows.delta + rows.tail)),
                ("delta", rows.delta),
                ("tail", rows.tail),
                ("deleted", rows.deleted),
            ] {
                set(&self.rows.get_or_create(&StateLabels { state }), count);
            }
            let part = |part| self.index_bytes.get_or_create(&PartLabels { part }).clone();
            set(&part("codes"), index.index_bytes.codes);
            set(&part("graph"), index.index_bytes.graph);
            set(&part("vectors"), index.index_bytes.vectors);
            let bytes = i64::try_from(index.posting_bytes).unwrap_or(i64::MAX);
            self.posting_bytes.set(bytes);
            let file = |file, bytes: u64| {
                let gauge = self.store_bytes.get_or_create(&FileLabels { file });
                gauge.set(i64::try_from(bytes).unwrap_or(i64::MAX));
            };
            file("database", index.disk.database_bytes);
            file("wal", index.disk.wal_bytes);
            file("index", index.disk.index_bytes);
        }
        // These are counted elsewhere; the registered counters take over the values.
        let copy = |counter: &Counter, value| counter.inner().store(value, Ordering::Relaxed);
        let cache = &snapshot.archive.query_cache;
        for (result, value) in [
            ("hit", cache.hits),
            ("miss", cache.misses),
            ("bypass", cache.bypassed),
        ] {
            let labels = ResultLabels { result };
            copy(&self.query_cache.get_or_create(&labels), value);
        }
        let count = |family: &Family<OutcomeLabels, Counter>, outcome, value| {
            copy(&family.get_or_create(&OutcomeLabels { outcome }), value);
        };
        count(
            &self.recall_searches,
            "sampled",
            snapshot.archive.recall.sampled,
        );
        count(
            &self.recall_searches,
            "skipped",
            snapshot.archive.recall.skipped,
        );
        copy(&self.recall_expected, snapshot.archive.recall.expected);
        copy(&self.recall_hits, snapshot.archive.recall.hits);
        copy(&self.lost_log_lines, snapshot.lost_log_lines);
        count(&self.spans, "made", snapshot.spans.made);
        count(&self.spans, "sent", snapshot.spans.sent);
        count(&self.spans, "failed", snapshot.spans.failed);
    }
}
