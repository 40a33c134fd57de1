//! The files of a ZIP archive.

use std::io::Cursor;

use zip::ZipArchive;

use super::super::bounded::read_bounded;
use super::{Entries, Entry, MAX_FILES, malformed, too_many_files};
use crate::corpus::error::SkipReason;
use crate::corpus::parsed::CountingReader;

pub(super) struct ZipEntries {
    archive: ZipArchive<Cursor<Vec<u8>>>,
    next: usize,
    max_file_bytes: usize,
}

pub(super) fn open(file: CountingReader, limit: usize) -> Result<ZipEntries, SkipReason> {
    let bytes = file.read_to_limit(limit)?;
    let archive = ZipArchive::new(Cursor::new(bytes))
        .map_err(|error| malformed("ZIP", &error.to_string()))?;
    if archive.len() > MAX_FILES {
        return Err(too_many_files());
    }
    Ok(ZipEntries {
        archive,
        next: 0,
        max_file_bytes: limit,
    })
}

impl Entries for ZipEntries {
    fn next_entry(
        &mut self,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Option<Result<Entry, SkipReason>> {
        if self.next >= self.archive.len() {
            return None;
        }
        let index = self.next;
        self.next += 1;
        let name = self.archive.name_for_index(index).and_then(Result::ok);
        let path = name.unwrap_or_default().into_owned();
        let file = match self.archive.by_index(index) {
            Ok(file) => file,
            // Encrypted, or packed by a method that is not supported: the others may be read.
            Err(error) => {
                let bytes = Err(malformed("ZIP", &error.to_string()));
                return Some(Ok(Entry { path, bytes }));
            }
        };
        if file.is_symlink() {
            let bytes = Err(SkipReason::NotAFile);
            return Some(Ok(Entry { path, bytes }));
        }
        let packed = usize::try_from(file.compressed_size()).unwrap_or(usize::MAX);
        let bytes = if is_wanted(&path) {
            read_bounded(file, packed, self.max_file_bytes)
        } else {
            Ok(Vec::new())
        };
        Some(Ok(Entry { path, bytes }))
    }
}
