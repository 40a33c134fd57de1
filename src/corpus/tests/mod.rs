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

use super::{Corpus, Document, Limits, Note, Reading, Remark, Skipped};

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

    fn read(&self) -> Run {
        read(&[self.0.path()], &Limits::default())
    }
}

/// What a run gave, sorted by kind.
#[derive(Debug, Default, PartialEq)]
struct Run {
    documents: Vec<Document>,
    /// Beside each document.
    origins: Vec<String>,
    notes: Vec<Vec<Note>>,
    skipped: Vec<Skipped>,
    remarks: Vec<Remark>,
}

impl Run {
    fn ids(&self) -> Vec<&str> {
        self.documents.iter().map(|d| d.id.as_str()).collect()
    }

    /// The messages without the file, for what the file is is plain.
    fn skips(&self) -> Vec<String> {
        let said = self.skipped.iter();
        said.map(|s| format!("{:?} {}", s.origin.line, s.reason))
            .collect()
    }

    fn remarks(&self) -> Vec<String> {
        let said = self.remarks.iter();
        said.map(|r| format!("{:?} {}", r.origin.line, r.matter))
            .collect()
    }
}

fn read(paths: &[&Path], limits: &Limits) -> Run {
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    let corpus = Corpus::open(&paths, limits).unwrap();
    let mut run = Run::default();
    for reading in corpus.readings() {
        match reading {
            Reading::Document {
                document,
                origin,
                notes,
            } => {
                run.documents.push(document);
                run.origins.push(origin.to_string());
                run.notes.push(notes);
            }
            Reading::Skipped(skipped) => run.skipped.push(skipped),
            Reading::Remark(remark) => run.remarks.push(remark),
        }
    }
    assert_eq!(corpus.progress().bytes_read(), corpus.total_bytes());
    run
}
