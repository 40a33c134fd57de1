//! The reader for archives: ZIP and tar, compressed or not. Their files are read like those of a folder.
//!
//! The number of files, their sizes and the ratio to which they unpack are bounded. Paths that lead
//! outside, links, and archives within archives are not followed.

mod tar_entries;
mod zip_entries;

use std::path::{Component, Path, PathBuf};

use crate::corpus::error::SkipReason;
use crate::corpus::format::SourceFormat;
use crate::corpus::listing::is_readme_or_licence;
use crate::corpus::parsed::{
    CountingReader, ParseIssue, ParsedDocument, ParsedDocuments, ReadContext,
};
use crate::corpus::reader;

/// Files of one archive.
const MAX_FILES: usize = 100_000;

/// All that an archive may unpack to, one file at a time.
const MAX_TOTAL_BYTES: u64 = 16 * 1024 * 1024 * 1024;

pub(super) fn read_zip(file: CountingReader, context: &ReadContext) -> ParsedDocuments {
    let context = context.clone();
    let limit = context.limits.max_file_bytes;
    from_opened(context, move || zip_entries::open(file, limit))
}

pub(super) fn read_tar(file: CountingReader, context: &ReadContext) -> ParsedDocuments {
    let context = context.clone();
    let limit = context.limits.max_file_bytes;
    from_opened(context, move || Ok(tar_entries::open(file, limit)))
}

/// A file of an archive.
struct Entry {
    /// Its path as the archive has it.
    path: String,
    /// Its content, or why it cannot be read.
    bytes: Result<Vec<u8>, SkipReason>,
}

/// The files of an archive. A file whose path is not wanted is skipped without unpacking it.
trait Entries {
    /// Returns the next file; an error ends the archive.
    fn next_entry(&mut self, is_wanted: &dyn Fn(&str) -> bool)
    -> Option<Result<Entry, SkipReason>>;
}

fn from_opened<E: Entries + 'static>(
    context: ReadContext,
    open: impl FnOnce() -> Result<E, SkipReason> + 'static,
) -> ParsedDocuments {
    let documents = std::iter::once_with(open).flat_map(move |opened| -> ParsedDocuments {
        match opened {
            Ok(entries) => Box::new(Documents {
                entries,
                context: context.clone(),
                current: None,
                files: 0,
                bytes: 0,
                ended: false,
            }),
            Err(reason) => Box::new(std::iter::once(Err(ParseIssue::from(reason)))),
        }
    });
    Box::new(documents)
}

/// The documents of the files of an archive.
struct Documents<E> {
    entries: E,
    context: ReadContext,
    /// The documents of the current file.
    current: Option<(PathBuf, ParsedDocuments)>,
    files: usize,
    bytes: u64,
    ended: bool,
}

impl<E: Entries> Documents<E> {
    /// Opens the next file that is read.
    fn open_next(&mut self) -> Option<Result<(), ParseIssue>> {
        let entry = match self.entries.next_entry(&|path| format_of(path).is_ok())? {
            Ok(entry) => entry,
            Err(reason) => {
                self.ended = true;
                return Some(Err(reason.into()));
            }
        };
        self.files += 1;
        if self.files > MAX_FILES {
            self.ended = true;
            return Some(Err(too_many_files().into()));
        }
        let issue = |path: &str, reason| ParseIssue {
            entry: Some(PathBuf::from(printable(path))),
            line: None,
            reason,
        };
        let format = match format_of(&entry.path) {
            Ok(format) => format,
            // Folders, hidden files and the like are not worth a remark.
            Err(None) => return Some(Ok(())),
            Err(Some(reason)) => return Some(Err(issue(&entry.path, reason))),
        };
        let bytes = match entry.bytes {
            Ok(bytes) => bytes,
            Err(reason) => return Some(Err(issue(&entry.path, reason))),
        };
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.bytes > MAX_TOTAL_BYTES {
            self.ended = true;
            return Some(Err(SkipReason::LimitExceeded {
                problem: format!("its files have over {MAX_TOTAL_BYTES} bytes"),
                limit: format!("{} GiB", MAX_TOTAL_BYTES >> 30),
            }
            .into()));
        }
        let path = PathBuf::from(printable(&entry.path));
        let context = ReadContext {
            path: path.clone(),
            ..self.context.clone()
        };
        let documents = reader::parse(format, CountingReader::from_bytes(bytes), &context);
        self.current = Some((path, documents));
        Some(Ok(()))
    }
}

impl<E: Entries> Iterator for Documents<E> {
    type Item = Result<ParsedDocument, ParseIssue>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((path, documents)) = &mut self.current {
                match documents.next() {
                    Some(Ok(document)) => {
                        let entry = Some(path.clone());
                        return Some(Ok(ParsedDocument { entry, ..document }));
                    }
                    Some(Err(issue)) => {
                        let entry = Some(path.clone());
                        return Some(Err(ParseIssue { entry, ..issue }));
                    }
                    None => self.current = None,
                }
            }
            if self.ended {
                return None;
            }
            match self.open_next() {
                None => {
                    self.ended = true;
                    return None;
                }
                Some(Err(issue)) => return Some(Err(issue)),
                Some(Ok(())) => {}
            }
        }
    }
}

/// Returns the format of a file to be read; otherwise why it is not, or nothing if that is no news.
fn format_of(name: &str) -> Result<SourceFormat, Option<SkipReason>> {
    let path = Path::new(name);
    let parts: Vec<_> = path.components().collect();
    if name.ends_with('/') || parts.is_empty() {
        return Err(None);
    }
    let outside = |part: &Component<'_>| !matches!(part, Component::Normal(_) | Component::CurDir);
    if name.contains('\\') || name.contains('\0') || parts.iter().any(outside) {
        return Err(Some(SkipReason::Malformed {
            format: "a file of an archive",
            problem: "its path leads outside of the archive".to_owned(),
        }));
    }
    let hidden = |part: &Component<'_>| {
        let part = part.as_os_str().to_string_lossy();
        part.starts_with('.') && part != "." || part == "__MACOSX"
    };
    if parts.iter().any(hidden) {
        return Err(None);
    }
    if is_readme_or_licence(path) {
        return Err(Some(SkipReason::ReadmeOrLicence));
    }
    match SourceFormat::from_path(path) {
        Ok(SourceFormat::Zip | SourceFormat::Tar) => Err(Some(SkipReason::Malformed {
            format: "a file of an archive",
            problem: "archives within archives are not read; unpack it".to_owned(),
        })),
        Ok(format) => Ok(format),
        Err(received) => Err(Some(SkipReason::UnknownFormat { received })),
    }
}

/// Returns a path that is safe to append to that of the archive in messages.
fn printable(path: &str) -> String {
    path.trim_start_matches(['/', '\\'])
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}

fn too_many_files() -> SkipReason {
    SkipReason::LimitExceeded {
        problem: "it has too many files".to_owned(),
        limit: MAX_FILES.to_string(),
    }
}

fn malformed(format: &'static str, problem: &str) -> SkipReason {
    SkipReason::Malformed {
        format,
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests;
