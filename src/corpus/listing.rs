//! Which files there are: folders walked, each file once, in one order for all time.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::error::{CorpusError, SkipReason};
use super::format::{SourceFile, SourceFormat, unreadable};
use super::metadata_csv;

/// Everything found under the paths a user gave.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Files to read and files not to, sorted by place.
    pub(super) entries: Vec<ListingEntry>,
    /// Every folder met, by place, and how the user spelled it: where a `metadata.csv` may be.
    pub(super) folders: BTreeMap<PathBuf, PathBuf>,
}

/// One file.
#[derive(Debug)]
pub(super) struct ListingEntry {
    /// Its folder's place, whatever links lead there.
    pub(super) folder: PathBuf,
    /// As the user spelled it.
    pub(super) path: PathBuf,
    pub(super) source: Result<SourceFile, SkipReason>,
}

impl ListingEntry {
    /// Where the file is called by its name. A link is its own place: its name is what the user
    /// chose, and two names are two documents.
    fn canonical_path(&self) -> PathBuf {
        self.folder.join(self.path.file_name().unwrap_or_default())
    }
}

/// Lists the files under the paths.
pub(super) fn list_files(paths: &[PathBuf]) -> Result<Listing, CorpusError> {
    let mut walker = FileWalker::default();
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
            let found = if metadata_csv::is_metadata_table(path) {
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
        let path = entry.canonical_path().into_os_string().into_encoded_bytes();
        (path, entry.source.is_err(), entry.path.clone())
    });
    listing.entries.dedup_by_key(|entry| entry.canonical_path());
    Ok(listing)
}

#[derive(Default)]
struct FileWalker {
    listing: Listing,
    /// Canonical places of folders already asked for.
    canonical_folders: HashMap<PathBuf, PathBuf>,
}

impl FileWalker {
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
                    self.register_folder(entry.path());
                }
                Ok(entry) if metadata_csv::is_metadata_table(entry.path()) => {}
                Ok(entry) => {
                    let path = entry.into_path();
                    let found = match fs::metadata(&path) {
                        _ if is_readme_or_licence(&path) => Err(SkipReason::ReadmeOrLicence),
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
            Some(parent) if !parent.as_os_str().is_empty() => self.register_folder(parent),
            _ => self.register_folder(Path::new(".")),
        };
        self.listing.entries.push(ListingEntry {
            folder,
            path,
            source: found,
        });
    }

    /// The folder's place. Of two spellings the lesser is shown, whichever was given first.
    fn register_folder(&mut self, path: &Path) -> PathBuf {
        let canonical = self
            .canonical_folders
            .entry(path.to_owned())
            .or_insert_with(|| {
                // A folder that cannot be resolved cannot be reached by two ways either.
                fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
            });
        let displayed = self.listing.folders.entry(canonical.clone());
        let shown = displayed.or_insert_with(|| path.to_owned());
        if path < shown.as_path() {
            path.clone_into(shown);
        }
        canonical.clone()
    }
}

fn source_file(path: &Path, kind: &fs::Metadata) -> Result<SourceFile, SkipReason> {
    // Opening a pipe would wait for ever.
    if !kind.is_file() {
        return Err(SkipReason::NotAFile);
    }
    Ok(SourceFile {
        path: path.to_owned(),
        format: SourceFormat::from_path(path)?,
        bytes: kind.len(),
    })
}

/// `README.md`, `LICENSE`, `CHANGELOG.txt`: known by the name before the first dot.
fn is_readme_or_licence(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let first = name.split('.').next().unwrap_or_default().to_uppercase();
    matches!(
        first.as_str(),
        "README" | "LICENSE" | "LICENCE" | "COPYING" | "NOTICE" | "CHANGELOG"
    )
}
