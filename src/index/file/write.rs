//! From an index to a file.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use crc32fast::Hasher;

use super::layout::{CHECKSUM_BLOCK_BYTES, FileHeader, HEADER_BYTES};
use super::{FileError, RowLabel};
use crate::index::Compaction;
use crate::index::kernels::LINE_BYTES;

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
    owner_fingerprint: [u8; 32],
    labels: &[RowLabel],
) -> Result<(), FileError> {
    let written = if labels.len() == compaction.source_rows().len() {
        write_and_replace(path, compaction, owner_fingerprint, labels)
    } else {
        let what = format!(
            "{} labels for {} rows",
            labels.len(),
            compaction.source_rows().len()
        );
        Err(io::Error::new(io::ErrorKind::InvalidInput, what))
    };
    written.map_err(|source| FileError::Io {
        path: path.to_owned(),
        source,
    })
}

/// Writes beside `path` and renames.
fn write_and_replace(
    path: &Path,
    compaction: &Compaction,
    owner_fingerprint: [u8; 32],
    labels: &[RowLabel],
) -> io::Result<()> {
    let temporary = path.with_extension("index-being-written");
    let mut file = BufWriter::with_capacity(CHECKSUM_BLOCK_BYTES, File::create(&temporary)?);
    file.write_all(&[0; HEADER_BYTES])?;
    let mut payload = ChecksummedWriter::new(&mut file);
    write_sections(&mut payload, compaction, labels)?;
    let checksums = payload.finish();
    let end: usize = HEADER_BYTES + checksums.1;
    file.write_all(&vec![0; end.next_multiple_of(LINE_BYTES) - end])?;
    let checksums: Vec<u8> = checksums
        .0
        .iter()
        .flat_map(|sum| sum.to_le_bytes())
        .collect();
    file.write_all(&checksums)?;
    let dimension = compaction.source().dimension();
    let mut header = FileHeader::for_graph(
        compaction.graph(),
        dimension,
        labels.len(),
        owner_fingerprint,
    );
    header.checksums_checksum = crc32fast::hash(&checksums);
    header.header_checksum = header.compute_checksum();
    file.seek(SeekFrom::Start(0))?;
    file.write_all(bytemuck::bytes_of(&header))?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    match path.parent() {
        Some(folder) => sync_directory(folder),
        None => Ok(()),
    }
}

/// The sections in the order of the [layout](super::layout::Layout).
fn write_sections<W: Write>(
    payload: &mut ChecksummedWriter<W>,
    compaction: &Compaction,
    labels: &[RowLabel],
) -> io::Result<()> {
    let (source, graph) = (compaction.source(), compaction.graph());
    for row in compaction.source_rows() {
        payload.write(bytemuck::cast_slice(source.row_codes(*row).0))?;
    }
    payload.pad_to_alignment()?;
    for row in compaction.source_rows() {
        payload.write(&source.row_codes(*row).1.to_le_bytes())?;
    }
    payload.pad_to_alignment()?;
    for row in compaction.source_rows() {
        payload.write(bytemuck::cast_slice(source.vector(*row)))?;
    }
    payload.pad_to_alignment()?;
    payload.write(bytemuck::cast_slice(labels))?;
    payload.pad_to_alignment()?;
    payload.write(bytemuck::cast_slice(&graph.base_layer))?;
    for layer in &graph.upper_layers {
        payload.pad_to_alignment()?;
        payload.write(bytemuck::cast_slice(&layer.nodes))?;
        payload.pad_to_alignment()?;
        payload.write(bytemuck::cast_slice(&layer.links))?;
    }
    Ok(())
}

/// Makes a rename survive a power cut; only Unix lets a folder be synced.
fn sync_directory(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Writes bytes and computes the checksum of each block of them.
struct ChecksummedWriter<W> {
    inner: W,
    bytes_written: usize,
    block_hasher: Hasher,
    checksums: Vec<u32>,
}

impl<W: Write> ChecksummedWriter<W> {
    fn new(to: W) -> Self {
        Self {
            inner: to,
            bytes_written: 0,
            block_hasher: Hasher::new(),
            checksums: Vec::new(),
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = CHECKSUM_BLOCK_BYTES - self.bytes_written % CHECKSUM_BLOCK_BYTES;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.inner.write_all(now)?;
            self.block_hasher.update(now);
            self.bytes_written += now.len();
            if self.bytes_written.is_multiple_of(CHECKSUM_BLOCK_BYTES) {
                let block = std::mem::take(&mut self.block_hasher);
                self.checksums.push(block.finalize());
            }
            bytes = later;
        }
        Ok(())
    }

    /// Zeros up to where the next section may begin; the header ends at such a place.
    fn pad_to_alignment(&mut self) -> io::Result<()> {
        let gap = self.bytes_written.next_multiple_of(LINE_BYTES) - self.bytes_written;
        self.write(&[0; LINE_BYTES][..gap])
    }

    /// The checksums, and how much was written.
    fn finish(mut self) -> (Vec<u32>, usize) {
        if !self.bytes_written.is_multiple_of(CHECKSUM_BLOCK_BYTES) {
            self.checksums.push(self.block_hasher.finalize());
        }
        (self.checksums, self.bytes_written)
    }
}
