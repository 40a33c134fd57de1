//! Documents sent by clients.
//!
//! A document is parsed like a line of JSON lines. But a client gets a response, so a value that the
//! corpus reader would ignore or change with a note is an error here.

use super::decode::validate_text;
use super::error::SkipReason;
use super::events::DocumentNote;
use super::json::{self, JsonError};
use super::jsonl::{self, JsonFields};
use super::metadata::Metadata;
use super::normalization::normalize;
use super::{Document, DocumentId, IdError};

/// Maximum number of attributes of an uploaded document.
const MAX_ATTRIBUTES: usize = 256;

/// Maximum size of the metadata of an uploaded document, as JSON.
const MAX_METADATA_BYTES: usize = 64 * 1024;

/// Fields that this service adds to a document. They do not become attributes if a client sends back
/// what it has read.
const COMPUTED_FIELDS: &[&str] = &[
    "passages",
    "passage_count",
    "characters",
    "content_hash",
    "origin",
    "dropped",
];

/// A document sent by a client, its id not validated yet.
#[derive(Debug)]
pub struct SubmittedDocument {
    id: Option<String>,
    text: String,
    metadata: Metadata,
    /// Remarks that are not errors.
    pub notes: Vec<DocumentNote>,
}

/// An invalid document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct InvalidDocument {
    /// Its declared id, if that can be read.
    pub id: Option<String>,
    /// Why it is invalid.
    pub error: ValidationError,
}

/// Why a document sent by a client is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValidationError {
    /// It cannot be parsed.
    #[error(transparent)]
    Unreadable(#[from] SkipReason),
    /// A field has an invalid value.
    #[error("{field}: expected {expected}, received {received}")]
    InvalidValue {
        /// The field.
        field: String,
        /// What was expected.
        expected: &'static str,
        /// The value.
        received: String,
    },
    /// A field occurs twice.
    #[error("{field} occurs twice: {first} and {second}")]
    RepeatedField {
        /// The field.
        field: String,
        /// Its first value.
        first: String,
        /// Its second value.
        second: String,
    },
    /// A field contains a NUL character.
    #[error("{field} contains a NUL character (U+0000)")]
    NulCharacter {
        /// The field.
        field: &'static str,
    },
    /// Neither the document nor the request has an id.
    #[error("a non-empty `id` is required")]
    MissingId,
    /// There are too many attributes.
    #[error("the document has {received} attributes; expected at most {MAX_ATTRIBUTES}")]
    TooManyAttributes {
        /// Their number.
        received: usize,
    },
    /// Fields and attributes are too large.
    #[error(
        "fields and attributes without the text take {received} bytes as JSON; expected at most {MAX_METADATA_BYTES}"
    )]
    MetadataTooLarge {
        /// Their size.
        received: usize,
    },
    /// The id is invalid.
    #[error(transparent)]
    InvalidId(#[from] IdError),
    /// The id differs from the one in the path.
    #[error("the document's id {received} differs from the id in the path, {expected}")]
    IdMismatch {
        /// The id in the path.
        expected: String,
        /// The id in the document.
        received: String,
    },
}

impl SubmittedDocument {
    /// Parses one JSON object with at most `max_text_bytes` of text.
    ///
    /// # Errors
    ///
    /// If it is invalid.
    pub fn parse(json: &[u8], max_text_bytes: usize) -> Result<Self, InvalidDocument> {
        match jsonl::parse_object(json) {
            Ok(fields) => Self::from_fields(fields, max_text_bytes),
            Err(reason) => Err(InvalidDocument {
                id: None,
                error: reason.into(),
            }),
        }
    }

    /// Parses a JSON array of objects. An invalid item does not affect the others.
    ///
    /// # Errors
    ///
    /// If it is not an array of objects.
    pub fn parse_list(
        json: &[u8],
        max_text_bytes: usize,
    ) -> Result<Vec<Result<Self, InvalidDocument>>, JsonError> {
        let items: Vec<JsonFields> = json::read(json)?;
        Ok(items
            .into_iter()
            .map(|fields| Self::from_fields(fields, max_text_bytes))
            .collect())
    }

    fn from_fields(fields: JsonFields, max_text_bytes: usize) -> Result<Self, InvalidDocument> {
        let id = fields.declared_id().map(str::to_owned);
        Self::validated(fields, max_text_bytes).map_err(|error| InvalidDocument { id, error })
    }

    fn validated(fields: JsonFields, max_text_bytes: usize) -> Result<Self, ValidationError> {
        let parsed = fields.into_parsed_document(COMPUTED_FIELDS)?;
        let mut notes = Vec::new();
        for note in parsed.notes {
            notes.push(reject_lossy_note(note)?);
        }
        if parsed.text.contains('\0') {
            return Err(ValidationError::NulCharacter { field: "text" });
        }
        notes.extend(validate_text(&parsed.text, max_text_bytes)?);
        let (text, normalized) = normalize(parsed.text);
        notes.extend(normalized);
        validate_size(&parsed.metadata)?;
        if let Some(field) = field_with_nul(&parsed.metadata) {
            return Err(ValidationError::NulCharacter { field });
        }
        Ok(Self {
            id: parsed.id,
            text,
            metadata: parsed.metadata,
            notes,
        })
    }

    /// Returns the document with its declared id, or with the one in the path.
    ///
    /// # Errors
    ///
    /// If the id is missing or invalid, or the two differ.
    pub fn into_document(self, path_id: Option<&DocumentId>) -> Result<Document, ValidationError> {
        let declared: Option<DocumentId> = self.id.map(|id| id.parse()).transpose()?;
        let id = match (declared, path_id) {
            (None, None) => return Err(ValidationError::MissingId),
            (Some(received), Some(expected)) if received != *expected => {
                return Err(ValidationError::IdMismatch {
                    expected: expected.to_string(),
                    received: received.to_string(),
                });
            }
            (Some(id), _) => id,
            (None, Some(id)) => id.clone(),
        };
        Ok(Document {
            id,
            text: self.text,
            metadata: self.metadata,
            anchors: super::Anchors::None,
        })
    }

    /// Returns the declared id, not validated.
    #[must_use]
    pub fn declared_id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// Turns a note about an ignored value into an error; returns other notes.
fn reject_lossy_note(note: DocumentNote) -> Result<DocumentNote, ValidationError> {
    match note {
        DocumentNote::FieldIgnored {
            field,
            expected,
            received,
        } => Err(ValidationError::InvalidValue {
            field,
            expected,
            received,
        }),
        DocumentNote::Conflict {
            field,
            kept: first,
            ignored: second,
        } => Err(ValidationError::RepeatedField {
            field,
            first,
            second,
        }),
        note => Ok(note),
    }
}

/// Bounds what every hit in a document repeats, and the names that every filter is compared with.
fn validate_size(metadata: &Metadata) -> Result<(), ValidationError> {
    let received = metadata.attributes.len();
    if received > MAX_ATTRIBUTES {
        return Err(ValidationError::TooManyAttributes { received });
    }
    // Strings and JSON values, whose serialization cannot fail.
    let received = serde_json::to_vec(metadata).map_or(0, |json| json.len());
    if received > MAX_METADATA_BYTES {
        return Err(ValidationError::MetadataTooLarge { received });
    }
    Ok(())
}

/// Returns the first field with a NUL character, after which stored text could not be read back.
fn field_with_nul(metadata: &Metadata) -> Option<&'static str> {
    let fields = [
        ("title", &metadata.title),
        ("speaker", &metadata.speaker),
        ("venue", &metadata.venue),
        ("country", &metadata.country),
        ("language", &metadata.language),
        ("source", &metadata.source),
    ];
    fields
        .into_iter()
        .find(|(_, text)| text.as_ref().is_some_and(|text| text.contains('\0')))
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_and_the_size_of_attributes_are_bounded() {
        let with_attributes = |count: usize, value: &str| {
            let attributes: serde_json::Map<String, serde_json::Value> = (0..count)
                .map(|n| (format!("a{n}"), value.into()))
                .collect();
            let json = serde_json::json!({"id": "a", "text": "One.", "attributes": attributes});
            let parsed = SubmittedDocument::parse(json.to_string().as_bytes(), 1 << 20);
            parsed.map(|_| ()).map_err(|invalid| invalid.error)
        };
        assert!(with_attributes(MAX_ATTRIBUTES, "b").is_ok());
        assert!(matches!(
            with_attributes(MAX_ATTRIBUTES + 1, "b"),
            Err(ValidationError::TooManyAttributes { received }) if received == MAX_ATTRIBUTES + 1
        ));
        assert!(matches!(
            with_attributes(1, &"b".repeat(MAX_METADATA_BYTES)),
            Err(ValidationError::MetadataTooLarge { .. })
        ));
    }

    fn document(json: &str) -> Result<Document, ValidationError> {
        let submitted =
            SubmittedDocument::parse(json.as_bytes(), 100).map_err(|invalid| invalid.error)?;
        submitted.into_document(None)
    }

    #[test]
    fn a_document_is_parsed_like_a_json_line() {
        let json = r#"{"id": 7, "text": "Peace.", "date": 2015, "session": 70,
            "attributes": {"committee": "First"}, "speaker": null}"#;
        let document = document(json).unwrap();
        assert_eq!(document.id.as_str(), "7");
        assert_eq!(document.metadata.date.unwrap().to_string(), "2015");
        assert_eq!(document.metadata.attributes.len(), 2);
        assert_eq!(document.metadata.speaker, None);
    }

    #[test]
    fn computed_fields_do_not_become_attributes() {
        let json = r#"{"id": "a", "text": "Peace.", "content_hash": "00", "passages": [],
            "attributes": {"origin": "an archive"}}"#;
        let submitted = SubmittedDocument::parse(json.as_bytes(), 100).unwrap();
        assert_eq!(submitted.notes.len(), 1);
        let document = submitted.into_document(None).unwrap();
        let names: Vec<&String> = document.metadata.attributes.keys().collect();
        assert_eq!(names, ["origin"], "an explicit attribute is kept");
    }

    #[test]
    fn invalid_documents_are_rejected_not_repaired() {
        for (json, expected) in [
            (
                r#"{"id": "a", "text": "Peace.", "date": "2015-13"}"#,
                "date",
            ),
            (r#"{"id": "a", "text": "Peace.", "title": 5}"#, "title"),
            (r#"{"id": "a", "text": "Peace.", "id": "b"}"#, "twice"),
            (r#"{"id": "a b", "text": "Peace."}"#, "white space"),
            (r#"{"text": "Peace."}"#, "`id` is required"),
            (r#"{"id": "a", "text": "Pe\u0000ace."}"#, "NUL"),
            (r#"{"id": "a", "text": "Peace.", "venue": "\u0000"}"#, "NUL"),
            (r#"{"id": "a", "text": "\ud800"}"#, "surrogate"),
            (r#"{"id": "a", "text": " "}"#, "no text"),
            (r#"{"id": "a"}"#, "`text` field"),
            (r#"["a"]"#, "received an array"),
            (r#"{"id": "a", "text": "Peace."} x"#, "after its end"),
        ] {
            let error = document(json).unwrap_err().to_string();
            assert!(error.contains(expected), "{json}: {error}");
        }
        let long = format!(r#"{{"id": "a", "text": "{}"}}"#, "a".repeat(101));
        assert!(
            document(&long)
                .unwrap_err()
                .to_string()
                .contains("at most 100")
        );
    }

    #[test]
    fn the_id_must_match_the_path() {
        let path_id: DocumentId = "a".parse().unwrap();
        let read = |json: &str| SubmittedDocument::parse(json.as_bytes(), 100).unwrap();
        let document = read(r#"{"text": "Peace."}"#)
            .into_document(Some(&path_id))
            .unwrap();
        assert_eq!(document.id, path_id);
        let other = read(r#"{"id": "b", "text": "Peace."}"#).into_document(Some(&path_id));
        assert!(matches!(other, Err(ValidationError::IdMismatch { .. })));
    }

    #[test]
    fn each_list_item_reports_its_own_error() {
        let array = br#"[{"id": "a", "text": "Peace."}, {"id": "b"}]"#;
        let items = SubmittedDocument::parse_list(array, 100).unwrap();
        assert!(items[0].is_ok());
        assert_eq!(items[1].as_ref().unwrap_err().id.as_deref(), Some("b"));
        assert!(SubmittedDocument::parse_list(b"[5]", 100).is_err());
        assert!(
            SubmittedDocument::parse_list(b"[]", 100)
                .unwrap()
                .is_empty()
        );
    }
}
