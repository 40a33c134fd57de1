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

use super::Limits;
use super::format::{Counted, Draft, Fault, unreadable};
use super::json::{self, JsonError};
use super::lines::{Line, next_line};
use super::reading::Note;
use super::reason::SkipReason;

const BUFFER_BYTES: usize = 64 * 1024;

pub(super) fn plain(file: Counted, limits: Limits) -> impl Iterator<Item = Result<Draft, Fault>> {
    JsonLines::new(BufReader::with_capacity(BUFFER_BYTES, file), limits, false)
}

pub(super) fn gzip(file: Counted, limits: Limits) -> impl Iterator<Item = Result<Draft, Fault>> {
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
    limits: Limits,
    compressed: bool,
    buffer: Vec<u8>,
    line: usize,
    bytes: u64,
    ended: bool,
}

impl<R: BufRead> JsonLines<R> {
    fn new(input: R, limits: Limits, compressed: bool) -> Self {
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
    fn draft(&mut self) -> Option<Result<Draft, SkipReason>> {
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
                return Some(Err(SkipReason::LinesNotUtf8 { encoding }));
            }
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        let line = line.trim_ascii();
        (!line.is_empty()).then(|| parse(line))
    }
}

impl<R: BufRead> Iterator for JsonLines<R> {
    type Item = Result<Draft, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let limit = self.limits.max_line_bytes;
            self.line += 1;
            let draft = match next_line(&mut self.input, &mut self.buffer, limit, &mut self.bytes) {
                Ok(Line::End) => break,
                Ok(Line::Whole) => self.draft(),
                Ok(Line::TooLong) => Some(Err(SkipReason::TooLarge {
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
                Some(Ok(draft)) => return Some(Ok(Draft { line, ..draft })),
                Some(Err(reason)) => return Some(Err(Fault { line, reason })),
            }
        }
        self.ended = true;
        None
    }
}

fn parse(line: &[u8]) -> Result<Draft, SkipReason> {
    fields(line)?.draft(&[])
}

/// Reads one object.
pub(super) fn fields(line: &[u8]) -> Result<Fields, SkipReason> {
    json::read(line).map_err(|error| not_an_object(&error))
}

impl Fields {
    /// The id as it was given, where it is a text.
    pub(super) fn id(&self) -> Option<&str> {
        let id = self.0.iter().find(|(name, _)| name == "id");
        id.and_then(|(_, id)| id.as_str())
    }

    /// The document that an object describes; the fields named `computed` are left out where they
    /// stand beside `text`.
    pub(super) fn draft(self, computed: &[&str]) -> Result<Draft, SkipReason> {
        draft(self.0, computed)
    }
}

fn draft(fields: Vec<(String, Value)>, computed: &[&str]) -> Result<Draft, SkipReason> {
    let names: Vec<String> = fields.iter().map(|(name, _)| name.clone()).collect();

    let mut draft = Draft::default();
    let mut text = None;
    let mut nested = Vec::new();
    let mut left_out = Vec::new();
    for (name, value) in fields {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            (name, _) if computed.contains(&name) => left_out.push(name.to_owned()),
            ("text", value) => {
                let Value::String(value) = value else {
                    return Err(wrong_type("text", "a string", &value));
                };
                keep_first(&mut text, "text", value, &mut draft.notes);
            }
            ("id", value) => {
                let id = match value {
                    Value::String(id) => id.trim().to_owned(),
                    Value::Number(id) if !id.is_f64() => id.to_string(),
                    value => return Err(wrong_type("id", "a string or an integer", &value)),
                };
                if !id.is_empty() {
                    keep_first(&mut draft.id, "id", id, &mut draft.notes);
                }
            }
            ("metadata" | "attributes", Value::Object(fields)) => nested.extend(fields),
            (name, value) => draft.notes.extend(draft.metadata.put(name, value).err()),
        }
    }
    for (name, value) in nested {
        draft.notes.extend(draft.metadata.put(&name, value).err());
    }
    if !left_out.is_empty() {
        draft.notes.push(Note::Computed { fields: left_out });
    }
    draft.text = text.ok_or_else(|| SkipReason::NoText {
        fields: names.into_iter().take(20).collect(),
    })?;
    Ok(draft)
}

fn keep_first(slot: &mut Option<String>, field: &str, value: String, notes: &mut Vec<Note>) {
    match slot {
        None => *slot = Some(value),
        Some(kept) => notes.push(Note::Conflict {
            field: field.to_owned(),
            kept: super::reading::excerpt(kept),
            left_out: super::reading::excerpt(&value),
        }),
    }
}

fn wrong_type(field: &'static str, expected: &'static str, value: &Value) -> SkipReason {
    SkipReason::FieldType {
        field,
        expected,
        received: json::received(value),
    }
}

fn not_an_object(error: &JsonError) -> SkipReason {
    match error {
        JsonError::NotUtf8 { position } => SkipReason::LineNotUtf8 {
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
pub(super) struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
