//! Opens and verifies an index file.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use antiphon_kernels::MappedFile;
use rayon::prelude::*;

use super::layout::{CHECKSUM_BLOCK_BYTES, FileHeader, FileLayout};
use super::{FORMAT_VERSION, FileError, MAGIC, RowLabel};
use crate::index::SegmentedIndex;
use crate::index::graph::{FlatGraph, HnswParameters, UpperLayer};
use crate::index::scalar_quantization::{QuantizedVectors, ScalarQuantizer};
use crate::index::segment::Segment;
use crate::index::sentences::SentenceCodes;
use crate::index::shared_slice::SharedSlice;

/// An index opened from a file.
pub struct LoadedIndex {
    /// The index; its arrays are parts of the mapped file.
    pub index: SegmentedIndex,
    labels: SharedSlice<RowLabel>,
}

impl LoadedIndex {
    /// Returns the label of each row.
    #[must_use]
    pub fn labels(&self) -> &[RowLabel] {
        &self.labels
    }
}

/// Opens a file that [`super::write()`] wrote with this fingerprint, and verifies every byte of it;
/// `Ok(None)` if there is no file.
///
/// # Errors
///
/// If the file has another version, fingerprint, dimension or `m`, or is corrupt.
pub fn open(
    path: &Path,
    owner_fingerprint: [u8; 32],
    dimension: usize,
    parameters: HnswParameters,
) -> Result<Option<LoadedIndex>, FileError> {
    let io_error = |source| FileError::Io {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(error)),
    };
    let map = Arc::new(MappedFile::open(&file).map_err(io_error)?);
    let header = read_header(path, &map, owner_fingerprint, dimension)?;
    if header.m as usize != parameters.m {
        return foreign_file(path, "hnsw_m", &parameters.m, &header.m);
    }
    let corrupt = |what: &str| FileError::Damaged {
        path: path.to_owned(),
        what: what.to_owned(),
    };
    let layout = header
        .layout()
        .ok_or_else(|| corrupt("the header's sizes are invalid"))?;
    if map.len() != layout.checksums.end {
        return Err(corrupt(&format!(
            "file size is {} bytes; expected {}",
            map.len(),
            layout.checksums.end
        )));
    }
    verify_checksums(&map, &layout, header.checksums_checksum).map_err(|what| corrupt(&what))?;
    let (segment, labels) =
        map_sections(&map, &header, &layout).ok_or_else(|| corrupt("a section is misaligned"))?;
    let is_valid = segment
        .graph
        .as_ref()
        .is_some_and(|graph| graph.is_valid(segment.len()));
    if !is_valid {
        return Err(corrupt("a graph link is out of range"));
    }
    if !segment.sentences.is_valid(segment.len()) {
        return Err(corrupt("the sentences do not match the rows"));
    }
    let build_id = u64::from(header.checksums_checksum) << 32 | u64::from(header.header_checksum);
    let index = SegmentedIndex::from_segment(segment, parameters).with_build_id(build_id);
    Ok(Some(LoadedIndex { index, labels }))
}

fn foreign_file<T>(
    path: &Path,
    what: &'static str,
    expected: &dyn ToString,
    received: &dyn ToString,
) -> Result<T, FileError> {
    Err(FileError::Foreign {
        path: path.to_owned(),
        what,
        expected: expected.to_string(),
        received: received.to_string(),
    })
}

/// Reads and verifies the header.
fn read_header(
    path: &Path,
    map: &MappedFile,
    owner_fingerprint: [u8; 32],
    dimension: usize,
) -> Result<FileHeader, FileError> {
    let bytes = map.get(..size_of::<FileHeader>()).unwrap_or_default();
    let Ok(header) = bytemuck::try_pod_read_unaligned::<FileHeader>(bytes) else {
        return foreign_file(
            path,
            "file size",
            &"at least a header",
            &format!("{} bytes", map.len()),
        );
    };
    if cfg!(target_endian = "big") {
        return foreign_file(
            path,
            "byte order of this machine",
            &"little-endian",
            &"big-endian",
        );
    }
    if header.magic != MAGIC {
        return foreign_file(
            path,
            "magic number",
            &"that of an Antiphon index",
            &"another",
        );
    }
    if header.version != FORMAT_VERSION {
        return foreign_file(path, "format version", &FORMAT_VERSION, &header.version);
    }
    if header.header_checksum != header.compute_checksum() {
        return Err(FileError::Damaged {
            path: path.to_owned(),
            what: "header checksum mismatch".to_owned(),
        });
    }
    if header.owner_fingerprint != owner_fingerprint {
        return foreign_file(
            path,
            "store and encoder fingerprint",
            &"that of this store",
            &"another",
        );
    }
    if header.dimension as usize != dimension {
        return foreign_file(path, "vector dimension", &dimension, &header.dimension);
    }
    Ok(header)
}

/// Verifies the checksum of every block, and of the checksums themselves.
fn verify_checksums(map: &MappedFile, layout: &FileLayout, expected: u32) -> Result<(), String> {
    let bytes = |range| map.get(range).unwrap_or_default();
    let checksums = bytes(layout.checksums.clone());
    if crc32fast::hash(checksums) != expected {
        return Err("checksum table mismatch".to_owned());
    }
    let blocks = bytes(layout.payload()).par_chunks(CHECKSUM_BLOCK_BYTES);
    let sums = checksums.as_chunks::<4>().0;
    blocks
        .zip(sums)
        .enumerate()
        .find_map_first(|(number, (block, sum))| {
            (crc32fast::hash(block) != u32::from_le_bytes(*sum)).then_some(number)
        })
        .map_or(Ok(()), |number| {
            Err(format!("checksum mismatch in block {number}"))
        })
}

/// Borrows the sections from the map; `None` if one is misaligned.
fn map_sections(
    map: &Arc<MappedFile>,
    header: &FileHeader,
    layout: &FileLayout,
) -> Option<(Segment, SharedSlice<RowLabel>)> {
    let upper_layers = layout.upper_layers.iter().map(|(nodes, links)| {
        Some(UpperLayer {
            nodes: SharedSlice::from_map(map, nodes.clone())?,
            links: SharedSlice::from_map(map, links.clone())?,
        })
    });
    let graph = FlatGraph {
        m: header.m as usize,
        entry_point: header.entry_point,
        base_layer: SharedSlice::from_map(map, layout.base_layer.clone())?,
        upper_layers: upper_layers.collect::<Option<_>>()?,
    };
    let dimension = header.dimension as usize;
    let segment = Segment {
        dimension,
        vectors: SharedSlice::from_map(map, layout.vectors.clone())?,
        codes: QuantizedVectors::from_parts(
            ScalarQuantizer::new(dimension),
            SharedSlice::from_map(map, layout.codes.clone())?,
            SharedSlice::from_map(map, layout.quantization_errors.clone())?,
        ),
        sentences: SentenceCodes {
            starts: SharedSlice::from_map(map, layout.sentence_starts.clone())?,
            spreads: SharedSlice::from_map(map, layout.sentence_spreads.clone())?,
            codes: QuantizedVectors::from_parts(
                ScalarQuantizer::new(dimension),
                SharedSlice::from_map(map, layout.sentence_codes.clone())?,
                SharedSlice::from_map(map, layout.sentence_errors.clone())?,
            ),
        },
        graph: Some(graph),
    };
    Some((segment, SharedSlice::from_map(map, layout.labels.clone())?))
}
