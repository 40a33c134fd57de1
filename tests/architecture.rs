//! The shape of the house, kept by a test.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::root;

/// The rooms in the order in which data flows; each may use those before it.
const ORDER: &[&str] = &[
    "canonical",
    "cpu_features",
    "corpus",
    "passages",
    "encoder",
    "store",
    "index",
    "keyword",
    "engine",
    "search",
    "parallels",
    "server",
    "cli",
];

/// Who may look at the settings.
const SEE_CONFIG: &[&str] = &["server", "cli"];

/// No file is longer; most are far shorter.
const MOST_LINES: usize = 600;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

fn room(file: &Path) -> String {
    let inside = file.strip_prefix(root().join("src")).unwrap();
    let first = inside.iter().next().unwrap().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Names that follow `crate::`, also inside braces: `use crate::{a, b::c}`.
fn uses(text: &str) -> Vec<String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.split("crate::")
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            None => vec![rest],
            Some(list) => list
                .split('}')
                .next()
                .unwrap_or("")
                .split(',')
                .map(str::trim)
                .collect(),
        })
        .map(|name| name.chars().take_while(|c| is_name(*c)).collect())
        .collect()
}

#[test]
fn imports_run_one_way() {
    let mut arrows = 0;
    for file in sources(&root().join("src")) {
        let room = room(&file);
        let Some(place) = ORDER.iter().position(|r| *r == room) else {
            continue;
        };
        for used in uses(&fs::read_to_string(&file).unwrap()) {
            if used == "config" {
                assert!(
                    SEE_CONFIG.contains(&room.as_str()),
                    "{room} looks at the settings: {}",
                    file.display()
                );
            } else if let Some(other) = ORDER.iter().position(|r| *r == used) {
                arrows += usize::from(other != place);
                assert!(other <= place, "{room} uses {used}: {}", file.display());
            }
        }
    }
    assert!(
        arrows > 10,
        "only {arrows} imports were found; does this test still read them?"
    );
}

#[test]
fn every_room_is_known() {
    for file in sources(&root().join("src")) {
        let room = room(&file);
        let known =
            ORDER.contains(&room.as_str()) || ["lib", "main", "config"].contains(&room.as_str());
        assert!(known, "{room} has no place in the order");
    }
}

#[test]
fn only_the_index_names_its_graph_library() {
    for file in sources(&root().join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            !text.contains("hnsw_rs") || room(&file) == "index",
            "{}",
            file.display()
        );
    }
}

#[test]
fn files_stay_readable() {
    for file in sources(&root().join("src")) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= MOST_LINES, "{} has {lines} lines", file.display());
    }
}
