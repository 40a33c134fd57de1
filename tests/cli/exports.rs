//! Files that are written for other programs, from the sample corpus.

use std::fs;

use antiphon::store::View;
use tempfile::TempDir;

use super::{run, sample, stated_commit, stdout};
use crate::support;

/// Writes a file and compares it with its snapshot, without what differs from build to build.
fn check(folder: &TempDir, command: &[&str], name: &str) {
    let write = |file: &str| {
        stdout(&run(folder, &[command, &["--out", file]].concat()));
        fs::read_to_string(folder.path().join(file)).unwrap()
    };
    let commit = stated_commit(&write("commit.jsonl"));
    let view = View::open(&folder.path().join("data")).unwrap();
    let changed = view.modified_at().unwrap().unwrap();
    for format in ["csv", "jsonl", "xml", "html"] {
        let file = format!("{name}.{format}");
        let written = write(&file);
        assert!(
            written.contains(&commit) && written.contains(&changed),
            "{file}"
        );
        let written = written
            .replace(&commit, "{commit}")
            .replace(&changed, "{time}");
        support::assert_snapshot(&file, &written);
    }
}

#[test]
fn parallels_as_lines_tables_tei_and_pages() {
    let folder = TempDir::new().unwrap();
    stdout(&run(&folder, &["index", &sample()]));
    let command = ["parallels", "--all", "--min-confidence", "0.3"];
    check(&folder, &command, "parallels");
}

#[test]
fn families_as_lines_tables_tei_and_pages() {
    let folder = TempDir::new().unwrap();
    let text = "Rising seas threaten the very existence of small island States, and our wells turn to salt.";
    let lines = [("a", "2015"), ("b", "2013"), ("c", "2014-09")].map(|(id, date)| {
        serde_json::json!({"id": id, "date": date, "title": "=A & <B>", "text": text}).to_string()
    });
    fs::write(folder.path().join("corpus.jsonl"), lines.join("\n")).unwrap();
    stdout(&run(&folder, &["index", "corpus.jsonl"]));
    check(&folder, &["families"], "families");
}
