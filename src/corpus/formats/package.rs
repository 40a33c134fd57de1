//! Files that are packages: ZIP archives of XML, as Word, `OpenDocument` and EPUB write them.

use std::io::Cursor;

use zip::ZipArchive;

use super::bounded::read_bounded;
use crate::corpus::error::SkipReason;
use crate::corpus::parsed::{CountingReader, ReadContext};

/// Parts of one package that may be read. A book has a file per chapter.
const MAX_PARTS: usize = 10_000;

/// An open package.
pub(super) struct Package {
    archive: ZipArchive<Cursor<Vec<u8>>>,
    format: &'static str,
    /// Bytes that may still be unpacked.
    remaining: usize,
}

impl Package {
    pub(super) fn open(
        file: CountingReader,
        context: &ReadContext,
        format: &'static str,
    ) -> Result<Self, SkipReason> {
        let bytes = file.read_to_limit(context.limits.max_file_bytes)?;
        let archive =
            ZipArchive::new(Cursor::new(bytes)).map_err(|error| SkipReason::Malformed {
                format,
                problem: error.to_string(),
            })?;
        if archive.len() > MAX_PARTS {
            return Err(SkipReason::LimitExceeded {
                problem: format!("it has {} parts", archive.len()),
                limit: MAX_PARTS.to_string(),
            });
        }
        Ok(Self {
            archive,
            format,
            remaining: context.limits.max_file_bytes,
        })
    }

    /// Unpacks a part; `None` if there is none of that name.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<Vec<u8>>, SkipReason> {
        let malformed = |problem: String| SkipReason::Malformed {
            format: self.format,
            problem: format!("{name}: {problem}"),
        };
        let part = match self.archive.by_name(name) {
            Ok(part) => part,
            Err(zip::result::ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(malformed(error.to_string())),
        };
        let packed = usize::try_from(part.compressed_size()).unwrap_or(usize::MAX);
        let bytes = read_bounded(part, packed, self.remaining).map_err(|reason| match reason {
            SkipReason::Unreadable { problem } => malformed(problem),
            reason => reason,
        })?;
        self.remaining = self.remaining.saturating_sub(bytes.len());
        Ok(Some(bytes))
    }

    /// Unpacks a part without which the file is not of its format.
    pub(super) fn required_part(&mut self, name: &str) -> Result<Vec<u8>, SkipReason> {
        let format = self.format;
        self.part(name)?.ok_or_else(|| SkipReason::Malformed {
            format,
            problem: format!("it has no part {name}"),
        })
    }
}
