//! A document that a client sends.
//!
//! It has the form of a line of JSON lines and is read by the same reader. But a client can be told
//! at once what is wrong: what a corpus reader leaves out or changes with a note is a fault here.

use super::decode::validate_text;
use super::error::SkipReason;
use super::events::DocumentNote;
use super::json::{self, JsonError};
use super::jsonl::{self, JsonFields};
use super::metadata::Metadata;
use super::{Document, DocumentId, IdError};

/// What this service says of a document beside what it was given: a client that sends back what it
/// has read does not make attributes of it.
const COMPUTED_FIELDS: &[&str] = &[
    "passages",
    "passage_count",
    "characters",
    "content_hash",
    "origin",
    "dropped",
];

/// A document as a client sends it, its id not checked yet.
#[derive(Debug)]
pub struct SubmittedDocument {
    id: Option<String>,
    text: String,
    metadata: Metadata,
    /// What was noticed about it that is no fault.
    pub notes: Vec<DocumentNote>,
}

/// Something that was sent and is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct InvalidDocument {
    /// The id that it gives itself, if that can be read.
    pub id: Option<String>,
    /// What is wrong with it.
    pub error: ValidationError,
}

/// Why what was sent is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValidationError {
    /// It cannot be read at all.
    #[error(transparent)]
    Unreadable(#[from] SkipReason),
    /// The value of a field cannot be used.
    #[error("{field}: expected {expected}, received {received}")]
    InvalidValue {
        /// The field.
        field: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        received: String,
    },
    /// A field is given twice.
    #[error("{field} is given twice: {first} and {second}")]
    RepeatedField {
        /// The field.
        field: String,
        /// Its first value.
        first: String,
        /// Its second.
        second: String,
    },
    /// A NUL stands in it, which no text has.
    #[error("{field} has a NUL character (U+0000)")]
    NulCharacter {
        /// The field.
        field: &'static str,
    },
    /// It has no id, and none is given for it.
    #[error("expected a field id, received none")]
    MissingId,
    /// The id is none.
    #[error(transparent)]
    InvalidId(#[from] IdError),
    /// The id is not the one that the document is sent to.
    #[error("the document says that its id is {received}, but is sent to {expected}")]
    IdMismatch {
        /// The id that it is sent to.
        expected: String,
        /// The id in the document.
        received: String,
    },
}

impl SubmittedDocument {
    /// Reads one JSON object of at most so many bytes of text.
    ///
    /// # Errors
    ///
    /// Names what is wrong with it.
    pub fn parse(json: &[u8], max_text_bytes: usize) -> Result<Self, InvalidDocument> {
        match jsonl::parse_object(json) {
            Ok(fields) => Self::from_fields(fields, max_text_bytes),
            Err(reason) => Err(InvalidDocument {
                id: None,
                error: reason.into(),
            }),
        }
    }

    /// Reads a JSON list of objects. A fault of an item is that item's own.
    ///
    /// # Errors
    ///
    /// If it is not such a list.
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
        Self::validated(fields, max_text_bytes)
            .map_err(|fault| InvalidDocument { id, error: fault })
    }

    fn validated(fields: JsonFields, max_text_bytes: usize) -> Result<Self, ValidationError> {
        let draft = fields.into_parsed_document(COMPUTED_FIELDS)?;
        let mut notes = Vec::new();
        for note in draft.notes {
            notes.push(reject_lossy_note(note)?);
        }
        if draft.text.contains('\0') {
            return Err(ValidationError::NulCharacter { field: "text" });
        }
        notes.extend(validate_text(&draft.text, max_text_bytes)?);
        if let Some(field) = field_with_nul(&draft.metadata) {
            return Err(ValidationError::NulCharacter { field });
        }
        Ok(Self {
            id: draft.id,
            text: draft.text,
            metadata: draft.metadata,
            notes,
        })
    }

    /// The document, under the id that it gives itself or the one it is sent to.
    ///
    /// # Errors
    ///
    /// If there is no id, it is none, or the two differ.
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
        })
    }

    /// The id that it gives itself, as it was given.
    #[must_use]
    pub fn declared_id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// A note, unless a corpus reader had to leave something out.
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
            left_out: second,
        } => Err(ValidationError::RepeatedField {
            field,
            first,
            second,
        }),
        note => Ok(note),
    }
}

/// The field that has a NUL: what is stored as text must come back as it was.
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

    fn document(json: &str) -> Result<Document, ValidationError> {
        let sent = SubmittedDocument::parse(json.as_bytes(), 100).map_err(|unfit| unfit.error)?;
        sent.into_document(None)
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
        let sent = SubmittedDocument::parse(json.as_bytes(), 100).unwrap();
        assert_eq!(sent.notes.len(), 1);
        let document = sent.into_document(None).unwrap();
        let names: Vec<&String> = document.metadata.attributes.keys().collect();
        assert_eq!(names, ["origin"], "one that was given is kept");
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
            (r#"{"text": "Peace."}"#, "field id"),
            (r#"{"id": "a", "text": "Pe\u0000ace."}"#, "NUL"),
            (r#"{"id": "a", "text": "Peace.", "venue": "\u0000"}"#, "NUL"),
            (r#"{"id": "a", "text": "\ud800"}"#, "surrogate"),
            (r#"{"id": "a", "text": " "}"#, "no text"),
            (r#"{"id": "a"}"#, "field text"),
            (r#"["a"]"#, "received an array"),
            (r#"{"id": "a", "text": "Peace."} x"#, "after its end"),
        ] {
            let fault = document(json).unwrap_err().to_string();
            assert!(fault.contains(expected), "{json}: {fault}");
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
        let place: DocumentId = "a".parse().unwrap();
        let read = |json: &str| SubmittedDocument::parse(json.as_bytes(), 100).unwrap();
        let document = read(r#"{"text": "Peace."}"#)
            .into_document(Some(&place))
            .unwrap();
        assert_eq!(document.id, place);
        let other = read(r#"{"id": "b", "text": "Peace."}"#).into_document(Some(&place));
        assert!(matches!(other, Err(ValidationError::IdMismatch { .. })));
    }

    #[test]
    fn each_list_item_reports_its_own_error() {
        let list = br#"[{"id": "a", "text": "Peace."}, {"id": "b"}]"#;
        let items = SubmittedDocument::parse_list(list, 100).unwrap();
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
