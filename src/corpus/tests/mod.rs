//! Tests of the module through its interface: folders of files in, events out.
//!
//! `parts` tests dates and ids; `formats` each format and its errors; `tables` `metadata.csv`;
//! `listings` which files are read and in which order.

mod formats;
mod listings;
mod parts;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Corpus, CorpusEvent, CorpusLimits, CorpusWarning, Document, DocumentNote, Skipped};

/// A folder of files that is removed when the test ends.
struct Folder(TempDir);

impl Folder {
    fn with(files: &[(&str, &[u8])]) -> Self {
        let folder = Self(TempDir::new().unwrap());
        for (name, bytes) in files {
            let path = folder.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self) -> ReadCorpus {
        read(&[self.0.path()], &CorpusLimits::default())
    }
}

/// The events of a corpus, by kind.
#[derive(Debug, Default, PartialEq)]
struct ReadCorpus {
    documents: Vec<Document>,
    /// The location of each document.
    locations: Vec<String>,
    notes: Vec<Vec<DocumentNote>>,
    skipped: Vec<Skipped>,
    warnings: Vec<CorpusWarning>,
}

impl ReadCorpus {
    fn ids(&self) -> Vec<&str> {
        self.documents.iter().map(|d| d.id.as_str()).collect()
    }

    /// The lines and messages, without the file.
    fn skips(&self) -> Vec<String> {
        let skipped = self.skipped.iter();
        skipped
            .map(|s| format!("{:?} {}", s.location.line, s.reason))
            .collect()
    }

    fn warnings(&self) -> Vec<String> {
        let warnings = self.warnings.iter();
        warnings
            .map(|w| format!("{:?} {}", w.location.line, w.issue))
            .collect()
    }
}

fn read(paths: &[&Path], limits: &CorpusLimits) -> ReadCorpus {
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    let corpus = Corpus::open(&paths, limits).unwrap();
    let mut run = ReadCorpus::default();
    for event in corpus.events() {
        match event {
            CorpusEvent::Document {
                document,
                origin,
                notes,
            } => {
                run.documents.push(document);
                run.locations.push(origin.to_string());
                run.notes.push(notes);
            }
            CorpusEvent::Skipped(skipped) => run.skipped.push(skipped),
            CorpusEvent::Warning(warning) => run.warnings.push(warning),
        }
    }
    assert_eq!(corpus.progress().bytes_read(), corpus.total_bytes());
    run
}
