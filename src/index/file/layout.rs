//! Where everything lies, as a function of the header alone.

use std::mem::offset_of;
use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use super::{Label, MAGIC, VERSION};
use crate::index::graph::{Graph, MAX_ROWS, Member};
use crate::index::kernels::{LINE, Line};

/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 4096;

/// Bytes of payload with a checksum of their own.
pub(super) const BLOCK: usize = 1 << 20;

/// Most layers above the bottom.
pub(super) const LAYERS: usize = 15;

/// The beginning of a file, followed by zeros up to [`HEADER_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Header {
    pub(super) magic: [u8; 8],
    pub(super) version: u32,
    pub(super) dimension: u32,
    pub(super) rows: u32,
    pub(super) m: u32,
    pub(super) entry: u32,
    /// Members of each layer above the bottom; 0 where there is none.
    pub(super) members: [u32; LAYERS],
    /// Who may read it.
    pub(super) stamp: [u8; 32],
    /// CRC-32 of the checksums at the end.
    pub(super) checksums: u32,
    /// CRC-32 of all of the above.
    pub(super) own: u32,
}

impl Header {
    /// The header of a graph, without checksums.
    pub(super) fn of(graph: &Graph, dimension: usize, rows: usize, stamp: [u8; 32]) -> Self {
        #[allow(clippy::cast_possible_truncation)] // rows, and all that is fewer, fit 30 bits
        let short = |number: usize| number as u32;
        let mut members = [0; LAYERS];
        for (to, layer) in members.iter_mut().zip(&graph.upper) {
            *to = short(layer.members.len());
        }
        Self {
            magic: MAGIC,
            version: VERSION,
            dimension: short(dimension),
            rows: short(rows),
            m: short(graph.m),
            entry: graph.entry,
            members,
            stamp,
            checksums: 0,
            own: 0,
        }
    }

    /// What [`Header::own`] must be.
    pub(super) fn checksum(&self) -> u32 {
        crc32fast::hash(&bytemuck::bytes_of(self)[..offset_of!(Header, own)])
    }

    /// Where everything lies; `None` where the sizes are impossible.
    pub(super) fn layout(&self) -> Option<Layout> {
        let (rows, dimension) = (self.rows as usize, self.dimension as usize);
        let m = self.m as usize;
        if rows > MAX_ROWS || dimension == 0 || !(2..=128).contains(&m) {
            return None;
        }
        let mut end = HEADER_BYTES;
        let mut section = |count: usize, each: usize| -> Option<Range<usize>> {
            let start = end.checked_next_multiple_of(LINE)?;
            end = start.checked_add(count.checked_mul(each)?)?;
            Some(start..end)
        };
        let layout = Layout {
            codes: section(
                rows.checked_mul(dimension.div_ceil(LINE))?,
                size_of::<Line>(),
            )?,
            lost: section(rows, 4)?,
            vectors: section(rows.checked_mul(dimension)?, 4)?,
            labels: section(rows, size_of::<Label>())?,
            bottom: section(rows.checked_mul(2 * m)?, 4)?,
            upper: self
                .members
                .iter()
                .map(|members| *members as usize)
                .take_while(|members| *members > 0)
                .map(|members| {
                    let places = section(members, size_of::<Member>())?;
                    Some((places, section(members.checked_mul(m)?, 4)?))
                })
                .collect::<Option<_>>()?,
            checksums: 0..0,
        };
        let blocks = layout.payload().len().div_ceil(BLOCK);
        let checksums = section(blocks, 4)?;
        Some(Layout {
            checksums,
            ..layout
        })
    }
}

/// Byte ranges of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) codes: Range<usize>,
    pub(super) lost: Range<usize>,
    pub(super) vectors: Range<usize>,
    pub(super) labels: Range<usize>,
    pub(super) bottom: Range<usize>,
    /// Members and links of each layer above the bottom.
    pub(super) upper: Vec<(Range<usize>, Range<usize>)>,
    /// The end of the file.
    pub(super) checksums: Range<usize>,
}

impl Layout {
    /// The part that the checksums cover.
    pub(super) fn payload(&self) -> Range<usize> {
        let last = self.upper.last().map_or(&self.bottom, |(_, links)| links);
        HEADER_BYTES..last.end
    }
}
