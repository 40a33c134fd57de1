//! The layering of the modules, kept by tests.

mod modules;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::root;
use modules::{ModulePath, ModuleTree};

/// The top-level modules in the order in which data flows; each may import from those before it.
const ORDER: &[&str] = &[
    "atomic_file",
    "canonical",
    "corpus",
    "passages",
    "encoder",
    "store",
    "index",
    "keyword",
    "engine",
    "search",
    "parallels",
    "wire",
    "export",
    "archive",
    "server",
    "config",
    "cli",
];

/// No file is longer; most are far shorter.
const MAX_LINES: usize = 600;

fn tree() -> ModuleTree {
    let tree = ModuleTree::parse(&root().join("src"));
    assert!(tree.len() > 100, "only {} modules were parsed", tree.len());
    tree
}

fn source_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(source_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn every_module_has_its_place_in_the_order() {
    for path in tree().paths() {
        if let Some(module) = path.first() {
            assert!(ORDER.contains(&module.as_str()), "{module}");
        }
    }
}

#[test]
fn imports_run_one_way_between_modules() {
    let place = |path: &ModulePath| {
        let module = path.first()?;
        ORDER.iter().position(|name| name == module)
    };
    let mut between = 0;
    for (from, to) in tree().imports() {
        let (Some(a), Some(b)) = (place(&from), place(&to)) else {
            continue;
        };
        between += usize::from(a != b);
        let (from, to) = (from.join("::"), to.join("::"));
        assert!(b <= a, "{from} imports from {to}");
    }
    assert!(between > 200, "only {between} imports were found");
}

/// A file may import from the module files above it, which hold what its folder shares; apart from that no file may
/// import, directly or through others, from a file that imports from it.
#[test]
fn imports_run_one_way_between_files() {
    let mut graph: Graph = BTreeMap::new();
    for (from, to) in tree().imports() {
        if !from.starts_with(&to) && !to.starts_with(&from) {
            let imported = graph.entry(from.join("::")).or_default();
            imported.insert(to.join("::"));
        }
    }
    assert!(graph.len() > 100, "only {} files", graph.len());
    assert_eq!(circles(&graph), Vec::<String>::new());
}

/// What imports from what.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// All imports that are part of a circle.
fn circles(graph: &Graph) -> Vec<String> {
    let reachable: BTreeMap<&str, BTreeSet<&str>> = graph
        .keys()
        .map(|start| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![start.as_str()]);
            while let Some(file) = next.pop() {
                for imported in graph.get(file).into_iter().flatten() {
                    if seen.insert(imported.as_str()) {
                        next.push(imported);
                    }
                }
            }
            (start.as_str(), seen)
        })
        .collect();
    let leads = |from: &str, to: &str| reachable.get(from).is_some_and(|seen| seen.contains(to));
    graph
        .iter()
        .flat_map(|(from, imported)| imported.iter().map(move |to| (from, to)))
        .filter(|(from, to)| leads(to, from))
        .map(|(from, to)| format!("{from} imports from {to}"))
        .collect()
}

#[test]
fn a_circle_is_found_and_what_only_leads_to_it_is_not() {
    let graph = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (a, b) in edges {
            let imported = graph.entry((*a).to_owned()).or_default();
            imported.insert((*b).to_owned());
        }
        graph
    };
    assert!(circles(&graph(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    assert_eq!(
        circles(&graph(&[
            ("a", "b"),
            ("b", "c"),
            ("c", "a"),
            ("d", "a"),
            ("b", "e")
        ])),
        ["a imports from b", "b imports from c", "c imports from a"]
    );
}

#[test]
fn only_the_index_names_its_graph_library() {
    let index = root().join("src/index");
    for file in source_files(&root().join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            !text.contains("hnsw_rs") || file.starts_with(&index),
            "{}",
            file.display()
        );
    }
}

#[test]
fn files_stay_readable() {
    for file in source_files(&root().join("src")) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", file.display());
    }
}
