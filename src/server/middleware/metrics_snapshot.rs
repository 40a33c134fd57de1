//! Metrics that are looked up when they are read.

use std::sync::atomic::Ordering;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::traces::SpanCounts;
use crate::engine::{DiskUsage, IndexRowCounts};
use crate::index::IndexBytes;
use crate::search::CacheStats;
use crate::server::recall_monitor::RecallCounts;

/// What is looked up.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::server) struct MetricsSnapshot {
    /// Requests being answered.
    pub(in crate::server) requests_in_flight: usize,
    /// Requests waiting for a core.
    pub(in crate::server) queue_depth: usize,
    /// Writers and streams waiting for their turn.
    pub(in crate::server) write_queue_depth: usize,
    /// What is searched, once searches are answered.
    pub(in crate::server) index: Option<IndexMetrics>,
    /// The use of the memory of queries.
    pub(in crate::server) query_cache: CacheStats,
    /// What repeating searches showed.
    pub(in crate::server) recall: RecallCounts,
    /// What has become of traces.
    pub(in crate::server) spans: SpanCounts,
}

/// The snapshot that is searched, and the files behind it.
#[derive(Debug, Clone, Copy)]
pub(in crate::server) struct IndexMetrics {
    pub(in crate::server) documents: usize,
    pub(in crate::server) passages: usize,
    pub(in crate::server) rows: IndexRowCounts,
    pub(in crate::server) bytes: IndexBytes,
    pub(in crate::server) posting_bytes: u64,
    pub(in crate::server) disk: DiskUsage,
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
struct OutcomeLabels {
    outcome: &'static str,
}

/// The metrics themselves.
#[derive(Default)]
pub(super) struct SnapshotMetrics {
    requests_in_flight: Gauge,
    queue_depth: Gauge,
    write_queue_depth: Gauge,
    ready: Gauge,
    documents: Gauge,
    passages: Gauge,
    rows: Gauge,
    rows_folded: Gauge,
    rows_tail: Gauge,
    rows_deleted: Gauge,
    index_bytes: Family<PartLabels, Gauge>,
    posting_bytes: Gauge,
    store_bytes: Family<FileLabels, Gauge>,
    query_cache: Family<OutcomeLabels, Counter>,
    recall_searches: Family<OutcomeLabels, Counter>,
    recall_expected: Counter,
    recall_hits: Counter,
    spans: Family<OutcomeLabels, Counter>,
}

impl SnapshotMetrics {
    pub(super) fn register(&self, to: &mut Registry) {
        for (name, help, gauge) in [
            (
                "requests_running",
                "Requests being answered",
                &self.requests_in_flight,
            ),
            (
                "queue_waiting",
                "Requests waiting for a core",
                &self.queue_depth,
            ),
            (
                "writers_waiting",
                "Writers and streams waiting for their turn",
                &self.write_queue_depth,
            ),
            ("ready", "1 if searches are answered", &self.ready),
            ("snapshot_documents", "Documents searched", &self.documents),
            ("snapshot_passages", "Passages searched", &self.passages),
            (
                "index_rows",
                "Rows of the index, also deleted ones",
                &self.rows,
            ),
            (
                "index_rows_folded",
                "Rows of the index in its second, smaller graph",
                &self.rows_folded,
            ),
            (
                "index_rows_tail",
                "Rows of the index in no graph",
                &self.rows_tail,
            ),
            (
                "index_rows_deleted",
                "Rows of the index that are not found any more",
                &self.rows_deleted,
            ),
        ] {
            to.register(name, help, gauge.clone());
        }
        to.register_with_unit(
            "index",
            "What the index takes in memory, mapped or not",
            Unit::Bytes,
            self.index_bytes.clone(),
        );
        to.register_with_unit(
            "word_lists",
            "What the lists of who holds a word take in memory",
            Unit::Bytes,
            self.posting_bytes.clone(),
        );
        to.register_with_unit(
            "store",
            "What the files of the data directory take",
            Unit::Bytes,
            self.store_bytes.clone(),
        );
        to.register(
            "query_embeddings",
            "Texts of queries: found in the cache, encoded for it, or past it",
            self.query_cache.clone(),
        );
        to.register(
            "recall_searches",
            "Searches by graph chosen to be repeated exactly",
            self.recall_searches.clone(),
        );
        to.register(
            "recall_nearest",
            "Passages nearest to what repeated searches looked for",
            self.recall_expected.clone(),
        );
        to.register(
            "recall_found",
            "Those of the nearest passages that the graph had found",
            self.recall_hits.clone(),
        );
        to.register(
            "trace_spans",
            "Spans of traces made, sent, and not taken by the collector",
            self.spans.clone(),
        );
    }

    pub(super) fn set(&self, snapshot: &MetricsSnapshot) {
        let set = |gauge: &Gauge, value: usize| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.requests_in_flight, snapshot.requests_in_flight);
        set(&self.queue_depth, snapshot.queue_depth);
        set(&self.write_queue_depth, snapshot.write_queue_depth);
        set(&self.ready, usize::from(snapshot.index.is_some()));
        if let Some(searched) = &snapshot.index {
            set(&self.documents, searched.documents);
            set(&self.passages, searched.passages);
            set(&self.rows, searched.rows.total);
            set(&self.rows_folded, searched.rows.delta);
            set(&self.rows_tail, searched.rows.tail);
            set(&self.rows_deleted, searched.rows.deleted);
            let part = |part| self.index_bytes.get_or_create(&PartLabels { part }).clone();
            set(&part("codes"), searched.bytes.codes);
            set(&part("graph"), searched.bytes.graph);
            set(&part("vectors"), searched.bytes.vectors);
            let bytes = i64::try_from(searched.posting_bytes).unwrap_or(i64::MAX);
            self.posting_bytes.set(bytes);
            let file = |file, bytes: u64| {
                let gauge = self.store_bytes.get_or_create(&FileLabels { file });
                gauge.set(i64::try_from(bytes).unwrap_or(i64::MAX));
            };
            file("database", searched.disk.database_bytes);
            file("log", searched.disk.wal_bytes);
            file("index", searched.disk.index_bytes);
        }
        // Counted elsewhere; here they only take over the number.
        let count = |family: &Family<OutcomeLabels, Counter>, outcome, value| {
            let counter = family.get_or_create(&OutcomeLabels { outcome });
            counter.inner().store(value, Ordering::Relaxed);
        };
        count(&self.query_cache, "hit", snapshot.query_cache.hits);
        count(&self.query_cache, "miss", snapshot.query_cache.misses);
        count(&self.query_cache, "bypass", snapshot.query_cache.bypassed);
        count(&self.recall_searches, "repeated", snapshot.recall.sampled);
        count(&self.recall_searches, "left_out", snapshot.recall.skipped);
        let copy = |counter: &Counter, value| counter.inner().store(value, Ordering::Relaxed);
        copy(&self.recall_expected, snapshot.recall.expected);
        copy(&self.recall_hits, snapshot.recall.hits);
        count(&self.spans, "made", snapshot.spans.made);
        count(&self.spans, "sent", snapshot.spans.sent);
        count(&self.spans, "failed", snapshot.spans.failed);
    }
}
