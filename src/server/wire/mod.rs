//! The shapes of requests and answers.
//!
//! Names are `snake_case`, ranges are half-open and count characters (Unicode scalar values) of
//! the document's clean text, scores are cosines in [-1, 1], times are milliseconds.

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
    /// Further attributes as they were given.
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
    /// Documents in the order of their ids.
    pub(super) documents: Vec<DocumentDto>,
    /// Number of all documents that the filter lets through.
    pub(super) total: usize,
    /// Give this as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

/// Which page of documents.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParameters {
    /// Most documents to answer with, 1 to 1,000.
    #[serde(default = "default_page")]
    #[param(default = 100, minimum = 1, maximum = 1000)]
    pub(super) limit: usize,
    /// The id after which the page begins.
    #[serde(default)]
    pub(super) after: Option<String>,
}

fn default_page() -> usize {
    100
}

/// A document with its text.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct DocumentResponse {
    #[serde(flatten)]
    document: DocumentDto,
    /// The file it was read from; `http` if a client sent it.
    origin: String,
    /// The clean text, into which all ranges point.
    text: String,
    /// The passages in order; each is `text[start..end]`, so their texts are not repeated.
    passages: Vec<PassageRange>,
    /// What was left out of the clean text.
    dropped: Vec<DroppedLinesDto>,
}

/// Where a passage stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct PassageRange {
    /// The passage's id.
    id: String,
    /// Its place in the document, from 1.
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
pub(super) struct DroppedLinesDto {
    /// Why it was left out.
    reason: String,
    /// Its first line in the source, from 1.
    line: usize,
    /// How many lines.
    lines: usize,
    /// How many characters.
    characters: usize,
    /// How it begins.
    first_words: String,
}

/// A passage in its context.
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
pub(super) struct PassageDto {
    #[serde(flatten)]
    range: PassageRange,
    /// Its text.
    text: String,
}

/// What produced an answer: enough to say whether another answer is comparable.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Provenance {
    /// Version of the program.
    version: &'static str,
    /// The model.
    model: String,
    /// Its revision.
    revision: String,
    /// The arithmetic.
    precision: String,
    /// The snapshot that was read.
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
        let facts = snapshot.info();
        let encoder = snapshot.fingerprint();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            model: encoder.model.clone(),
            revision: encoder.revision.clone(),
            precision: encoder.precision.clone(),
            snapshot: facts.id.clone(),
            index: facts.index.clone(),
            documents: facts.documents,
            passages: facts.passages,
            corpus_hash: facts.corpus_hash.to_string(),
        }
    }
}

impl From<&ExportProvenance> for Provenance {
    fn from(origin: &ExportProvenance) -> Self {
        Self {
            version: origin.version,
            model: origin.model.clone(),
            revision: origin.revision.clone(),
            precision: origin.precision.clone(),
            snapshot: origin.snapshot.clone(),
            index: origin.index.clone(),
            documents: origin.documents,
            passages: origin.passages,
            corpus_hash: origin.corpus_hash.clone(),
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

/// What a path segment need not hide (RFC 3986, unreserved characters).
pub(super) const PATH_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The path of a passage; the `#` of its id must be hidden from the URL.
fn passage_url(passage: &PassageRecord) -> String {
    let id = passage.id();
    format!("/v1/passages/{}", utf8_percent_encode(&id, PATH_SEGMENT))
}
