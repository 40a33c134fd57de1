//! Export of parallels and families to files.
//!
//! A [`ParallelsReport`] states where parallels come from and what was compared; an [`Export`] writes
//! it, then the parallels one by one, then what follows them. Families have counterparts of both,
//! [`FamiliesReport`] and [`ExportFamilies`], and the same formats. [`ExportFormat::write_pairs`] loads the
//! texts of one batch of pairs at a time, so that memory does not grow with their number. All counts are known
//! before the first parallel is written, as pairs are small and the caller has all of them. No clock is
//! read and no order but the given one is used: the same corpus and parameters give the same bytes.

mod citation;
mod csv;
mod escape;
mod families;
mod html;
mod jsonl;
mod provenance;
mod report;
mod tei;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::Path;

use clap::ValueEnum;

pub use citation::{Citation, CitationStyle};
pub use csv::Csv;
pub use families::{ExportFamilies, FamiliesReport};
pub use html::Html;
pub(crate) use html::language_tag;
pub use jsonl::Jsonl;
pub use provenance::ExportProvenance;
pub use report::{ComparedCount, PairCounts, ParallelsReport, ReportSubject};
pub use tei::Tei;

use crate::parallels::{FoundFamilies, FoundPairs, Parallel, ParallelsError};

/// Number of pairs whose texts are in memory at a time.
const LOAD_BATCH_PAIRS: usize = 256;

/// The formats of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// JSON lines, as returned by the service
    Jsonl,
    /// A table with one row per pair or per member of a family
    Csv,
    /// TEI P5 with stand-off links
    Tei,
    /// An HTML page to read and print
    Html,
}

impl ExportFormat {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Jsonl, Self::Csv, Self::Tei, Self::Html];

    /// Returns its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Tei => "tei",
            Self::Html => "html",
        }
    }

    /// Returns the format of a file extension.
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

/// Writes parallels in one format. The calls are, in this order: `begin`, `parallel` for each, `end`.
pub trait Export {
    /// Writes the provenance.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn begin(&mut self, report: &ParallelsReport) -> io::Result<()>;

    /// Writes one parallel.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn parallel(&mut self, parallel: &Parallel) -> io::Result<()>;

    /// Writes what follows the last parallel, which completes the file; flushing is up to the caller.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn end(&mut self) -> io::Result<()>;
}

/// An error of an export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The content cannot be computed or read.
    #[error(transparent)]
    Parallels(#[from] ParallelsError),
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] io::Error),
}

impl ExportFormat {
    /// Writes a report and all pairs, in their order; the texts of one batch are in memory at a time.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or the file cannot be written.
    pub fn write_pairs(
        self,
        found: &FoundPairs,
        parameters: Vec<(String, String)>,
        out: &mut impl Write,
    ) -> Result<(), ExportError> {
        let report = ParallelsReport::new(found, parameters)?;
        let mut export: Box<dyn Export + '_> = match self {
            Self::Jsonl => Box::new(Jsonl::new(out)),
            Self::Csv => Box::new(Csv::new(out)),
            Self::Tei => Box::new(Tei::new(out)?),
            Self::Html => Box::new(Html::new(out)),
        };
        export.begin(&report)?;
        for start in (0..found.pairs().len()).step_by(LOAD_BATCH_PAIRS) {
            for parallel in found.load(start..start + LOAD_BATCH_PAIRS)? {
                export.parallel(&parallel)?;
            }
        }
        Ok(export.end()?)
    }

    /// Writes a report and all families, in their order; the texts of one family are in memory at a time.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or the file cannot be written.
    pub fn write_families(
        self,
        found: &FoundFamilies,
        parameters: Vec<(String, String)>,
        out: &mut impl Write,
    ) -> Result<(), ExportError> {
        let report = FamiliesReport::new(found, parameters)?;
        let mut export: Box<dyn ExportFamilies + '_> = match self {
            Self::Jsonl => Box::new(Jsonl::new(out)),
            Self::Csv => Box::new(Csv::new(out)),
            Self::Tei => Box::new(Tei::new(out)?),
            Self::Html => Box::new(Html::new(out)),
        };
        export.begin(&report)?;
        for index in 0..found.families().families.len() {
            for texts in found.load(index..index + 1)? {
                export.family(&texts)?;
            }
        }
        Ok(export.end()?)
    }
}
