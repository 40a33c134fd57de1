//! From an index to a file.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use crc32fast::Hasher;

use super::layout::{BLOCK, HEADER_BYTES, Header};
use super::{FileError, Label};
use crate::index::Compaction;
use crate::index::kernels::LINE;

/// Writes a new index with a label for each of its rows, copying the rows from the index that it
/// was built from. What stands under this name already is replaced in one step once the new file is
/// whole and on disk.
///
/// # Errors
///
/// If the labels are not one for each row, or the file cannot be written; then the old one is still
/// there.
pub fn write(
    path: &Path,
    compaction: &Compaction,
    stamp: [u8; 32],
    labels: &[Label],
) -> Result<(), FileError> {
    let written = if labels.len() == compaction.rows().len() {
        replace(path, compaction, stamp, labels)
    } else {
        let what = format!(
            "{} labels for {} rows",
            labels.len(),
            compaction.rows().len()
        );
        Err(io::Error::new(io::ErrorKind::InvalidInput, what))
    };
    written.map_err(|source| FileError::Io {
        path: path.to_owned(),
        source,
    })
}

/// Writes beside `path` and renames.
fn replace(
    path: &Path,
    compaction: &Compaction,
    stamp: [u8; 32],
    labels: &[Label],
) -> io::Result<()> {
    let temporary = path.with_extension("index-being-written");
    let mut file = BufWriter::with_capacity(BLOCK, File::create(&temporary)?);
    file.write_all(&[0; HEADER_BYTES])?;
    let mut payload = Payload::new(&mut file);
    write_sections(&mut payload, compaction, labels)?;
    let checksums = payload.finish();
    let end: usize = HEADER_BYTES + checksums.1;
    file.write_all(&vec![0; end.next_multiple_of(LINE) - end])?;
    let checksums: Vec<u8> = checksums
        .0
        .iter()
        .flat_map(|sum| sum.to_le_bytes())
        .collect();
    file.write_all(&checksums)?;
    let dimension = compaction.source().dimension();
    let mut header = Header::of(compaction.graph(), dimension, labels.len(), stamp);
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

/// The sections in the order of the [layout](super::layout::Layout).
fn write_sections<W: Write>(
    payload: &mut Payload<W>,
    compaction: &Compaction,
    labels: &[Label],
) -> io::Result<()> {
    let (source, graph) = (compaction.source(), compaction.graph());
    for row in compaction.rows() {
        payload.write(bytemuck::cast_slice(source.code(*row).0))?;
    }
    payload.align()?;
    for row in compaction.rows() {
        payload.write(&source.code(*row).1.to_le_bytes())?;
    }
    payload.align()?;
    for row in compaction.rows() {
        payload.write(bytemuck::cast_slice(source.vector(*row)))?;
    }
    payload.align()?;
    payload.write(bytemuck::cast_slice(labels))?;
    payload.align()?;
    payload.write(bytemuck::cast_slice(&graph.bottom))?;
    for layer in &graph.upper {
        payload.align()?;
        payload.write(bytemuck::cast_slice(&layer.members))?;
        payload.align()?;
        payload.write(bytemuck::cast_slice(&layer.links))?;
    }
    Ok(())
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

    /// Zeros up to where the next section may begin; the header ends at such a place.
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
