//! The families of a corpus, with all that is needed to show them.

use std::ops::Range;
use std::sync::Arc;

use crate::engine::Snapshot;
use crate::store::DocumentSummary;

use super::all_pairs::{CorpusComparison, CorpusObserver, FilteredCounts};
use super::corpus_context::CorpusContext;
use super::error::ParallelsError;
use super::families::{Families, FamilyOptions, cluster_families};
use super::family_texts::FamilyTexts;
use super::found_pairs::EffectiveThresholds;
use super::scope::Scope;
use super::thresholds::Thresholds;

/// The families of a corpus, largest first.
///
/// It keeps its snapshot alive, from which the texts of the members are loaded on demand.
pub struct FoundFamilies {
    context: Arc<CorpusContext>,
    thresholds: Thresholds,
    options: FamilyOptions,
    families: Families,
    counts: FamilyCounts,
}

/// Counts of the comparison that families were made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FamilyCounts {
    /// Number of compared passages.
    pub passages: usize,
    /// Number of clustered pairs.
    pub pairs: usize,
    /// Numbers of rejected pairs.
    pub filtered_counts: FilteredCounts,
    /// Number of documents excluded because they have no date.
    pub undated: usize,
}

impl FoundFamilies {
    /// Compares a corpus and clusters its pairs.
    ///
    /// # Errors
    ///
    /// If a value is out of range, a field does not exist, the store cannot be read, or the observer ends
    /// the comparison.
    pub fn of_corpus(
        context: Arc<CorpusContext>,
        scope: &Scope,
        thresholds: Thresholds,
        options: FamilyOptions,
        observer: &dyn CorpusObserver,
    ) -> Result<Self, ParallelsError> {
        options.check()?;
        options.check_fields(context.snapshot().document_table())?;
        let should_continue = || observer.should_continue();
        let comparison = CorpusComparison::new(&context, scope, thresholds)?
            .with_all_match_units()
            .with_cancellation(&should_continue);
        let matches = comparison.compare_all(observer)?;
        let families = cluster_families(&context, &matches.pairs, &options)?;
        let counts = FamilyCounts {
            passages: matches.passages,
            pairs: matches.pairs.len(),
            filtered_counts: matches.filtered_counts,
            undated: comparison.undated(),
        };
        Ok(Self {
            context,
            thresholds,
            options,
            families,
            counts,
        })
    }

    /// Checks the parameters of [`Self::of_corpus`] without comparing anything.
    ///
    /// # Errors
    ///
    /// If a value is out of range or a field does not exist.
    pub fn check(
        context: &CorpusContext,
        scope: &Scope,
        thresholds: Thresholds,
        options: &FamilyOptions,
    ) -> Result<(), ParallelsError> {
        options.check()?;
        CorpusComparison::new(context, scope, thresholds)?;
        options.check_fields(context.snapshot().document_table())
    }

    /// Returns the snapshot that was compared.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        self.context.snapshot()
    }

    /// Returns all families, without their texts, and the counts of their clustering.
    #[must_use]
    pub fn families(&self) -> &Families {
        &self.families
    }

    /// Returns the counts of the comparison.
    #[must_use]
    pub fn counts(&self) -> &FamilyCounts {
        &self.counts
    }

    /// Returns the options of the clustering.
    #[must_use]
    pub fn options(&self) -> &FamilyOptions {
        &self.options
    }

    /// Returns the thresholds of the pairs and what follows from them.
    #[must_use]
    pub fn effective_thresholds(&self) -> EffectiveThresholds {
        EffectiveThresholds::new(&self.context, &self.thresholds)
    }

    /// Loads the texts of the families in a range, which is cut at their number.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn load(&self, range: Range<usize>) -> Result<Vec<FamilyTexts>, ParallelsError> {
        let end = range.end.min(self.families.families.len());
        let families = self.families.families.get(range.start..end);
        let families = families.unwrap_or_default().iter();
        families
            .map(|family| FamilyTexts::load(&self.context, family))
            .collect()
    }

    /// Returns the documents of all members, in the order of their ids.
    #[must_use]
    pub fn documents(&self) -> Vec<Arc<DocumentSummary>> {
        let table = self.context.snapshot().document_table();
        let members = self.families.families.iter().flat_map(|f| &f.members);
        table.documents_of_rows(members.map(|member| member.unit.row))
    }
}
