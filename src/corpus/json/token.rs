//! The start of a value, the type that was requested, and the fault if the two differ.

use serde::de::Visitor;

use super::fault::{Fault, FaultKind, one_of};
use super::{excerpt, received_number};

/// The requested type.
#[derive(Clone, Copy)]
pub(super) enum ExpectedType {
    /// Stated by the visitor, which accepts several types.
    ByVisitor,
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

/// The start of a value.
#[derive(Clone, Copy)]
pub(super) enum Token<'de> {
    Null,
    Boolean(bool),
    Number(&'de str),
    /// Raw, with its quotation marks and escapes.
    String(&'de str),
    Array,
    Object,
}

impl ExpectedType {
    fn describe(self, received: Token<'_>) -> Option<String> {
        let description = match self {
            Self::ByVisitor => return None,
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
        Some(description.to_owned())
    }
}

impl Token<'_> {
    fn describe(self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(value) => value.to_string(),
            Self::Number(number) => received_number(number),
            Self::String(raw) => excerpt(&decoded(raw).unwrap_or_default()),
            Self::Array => "an array".to_owned(),
            Self::Object => "an object".to_owned(),
        }
    }

    /// Returns whether it is a non-negative integer of any size.
    fn is_natural(self) -> bool {
        matches!(self, Self::Number(number) if number.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

impl Fault {
    /// Fills in what was expected and received, if the type of this value is wrong.
    pub(super) fn completed(self, expected_type: ExpectedType, token: Token<'_>) -> Self {
        match self.kind() {
            // The fault of a nested value is complete.
            _ if !self.is_at_root() => self,
            FaultKind::WrongType {
                expected,
                received: None,
            } => Self::new(FaultKind::WrongType {
                expected: expected_type
                    .describe(token)
                    .unwrap_or_else(|| expected.clone()),
                received: Some(token.describe()),
            }),
            // If no number was requested, its size is not the problem.
            FaultKind::NumberTooLarge { received }
                if !matches!(
                    expected_type,
                    ExpectedType::ByVisitor | ExpectedType::Number
                ) =>
            {
                Self::new(FaultKind::WrongType {
                    expected: expected_type.describe(token).unwrap_or_default(),
                    received: Some(received.clone()),
                })
            }
            _ => self,
        }
    }
}

/// Decodes the escapes of a string. Its syntax is valid, so only an unpaired surrogate can be wrong.
pub(super) fn decoded(raw: &str) -> Result<String, Fault> {
    serde_json::from_str(raw).map_err(|_| Fault::new(FaultKind::NotUnicode))
}

/// Passes a number to a visitor the way `serde_json` does.
pub(super) fn visit_number<'de, V: Visitor<'de>>(
    number: &str,
    visitor: V,
) -> Result<V::Value, Fault> {
    if let Ok(natural) = number.parse() {
        return visitor.visit_u64(natural);
    }
    // `-0` is a float.
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
