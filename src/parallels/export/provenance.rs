//! Which program, model and corpus an export comes from, and what was asked of them.

use crate::engine::Snapshot;
use crate::store::StoreError;

/// Where an export comes from.
#[derive(Debug, Clone)]
pub struct ExportProvenance {
    /// The program's version.
    pub version: &'static str,
    /// The commit it was made from.
    pub commit: &'static str,
    /// The model that made the embeddings.
    pub model: String,
    /// Its revision.
    pub revision: String,
    /// The precision of its arithmetic.
    pub precision: String,
    /// The snapshot.
    pub snapshot: String,
    /// Hash over the content of all documents.
    pub corpus_hash: String,
    /// Documents of the corpus.
    pub documents: usize,
    /// Passages of the corpus.
    pub passages: usize,
    /// The index.
    pub index: String,
    /// When the corpus was last changed, as the store remembers it.
    pub changed: Option<String>,
    /// What was asked, by the names under which it was asked, in the order in which it is told.
    pub parameters: Vec<(String, String)>,
}

impl ExportProvenance {
    /// Gathers what a snapshot knows of itself.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn from_snapshot(
        snapshot: &Snapshot,
        parameters: Vec<(String, String)>,
    ) -> Result<Self, StoreError> {
        let (facts, encoder) = (snapshot.info(), snapshot.fingerprint());
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            commit: crate::COMMIT,
            model: encoder.model.clone(),
            revision: encoder.revision.clone(),
            precision: encoder.precision.clone(),
            snapshot: facts.id.clone(),
            corpus_hash: facts.corpus_hash.to_string(),
            documents: facts.documents,
            passages: facts.passages,
            index: facts.index.clone(),
            changed: snapshot.view().modified_at()?,
            parameters,
        })
    }

    /// All of it by names, for a table.
    pub(super) fn rows(&self) -> Vec<(String, String)> {
        let changed = self.changed.as_deref().unwrap_or("unknown");
        let known = [
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
        let known = known.map(|(name, value)| (name.to_owned(), value));
        known.into_iter().chain(self.parameters.clone()).collect()
    }
}
