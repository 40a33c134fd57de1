//! What a value begins with, what was asked for in its place, and the fault where the two differ.

use serde::de::Visitor;

use super::fault::{Fault, FaultKind, one_of};
use super::{excerpt, received_number};

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// What the visitor says: it takes several types.
    AsTheVisitorSays,
    Null,
    Boolean,
    Integer {
        min: i64,
        max: u64,
    },
    Number,
    String,
    OneOf(&'static [&'static str]),
    Array,
    Object,
}

/// The beginning of a value.
#[derive(Clone, Copy)]
pub(super) enum Token<'de> {
    Null,
    Boolean(bool),
    Number(&'de str),
    /// With its quotation marks and escapes.
    String(&'de str),
    Array,
    Object,
}

impl Wanted {
    fn words(self, received: Token<'_>) -> Option<String> {
        let words = match self {
            Self::AsTheVisitorSays => return None,
            Self::Null => "null",
            Self::Boolean => "true or false",
            Self::Integer {
                min: 0,
                max: u64::MAX,
            } if !received.is_natural() => "a non-negative integer",
            Self::Integer { min, max } => return Some(format!("an integer from {min} to {max}")),
            Self::Number => "a number",
            Self::String => "a string",
            Self::OneOf(names) => return Some(one_of(names)),
            Self::Array => "an array",
            Self::Object => "an object",
        };
        Some(words.to_owned())
    }
}

impl Token<'_> {
    fn received(self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(value) => value.to_string(),
            Self::Number(number) => received_number(number),
            Self::String(raw) => excerpt(&decoded(raw).unwrap_or_default()),
            Self::Array => "an array".to_owned(),
            Self::Object => "an object".to_owned(),
        }
    }

    /// Whether it is an integer from 0, however large.
    fn is_natural(self) -> bool {
        matches!(self, Self::Number(number) if number.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

impl Fault {
    /// Fills in what was asked for and what was received, where that is what is wrong.
    pub(super) fn completed(self, wanted: Wanted, token: Token<'_>) -> Self {
        match self.kind() {
            // It is one of a value inside, and complete.
            _ if !self.is_here() => self,
            FaultKind::WrongType {
                expected,
                received: None,
            } => Self::new(FaultKind::WrongType {
                expected: wanted.words(token).unwrap_or_else(|| expected.clone()),
                received: Some(token.received()),
            }),
            // Where no number is asked for, its size is not what is wrong.
            FaultKind::NumberTooLarge { received }
                if !matches!(wanted, Wanted::AsTheVisitorSays | Wanted::Number) =>
            {
                Self::new(FaultKind::WrongType {
                    expected: wanted.words(token).unwrap_or_default(),
                    received: Some(received.clone()),
                })
            }
            _ => self,
        }
    }
}

/// A string without its escapes. Its syntax is right, so only half of a surrogate pair can be wrong.
pub(super) fn decoded(raw: &str) -> Result<String, Fault> {
    serde_json::from_str(raw).map_err(|_| Fault::new(FaultKind::NotUnicode))
}

/// Gives a visitor a number as `serde_json` would.
pub(super) fn visit_number<'de, V: Visitor<'de>>(
    number: &str,
    visitor: V,
) -> Result<V::Value, Fault> {
    if let Ok(natural) = number.parse() {
        return visitor.visit_u64(natural);
    }
    // The integer 0 has no sign.
    if let Some(integer) = number.parse().ok().filter(|integer| *integer != 0) {
        return visitor.visit_i64(integer);
    }
    match number.parse::<f64>() {
        Ok(number) if number.is_finite() => visitor.visit_f64(number),
        _ => Err(Fault::new(FaultKind::NumberTooLarge {
            received: received_number(number),
        })),
    }
}
