//! Quality of the measures of parallels, on labelled pairs and on parallel texts.
//!
//! [`gold_file`] reads gold files, [`task`] makes retrieval and classification tasks of them,
//! [`measure`] computes every signal ([`signals`], with [`bm25`] as the baseline) for them. [`scores`]
//! holds the ranking metrics, [`reliability`] the calibration error, [`calibration_fit`] fits a new
//! calibration ([`logistic`]). No store is involved: the texts come from the files.

mod bm25;
mod calibration_fit;
mod error;
mod gold_file;
mod logistic;
mod measure;
mod reliability;
mod report;
mod scores;
mod signals;
mod split;
mod task;
mod task_texts;

use std::path::PathBuf;

use crate::encoder::Encoder;

use super::Calibration;

pub use error::{EvaluationError, EvaluationProgress, MAX_PARAGRAPH_SIZE};
pub use reliability::{Bin, Reliability};
pub use report::{Evaluation, Pooled, Quality, SignalReport, TaskKind, TaskReport};
pub use scores::{RetrievalMetrics, SeparationMetrics};
pub use signals::Signal;
pub use split::Split;

/// Evaluates all signals on gold files.
///
/// Parallel texts are also joined to paragraphs of `paragraph_size` statements, each sharing one
/// statement with others; 0 disables that. With `fit`, a calibration is fitted on the even items of
/// every task, and only the odd ones are reported.
///
/// # Errors
///
/// If a file cannot be read or is invalid, a text cannot be encoded, or there are too few pairs to fit a
/// calibration.
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
    // All files are read before the first is measured, so that a mistake costs nothing.
    let golds: Vec<_> = files
        .iter()
        .map(|file| Ok((file, gold_file::read_gold(file)?)))
        .collect::<Result<_, EvaluationError>>()?;
    let default = Calibration::DEFAULT;
    let (mut tasks, mut skipped) = (Vec::new(), Vec::new());
    for (file, gold) in golds {
        for task in task::tasks(file, gold, paragraph_size, encoder, progress, &mut skipped)? {
            let measured = measure::measure(&task, &default, progress);
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
        shipped: default,
        fitted,
        items,
        tasks: tasks
            .iter()
            .map(|task| report::task_report(task, fitted.as_ref(), items))
            .collect(),
        together: Pooled {
            shipped: report::pooled_reliability(&tasks, &default, items),
            fitted: fitted.and_then(|fitted| report::pooled_reliability(&tasks, &fitted, items)),
        },
        left_out: skipped,
    })
}
