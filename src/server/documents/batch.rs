//! Writes batches of submitted documents and reports a result for each.

use crate::archive::Archive;
use crate::corpus::{
    Document, DocumentId, DocumentNote, InvalidDocument, SkipReason, SubmittedDocument,
    ValidationError,
};
use crate::engine::{ChangeKind, Precondition, PutOutcome, PutRequest};
use crate::server::problem::{Problem, failed, truncate_chars};
use crate::server::wire::{DocumentError, DocumentResult, DocumentStatus};

/// Text in one batch: small enough that other writers wait for a second or two only.
pub(super) const BATCH_BYTES: usize = 32 * 1024;

/// Documents in one batch.
pub(super) const BATCH_DOCUMENTS: usize = 256;

/// Maximum length of a client's input in an error, which is that of an id.
const MAX_ECHOED_CHARS: usize = 200;

/// Maximum length of an error's detail.
const MAX_ERROR_CHARS: usize = 1000;

/// Origin of uploaded documents, in place of a file name.
const HTTP_ORIGIN: &str = "http";

/// A document of a list or stream, or the reason why it is invalid.
pub(in crate::server) struct BatchItem {
    line: usize,
    id: Option<String>,
    parsed: Result<(Document, Vec<DocumentNote>), Problem>,
}

impl BatchItem {
    /// Creates the item of a line of a stream, or of a position in a list, from 1.
    pub(in crate::server) fn new(
        line: usize,
        submitted: Result<SubmittedDocument, InvalidDocument>,
    ) -> Self {
        match submitted {
            Ok(submitted) => Self {
                line,
                id: submitted
                    .declared_id()
                    .map(|id| truncate_chars(id.to_owned(), MAX_ECHOED_CHARS)),
                parsed: parse_document(submitted, None),
            },
            Err(InvalidDocument { id, error }) => Self {
                line,
                id: id.map(|id| truncate_chars(id, MAX_ECHOED_CHARS)),
                parsed: Err(error.into()),
            },
        }
    }

    /// Creates the item of a line that was not parsed.
    pub(super) fn rejected(line: usize, problem: Problem) -> Self {
        Self {
            line,
            id: None,
            parsed: Err(problem),
        }
    }
}

/// Splits a list into batches, between which other writers get their turn.
pub(in crate::server) fn split_into_batches(items: Vec<BatchItem>) -> Vec<Vec<BatchItem>> {
    let mut batches: Vec<Vec<BatchItem>> = Vec::new();
    let mut bytes = 0;
    for item in items {
        let length = item
            .parsed
            .as_ref()
            .map_or(0, |(document, _)| document.text.len());
        match batches.last_mut() {
            Some(batch) if bytes < BATCH_BYTES && batch.len() < BATCH_DOCUMENTS => batch.push(item),
            _ => {
                batches.push(vec![item]);
                bytes = 0;
            }
        }
        bytes += length;
    }
    batches
}

/// Writes the valid documents; returns a result for each item, in order. The first batch of a request waits
/// for admission; the others have it.
pub(in crate::server) async fn write_batch(
    archive: &Archive,
    items: Vec<BatchItem>,
    is_first: bool,
) -> Result<Vec<DocumentResult>, Problem> {
    let mut valid = Vec::new();
    let mut checked = Vec::new();
    for BatchItem { line, id, parsed } in items {
        checked.push(match parsed {
            Ok((document, notes)) => {
                let id = document.id.to_string();
                valid.push(put_request(document, Precondition::default()));
                (line, Some(id), Ok(notes))
            }
            Err(problem) => (line, id, Err(problem)),
        });
    }
    let outcomes = if is_first {
        archive.put(valid).await?
    } else {
        archive.put_next(valid).await?
    };
    let mut outcomes = outcomes.into_iter();
    let to_result =
        |(line, id, notes): (usize, Option<String>, Result<Vec<DocumentNote>, Problem>)| {
            let stored = notes.and_then(|notes| Ok((stored_document(outcomes.next())?, notes)));
            let mut result = match stored {
                Ok((stored, notes)) => stored.into_result(&notes),
                Err(problem) => error_result(&problem),
            };
            result.line = Some(line);
            result.id = id;
            result
        };
    Ok(checked.into_iter().map(to_result).collect())
}

/// Writes one document under the id of the path, or its own.
pub(in crate::server) async fn write_one(
    archive: &Archive,
    submitted: SubmittedDocument,
    path_id: Option<&DocumentId>,
    precondition: Precondition,
) -> Result<DocumentResult, Problem> {
    let (document, notes) = parse_document(submitted, path_id)?;
    let id = document.id.to_string();
    let outcomes = archive.put(vec![put_request(document, precondition)]);
    let outcome = outcomes.await?.pop();
    let mut result = stored_document(outcome)?.into_result(&notes);
    result.id = Some(id);
    Ok(result)
}

fn parse_document(
    mut submitted: SubmittedDocument,
    path_id: Option<&DocumentId>,
) -> Result<(Document, Vec<DocumentNote>), Problem> {
    let notes = std::mem::take(&mut submitted.notes);
    Ok((submitted.into_document(path_id)?, notes))
}

fn put_request(document: Document, precondition: Precondition) -> PutRequest {
    PutRequest {
        document,
        origin: HTTP_ORIGIN.to_owned(),
        precondition,
    }
}

/// A document that was stored, or was unchanged.
struct StoredDocument {
    change: ChangeKind,
    passages: usize,
    content_hash: String,
}

impl StoredDocument {
    fn into_result(self, notes: &[DocumentNote]) -> DocumentResult {
        DocumentResult {
            line: None,
            id: None,
            status: self.change.into(),
            passages: self.passages,
            content_hash: Some(self.content_hash),
            notes: notes.iter().map(DocumentNote::to_string).collect(),
            error: None,
        }
    }
}

fn error_result(problem: &Problem) -> DocumentResult {
    DocumentResult {
        line: None,
        id: None,
        status: DocumentStatus::Error,
        passages: 0,
        content_hash: None,
        notes: Vec::new(),
        error: Some(DocumentError::from(problem)),
    }
}

fn stored_document(outcome: Option<PutOutcome>) -> Result<StoredDocument, Problem> {
    match outcome {
        Some(PutOutcome::Stored(stored)) => Ok(StoredDocument {
            change: stored.change,
            passages: stored.passages,
            content_hash: stored.content_hash.to_string(),
        }),
        Some(PutOutcome::PreconditionFailed(stored)) => {
            Err(Problem::precondition_failed(match stored {
                Some(hash) => format!("precondition failed: the stored version is {hash}"),
                None => "precondition failed: the document does not exist".to_owned(),
            }))
        }
        Some(PutOutcome::NoPassages { .. }) => Err(Problem::empty_text(
            "the text has no passages after navigation and page furniture are removed",
        )
        .at("text")),
        Some(PutOutcome::EncodeFailed(error)) => Err(failed(&*error)),
        None => Err(Problem::internal(
            "internal error: no result for the document",
        )),
    }
}

impl From<ValidationError> for Problem {
    fn from(error: ValidationError) -> Self {
        let detail = truncate_chars(error.to_string(), MAX_ERROR_CHARS);
        let name = |field| truncate_chars(field, MAX_ECHOED_CHARS);
        match error {
            ValidationError::Unreadable(reason) => problem_from_skip(&reason, detail),
            ValidationError::RepeatedField { field, .. } => {
                Self::repeated_field(detail).at(name(field))
            }
            ValidationError::InvalidValue { field, .. } if field == "date" => {
                Self::invalid_date(detail).at(field)
            }
            ValidationError::InvalidValue { field, .. } => Self::wrong_type(detail).at(name(field)),
            ValidationError::TooManyAttributes { .. }
            | ValidationError::MetadataTooLarge { .. } => {
                Self::metadata_too_large(detail).at("attributes")
            }
            ValidationError::NulCharacter { field } => Self::binary_content(detail).at(field),
            ValidationError::MissingId => Self::missing_field(detail).at("id"),
            ValidationError::InvalidId(_) => Self::invalid_id(detail).at("id"),
            ValidationError::IdMismatch { .. } => Self::id_mismatch(detail).at("id"),
        }
    }
}

fn problem_from_skip(reason: &SkipReason, detail: String) -> Problem {
    match reason {
        SkipReason::Empty => Problem::empty_text(detail).at("text"),
        SkipReason::TooLarge { .. } => Problem::body_too_large(detail).at("text"),
        SkipReason::Binary { .. } => Problem::binary_content(detail).at("text"),
        SkipReason::MissingText { .. } => Problem::missing_field(detail).at("text"),
        SkipReason::WrongFieldType { field, .. } => Problem::wrong_type(detail).at(*field),
        SkipReason::NotAnObject { .. } => Problem::wrong_type(detail),
        _ => Problem::invalid_json(detail),
    }
}
