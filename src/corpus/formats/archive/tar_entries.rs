//! The files of a tar archive, read as a stream.

use std::io::{BufRead, BufReader, Read};

use flate2::read::MultiGzDecoder;
use tar::{EntryType, Header};

use super::super::bounded::is_gzip;
use super::{Entries, Entry, MAX_TOTAL_BYTES, malformed};
use crate::corpus::error::SkipReason;
use crate::corpus::parsed::CountingReader;

const BLOCK_BYTES: u64 = 512;

/// Names that are too long for a header stand in a file before the file.
const MAX_NAME_BYTES: u64 = 64 * 1024;

pub(super) struct TarEntries {
    input: Box<dyn Read>,
    long_name: Option<String>,
    max_file_bytes: usize,
}

pub(super) fn open(file: CountingReader, limit: usize) -> TarEntries {
    let mut file = BufReader::with_capacity(64 * 1024, file);
    let compressed = file.fill_buf().is_ok_and(is_gzip);
    let input: Box<dyn Read> = if compressed {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    TarEntries {
        // What is skipped is unpacked as well.
        input: Box::new(input.take(MAX_TOTAL_BYTES)),
        long_name: None,
        max_file_bytes: limit,
    }
}

impl TarEntries {
    /// Reads a header; `None` at the end.
    fn header(&mut self) -> Result<Option<Header>, SkipReason> {
        let mut header = Header::new_old();
        let read = read_fully(&mut self.input, header.as_mut_bytes())?;
        if read == 0 || header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sum: u32 = header
            .as_bytes()
            .iter()
            .enumerate()
            .map(|(index, byte)| {
                if (148..156).contains(&index) {
                    32
                } else {
                    u32::from(*byte)
                }
            })
            .sum();
        if read < header.as_bytes().len() || header.cksum().ok() != Some(sum) {
            return Err(malformed("tar", "a header is damaged or cut short"));
        }
        Ok(Some(header))
    }

    /// Reads the content of a file, or only passes it if it is longer than the limit or not wanted.
    fn content(&mut self, size: u64, limit: Option<u64>) -> Result<Option<Vec<u8>>, SkipReason> {
        let padding = (BLOCK_BYTES - size % BLOCK_BYTES) % BLOCK_BYTES;
        let mut bytes = Vec::new();
        let keep = limit.is_some_and(|limit| size <= limit);
        let read = if keep {
            let count = (&mut self.input).take(size).read_to_end(&mut bytes);
            count.ok().and_then(|count| u64::try_from(count).ok())
        } else {
            std::io::copy(&mut (&mut self.input).take(size), &mut std::io::sink()).ok()
        };
        if read != Some(size) {
            return Err(malformed("tar", "it is damaged or cut short"));
        }
        let _ = std::io::copy(&mut (&mut self.input).take(padding), &mut std::io::sink());
        Ok(keep.then_some(bytes))
    }

    fn read_next(&mut self, is_wanted: &dyn Fn(&str) -> bool) -> Result<Option<Entry>, SkipReason> {
        loop {
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            let size = header
                .entry_size()
                .map_err(|error| malformed("tar", &error.to_string()))?;
            let kind = header.entry_type();
            if matches!(kind, EntryType::GNULongName | EntryType::XHeader) {
                let name = self
                    .content(size, Some(MAX_NAME_BYTES))?
                    .unwrap_or_default();
                self.long_name = if kind == EntryType::XHeader {
                    pax_path(&name).or(self.long_name.take())
                } else {
                    let name = String::from_utf8_lossy(&name);
                    Some(name.trim_end_matches('\0').to_owned())
                };
                continue;
            }
            let path = self
                .long_name
                .take()
                .unwrap_or_else(|| String::from_utf8_lossy(&header.path_bytes()).into_owned());
            if !matches!(kind, EntryType::Regular | EntryType::Continuous) {
                // Links and devices have no content; that of extensions is passed.
                self.content(size, None)?;
                if kind.is_symlink() || kind.is_hard_link() {
                    let bytes = Err(SkipReason::NotAFile);
                    return Ok(Some(Entry { path, bytes }));
                }
                continue;
            }
            let limit = u64::try_from(self.max_file_bytes).unwrap_or(u64::MAX);
            if !is_wanted(&path) {
                self.content(size, None)?;
                return Ok(Some(Entry {
                    path,
                    bytes: Ok(Vec::new()),
                }));
            }
            let bytes = self
                .content(size, Some(limit))?
                .ok_or(SkipReason::TooLarge {
                    limit: self.max_file_bytes,
                    received: usize::try_from(size).ok(),
                });
            return Ok(Some(Entry { path, bytes }));
        }
    }
}

impl Entries for TarEntries {
    fn next_entry(
        &mut self,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Option<Result<Entry, SkipReason>> {
        self.read_next(is_wanted).transpose()
    }
}

fn read_fully(input: &mut impl Read, buffer: &mut [u8]) -> Result<usize, SkipReason> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(malformed("tar", &error.to_string())),
        }
    }
    Ok(filled)
}

/// Returns the path in an extended header, whose records are `length key=value`.
fn pax_path(records: &[u8]) -> Option<String> {
    let records = String::from_utf8_lossy(records).into_owned();
    records.lines().find_map(|record| {
        let (_, field) = record.split_once(' ')?;
        field.strip_prefix("path=").map(str::to_owned)
    })
}
