//! What clients send and are answered, on the wire.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::ChangeKind;
use crate::server::problem::Problem;

/// A document as it is sent. Any other field becomes an attribute; what the service works out itself
/// (`passages`, `passage_count`, `characters`, `content_hash`, `origin`, `dropped`) is left out, so
/// that a document can be sent back as it was read.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct DocumentRequest {
    /// The document's id: 1 to 200 visible characters, none of `# / \ ? %`. Needed in a POST.
    #[schema(example = "general-assembly-70-1")]
    id: Option<String>,
    /// The speech.
    #[schema(example = "Peace is the work of justice.")]
    text: String,
    title: Option<String>,
    speaker: Option<String>,
    /// ISO 8601, reduced precision allowed: `2015`, `2015-10`, `2015-10-23`.
    #[schema(example = "2015-10-23")]
    date: Option<String>,
    venue: Option<String>,
    country: Option<String>,
    language: Option<String>,
    source: Option<String>,
    /// Further attributes.
    attributes: Option<BTreeMap<String, serde_json::Value>>,
}

/// One document or a list of them.
#[derive(Debug, Serialize, ToSchema)]
#[expect(dead_code, reason = "describes what the corpus reader reads")]
#[serde(untagged)]
pub(in crate::server) enum DocumentsRequest {
    /// One.
    One(Box<DocumentRequest>),
    /// Several.
    Several(Vec<DocumentRequest>),
}

/// What became of a document.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct DocumentResult {
    /// Line of the stream, or place in the list, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<usize>,
    /// The document's id, if it could be read.
    pub(in crate::server) id: Option<String>,
    /// What was done.
    pub(in crate::server) status: DocumentStatus,
    /// Number of its passages; 0 if there was an error.
    pub(super) passages: usize,
    /// SHA-256 of id, metadata and clean text: its `ETag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) content_hash: Option<String>,
    /// What was noticed that is no error.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
    /// Why it was not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<DocumentError>,
}

/// What was done with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DocumentStatus)]
pub(in crate::server) enum DocumentStatus {
    /// It is new.
    Created,
    /// It has another text than before.
    Updated,
    /// It has the text that it had, and other metadata.
    MetadataUpdated,
    /// It was there just as it is.
    Unchanged,
    /// It was not stored.
    Error,
}

impl From<ChangeKind> for DocumentStatus {
    fn from(change: ChangeKind) -> Self {
        match change {
            ChangeKind::Created => Self::Created,
            ChangeKind::Updated => Self::Updated,
            ChangeKind::MetadataUpdated => Self::MetadataUpdated,
            ChangeKind::Unchanged => Self::Unchanged,
        }
    }
}

/// Why a document was not stored: `code`, `detail` and `field` of the problem that it would be if
/// it had been sent alone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DocumentError)]
pub(in crate::server) struct DocumentError {
    /// The kind of problem for programs; stable.
    code: &'static str,
    /// What is wrong, and what would be right.
    detail: String,
    /// The field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

impl From<&Problem> for DocumentError {
    fn from(problem: &Problem) -> Self {
        Self {
            code: problem.code(),
            detail: problem.to_string(),
            field: problem.field().map(str::to_owned),
        }
    }
}

/// What became of a list of documents.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::server) struct DocumentResults {
    /// One for each document, in their order.
    pub(in crate::server) results: Vec<DocumentResult>,
    /// All of them counted.
    pub(in crate::server) summary: WriteSummary,
}

/// What became of one document or of a list of them.
#[derive(Debug, Serialize, ToSchema)]
#[expect(dead_code, reason = "describes what is answered as one or the other")]
#[serde(untagged)]
pub(in crate::server) enum WriteResponse {
    /// Of one.
    One(Box<DocumentResult>),
    /// Of several.
    Several(DocumentResults),
}

/// The last line of a stream's answer.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct WriteSummaryLine<'a> {
    /// All lines counted.
    pub(super) summary: &'a WriteSummary,
}

/// Documents counted by what became of them.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::server) struct WriteSummary {
    /// Lines read, blank ones too, or documents of the list.
    pub(in crate::server) lines: usize,
    created: usize,
    updated: usize,
    metadata_updated: usize,
    unchanged: usize,
    errors: usize,
    /// Whether all that was sent has been dealt with.
    pub(in crate::server) complete: bool,
    /// Why not. Everything up to the last line that was answered has been.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<DocumentError>,
}

impl WriteSummary {
    /// Counts what became of a document.
    pub(in crate::server) fn record(&mut self, result: &DocumentResult) {
        *match result.status {
            DocumentStatus::Created => &mut self.created,
            DocumentStatus::Updated => &mut self.updated,
            DocumentStatus::MetadataUpdated => &mut self.metadata_updated,
            DocumentStatus::Unchanged => &mut self.unchanged,
            DocumentStatus::Error => &mut self.errors,
        } += 1;
    }
}
