//! A document that a client sends.
//!
//! It has the form of a line of JSON lines and is read by the same reader. But a client can be told
//! at once what is wrong: what a corpus reader leaves out or changes with a note is a fault here.

use super::decode::inspect;
use super::json::{self, JsonError};
use super::jsonl::{self, Fields};
use super::metadata::Metadata;
use super::reading::Note;
use super::reason::SkipReason;
use super::{Document, DocumentId, IdError};

/// What this service says of a document beside what it was given: a client that sends back what it
/// has read does not make attributes of it.
const COMPUTED: &[&str] = &[
    "passages",
    "passage_count",
    "characters",
    "content_hash",
    "origin",
    "dropped",
];

/// A document as a client sends it, its id not checked yet.
#[derive(Debug)]
pub struct Sent {
    id: Option<String>,
    text: String,
    metadata: Metadata,
    /// What was noticed about it that is no fault.
    pub notes: Vec<Note>,
}

/// Something that was sent and is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct Unfit {
    /// The id that it gives itself, if that can be read.
    pub id: Option<String>,
    /// What is wrong with it.
    pub fault: SentFault,
}

/// Why what was sent is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SentFault {
    /// It cannot be read at all.
    #[error(transparent)]
    Unreadable(#[from] SkipReason),
    /// The value of a field cannot be used.
    #[error("{field}: expected {expected}, received {received}")]
    Value {
        /// The field.
        field: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        received: String,
    },
    /// A field is given twice.
    #[error("{field} is given twice: {first} and {second}")]
    Repeated {
        /// The field.
        field: String,
        /// Its first value.
        first: String,
        /// Its second.
        second: String,
    },
    /// A NUL stands in it, which no text has.
    #[error("{field} has a NUL character (U+0000)")]
    Nul {
        /// The field.
        field: &'static str,
    },
    /// It has no id, and none is given for it.
    #[error("expected a field id, received none")]
    NoId,
    /// The id is none.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The id is not the one that the document is sent to.
    #[error("the document says that its id is {received}, but is sent to {expected}")]
    OtherId {
        /// The id that it is sent to.
        expected: String,
        /// The id in the document.
        received: String,
    },
}

impl Sent {
    /// Reads one JSON object of at most so many bytes of text.
    ///
    /// # Errors
    ///
    /// Names what is wrong with it.
    pub fn read(json: &[u8], max_text_bytes: usize) -> Result<Self, Unfit> {
        match jsonl::fields(json) {
            Ok(fields) => Self::checked(fields, max_text_bytes),
            Err(reason) => Err(Unfit {
                id: None,
                fault: reason.into(),
            }),
        }
    }

    /// Reads a JSON list of objects. A fault of an item is that item's own.
    ///
    /// # Errors
    ///
    /// If it is not such a list.
    pub fn read_list(
        json: &[u8],
        max_text_bytes: usize,
    ) -> Result<Vec<Result<Self, Unfit>>, JsonError> {
        let items: Vec<Fields> = json::read(json)?;
        Ok(items
            .into_iter()
            .map(|fields| Self::checked(fields, max_text_bytes))
            .collect())
    }

    fn checked(fields: Fields, max_text_bytes: usize) -> Result<Self, Unfit> {
        let id = fields.id().map(str::to_owned);
        Self::sound(fields, max_text_bytes).map_err(|fault| Unfit { id, fault })
    }

    fn sound(fields: Fields, max_text_bytes: usize) -> Result<Self, SentFault> {
        let draft = fields.draft(COMPUTED)?;
        let mut notes = Vec::new();
        for note in draft.notes {
            notes.push(tolerated(note)?);
        }
        if draft.text.contains('\0') {
            return Err(SentFault::Nul { field: "text" });
        }
        notes.extend(inspect(&draft.text, max_text_bytes)?);
        if let Some(field) = nul_in(&draft.metadata) {
            return Err(SentFault::Nul { field });
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
    pub fn document(self, sent_to: Option<&DocumentId>) -> Result<Document, SentFault> {
        let own: Option<DocumentId> = self.id.map(|id| id.parse()).transpose()?;
        let id = match (own, sent_to) {
            (None, None) => return Err(SentFault::NoId),
            (Some(received), Some(expected)) if received != *expected => {
                return Err(SentFault::OtherId {
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
    pub fn given_id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// A note, unless a corpus reader had to leave something out.
fn tolerated(note: Note) -> Result<Note, SentFault> {
    match note {
        Note::FieldLeftOut {
            field,
            expected,
            received,
        } => Err(SentFault::Value {
            field,
            expected,
            received,
        }),
        Note::Conflict {
            field,
            kept: first,
            left_out: second,
        } => Err(SentFault::Repeated {
            field,
            first,
            second,
        }),
        note => Ok(note),
    }
}

/// The field that has a NUL: what is stored as text must come back as it was.
fn nul_in(metadata: &Metadata) -> Option<&'static str> {
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

    fn document(json: &str) -> Result<Document, SentFault> {
        let sent = Sent::read(json.as_bytes(), 100).map_err(|unfit| unfit.fault)?;
        sent.document(None)
    }

    #[test]
    fn a_document_is_read_as_a_line_of_a_corpus_is() {
        let json = r#"{"id": 7, "text": "Peace.", "date": 2015, "session": 70,
            "attributes": {"committee": "First"}, "speaker": null}"#;
        let document = document(json).unwrap();
        assert_eq!(document.id.as_str(), "7");
        assert_eq!(document.metadata.date.unwrap().to_string(), "2015");
        assert_eq!(document.metadata.attributes.len(), 2);
        assert_eq!(document.metadata.speaker, None);
    }

    #[test]
    fn what_the_service_says_of_a_document_is_no_attribute() {
        let json = r#"{"id": "a", "text": "Peace.", "content_hash": "00", "passages": [],
            "attributes": {"origin": "an archive"}}"#;
        let sent = Sent::read(json.as_bytes(), 100).unwrap();
        assert_eq!(sent.notes.len(), 1);
        let document = sent.document(None).unwrap();
        let names: Vec<&String> = document.metadata.attributes.keys().collect();
        assert_eq!(names, ["origin"], "one that was given is kept");
    }

    #[test]
    fn faults_are_not_mended() {
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
    fn the_id_must_be_that_of_the_place() {
        let place: DocumentId = "a".parse().unwrap();
        let read = |json: &str| Sent::read(json.as_bytes(), 100).unwrap();
        let document = read(r#"{"text": "Peace."}"#)
            .document(Some(&place))
            .unwrap();
        assert_eq!(document.id, place);
        let other = read(r#"{"id": "b", "text": "Peace."}"#).document(Some(&place));
        assert!(matches!(other, Err(SentFault::OtherId { .. })));
    }

    #[test]
    fn an_item_of_a_list_has_its_own_fault() {
        let list = br#"[{"id": "a", "text": "Peace."}, {"id": "b"}]"#;
        let items = Sent::read_list(list, 100).unwrap();
        assert!(items[0].is_ok());
        assert_eq!(items[1].as_ref().unwrap_err().id.as_deref(), Some("b"));
        assert!(Sent::read_list(b"[5]", 100).is_err());
        assert!(Sent::read_list(b"[]", 100).unwrap().is_empty());
    }
}
