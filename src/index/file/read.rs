//! From a file to an index.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::layout::{BLOCK, Header, Layout};
use super::{FileError, Label, MAGIC, VERSION};
use crate::index::SegmentedIndex;
use crate::index::codes::{Codes, Quantiser};
use crate::index::graph::{Graph, HnswParameters, Layer};
use crate::index::kernels::Map;
use crate::index::section::Section;
use crate::index::segment::Segment;

/// An index from a file.
pub struct Opened {
    /// The index; its arrays lie in the mapped file.
    pub index: SegmentedIndex,
    labels: Section<Label>,
}

impl Opened {
    /// What each row stands for.
    #[must_use]
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }
}

/// Opens a file that [`super::write()`] wrote with this stamp; every byte of it is verified.
///
/// `Ok(None)` where there is no file.
///
/// # Errors
///
/// If the file is of another version, stamp or shape, or any of it is damaged.
pub fn open(
    path: &Path,
    stamp: [u8; 32],
    dimension: usize,
    parameters: HnswParameters,
) -> Result<Option<Opened>, FileError> {
    let failed = |source| FileError::Io {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let map = Arc::new(Map::of(&file).map_err(failed)?);
    let header = header(path, &map, stamp, dimension)?;
    if header.m as usize != parameters.m {
        return foreign(path, "m", &parameters.m, &header.m);
    }
    let damaged = |what: &str| FileError::Damaged {
        path: path.to_owned(),
        what: what.to_owned(),
    };
    let layout = header
        .layout()
        .ok_or_else(|| damaged("its sizes are impossible"))?;
    if map.len() != layout.checksums.end {
        return Err(damaged(&format!(
            "it has {} bytes; expected {}",
            map.len(),
            layout.checksums.end
        )));
    }
    verify(&map, &layout, header.checksums).map_err(|what| damaged(&what))?;
    let (segment, labels) =
        sections(&map, &header, &layout).ok_or_else(|| damaged("a section is not aligned"))?;
    let sound = segment
        .graph
        .as_ref()
        .is_some_and(|g| g.is_sound(segment.len()));
    if !sound {
        return Err(damaged("a link points outside"));
    }
    let build = u64::from(header.checksums) << 32 | u64::from(header.own);
    let index = SegmentedIndex::over(segment, parameters).built_as(build);
    Ok(Some(Opened { index, labels }))
}

fn foreign<T>(
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

/// The header, if it is one of ours.
fn header(path: &Path, map: &Map, stamp: [u8; 32], dimension: usize) -> Result<Header, FileError> {
    let bytes = map.get(..size_of::<Header>()).unwrap_or_default();
    let Ok(header) = bytemuck::try_pod_read_unaligned::<Header>(bytes) else {
        return foreign(
            path,
            "its length",
            &"a header",
            &format!("{} bytes", map.len()),
        );
    };
    if cfg!(target_endian = "big") {
        return foreign(
            path,
            "this machine's byte order",
            &"little-endian",
            &"big-endian",
        );
    }
    if header.magic != MAGIC {
        return foreign(path, "its beginning", &"an index's", &"something else");
    }
    if header.version != VERSION {
        return foreign(path, "its version", &VERSION, &header.version);
    }
    if header.own != header.checksum() {
        return Err(FileError::Damaged {
            path: path.to_owned(),
            what: "its header does not match its checksum".to_owned(),
        });
    }
    if header.stamp != stamp {
        return foreign(path, "its stamp", &"this store's", &"another's");
    }
    if header.dimension as usize != dimension {
        return foreign(path, "its dimension", &dimension, &header.dimension);
    }
    Ok(header)
}

/// Compares every block with its checksum.
fn verify(map: &Map, layout: &Layout, expected: u32) -> Result<(), String> {
    let bytes = |range| map.get(range).unwrap_or_default();
    let checksums = bytes(layout.checksums.clone());
    if crc32fast::hash(checksums) != expected {
        return Err("its checksums do not match their own".to_owned());
    }
    let blocks = bytes(layout.payload()).par_chunks(BLOCK);
    let sums = checksums.as_chunks::<4>().0;
    blocks
        .zip(sums)
        .enumerate()
        .find_map_first(|(number, (block, sum))| {
            (crc32fast::hash(block) != u32::from_le_bytes(*sum)).then_some(number)
        })
        .map_or(Ok(()), |number| {
            Err(format!("block {number} does not match its checksum"))
        })
}

/// The arrays in the map.
fn sections(map: &Arc<Map>, header: &Header, layout: &Layout) -> Option<(Segment, Section<Label>)> {
    let upper = layout.upper.iter().map(|(members, links)| {
        Some(Layer {
            members: Section::mapped(map, members.clone())?,
            links: Section::mapped(map, links.clone())?,
        })
    });
    let graph = Graph {
        m: header.m as usize,
        entry: header.entry,
        bottom: Section::mapped(map, layout.bottom.clone())?,
        upper: upper.collect::<Option<_>>()?,
    };
    let dimension = header.dimension as usize;
    let segment = Segment {
        dimension,
        vectors: Section::mapped(map, layout.vectors.clone())?,
        codes: Codes::from_parts(
            Quantiser::new(dimension),
            Section::mapped(map, layout.codes.clone())?,
            Section::mapped(map, layout.lost.clone())?,
        ),
        graph: Some(graph),
    };
    Some((segment, Section::mapped(map, layout.labels.clone())?))
}
