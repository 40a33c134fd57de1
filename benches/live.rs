//! Search latency during a bulk load, and the time until a new document is searchable.
//!
//! `BENCH_DATA` is a data directory (which is copied), `BENCH_MORE` a corpus that is not in it.

#![allow(clippy::expect_used, clippy::print_stdout, missing_docs)] // a benchmark that cannot run should fail with a message

#[allow(dead_code)] // this benchmark opens an existing store
mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use antiphon::corpus::{Corpus, CorpusLimits};
use antiphon::encoder::Embedding;
use antiphon::engine::{
    CompactionWorker, Engine, EngineOptions, IndexConfig, IngestOptions, NoIngestProgress,
};
use antiphon::index::{BuildOptions, BuildProgress, HnswParameters, KnnParams, NoBuildProgress};

const K: usize = 10;
const IDLE_DURATION: Duration = Duration::from_secs(10);

const QUERIES: &[&str] = &[
    "sovereignty in cyberspace",
    "small island states threatened by rising seas",
    "veto power in the Security Council should be abolished",
    "the two-State solution",
    "financing for sustainable development",
    "we congratulate the President of the General Assembly",
];

fn main() {
    let data = std::env::var_os("BENCH_DATA").expect("BENCH_DATA is a data directory");
    let new_corpus = std::env::var_os("BENCH_MORE").expect("BENCH_MORE is a corpus");
    let copy = tempfile::tempdir().expect("a temporary directory");
    for name in ["antiphon.db", "antiphon.index"] {
        let from = Path::new(&data).join(name);
        if from.exists() {
            std::fs::copy(from, copy.path().join(name)).expect("enough disk space for a copy");
        }
    }
    let encoder = support::encoder();
    let options = EngineOptions {
        reader_connections: 2,
        index: IndexConfig::Auto {
            exact_threshold: 0,
            hnsw: HnswParameters::default(),
        },
    };
    let queries = encoder.encode(QUERIES).expect("short texts");
    let start = Instant::now();
    let engine = Engine::open(copy.path(), encoder, options).expect("a data directory");
    let engine = Arc::new(engine);
    engine.publish().expect("the store can be read");
    println!("ready after {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    if engine
        .compact(BuildOptions::default(), &NoBuildProgress)
        .expect("valid parameters")
    {
        println!(
            "graph built and written after {:.1} s",
            start.elapsed().as_secs_f64()
        );
        drop(engine.publish());
    }
    let passages = || engine.snapshot().map_or(0, |s| s.info().passages);
    println!("{} passages", passages());

    let stop = AtomicBool::new(false);
    print_latencies(
        "idle",
        &search_until(&engine, &queries, || false, IDLE_DURATION),
    );
    measure_single_document(&engine, copy.path());
    let graphs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&graphs);
    let build_observer = move || -> Box<dyn BuildProgress> {
        counter.fetch_add(1, Ordering::Relaxed);
        Box::new(NoBuildProgress)
    };
    let compaction_worker =
        CompactionWorker::start(Arc::clone(&engine), BuildOptions::default(), build_observer)
            .expect("a thread");
    let loading = std::thread::scope(|scope| {
        let searches = scope.spawn(|| {
            let hour = Duration::from_hours(1);
            search_until(&engine, &queries, || stop.load(Ordering::Relaxed), hour)
        });
        let before = Instant::now();
        let report = engine.run_in_background(|| ingest(&engine, &[PathBuf::from(new_corpus)]));
        println!(
            "loaded {report} passages in {:.0} s",
            before.elapsed().as_secs_f64()
        );
        stop.store(true, Ordering::Relaxed);
        searches.join().expect("searches do not panic")
    });
    print_latencies("loading", &loading);
    let start = Instant::now();
    let is_compacted = || !engine.needs_compaction();
    print_latencies(
        "until compaction finishes",
        &search_until(&engine, &queries, is_compacted, Duration::from_mins(10)),
    );
    println!(
        "compaction took {:.1} s in {} graph builds",
        start.elapsed().as_secs_f64(),
        graphs.load(Ordering::Relaxed)
    );
    drop(compaction_worker);
    print_latencies(
        "afterwards",
        &search_until(&engine, &queries, || false, IDLE_DURATION),
    );
    println!("{} passages", passages());
}

fn ingest(engine: &Engine, paths: &[PathBuf]) -> usize {
    let corpus = Corpus::open(paths, &CorpusLimits::default()).expect("a corpus");
    let report = engine.ingest(&corpus, IngestOptions::default(), &NoIngestProgress);
    report.expect("the store can be written").passages
}

/// Measures, five times, how long it takes until a new document is searchable.
fn measure_single_document(engine: &Engine, folder: &Path) {
    let mut times = Vec::new();
    for name in 0..5 {
        let path = folder.join(format!("new-{name}.txt"));
        let text =
            format!("Statement number {name} on the price of tea in the harbour of Trieste.\n");
        std::fs::write(&path, text).expect("enough disk space for a file");
        let before = Instant::now();
        ingest(engine, &[path]);
        let ingested = before.elapsed();
        let before = Instant::now();
        engine.publish().expect("the store can be read");
        times.push((ingested, before.elapsed()));
    }
    times.sort_unstable();
    let (ingested, published) = times[times.len() / 2];
    println!(
        "one document: {:.1} ms from file to searchable; publishing alone takes {:.1} ms",
        ingested.as_secs_f64() * 1e3,
        published.as_secs_f64() * 1e3
    );
}

fn search_until(
    engine: &Engine,
    queries: &[Embedding],
    stop: impl Fn() -> bool,
    max_duration: Duration,
) -> Vec<Duration> {
    let mut times = Vec::new();
    let start = Instant::now();
    for query in queries.iter().cycle() {
        if stop() || start.elapsed() > max_duration {
            break;
        }
        let before = Instant::now();
        let snapshot = engine.snapshot().expect("published");
        let found = snapshot
            .nearest(query, &KnnParams::top_k(K))
            .expect("a valid query");
        times.push(before.elapsed());
        assert_eq!(found.neighbours.len(), K);
        // About a thousand queries per second, so that the loop does not occupy a core.
        std::thread::sleep(Duration::from_millis(1));
    }
    times.sort_unstable();
    times
}

fn print_latencies(what: &str, times: &[Duration]) {
    let at = |percent: usize| {
        let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times
            .get(index)
            .map_or(0.0, |time| time.as_secs_f64() * 1e6)
    };
    println!(
        "{what}: {} searches, median {:.0} µs, 99 % {:.0} µs",
        times.len(),
        at(50),
        at(99)
    );
}
