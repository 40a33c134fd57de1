//! The reader for JSON: an array of documents, an object of documents, documents within objects, or the
//! segments of a transcript by Whisper or `YouTube`.
//!
//! Where the texts are is measured: the paths of all strings are collected, and the one whose last name
//! is that of a text is taken. If there is none, or if the user names another path, that one is; the
//! error shows the paths that were found. A path names keys, `[]` for the items of an array and `*` for
//! the values of an object: `speeches[].transcript`.

mod path;
mod segments;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::bounded::read_unpacked;
use crate::corpus::decode::decode;
use crate::corpus::error::SkipReason;
use crate::corpus::events::DocumentNote;
use crate::corpus::json::{self, JsonError};
use crate::corpus::jsonl::document_from_fields;
use crate::corpus::options::ReadOptions;
use crate::corpus::parsed::{
    CountingReader, ParseIssue, ParsedDocument, ParsedDocuments, ReadContext,
};
use path::{Located, Path, Step};

/// Items that the path of the texts is found in.
const SAMPLE_ITEMS: usize = 50;

/// An object takes several times the memory of its JSON. An array is read item by item.
const MAX_VALUE_BYTES: usize = 64 * 1024 * 1024;

pub(super) fn read(file: CountingReader, context: &ReadContext) -> ParsedDocuments {
    let context = context.clone();
    let documents =
        std::iter::once_with(move || open(file, &context)).flat_map(|opened| -> ParsedDocuments {
            match opened {
                Ok(documents) => Box::new(documents),
                Err(issue) => Box::new(std::iter::once(Err(issue))),
            }
        });
    Box::new(documents)
}

/// The documents of a file.
struct Documents {
    text: String,
    /// The ranges in `text` of the values that remain, in order.
    values: std::vec::IntoIter<std::ops::Range<usize>>,
    /// Whether the values are the items of one array, which the path then names.
    in_array: bool,
    path: Option<Path>,
    options: std::sync::Arc<ReadOptions>,
    /// Documents of the current value.
    pending: std::vec::IntoIter<Result<ParsedDocument, ParseIssue>>,
    notes: Vec<DocumentNote>,
    count: usize,
    /// An offset and the number of its line.
    line_cursor: (usize, usize),
}

fn open(file: CountingReader, context: &ReadContext) -> Result<Documents, ParseIssue> {
    let bytes = read_unpacked(file, context.limits.max_file_bytes)?;
    let (text, notes) = decode(bytes)?;
    let (values, in_array) = top_level_values(&text)?;
    if values.iter().any(|range| range.len() > MAX_VALUE_BYTES) {
        return Err(SkipReason::LimitExceeded {
            problem: "one value of the file is too large".to_owned(),
            limit: format!("{} MiB; convert it to JSON lines", MAX_VALUE_BYTES >> 20),
        }
        .into());
    }
    let path = match &context.options.text_path {
        Some(path) => Some(Path::parse(path)),
        None => find_path(&text, &values, in_array, &context.options)?,
    };
    Ok(Documents {
        values: values.into_iter(),
        text,
        in_array,
        path,
        options: std::sync::Arc::clone(&context.options),
        pending: Vec::new().into_iter(),
        notes,
        count: 0,
        line_cursor: (0, 1),
    })
}

/// Finds the path of the texts in the first values; `None` for a transcript.
fn find_path(
    text: &str,
    values: &[std::ops::Range<usize>],
    in_array: bool,
    options: &ReadOptions,
) -> Result<Option<Path>, SkipReason> {
    let mut found = path::Paths::default();
    for range in values.iter().take(SAMPLE_ITEMS) {
        let json = text.get(range.clone()).unwrap_or_default();
        let value: Value = json::read(json.as_bytes()).map_err(|error| not_json(&error))?;
        if !in_array && segments::cues(&value).is_some() {
            return Ok(None);
        }
        found.collect(&value, in_array);
    }
    match found.text_path(options) {
        Some(path) => Ok(Some(path)),
        None => Err(SkipReason::NoTextPath {
            paths: found.listed(),
        }),
    }
}

/// Returns the ranges of the items of the array that the file is, or of its values, mostly one.
fn top_level_values(text: &str) -> Result<(Vec<std::ops::Range<usize>>, bool), SkipReason> {
    let range_of = |raw: &RawValue| {
        let start = (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        start..start + raw.get().len()
    };
    if text.trim_start().starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| syntax_error(text))?;
        return Ok((items.into_iter().map(range_of).collect(), true));
    }
    // Several values are JSON lines under another name.
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        values.push(range_of(value.map_err(|_| syntax_error(text))?));
    }
    if values.is_empty() {
        return Err(SkipReason::Empty);
    }
    let several = values.len() > 1;
    Ok((values, several))
}

/// Returns what is wrong with text that is not JSON.
fn syntax_error(text: &str) -> SkipReason {
    match json::check(text.as_bytes()) {
        Err(error) => not_json(&error),
        Ok(()) => SkipReason::Malformed {
            format: "JSON",
            problem: "it is nested too deeply".to_owned(),
        },
    }
}

fn not_json(error: &JsonError) -> SkipReason {
    SkipReason::Malformed {
        format: "JSON",
        problem: error.to_string(),
    }
}

impl Iterator for Documents {
    type Item = Result<ParsedDocument, ParseIssue>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(mut result) = self.pending.next() {
                if let Ok(document) = &mut result {
                    document.notes.append(&mut self.notes);
                }
                return Some(result);
            }
            let range = self.values.next()?;
            let line = self.line_of(range.start);
            let json = self.text.get(range).unwrap_or_default().to_owned();
            let results = self.read_value(&json, line);
            self.pending = results.into_iter();
        }
    }
}

impl Documents {
    /// Counts lines up to an offset; offsets ascend.
    fn line_of(&mut self, offset: usize) -> usize {
        let (counted, line) = self.line_cursor;
        let skipped = self.text.get(counted..offset).unwrap_or_default();
        let line = line + skipped.bytes().filter(|byte| *byte == b'\n').count();
        self.line_cursor = (offset, line);
        line
    }

    fn read_value(&mut self, json: &str, line: usize) -> Vec<Result<ParsedDocument, ParseIssue>> {
        let issue = |reason| ParseIssue {
            entry: None,
            line: Some(line),
            reason,
        };
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let Ok(value) = Value::deserialize(&mut deserializer) else {
            return vec![Err(issue(syntax_error(json)))];
        };
        let Some(path) = &self.path else {
            // A transcript: the whole file is one document.
            return segments::document(&value).map(Ok).into_iter().collect();
        };
        let located = path.locate(value, self.in_array);
        if located.is_empty() {
            self.count += 1;
            return vec![Err(issue(SkipReason::MissingText {
                fields: vec![format!("nothing at {path}")],
            }))];
        }
        let is_one = !self.in_array && !path.steps.iter().any(|step| !matches!(step, Step::Key(_)));
        let mut results = Vec::new();
        for located in located {
            self.count += 1;
            let parsed = document(located, &self.options).map(|document| ParsedDocument {
                line: (!is_one).then_some(line),
                part: (!is_one).then(|| self.count.to_string()),
                ..document
            });
            results.push(parsed.map_err(issue));
        }
        results
    }
}

/// Converts a text and the fields around it.
fn document(located: Located, options: &ReadOptions) -> Result<ParsedDocument, SkipReason> {
    let mut fields = vec![("text".to_owned(), Value::String(located.text))];
    let mut has_id = false;
    for (name, value) in located.fields {
        let name = options.field_of(&name);
        // Of the surrounding objects, the nearest has said it.
        if fields.iter().any(|(present, _)| *present == name) {
            continue;
        }
        has_id |= name == "id" && !value.is_null();
        fields.push((name, value));
    }
    if let (false, Some(key)) = (has_id, located.key) {
        fields.push(("id".to_owned(), Value::String(key)));
    }
    document_from_fields(fields, &[])
}

#[cfg(test)]
mod tests;
