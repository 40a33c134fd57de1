//! The layout of a file, computed from its header.

use std::mem::offset_of;
use std::ops::Range;

use antiphon_kernels::dot::{CodeLine, LINE_BYTES};
use bytemuck::{Pod, Zeroable};

use super::{FORMAT_VERSION, MAGIC, RowLabel};
use crate::index::graph::{FlatGraph, MAX_ROWS, UpperNode};

/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 4096;

/// Bytes of payload per checksum.
pub(super) const CHECKSUM_BLOCK_BYTES: usize = 1 << 20;

/// Maximum number of layers above the base layer.
pub(super) const MAX_UPPER_LAYERS: usize = 15;

/// The header, followed by zeros up to [`HEADER_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct FileHeader {
    pub(super) magic: [u8; 8],
    pub(super) version: u32,
    pub(super) dimension: u32,
    pub(super) rows: u32,
    pub(super) sentences: u32,
    pub(super) m: u32,
    pub(super) entry_point: u32,
    /// Number of nodes of each upper layer, lowest first; 0 for no layer.
    pub(super) layer_sizes: [u32; MAX_UPPER_LAYERS],
    /// Identifies the store and encoder that the index belongs to.
    pub(super) owner_fingerprint: [u8; 32],
    /// CRC-32 of the checksums at the end.
    pub(super) checksums_checksum: u32,
    /// CRC-32 of all of the above.
    pub(super) header_checksum: u32,
}

impl FileHeader {
    /// Creates the header for a graph, without checksums.
    pub(super) fn for_graph(
        graph: &FlatGraph,
        dimension: usize,
        (rows, sentences): (usize, usize),
        owner_fingerprint: [u8; 32],
    ) -> Self {
        #[allow(clippy::cast_possible_truncation)]
        // at most 2^30 rows, and far below 2^32 sentences
        let to_u32 = |number: usize| number as u32;
        let mut layer_sizes = [0; MAX_UPPER_LAYERS];
        for (size, layer) in layer_sizes.iter_mut().zip(&graph.upper_layers) {
            *size = to_u32(layer.nodes.len());
        }
        Self {
            magic: MAGIC,
            version: FORMAT_VERSION,
            dimension: to_u32(dimension),
            rows: to_u32(rows),
            sentences: to_u32(sentences),
            m: to_u32(graph.m),
            entry_point: graph.entry_point,
            layer_sizes,
            owner_fingerprint,
            checksums_checksum: 0,
            header_checksum: 0,
        }
    }

    /// Computes the value of [`Self::header_checksum`].
    pub(super) fn compute_checksum(&self) -> u32 {
        crc32fast::hash(&bytemuck::bytes_of(self)[..offset_of!(FileHeader, header_checksum)])
    }

    /// Computes the layout; `None` if the sizes are invalid.
    pub(super) fn layout(&self) -> Option<FileLayout> {
        let (rows, dimension) = (self.rows as usize, self.dimension as usize);
        let (m, sentences) = (self.m as usize, self.sentences as usize);
        let lines_per_row = dimension.div_ceil(LINE_BYTES);
        if rows > MAX_ROWS || dimension == 0 || !(2..=128).contains(&m) {
            return None;
        }
        let mut end = HEADER_BYTES;
        let mut section = |count: usize, item_bytes: usize| -> Option<Range<usize>> {
            let start = end.checked_next_multiple_of(LINE_BYTES)?;
            end = start.checked_add(count.checked_mul(item_bytes)?)?;
            Some(start..end)
        };
        let layout = FileLayout {
            codes: section(rows.checked_mul(lines_per_row)?, size_of::<CodeLine>())?,
            quantization_errors: section(rows, 4)?,
            vectors: section(rows.checked_mul(dimension)?, 4)?,
            labels: section(rows, size_of::<RowLabel>())?,
            sentence_starts: section(rows.checked_add(1)?, 4)?,
            sentence_spreads: section(rows, 4)?,
            sentence_codes: section(sentences.checked_mul(lines_per_row)?, size_of::<CodeLine>())?,
            sentence_errors: section(sentences, 4)?,
            base_layer: section(rows.checked_mul(2 * m)?, 4)?,
            upper_layers: self
                .layer_sizes
                .iter()
                .map(|size| *size as usize)
                .take_while(|size| *size > 0)
                .map(|size| {
                    let nodes = section(size, size_of::<UpperNode>())?;
                    Some((nodes, section(size.checked_mul(m)?, 4)?))
                })
                .collect::<Option<_>>()?,
            checksums: 0..0,
        };
        let blocks = layout.payload().len().div_ceil(CHECKSUM_BLOCK_BYTES);
        let checksums = section(blocks, 4)?;
        Some(FileLayout {
            checksums,
            ..layout
        })
    }
}

/// The byte ranges of the sections.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileLayout {
    pub(super) codes: Range<usize>,
    pub(super) quantization_errors: Range<usize>,
    pub(super) vectors: Range<usize>,
    pub(super) labels: Range<usize>,
    pub(super) sentence_starts: Range<usize>,
    pub(super) sentence_spreads: Range<usize>,
    pub(super) sentence_codes: Range<usize>,
    pub(super) sentence_errors: Range<usize>,
    pub(super) base_layer: Range<usize>,
    /// Nodes and links of each upper layer, lowest first.
    pub(super) upper_layers: Vec<(Range<usize>, Range<usize>)>,
    /// The last section.
    pub(super) checksums: Range<usize>,
}

impl FileLayout {
    /// Returns the range that the checksums cover.
    pub(super) fn payload(&self) -> Range<usize> {
        let last = self
            .upper_layers
            .last()
            .map_or(&self.base_layer, |(_, links)| links);
        HEADER_BYTES..last.end
    }
}
