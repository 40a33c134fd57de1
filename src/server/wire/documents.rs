//! Uploads of documents and their results.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::ChangeKind;
use crate::server::problem::Problem;

/// A document to store. Any other field becomes an attribute. Fields that the service computes
/// (`passages`, `passage_count`, `characters`, `content_hash`, `origin`, `dropped`) are ignored, so
/// a document can be sent back as it was returned.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct DocumentRequest {
    /// The document's id: 1 to 200 visible characters, none of `# / \ ? %`. Required in a POST.
    #[schema(example = "general-assembly-70-1")]
    id: Option<String>,
    /// The text of the speech.
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

/// One document or an array of documents.
#[derive(Debug, Serialize, ToSchema)]
#[expect(dead_code, reason = "describes the input of the corpus reader")]
#[serde(untagged)]
pub(in crate::server) enum DocumentsRequest {
    /// One document.
    One(Box<DocumentRequest>),
    /// An array of documents.
    Several(Vec<DocumentRequest>),
}

/// Result of writing a document.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct DocumentResult {
    /// Line of the stream, or position in the array, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) line: Option<usize>,
    /// The document's id, if it could be read.
    pub(in crate::server) id: Option<String>,
    /// Action taken.
    pub(in crate::server) status: DocumentStatus,
    /// Number of its passages; 0 if there was an error.
    pub(in crate::server) passages: usize,
    /// SHA-256 of id, metadata and clean text: its `ETag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) content_hash: Option<String>,
    /// Warnings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::server) notes: Vec<String>,
    /// Why it was not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) error: Option<DocumentError>,
}

/// Action taken for a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::server) enum DocumentStatus {
    /// A new document was stored.
    Created,
    /// The text was replaced.
    Updated,
    /// The metadata were replaced; the text is the same.
    MetadataUpdated,
    /// The stored document is identical.
    Unchanged,
    /// The document was not stored.
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

/// Why a document was not stored: `code`, `detail` and `field` of the problem with which it would have
/// been rejected as a single document.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct DocumentError {
    /// Stable code of the problem type, for programs.
    code: &'static str,
    /// Explanation of this occurrence and how to fix it.
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

/// Results of writing an array of documents.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::server) struct DocumentResults {
    /// One result per document, in their order.
    pub(in crate::server) results: Vec<DocumentResult>,
    /// Totals.
    pub(in crate::server) summary: WriteSummary,
}

/// Result of writing one document, or results of an array of documents.
#[derive(Debug, Serialize, ToSchema)]
#[expect(dead_code, reason = "describes the two forms of the response")]
#[serde(untagged)]
pub(in crate::server) enum WriteResponse {
    /// Of one document.
    One(Box<DocumentResult>),
    /// Of an array of documents.
    Several(DocumentResults),
}

/// The last line of the response to an upload stream.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct WriteSummaryLine<'a> {
    /// Totals.
    pub(in crate::server) summary: &'a WriteSummary,
}

/// Numbers of documents by action taken.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::server) struct WriteSummary {
    /// Lines read, including blank ones, or documents of the array.
    pub(in crate::server) lines: usize,
    created: usize,
    updated: usize,
    metadata_updated: usize,
    unchanged: usize,
    errors: usize,
    /// Whether the whole body was processed.
    pub(in crate::server) complete: bool,
    /// Why it was not. Documents with a result were processed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) error: Option<DocumentError>,
}

impl WriteSummary {
    /// Counts a result.
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
