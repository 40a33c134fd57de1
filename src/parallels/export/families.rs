//! Families in files.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use crate::parallels::{
    CorpusComparison, CorpusContext, CorpusMatches, Families, Family, FamilyTexts, FilteredCounts,
};
use crate::store::DocumentSummary;

use super::{ExportError, ExportProvenance};

/// Everything that an export of families says beside them.
#[derive(Debug, Clone)]
pub struct FamiliesReport {
    /// Where they come from.
    pub provenance: ExportProvenance,
    /// The documents of their members, in the order of ids.
    pub bibliography: Vec<Arc<DocumentSummary>>,
    /// Families that are told.
    pub found: usize,
    /// Families left out because they are too small.
    pub small: usize,
    /// Families of sentences left out because their passages are all in one family of passages.
    pub nested: usize,
    /// Passages that were compared with what is near to them.
    pub compared_passages: usize,
    /// Pairs that families were made of.
    pub pairs: usize,
    /// Pairs that were left out.
    pub filtered_counts: FilteredCounts,
    /// Documents left out because it is not known when they were made.
    pub undated: usize,
}

impl FamiliesReport {
    /// Gathers what was found.
    #[must_use]
    pub fn new(
        origin: ExportProvenance,
        survey: &CorpusContext,
        sweep: &CorpusComparison<'_>,
        swept: &CorpusMatches,
        families: &Families,
    ) -> Self {
        let catalogue = survey.snapshot().document_table();
        let members = families.families.iter().flat_map(|family| &family.members);
        let places = members.filter_map(|member| catalogue.location_of_row(member.unit.row));
        let places: BTreeSet<u32> = places.map(|(place, _)| place).collect();
        let documents = places
            .into_iter()
            .filter_map(|place| catalogue.document(place as usize));
        Self {
            provenance: origin,
            bibliography: documents.map(Arc::clone).collect(),
            found: families.families.len(),
            small: families.small,
            nested: families.nested,
            compared_passages: swept.passages,
            pairs: swept.pairs.len(),
            filtered_counts: swept.filtered_counts,
            undated: sweep.undated(),
        }
    }

    /// What all this is, in a line.
    #[must_use]
    pub fn title(&self) -> String {
        "Families of a corpus".to_owned()
    }

    /// What was found, in a sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        let found = match self.found {
            0 => "no family was found".to_owned(),
            1 => "one family was found".to_owned(),
            found => format!("{found} families were found"),
        };
        format!(
            "{} passages were compared with what is near to them; {found}.",
            self.compared_passages
        )
    }

    /// All of it by names, for a table.
    #[must_use]
    pub fn rows(&self) -> Vec<(String, String)> {
        let counts = [
            ("compared_passages", self.compared_passages),
            ("families", self.found),
            ("left_out_small_families", self.small),
            ("left_out_nested_families", self.nested),
            ("pairs", self.pairs),
            ("left_out_unsure", self.filtered_counts.low_confidence),
            ("left_out_hubs", self.filtered_counts.low_margin),
            ("left_out_formulas", self.filtered_counts.formulas),
            ("left_out_undated_documents", self.undated),
        ];
        let counts = counts.map(|(name, count)| (name.to_owned(), count.to_string()));
        let title = ("title".to_owned(), self.title());
        let mut rows = vec![title];
        rows.extend(self.provenance.rows());
        rows.extend(counts);
        rows
    }
}

/// Writes families in one format. The calls come in this order: `begin`, `family` for each, `end`.
pub trait ExportFamilies {
    /// Writes where the families come from.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn begin(&mut self, report: &FamiliesReport) -> io::Result<()>;

    /// Writes one.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn family(&mut self, texts: &FamilyTexts) -> io::Result<()>;

    /// Writes what follows the last. What is written then is complete; flushing is the caller's part.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn end(&mut self) -> io::Result<()>;
}

/// Writes a report and all families, in their order; the texts of one are in memory at once.
///
/// # Errors
///
/// If the store cannot be read, or the export cannot be written.
pub fn write_families(
    export: &mut dyn ExportFamilies,
    report: &FamiliesReport,
    survey: &CorpusContext,
    families: &[Family],
) -> Result<(), ExportError> {
    export.begin(report)?;
    for family in families {
        export.family(&FamilyTexts::load(survey, family)?)?;
    }
    Ok(export.end()?)
}
