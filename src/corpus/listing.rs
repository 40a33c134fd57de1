//! Listing of the files of a corpus: folders are walked, each file is listed once, in a stable order.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::error::{CorpusError, SkipReason};
use super::format::{SourceFile, SourceFormat};
use super::metadata_csv;
use super::parsed::unreadable;

/// The files and folders under the user's paths.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Files to read and files to skip, sorted by canonical path.
    pub(super) entries: Vec<ListingEntry>,
    /// Every folder by its canonical path, and as the user spelled it. Each may have a `metadata.csv`.
    pub(super) folders: BTreeMap<PathBuf, PathBuf>,
}

/// A file of the listing.
#[derive(Debug)]
pub(super) struct ListingEntry {
    /// The canonical path of its folder.
    pub(super) folder: PathBuf,
    /// The path as the user spelled it.
    pub(super) path: PathBuf,
    pub(super) source: Result<SourceFile, SkipReason>,
}

impl ListingEntry {
    /// Returns the canonical folder with the file's name. A link to a file is not resolved: its name is
    /// the user's choice, and two names are two documents.
    fn canonical_path(&self) -> PathBuf {
        self.folder.join(self.path.file_name().unwrap_or_default())
    }
}

/// Lists the files under the paths.
///
/// # Errors
///
/// If one of the paths does not exist or cannot be accessed.
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
            let source = if metadata_csv::is_metadata_table(path) {
                Err(SkipReason::MetadataTable)
            } else {
                source_file(path, &kind)
            };
            walker.add(path.clone(), source);
        }
    }
    let mut listing = walker.listing;
    // Duplicates are removed below; a README that was also named explicitly must be kept as readable.
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
    /// Canonical paths of the folders seen so far.
    canonical_folders: HashMap<PathBuf, PathBuf>,
}

impl FileWalker {
    fn walk(&mut self, root: &Path) {
        let visible = |entry: &walkdir::DirEntry| {
            // The argument `.` is not a hidden folder.
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
                    let source = match fs::metadata(&path) {
                        _ if is_readme_or_licence(&path) => Err(SkipReason::ReadmeOrLicence),
                        Ok(kind) => source_file(&path, &kind),
                        Err(error) => Err(unreadable(&error)),
                    };
                    self.add(path, source);
                }
                // The files of a folder that links to its ancestor are listed at their own paths.
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

    fn add(&mut self, path: PathBuf, source: Result<SourceFile, SkipReason>) {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => self.register_folder(parent),
            _ => self.register_folder(Path::new(".")),
        };
        self.listing.entries.push(ListingEntry {
            folder,
            path,
            source,
        });
    }

    /// Records a folder and returns its canonical path. Of two spellings the lesser is shown, whatever
    /// the order of the paths.
    fn register_folder(&mut self, path: &Path) -> PathBuf {
        let canonical = self
            .canonical_folders
            .entry(path.to_owned())
            .or_insert_with(|| {
                // A path that cannot be resolved cannot have a second spelling either.
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
    // Opening a pipe would block.
    if !kind.is_file() {
        return Err(SkipReason::NotAFile);
    }
    Ok(SourceFile {
        path: path.to_owned(),
        format: SourceFormat::from_path(path)
            .map_err(|received| SkipReason::UnknownFormat { received })?,
        bytes: kind.len(),
    })
}

/// Returns whether a file is a `README.md`, `LICENSE`, `CHANGELOG.txt` or the like.
pub(super) fn is_readme_or_licence(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let first = name.split('.').next().unwrap_or_default().to_uppercase();
    matches!(
        first.as_str(),
        "README" | "LICENSE" | "LICENCE" | "COPYING" | "NOTICE" | "CHANGELOG"
    )
}
