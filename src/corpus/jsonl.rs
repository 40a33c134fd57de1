//! The reader for JSON lines, compressed or not: one document per line.
//!
//! A line is an object with `text` (a string, required), `id` (a string or an integer; `_id` in BEIR's
//! collections) and any metadata fields; an unknown field becomes an attribute with its JSON value. Entries of an object
//! `metadata` or `attributes` are read like fields of the line, which take precedence; an export of
//! this service can therefore be imported again. `null` means absent. An invalid line is reported and
//! skipped.

use std::fmt;
use std::io::{BufRead, BufReader};

use flate2::bufread::MultiGzDecoder;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::CorpusLimits;
use super::bounded_lines::{LineRead, read_bounded_line};
use super::error::SkipReason;
use super::events::DocumentNote;
use super::json::{self, JsonError};
use super::message::excerpt;
use super::parsed::{CountingReader, ParseIssue, ParsedDocument, unreadable};

const BUFFER_BYTES: usize = 64 * 1024;

pub(super) fn plain(
    file: CountingReader,
    limits: CorpusLimits,
) -> impl Iterator<Item = Result<ParsedDocument, ParseIssue>> {
    JsonLines::new(BufReader::with_capacity(BUFFER_BYTES, file), limits, false)
}

pub(super) fn gzip(
    file: CountingReader,
    limits: CorpusLimits,
) -> impl Iterator<Item = Result<ParsedDocument, ParseIssue>> {
    // A file may consist of several gzip members, like the output of `cat a.gz b.gz`.
    let decoder = MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, file));
    JsonLines::new(
        BufReader::with_capacity(BUFFER_BYTES, decoder),
        limits,
        true,
    )
}

struct JsonLines<R> {
    input: R,
    limits: CorpusLimits,
    compressed: bool,
    buffer: Vec<u8>,
    line: usize,
    bytes: u64,
    /// Whether a line that is not blank was read.
    documents_begun: bool,
    ended: bool,
}

impl<R: BufRead> JsonLines<R> {
    fn new(input: R, limits: CorpusLimits, compressed: bool) -> Self {
        Self {
            input,
            limits,
            compressed,
            buffer: Vec::new(),
            line: 0,
            bytes: 0,
            documents_begun: false,
            ended: false,
        }
    }

    /// Parses the line in the buffer; `None` if it is blank.
    fn parse_current_line(&mut self) -> Option<Result<ParsedDocument, SkipReason>> {
        let mut line = self.buffer.as_slice();
        if self.line == 1 {
            // One issue for the file instead of one per line: none of it can be read.
            let encoding = match line {
                [0xff, 0xfe, ..] => Some("UTF-16LE"),
                [0xfe, 0xff, ..] => Some("UTF-16BE"),
                _ => None,
            };
            if let Some(encoding) = encoding {
                self.ended = true;
                return Some(Err(SkipReason::JsonLinesNotUtf8 { encoding }));
            }
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        let line = line.trim_ascii();
        if self.documents_begun || line.is_empty() {
            return (!line.is_empty()).then(|| parse_line(line));
        }
        self.documents_begun = true;
        if is_start_of_pretty_json(line) {
            // Again one issue for the file.
            self.ended = true;
            return Some(Err(SkipReason::JsonOverSeveralLines {
                is_list: line.starts_with(b"["),
            }));
        }
        Some(parse_line(line))
    }
}

/// Returns whether the first line of a file opens a list or object that goes on on the next lines.
fn is_start_of_pretty_json(line: &[u8]) -> bool {
    let is_list = line.starts_with(b"[");
    let opens_only = line
        .iter()
        .all(|byte| matches!(byte, b'[' | b'{' | b' ' | b'\t'));
    opens_only || is_list && matches!(json::read::<Value>(line), Err(JsonError::Syntax(_)))
}

impl<R: BufRead> Iterator for JsonLines<R> {
    type Item = Result<ParsedDocument, ParseIssue>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let limit = self.limits.max_line_bytes;
            self.line += 1;
            let parsed = match read_bounded_line(
                &mut self.input,
                &mut self.buffer,
                limit,
                &mut self.bytes,
            ) {
                Ok(LineRead::End) => break,
                Ok(LineRead::Complete) => self.parse_current_line(),
                Ok(LineRead::TooLong) => Some(Err(SkipReason::TooLarge {
                    limit,
                    received: None,
                })),
                Err(error) => {
                    self.ended = true;
                    Some(Err(if self.compressed {
                        SkipReason::DamagedGzip {
                            bytes: self.bytes,
                            problem: error.to_string(),
                        }
                    } else {
                        unreadable(&error)
                    }))
                }
            };
            let line = Some(self.line);
            match parsed {
                None => {}
                Some(Ok(document)) => return Some(Ok(ParsedDocument { line, ..document })),
                Some(Err(reason)) => {
                    return Some(Err(ParseIssue {
                        entry: None,
                        line,
                        reason,
                    }));
                }
            }
        }
        self.ended = true;
        None
    }
}

fn parse_line(line: &[u8]) -> Result<ParsedDocument, SkipReason> {
    parse_object(line)?.into_parsed_document(&[])
}

/// Parses one JSON object.
pub(super) fn parse_object(line: &[u8]) -> Result<JsonFields, SkipReason> {
    json::read(line).map_err(|error| not_an_object(&error))
}

impl JsonFields {
    /// Returns the declared id, not validated, if it is a string.
    pub(super) fn declared_id(&self) -> Option<&str> {
        let id = self.0.iter().find(|(name, _)| name == "id");
        id.and_then(|(_, id)| id.as_str())
    }

    /// Converts the fields to a document. Fields in `computed` are ignored, except in `metadata` and
    /// `attributes`.
    pub(super) fn into_parsed_document(
        self,
        computed: &[&str],
    ) -> Result<ParsedDocument, SkipReason> {
        document_from_fields(self.0, computed)
    }
}

/// Converts the fields of an object, without those in `computed`, to a document.
pub(super) fn document_from_fields(
    fields: Vec<(String, Value)>,
    computed: &[&str],
) -> Result<ParsedDocument, SkipReason> {
    let names: Vec<String> = fields.iter().map(|(name, _)| name.clone()).collect();

    let mut document = ParsedDocument::default();
    let mut text = None;
    let mut nested = Vec::new();
    let mut ignored = Vec::new();
    for (name, value) in fields {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            (name, _) if computed.contains(&name) => ignored.push(name.to_owned()),
            ("text", value) => {
                let Value::String(value) = value else {
                    return Err(wrong_type("text", "a string", &value));
                };
                set_first(&mut text, "text", value, &mut document.notes);
            }
            ("id" | "_id", value) => {
                let id = match value {
                    // A blank around an id is not removed: that could be another document's id.
                    Value::String(id) if id.trim().is_empty() => String::new(),
                    Value::String(id) => id,
                    Value::Number(id) if !id.is_f64() => id.to_string(),
                    value => return Err(wrong_type("id", "a string or an integer", &value)),
                };
                if !id.is_empty() {
                    set_first(&mut document.id, "id", id, &mut document.notes);
                }
            }
            ("metadata" | "attributes", Value::Object(fields)) => nested.extend(fields),
            (name, value) => document
                .notes
                .extend(document.metadata.set_if_absent(name, value).err()),
        }
    }
    for (name, value) in nested {
        document
            .notes
            .extend(document.metadata.set_if_absent(&name, value).err());
    }
    if !ignored.is_empty() {
        document
            .notes
            .push(DocumentNote::ComputedFieldsIgnored { fields: ignored });
    }
    document.text = text.ok_or_else(|| SkipReason::MissingText {
        fields: names.into_iter().take(20).collect(),
    })?;
    Ok(document)
}

fn set_first(slot: &mut Option<String>, field: &str, value: String, notes: &mut Vec<DocumentNote>) {
    match slot {
        None => *slot = Some(value),
        Some(kept) => notes.push(DocumentNote::Conflict {
            field: field.to_owned(),
            kept: excerpt(kept),
            ignored: excerpt(&value),
        }),
    }
}

fn wrong_type(field: &'static str, expected: &'static str, value: &Value) -> SkipReason {
    SkipReason::WrongFieldType {
        field,
        expected,
        received: json::received(value),
    }
}

fn not_an_object(error: &JsonError) -> SkipReason {
    match error {
        JsonError::NotUtf8 { position } => SkipReason::InvalidUtf8Line {
            position: *position,
        },
        // The parser's line number is useless: it sees one line at a time.
        JsonError::Syntax(error) => SkipReason::NotJson {
            problem: error.problem(),
            column: error.column(),
        },
        JsonError::Fault(fault) => match fault.received_at_top_level() {
            Some(received) => SkipReason::NotAnObject {
                received: received.to_owned(),
            },
            None => SkipReason::UnreadableValue {
                problem: fault.to_string(),
            },
        },
    }
}

/// The fields of an object in order. A map would silently drop repeated ones.
pub(super) struct JsonFields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for JsonFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = JsonFields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonFields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(JsonFields(fields))
            }
        }

        deserializer.deserialize_map(ObjectVisitor)
    }
}
