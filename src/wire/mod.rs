//! The JSON of results: one form for HTTP responses, for `--json`, and for files of JSON lines.
//!
//! Names are `snake_case`, ranges are half-open and count characters (Unicode scalar values) of
//! the document's clean text, scores are cosines in [-1, 1], times are milliseconds.

mod parallels;
mod search;
mod timing;

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::corpus::SourcePlace;
use crate::engine;
use crate::passages::{DroppedLines, TextRange};
use crate::store::{DocumentRecord, DocumentSummary, PassageRecord};

pub(crate) use parallels::{
    CorpusResponse, FamiliesResponse, FamilyDto, FilteredCountsDto, PairDto, ParallelsResponse,
    StreamBegin, StreamEnd, StreamLine, StreamProgress,
};
pub(crate) use search::{FacetDto, FacetResponse, ResultPage, SearchResponse};
pub(crate) use timing::{TimingMs, milliseconds};

/// A document without its text.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Document)]
pub(crate) struct DocumentDto {
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
pub(crate) struct DocumentList {
    /// Documents in order of their ids.
    pub(crate) documents: Vec<DocumentDto>,
    /// Number of documents matching the filter.
    pub(crate) total: usize,
    /// Pass as `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// A document with its text.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DocumentResponse {
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
pub(crate) struct PassageRange {
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
    #[serde(flatten)]
    place: PlaceDto,
}

/// A half-open range of characters.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct CharRange {
    start: usize,
    end: usize,
}

/// Where a passage stands in its source, as far as that has pages, lines or times.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Place)]
pub(crate) struct PlaceDto {
    /// The page of the file on which it begins, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    /// The line of the file on which it begins, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// The time in the recording at which it begins, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_ms: Option<u64>,
    /// The time at which it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    end_ms: Option<u64>,
}

impl From<SourcePlace> for PlaceDto {
    fn from(place: SourcePlace) -> Self {
        Self {
            page: place.page,
            line: place.line,
            start_ms: place.time.map(|time| time.start_ms),
            end_ms: place.time.map(|time| time.end_ms),
        }
    }
}

/// A block of the source that is not speech.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = DroppedLines)]
pub(crate) struct DroppedLinesDto {
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
pub(crate) struct PassageResponse {
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
pub(crate) struct PassageDto {
    #[serde(flatten)]
    range: PassageRange,
    /// Its text.
    text: String,
}

/// What produced a response: two responses are comparable if this is equal.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Provenance {
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

impl From<engine::Provenance> for Provenance {
    fn from(provenance: engine::Provenance) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            model: provenance.model,
            revision: provenance.revision,
            precision: provenance.precision,
            snapshot: provenance.snapshot,
            index: provenance.index,
            documents: provenance.documents,
            passages: provenance.passages,
            corpus_hash: provenance.corpus_hash.to_string(),
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
            place: passage.place.into(),
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
    pub(crate) fn new(
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
pub(crate) const PATH_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Returns the path of a passage; the `#` of its id is percent-encoded.
fn passage_url(passage: &PassageRecord) -> String {
    let id = passage.id();
    format!("/v1/passages/{}", utf8_percent_encode(&id, PATH_SEGMENT))
}
