//! Export of families.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use crate::parallels::{
    CorpusComparison, CorpusContext, CorpusMatches, Families, Family, FamilyTexts, FilteredCounts,
};
use crate::store::DocumentSummary;

use super::{ExportError, ExportProvenance};

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
    #[must_use]
    pub fn new(
        provenance: ExportProvenance,
        context: &CorpusContext,
        comparison: &CorpusComparison<'_>,
        matches: &CorpusMatches,
        families: &Families,
    ) -> Self {
        let table = context.snapshot().document_table();
        let members = families.families.iter().flat_map(|family| &family.members);
        let locations = members.filter_map(|member| table.location_of_row(member.unit.row));
        let indices: BTreeSet<u32> = locations.map(|(document, _)| document).collect();
        let documents = indices
            .into_iter()
            .filter_map(|index| table.document(index as usize));
        Self {
            provenance,
            bibliography: documents.map(Arc::clone).collect(),
            found: families.families.len(),
            small: families.small,
            nested: families.nested,
            compared_passages: matches.passages,
            pairs: matches.pairs.len(),
            filtered_counts: matches.filtered_counts,
            undated: comparison.undated(),
        }
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

/// Writes a report and all families, in their order; the texts of one family are in memory at a time.
///
/// # Errors
///
/// If the store cannot be read, or the export cannot be written.
pub fn write_families(
    export: &mut dyn ExportFamilies,
    report: &FamiliesReport,
    context: &CorpusContext,
    families: &[Family],
) -> Result<(), ExportError> {
    export.begin(report)?;
    for family in families {
        export.family(&FamilyTexts::load(context, family)?)?;
    }
    Ok(export.end()?)
}
