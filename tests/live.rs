//! The index stays consistent with the store: across restarts, changes, damage, and concurrent searches.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use antiphon::encoder::Embedding;
use antiphon::engine::{
    CompactionWorker, Engine, EngineOptions, IndexConfig, IngestOptions, Snapshot,
};
use antiphon::index::{BuildOptions, HnswParameters, KnnParams, NoBuildProgress};
use antiphon::search::{CacheMode, Query, QueryEncoder, QueryParams, search};
use antiphon::store::View;
use serde_json::json;
use tempfile::TempDir;

use crate::support;
use crate::support::client::send;
use crate::support::process::{SAMPLES, ServeProcess};

/// Builds a graph even for a few passages.
const GRAPH: EngineOptions = EngineOptions {
    reader_connections: 2,
    index: IndexConfig::Hnsw(HnswParameters {
        m: 16,
        ef_construction: 200,
        ef_search: 96,
    }),
};

fn engine(data: &TempDir) -> Engine {
    Engine::open(data.path(), support::encoder(), GRAPH).unwrap()
}

fn compact(engine: &Engine) -> bool {
    engine
        .compact(BuildOptions::default(), &NoBuildProgress)
        .unwrap()
}

fn query(text: &str) -> Embedding {
    support::encoder().encode(&[text]).unwrap().remove(0)
}

/// Returns the ids of the passages nearest to a text.
fn nearest_ids(snapshot: &Snapshot, text: &str, k: usize) -> Vec<String> {
    let nearest = snapshot
        .nearest(&query(text), &KnnParams::top_k(k))
        .unwrap();
    let rows = nearest.neighbours.iter();
    let keys: Vec<_> = rows.map(|n| snapshot.key_of(n.row).unwrap()).collect();
    let hits = snapshot.view().hit_records(&keys).unwrap();
    hits.iter().map(|hit| hit.passage.id()).collect()
}

fn documents(folder: &TempDir, names: std::ops::Range<u32>, about: &str) {
    for name in names {
        let text =
            format!("Document {name} speaks of {about}, and of the number {name} at length.\n");
        fs::write(folder.path().join(format!("d{name}.txt")), text).unwrap();
    }
}

fn ingest(engine: &Engine, folder: &TempDir, prune: bool) {
    let options = IngestOptions {
        prune,
        ..IngestOptions::default()
    };
    support::ingest(engine, &[folder.path().to_owned()], options);
}

#[test]
fn a_restart_loads_the_graph_and_applies_later_changes() {
    let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    documents(&folder, 0..40, "the sea");
    let first = engine(&data);
    ingest(&first, &folder, false);
    first.publish().unwrap();
    assert!(compact(&first), "there is no graph yet");
    assert!(!compact(&first), "nothing has changed");
    let id = first.snapshot().unwrap().info().id.clone();
    let before = nearest_ids(&first.snapshot().unwrap(), "waves of the sea", 10);
    drop(first);

    let second = engine(&data);
    let snapshot = second.publish().unwrap();
    assert_eq!(snapshot.info().id, id, "the same file is the same snapshot");
    assert_eq!(nearest_ids(&snapshot, "waves of the sea", 10), before);
    drop(snapshot);
    // Changes that are not published, as of a killed process.
    documents(&folder, 3..6, "the mountains");
    fs::remove_file(folder.path().join("d7.txt")).unwrap();
    documents(&folder, 40..42, "the mountains");
    ingest(&second, &folder, true);
    drop(second);

    let third = engine(&data);
    let snapshot = third.publish().unwrap();
    assert_eq!(snapshot.info().passages, 41);
    let mut mountains = nearest_ids(&snapshot, "high mountains", 5);
    mountains.sort();
    assert_eq!(mountains, ["d3#p1", "d4#p1", "d40#p1", "d41#p1", "d5#p1"]);
    let all = nearest_ids(&snapshot, "the sea", 41);
    assert_eq!(all.len(), 41);
    assert!(!all.contains(&"d7#p1".to_owned()), "deleted");
}

#[test]
fn a_damaged_or_foreign_index_is_rebuilt() {
    let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    documents(&folder, 0..20, "the sea");
    let first = engine(&data);
    ingest(&first, &folder, false);
    first.publish().unwrap();
    compact(&first);
    let expected = nearest_ids(&first.snapshot().unwrap(), "the sea", 20);
    drop(first);
    let path = data.path().join("antiphon.index");
    let good = fs::read(&path).unwrap();
    let mut flipped = good.clone();
    flipped[6000] ^= 4;
    for bytes in [&b"not an index"[..], &good[..5000], &flipped, &[]] {
        fs::write(&path, bytes).unwrap();
        let again = engine(&data);
        let snapshot = again.publish().unwrap();
        assert_eq!(
            snapshot.info().index,
            "exact",
            "exact scans until the graph is rebuilt"
        );
        assert_eq!(nearest_ids(&snapshot, "the sea", 20), expected);
        assert!(compact(&again));
        assert_eq!(fs::read(&path).unwrap().len(), good.len());
    }
    // The index file of another store.
    let other = TempDir::new().unwrap();
    fs::copy(&path, other.path().join("antiphon.index")).unwrap();
    let engine = engine(&other);
    ingest(&engine, &folder, false);
    assert_eq!(engine.publish().unwrap().info().index, "exact");
}

#[test]
fn a_restored_backup_is_not_mixed_with_a_later_index() {
    let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    documents(&folder, 0..10, "the sea");
    let first = engine(&data);
    ingest(&first, &folder, false);
    drop(first);
    let database = data.path().join("antiphon.db");
    let backup = fs::read(&database).unwrap();
    // Ten more documents, with keys that are not in the backup.
    documents(&folder, 10..20, "the sea");
    let later = engine(&data);
    ingest(&later, &folder, false);
    later.publish().unwrap();
    compact(&later);
    drop(later);
    for file in ["antiphon.db-wal", "antiphon.db-shm"] {
        // They exist only if the last connection to close was a reader's.
        let _ = fs::remove_file(data.path().join(file));
    }
    fs::write(&database, backup).unwrap();
    // The same keys are assigned to other texts.
    for name in 10..20 {
        fs::remove_file(folder.path().join(format!("d{name}.txt"))).unwrap();
    }
    documents(&folder, 20..30, "mountains and snow");
    let restored = engine(&data);
    ingest(&restored, &folder, false);
    let snapshot = restored.publish().unwrap();
    assert_eq!(snapshot.info().passages, 20);
    let text = "Document 25 speaks of mountains and snow, and of the number 25 at length.";
    let nearest = snapshot
        .nearest(&query(text), &KnnParams::top_k(1))
        .unwrap();
    assert!(
        nearest.neighbours[0].score > 0.999,
        "the vector of this text, not of the one that had its key before"
    );
    assert_eq!(nearest_ids(&snapshot, text, 1), ["d25#p1"]);
}

#[test]
fn searches_stay_consistent_during_changes_and_compaction() {
    let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    documents(&folder, 0..30, "the sea");
    let engine = engine(&data);
    ingest(&engine, &folder, false);
    engine.publish().unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let query = query("the sea");
                while !done.load(Ordering::Relaxed) {
                    let snapshot = engine.snapshot().unwrap();
                    let passages = snapshot.info().passages;
                    let request = KnnParams::top_k(passages + 5);
                    let nearest = snapshot.nearest(&query, &request).unwrap().neighbours;
                    assert_eq!(
                        nearest.len(),
                        passages,
                        "exactly the passages of the snapshot"
                    );
                    let rows = nearest.iter();
                    let keys: Vec<_> = rows.map(|n| snapshot.key_of(n.row).unwrap()).collect();
                    assert_eq!(snapshot.view().hit_records(&keys).unwrap().len(), passages);
                }
            });
        }
        for round in 0..6 {
            documents(
                &folder,
                round * 5..round * 5 + 8,
                &format!("the sea in year {round}"),
            );
            fs::remove_file(folder.path().join(format!("d{}.txt", round * 5 + 1))).unwrap();
            ingest(&engine, &folder, true);
            let published = engine.publish().unwrap();
            let text = format!("the sea in year {round}");
            assert!(!nearest_ids(&published, &text, 3).is_empty());
            compact(&engine);
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn the_compaction_worker_builds_the_graph_and_stops_when_dropped() {
    let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    documents(&folder, 0..20, "the harbour");
    let engine = Arc::new(engine(&data));
    engine.run_in_background(|| ingest(&engine, &folder, false));
    let before = engine.publish().unwrap();
    assert_eq!(before.info().index, "exact");
    let worker = CompactionWorker::start(Arc::clone(&engine), BuildOptions::default(), || {
        Box::new(NoBuildProgress)
    })
    .unwrap();
    while engine.needs_compaction() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let after = engine.snapshot().unwrap();
    assert!(after.info().index.starts_with("hnsw"));
    assert_eq!(
        nearest_ids(&after, "the harbour", 20).len(),
        nearest_ids(&before, "the harbour", 20).len()
    );
    drop(worker);
    assert_eq!(Arc::strong_count(&engine), 1, "the thread has ended");
}

#[test]
fn paging_through_a_graph_returns_every_passage_once() {
    let (data, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    documents(&folder, 0..1_500, "the sea");
    let engine = engine(&data);
    ingest(&engine, &folder, false);
    engine.publish().unwrap();
    assert!(compact(&engine));
    let snapshot = engine.snapshot().unwrap();
    let encoder = QueryEncoder::new(support::encoder());
    let page = |offset, limit| {
        let params = QueryParams {
            text: Some("seven ships at sea".to_owned()),
            offset,
            limit,
            ef: Some(5),
            ..QueryParams::default()
        };
        let query = Query::new(params).unwrap();
        let results = search(&snapshot, &encoder, &query, CacheMode::Bypass).unwrap();
        let scores: Vec<f32> = results.hits.iter().map(|hit| hit.score).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{offset}");
        let used_graph = results.stats.nodes_visited > 0;
        let ids = results.hits.iter().map(|hit| hit.passage.id());
        (ids.collect::<Vec<_>>(), results.has_more, used_graph)
    };
    let (mut all_ids, mut graph_pages) = (Vec::new(), 0);
    for limit in [7, 40, 100].into_iter().cycle() {
        let (ids, has_more, used_graph) = page(all_ids.len(), limit);
        graph_pages += usize::from(used_graph);
        all_ids.extend(ids);
        if !has_more {
            break;
        }
    }
    assert!(graph_pages > 1, "the first pages use the graph");
    assert_eq!(all_ids.len(), 1_500);
    let distinct: std::collections::HashSet<_> = all_ids.iter().collect();
    assert_eq!(distinct.len(), 1_500);
}

#[test]
fn the_wal_stays_short_while_snapshots_are_open() {
    let (data, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let engine = engine(&data);
    engine.publish().unwrap();
    let wal_bytes = || {
        fs::metadata(data.path().join("antiphon.db-wal"))
            .unwrap()
            .len()
    };
    let mut longest = 0;
    for number in 0..10 {
        let document = json!({
            "id": format!("d{number}"),
            "text": "The fleet left the harbour.",
            "note": "a".repeat(3 << 20),
        });
        fs::write(folder.path().join("a.jsonl"), document.to_string()).unwrap();
        ingest(&engine, &folder, false);
        longest = longest.max(wal_bytes());
        let snapshot = engine.snapshot().unwrap();
        assert_eq!(snapshot.info().documents, number + 1);
        assert_eq!(nearest_ids(&snapshot, "ships", 20).len(), number + 1);
    }
    assert!(longest > 8 << 20, "the limit was exceeded at least once");
    assert!(longest < 16 << 20, "{longest}");
}

#[test]
fn a_stopped_service_leaves_no_wal() {
    let folder = TempDir::new().unwrap();
    let served = ServeProcess::start(&folder, &SAMPLES, &[("ANTIPHON_DATA_DIR", "data")]);
    // Cached parallels keep a view of the store open.
    let (a, b) = ("un-cyber-statement-2015", "chatham-house-cyber-2016");
    let pairs = format!("/v1/documents/{a}/parallels/{b}");
    assert_eq!(send("GET", served.address, &pairs, None).status, 200);
    let body = r#"{"text": "The harvest failed twice."}"#;
    let written = send("PUT", served.address, "/v1/documents/c", Some(body));
    assert_eq!(written.status, 201, "{}", written.body);
    assert_eq!(send("GET", served.address, &pairs, None).status, 200);
    served.signal("TERM");
    served.wait_for_success();
    let data = folder.path().join("data");
    assert!(data.join("antiphon.db").is_file());
    assert!(!data.join("antiphon.db-wal").exists());
}

/// Returns documents, keys and vectors of a snapshot in order.
fn layout(snapshot: &Snapshot) -> Vec<String> {
    let table = snapshot.document_table();
    let mut lines = Vec::new();
    for (index, document) in (0..).zip(table.documents()) {
        lines.push(format!("{document:?}"));
        for (row, ordinal) in table.rows_of_document(index as usize).iter().zip(1..) {
            let key = snapshot.key_of(*row).unwrap();
            assert_eq!(table.row_of_passage(key), Some(*row));
            assert_eq!(table.location_of_row(*row), Some((index, ordinal)));
            assert_eq!(table.row_at(document.id.as_str(), ordinal), Some(*row));
            lines.push(format!("{key:?} {:?}", snapshot.vector_of(*row).unwrap()));
        }
    }
    lines
}

#[test]
fn an_incremental_snapshot_equals_a_new_one() {
    let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    documents(&folder, 10..30, "the sea");
    let engine = engine(&data);
    let mut steps: Vec<Box<dyn Fn()>> = vec![
        Box::new(|| {}),
        // Ids before, among and after the existing ones.
        Box::new(|| documents(&folder, 1..2, "the first mountain")),
        Box::new(|| documents(&folder, 20..23, "mountains instead")),
        Box::new(|| documents(&folder, 90..95, "the last mountain")),
        Box::new(|| {
            let titles = "file,title\nd12.txt,Twelve\nd91.txt,Ninety-one\n";
            fs::write(folder.path().join("metadata.csv"), titles).unwrap();
        }),
        Box::new(|| {
            for name in [1, 15, 21, 94] {
                fs::remove_file(folder.path().join(format!("d{name}.txt"))).unwrap();
            }
            documents(&folder, 13..15, "everything at once");
        }),
    ];
    steps.push(Box::new(|| {
        assert!(compact(&engine), "rows are renumbered");
        documents(&folder, 40..42, "what comes after a graph");
    }));
    steps.push(Box::new(|| {
        fs::remove_dir_all(folder.path()).unwrap();
        fs::create_dir(folder.path()).unwrap();
        documents(&folder, 3..4, "nothing else");
    }));
    for step in steps {
        step();
        ingest(&engine, &folder, true);
        let incremental = engine.publish().unwrap();
        let rebuilt = Snapshot::new_exact(View::open(data.path()).unwrap()).unwrap();
        assert_eq!(layout(&incremental), layout(&rebuilt));
        let (incremental, rebuilt) = (incremental.info(), rebuilt.info());
        assert_eq!(incremental.corpus_hash, rebuilt.corpus_hash);
        assert_eq!(incremental.passages, rebuilt.passages);
        assert_eq!(incremental.documents, rebuilt.documents);
    }
}
