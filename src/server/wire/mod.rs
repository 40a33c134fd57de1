//! The JSON of requests and responses.
//!
//! Names are `snake_case`, ranges are half-open and count characters (Unicode scalar values) of
//! the document's clean text, scores are cosines in [-1, 1], times are milliseconds.

mod documents;
mod parallels;
mod request;
mod response;

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::engine::Snapshot;
use crate::parallels::export::ExportProvenance;
use crate::passages::{DroppedLines, TextRange};
use crate::store::{DocumentRecord, DocumentSummary, PassageRecord};

pub(super) use documents::{
    DocumentError, DocumentRequest, DocumentResult, DocumentResults, DocumentStatus,
    DocumentsRequest, WriteResponse, WriteSummary, WriteSummaryLine,
};
pub(super) use parallels::{
    ComparisonParameters, FamiliesRequest, ParallelsRequest, PassageParameters, StreamBegin,
    StreamEnd, StreamLine, StreamProgress, passage_response,
};
pub use parallels::{
    CorpusResponse, FamiliesResponse, Jsonl, ParallelDto, ParallelsResponse, comparison_response,
    corpus_response, families_response,
};
pub(super) use request::{BatchRequest, SearchParameters, SearchRequest};
pub(super) use response::{BatchResponse, FacetDto, FacetResponse, batch_response};
pub use response::{SearchResponse, search_response};

/// A document without its text.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Document)]
pub struct DocumentDto {
    /// The document's id.
    id: String,
    title: Option<String>,
    speaker: Option<String>,
    /// ISO 8601, reduced precision allowed: `2015`, `2015-10`, `2015-10-23`.
    date: Option<String>,
    venue: Option<String>,
    country: Option<String>,
    language: Option<String>,
    source: Option<String>,
    /// Further attributes, verbatim.
    attributes: BTreeMap<String, serde_json::Value>,
    /// Number of passages.
    passage_count: usize,
    /// Length of the clean text in characters.
    characters: usize,
    /// SHA-256 of id, metadata and clean text.
    content_hash: String,
}

/// A page of documents.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct DocumentList {
    /// Documents in order of their ids.
    pub(super) documents: Vec<DocumentDto>,
    /// Number of documents matching the filter.
    pub(super) total: usize,
    /// Pass as `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

/// Pagination of documents.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParameters {
    /// Maximum number of documents, 1 to 1,000.
    #[serde(default = "default_list_limit")]
    #[param(default = 100, minimum = 1, maximum = 1000)]
    pub(super) limit: usize,
    /// The id after which the page begins.
    #[serde(default)]
    pub(super) after: Option<String>,
}

fn default_list_limit() -> usize {
    100
}

/// A document with its text.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct DocumentResponse {
    #[serde(flatten)]
    document: DocumentDto,
    /// The file it was read from; `http` for an upload.
    origin: String,
    /// The clean text, to which all ranges refer.
    text: String,
    /// The passages in order; each is `text[start..end]`, so their texts are not repeated.
    passages: Vec<PassageRange>,
    /// Source lines removed from the clean text.
    dropped: Vec<DroppedLinesDto>,
}

/// Position of a passage.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct PassageRange {
    /// The passage's id.
    id: String,
    /// Position in the document, from 1.
    ordinal: u32,
    start: usize,
    end: usize,
    /// Length in tokens, special tokens included.
    tokens: usize,
    /// SHA-256 of its text.
    hash: String,
    /// Its sentences, in characters of the document's clean text.
    sentences: Vec<CharRange>,
}

/// A half-open range of characters.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(super) struct CharRange {
    start: usize,
    end: usize,
}

/// A block of the source that is not speech.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = DroppedLines)]
pub(super) struct DroppedLinesDto {
    /// Why it was removed.
    reason: String,
    /// Its first line in the source, from 1.
    line: usize,
    /// Number of lines.
    lines: usize,
    /// Number of characters.
    characters: usize,
    /// Its first words.
    first_words: String,
}

/// A passage with its neighbours and its document.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct PassageResponse {
    #[serde(flatten)]
    passage: PassageDto,
    /// The passage before it in the document.
    previous: Option<PassageDto>,
    /// The passage after it.
    next: Option<PassageDto>,
    /// The document.
    document: DocumentDto,
}

/// A passage with its text.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Passage)]
pub(super) struct PassageDto {
    #[serde(flatten)]
    range: PassageRange,
    /// Its text.
    text: String,
}

/// What produced a response: two responses are comparable if this is equal.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Provenance {
    /// Version of the program.
    version: &'static str,
    /// The model.
    model: String,
    /// Its revision.
    revision: String,
    /// Arithmetic of the encoder.
    precision: String,
    /// Id of the snapshot.
    snapshot: String,
    /// Name and parameters of the index.
    index: String,
    /// Documents in the snapshot.
    documents: usize,
    /// Passages in the snapshot.
    passages: usize,
    /// SHA-256 over the content of all documents.
    corpus_hash: String,
}

impl Provenance {
    pub(super) fn from_snapshot(snapshot: &Snapshot) -> Self {
        let info = snapshot.info();
        let encoder = snapshot.fingerprint();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            model: encoder.model.clone(),
            revision: encoder.revision.clone(),
            precision: encoder.precision.clone(),
            snapshot: info.id.clone(),
            index: info.index.clone(),
            documents: info.documents,
            passages: info.passages,
            corpus_hash: info.corpus_hash.to_string(),
        }
    }
}

impl From<&ExportProvenance> for Provenance {
    fn from(provenance: &ExportProvenance) -> Self {
        Self {
            version: provenance.version,
            model: provenance.model.clone(),
            revision: provenance.revision.clone(),
            precision: provenance.precision.clone(),
            snapshot: provenance.snapshot.clone(),
            index: provenance.index.clone(),
            documents: provenance.documents,
            passages: provenance.passages,
            corpus_hash: provenance.corpus_hash.clone(),
        }
    }
}

impl From<&DocumentSummary> for DocumentDto {
    fn from(summary: &DocumentSummary) -> Self {
        let metadata = summary.metadata.clone();
        Self {
            id: summary.id.to_string(),
            title: metadata.title,
            speaker: metadata.speaker,
            date: metadata.date.map(|date| date.to_string()),
            venue: metadata.venue,
            country: metadata.country,
            language: metadata.language,
            source: metadata.source,
            attributes: metadata.attributes,
            passage_count: summary.passages,
            characters: summary.characters,
            content_hash: summary.content_hash.to_string(),
        }
    }
}

impl From<DocumentRecord> for DocumentResponse {
    fn from(record: DocumentRecord) -> Self {
        Self {
            document: DocumentDto::from(&record.summary),
            origin: record.origin,
            text: record.text,
            passages: record.passages.iter().map(PassageRange::from).collect(),
            dropped: record
                .dropped
                .into_iter()
                .map(DroppedLinesDto::from)
                .collect(),
        }
    }
}

impl From<&PassageRecord> for PassageRange {
    fn from(passage: &PassageRecord) -> Self {
        Self {
            id: passage.id(),
            ordinal: passage.ordinal,
            start: passage.range.start,
            end: passage.range.end,
            tokens: passage.tokens,
            hash: passage.hash.to_string(),
            sentences: passage
                .sentences
                .iter()
                .copied()
                .map(CharRange::from)
                .collect(),
        }
    }
}

impl From<TextRange> for CharRange {
    fn from(range: TextRange) -> Self {
        Self {
            start: range.start,
            end: range.end,
        }
    }
}

impl From<DroppedLines> for DroppedLinesDto {
    fn from(dropped: DroppedLines) -> Self {
        Self {
            reason: dropped.reason.to_string(),
            line: dropped.line,
            lines: dropped.lines,
            characters: dropped.chars,
            first_words: dropped.first_words,
        }
    }
}

impl From<PassageRecord> for PassageDto {
    fn from(passage: PassageRecord) -> Self {
        Self {
            range: PassageRange::from(&passage),
            text: passage.text,
        }
    }
}

impl PassageResponse {
    pub(super) fn new(
        passage: PassageRecord,
        previous: Option<PassageRecord>,
        next: Option<PassageRecord>,
        document: &DocumentSummary,
    ) -> Self {
        Self {
            passage: passage.into(),
            previous: previous.map(PassageDto::from),
            next: next.map(PassageDto::from),
            document: DocumentDto::from(document),
        }
    }
}

/// Characters that are percent-encoded in a path segment: all but RFC 3986's unreserved ones.
pub(super) const PATH_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Returns the path of a passage; the `#` of its id is percent-encoded.
fn passage_url(passage: &PassageRecord) -> String {
    let id = passage.id();
    format!("/v1/passages/{}", utf8_percent_encode(&id, PATH_SEGMENT))
}
