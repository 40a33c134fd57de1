//! Decodes rows into records.
//!
//! Every value is validated: a database can be edited or damaged, and a value that cannot be decoded
//! is an error that names the record.

use rusqlite::Row;
use serde::de::DeserializeOwned;

use crate::corpus::{DocumentId, Metadata, PartialDate, SourcePlace, TimeSpan};
use crate::passages::TextRange;

use super::{DocumentRecord, DocumentState, DocumentSummary, HitRecord, PassageRecord, StoreError};

/// The columns that [`summary`] reads, from `documents d`.
pub(super) const SUMMARY_COLUMNS: &str = "d.id, d.title, d.speaker, d.date, d.venue, d.country,
     d.language, d.source, d.attributes, d.content_hash, d.characters,
     (SELECT count(*) FROM passages WHERE document = d.key) AS passages";

/// The columns that [`passage`] reads, from [`PASSAGE_TABLES`]; [`hit_record`] also reads `s.vectors`.
pub(super) const PASSAGE_COLUMNS: &str = "p.ordinal, p.range_start, p.range_end, p.tokens,
     p.text AS passage_text, p.hash, s.ranges, p.page, p.line, p.start_ms, p.end_ms";

/// The tables of passages and their sentences.
pub(super) const PASSAGE_TABLES: &str = "FROM passages p JOIN sentences s ON s.passage = p.key";

pub(super) fn summary(row: &Row<'_>) -> Result<DocumentSummary, StoreError> {
    let id = document_id(row.get("id")?)?;
    Ok(DocumentSummary {
        metadata: metadata(row, id.as_str())?,
        content_hash: row.get("content_hash")?,
        passages: row.get("passages")?,
        characters: row.get("characters")?,
        id,
    })
}

/// Reads a document without its passages, which are rows of another table.
pub(super) fn document(row: &Row<'_>) -> Result<DocumentRecord, StoreError> {
    let summary = summary(row)?;
    let dropped: String = row.get("dropped")?;
    Ok(DocumentRecord {
        origin: row.get("origin")?,
        text: row.get("text")?,
        dropped: parse_json("the list of dropped blocks", summary.id.as_str(), &dropped)?,
        passages: Vec::new(),
        summary,
    })
}

pub(super) fn passage(row: &Row<'_>, document: &DocumentId) -> Result<PassageRecord, StoreError> {
    let ordinal = row.get("ordinal")?;
    let ranges: String = row.get("ranges")?;
    let record = format!("{document}#p{ordinal}");
    let sentences: Vec<(usize, usize)> = parse_json("the list of sentences", &record, &ranges)?;
    Ok(PassageRecord {
        document: document.clone(),
        ordinal,
        text: row.get("passage_text")?,
        range: TextRange {
            start: row.get("range_start")?,
            end: row.get("range_end")?,
        },
        tokens: row.get("tokens")?,
        hash: row.get("hash")?,
        sentences: sentences
            .into_iter()
            .map(|(start, end)| TextRange { start, end })
            .collect(),
        place: place(row)?,
    })
}

fn place(row: &Row<'_>) -> Result<SourcePlace, StoreError> {
    let times: (Option<u64>, Option<u64>) = (row.get("start_ms")?, row.get("end_ms")?);
    Ok(SourcePlace {
        page: row.get("page")?,
        line: row.get("line")?,
        time: match times {
            (Some(start_ms), Some(end_ms)) => Some(TimeSpan { start_ms, end_ms }),
            _ => None,
        },
    })
}

pub(super) fn hit_record(
    row: &Row<'_>,
    document: &DocumentId,
    dimension: usize,
) -> Result<HitRecord, StoreError> {
    let passage = passage(row, document)?;
    let bytes = row
        .get_ref("vectors")?
        .as_blob()
        .map_err(rusqlite::Error::from)?;
    let mut sentence_vectors = Vec::new();
    let expected = passage.sentences.len() * dimension;
    let record = || format!("the sentences of {}", passage.id());
    decode_f32s(bytes, expected, record, &mut sentence_vectors)?;
    Ok(HitRecord {
        passage,
        sentence_vectors,
    })
}

/// Reads what change detection compares.
pub(super) fn state(row: &Row<'_>, id: &DocumentId) -> Result<DocumentState, StoreError> {
    Ok(DocumentState {
        source_hash: row.get("source_hash")?,
        metadata: metadata(row, id.as_str())?,
        content_hash: row.get("content_hash")?,
        passages: row.get("passages")?,
    })
}

fn metadata(row: &Row<'_>, id: &str) -> Result<Metadata, StoreError> {
    let date: Option<String> = row.get("date")?;
    let date = date.map(|text| {
        text.parse::<PartialDate>()
            .map_err(|e| StoreError::CorruptRecord {
                what: "the date",
                record: id.to_owned(),
                expected: "an ISO 8601 date".to_owned(),
                received: e.to_string(),
            })
    });
    let attributes: String = row.get("attributes")?;
    Ok(Metadata {
        title: row.get("title")?,
        speaker: row.get("speaker")?,
        date: date.transpose()?,
        venue: row.get("venue")?,
        country: row.get("country")?,
        language: row.get("language")?,
        source: row.get("source")?,
        attributes: parse_json("the attributes", id, &attributes)?,
    })
}

pub(super) fn document_id(text: String) -> Result<DocumentId, StoreError> {
    text.parse().map_err(|_| StoreError::CorruptRecord {
        what: "the id",
        record: "a document".to_owned(),
        expected: "a document id".to_owned(),
        received: text,
    })
}

/// Decodes little-endian `f32`s into `out`, replacing its content.
pub(super) fn decode_f32s(
    bytes: &[u8],
    expected: usize,
    record: impl Fn() -> String,
    out: &mut Vec<f32>,
) -> Result<(), StoreError> {
    if bytes.len() != expected * 4 {
        return Err(StoreError::CorruptRecord {
            what: "the embedding",
            record: record(),
            expected: format!("{} bytes", expected * 4),
            received: format!("{} bytes", bytes.len()),
        });
    }
    let (numbers, _) = bytes.as_chunks::<4>();
    out.clear();
    out.extend(numbers.iter().map(|number| f32::from_le_bytes(*number)));
    Ok(())
}

fn parse_json<T: DeserializeOwned>(
    what: &'static str,
    record: &str,
    json: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|e| StoreError::CorruptRecord {
        what,
        record: record.to_owned(),
        expected: "JSON".to_owned(),
        received: e.to_string(),
    })
}
