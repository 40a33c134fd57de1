//! Faults in JSON that does not have the expected structure.

use std::fmt::{self, Write as _};

use serde::de::{Error, Expected, Unexpected};

use super::shortened;

/// Maximum length of a client's field name in an error.
const MAX_NAME_CHARS: usize = 100;

/// Maximum length of a path in an error.
const MAX_PATH_CHARS: usize = 300;

/// An invalid value, and its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    /// From the innermost step to the outermost.
    path: Vec<Step>,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// It has another type, or is out of range.
    WrongType {
        /// The expected type.
        expected: String,
        /// The value; `None` until the reader fills it in.
        received: Option<String>,
    },
    /// It is an object with an unknown field.
    UnknownField {
        /// The field.
        field: String,
        /// The known fields.
        known: &'static [&'static str],
    },
    /// It is an object without a required field.
    MissingField {
        /// The field.
        field: &'static str,
    },
    /// It is an object with a field that occurs twice.
    RepeatedField {
        /// The field.
        field: &'static str,
    },
    /// It is a number beyond the range of `f64`.
    NumberTooLarge {
        /// The number.
        received: String,
    },
    /// It is a string or a field's name with an unpaired surrogate escape.
    NotUnicode,
    /// Arrays and objects in it are nested too deeply.
    TooDeep {
        /// The maximum number of levels.
        limit: usize,
    },
    /// The message of a `Deserialize` implementation.
    Other(String),
}

/// A step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Item(usize),
}

impl Fault {
    pub(super) fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            path: Vec::new(),
        }
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn kind(&self) -> &FaultKind {
        &self.kind
    }

    /// Returns whether the fault is in the value that is being read, and not inside it.
    pub(super) fn is_at_root(&self) -> bool {
        self.path.is_empty()
    }

    /// Returns the received value if the top-level value has the wrong type.
    pub(in super::super) fn received_at_top_level(&self) -> Option<&str> {
        match &self.kind {
            FaultKind::WrongType { received, .. } if self.is_at_root() => received.as_deref(),
            _ => None,
        }
    }

    /// Returns the field at fault, such as `searches[1].limit`; `None` for the top-level value.
    #[must_use]
    pub fn field(&self) -> Option<String> {
        let mut path = self.path();
        let field = match &self.kind {
            FaultKind::UnknownField { field, .. } => Some(field.as_str()),
            FaultKind::MissingField { field } | FaultKind::RepeatedField { field } => Some(*field),
            _ => None,
        };
        if let Some(field) = field {
            push_name(&mut path, field);
        }
        (!path.is_empty()).then_some(path)
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for step in self.path.iter().rev() {
            match step {
                Step::Field(name) => push_name(&mut path, name),
                // Writing to a string cannot fail.
                Step::Item(index) => write!(path, "[{index}]").unwrap_or_default(),
            }
        }
        shortened(&path, MAX_PATH_CHARS)
    }

    pub(super) fn in_field(mut self, name: &str) -> Self {
        self.path.push(Step::Field(shortened(name, MAX_NAME_CHARS)));
        self
    }

    pub(super) fn in_item(mut self, index: usize) -> Self {
        self.path.push(Step::Item(index));
        self
    }
}

fn push_name(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

/// Describes a choice of strings.
pub(super) fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    match quoted.as_slice() {
        [one] => one.clone(),
        several => format!("one of {}", several.join(", ")),
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let FaultKind::RepeatedField { .. } = self.kind {
            let field = self.field().unwrap_or_default();
            return write!(f, "{field} is given twice; expected it once");
        }
        let path = self.path();
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        match &self.kind {
            FaultKind::WrongType { expected, received } => {
                let received = received.as_deref().unwrap_or("another value");
                write!(f, "expected {expected}, received {received}")
            }
            FaultKind::UnknownField { field, known: [] } => {
                write!(f, "unknown field {field:?}; expected none")
            }
            FaultKind::UnknownField { field, known } => {
                write!(
                    f,
                    "unknown field {field:?}; expected one of: {}",
                    known.join(", ")
                )
            }
            FaultKind::MissingField { field } => {
                write!(f, "expected a field {field:?}, received none")
            }
            FaultKind::RepeatedField { .. } => Ok(()),
            FaultKind::NumberTooLarge { received } => {
                write!(
                    f,
                    "expected a number from -1.8e308 to 1.8e308, received {received}"
                )
            }
            FaultKind::NotUnicode => {
                f.write_str("expected Unicode characters, received half of a surrogate pair")
            }
            FaultKind::TooDeep { limit } => {
                write!(
                    f,
                    "expected at most {limit} arrays and objects inside one another, received more"
                )
            }
            FaultKind::Other(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for Fault {}

/// The reader fills in what was received, which the visitor does not know exactly.
impl Error for Fault {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::new(FaultKind::Other(problem.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(FaultKind::WrongType {
            expected: expected.to_string(),
            received: None,
        })
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(FaultKind::WrongType {
            expected: one_of(expected),
            received: None,
        })
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let field = shortened(field, MAX_NAME_CHARS);
        Self::new(FaultKind::UnknownField { field, known })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(FaultKind::MissingField { field })
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(FaultKind::RepeatedField { field })
    }
}
