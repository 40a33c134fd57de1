//! Memory-mapped files.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::ops::Deref;

/// A whole file, mapped for reading.
#[derive(Debug)]
pub struct MappedFile(memmap2::Mmap);

impl MappedFile {
    /// Maps a file that must not change while it is mapped: this program writes its files under
    /// another name, renames them and never writes to them again, in a directory that it has locked.
    ///
    /// # Errors
    ///
    /// If the file cannot be mapped.
    pub fn open(file: &File) -> io::Result<Self> {
        // SAFETY: by the convention above the bytes do not change while they are mapped. If another
        // program truncates the file, reading it raises a bus error; all offsets and links read
        // from the file are validated before use.
        unsafe { memmap2::Mmap::map(file) }.map(Self)
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
