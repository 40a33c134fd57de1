//! How good the numbers are: on pairs that somebody has judged, and on texts in several versions.
//!
//! [`read`] reads gold files, [`task`] makes questions of them, [`measure`] computes every signal
//! ([`signals`], with [`bm25`] as the floor) for them. [`scores`] says how well a signal answers,
//! [`reliability`] whether a confidence is right as often as it says, [`fit`] which numbers would be
//! better ([`logistic`]). Nothing here asks a store: the texts come from the files.

mod bm25;
mod calibration_fit;
mod gold_file;
mod logistic;
mod measure;
mod reliability;
mod report;
mod scores;
mod signals;
mod task;
mod task_texts;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::encoder::{EncodeError, Encoder};

use super::Calibration;

pub use reliability::{Bin, Reliability};
pub use report::{Evaluation, Pooled, Quality, SignalReport, TaskKind, TaskReport};
pub use scores::{RetrievalMetrics, SeparationMetrics};
pub use signals::Signal;

/// Most statements of a joined paragraph.
pub const MAX_PARAGRAPH_SIZE: usize = 20;

/// Someone who is told what is being done: of how many steps how many are done.
pub type EvaluationProgress<'a> = &'a (dyn Fn(&str, usize, usize) + Sync);

/// Measures on gold files.
///
/// With `join`, statements in several versions are joined to paragraphs of so many as well, each sharing
/// one statement with others; 0 leaves that out. With `fit` the numbers of a calibration are fitted on
/// the even items of every task, and only the odd ones are reported.
///
/// # Errors
///
/// If a file cannot be read or is not as it should be, a text cannot be encoded, or there is too little
/// to fit to.
pub fn evaluate(
    files: &[PathBuf],
    encoder: &dyn Encoder,
    paragraph_size: usize,
    fit: bool,
    progress: EvaluationProgress<'_>,
) -> Result<Evaluation, EvaluationError> {
    if paragraph_size == 1 || paragraph_size > MAX_PARAGRAPH_SIZE {
        return Err(EvaluationError::InvalidParagraphSize(paragraph_size));
    }
    // All before the first is measured, so that a mistake costs nothing.
    let golds: Vec<_> = files
        .iter()
        .map(|file| Ok((file, gold_file::read_gold(file)?)))
        .collect::<Result<_, EvaluationError>>()?;
    let shipped = Calibration::DEFAULT;
    let (mut tasks, mut left_out) = (Vec::new(), Vec::new());
    for (file, gold) in golds {
        for task in task::tasks(file, gold, paragraph_size, encoder, progress, &mut left_out)? {
            let measured = measure::measure(&task, &shipped, progress);
            tasks.push((task, measured));
        }
    }
    let fitted = if fit {
        Some(calibration_fit::fit_calibration(&tasks)?)
    } else {
        None
    };
    let items = if fit { Split::Odd } else { Split::All };
    let fingerprint = encoder.fingerprint();
    Ok(Evaluation {
        model: fingerprint.model.clone(),
        revision: fingerprint.revision.clone(),
        precision: fingerprint.precision.clone(),
        shipped,
        fitted,
        items,
        tasks: tasks
            .iter()
            .map(|task| report::task_report(task, fitted.as_ref(), items))
            .collect(),
        together: Pooled {
            shipped: report::pooled_reliability(&tasks, &shipped, items),
            fitted: fitted.and_then(|fitted| report::pooled_reliability(&tasks, &fitted, items)),
        },
        left_out,
    })
}

/// Which items: rows and labelled pairs are numbered from 0 in the order of their file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// All.
    All,
    /// Those that numbers are fitted on.
    Even,
    /// Those that they are judged by.
    Odd,
}

impl Split {
    fn contains(self, number: usize) -> bool {
        match self {
            Self::All => true,
            Self::Even => number.is_multiple_of(2),
            Self::Odd => !number.is_multiple_of(2),
        }
    }
}

/// Why there is no evaluation.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// A file cannot be read.
    #[error("{}: {source}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is not as it should be.
    #[error("{} {received}; expected {expected}", .file.display())]
    InvalidFile {
        /// The file.
        file: PathBuf,
        /// What it is.
        received: String,
        /// What it should be.
        expected: String,
    },
    /// A line is not as it should be.
    #[error("{}, line {line}: {received}; expected {expected}", .file.display())]
    InvalidLine {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What it holds.
        received: String,
        /// What it should hold.
        expected: String,
    },
    /// The texts of a file would not fit in memory.
    #[error("a gold file holds {received} different texts and sentences; expected {max} at most")]
    TooManyTexts {
        /// Those that it holds.
        received: usize,
        /// Those that it may.
        max: usize,
    },
    /// Paragraphs cannot be joined of so many statements.
    #[error("paragraphs of {0} statements; expected 2 to {MAX_PARAGRAPH_SIZE}, or 0 for none")]
    InvalidParagraphSize(usize),
    /// A text cannot be encoded.
    #[error(transparent)]
    Encode(#[from] Arc<EncodeError>),
    /// The files do not say which numbers would be better.
    #[error("no numbers can be fitted: {0}; expected more pairs, of both kinds")]
    Fit(&'static str),
}

impl From<EncodeError> for EvaluationError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(Arc::new(error))
    }
}
