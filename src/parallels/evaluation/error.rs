//! Errors and progress of evaluations.

use std::path::PathBuf;
use std::sync::Arc;

use crate::encoder::EncodeError;

/// Maximum number of statements of a paragraph.
pub const MAX_PARAGRAPH_SIZE: usize = 20;

/// Progress callback: the stage, the steps done, all steps.
pub type EvaluationProgress<'a> = &'a (dyn Fn(&str, usize, usize) + Sync);

/// An error of an evaluation.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// A file cannot be read.
    #[error("{}: {source}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A file is invalid.
    #[error("{} {received}; expected {expected}", .file.display())]
    InvalidFile {
        /// The file.
        file: PathBuf,
        /// What was found.
        received: String,
        /// What was expected.
        expected: String,
    },
    /// A line is invalid.
    #[error("{}, line {line}: {received}; expected {expected}", .file.display())]
    InvalidLine {
        /// The file.
        file: PathBuf,
        /// The line number, from 1.
        line: usize,
        /// What was found.
        received: String,
        /// What was expected.
        expected: String,
    },
    /// The texts of a file would not fit in memory.
    #[error("gold file contains {received} distinct texts and sentences; expected at most {max}")]
    TooManyTexts {
        /// Number of distinct texts.
        received: usize,
        /// Maximum number.
        max: usize,
    },
    /// The paragraph size is out of range.
    #[error("paragraph size {0}; expected 2 to {MAX_PARAGRAPH_SIZE}, or 0 for none")]
    InvalidParagraphSize(usize),
    /// A text cannot be encoded.
    #[error(transparent)]
    Encode(#[from] Arc<EncodeError>),
    /// The files do not suffice to fit a calibration.
    #[error("calibration cannot be fitted: {0}; expected more pairs of both classes")]
    Fit(&'static str),
}

impl From<EncodeError> for EvaluationError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(Arc::new(error))
    }
}
