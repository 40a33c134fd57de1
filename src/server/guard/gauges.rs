//! Metrics that are looked up when they are read.

use std::sync::atomic::Ordering;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::traces::SpanCounts;
use crate::engine::{IndexRows, OnDisk};
use crate::index::IndexBytes;
use crate::search::CacheUse;
use crate::server::recheck::RecheckCounts;

/// What is looked up.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::server) struct Now {
    /// Requests being answered.
    pub(in crate::server) running: usize,
    /// Requests waiting for a core.
    pub(in crate::server) waiting: usize,
    /// Writers and streams waiting for their turn.
    pub(in crate::server) writers_waiting: usize,
    /// What is searched, once searches are answered.
    pub(in crate::server) searched: Option<Searched>,
    /// The use of the memory of queries.
    pub(in crate::server) cache: CacheUse,
    /// What repeating searches showed.
    pub(in crate::server) recheck: RecheckCounts,
    /// What has become of traces.
    pub(in crate::server) spans: SpanCounts,
}

/// The snapshot that is searched, and the files behind it.
#[derive(Debug, Clone, Copy)]
pub(in crate::server) struct Searched {
    pub(in crate::server) documents: usize,
    pub(in crate::server) passages: usize,
    pub(in crate::server) rows: IndexRows,
    pub(in crate::server) bytes: IndexBytes,
    pub(in crate::server) words: u64,
    pub(in crate::server) disk: OnDisk,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Part {
    part: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct File {
    file: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// The metrics themselves.
#[derive(Default)]
pub(super) struct Gauges {
    running: Gauge,
    waiting: Gauge,
    writers_waiting: Gauge,
    ready: Gauge,
    documents: Gauge,
    passages: Gauge,
    rows: Gauge,
    rows_folded: Gauge,
    rows_tail: Gauge,
    rows_deleted: Gauge,
    index_bytes: Family<Part, Gauge>,
    word_bytes: Gauge,
    store_bytes: Family<File, Gauge>,
    cache: Family<Outcome, Counter>,
    rechecks: Family<Outcome, Counter>,
    nearest: Counter,
    found: Counter,
    spans: Family<Outcome, Counter>,
}

impl Gauges {
    pub(super) fn register(&self, to: &mut Registry) {
        for (name, help, gauge) in [
            ("requests_running", "Requests being answered", &self.running),
            (
                "queue_waiting",
                "Requests waiting for a core",
                &self.waiting,
            ),
            (
                "writers_waiting",
                "Writers and streams waiting for their turn",
                &self.writers_waiting,
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
            self.word_bytes.clone(),
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
            self.cache.clone(),
        );
        to.register(
            "recall_searches",
            "Searches by graph chosen to be repeated exactly",
            self.rechecks.clone(),
        );
        to.register(
            "recall_nearest",
            "Passages nearest to what repeated searches looked for",
            self.nearest.clone(),
        );
        to.register(
            "recall_found",
            "Those of the nearest passages that the graph had found",
            self.found.clone(),
        );
        to.register(
            "trace_spans",
            "Spans of traces made, sent, and not taken by the collector",
            self.spans.clone(),
        );
    }

    pub(super) fn set(&self, now: &Now) {
        let set = |gauge: &Gauge, value: usize| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.running, now.running);
        set(&self.waiting, now.waiting);
        set(&self.writers_waiting, now.writers_waiting);
        set(&self.ready, usize::from(now.searched.is_some()));
        if let Some(searched) = &now.searched {
            set(&self.documents, searched.documents);
            set(&self.passages, searched.passages);
            set(&self.rows, searched.rows.all);
            set(&self.rows_folded, searched.rows.folded);
            set(&self.rows_tail, searched.rows.tail);
            set(&self.rows_deleted, searched.rows.deleted);
            let part = |part| self.index_bytes.get_or_create(&Part { part }).clone();
            set(&part("codes"), searched.bytes.codes);
            set(&part("graph"), searched.bytes.graph);
            set(&part("vectors"), searched.bytes.vectors);
            let bytes = i64::try_from(searched.words).unwrap_or(i64::MAX);
            self.word_bytes.set(bytes);
            let file = |file, bytes: u64| {
                let gauge = self.store_bytes.get_or_create(&File { file });
                gauge.set(i64::try_from(bytes).unwrap_or(i64::MAX));
            };
            file("database", searched.disk.database);
            file("log", searched.disk.log);
            file("index", searched.disk.index);
        }
        // Counted elsewhere; here they only take over the number.
        let count = |family: &Family<Outcome, Counter>, outcome, value| {
            let counter = family.get_or_create(&Outcome { outcome });
            counter.inner().store(value, Ordering::Relaxed);
        };
        count(&self.cache, "hit", now.cache.hits);
        count(&self.cache, "miss", now.cache.misses);
        count(&self.cache, "bypass", now.cache.bypassed);
        count(&self.rechecks, "repeated", now.recheck.repeated);
        count(&self.rechecks, "left_out", now.recheck.left_out);
        let copy = |counter: &Counter, value| counter.inner().store(value, Ordering::Relaxed);
        copy(&self.nearest, now.recheck.nearest);
        copy(&self.found, now.recheck.found);
        count(&self.spans, "made", now.spans.made);
        count(&self.spans, "sent", now.spans.sent);
        count(&self.spans, "failed", now.spans.failed);
    }
}
