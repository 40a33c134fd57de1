//! Locations in a corpus, for messages.

use std::fmt;
use std::path::PathBuf;

/// A file, and a line of it if the file has several documents or rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLocation {
    /// The file, spelled as the user named it.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: Option<usize>,
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            None => write!(f, "{}", self.file.display()),
            Some(line) => write!(f, "{}:{line}", self.file.display()),
        }
    }
}
