//! The index file: a compacted index, mapped into memory and verified when it is opened.
//!
//! ```text
//! 0     header, 4,096 bytes: magic number, version, sizes, fingerprint of the owner, checksums
//! 4096  payload, each section aligned to 64 bytes:
//!         codes                [rows, lines] of 64 bytes
//!         quantization errors  [rows] f32
//!         vectors              [rows, dimension] f32
//!         labels               [rows] of 16 bytes
//!         sentence starts      [rows + 1] u32: the first sentence of each row, and the end
//!         sentence spreads     [rows] f32: the distance of a row from its farthest sentence
//!         sentence codes       [sentences, lines] of 64 bytes
//!         sentence errors      [sentences] f32
//!         base layer           [rows, 2 m] u32
//!         and for each upper layer, lowest first:
//!         nodes                [nodes] of 8 bytes
//!         links                [nodes, m] u32
//! end   checksums, u32: CRC-32 (ISO 3309) of each MiB of the payload
//! ```
//!
//! All numbers are little-endian. The file contains no offsets: they follow from the sizes in the
//! header, whose checksum is verified first. A file is written under a temporary name, synced and
//! renamed: a crash leaves either the old file or the new one.

#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod layout;
mod read;
mod write;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use bytemuck::{Pod, Zeroable};

pub use read::{LoadedIndex, open};
pub use write::write;

/// The first bytes of every file.
const MAGIC: [u8; 8] = *b"antiphon";

/// Version of the format; a file of another version is rejected, and the index rebuilt.
const FORMAT_VERSION: u32 = 2;

/// Links a row to what it was built from; its fields are chosen by the writer of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct RowLabel {
    /// Key of the row in the store.
    pub key: i64,
    /// Part of a hash of the content of the row.
    pub hash: u64,
}

/// Why an index file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be opened, read or written.
    #[error("cannot access {path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file belongs to another store or encoder, has another format version, or is not an index.
    #[error("{path} is not a compatible index file: {what} is {received}; expected {expected}", path = .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The part that differs.
        what: &'static str,
        /// The required value.
        expected: String,
        /// The value in the file.
        received: String,
    },
    /// The file is an index, but its content was altered.
    #[error("{path} is corrupt: {what}", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The fault.
        what: String,
    },
}
