//! Writes an index file.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use antiphon_kernels::dot::LINE_BYTES;
use crc32fast::Hasher;

use super::layout::{CHECKSUM_BLOCK_BYTES, FileHeader, HEADER_BYTES};
use super::{FileError, RowLabel};
use crate::atomic_file;
use crate::index::Compaction;

/// Writes a compacted index with a label for each of its rows, copying the rows from its source. An
/// existing file is replaced atomically once the new one is complete and on disk.
///
/// # Errors
///
/// If the number of labels is not that of the rows, or the file cannot be written; the existing file
/// is then unchanged.
pub fn write(
    path: &Path,
    compaction: &Compaction,
    owner_fingerprint: [u8; 32],
    labels: &[RowLabel],
) -> Result<(), FileError> {
    let result = if labels.len() == compaction.source_rows().len() {
        atomic_file::replace_by_only_writer(path, |file| {
            write_contents(file, compaction, owner_fingerprint, labels)
        })
    } else {
        let what = format!(
            "{} labels for {} rows",
            labels.len(),
            compaction.source_rows().len()
        );
        Err(io::Error::new(io::ErrorKind::InvalidInput, what))
    };
    result.map_err(|source| FileError::Io {
        path: path.to_owned(),
        source,
    })
}

fn write_contents(
    file: &mut File,
    compaction: &Compaction,
    owner_fingerprint: [u8; 32],
    labels: &[RowLabel],
) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(CHECKSUM_BLOCK_BYTES, file);
    file.write_all(&[0; HEADER_BYTES])?;
    let mut payload = ChecksummedWriter::new(&mut file);
    write_sections(&mut payload, compaction, labels)?;
    let (checksums, payload_bytes) = payload.finish();
    let end = HEADER_BYTES + payload_bytes;
    file.write_all(&vec![0; end.next_multiple_of(LINE_BYTES) - end])?;
    let checksums: Vec<u8> = checksums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
    file.write_all(&checksums)?;
    let dimension = compaction.source().dimension();
    let mut header = FileHeader::for_graph(
        compaction.graph(),
        dimension,
        (labels.len(), sentence_count(compaction)),
        owner_fingerprint,
    );
    header.checksums_checksum = crc32fast::hash(&checksums);
    header.header_checksum = header.compute_checksum();
    file.seek(SeekFrom::Start(0))?;
    file.write_all(bytemuck::bytes_of(&header))?;
    file.flush()
}

/// Writes the sections in the order of [`FileLayout`](super::layout::FileLayout).
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
    write_sentences(payload, compaction)?;
    payload.write(bytemuck::cast_slice(&graph.base_layer))?;
    for layer in &graph.upper_layers {
        payload.pad_to_alignment()?;
        payload.write(bytemuck::cast_slice(&layer.nodes))?;
        payload.pad_to_alignment()?;
        payload.write(bytemuck::cast_slice(&layer.links))?;
    }
    Ok(())
}

/// Returns the number of sentences of all rows.
fn sentence_count(compaction: &Compaction) -> usize {
    let sentences = |row: &u32| compaction.source().sentence_codes(*row).1.len();
    compaction.source_rows().iter().map(sentences).sum()
}

/// Writes the sections of sentences.
fn write_sentences<W: Write>(
    payload: &mut ChecksummedWriter<W>,
    compaction: &Compaction,
) -> io::Result<()> {
    let source = compaction.source();
    let mut end = 0_u32;
    payload.write(&end.to_le_bytes())?;
    for row in compaction.source_rows() {
        #[allow(clippy::cast_possible_truncation)] // of one row
        let count = source.sentence_codes(*row).1.len() as u32;
        end += count;
        payload.write(&end.to_le_bytes())?;
    }
    payload.pad_to_alignment()?;
    for row in compaction.source_rows() {
        payload.write(&source.sentence_spread(*row).to_le_bytes())?;
    }
    payload.pad_to_alignment()?;
    for row in compaction.source_rows() {
        payload.write(bytemuck::cast_slice(source.sentence_codes(*row).0))?;
    }
    payload.pad_to_alignment()?;
    for row in compaction.source_rows() {
        payload.write(bytemuck::cast_slice(source.sentence_codes(*row).1))?;
    }
    payload.pad_to_alignment()
}

/// Writes bytes and computes the checksum of each block.
struct ChecksummedWriter<W> {
    inner: W,
    bytes_written: usize,
    block_hasher: Hasher,
    checksums: Vec<u32>,
}

impl<W: Write> ChecksummedWriter<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            bytes_written: 0,
            block_hasher: Hasher::new(),
            checksums: Vec::new(),
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let free = CHECKSUM_BLOCK_BYTES - self.bytes_written % CHECKSUM_BLOCK_BYTES;
            let (head, tail) = bytes.split_at(free.min(bytes.len()));
            self.inner.write_all(head)?;
            self.block_hasher.update(head);
            self.bytes_written += head.len();
            if self.bytes_written.is_multiple_of(CHECKSUM_BLOCK_BYTES) {
                let block = std::mem::take(&mut self.block_hasher);
                self.checksums.push(block.finalize());
            }
            bytes = tail;
        }
        Ok(())
    }

    /// Writes zeros up to the alignment of the next section; the header's size is a multiple of it.
    fn pad_to_alignment(&mut self) -> io::Result<()> {
        let gap = self.bytes_written.next_multiple_of(LINE_BYTES) - self.bytes_written;
        self.write(&[0; LINE_BYTES][..gap])
    }

    /// Returns the checksums and the number of bytes written.
    fn finish(mut self) -> (Vec<u32>, usize) {
        if !self.bytes_written.is_multiple_of(CHECKSUM_BLOCK_BYTES) {
            self.checksums.push(self.block_hasher.finalize());
        }
        (self.checksums, self.bytes_written)
    }
}
