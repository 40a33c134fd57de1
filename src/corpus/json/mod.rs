//! Reading JSON with typed errors.
//!
//! `serde_json` reports errors as messages in terms of Rust. Input that it rejects is therefore read
//! again by a reader of our own, which reports the kind of the fault, the field, what was expected and
//! what was received, in terms of JSON. Valid input is read once, at no extra cost.

mod fault;
mod object;
mod reader;
mod token;

use std::fmt;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_json::error::Category;

pub(crate) use fault::{Fault, FaultKind};
pub(crate) use object::Object;
use reader::Reader;

use super::message::excerpt;

/// Maximum length of the excerpt of the input in a syntax error.
const MAX_SHOWN_CHARS: usize = 20;

/// Why JSON cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The bytes are not UTF-8.
    #[error("expected UTF-8, received an invalid byte at position {position}")]
    NotUtf8 {
        /// The byte's position, counted from 1.
        position: usize,
    },
    /// It is not JSON.
    #[error("{0}")]
    Syntax(SyntaxError),
    /// It is JSON, but not of the expected structure.
    #[error("{0}")]
    Fault(Fault),
}

/// Text that is not JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    kind: SyntaxErrorKind,
    line: usize,
    column: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum SyntaxErrorKind {
    Empty,
    End,
    Text(String),
    AfterValue(String),
}

/// Reads one JSON value.
///
/// # Errors
///
/// If it is not JSON or does not have the expected structure.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, JsonError> {
    serde_json::from_slice(json).map_err(|error| explain::<T>(json, &error))
}

/// Reads a parsed JSON value.
///
/// # Errors
///
/// If it is not JSON or does not have the expected structure.
pub(crate) fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T, JsonError> {
    T::deserialize(value).map_err(|error| explain::<T>(value.to_string().as_bytes(), &error))
}

/// Checks that this is one JSON value.
///
/// # Errors
///
/// If it is not.
pub(crate) fn check(json: &[u8]) -> Result<(), JsonError> {
    let text = utf8(json)?;
    let mut whole = serde_json::Deserializer::from_str(text);
    let value = serde::Deserialize::deserialize(&mut whole);
    value
        .map_err(|error| JsonError::Syntax(SyntaxError::new(text, &error)))
        .and_then(|IgnoredAny| {
            let ended = whole.end();
            ended.map_err(|error| JsonError::Syntax(SyntaxError::after_value(text, &error)))
        })
}

/// Finds out why a `T` cannot be read from this input, for which `serde_json` returned `error`.
fn explain<T: DeserializeOwned>(json: &[u8], error: &serde_json::Error) -> JsonError {
    let fault = check(json).and_then(|()| {
        let read = T::deserialize(&mut Reader::new(utf8(json)?));
        read.map_err(JsonError::Fault)
    });
    // If the two readers disagree, report the error of `serde_json`.
    let Err(fault) = fault else {
        let text = String::from_utf8_lossy(json);
        return JsonError::Syntax(SyntaxError::new(&text, error));
    };
    fault
}

fn utf8(json: &[u8]) -> Result<&str, JsonError> {
    std::str::from_utf8(json).map_err(|error| JsonError::NotUtf8 {
        position: error.valid_up_to() + 1,
    })
}

/// Renders a value for an error: shortened, in terms of JSON.
#[must_use]
pub(crate) fn received(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) => value.to_string(),
        Value::Number(number) => received_number(&number.to_string()),
        Value::String(text) => excerpt(text),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Renders a number, shortened if it has many digits.
fn received_number(number: &str) -> String {
    format!("the number {}", shortened(number, MAX_SHOWN_CHARS))
}

fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

impl SyntaxError {
    fn new(text: &str, error: &serde_json::Error) -> Self {
        let kind = match error.classify() {
            _ if text.trim_ascii().is_empty() => SyntaxErrorKind::Empty,
            Category::Eof => SyntaxErrorKind::End,
            Category::Syntax | Category::Data | Category::Io => {
                SyntaxErrorKind::Text(text_at(text, error))
            }
        };
        Self::at(kind, error)
    }

    fn after_value(text: &str, error: &serde_json::Error) -> Self {
        Self::at(SyntaxErrorKind::AfterValue(text_at(text, error)), error)
    }

    fn at(kind: SyntaxErrorKind, error: &serde_json::Error) -> Self {
        Self {
            kind,
            line: error.line(),
            column: error.column(),
        }
    }

    /// Returns the byte position in the line, counted from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// Describes the error without its position.
    #[must_use]
    pub fn problem(&self) -> String {
        match &self.kind {
            SyntaxErrorKind::Empty => "it is empty".to_owned(),
            SyntaxErrorKind::End => "unexpected end".to_owned(),
            SyntaxErrorKind::Text(text) => format!("unexpected {text:?}"),
            SyntaxErrorKind::AfterValue(text) => format!("unexpected {text:?} after its end"),
        }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem())?;
        if self.kind == SyntaxErrorKind::Empty {
            return Ok(());
        }
        write!(f, " at line {}, column {}", self.line, self.column)
    }
}

/// Returns the text from the position of an error to the end of the line.
fn text_at(text: &str, error: &serde_json::Error) -> String {
    let line = text.split('\n').nth(error.line().saturating_sub(1));
    let rest = line.and_then(|line| line.get(error.column().saturating_sub(1)..));
    shortened(rest.unwrap_or_default().trim_ascii_end(), MAX_SHOWN_CHARS)
}

#[cfg(test)]
mod tests;
