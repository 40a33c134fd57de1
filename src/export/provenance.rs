//! The provenance of an export: program, model, corpus and parameters.

use crate::engine::{Provenance, Snapshot};
use crate::store::StoreError;

/// The provenance of an export.
#[derive(Debug, Clone)]
pub struct ExportProvenance {
    /// Version of the program.
    pub version: &'static str,
    /// Commit the program was built from.
    pub commit: &'static str,
    /// Model, snapshot, corpus and index.
    pub source: Provenance,
    /// When the corpus was last modified, if the store records it.
    pub changed: Option<String>,
    /// The parameters, named as in the request, in the order of output.
    pub parameters: Vec<(String, String)>,
}

impl ExportProvenance {
    /// Reads the provenance of a snapshot.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn from_snapshot(
        snapshot: &Snapshot,
        parameters: Vec<(String, String)>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            commit: crate::commit(),
            source: snapshot.provenance(),
            changed: snapshot.view().modified_at()?,
            parameters,
        })
    }

    /// Returns all of it as names and values.
    pub(super) fn rows(&self) -> Vec<(String, String)> {
        let changed = self.changed.as_deref().unwrap_or("unknown");
        let source = &self.source;
        let rows = [
            ("antiphon_version", self.version.to_owned()),
            ("antiphon_commit", self.commit.to_owned()),
            ("model", source.model.clone()),
            ("model_revision", source.revision.clone()),
            ("precision", source.precision.clone()),
            ("snapshot", source.snapshot.clone()),
            ("corpus_hash", source.corpus_hash.to_string()),
            ("corpus_changed", changed.to_owned()),
            ("documents", source.documents.to_string()),
            ("passages", source.passages.to_string()),
            ("index", source.index.clone()),
        ];
        let rows = rows.map(|(name, value)| (name.to_owned(), value));
        rows.into_iter().chain(self.parameters.clone()).collect()
    }
}
