//! Where everything lies, as a function of the header alone.

use std::mem::offset_of;
use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use super::{FORMAT_VERSION, MAGIC, RowLabel};
use crate::index::graph::{FlatGraph, MAX_ROWS, UpperNode};
use crate::index::kernels::{CodeLine, LINE_BYTES};

/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 4096;

/// Bytes of payload with a checksum of their own.
pub(super) const CHECKSUM_BLOCK_BYTES: usize = 1 << 20;

/// Most layers above the bottom.
pub(super) const MAX_UPPER_LAYERS: usize = 15;

/// The beginning of a file, followed by zeros up to [`HEADER_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct FileHeader {
    pub(super) magic: [u8; 8],
    pub(super) version: u32,
    pub(super) dimension: u32,
    pub(super) rows: u32,
    pub(super) m: u32,
    pub(super) entry_point: u32,
    /// Members of each layer above the bottom; 0 where there is none.
    pub(super) layer_sizes: [u32; MAX_UPPER_LAYERS],
    /// Who may read it.
    pub(super) owner_fingerprint: [u8; 32],
    /// CRC-32 of the checksums at the end.
    pub(super) checksums_checksum: u32,
    /// CRC-32 of all of the above.
    pub(super) header_checksum: u32,
}

impl FileHeader {
    /// The header of a graph, without checksums.
    pub(super) fn for_graph(
        graph: &FlatGraph,
        dimension: usize,
        rows: usize,
        owner_fingerprint: [u8; 32],
    ) -> Self {
        #[allow(clippy::cast_possible_truncation)] // rows, and all that is fewer, fit 30 bits
        let short = |number: usize| number as u32;
        let mut members = [0; MAX_UPPER_LAYERS];
        for (to, layer) in members.iter_mut().zip(&graph.upper_layers) {
            *to = short(layer.nodes.len());
        }
        Self {
            magic: MAGIC,
            version: FORMAT_VERSION,
            dimension: short(dimension),
            rows: short(rows),
            m: short(graph.m),
            entry_point: graph.entry_point,
            layer_sizes: members,
            owner_fingerprint,
            checksums_checksum: 0,
            header_checksum: 0,
        }
    }

    /// What [`Header::own`] must be.
    pub(super) fn compute_checksum(&self) -> u32 {
        crc32fast::hash(&bytemuck::bytes_of(self)[..offset_of!(FileHeader, header_checksum)])
    }

    /// Where everything lies; `None` where the sizes are impossible.
    pub(super) fn layout(&self) -> Option<FileLayout> {
        let (rows, dimension) = (self.rows as usize, self.dimension as usize);
        let m = self.m as usize;
        if rows > MAX_ROWS || dimension == 0 || !(2..=128).contains(&m) {
            return None;
        }
        let mut end = HEADER_BYTES;
        let mut section = |count: usize, each: usize| -> Option<Range<usize>> {
            let start = end.checked_next_multiple_of(LINE_BYTES)?;
            end = start.checked_add(count.checked_mul(each)?)?;
            Some(start..end)
        };
        let layout = FileLayout {
            codes: section(
                rows.checked_mul(dimension.div_ceil(LINE_BYTES))?,
                size_of::<CodeLine>(),
            )?,
            quantization_errors: section(rows, 4)?,
            vectors: section(rows.checked_mul(dimension)?, 4)?,
            labels: section(rows, size_of::<RowLabel>())?,
            base_layer: section(rows.checked_mul(2 * m)?, 4)?,
            upper_layers: self
                .layer_sizes
                .iter()
                .map(|members| *members as usize)
                .take_while(|members| *members > 0)
                .map(|members| {
                    let places = section(members, size_of::<UpperNode>())?;
                    Some((places, section(members.checked_mul(m)?, 4)?))
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

/// Byte ranges of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileLayout {
    pub(super) codes: Range<usize>,
    pub(super) quantization_errors: Range<usize>,
    pub(super) vectors: Range<usize>,
    pub(super) labels: Range<usize>,
    pub(super) base_layer: Range<usize>,
    /// Members and links of each layer above the bottom.
    pub(super) upper_layers: Vec<(Range<usize>, Range<usize>)>,
    /// The end of the file.
    pub(super) checksums: Range<usize>,
}

impl FileLayout {
    /// The part that the checksums cover.
    pub(super) fn payload(&self) -> Range<usize> {
        let last = self
            .upper_layers
            .last()
            .map_or(&self.base_layer, |(_, links)| links);
        HEADER_BYTES..last.end
    }
}
