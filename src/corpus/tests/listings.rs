//! Which files are read, once each, and in which order.

use std::path::{Path, PathBuf};

use super::{Folder, read};
use crate::corpus::{Corpus, CorpusLimits};

#[test]
fn files_are_sorted_whatever_the_order_and_overlap_of_paths() {
    let folder = Folder::with(&[
        ("b.txt", b"B"),
        ("a/z.txt", b"Z"),
        ("a.txt", b"A"),
        ("c.MD", b"C"),
    ]);
    let whole = folder.read();
    assert_eq!(whole.ids(), ["a", "z", "b", "c"]);

    let (root, file, detour) = (folder.path(""), folder.path("b.txt"), folder.path("a/.."));
    let limits = CorpusLimits::default();
    let one = read(&[&root, &file, &detour], &limits);
    let other = read(&[&detour, &file, &root], &limits);
    assert_eq!(one, other);
    assert_eq!(one.ids(), whole.ids());
}

#[test]
fn unsupported_files_are_reported_unless_hidden() {
    let folder = Folder::with(&[
        (".git/a.txt", b"hidden"),
        (".hidden.txt", b"hidden"),
        ("README.md", b"about"),
        ("scan.tiff", b"II*"),
        ("notes", b"no extension"),
        (".txt", b"hidden"),
        ("speech.txt", b"words"),
    ]);
    let run = folder.read();
    assert_eq!(run.ids(), ["speech"]);
    let skips = run.skips();
    assert_eq!(skips.len(), 3, "{skips:?}");
    assert!(skips[0].contains("README and licence"));
    assert!(skips[1].contains("unsupported file type notes; expected one of .txt"));
    assert!(skips[2].contains("unsupported file type .tiff"));

    // Files named explicitly are tried.
    let named = [
        folder.path("README.md"),
        folder.path(".hidden.txt"),
        folder.path(""),
    ];
    let named: Vec<&Path> = named.iter().map(PathBuf::as_path).collect();
    assert_eq!(
        read(&named, &CorpusLimits::default()).ids(),
        [".hidden", "README", "speech"]
    );
}

#[test]
fn a_missing_path_is_an_error() {
    let error = Corpus::open(&["/no/such/folder".into()], &CorpusLimits::default()).unwrap_err();
    assert!(error.to_string().contains("/no/such/folder"), "{error}");
}

#[test]
fn the_second_document_with_an_id_is_skipped() {
    let folder = Folder::with(&[
        ("2015/speech.txt", b"one"),
        ("2016/speech.txt", b"two"),
        (
            "all.jsonl",
            b"{\"id\":\"speech\",\"text\":\"three\"}\n{\"id\":\"x\",\"text\":\"four\"}",
        ),
    ]);
    let run = folder.read();
    assert_eq!(run.ids(), ["speech", "x"]);
    let skips = run.skips();
    assert!(
        skips[0].contains("duplicate id speech, first used by")
            && skips[0].contains("2015/speech.txt")
    );
    assert!(skips[1].starts_with("Some(1)"), "{skips:?}");
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_cycles_are_not() {
    use std::os::unix::fs::symlink;

    let folder = Folder::with(&[("in/a.txt", b"A"), ("elsewhere.blob", b"L")]);
    symlink(folder.path("elsewhere.blob"), folder.path("in/linked.txt")).unwrap();
    symlink(folder.path("in"), folder.path("in/circle")).unwrap();
    symlink(folder.path("in/nowhere"), folder.path("in/broken.txt")).unwrap();
    symlink(folder.path("in"), folder.path("again")).unwrap();
    let run = folder.read();
    assert_eq!(run.ids(), ["a", "linked"]);
    let skips = run.skips();
    assert_eq!(skips.len(), 2, "{skips:?}");
    assert!(skips.iter().any(|skip| skip.contains("cannot be read")));
}
