//! The identity of an encoder.

use serde::{Deserialize, Serialize};

use super::Precision;
use super::model::ModelFiles;
use crate::canonical::{Canonical, CanonicalBytes, Identity};

/// Everything that determines the embedding of a text.
///
/// It is stored with the embeddings: embeddings of different fingerprints must not be compared, so
/// a store can be opened only with the encoder that it was created with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The model's name, e.g. `sentence-transformers/all-MiniLM-L6-v2`.
    pub model: String,
    /// The revision of the model: a commit, or a hash of its weights.
    pub revision: String,
    /// SHA-256 of the weights, in hexadecimal.
    pub weights_sha256: String,
    /// SHA-256 of the tokenizer file, in hexadecimal.
    pub tokenizer_sha256: String,
    /// The arithmetic: `f32` or `int8`.
    pub precision: String,
    /// Version of the arithmetic: changes when the embeddings of the same model in the same precision
    /// change by more than rounding, for example by another calibration of int8. Absent in the first
    /// stores.
    #[serde(default = "first_arithmetic")]
    pub arithmetic: u32,
    /// How token vectors are pooled: `mean`.
    pub pooling: String,
    /// Maximum input length in tokens, including special tokens.
    pub max_tokens: usize,
    /// Number of components of an embedding.
    pub dimension: usize,
}

/// The version of the arithmetic before versions were stored.
fn first_arithmetic() -> u32 {
    1
}

impl Fingerprint {
    /// Returns a fingerprint for stores with made-up embeddings.
    #[cfg(test)]
    pub(crate) fn for_tests(dimension: usize) -> Self {
        Self {
            model: "none".to_owned(),
            revision: String::new(),
            weights_sha256: String::new(),
            tokenizer_sha256: String::new(),
            precision: String::new(),
            arithmetic: 1,
            pooling: String::new(),
            max_tokens: 256,
            dimension,
        }
    }

    /// Creates the fingerprint of a model in a precision.
    #[must_use]
    pub fn new(files: &ModelFiles, precision: Precision) -> Self {
        let identity = &files.identity;
        Self {
            model: identity.name.clone(),
            revision: identity.revision.clone(),
            weights_sha256: identity.weights_sha256.clone(),
            tokenizer_sha256: identity.tokenizer_sha256.clone(),
            precision: precision.name().to_owned(),
            arithmetic: precision.arithmetic_version(),
            pooling: files.pooling.name().to_owned(),
            max_tokens: files.max_seq_length,
            dimension: files.dimension,
        }
    }

    /// Returns the fields in which two fingerprints differ, as `(field, value, other value)`.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<(&'static str, String, String)> {
        let pairs = [
            ("model", self.model.clone(), other.model.clone()),
            ("revision", self.revision.clone(), other.revision.clone()),
            (
                "weights_sha256",
                self.weights_sha256.clone(),
                other.weights_sha256.clone(),
            ),
            (
                "tokenizer_sha256",
                self.tokenizer_sha256.clone(),
                other.tokenizer_sha256.clone(),
            ),
            ("precision", self.precision.clone(), other.precision.clone()),
            (
                "arithmetic",
                self.arithmetic.to_string(),
                other.arithmetic.to_string(),
            ),
            ("pooling", self.pooling.clone(), other.pooling.clone()),
            (
                "max_tokens",
                self.max_tokens.to_string(),
                other.max_tokens.to_string(),
            ),
            (
                "dimension",
                self.dimension.to_string(),
                other.dimension.to_string(),
            ),
        ];
        pairs
            .into_iter()
            .filter(|(_, value, other)| value != other)
            .collect()
    }
}

impl Canonical for Fingerprint {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        let Self {
            model,
            revision,
            weights_sha256,
            tokenizer_sha256,
            precision,
            arithmetic,
            pooling,
            max_tokens,
            dimension,
        } = self;
        bytes
            .put(model)
            .put(revision)
            .put(weights_sha256)
            .put(tokenizer_sha256)
            .put(precision)
            .put(arithmetic)
            .put(pooling)
            .put(max_tokens)
            .put(dimension);
    }
}

impl Identity for Fingerprint {
    const DOMAIN: &'static str = "encoder";
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::canonical::tests::assert_each_counts;

    fn example() -> Fingerprint {
        Fingerprint {
            model: "m".to_owned(),
            revision: "r".to_owned(),
            weights_sha256: "w".to_owned(),
            tokenizer_sha256: "t".to_owned(),
            precision: "int8".to_owned(),
            arithmetic: 2,
            pooling: "mean".to_owned(),
            max_tokens: 256,
            dimension: 384,
        }
    }

    #[test]
    fn canonical_bytes_are_pinned() {
        let expected = b"\x07\0\0\0\0\0\0\0encoder\x01\0\0\0\0\0\0\0\
            \x01\0\0\0\0\0\0\0m\x01\0\0\0\0\0\0\0r\x01\0\0\0\0\0\0\0w\x01\0\0\0\0\0\0\0t\
            \x04\0\0\0\0\0\0\0int8\x02\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0mean\
            \0\x01\0\0\0\0\0\0\x80\x01\0\0\0\0\0\0";
        assert_eq!(example().canonical_bytes(), expected);
    }

    #[test]
    fn every_field_changes_the_bytes() {
        let changes: [fn(&mut Fingerprint); 9] = [
            |f| f.model.push('2'),
            |f| f.revision.push('2'),
            |f| f.weights_sha256.push('2'),
            |f| f.tokenizer_sha256.push('2'),
            |f| f.precision = "f32".to_owned(),
            |f| f.arithmetic += 1,
            |f| f.pooling = "cls".to_owned(),
            |f| f.max_tokens += 1,
            |f| f.dimension += 1,
        ];
        assert_each_counts(&example(), &changes, Identity::canonical_bytes);
    }

    #[test]
    fn json_field_names_are_pinned() {
        let stored = json!({
            "model": "m", "revision": "r", "weights_sha256": "w", "tokenizer_sha256": "t",
            "precision": "int8", "arithmetic": 2, "pooling": "mean", "max_tokens": 256,
            "dimension": 384,
        });
        assert_eq!(serde_json::to_value(example()).unwrap(), stored);
    }
}
