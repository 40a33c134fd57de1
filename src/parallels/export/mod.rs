//! What a researcher takes home: parallels in files for other programs, and for reading.
//!
//! A [`Report`] says where parallels come from and what was compared; an [`Export`] writes it, then
//! parallels one by one, then ends. Families have the same of their own, [`FamiliesReport`] and
//! [`ExportFamilies`], and the same forms. [`write()`] goes through all pairs, a batch of texts at a time, so that
//! memory does not grow with their number. All counts are known before the first parallel is written:
//! pairs are a few numbers each, and whoever exports has them all. There is no clock in here and no
//! order but the one given: the same corpus and question give the same bytes.

mod csv;
mod escape;
mod families;
mod html;
mod provenance;
mod report;
mod tei;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;

pub use csv::Csv;
pub use families::{ExportFamilies, FamiliesReport, write_families};
pub use html::Html;
pub use provenance::ExportProvenance;
pub use report::{ComparedCount, PairCounts, ParallelsReport, ReportSubject};
pub use tei::Tei;

use super::{Pair, Parallel, ParallelLoader, ParallelsError};

/// Pairs whose texts are in memory at once.
const LOAD_BATCH_PAIRS: usize = 256;

/// The forms in which parallels are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A JSON object a line, as the service answers.
    Jsonl,
    /// A table with a row a pair, or a member of a family: [`Csv`].
    Csv,
    /// TEI P5 with links beside the texts: [`Tei`].
    Tei,
    /// A page to read and print: [`Html`].
    Html,
}

impl ExportFormat {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Jsonl, Self::Csv, Self::Tei, Self::Html];

    /// Its name on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Tei => "tei",
            Self::Html => "html",
        }
    }

    /// The format that the end of a file's name stands for.
    #[must_use]
    pub fn from_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            "tei" | "xml" => Some(Self::Tei),
            "html" | "htm" => Some(Self::Html),
            _ => None,
        }
    }
}

/// Writes parallels in one format. The calls come in this order: `begin`, `parallel` for each, `end`.
pub trait Export {
    /// Writes where the parallels come from.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn begin(&mut self, report: &ParallelsReport) -> io::Result<()>;

    /// Writes one.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn parallel(&mut self, parallel: &Parallel) -> io::Result<()>;

    /// Writes what follows the last. What is written then is complete; flushing is the caller's part.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn end(&mut self) -> io::Result<()>;
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// What was to be written could not be read.
    #[error(transparent)]
    Parallels(#[from] ParallelsError),
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Writes a report and all pairs, in their order.
///
/// # Errors
///
/// If the store cannot be read, or the export cannot be written.
pub fn write_parallels(
    export: &mut dyn Export,
    report: &ParallelsReport,
    reader: &ParallelLoader<'_>,
    pairs: &[Pair],
) -> Result<(), ExportError> {
    export.begin(report)?;
    for batch in pairs.chunks(LOAD_BATCH_PAIRS) {
        for parallel in reader.load(batch)? {
            export.parallel(&parallel)?;
        }
    }
    Ok(export.end()?)
}
