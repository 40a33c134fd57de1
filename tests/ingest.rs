//! Ingesting a corpus: stored documents, repeated runs, damage, interruption.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use antiphon::engine::{Engine, IngestOptions};
use antiphon::index::KnnParams;
use antiphon::store::{DATABASE_FILE, Store, StoreError, View};
use tempfile::TempDir;

use crate::support::{self, ingest};

const A: &str = "States agreed that the Charter applies to the digital world as well.";
const B: &str = "The harvest failed twice and the price of bread doubled by winter.";

fn corpus(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn paths(folder: &TempDir) -> Vec<PathBuf> {
    vec![folder.path().to_owned()]
}

/// Returns all stored documents as text.
fn contents(engine: &Engine) -> String {
    let snapshot = engine.publish().unwrap();
    let view = snapshot.view();
    view.documents(None, 1000)
        .unwrap()
        .iter()
        .map(|summary| format!("{summary:?} {:?}", view.document(&summary.id).unwrap()))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_second_run_changes_nothing_and_a_changed_file_is_updated() {
    let folder = corpus(&[("a.txt", A), ("b.txt", B)]);
    let data = TempDir::new().unwrap();
    let engine = support::engine(&data);
    let first = ingest(&engine, &paths(&folder), IngestOptions::default());
    assert_eq!((first.read, first.added, first.passages), (2, 2, 2));
    assert!(first.tokens > 0);
    let before = contents(&engine);

    let second = ingest(&engine, &paths(&folder), IngestOptions::default());
    assert_eq!((second.unchanged, second.tokens), (2, 0));
    assert!(!second.has_changes());
    assert_eq!(contents(&engine), before);

    fs::write(folder.path().join("b.txt"), A).unwrap();
    let third = ingest(&engine, &paths(&folder), IngestOptions::default());
    assert_eq!((third.unchanged, third.updated, third.added), (1, 1, 0));
    let snapshot = engine.publish().unwrap();
    assert_eq!(snapshot.info().passages, 2);
}

#[test]
fn new_metadata_are_stored_without_encoding() {
    let folder = corpus(&[
        ("a.txt", A),
        (
            "metadata.csv",
            "file,speaker,date\na.txt,First Speaker,2015\n",
        ),
    ]);
    let data = TempDir::new().unwrap();
    let engine = support::engine(&data);
    ingest(&engine, &paths(&folder), IngestOptions::default());
    fs::write(
        folder.path().join("metadata.csv"),
        "file,speaker,date\na.txt,Second Speaker,2015-10\n",
    )
    .unwrap();
    let report = ingest(&engine, &paths(&folder), IngestOptions::default());
    assert_eq!((report.metadata_updated, report.tokens), (1, 0));
    let snapshot = engine.publish().unwrap();
    let id = "a".parse().unwrap();
    let metadata = snapshot.view().summary(&id).unwrap().unwrap().metadata;
    assert_eq!(metadata.speaker.as_deref(), Some("Second Speaker"));
    assert_eq!(metadata.date.unwrap().to_string(), "2015-10");
}

#[test]
fn the_order_of_files_does_not_matter() {
    let one = corpus(&[("a.txt", A), ("b.md", B)]);
    let two = corpus(&[(
        "c.txt",
        "A third text, about peace and security among states.",
    )]);
    let (mut forwards, mut backwards) = (paths(&one), paths(&two));
    forwards.extend(paths(&two));
    backwards.extend(paths(&one));
    let stored = |paths: &[PathBuf]| {
        let data = TempDir::new().unwrap();
        let engine = support::engine(&data);
        ingest(&engine, paths, IngestOptions::default());
        contents(&engine)
    };
    assert_eq!(stored(&forwards), stored(&backwards));
}

#[test]
fn only_prune_removes_missing_documents() {
    let folder = corpus(&[("a.txt", A), ("b.txt", B)]);
    let data = TempDir::new().unwrap();
    let engine = support::engine(&data);
    ingest(&engine, &paths(&folder), IngestOptions::default());
    fs::remove_file(folder.path().join("b.txt")).unwrap();
    let kept = ingest(&engine, &paths(&folder), IngestOptions::default());
    assert!(kept.removed.is_empty());
    let prune = IngestOptions {
        prune: true,
        ..IngestOptions::default()
    };
    let pruned = ingest(&engine, &paths(&folder), prune);
    assert_eq!(pruned.removed, ["b"]);
    assert_eq!(engine.publish().unwrap().info().documents, 1);
}

#[test]
fn prune_removes_nothing_if_a_source_is_unreadable() {
    let line = |id: &str, text: &str| format!("{}\n", serde_json::json!({"id": id, "text": text}));
    let folder = corpus(&[("a.jsonl", &(line("one", A) + &line("two", B)))]);
    let data = TempDir::new().unwrap();
    let engine = support::engine(&data);
    ingest(&engine, &paths(&folder), IngestOptions::default());
    let prune = IngestOptions {
        prune: true,
        ..IngestOptions::default()
    };
    fs::write(
        folder.path().join("a.jsonl"),
        line("one", A) + "{\"id\": \"tw",
    )
    .unwrap();
    let torn = ingest(&engine, &paths(&folder), prune);
    assert!(torn.removed.is_empty(), "{torn:?}");
    assert!(
        torn.notes
            .iter()
            .any(|n| n.text.contains("nothing was pruned")),
        "{torn:?}"
    );
    fs::remove_file(folder.path().join("a.jsonl")).unwrap();
    let unmounted = ingest(&engine, &paths(&folder), prune);
    assert!(unmounted.removed.is_empty(), "{unmounted:?}");
    assert_eq!(engine.publish().unwrap().info().documents, 2);
}

#[test]
fn a_document_without_passages_is_removed() {
    let folder = corpus(&[("a.txt", A)]);
    let data = TempDir::new().unwrap();
    let engine = support::engine(&data);
    ingest(&engine, &paths(&folder), IngestOptions::default());
    fs::write(folder.path().join("a.txt"), "* * *\n").unwrap();
    let report = ingest(&engine, &paths(&folder), IngestOptions::default());
    assert_eq!(report.removed, ["a"], "{report:?}");
    assert_eq!(engine.publish().unwrap().info().documents, 0);
}

#[test]
fn bad_input_is_reported_and_skipped() {
    let folder = corpus(&[
        ("a.txt", A),
        ("empty.txt", " \n"),
        ("picture.png", "no text"),
        (
            "lines.jsonl",
            "{\"id\": \"good\", \"text\": \"Peace is the work of justice.\"}\n{\"id\": 5}\nnot json\n",
        ),
    ]);
    fs::write(folder.path().join("binary.txt"), [0u8, 1, 2, 0, 255]).unwrap();
    let data = TempDir::new().unwrap();
    let engine = support::engine(&data);
    let report = ingest(&engine, &paths(&folder), IngestOptions::default());
    assert_eq!(report.added, 2);
    let skipped = format!("{:?}", report.skipped);
    for location in [
        "empty.txt",
        "picture.png",
        "binary.txt",
        "lines.jsonl:2",
        "lines.jsonl:3",
    ] {
        assert!(skipped.contains(location), "{location} in {skipped}");
    }
}

#[test]
fn a_snapshot_is_isolated_from_later_writes() {
    let folder = corpus(&[("a.txt", A)]);
    let data = TempDir::new().unwrap();
    let engine = support::engine(&data);
    ingest(&engine, &paths(&folder), IngestOptions::default());
    let old = engine.publish().unwrap();
    fs::write(folder.path().join("a.txt"), B).unwrap();
    ingest(&engine, &paths(&folder), IngestOptions::default());
    let new = engine.publish().unwrap();
    let text = |snapshot: &antiphon::engine::Snapshot| {
        let id = "a".parse().unwrap();
        snapshot.view().document(&id).unwrap().unwrap().text
    };
    assert_eq!(text(&old), A);
    assert_eq!(text(&new), B);
    assert_ne!(old.info().id, new.info().id);
    // The keys of replaced passages remain valid in the old snapshot.
    let query = support::encoder().encode(&[A]).unwrap().remove(0);
    let nearest = old.nearest(&query, &KnnParams::top_k(1)).unwrap();
    let key = old.key_of(nearest.neighbours[0].row).unwrap();
    assert_eq!(old.view().hit_records(&[key]).unwrap()[0].passage.text, A);
}

#[test]
fn a_second_writer_is_rejected() {
    let data = TempDir::new().unwrap();
    let _first = support::engine(&data);
    let second = Engine::open(data.path(), support::encoder(), support::OPTIONS);
    assert!(
        second
            .err()
            .unwrap()
            .to_string()
            .contains("another Antiphon process")
    );
}

#[test]
fn another_encoder_is_rejected_with_a_remedy() {
    let data = TempDir::new().unwrap();
    drop(support::engine(&data));
    let mut other = support::encoder().fingerprint().clone();
    other.precision = "f32".to_owned();
    let error = Store::open(data.path(), &other).err().unwrap();
    assert!(matches!(error, StoreError::EncoderMismatch { .. }));
    let message = error.to_string();
    assert!(
        message.contains("precision: stored int8, running f32"),
        "{message}"
    );
    assert!(message.contains("--data-dir"), "{message}");
}

#[test]
fn a_foreign_database_is_rejected_and_left_unchanged() {
    let fingerprint = support::encoder().fingerprint().clone();
    let data = TempDir::new().unwrap();
    let file = data.path().join(DATABASE_FILE);
    fs::write(&file, "this is a letter, not a database".repeat(100)).unwrap();
    let error = Store::open(data.path(), &fingerprint).err().unwrap();
    assert!(
        matches!(error, StoreError::InvalidDatabase { .. }),
        "{error}"
    );
    assert!(matches!(
        View::open(data.path()),
        Err(StoreError::InvalidDatabase { .. })
    ));
    assert!(
        fs::read_to_string(&file)
            .unwrap()
            .starts_with("this is a letter")
    );

    let data = TempDir::new().unwrap();
    drop(Store::open(data.path(), &fingerprint).unwrap());
    let database = rusqlite::Connection::open(data.path().join(DATABASE_FILE)).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let error = Store::open(data.path(), &fingerprint).err().unwrap();
    assert!(
        matches!(error, StoreError::NewerSchema { received: 99, .. }),
        "{error}"
    );
}

#[test]
fn a_corrupt_embedding_is_an_error() {
    let folder = corpus(&[("a.txt", A)]);
    let data = TempDir::new().unwrap();
    let engine = support::engine(&data);
    ingest(&engine, &paths(&folder), IngestOptions::default());
    drop(engine);
    let database = rusqlite::Connection::open(data.path().join(DATABASE_FILE)).unwrap();
    database
        .execute("UPDATE embeddings SET vector = x'00'", [])
        .unwrap();
    drop(database);
    let error = support::engine(&data).publish().err().unwrap().to_string();
    assert!(error.contains("expected 1536 bytes"), "{error}");
}

/// Kills an index run over many documents, then runs it again.
#[test]
fn a_killed_run_is_resumed_without_duplicates() {
    let folder = TempDir::new().unwrap();
    let paragraph = "Cooperation among states keeps the network open, secure and peaceful. ";
    let lines: Vec<String> = (0..60)
        .map(|i| {
            let text = format!("{} Speech number {i}.", paragraph.repeat(25));
            format!(
                "{}\n",
                serde_json::json!({"id": format!("d{i:02}"), "text": text})
            )
        })
        .collect();
    fs::write(folder.path().join("all.jsonl"), lines.concat()).unwrap();
    let data = TempDir::new().unwrap();
    let models = support::model_folder();
    let run = || index_command(&models, folder.path(), data.path());

    let mut child = run()
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let stored = loop {
        let documents = View::open(data.path())
            .and_then(|view| view.totals())
            .map_or(0, |(documents, _, _)| documents);
        if documents > 0 {
            break documents;
        }
        assert!(
            start.elapsed() < Duration::from_mins(5),
            "nothing was stored"
        );
        assert!(
            child.try_wait().unwrap().is_none(),
            "the run ended before it could be killed"
        );
        std::thread::sleep(Duration::from_millis(5));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(stored < 60, "the run ended before it was killed");

    let output = run().arg("--json").output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let unchanged = report["unchanged"].as_u64().unwrap();
    assert!(unchanged >= stored as u64, "{report}");
    assert_eq!(unchanged + report["added"].as_u64().unwrap(), 60);
    let (documents, _, _) = View::open(data.path()).unwrap().totals().unwrap();
    assert_eq!(documents, 60);
}

fn index_command(model: &Path, corpus: &Path, data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
    command
        .arg("index")
        .arg(corpus)
        .arg("--data-dir")
        .arg(data)
        .arg("--model-dir")
        .arg(model);
    command
}

#[test]
fn the_store_records_the_time_of_the_last_change() {
    const LONG_AGO: &str = "2000-01-01T00:00:00Z";
    let (folder, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let fingerprint = support::encoder().fingerprint().clone();
    // Returns whether an action updates the time, which is set to the past before it.
    let updates_time = |action: &dyn Fn()| {
        let mut store = Store::open(data.path(), &fingerprint).unwrap();
        store.set_meta("modified_at", LONG_AGO).unwrap();
        drop(store);
        action();
        let changed = View::open(data.path())
            .unwrap()
            .modified_at()
            .unwrap()
            .unwrap();
        assert!(changed.len() == LONG_AGO.len() && changed.ends_with('Z'));
        changed.as_str() > LONG_AGO
    };
    let run = |prune: bool| {
        let options = IngestOptions {
            prune,
            ..IngestOptions::default()
        };
        let engine = support::engine(&data);
        ingest(&engine, &paths(&folder), options);
    };
    drop(Store::open(data.path(), &fingerprint).unwrap());
    let new = View::open(data.path()).unwrap();
    assert_eq!(new.modified_at().unwrap(), None);
    fs::write(folder.path().join("a.txt"), A).unwrap();
    fs::write(folder.path().join("b.txt"), B).unwrap();
    assert!(updates_time(&|| run(false)));
    assert!(!updates_time(&|| run(false)), "nothing was new");
    fs::write(
        folder.path().join("metadata.csv"),
        "file,title\na.txt,Charter\n",
    )
    .unwrap();
    assert!(updates_time(&|| run(false)), "a title is content");
    let id = "b".parse().unwrap();
    let delete = || {
        let mut store = Store::open(data.path(), &fingerprint).unwrap();
        store.delete(&id).unwrap();
    };
    assert!(updates_time(&delete));
    assert!(!updates_time(&delete), "it was already deleted");
}
