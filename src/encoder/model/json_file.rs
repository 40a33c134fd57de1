//! A configuration file, whose faults are reported with its path.

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::ModelError;

/// A JSON file with its path, for messages.
#[derive(Debug)]
pub(super) struct JsonFile {
    pub(super) path: PathBuf,
    pub(super) value: Value,
}

impl JsonFile {
    pub(super) fn new(path: PathBuf, contents: &[u8]) -> Result<Self, ModelError> {
        match serde_json::from_slice(contents) {
            Ok(value) => Ok(Self { path, value }),
            Err(error) => Err(ModelError::Malformed {
                path,
                expected: "JSON".to_owned(),
                received: error.to_string(),
            }),
        }
    }

    pub(super) fn parse<T: DeserializeOwned>(&self, expected: &str) -> Result<T, ModelError> {
        T::deserialize(&self.value).map_err(|error| self.malformed(expected, error.to_string()))
    }

    pub(super) fn malformed(&self, expected: &str, received: String) -> ModelError {
        ModelError::Malformed {
            path: self.path.clone(),
            expected: expected.to_owned(),
            received,
        }
    }

    pub(super) fn unsupported(
        &self,
        what: &str,
        expected: &str,
        received: String,
        remedy: &str,
    ) -> ModelError {
        ModelError::Unsupported {
            path: self.path.clone(),
            what: what.to_owned(),
            expected: expected.to_owned(),
            received,
            remedy: remedy.to_owned(),
        }
    }

    pub(super) fn is_true(&self, field: &str) -> bool {
        self.value.get(field) == Some(&Value::Bool(true))
    }
}

/// Formats a JSON value, or its absence, for a message.
pub(super) fn describe_value(value: Option<&Value>) -> String {
    value.map_or_else(|| "no value".to_owned(), Value::to_string)
}
