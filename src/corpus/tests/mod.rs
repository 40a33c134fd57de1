//! The room as its users see it: folders of files in, readings out.
//!
//! `parts` has dates and ids; `formats` a file of each kind and its faults; `tables` the
//! `metadata.csv`; `listings` which files are read and in which order.

mod formats;
mod listings;
mod parts;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Corpus, CorpusEvent, CorpusLimits, CorpusWarning, Document, DocumentNote, Skipped};

/// A folder of files that goes when the test ends.
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

/// What a run gave, sorted by kind.
#[derive(Debug, Default, PartialEq)]
struct ReadCorpus {
    documents: Vec<Document>,
    /// Beside each document.
    origins: Vec<String>,
    notes: Vec<Vec<DocumentNote>>,
    skipped: Vec<Skipped>,
    warnings: Vec<CorpusWarning>,
}

impl ReadCorpus {
    fn ids(&self) -> Vec<&str> {
        self.documents.iter().map(|d| d.id.as_str()).collect()
    }

    /// The messages without the file, for what the file is is plain.
    fn skips(&self) -> Vec<String> {
        let said = self.skipped.iter();
        said.map(|s| format!("{:?} {}", s.location.line, s.reason))
            .collect()
    }

    fn warnings(&self) -> Vec<String> {
        let said = self.warnings.iter();
        said.map(|r| format!("{:?} {}", r.location.line, r.issue))
            .collect()
    }
}

fn read(paths: &[&Path], limits: &CorpusLimits) -> ReadCorpus {
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    let corpus = Corpus::open(&paths, limits).unwrap();
    let mut run = ReadCorpus::default();
    for reading in corpus.events() {
        match reading {
            CorpusEvent::Document {
                document,
                origin,
                notes,
            } => {
                run.documents.push(document);
                run.origins.push(origin.to_string());
                run.notes.push(notes);
            }
            CorpusEvent::Skipped(skipped) => run.skipped.push(skipped),
            CorpusEvent::Warning(remark) => run.warnings.push(remark),
        }
    }
    assert_eq!(corpus.progress().bytes_read(), corpus.total_bytes());
    run
}
