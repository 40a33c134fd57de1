//! From an index to a file.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use crc32fast::Hasher;

use super::layout::{BLOCK, HEADER_BYTES, Header};
use super::{FileError, Label};
use crate::index::SegmentedIndex;
use crate::index::kernels::LINE;

/// Writes the part of an index that has a graph, with a label for each of its rows. What stands
/// under this name already is replaced in one step once the new file is whole and on disk; rows
/// outside the graph and deletions are not written.
///
/// Gives `false` and writes nothing where there is no graph.
///
/// # Errors
///
/// If the file cannot be written; then the old one is still there.
pub fn write(
    path: &Path,
    index: &SegmentedIndex,
    stamp: [u8; 32],
    labels: &[Label],
) -> Result<bool, FileError> {
    let failed = |source| FileError::Io {
        path: path.to_owned(),
        source,
    };
    let segment = index.base();
    let Some(graph) = segment
        .graph
        .as_ref()
        .filter(|_| labels.len() == segment.len())
    else {
        return Ok(false);
    };
    let header = Header::of(graph, segment.dimension, segment.len(), stamp);
    let mut sections: Vec<&[u8]> = vec![
        bytemuck::cast_slice(segment.codes.lines()),
        bytemuck::cast_slice(segment.codes.lost()),
        bytemuck::cast_slice(&segment.vectors),
        bytemuck::cast_slice(labels),
        bytemuck::cast_slice(&graph.bottom),
    ];
    for layer in &graph.upper {
        sections.push(bytemuck::cast_slice(&layer.members));
        sections.push(bytemuck::cast_slice(&layer.links));
    }
    replace(path, header, &sections).map_err(failed)?;
    Ok(true)
}

/// Writes header and sections beside `path` and renames.
fn replace(path: &Path, mut header: Header, sections: &[&[u8]]) -> io::Result<()> {
    let temporary = path.with_extension("index-being-written");
    let mut file = BufWriter::with_capacity(BLOCK, File::create(&temporary)?);
    file.write_all(&[0; HEADER_BYTES])?;
    let mut payload = Payload::new(&mut file);
    for section in sections {
        payload.align()?;
        payload.write(section)?;
    }
    let checksums = payload.finish();
    let end: usize = HEADER_BYTES + checksums.1;
    file.write_all(&vec![0; end.next_multiple_of(LINE) - end])?;
    let checksums: Vec<u8> = checksums
        .0
        .iter()
        .flat_map(|sum| sum.to_le_bytes())
        .collect();
    file.write_all(&checksums)?;
    header.checksums = crc32fast::hash(&checksums);
    header.own = header.checksum();
    file.seek(SeekFrom::Start(0))?;
    file.write_all(bytemuck::bytes_of(&header))?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    match path.parent() {
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// Makes a rename survive a power cut; only Unix lets a folder be synced.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Writes bytes and computes the checksum of each block of them.
struct Payload<W> {
    to: W,
    written: usize,
    block: Hasher,
    checksums: Vec<u32>,
}

impl<W: Write> Payload<W> {
    fn new(to: W) -> Self {
        Self {
            to,
            written: 0,
            block: Hasher::new(),
            checksums: Vec::new(),
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = BLOCK - self.written % BLOCK;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.to.write_all(now)?;
            self.block.update(now);
            self.written += now.len();
            if self.written.is_multiple_of(BLOCK) {
                let block = std::mem::take(&mut self.block);
                self.checksums.push(block.finalize());
            }
            bytes = later;
        }
        Ok(())
    }

    /// Zeros up to where a section may begin; the header ends there too.
    fn align(&mut self) -> io::Result<()> {
        let gap = self.written.next_multiple_of(LINE) - self.written;
        self.write(&[0; LINE][..gap])
    }

    /// The checksums, and how much was written.
    fn finish(mut self) -> (Vec<u32>, usize) {
        if !self.written.is_multiple_of(BLOCK) {
            self.checksums.push(self.block.finalize());
        }
        (self.checksums, self.written)
    }
}
