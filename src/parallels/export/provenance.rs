//! The provenance of an export: program, model, corpus and parameters.

use crate::engine::Snapshot;
use crate::store::StoreError;

/// The provenance of an export.
#[derive(Debug, Clone)]
pub struct ExportProvenance {
    /// Version of the program.
    pub version: &'static str,
    /// Commit the program was built from.
    pub commit: &'static str,
    /// Name of the model.
    pub model: String,
    /// Its revision.
    pub revision: String,
    /// Precision of the model's arithmetic.
    pub precision: String,
    /// Id of the snapshot.
    pub snapshot: String,
    /// Hash over the content of all documents.
    pub corpus_hash: String,
    /// Number of documents of the corpus.
    pub documents: usize,
    /// Number of passages of the corpus.
    pub passages: usize,
    /// Description of the index.
    pub index: String,
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
        let (info, encoder) = (snapshot.info(), snapshot.fingerprint());
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            commit: crate::commit(),
            model: encoder.model.clone(),
            revision: encoder.revision.clone(),
            precision: encoder.precision.clone(),
            snapshot: info.id.clone(),
            corpus_hash: info.corpus_hash.to_string(),
            documents: info.documents,
            passages: info.passages,
            index: info.index.clone(),
            changed: snapshot.view().modified_at()?,
            parameters,
        })
    }

    /// Returns all of it as names and values.
    pub(super) fn rows(&self) -> Vec<(String, String)> {
        let changed = self.changed.as_deref().unwrap_or("unknown");
        let rows = [
            ("antiphon_version", self.version.to_owned()),
            ("antiphon_commit", self.commit.to_owned()),
            ("model", self.model.clone()),
            ("model_revision", self.revision.clone()),
            ("precision", self.precision.clone()),
            ("snapshot", self.snapshot.clone()),
            ("corpus_hash", self.corpus_hash.clone()),
            ("corpus_changed", changed.to_owned()),
            ("documents", self.documents.to_string()),
            ("passages", self.passages.to_string()),
            ("index", self.index.clone()),
        ];
        let rows = rows.map(|(name, value)| (name.to_owned(), value));
        rows.into_iter().chain(self.parameters.clone()).collect()
    }
}
