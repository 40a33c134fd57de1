//! Export of families.

use std::io;
use std::sync::Arc;

use crate::parallels::{FamilyTexts, FilteredCounts, FoundFamilies, ParallelsError};
use crate::store::DocumentSummary;

use super::ExportProvenance;

/// Everything in an export of families except the families.
#[derive(Debug, Clone)]
pub struct FamiliesReport {
    /// The provenance.
    pub provenance: ExportProvenance,
    /// The documents of all members, in the order of their ids.
    pub bibliography: Vec<Arc<DocumentSummary>>,
    /// Number of families found.
    pub found: usize,
    /// Number of clusters with fewer than the minimum number of members.
    pub small: usize,
    /// Number of families of sentences removed because their passages are all in one family of passages.
    pub nested: usize,
    /// Number of passages compared with their nearest neighbours.
    pub compared_passages: usize,
    /// Number of clustered pairs.
    pub pairs: usize,
    /// Numbers of filtered pairs.
    pub filtered_counts: FilteredCounts,
    /// Number of documents excluded because they have no date.
    pub undated: usize,
}

impl FamiliesReport {
    /// Creates a report.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn new(
        found: &FoundFamilies,
        parameters: Vec<(String, String)>,
    ) -> Result<Self, ParallelsError> {
        let (families, counts) = (found.families(), found.counts());
        Ok(Self {
            provenance: ExportProvenance::from_snapshot(found.snapshot(), parameters)?,
            bibliography: found.documents(),
            found: families.families.len(),
            small: families.small,
            nested: families.nested,
            compared_passages: counts.passages,
            pairs: counts.pairs,
            filtered_counts: counts.filtered_counts,
            undated: counts.undated,
        })
    }

    /// Returns the title.
    #[must_use]
    pub fn title(&self) -> String {
        "Families of a corpus".to_owned()
    }

    /// Returns a sentence on what was found.
    #[must_use]
    pub fn summary(&self) -> String {
        let found = match self.found {
            0 => "no families found".to_owned(),
            1 => "one family found".to_owned(),
            found => format!("{found} families found"),
        };
        format!(
            "{} passages compared with their nearest neighbours; {found}.",
            self.compared_passages
        )
    }

    /// Returns all of it as names and values.
    #[must_use]
    pub fn rows(&self) -> Vec<(String, String)> {
        let counts = [
            ("compared_passages", self.compared_passages),
            ("families", self.found),
            ("filtered_small_families", self.small),
            ("filtered_nested_families", self.nested),
            ("pairs", self.pairs),
            (
                "filtered_low_confidence",
                self.filtered_counts.low_confidence,
            ),
            ("filtered_low_margin", self.filtered_counts.low_margin),
            ("filtered_formulas", self.filtered_counts.formulas),
            ("undated_documents", self.undated),
        ];
        let counts = counts.map(|(name, count)| (name.to_owned(), count.to_string()));
        let title = ("title".to_owned(), self.title());
        let mut rows = vec![title];
        rows.extend(self.provenance.rows());
        rows.extend(counts);
        rows
    }
}

/// Writes families in one format. The calls are, in this order: `begin`, `family` for each, `end`.
pub trait ExportFamilies {
    /// Writes the provenance.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn begin(&mut self, report: &FamiliesReport) -> io::Result<()>;

    /// Writes one family.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn family(&mut self, texts: &FamilyTexts) -> io::Result<()>;

    /// Writes what follows the last family, which completes the file; flushing is up to the caller.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn end(&mut self) -> io::Result<()>;
}
