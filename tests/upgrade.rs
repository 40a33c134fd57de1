//! Stores of earlier versions: they open, or are refused with a message that says why.
//!
//! `tests/fixtures/stores/README.md` tells how each of them was made. A store that was opened once by a
//! released version must open for good: a new schema version adds a fixture, and none is ever replaced.

mod interrupted;
mod program;
mod refused;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use antiphon::encoder::Encoder;
use antiphon::engine::{Engine, IngestOptions, Snapshot};
use antiphon::search::{CacheMode, Mode, Query, QueryEncoder, QueryParams, search};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::support;

/// The schema that today's program writes.
const CURRENT_VERSION: usize = 5;

/// Hits that every fixture gives: mode, query, id of the first passage.
const HITS: &[(Mode, &str, &str)] = &[
    (
        Mode::Semantic,
        "children who cannot go to class",
        "school#p1",
    ),
    (
        Mode::Semantic,
        "a limit on how much each ship may catch",
        "harbour#p2",
    ),
    (Mode::Keyword, "otztal", "glacier#p1"),
    (Mode::Keyword, "herr*", "harbour#p1"),
    (Mode::Keyword, "\"право, а не товар\"", "медицина#p1"),
    (
        Mode::Hybrid,
        "rich countries keep their vaccines",
        "медицина#p1",
    ),
];

fn fixtures() -> PathBuf {
    support::root().join("tests/fixtures/stores")
}

/// Copies a fixture into a data directory of its own.
fn copy(fixture: &str) -> TempDir {
    let data = TempDir::new().unwrap();
    copy_into(fixture, data.path());
    data
}

fn copy_into(fixture: &str, directory: &Path) {
    for entry in fs::read_dir(fixtures().join(fixture)).unwrap() {
        let from = entry.unwrap().path();
        fs::copy(&from, directory.join(from.file_name().unwrap())).unwrap();
    }
}

/// The bytes of the database and of its WAL.
fn bytes(directory: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    ["antiphon.db", "antiphon.db-wal"]
        .into_iter()
        .map(|name| (name, fs::read(directory.join(name)).unwrap_or_default()))
        .collect()
}

/// Our kernels in f32, loaded once.
fn f32_encoder() -> Arc<dyn Encoder> {
    static ENCODER: LazyLock<Arc<dyn Encoder>> = LazyLock::new(|| support::f32_encoder(None));
    Arc::clone(&ENCODER)
}

fn open(data: &TempDir, encoder: &Arc<dyn Encoder>) -> Engine {
    Engine::open(data.path(), Arc::clone(encoder), support::OPTIONS).unwrap()
}

/// The id of the passage that a query finds first.
fn first(
    snapshot: &Snapshot,
    encoder: &Arc<dyn Encoder>,
    mode: Mode,
    text: &str,
) -> Option<String> {
    let query = Query::new(QueryParams {
        text: Some(text.to_owned()),
        mode,
        ..QueryParams::default()
    });
    let encoder = QueryEncoder::new(Arc::clone(encoder));
    let response = search(snapshot, &encoder, &query.unwrap(), CacheMode::Bypass).unwrap();
    response.hits.first().map(|hit| hit.passage.id())
}

fn connect(directory: &Path) -> Connection {
    Connection::open(directory.join("antiphon.db")).unwrap()
}

fn version(connection: &Connection) -> usize {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}

/// Names in the schema, shadow tables and `SQLite`'s own left out.
fn names(connection: &Connection) -> Vec<String> {
    let mut statement = connection
        .prepare(
            "SELECT name FROM sqlite_schema
             WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name NOT LIKE 'passages!_fts!_%' ESCAPE '!'
             ORDER BY name",
        )
        .unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.collect::<rusqlite::Result<_>>().unwrap()
}

/// Checks that a database has today's schema and that `SQLite` and FTS5 find nothing wrong with it.
#[track_caller]
fn check_database(directory: &Path) {
    let connection = connect(directory);
    assert_eq!(version(&connection), CURRENT_VERSION);
    let integrity: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(integrity, "ok");
    // With rank 1 the index is also compared with the texts of the passages.
    connection
        .execute_batch(
            "INSERT INTO passages_fts (passages_fts, rank) VALUES ('integrity-check', 1)",
        )
        .unwrap();
    let expected = [
        "documents",
        "documents_by_id",
        "embeddings",
        "fts_vocab",
        "meta",
        "passages",
        "passages_ad",
        "passages_ai",
        "passages_by_key",
        "passages_fts",
        "sentences",
    ];
    assert_eq!(names(&connection), expected);
}

/// The fixtures' corpus without one document and with another.
fn changed_corpus() -> TempDir {
    let folder = TempDir::new().unwrap();
    let corpus = fixtures().join("corpus");
    for name in ["harbour.txt", "metadata.csv"] {
        fs::copy(corpus.join(name), folder.path().join(name)).unwrap();
    }
    let lines = fs::read_to_string(corpus.join("statements.jsonl")).unwrap();
    let kept: Vec<&str> = lines
        .lines()
        .filter(|l| !l.contains("\"school\""))
        .collect();
    assert_eq!(kept.len(), 2);
    fs::write(folder.path().join("statements.jsonl"), kept.join("\n")).unwrap();
    let bridge = "The old bridge over the river fell in the flood, and both banks rebuilt it.";
    fs::write(folder.path().join("bridge.txt"), bridge).unwrap();
    folder
}

/// Opens a store of a schema version, searches it, changes it, and opens it again.
fn check_fixture(fixture: &str, schema: usize, encoder: &Arc<dyn Encoder>) {
    let data = copy(fixture);
    assert_eq!(version(&connect(copy(fixture).path())), schema, "{fixture}");
    let engine = open(&data, encoder);
    let snapshot = engine.publish().unwrap();
    let facts = snapshot.info();
    assert_eq!((facts.documents, facts.passages), (4, 5), "{fixture}");
    for (mode, text, expected) in HITS {
        let found = first(&snapshot, encoder, *mode, text);
        assert_eq!(found.as_deref(), Some(*expected), "{fixture}: {text}");
    }
    let modified_at = snapshot.view().modified_at().unwrap();
    drop(snapshot);

    let folder = changed_corpus();
    let options = IngestOptions {
        prune: true,
        ..IngestOptions::default()
    };
    let report = support::ingest(&engine, &[folder.path().to_owned()], options);
    assert_eq!((report.read, report.added), (4, 1), "{report:?}");
    assert_eq!(report.removed, ["school"]);
    drop(engine);
    check_database(data.path());

    let engine = open(&data, encoder);
    let snapshot = engine.publish().unwrap();
    assert_eq!(snapshot.info().documents, 4);
    assert!(snapshot.view().modified_at().unwrap() >= modified_at);
    for (mode, text, expected) in HITS {
        if !expected.starts_with("school") {
            let found = first(&snapshot, encoder, *mode, text);
            assert_eq!(found.as_deref(), Some(*expected), "{fixture}: {text}");
        }
    }
    for (mode, text, expected) in [
        (Mode::Keyword, "treasure", None),
        (Mode::Keyword, "bridge", Some("bridge#p1")),
        (
            Mode::Semantic,
            "a way to cross the water was repaired",
            Some("bridge#p1"),
        ),
        (Mode::Hybrid, "bridge over a river", Some("bridge#p1")),
    ] {
        let found = first(&snapshot, encoder, mode, text);
        assert_eq!(found.as_deref(), expected, "{fixture}: {text}");
    }
}

#[test]
fn stores_of_the_first_program_open_in_f32() {
    check_fixture("v1-first", 1, &f32_encoder());
}

#[test]
fn stores_of_version_1_open_in_f32() {
    check_fixture("v1-f32", 1, &f32_encoder());
}

#[test]
fn stores_of_version_2_open() {
    check_fixture("v2", 2, &support::encoder());
}

#[test]
fn stores_of_version_2_open_after_their_program_was_killed() {
    check_fixture("v2-killed", 2, &support::encoder());
}

#[test]
fn stores_of_version_3_open() {
    check_fixture("v3", 3, &support::encoder());
}
