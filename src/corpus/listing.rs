//! Which files there are: folders walked, each file once, in one order for all time.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::format::{Format, SourceFile, unreadable};
use super::reason::{CorpusError, SkipReason};
use super::table;

/// Everything found under the paths a user gave.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Files to read and files not to, sorted by place.
    pub(super) entries: Vec<Entry>,
    /// Every folder met, by place, and how the user spelled it: where a `metadata.csv` may be.
    pub(super) folders: BTreeMap<PathBuf, PathBuf>,
}

/// One file.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its folder's place, whatever links lead there.
    pub(super) folder: PathBuf,
    /// As the user spelled it.
    pub(super) path: PathBuf,
    pub(super) found: Result<SourceFile, SkipReason>,
}

impl Entry {
    /// Where the file is called by its name. A link is its own place: its name is what the user
    /// chose, and two names are two documents.
    fn place(&self) -> PathBuf {
        self.folder.join(self.path.file_name().unwrap_or_default())
    }
}

/// Lists the files under the paths.
pub(super) fn list(paths: &[PathBuf]) -> Result<Listing, CorpusError> {
    let mut walker = Walker::default();
    for path in paths {
        let kind = fs::metadata(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => CorpusError::Missing { path: path.clone() },
            _ => CorpusError::Unreadable {
                path: path.clone(),
                source,
            },
        })?;
        if kind.is_dir() {
            walker.walk(path);
        } else {
            let found = if table::is_table(path) {
                Err(SkipReason::MetadataTable)
            } else {
                source_file(path, &kind)
            };
            walker.add(path.clone(), found);
        }
    }
    let mut listing = walker.listing;
    // Of a file met twice, the one that is read comes first: a README that was also named.
    listing.entries.sort_by_cached_key(|entry| {
        let place = entry.place().into_os_string().into_encoded_bytes();
        (place, entry.found.is_err(), entry.path.clone())
    });
    listing.entries.dedup_by_key(|entry| entry.place());
    Ok(listing)
}

#[derive(Default)]
struct Walker {
    listing: Listing,
    /// Canonical places of folders already asked for.
    places: HashMap<PathBuf, PathBuf>,
}

impl Walker {
    fn walk(&mut self, root: &Path) {
        let visible = |entry: &walkdir::DirEntry| {
            // `.` as an argument is no hidden folder.
            entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
        };
        for entry in WalkDir::new(root)
            .follow_links(true)
            .into_iter()
            .filter_entry(visible)
        {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {
                    self.folder(entry.path());
                }
                Ok(entry) if table::is_table(entry.path()) => {}
                Ok(entry) => {
                    let path = entry.into_path();
                    let found = match fs::metadata(&path) {
                        _ if is_about_the_corpus(&path) => Err(SkipReason::AboutTheCorpus),
                        Ok(kind) => source_file(&path, &kind),
                        Err(error) => Err(unreadable(&error)),
                    };
                    self.add(path, found);
                }
                // The circle's files are read where they are; nothing is lost.
                Err(error) if error.loop_ancestor().is_some() => {}
                Err(error) => {
                    let path = error.path().unwrap_or(root).to_owned();
                    let problem = error
                        .io_error()
                        .map_or_else(|| error.to_string(), ToString::to_string);
                    self.add(path, Err(SkipReason::Unreadable { problem }));
                }
            }
        }
    }

    fn add(&mut self, path: PathBuf, found: Result<SourceFile, SkipReason>) {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => self.folder(parent),
            _ => self.folder(Path::new(".")),
        };
        self.listing.entries.push(Entry {
            folder,
            path,
            found,
        });
    }

    /// The folder's place. Of two spellings the lesser is shown, whichever was given first.
    fn folder(&mut self, path: &Path) -> PathBuf {
        let place = self.places.entry(path.to_owned()).or_insert_with(|| {
            // A folder that cannot be resolved cannot be reached by two ways either.
            fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
        });
        let shown = self.listing.folders.entry(place.clone());
        let shown = shown.or_insert_with(|| path.to_owned());
        if path < shown.as_path() {
            path.clone_into(shown);
        }
        place.clone()
    }
}

fn source_file(path: &Path, kind: &fs::Metadata) -> Result<SourceFile, SkipReason> {
    // Opening a pipe would wait for ever.
    if !kind.is_file() {
        return Err(SkipReason::NotAFile);
    }
    Ok(SourceFile {
        path: path.to_owned(),
        format: Format::of(path)?,
        bytes: kind.len(),
    })
}

/// `README.md`, `LICENSE`, `CHANGELOG.txt`: known by the name before the first dot.
fn is_about_the_corpus(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let first = name.split('.').next().unwrap_or_default().to_uppercase();
    matches!(
        first.as_str(),
        "README" | "LICENSE" | "LICENCE" | "COPYING" | "NOTICE" | "CHANGELOG"
    )
}
