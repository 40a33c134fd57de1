//! A file in memory.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::ops::Deref;

/// A whole file, mapped for reading.
#[derive(Debug)]
pub struct MappedFile(memmap2::Mmap);

impl MappedFile {
    /// Maps a file that nobody changes while it is mapped: files of this program are written
    /// under another name, renamed into place and never written again, in a directory that the
    /// program has locked.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn open(file: &File) -> io::Result<Self> {
        // SAFETY: by the convention above the bytes do not change under the map. Whoever breaks
        // it from outside (truncating the file) gets a bus error, not undefined arithmetic: all
        // indexes taken from the file are checked before use.
        unsafe { memmap2::Mmap::map(file) }.map(Self)
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
