//! A graph on disk: one file, mapped into memory, trusted only as far as it proves itself.
//!
//! ```text
//! 0     header, 4,096 bytes: magic, version, sizes, the stamp of who may read it, checksums
//! 4096  payload, each section from a multiple of 64 on:
//!         codes     [rows, lines] of 64 bytes
//!         lost      [rows] f32
//!         vectors   [rows, dimension] f32
//!         labels    [rows] of 16 bytes
//!         bottom    [rows, 2 m] u32
//!         and for each upper layer, lowest first:
//!         members   [members] of 8 bytes
//!         links     [members, m] u32
//! end   checksums, u32: CRC-32 (ISO 3309) of each MiB of the payload
//! ```
//!
//! All numbers are little-endian. Nothing in the file says where a section lies: that follows from
//! the sizes, and these from nothing but the header, whose checksum is verified first. A file is
//! written under a temporary name, synced, and renamed: whoever kills the program leaves the old
//! file or the new one.

mod layout;
mod read;
mod write;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use bytemuck::{Pod, Zeroable};

pub use read::{LoadedIndex, open};
pub use write::write;

/// Begins every file.
const MAGIC: [u8; 8] = *b"antiphon";

/// Version of the format; any other is refused, and the index built anew.
const FORMAT_VERSION: u32 = 1;

/// What a row stands for, in the words of whoever wrote the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct RowLabel {
    /// The row's name.
    pub key: i64,
    /// Part of a hash of what the row was made from.
    pub hash: u64,
}

/// Why a file is no index that can be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be opened, read or written.
    #[error("{path} cannot be used: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is something else, or of another version of the program.
    #[error("{path} is no index of this program: {what} is {received}; expected {expected}", path = .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Which part of it.
        what: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        received: String,
    },
    /// The file was once an index.
    #[error("{path} is damaged: {what}", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}
