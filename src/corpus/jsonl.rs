//! The reader for JSON lines, compressed or not: one document a line.
//!
//! A line is an object with `text` (a string, required), `id` (a string or an integer), any of the
//! metadata fields, and whatever else: an unknown field becomes an attribute with its JSON value.
//! The entries of an object called `metadata` or `attributes` count as though they stood beside
//! it, after those that do; so what this service exports comes back as it was. `null` is the same
//! as nothing. A line that cannot be used is a fault of its own and the next one is read.

use std::fmt;
use std::io::{BufRead, BufReader};

use flate2::bufread::MultiGzDecoder;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::CorpusLimits;
use super::bounded_lines::{LineRead, read_bounded_line};
use super::error::SkipReason;
use super::events::DocumentNote;
use super::format::{CountingReader, ParseIssue, ParsedDocument, unreadable};
use super::json::{self, JsonError};

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
    // Several gzip members in a row are one file, as `cat a.gz b.gz` makes them.
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
            ended: false,
        }
    }

    /// The document on the line in the buffer; `None` where the line is blank.
    fn parse_current_line(&mut self) -> Option<Result<ParsedDocument, SkipReason>> {
        let mut line = self.buffer.as_slice();
        if self.line == 1 {
            // One fault rather than one a line: nothing in the file can be read.
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
        (!line.is_empty()).then(|| parse_line(line))
    }
}

impl<R: BufRead> Iterator for JsonLines<R> {
    type Item = Result<ParsedDocument, ParseIssue>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let limit = self.limits.max_line_bytes;
            self.line += 1;
            let draft = match read_bounded_line(
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
            match draft {
                None => {}
                Some(Ok(draft)) => return Some(Ok(ParsedDocument { line, ..draft })),
                Some(Err(reason)) => return Some(Err(ParseIssue { line, reason })),
            }
        }
        self.ended = true;
        None
    }
}

fn parse_line(line: &[u8]) -> Result<ParsedDocument, SkipReason> {
    parse_object(line)?.into_parsed_document(&[])
}

/// Reads one object.
pub(super) fn parse_object(line: &[u8]) -> Result<JsonFields, SkipReason> {
    json::read(line).map_err(|error| not_an_object(&error))
}

impl JsonFields {
    /// The id as it was given, where it is a text.
    pub(super) fn declared_id(&self) -> Option<&str> {
        let id = self.0.iter().find(|(name, _)| name == "id");
        id.and_then(|(_, id)| id.as_str())
    }

    /// The document that an object describes; the fields named `computed` are left out where they
    /// stand beside `text`.
    pub(super) fn into_parsed_document(
        self,
        computed: &[&str],
    ) -> Result<ParsedDocument, SkipReason> {
        document_from_fields(self.0, computed)
    }
}

fn document_from_fields(
    fields: Vec<(String, Value)>,
    computed: &[&str],
) -> Result<ParsedDocument, SkipReason> {
    let names: Vec<String> = fields.iter().map(|(name, _)| name.clone()).collect();

    let mut draft = ParsedDocument::default();
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
                set_first(&mut text, "text", value, &mut draft.notes);
            }
            ("id", value) => {
                let id = match value {
                    Value::String(id) => id.trim().to_owned(),
                    Value::Number(id) if !id.is_f64() => id.to_string(),
                    value => return Err(wrong_type("id", "a string or an integer", &value)),
                };
                if !id.is_empty() {
                    set_first(&mut draft.id, "id", id, &mut draft.notes);
                }
            }
            ("metadata" | "attributes", Value::Object(fields)) => nested.extend(fields),
            (name, value) => draft
                .notes
                .extend(draft.metadata.set_if_absent(name, value).err()),
        }
    }
    for (name, value) in nested {
        draft
            .notes
            .extend(draft.metadata.set_if_absent(&name, value).err());
    }
    if !ignored.is_empty() {
        draft
            .notes
            .push(DocumentNote::ComputedFieldsIgnored { fields: ignored });
    }
    draft.text = text.ok_or_else(|| SkipReason::MissingText {
        fields: names.into_iter().take(20).collect(),
    })?;
    Ok(draft)
}

fn set_first(slot: &mut Option<String>, field: &str, value: String, notes: &mut Vec<DocumentNote>) {
    match slot {
        None => *slot = Some(value),
        Some(kept) => notes.push(DocumentNote::Conflict {
            field: field.to_owned(),
            kept: super::events::excerpt(kept),
            left_out: super::events::excerpt(&value),
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
        // The parser counts lines too, but it has only ever seen this one.
        JsonError::Syntax(error) => SkipReason::NotJson {
            problem: error.problem(),
            column: error.column(),
        },
        JsonError::Fault(fault) => match fault.received_as_a_whole() {
            Some(received) => SkipReason::NotAnObject {
                received: received.to_owned(),
            },
            None => SkipReason::UnreadableValue {
                problem: fault.to_string(),
            },
        },
    }
}

/// The fields of an object in their order, repeated ones too: a map would drop those silently.
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
